"""The layers that the lessons compare, small enough to read."""

import torch
from torch import nn

from helpers import attention, device


class SelfAttention(nn.Module):
    """Multi-head self-attention with its projections: (B, T, D) to (B, T, D).

    width: D; heads: H, of D / H each; is_causal: each word sees itself and the words before.
    """

    def __init__(self, width, heads=1, is_causal=False):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"width {width} cannot be split into {heads} equal heads; choose a divisor of {width}.")
        self.heads, self.is_causal = heads, is_causal
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.join = nn.Linear(width, width, bias=False)

    def forward(self, inputs):
        B, T, D = inputs.shape
        query, key, value = (
            part.view(B, T, self.heads, D // self.heads).transpose(1, 2)  # (B, H, T, D/H)
            for part in self.project(inputs).chunk(3, dim=-1)
        )
        heads = attention(query, key, value, is_causal=self.is_causal)
        return self.join(heads.transpose(1, 2).reshape(B, T, D))


def layers_to_time(T, width=256, B=8, kinds=("attention", "Elman RNN", "LSTM")):
    """{name: function of nothing} that runs one layer forward on a sequence of T words, in torch's fused kernels."""
    where = device()
    inputs = torch.randn(B, T, width, device=where)
    make = {
        "attention": lambda: SelfAttention(width, heads=4),
        "Elman RNN": lambda: nn.RNN(width, width, batch_first=True),
        "LSTM": lambda: nn.LSTM(width, width, batch_first=True),
        "GRU": lambda: nn.GRU(width, width, batch_first=True),
    }

    def runner(layer):
        def run():
            with torch.no_grad():
                return layer(inputs)

        return run

    return {kind: runner(make[kind]().to(where)) for kind in kinds}


def changed_by(layer, inputs, position, size=1.0):
    """How much each output moves when one input moves: (T,) of absolute changes.

    layer maps (T, D) to (T, D'); position counts from 0. An exact zero means: does not depend on it.
    """
    moved = inputs.clone()
    moved[position] += size
    with torch.no_grad():
        return (layer(moved) - layer(inputs)).abs().amax(dim=-1)
