"""Work, span, traffic and memory of recurrent and Transformer layers in closed form.

Work is counted here in multiply–adds (MAC) of products, span in levels, by the rule of helpers.counting; a sum of n
terms takes ⌈log₂ n⌉ levels. All are exact integers: helpers.builders builds the same computations node by node, and
the tests hold each formula against its graph. T tokens, width d, L layers, heads of width d_h = d / heads; B sequences
multiply the work, never the span, and of the traffic the inputs and results, not the weights.

    >>> elman(T=6, d=512).span, transformer(T=6, d=512, heads=8, layers=6).span      # levels
    (78, 732)

What a whole training run takes, in FLOP and in days on so many devices, stands in runs.py.

All functions raise TypeError for a size that is no whole number, ValueError for one below 1 or sizes that do not agree.
"""

from .attending import LINEAR, attention, decode_attention, kv_cache, linear_attention, transformer
from .bounds import Bounds, brent_time, crossover
from .record import BIASES, STANDARD, Accounting, Cost
from .recurrences import elman, gru, jordan, lstm
from .runs import Cluster, Days, Run, recurrent_days, states_heard, training_flop, transformer_days
from .scans import (
    JACOBIANS,
    SCANS,
    SUMS,
    add_up,
    chunk_length,
    combine_path,
    combines,
    linear_recurrence,
    min_gru,
    newton,
)
from .training import Training, trained

__all__ = [
    "BIASES",
    "JACOBIANS",
    "LINEAR",
    "SCANS",
    "STANDARD",
    "SUMS",
    "Accounting",
    "Bounds",
    "Cluster",
    "Cost",
    "Days",
    "Run",
    "Training",
    "add_up",
    "attention",
    "brent_time",
    "chunk_length",
    "combine_path",
    "combines",
    "crossover",
    "decode_attention",
    "elman",
    "gru",
    "jordan",
    "kv_cache",
    "linear_attention",
    "linear_recurrence",
    "lstm",
    "min_gru",
    "newton",
    "recurrent_days",
    "states_heard",
    "trained",
    "training_flop",
    "transformer",
    "transformer_days",
]
