"""Pairs that are updated through third ones: the triangle step of AlphaFold 2 (Jumper et al. 2021), by itself."""

import torch
from torch import Tensor, nn

from .transformer import FeedForward, Sublayer


class Triangle(nn.Module):
    """What pair (i, j) reads from all pairs (i, k) and (j, k): a gated product, added over k (their algorithm 11).

    >>> Triangle(16)(torch.randn(2, 6, 6, 16)).shape
    torch.Size([2, 6, 6, 16])
    """

    def __init__(self, width: int):
        super().__init__()
        self.left, self.let_left = nn.Linear(width, width), nn.Linear(width, width)
        self.right, self.let_right = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.join, self.let_out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, pairs: Tensor) -> Tensor:
        """pairs (B, N, N, D) to (B, N, N, D)."""
        left = torch.sigmoid(self.let_left(pairs)) * self.left(pairs)  # (B, N, N, D)
        right = torch.sigmoid(self.let_right(pairs)) * self.right(pairs)
        through = torch.einsum("bikd,bjkd->bijd", left, right)
        return torch.sigmoid(self.let_out(pairs)) * self.join(self.norm(through))


class PairNet(nn.Module):
    """From a table of links (B, N, N) to a score for each pair, (B, N, N), by one block that is run again and again.

    The weights of every round are the same: the rounds are a recurrence, and wait for each other.

    >>> net = PairNet(width=16)
    >>> net(torch.eye(6)[None], rounds=3).shape, sum(weight.numel() for weight in net.parameters())
    (torch.Size([1, 6, 6]), 2897)
    """

    def __init__(self, width: int):
        super().__init__()
        self.embed = nn.Linear(2, width)
        self.through = Sublayer(Triangle(width), width, "before")
        self.change = Sublayer(FeedForward(width, 2 * width), width, "before")
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 1)

    def forward(self, links: Tensor, rounds: int) -> Tensor:
        """links (B, N, N): 1 where two are linked, else 0. A score for each pair, above 0 for yes."""
        itself = torch.eye(links.shape[-1]).to(links).expand_as(links)
        pairs = self.embed(torch.stack([links, itself], dim=-1))  # (B, N, N, D)
        for _ in range(rounds):
            pairs = self.change(self.through(pairs))
        return self.out(self.norm(pairs)).squeeze(-1)
