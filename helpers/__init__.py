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

from . import openmp  # noqa: F401  # first, because it has to come before torch
from .counting import builders, cost
from .counting.cost import Accounting
from .counting.graph import Graph
from .counting.rounds import span_of
from .measuring.abilities import measure
from .measuring.device import describe, device
from .measuring.memory import peak_memory
from .measuring.timing import compare, stopwatch, sweep, time_call, unsynchronised
from .ops.attention import attention, attention_backend, attention_weights
from .ops.decoding import decode_attention
from .ops.linear_attention import linear_attention
from .ops.min_gru import min_gru
from .ops.newton import newton_recurrence
from .ops.recurrence import elman, gru, lstm
from .ops.scan import linear_recurrence

# Other distributions import as `helpers` too: the course looks for this mark before it believes the name.
COURSE = "rnn-to-attention"

__all__ = [
    "Accounting",
    "Graph",
    "attention",
    "attention_backend",
    "attention_weights",
    "builders",
    "compare",
    "cost",
    "decode_attention",
    "describe",
    "device",
    "elman",
    "gru",
    "linear_attention",
    "linear_recurrence",
    "lstm",
    "measure",
    "min_gru",
    "newton_recurrence",
    "peak_memory",
    "span_of",
    "stopwatch",
    "sweep",
    "time_call",
    "unsynchronised",
]
