"""Self-attention with its projections, as a layer of a Transformer has it (Vaswani et al. 2017, section 3.2.2)."""

import torch
from torch import nn

from helpers import attention


class SelfAttention(nn.Module):
    """Multi-head self-attention: (B, T, D) to (B, T, D).

    width: D. heads: H, of D / H numbers each. is_causal: each word sees itself and the words before.
    Raises ValueError if D cannot be split into H equal heads.

    >>> SelfAttention(16, heads=4)(torch.randn(2, 6, 16)).shape
    torch.Size([2, 6, 16])
    """

    def __init__(self, width: int, heads: int = 1, is_causal: bool = False):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"width {width} cannot be split into {heads} equal heads; choose a divisor of {width}.")
        self.heads, self.is_causal = heads, is_causal
        self.project = nn.Linear(width, 3 * width, bias=False)  # W_Q, W_K and W_V in one
        self.join = nn.Linear(width, width, bias=False)  # W_O

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """inputs (B, T, D); returns (B, T, D)."""
        B, T, D = inputs.shape
        query, key, value = (
            part.view(B, T, self.heads, D // self.heads).transpose(1, 2)  # (B, H, T, D/H)
            for part in self.project(inputs).chunk(3, dim=-1)  # each (B, T, D)
        )
        heads = attention(query, key, value, is_causal=self.is_causal)  # (B, H, T, D/H)
        return self.join(heads.transpose(1, 2).reshape(B, T, D))
