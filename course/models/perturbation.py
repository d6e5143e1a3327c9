"""What depends on what, by trying: one word is moved, and all outputs are compared."""

from collections.abc import Callable

import torch


def changed_by(
    layer: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor, position: int, size: float = 1.0
) -> torch.Tensor:
    """How much each output moves when one input moves: (T,) of absolute changes.

    layer: maps (T, D) to (T, D'). position: of the word that is moved by `size` in every number, counted from 0.
    An exact zero means that the output does not depend on that word.

    >>> changed_by(lambda words: words.cumsum(0), torch.zeros(4, 2), position=2)
    tensor([0., 0., 1., 1.])
    """
    moved = inputs.clone()
    moved[position] += size
    with torch.no_grad():
        return (layer(moved) - layer(inputs)).abs().amax(dim=-1)
