"""What the graph counts: recurrences, attention and scans, built from the real computation.

helpers.counting.cost has the same names in closed form, and helpers itself those that run fast. Each builder returns
(graph, result): a Graph, and a Traced array that holds the numbers and who made them. weights and inputs are NumPy
arrays, or drawn from the seed; graph.weights and graph.inputs have them.

    >>> graph, states = elman(T=6, d=4)
    >>> graph.span(), graph.work, states.shape
    (36, 192, (6, 4))

backward(result) appends the way back to the same graph, and returns the gradients; from then on the graph's counts are
those of forward and backward, as cost.trained has them.

    >>> gradients = backward(states)
    >>> graph.span(), gradients["hidden"].shape
    (68, (1, 4, 4))

Every builder raises TypeError for a size that is no whole number, ValueError for one below 1, sizes that do not agree,
weights of another shape, and a graph of more than LIMIT nodes, all before the work.
"""

from ..gradients import backward
from .attending import attention, decode_attention, linear_attention, transformer
from .recurrences import elman, gru, jordan, lstm
from .scans import add_up, advance, combine, linear_recurrence, min_gru, newton

__all__ = [
    "add_up",
    "advance",
    "attention",
    "backward",
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
