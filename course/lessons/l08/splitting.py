"""Lesson 08: a batch cut into parts. Gradients of the whole and of the parts, and how long each takes on threads.

The model is an LSTM that guesses the next word's vector from its state; a loss is a mean of squared misses.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from helpers import compare
from helpers.distributed import Peers
from helpers.measuring.timing import Comparison

from ...words import draw

TEXTS, PARTS = 32, 4  # as the thread on splitting the batch proposes: 4 parts of 8
WIDTH = 24


class Batch:
    """An LSTM layer of width d and B texts of T words, (B, T, d), with the gradients of its loss in any part of them.

    >>> batch = Batch(T=6, d=4, B=8)
    >>> batch.gradient(batch.mean_miss, batch.texts).shape  # of all weights in one row
    torch.Size([160])
    """

    def __init__(self, T: int = 16, d: int = WIDTH, B: int = TEXTS, dtype: torch.dtype = torch.float64):
        self.texts = draw(B * T, d, seed=1).to(dtype).view(B, T, d)
        self.lengths = (
            1 + draw(B, 1, seed=2)[:, 0].argsort() * T // B
        )  # 1 to T words, mixed: for texts of unequal length
        self.layer = torch.nn.LSTM(d, d, batch_first=True, dtype=dtype)
        self.weights = [*self.layer.parameters()]
        with torch.no_grad():
            for seed, weight in enumerate(self.weights):
                weight.copy_(draw(len(weight), weight.numel() // len(weight), seed=10 + seed).view_as(weight) / d**0.5)

    def gradient(self, loss: Callable[..., Tensor], *part: Tensor) -> Tensor:
        """∂ loss(part) / ∂ all weights, in one row."""
        return torch.cat([slope.flatten() for slope in torch.autograd.grad(loss(*part), self.weights)])

    def mean_miss(self, texts: Tensor) -> Tensor:
        """The mean squared miss of all guesses."""
        return self._misses(texts).mean()

    def padded(self, texts: Tensor, lengths: Tensor) -> Tensor:
        """The same where text b has lengths[b] words and the places behind it are filling, which counts for nothing."""
        misses = self._misses(texts).mean(2)  # (B, T − 1): a mean over the width
        counts = torch.arange(misses.shape[1]) < (lengths - 1)[:, None]
        return misses[counts].mean()

    def batch_normed(self, texts: Tensor) -> Tensor:
        """The same after a batch normalisation of the states."""
        states = self.layer(texts)[0][:, :-1]
        states = (states - states.mean((0, 1))) / states.var((0, 1), correction=0).add(1e-5).sqrt()
        return (states - texts[:, 1:]).square().mean()

    def contrastive(self, texts: Tensor) -> Tensor:
        """Each text's last state has to be nearer to its own mean word than to that of the others."""
        scores = self.layer(texts)[0][:, -1] @ texts.mean(1).T  # (B, B)
        return torch.nn.functional.cross_entropy(scores, torch.arange(len(texts)))

    def _misses(self, texts):
        return (self.layer(texts)[0][:, :-1] - texts[:, 1:]).square()  # (B, T − 1, d)


def clipped(gradient: Tensor, most: float) -> Tensor:
    """The gradient, made shorter where it is longer than `most`: clipping by its norm."""
    return gradient * min(1.0, most / gradient.norm().item())


def miss(gradient: Tensor, right: Tensor) -> float:
    """How far a gradient is from the right one, as a share of that one's length."""
    return ((gradient - right).norm() / right.norm()).item()


# ---- time


def time_the_split(T: int = 64, d: int = 256, budget: float = 5.0) -> Comparison:
    """Forward and backward of 32 texts in float32 on the CPU: on one thread, on 2 and 4 threads of Python, a part each
    (with one thread of torch in each), and by torch's own two threads on the whole batch."""
    batch = Batch(T, d, dtype=torch.float32)
    whole = partial(batch.gradient, batch.mean_miss)
    with ThreadPoolExecutor(PARTS) as pool:
        ways = {
            ONE: partial(whole, batch.texts),
            "2 × 16 on threads": partial(_on_threads, pool, whole, batch.texts.chunk(2)),
            "4 × 8 on threads": partial(_on_threads, pool, whole, batch.texts.chunk(4)),
            TORCH: partial(_with_two_threads, whole, batch.texts),
        }
        return compare(ways, device="cpu", threads=1, budget=budget, repeats=20)


ONE, TORCH = "1 × 32 on one thread", "1 × 32, torch's own two threads"


def _on_threads(pool, gradient, parts: Sequence[Tensor]):
    return torch.stack(list(pool.map(gradient, parts))).mean(0)


def _with_two_threads(gradient, texts):
    torch.set_num_threads(2)
    try:
        return gradient(texts)
    finally:
        torch.set_num_threads(1)


class OfProcess(NamedTuple):
    """What one process brings back: the mean of all parts' gradients, the bytes that it sent for it, and the seconds of
    an update of the size that `time_the_split` times."""

    gradient: Tensor
    sent: int
    seconds: float


def on_a_process(peers: Peers, repeats: int = 5) -> OfProcess:
    """The work of one of several processes, which `helpers.distributed.launch` starts: its part of the batch, then the
    mean of all gradients."""
    exact = _update(peers, Batch())
    sent = peers.sent().bytes
    batch, seconds = Batch(64, 256, dtype=torch.float32), []
    for _ in range(1 + repeats):  # the first one warms up
        peers.wait()
        start = time.perf_counter()
        _update(peers, batch)
        seconds.append(time.perf_counter() - start)
    return OfProcess(exact, sent, statistics.median(seconds[1:]))


def _update(peers, batch):
    part = batch.texts.chunk(peers.size)[peers.rank]
    return peers.all_reduce(batch.gradient(batch.mean_miss, part)) / peers.size


def what_it_says(times: Comparison, processes: float | None = None) -> list[str]:
    """A line for each way, how many times as fast as one thread it was; on a busy machine that, and no number.

    times: of `time_the_split`. processes: seconds of an update on 4 processes; then the line is about these alone.
    """
    if is_busy(times):
        return [
            "This machine is busy, or has one core:",
            "torch's own two threads were no quicker than one, or other programs took the cores.",
            "So these times say nothing about splitting. Run the cells again when it is quiet.",
        ]
    if processes is not None:
        return [f"{'4 × 8 on processes':32} {times[ONE].median / processes:.2f} times as fast as one thread"]
    return [f"{way:32} {times.ratio(ONE, way)} as fast as one thread" for way in times if way != ONE]


def is_busy(times: Comparison) -> bool:
    """Whether the machine was too busy for a comparison of threads: then two of torch's are no quicker than one."""
    return times.ratio(ONE, TORCH).median < 1 or any(timing.crowded for timing in times.values())
