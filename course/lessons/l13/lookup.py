"""What lesson 13 teaches to look something up: pairs of a key and a value, and the largest of many numbers."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.ops.linear_attention import elu_plus_one

from ...models import LSTM
from ...training import Training, train
from .nets import Gated

LAYERS = {"LSTM": LSTM, "scan": Gated}


class Lookup(nn.Module):
    """Reads pairs, each one word, a vector for the key and one for the value; then it is asked for the value of a key.

    how: "attention" (a softmax), "linear" (linear attention: a matrix of D × D sums), "LSTM" and "scan" (the last state
    of an LSTM, or of gates between −1 and 1). What was read and the key asked for go through two linear layers.

    >>> Lookup("attention", keys=16, values=8)(*pairs_batches(16, 8, 4, 4, B=2)(torch.Generator())[:3]).shape
    torch.Size([2, 4, 8])
    """

    def __init__(self, how: str, keys: int, values: int, width: int = 32):
        super().__init__()
        self.how = how
        self.key, self.value, self.asked = (nn.Embedding(n, width) for n in (keys, values, keys))
        if how in LAYERS:
            self.layer = LAYERS[how](width, width)
        else:
            self.project = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(3))
        self.read_out = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.ReLU(), nn.Linear(2 * width, values))

    def weights(self, keys: Tensor, values: Tensor, asked: Tensor) -> Tensor:
        """How much each question (B, Tq) takes from each pair (B, n): (B, Tq, n), each row sums to 1."""
        query, key = self.project[0](self.asked(asked)), self.project[1](self.key(keys) + self.value(values))
        if self.how == "attention":
            return (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
        scores = elu_plus_one(query) @ elu_plus_one(key).mT
        return scores / scores.sum(dim=-1, keepdim=True)

    def forward(self, keys: Tensor, values: Tensor, asked: Tensor) -> Tensor:
        """keys, values (B, n), asked (B, Tq); returns a score for each value, (B, Tq, V)."""
        words = self.key(keys) + self.value(values)  # (B, n, D)
        if self.how in LAYERS:
            _, (hidden, *_) = self.layer(words)
            read = hidden[:, None].expand(-1, asked.shape[1], -1)
        else:
            read = self.weights(keys, values, asked) @ self.project[2](words)  # (B, Tq, D)
        return self.read_out(torch.cat([read, self.asked(asked)], dim=-1))


def pairs_batches(keys: int, values: int, least: int, most: int, B: int = 64) -> Callable:
    """Batches for `train`: n different keys (B, n), a value for each (B, n), all keys in another order, their values.

    >>> names, numbers, asked, answers = pairs_batches(16, 8, 3, 3, B=1)(torch.Generator().manual_seed(0))
    >>> answers[0, 0] == numbers[0, names[0] == asked[0, 0]]
    tensor([True])
    """

    def batches(generator):
        n = int(torch.randint(least, most + 1, (), generator=generator))
        names = torch.rand(B, keys, generator=generator).argsort(dim=1)[:, :n]
        numbers = torch.randint(values, (B, n), generator=generator)
        order = torch.rand(B, n, generator=generator).argsort(dim=1)
        return names, numbers, names.gather(1, order), numbers.gather(1, order)

    return batches


def lookup_loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """The cross-entropy of the values that are asked for, in nats."""
    *words, answers = batch
    return F.cross_entropy(model(*words).flatten(0, -2), answers.flatten())


@torch.no_grad()
def looked_up(model: Lookup, keys: int, values: int, pairs: int, B: int = 32) -> tuple[float, float]:
    """(share of right values, mean of the largest weight) for so many pairs; nan where a state is read."""
    *words, answers = pairs_batches(keys, values, pairs, pairs, B)(torch.Generator().manual_seed(1))
    right = (model(*words).argmax(dim=-1) == answers).double().mean().item()
    return right, math.nan if model.how in LAYERS else model.weights(*words).amax(dim=-1).mean().item()


@torch.no_grad()
def weight_by_value(model: Lookup, keys: int, values: int, pairs: int, B: int = 32) -> tuple[float, float]:
    """(weight on all pairs that have the right value, the same for another value, the mean of all others)."""
    names, numbers, asked, answers = pairs_batches(keys, values, pairs, pairs, B)(torch.Generator().manual_seed(1))
    by_value = model.weights(names, numbers, asked) @ F.one_hot(numbers, values).float()  # (B, Tq, V), rows sum to 1
    right = by_value.gather(2, answers[..., None]).mean().item()
    return right, (1 - right) / (values - 1)


def naming_the_commonest(values: int, pairs: int) -> float:
    """The share of right answers of who remembers which value came most often, and not whose it was; all cases counted.

    >>> round(naming_the_commonest(16, 4), 3)
    0.337
    """
    cases = torch.cartesian_prod(*[torch.arange(values)] * pairs).reshape(-1, pairs)  # all
    return F.one_hot(cases, values).sum(dim=1).amax(dim=1).double().mean().item() / pairs


PAIRS = (4, 8, 16, 32, 64, 128, 256)
STEPS = 400


def taught_pairs(how: str, seed: int = 0, steps: int = STEPS) -> Training:
    """Taught to look up 1 to 32 pairs of 256 keys and 16 values, 32 wide."""
    make = lambda: Lookup(how, 256, 16)  # noqa: E731
    return train(make, pairs_batches(256, 16, 1, 32), lookup_loss, steps=steps, seed=seed)


def taught_few_pairs(width: int, seed: int = 0, steps: int = 1500) -> Training:
    """An LSTM, taught to recall 1 to 8 pairs of 16 keys and 8 values."""
    make = lambda: Lookup("LSTM", 16, 8, width)  # noqa: E731
    return train(make, pairs_batches(16, 8, 1, 8), lookup_loss, steps=steps, lr=5e-3, seed=seed)


COLOURS = 8


class Largest(nn.Module):
    """Reads n numbers with a colour each, and names the colour of the largest: one learned query over all of them.

    >>> Largest()(*largest_batches(5, 5, B=2)(torch.Generator())[:2]).shape
    torch.Size([2, 8])
    """

    def __init__(self, width: int = 32):
        super().__init__()
        self.colour = nn.Embedding(COLOURS, width)
        self.number = nn.Sequential(nn.Linear(1, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.query = nn.Parameter(torch.randn(width))
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.read_out = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, COLOURS))

    def words(self, numbers: Tensor, colours: Tensor) -> Tensor:
        """(B, n) each to (B, n, D)."""
        return self.number(numbers[..., None]) + self.colour(colours)

    def weights(self, numbers: Tensor, colours: Tensor) -> Tensor:
        """How much is taken from each number, (B, n)."""
        scores = self.key(self.words(numbers, colours)) @ self.query / math.sqrt(len(self.query))
        return scores.softmax(dim=-1)

    def forward(self, numbers: Tensor, colours: Tensor) -> Tensor:
        """numbers, colours (B, n); returns a score for each colour, (B, 8)."""
        values = self.value(self.words(numbers, colours))
        return self.read_out((self.weights(numbers, colours)[:, None] @ values)[:, 0])


def largest_batches(least: int, most: int, B: int = 128) -> Callable:
    """Batches for `train`: n numbers below 1, their colours, the colour of the largest: (B, n), (B, n), (B,)."""

    def batches(generator):
        n = int(torch.randint(least, most + 1, (), generator=generator))
        numbers = torch.rand(B, n, generator=generator)
        colours = torch.randint(COLOURS, (B, n), generator=generator)
        return numbers, colours, colours.gather(1, numbers.argmax(dim=1, keepdim=True))[:, 0]

    return batches


@torch.no_grad()
def named(model: Largest, n: int, B: int = 256) -> tuple[float, float]:
    """(share of right colours, mean of the largest weight) among n numbers."""
    numbers, colours, answers = largest_batches(n, n, B)(torch.Generator().manual_seed(1))
    right = (model(numbers, colours).argmax(dim=-1) == answers).double().mean().item()
    return right, model.weights(numbers, colours).amax(dim=-1).mean().item()


NUMBERS = (4, 16, 64, 256, 1024, 4096)


def taught_largest(seed: int = 0, steps: int = 1500) -> Training:
    """Taught to name the colour of the largest of 2 to 16 numbers."""
    return train(Largest, largest_batches(2, 16), lookup_loss, steps=steps, seed=seed)
