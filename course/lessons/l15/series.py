"""Lesson 15: three made series of hours, with a season of a day. Four days are seen, the next one is asked."""

import functools

import numpy as np
import torch
from torch import Tensor, nn

from ...models.transformer import Blocks
from ...show.watching import watch_in_notebook
from ...training import Training, train

DAY, SEEN, ASKED, SIDE = 24, 96, 24, 8  # hours; the last of a patch
HOURS, TESTED = 3000, 1000
NOISE = 0.2  # its variance, 0.04, is the error that nobody can avoid
KINDS = ("season", "season and wandering level", "season of changing size")
STEPS, RATE, B = 250, 3e-3, 64


def hours(kind: str, seed: int = 0) -> Tensor:
    """4,000 hours (4000,) of one of KINDS, in float64. Raises ValueError for another kind.

    >>> hours("season").shape
    torch.Size([4000])
    """
    if kind not in KINDS:
        raise ValueError(f"There is no series {kind!r}; choose {', '.join(KINDS)}.")
    numbers, t = np.random.RandomState(seed), np.arange(HOURS + TESTED)
    day = np.sin(2 * np.pi * t / DAY) + 0.5 * np.sin(4 * np.pi * t / DAY + 1)
    noise = NOISE * numbers.standard_normal(len(t))
    if kind == KINDS[1]:
        return torch.from_numpy(day + np.cumsum(0.03 * numbers.standard_normal(len(t))) + noise)
    if kind == KINDS[2]:
        size, sizes = 0.0, []
        for nudge in 0.06 * numbers.standard_normal(len(t)):
            size = 0.99 * size + nudge
            sizes.append(size)
        return torch.from_numpy(day * np.exp(np.array(sizes)) + noise)
    return torch.from_numpy(day + noise)


@functools.cache
def windows(kind: str, seed: int = 0) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """((seen, asked) to train on, (seen, asked) for the test): (N, 96) and (N, 24), from hours that come later."""
    series = hours(kind, seed)
    cut = [part.unfold(0, SEEN + ASKED, 1) for part in (series[:HOURS], series[HOURS:])]
    train_, test = ((part[:, :SEEN], part[:, SEEN:]) for part in cut)
    return train_, test


def day_before(seen: Tensor) -> Tensor:
    """The method without a model: the last day again. (N, 96) to (N, 24)."""
    return seen[:, -DAY:]


def last_value(seen: Tensor) -> Tensor:
    """The last hour, 24 times."""
    return seen[:, -1:].expand(-1, ASKED)


def linear_map(kind: str, seed: int = 0) -> Tensor:
    """What least squares forecasts for the test, from the hours as they are less the mean of their last day."""
    (seen, asked), (tested, _) = windows(kind, seed)
    inputs, level = _levelled(seen)
    # By singular values: the inputs' last day adds up to 0, and the default driver takes another rank now and then.
    weights = torch.linalg.lstsq(inputs, asked - level, driver="gelsd").solution  # (96, 24)
    inputs, level = _levelled(tested)
    return inputs @ weights + level


def _levelled(seen):
    level = seen[:, -DAY:].mean(dim=1, keepdim=True)
    return seen - level, level


def error(forecast: Tensor, asked: Tensor) -> float:
    """The mean squared error."""
    return (forecast - asked).square().mean().item()


class Forecaster(nn.Module):
    """Blocks over patches of hours, as a ViT has patches of pixels (after Nie et al. 2023).

    >>> Forecaster()(torch.zeros(5, 96)).shape
    torch.Size([5, 24])
    """

    def __init__(self, side: int = SIDE, width: int = 48, layers: int = 2, heads: int = 4):
        super().__init__()
        self.side = side
        self.embed = nn.Linear(side, width)
        self.places = nn.Parameter(0.02 * torch.randn(SEEN // side, width))
        self.blocks = Blocks(layers, width, heads)
        self.out = nn.Linear(SEEN // side * width, ASKED)

    def forward(self, seen: Tensor) -> Tensor:
        """seen (B, 96) to a forecast (B, 24). The mean of the last day is taken away before, and given back."""
        inputs, level = _levelled(seen)
        tokens = self.embed(inputs.unfold(1, self.side, self.side)) + self.places  # (B, 12, D)
        return self.out(self.blocks(tokens).flatten(1)) + level


def run(kind: str = KINDS[0], seed: int = 0) -> Training:
    """Train a Forecaster on one series; seed: of the series, too."""
    (seen, asked), _ = windows(kind, seed)
    seen, asked = seen.float(), asked.float()

    def batches(generator):
        chosen = torch.randint(len(seen), (B,), generator=generator)
        return seen[chosen], asked[chosen]

    watch = watch_in_notebook(f"{STEPS} steps", f"Transformer, {kind}")
    return train(Forecaster, batches, _loss, steps=STEPS, seed=seed, lr=RATE, watch=watch)


def _loss(model, batch):
    seen, asked = batch
    return (model(seen) - asked).square().mean()


@torch.no_grad()
def error_of(model: nn.Module, kind: str, seed: int = 0) -> float:
    """A model's mean squared error on the test."""
    _, (seen, asked) = windows(kind, seed)
    return error(model(seen.float().to(next(model.parameters()).device)).cpu().double(), asked)
