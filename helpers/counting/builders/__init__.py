"""What the graph counts: recurrences, attention and scans, built from the real computation.

helpers.counting.cost has the same names in closed form, and helpers itself those that run fast. Each builder returns
(graph, result): a Graph, and a Traced array that holds the numbers and who made them. weights and inputs are NumPy
arrays, or drawn from the seed; graph.weights and graph.inputs have them.

    >>> graph, states = elman(T=6, d=4)
    >>> graph.span(), graph.work, states.shape
    (36, 192, (6, 4))

Every builder raises TypeError for a size that is no whole number, ValueError for one below 1, sizes that do not agree,
weights of another shape, and a graph of more than LIMIT nodes, all before the work.
"""

from .attending import attention, decode_attention, linear_attention, transformer
from .recurrences import elman, gru, jordan, lstm
from .scans import add_up, advance, combine, linear_recurrence, min_gru, newton

__all__ = [
    "add_up",
    "advance",
    "attention",
    "combine",
    "decode_attention",
    "elman",
    "gru",
    "jordan",
    "linear_attention",
    "linear_recurrence",
    "lstm",
    "min_gru",
    "newton",
    "transformer",
]
