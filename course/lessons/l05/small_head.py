"""A head of attention small enough to print, taught in seconds: which word does each small word belong to?

The weights were made by `train(seed=1)`, and rounded to one digit. Examples: rows of small and other words at random.
A small word has to read the next word that is not small; any other word itself.
"""

import torch

from helpers import attention_weights

from ...words import MOST_WORDS

OTHER = "any other word"
# What is added up to a query of three numbers and a key of three: for the word …
WORDS = {
    "the": (-1.0, -2.4, 4.5, 0.2, 5.5, -2.9),
    "a": (-1.0, -2.4, 4.4, 0.4, 6.0, -3.1),
    "an": (-0.9, -2.6, 5.0, 0.4, 5.5, -2.6),
    "this": (-0.7, -2.9, 4.6, 0.2, 5.1, -2.5),
    "my": (-1.1, -1.7, 4.9, 0.3, 6.0, -2.9),
    "your": (-1.0, -2.4, 4.5, 0.3, 6.3, -2.8),
    "his": (-1.0, -2.5, 4.4, 0.3, 5.8, -2.7),
    "her": (-0.8, -2.4, 4.7, 0.2, 5.5, -2.6),
    "its": (-1.0, -2.5, 4.8, 0.4, 5.8, -2.6),
    "on": (-1.1, -2.0, 4.8, 0.3, 6.2, -2.9),
    "in": (-0.8, -2.7, 4.8, 0.1, 6.0, -2.5),
    "at": (-1.1, -2.2, 4.9, 0.3, 5.8, -2.7),
    "of": (-0.8, -2.5, 4.5, 0.4, 5.6, -2.8),
    "under": (-1.1, -1.9, 5.0, 0.2, 5.7, -2.9),
    "over": (-1.0, -2.2, 4.5, 0.3, 6.7, -3.0),
    "by": (-0.9, -2.2, 4.4, 0.2, 5.7, -2.6),
    "with": (-1.0, -1.8, 4.9, 0.2, 5.3, -2.7),
    "from": (-0.8, -2.2, 4.9, 0.4, 6.0, -3.2),
    "to": (-1.1, -3.0, 4.9, 0.3, 5.7, -2.6),
    "into": (-0.8, -2.4, 4.8, 0.3, 5.8, -2.7),
    "near": (-1.0, -2.2, 4.5, 0.6, 6.0, -2.6),
    "behind": (-1.0, -2.6, 4.6, 0.7, 6.0, -2.8),
    "for": (-1.2, -2.2, 5.3, 0.3, 6.6, -2.6),
    "and": (-0.9, -2.1, 5.0, 0.7, 5.5, -2.9),
    "any other word": (0.2, -6.8, -2.5, -0.2, -7.1, 4.2),
}
# … and for its place in the sentence.
PLACES = [
    (1.4, -5.1, -7.8, -2.6, 1.0, -14.6),
    (3.8, -2.6, -4.2, 5.8, -1.3, -9.3),
    (3.0, -7.6, 0.6, 9.9, -1.9, -4.2),
    (1.0, -10.1, 3.4, 5.1, -2.8, -0.7),
    (-2.9, -5.7, 1.2, 0.1, -2.5, 0.0),
    (-8.2, -2.4, 1.4, -3.5, -1.2, 1.0),
    (-11.2, 4.7, 4.2, -4.4, 0.3, 1.6),
    (-13.1, 7.2, 11.8, -3.7, 1.8, 3.2),
    (-3.0, 0.0, 14.8, -2.1, 2.7, 4.6),
    (2.9, 1.4, 13.3, -0.6, 3.5, 5.1),
    (5.7, 5.9, 10.3, 0.4, 5.0, 5.1),
    (4.8, 8.9, 7.3, 0.6, 6.5, 4.7),
]
SMALL_WORDS = [word for word in WORDS if word != OTHER]
WIDTH = 3


def queries_and_keys(words):
    """The queries (T, 3) and the keys (T, 3) of these words, at most 12."""
    rows = [WORDS.get(word.lower(), WORDS[OTHER]) for word in words]
    both = torch.tensor(rows, dtype=torch.float64) + torch.tensor(PLACES[: len(words)], dtype=torch.float64)
    return both[:, :WIDTH], both[:, WIDTH:]


def examples(rows, T, generator):
    """Words (rows, T) as numbers, each small or other by the toss of a coin, and which place each has to read.

    The last number stands for all other words; the last word is always one of these.
    """
    small = torch.randint(len(SMALL_WORDS), (rows, T), generator=generator)
    is_other = torch.rand(rows, T, generator=generator) < 0.5
    is_other[:, -1] = True
    places = torch.arange(T).expand(rows, T)
    next_other = torch.where(is_other, places, T).flip(1).cummin(dim=1).values.flip(1)
    return torch.where(is_other, len(SMALL_WORDS), small), next_other


def train(seed=0, steps=1500):
    """W_Q and W_K, one row for each word and then for each place; some seconds."""
    generator = torch.Generator().manual_seed(seed)
    one_hot = torch.eye(len(WORDS) + MOST_WORDS)
    weights = [(0.3 * torch.randn(len(one_hot), WIDTH, generator=generator)).requires_grad_() for _ in "QK"]
    optimizer = torch.optim.Adam(weights, lr=0.05)
    for _ in range(steps):
        T = int(torch.randint(2, MOST_WORDS + 1, (), generator=generator))
        words, goal = examples(64, T, generator)
        inputs = one_hot[words] + one_hot[len(WORDS) : len(WORDS) + T]
        query, key = (inputs @ weight for weight in weights)
        loss = torch.nn.functional.nll_loss(attention_weights(query, key).log().flatten(0, 1), goal.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [weight.detach() for weight in weights]
