"""Handwritten digits that need no download: 1,797 pictures of 8 × 8 pixels, in digits/, with their notice."""

import functools
import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

FILE = Path(__file__).parent / "digits" / "digits.csv.gz"
TRAINED_ON = 1347  # of 1,797, three of four


class Digits(NamedTuple):
    """pictures (N, 8, 8) in float32, whole numbers from 0 to 16; labels (N,) int64, the digit of each."""

    pictures: Tensor
    labels: Tensor


def digits(seed: int = 0) -> tuple[Digits, Digits]:
    """1,347 digits to train on and 450 others for the test, drawn at random: the same 13 people wrote both.

    From scikit-learn, after E. Alpaydin and C. Kaynak 1998, UCI; digits/NOTICE.md has the licences.

    >>> train, test = digits()
    >>> train.pictures.shape, test.pictures.shape, int(train.pictures.max())
    (torch.Size([1347, 8, 8]), torch.Size([450, 8, 8]), 16)
    """
    table = _table()
    order = np.random.RandomState(seed).permutation(len(table))
    shuffled = torch.from_numpy(table[order])
    whole = Digits(shuffled[:, :64].float().unflatten(1, (8, 8)), shuffled[:, 64])
    return Digits(*(part[:TRAINED_ON] for part in whole)), Digits(*(part[TRAINED_ON:] for part in whole))


@functools.cache
def _table():
    """(1797, 65): the pixels row by row, then the digit."""
    with gzip.open(FILE, "rt", encoding="ascii") as lines:
        return np.loadtxt(lines, delimiter=",").astype(np.int64)


def nearest_picture(train: Digits, pictures: Tensor) -> Tensor:
    """What stands under the training picture that differs least, by the sum of squared pixels: (N,) labels.

    >>> train, test = digits()
    >>> right = nearest_picture(train, test.pictures) == test.labels
    >>> round(right.float().mean().item(), 3)
    0.987
    """
    known, asked = train.pictures.flatten(1).numpy(), pictures.flatten(1).numpy()
    squares = (known**2).sum(1) - 2 * asked @ known.T  # whole numbers: exact, and equal for all orders of adding
    return train.labels[torch.from_numpy(squares.argmin(axis=1))]
