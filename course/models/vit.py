"""A Vision Transformer (Dosovitskiy et al. 2021) in its smallest form: cut into patches, blocks, one answer."""

import torch
from torch import Tensor, nn

from .transformer import Blocks


def patches(pictures: Tensor, side: int) -> Tensor:
    """Pictures (B, height, width) in squares of side × side pixels, row by row: (B, T, side²), T squares a picture.

    Raises ValueError if the squares do not fill the picture.

    >>> patches(torch.arange(16).reshape(1, 4, 4), 2)[0, :2].tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    height, width = pictures.shape[-2:]
    if height % side or width % side:
        raise ValueError(f"A picture of {height} × {width} is not filled by squares of {side} × {side}.")
    squares = pictures.unfold(1, side, side).unfold(2, side, side)  # (B, rows, columns, side, side)
    return squares.flatten(3).flatten(1, 2)  # (B, T, side²)


class ViT(nn.Module):
    """Sorts pictures: each patch is a token, with a learned vector for its place; the mean of the tokens answers.

    size: pixels of a picture's edge; side: of a patch's edge. has_places: whether a token knows where it stands.
    The paper reads an extra token instead of the mean; its appendix finds both alike.

    >>> ViT(size=8, side=2, classes=10, width=32)(torch.zeros(5, 8, 8)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        size: int,
        side: int,
        classes: int,
        width: int,
        layers: int = 2,
        heads: int = 4,
        *,
        has_places: bool = True,
    ):
        super().__init__()
        self.side = side
        self.embed = nn.Linear(side**2, width)
        self.places = nn.Parameter(0.2 * torch.randn((size // side) ** 2, width)) if has_places else None
        self.blocks = Blocks(layers, width, heads)
        self.out = nn.Linear(width, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (B, size, size); a score for each class, (B, classes)."""
        tokens = self.embed(patches(pictures, self.side))  # (B, T, D)
        if self.places is not None:
            tokens = tokens + self.places
        return self.out(self.blocks(tokens).mean(dim=1))
