"""Attention and recurrence, timed and counted: the computing half of the course.

Nothing here knows that it is taught. Shapes: (B, H, T, D) for attention, (B, T, D) for sequences. A kernel takes a
`method`: the loop or plain form that defines it, the fast forms beside it, and "auto".

    attention, attention_weights, attention_backend, decode_attention, linear_attention
    linear_recurrence, min_gru, newton_recurrence, elman, gru, lstm
    time_call, compare, sweep, stopwatch, unsynchronised, peak_memory        times and memory that can be trusted
    device, describe, measure                                                which device this is, what it can do
    cost, Accounting, Graph, span_of                                         work, span and traffic, counted

    python -m helpers.bench --out FILE     proves every kernel on this device, times it beside its peers, records it
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
