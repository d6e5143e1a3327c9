"""Sentences to vectors, the same on every machine."""

import re
import zlib

import numpy as np
import torch

SENTENCE = "The mat rested on the floor"
MOST_WORDS = 12


def split_words(sentence):
    """The words of a sentence, at most 12; ValueError if there are none."""
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", sentence)[:MOST_WORDS]
    if not words:
        raise ValueError("Type a sentence of one word or more.")
    return words


def embed(words, width=16):
    """One unit vector a word, (T, width) in float64, made from the word's letters.

    A trained model learns its embeddings. These are sums of one fixed random vector for each run of one to three
    letters (as in fastText, Bojanowski et al. 2017), so words that share letters lie close: mat and mats, The and the.
    """
    vectors = np.stack([sum(_letters(run, width) for run in _runs(word)) for word in words])
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _runs(word):
    marked = f"<{word}>"
    return [marked[i : i + n] for n in (1, 2, 3) for i in range(len(marked) - n + 1) if marked[i : i + n].strip("<>")]


def _letters(run, width):
    # RandomState: numpy promises that its stream never changes.
    return np.random.RandomState(zlib.crc32(run.encode())).standard_normal(width)


def draw(*shape, seed=0):
    """Standard normal numbers in float64, the same on every machine and in every version."""
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape))
