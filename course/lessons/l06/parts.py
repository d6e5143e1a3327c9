"""Layers small enough to read: position vectors, a stack without positions, and layers that leak or do not."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from helpers import attention

from ...words import draw

WIDTH = 16
MATRICES = [[draw(WIDTH, WIDTH, seed=10 * layer + n) / WIDTH**0.5 for n in range(3)] for layer in range(6)]


def sinusoids_at(positions: torch.Tensor, width: int) -> torch.Tensor:
    """Position vectors (T, width): pairs of sine and cosine, pair i of t · 10000^(−2i/width), width an even number.

    Vaswani et al. 2017, section 3.5.

    >>> sinusoids_at(torch.arange(3.0), 4).round(decimals=2)[1].tolist()  # doctest: +ELLIPSIS
    [0.8..., 0.5..., 0.0..., 1.0]
    """
    speeds = 10_000.0 ** (-torch.arange(0, width, 2, dtype=positions.dtype) / width)
    angles = positions[:, None] * speeds  # (T, width / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def read(words: torch.Tensor, layers: int = 2, causal: bool = True) -> torch.Tensor:
    """Layers of attention over words (T, 16) with random weights, each added to its input; no positions.

    >>> read(draw(6, 16)).shape
    torch.Size([6, 16])
    """
    for W_Q, W_K, W_V in MATRICES[:layers]:
        words = words + attention(words @ W_Q, words @ W_K, words @ W_V, is_causal=causal)
    return words


@dataclass(frozen=True)
class Layer:
    """A layer for the test that a student writes. function: (T, D) to (T, D). reads: what it reads, in words.

    leaks: whether an output depends on a later word. advice: what a test that errs here has to do.
    """

    function: Callable[[torch.Tensor], torch.Tensor]
    T: int
    D: int
    reads: str
    leaks: bool
    advice: str


def causal_layers() -> list[Layer]:
    """Layers of all kinds, the simplest first and a text of one word last; they take float32 and float64."""
    every = "Move each word in turn, in a copy of the words, and compare all outputs before it."
    past = (
        "An output may depend on its own word and on earlier ones. Move one word, leave the others, and compare only the "
        "outputs before it."
    )
    return [
        Layer(_own, 4, 3, "each output depends on its own word alone", False, past),
        Layer(lambda x: x.cumsum(0), 5, 2, "each word reads the words before it", False, past),
        Layer(_masked(0), 5, 3, "each word reads itself and the words before", False, past),
        Layer(_masked(9), 4, 6, "every word reads every word", True, every),
        Layer(_masked(1), 5, 3, "each word reads the next one too", True, every),
        Layer(_one_reads(0, 1), 5, 3, "word 1 reads word 2, and no other word reads ahead", True, every),
        Layer(
            _one_reads(3, 4), 5, 3, "the last word but one reads the last, and no other word reads ahead", True, every
        ),
        Layer(_one_reads(0, 5), 6, 2, "word 1 reads the last word, and no other word reads ahead", True, every),
        Layer(
            _one_number,
            4,
            3,
            "only the last number of the next word is read",
            True,
            "Move all numbers of a word, or each.",
        ),
        Layer(
            _cancelling,
            4,
            3,
            "what is read ahead is added to one number and taken from another",
            True,
            "Compare number by number: a sum over the outputs hides it.",
        ),
        Layer(
            _multiplying,
            4,
            3,
            "each word is multiplied by the next one",
            True,
            "Where all words are 0 nothing moves: draw random ones, and move them by something.",
        ),
        Layer(
            _masked_after,
            60,
            2,
            "the mask comes after the softmax, so that later words still weigh in its sum",
            True,
            "The outputs move by a thousandth or less: compare more exactly.",
        ),
        Layer(_own, 1, 3, "each output depends on its own word alone", False, "There are no later words."),
    ]


def _own(x):
    return x.tanh() + 1


def _attention(x, keep, after=False):
    """Attention of words with themselves, a mask before or after the softmax; by hand, so that 0 is exactly 0."""
    scores = x @ x.T / x.shape[1] ** 0.5
    if after:
        return (scores.softmax(1) * keep) @ x
    return scores.masked_fill(~keep, -torch.inf).softmax(1) @ x


def _masked(ahead):
    return lambda x: _attention(x, torch.ones(len(x), len(x)).tril(ahead).bool())


def _masked_after(x):
    small = 0.3 * x.tanh()  # so that no move is large in the softmax
    return _attention(small, torch.ones(len(x), len(x)).tril().bool(), after=True)


def _one_reads(reader, ahead):
    """Words read what comes before them, and one reads another one ahead, both counted from 0."""

    def layer(x):
        push = torch.zeros_like(x)
        if len(x) > ahead:
            push[reader] = x[ahead]
        return x.cumsum(0) + push

    return layer


def _next(x):
    """The word after each, and 0 after the last."""
    return torch.cat([x[1:], torch.zeros_like(x[:1])])


def _one_number(x):
    return x + _next(x)[:, -1:]


def _cancelling(x):
    sign = torch.zeros(x.shape[1], dtype=x.dtype)
    sign[0], sign[1] = 1.0, -1.0
    return x + _next(x)[:, :1] * sign


def _multiplying(x):
    return x * _next(x)
