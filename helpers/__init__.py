"""Attention and recurrence, timed and counted: the computing half of the course.

Nothing here knows that it is taught. Shapes: (B, H, T, D) for attention, (B, T, D) for sequences.
"""

from . import cost
from .attention import attention, attention_weights
from .device import describe, device, measure
from .graph import Accounting, Graph, span_of
from .recurrence import elman, gru, lstm
from .timing import compare, peak_memory, stopwatch, sweep, time_call, unsynchronised

# Other distributions import as `helpers` too: the course looks for this mark before it believes the name.
COURSE = "rnn-to-attention"

__all__ = [
    "Accounting",
    "Graph",
    "attention",
    "attention_weights",
    "compare",
    "cost",
    "describe",
    "device",
    "elman",
    "gru",
    "lstm",
    "measure",
    "peak_memory",
    "span_of",
    "stopwatch",
    "sweep",
    "time_call",
    "unsynchronised",
]
