"""A real text that needs no download: the help topics that Python has about itself, in `pydoc_data.topics`.

Every version of Python has other topics, so what is learned from them differs between versions.
"""

import functools
import platform
import re
from typing import NamedTuple

import torch
from torch import Tensor

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
            raise ValueError(f"The text has no {' '.join(map(repr, missing))}; it is in lower case, without line ends.")
        return torch.tensor([self.alphabet.index(letter) for letter in letters], dtype=torch.int64)

    def decode(self, numbers: Tensor) -> str:
        """Numbers (T,) to letters."""
        return "".join(self.alphabet[number] for number in numbers.tolist())


def help_topics() -> dict[str, list[str]]:
    """{topic: its paragraphs}, as Python's help() shows them, in lower case.

    Runs of blanks are one blank, more than two equal signs in a row are two; a paragraph that stands in several topics
    stays in the first of them alone, so that the test holds none that was trained on.

    >>> [paragraph[:18] for paragraph in help_topics()["lambda"] if paragraph.startswith("lambda e")]
    ['lambda expressions']
    """
    from pydoc_data.topics import topics

    seen, cleaned = set(), {}
    for name in sorted(topics):
        paragraphs = [_shortened(paragraph) for paragraph in re.split(r"\n\s*\n", topics[name].lower())]
        cleaned[name] = [paragraph for paragraph in dict.fromkeys(paragraphs) if paragraph and paragraph not in seen]
        seen.update(paragraphs)
    return cleaned


def _shortened(paragraph):
    return re.sub(r"([^\w\s])\1{2,}", r"\1\1", " ".join(paragraph.split()))


@functools.cache
def help_text() -> Text:
    """All help topics as one text for the training, and every tenth topic as one for the test.

    >>> text = help_text()
    >>> text.decode(text.encode("a list")), bool(len(text.train) > 5 * len(text.test) > 0)
    ('a list', True)
    >>> text.source
    'the help topics of Python 3...'
    """
    topics = [" ".join(paragraphs) for paragraphs in help_topics().values() if paragraphs]
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
