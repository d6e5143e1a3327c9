"""One layer of each kind, of one width, ready to be timed."""

from collections.abc import Callable, Sequence

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
    T: int, width: int = 256, B: int = 8, kinds: Sequence[str] = ("attention", "Elman RNN", "LSTM")
) -> dict[str, Callable[[], object]]:
    """{name: function of nothing} that runs one layer forward on B sequences of T words, in torch's fused kernels.

    Untrained weights and random words (B, T, width) in float32 on this device; no gradients. kinds: of LAYERS.

    >>> list(layers_to_time(6, width=8, kinds=["attention", "GRU"]))
    ['attention', 'GRU']
    """
    where = device()
    inputs = torch.randn(B, T, width, device=where)

    def runner(layer):
        def run():
            with torch.no_grad():
                return layer(inputs)

        return run

    return {kind: runner(LAYERS[kind](width).to(where)) for kind in kinds}
