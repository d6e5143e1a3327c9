"""The nets of the lessons, small enough to read. A shape stands at every reshape; there is no configuration.

cells.py: Elman, GRU and LSTM from their equations. min_gru.py: a GRU that scans. seq2seq.py: encoder and decoder, with
a lookup or without. attention.py: self-attention with its projections, as lesson 05 ends with it. transformer.py: the
blocks of 2017 and of today from their parts, a language model, the translator. cache.py: what it keeps while it writes.
language.py: language models of every kind, called alike. positions.py: where a word stands. copying.py: the same with
torch's weights. layers.py: one layer of each kind, to be timed. perturbation.py: what moves when a word moves.
memory.py: how long a net remembers, in rounds and in gradients.
tiny.py: a net for pencil and paper.
"""

from .attention import SelfAttention
from .cells import GRU, LSTM, Elman, Recurrent
from .layers import layers_to_time
from .memory import gradient_over, rounds_to_mend
from .perturbation import changed_by

__all__ = [
    "GRU",
    "LSTM",
    "Elman",
    "Recurrent",
    "SelfAttention",
    "changed_by",
    "gradient_over",
    "layers_to_time",
    "rounds_to_mend",
]
