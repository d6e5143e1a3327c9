"""One layer of each kind, of one width, ready to be timed."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from helpers import device

from .attention import SelfAttention

LAYERS = {
    "attention": lambda width: SelfAttention(width, heads=4),
    "Elman RNN": lambda width: nn.RNN(width, width, batch_first=True),
    "LSTM": lambda width: nn.LSTM(width, width, batch_first=True),
    "GRU": lambda width: nn.GRU(width, width, batch_first=True),
}


def layers_to_time(
    T: int,
    width: int = 256,
    B: int = 8,
    kinds: Sequence[str] = ("attention", "Elman RNN", "LSTM"),
    trained: bool = False,
) -> dict[str, Callable[[], object]]:
    """{name: function of nothing} that runs one layer on B sequences of T words, in torch's fused kernels.

    Random weights and random words (B, T, width) in float32 on this device. trained: forward and backward, to the
    gradients of all weights and of the words; else forward alone. kinds: of LAYERS.

    >>> list(layers_to_time(6, width=8, kinds=["attention", "GRU"], trained=True))
    ['attention', 'GRU']
    """
    where = device()
    inputs = torch.randn(B, T, width, device=where, requires_grad=trained)
    run = _forward_and_backward if trained else _forward
    return {kind: partial(run, LAYERS[kind](width).to(where), inputs) for kind in kinds}


@torch.no_grad()
def _forward(layer, inputs):
    return layer(inputs)


def _forward_and_backward(layer, inputs):
    outputs = layer(inputs)
    if isinstance(outputs, tuple):  # torch's recurrent layers return the last state too
        outputs = outputs[0]
    return torch.autograd.grad(outputs.sum(), [inputs, *layer.parameters()])
