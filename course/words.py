"""Sentences to vectors, the same on every machine."""

import functools
import unicodedata
import zlib
from collections.abc import Sequence

import numpy as np
import torch

SENTENCE = "The mat rested on the floor"
MOST_WORDS = 12
MOST_LETTERS = 24  # of a word: more would not be legible in any figure
WITHIN = "'’-"  # don't, two-layer


def split_words(sentence: str) -> list[str]:
    """The words of a sentence in any script, at most 12 of at most 24 letters; ValueError if there are none.

    >>> split_words("Stop! (Really?) 50 %")
    ['Stop', 'Really', '50']
    """
    text = unicodedata.normalize("NFC", sentence[:10_000])
    spaced = "".join(letter if letter in WITHIN or _kind(letter) in "LMN" else " " for letter in text)
    parts = [part.strip(WITHIN) for part in spaced.replace("--", " ").split()]
    words = [part for part in parts if any(_kind(letter) in "LN" for letter in part)]
    if not words:
        raise ValueError("Type a sentence of one word or more.")
    return [word if len(word) <= MOST_LETTERS else word[: MOST_LETTERS - 1] + "…" for word in words[:MOST_WORDS]]


def _kind(letter):
    """L for a letter, M for a mark on one (as in Hindi or Thai), N for a digit."""
    return unicodedata.category(letter)[0]


def embed(words: Sequence[str], width: int = 16) -> torch.Tensor:
    """One unit vector a word, (T, width) in float64, made from the word's letters.

    A trained model learns its embeddings. These are sums of one fixed random vector for each run of one to three
    letters (as in fastText, Bojanowski et al. 2017), so words that share letters lie close: mat and mats, The and the.
    Raises TypeError for a string instead of a list of words, ValueError for no word or an empty one.

    >>> vectors = embed(["mat", "mats", "dog"])
    >>> vectors.shape, bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    (torch.Size([3, 16]), True)
    """
    if isinstance(words, str):
        raise TypeError(f"embed needs a list of words, not the string {words!r}; use split_words.")
    if not len(words) or not all(map(_runs, words)):
        raise ValueError(f"embed needs words, each with a letter or more; given: {list(words)!r:.60}.")
    vectors = np.stack([sum(_letters(run, width) for run in _runs(word)) for word in words])
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _runs(word):
    """The runs of one to three letters, with marks for the word's start and end."""
    marked = f"<{word}>"
    return [marked[i : i + n] for n in (1, 2, 3) for i in range(len(marked) - n + 1) if marked[i : i + n].strip("<>")]


@functools.lru_cache(maxsize=10_000)
def _letters(run, width):
    # RandomState: numpy promises that its stream never changes.
    return np.random.RandomState(zlib.crc32(run.encode())).standard_normal(width)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers in float64, the same on every machine and in every version.

    >>> draw(2, 3).shape, round(draw(1).item(), 4)
    (torch.Size([2, 3]), 1.7641)
    """
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape))
