"""Lesson 15: who reads 450 handwritten digits. The same 400 steps for a ViT, with and without places, and shuffled."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.vit import ViT, patches
from ...show.watching import watch_in_notebook
from ...training import Training, train
from ...training.pictures import Digits, digits

SIZE, SIDE, CLASSES, WIDTH = 8, 2, 10, 32
B, RATE, DECAY = 128, 3e-3, 0.01
BRIGHTEST = 16  # of a pixel


def convolution() -> nn.Module:
    """Two convolutions of 3 × 3, where a place reads its neighbours; a linear layer reads all: 9,930 weights."""
    return nn.Sequential(
        nn.Unflatten(1, (1, SIZE)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 16, CLASSES),
    )


MODELS = {
    "ViT": (lambda: ViT(SIZE, SIDE, CLASSES, WIDTH), 400),
    "ViT without places": (lambda: ViT(SIZE, SIDE, CLASSES, WIDTH, has_places=False), 400),
    "convolution": (convolution, 400),
    "linear": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(SIZE**2, CLASSES)), 400),
}


def shuffled_patches(pictures: Tensor, seed: int = 0) -> Tensor:
    """The 16 patches of all pictures (B, 8, 8) in one other order, the same for all.

    >>> picture = torch.arange(64).reshape(1, 8, 8)
    >>> other = shuffled_patches(picture)
    >>> torch.equal(other, picture), torch.equal(other.flatten().sort().values, picture.flatten())
    (False, True)
    """
    squares = patches(pictures, SIDE)  # (B, 16, 4)
    order = np.random.RandomState(seed).permutation(squares.shape[1])
    rows = squares[:, order].unflatten(1, (SIZE // SIDE, -1)).unflatten(3, (SIDE, SIDE))  # (B, 4, 4, 2, 2)
    return rows.transpose(2, 3).flatten(3).flatten(1, 2)  # (B, 8, 8)


def shuffled_pixels(pictures: Tensor, seed: int = 0) -> Tensor:
    """All 64 pixels of all pictures (B, 8, 8) in one other order, the same for all."""
    order = np.random.RandomState(seed).permutation(SIZE**2)
    return pictures.flatten(1)[:, order].unflatten(1, (SIZE, SIZE))


def as_they_are(pictures: Tensor) -> Tensor:
    """Nothing is shuffled."""
    return pictures


def run(name: str, seed: int = 0, change: Callable[[Tensor], Tensor] = as_they_are) -> Training:
    """Train one of MODELS on 1,347 digits; seed: of the start and of which digits are for the test."""
    make, steps = MODELS[name]
    known, _ = digits(seed)
    inputs = change(known.pictures) / BRIGHTEST

    def batches(generator):
        chosen = torch.randint(len(inputs), (B,), generator=generator)
        return inputs[chosen], known.labels[chosen]

    watch = watch_in_notebook(f"{steps} steps", name)
    return train(make, batches, loss, steps=steps, seed=seed, lr=RATE, decay=DECAY, watch=watch)


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The cross-entropy of the digits, in nats."""
    pictures, labels = batch
    return F.cross_entropy(model(pictures), labels)


@torch.no_grad()
def share_right(model: nn.Module, test: Digits, change: Callable[[Tensor], Tensor] = as_they_are) -> float:
    """The share of the test's digits that a model reads right."""
    where = next(model.parameters()).device
    named = model((change(test.pictures) / BRIGHTEST).to(where)).argmax(dim=1).cpu()
    return (named == test.labels).float().mean().item()


def nearest_mean(train_: Digits, pictures: Tensor) -> Tensor:
    """The digit whose mean picture differs least, (N,)."""
    means = torch.stack([train_.pictures[train_.labels == digit].mean(0) for digit in range(CLASSES)]).double()
    return torch.cdist(pictures.double().flatten(1), means.flatten(1)).argmin(dim=1)
