"""A real text that needs no download: the help topics that Python has about itself, in `pydoc_data.topics`.

Every version of Python has other topics, so what is learned from them differs between versions.
"""

import functools
import math
import platform
import re
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

EVERY = 10  # of ten topics, one is for the test


class Text(NamedTuple):
    """Letters as numbers. alphabet: the letter of each number; train, test: (N,) int64; source: where it is from."""

    alphabet: str
    train: Tensor
    test: Tensor
    source: str

    def encode(self, letters: str) -> Tensor:
        """Letters to numbers (T,). Raises ValueError for one that the text does not have."""
        missing = sorted(set(letters) - set(self.alphabet))
        if missing:
            raise ValueError(f"The text has no {' '.join(map(repr, missing))}; its letters are {self.alphabet!r}.")
        return torch.tensor([self.alphabet.index(letter) for letter in letters], dtype=torch.int64)

    def decode(self, numbers: Tensor) -> str:
        """Numbers (T,) to letters."""
        return "".join(self.alphabet[number] for number in numbers.tolist())


def help_topics(lower: bool = True) -> dict[str, list[str]]:
    """{topic: its paragraphs}, as Python's help() shows them, in lower case or as they stand.

    Runs of blanks are one blank, more than two equal signs in a row are two; a paragraph that stands in several topics,
    in whatever case, stays in the first of them alone, so that the test holds none that was trained on.

    >>> [paragraph[:18] for paragraph in help_topics()["lambda"] if paragraph.startswith("lambda e")]
    ['lambda expressions']
    """
    from pydoc_data.topics import topics

    seen, cleaned = set(), {}
    for name in sorted(topics):
        paragraphs = [_shortened(paragraph) for paragraph in re.split(r"\n\s*\n", topics[name])]
        first = {paragraph.lower(): paragraph for paragraph in reversed(paragraphs)}
        cleaned[name] = [
            low if lower else first[low] for low in dict.fromkeys(map(str.lower, paragraphs)) if low and low not in seen
        ]
        seen.update(first)
    return cleaned


def _shortened(paragraph):
    return re.sub(r"([^\w\s])\1{2,}", r"\1\1", " ".join(paragraph.split()))


@functools.cache
def help_text(lower: bool = True) -> Text:
    """All help topics as one text for the training, and every tenth topic as one for the test.

    lower: in lower case, some 65 signs; else with capitals, some 90.

    >>> text = help_text()
    >>> text.decode(text.encode("a list")), bool(len(text.train) > 5 * len(text.test) > 0)
    ('a list', True)
    >>> text.source
    'the help topics of Python 3...'
    """
    topics = [" ".join(paragraphs) for paragraphs in help_topics(lower).values() if paragraphs]
    test = " ".join(topics[EVERY - 1 :: EVERY])
    train = " ".join(topic for place, topic in enumerate(topics) if place % EVERY != EVERY - 1)
    alphabet = "".join(sorted(set(train + test)))
    number = {letter: place for place, letter in enumerate(alphabet)}
    parts = (torch.tensor([number[letter] for letter in part], dtype=torch.int64) for part in (train, test))
    return Text(alphabet, *parts, f"the help topics of Python {platform.python_version()}")


def windows(numbers: Tensor, T: int, B: int, generator: torch.Generator) -> Tensor:
    """B windows of T numbers each, from random places of a text (N,): (B, T). Raises ValueError if N < T.

    >>> windows(torch.arange(9), 4, 2, torch.Generator().manual_seed(0)).diff().unique()
    tensor([1])
    """
    if len(numbers) < T:
        raise ValueError(f"A text of {len(numbers)} letters has no window of {T}; ask for a shorter one.")
    starts = torch.randint(len(numbers) - T + 1, (B, 1), generator=generator)
    return numbers[starts + torch.arange(T)]  # (B, 1) + (T,)


def next_letter_loss(model: nn.Module, letters: Tensor) -> Tensor:
    """Each letter of windows (B, T + 1) guesses the next one: the mean cross-entropy of B · T guesses, in nats.

    >>> letters = torch.zeros(2, 4, dtype=torch.int64)
    >>> loss = next_letter_loss(lambda tokens: torch.zeros(*tokens.shape, 8), letters)  # the same score for 8 letters
    >>> round(loss.item() / math.log(2), 3)
    3.0
    """
    return cross_entropy(model(letters[:, :-1]).flatten(0, 1), letters[:, 1:].flatten())


@torch.no_grad()
def bits_a_letter(model: nn.Module, numbers: Tensor, T: int, most: int | None = None) -> float:
    """What a model of next letters loses on a text (N,), cut into windows of T: bits a letter, the mean of all guesses.

    most: at most so many windows, evenly spread.

    >>> bits_a_letter(lambda tokens: torch.zeros(*tokens.shape, 8), torch.zeros(100, dtype=torch.int64), T=9)
    3.0
    """
    pieces = numbers.unfold(0, T + 1, T)  # (windows, T + 1): the last letter of one is the first of the next
    if most is not None and len(pieces) > most:
        pieces = pieces[torch.linspace(0, len(pieces) - 1, most).long()]
    losses = [next_letter_loss(model, batch).item() * len(batch) for batch in pieces.split(64)]
    return round(sum(losses) / len(pieces) / math.log(2), 6)
