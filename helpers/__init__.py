"""Attention and recurrence, timed and counted: the computing half of the course.

Nothing here knows that it is taught. Shapes: (B, H, T, D) for attention, (B, T, D) for sequences.
"""

from . import cost
from .attention import attention, attention_backend, attention_weights
from .decode import decode_attention
from .device import describe, device, measure
from .graph import Accounting, Graph, span_of
from .linear_attention import linear_attention
from .min_gru import min_gru
from .newton import newton_recurrence
from .recurrence import elman, gru, lstm
from .scan import linear_recurrence
from .timing import compare, peak_memory, stopwatch, sweep, time_call, unsynchronised

# Other distributions import as `helpers` too: the course looks for this mark before it believes the name.
COURSE = "rnn-to-attention"
