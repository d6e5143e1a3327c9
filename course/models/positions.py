"""Three ways to tell attention where a word stands: a vector added to it, a turn of its query and key, a bias."""

import torch
from torch import Tensor, nn

SLOWEST = 10_000.0  # the wavelengths of positions grow from 2π to this times 2π


def _speeds(width):
    """How far each of D/2 pairs turns a word, in radians: (D/2,), from 1 to 1/10,000."""
    if width % 2:
        raise ValueError(f"Positions turn pairs of numbers, so the width is even; given: {width}.")
    return SLOWEST ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def sinusoids(T: int, width: int, start: int = 0) -> Tensor:
    """T positions from `start` on, (T, D): sines and cosines of D/2 speeds (Vaswani et al. 2017, section 3.5).

    Raises ValueError for an odd width.

    >>> [[round(number, 2) for number in row] for row in sinusoids(2, 4).tolist()]
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0]]
    """
    angles = torch.arange(start, start + T, dtype=torch.float64)[:, None] * _speeds(width)  # (T, D/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).to(torch.float32)


def rotated(vectors: Tensor, start: int = 0) -> Tensor:
    """Queries or keys (…, T, D), each pair of numbers turned by its position (Su et al. 2021, equation 34).

    start: the position of the first. A score of two that are turned depends on how far they are apart, and not on where
    they stand. Raises ValueError for an odd D.

    >>> query, key = rotated(torch.ones(6, 4)), rotated(torch.ones(6, 4))
    >>> torch.allclose(query[1] @ key[0], query[5] @ key[4])
    True
    """
    T, D = vectors.shape[-2:]
    angles = torch.arange(start, start + T, dtype=torch.float64)[:, None] * _speeds(D)  # (T, D/2)
    sine, cosine = angles.sin().to(vectors), angles.cos().to(vectors)
    even, odd = vectors[..., 0::2], vectors[..., 1::2]  # (…, T, D/2)
    turned = torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1)  # (…, T, D/2, 2)
    return turned.flatten(-2)


class RelativeBias(nn.Module):
    """One learned number a head and distance, added to the scores; 0 at the start (Raffel et al. 2020, section 2.1).

    reach: distances from here on share one number.

    >>> RelativeBias(heads=2, reach=8)(3, 5).shape
    torch.Size([2, 3, 5])
    """

    def __init__(self, heads: int, reach: int):
        super().__init__()
        self.reach = reach
        self.bias = nn.Parameter(torch.zeros(heads, 2 * reach + 1))  # of the distances −reach … reach

    def forward(self, Tq: int, Tk: int, start: int = 0) -> Tensor:
        """The bias of Tq queries and Tk keys, (H, Tq, Tk). The keys count from 0, the queries from start."""
        places = torch.arange(start, start + Tq)
        distance = places[:, None] - torch.arange(Tk)  # (Tq, Tk), positive where the key stands before
        return self.bias[:, distance.clamp(-self.reach, self.reach) + self.reach]
