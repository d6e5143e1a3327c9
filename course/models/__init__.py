"""The nets of the lessons, small enough to read. A shape stands at every reshape; there is no configuration.

cells.py: Elman, GRU and LSTM from their equations. seq2seq.py: encoder and decoder, with a lookup or without.
attention.py: self-attention with its projections. layers.py: one layer of each kind, ready to be timed.
perturbation.py: what moves when a word moves. tiny.py: a net for pencil and paper.
"""

from .attention import SelfAttention
from .cells import GRU, LSTM, Elman, Recurrent
from .layers import layers_to_time
from .perturbation import changed_by

__all__ = ["GRU", "LSTM", "Elman", "Recurrent", "SelfAttention", "changed_by", "layers_to_time"]
