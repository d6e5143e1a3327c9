"""A net for pencil and paper, whose words and states are two numbers each."""

import numpy as np
import torch

VECTORS = {
    "man": (1, 0),
    "eats": (0, 1),
    "dog": (-1, -1),
    "the": (-0.5, 0.5),
    "mat": (-1, 0),
    "rested": (-0.5, 0),
    "on": (0.5, -1),
    "floor": (0.5, 0.5),
}


def tiny_rnn(sentence):
    """The words of a sentence, their vectors X (T, 2), and the net's weights U and W (2, 2), in float64.

    Set by hand: W turns a state by 63° to the left and stretches it by 1.12, U turns a word by 27°.
    Raises ValueError for a word that has no vector.
    """
    words = sentence.split()
    missing = [word for word in words if word.lower() not in VECTORS]
    if missing or not words:
        raise ValueError(f"The tiny net reads {', '.join(VECTORS)}; given: {', '.join(missing) or 'no word'}.")
    inputs = torch.tensor([VECTORS[word.lower()] for word in words], dtype=torch.float64)
    from_word = torch.tensor([[1, -0.5], [0.5, 1]], dtype=torch.float64)
    from_state = torch.tensor([[0.5, -1], [1, 0.5]], dtype=torch.float64)
    return words, inputs, from_word, from_state


def random_words(T, seed=0):
    """The vectors (T, 2) of T words drawn at random from the tiny net's vocabulary, the same on every machine."""
    # RandomState: numpy promises that its stream never changes.
    chosen = np.random.RandomState(seed).randint(0, len(VECTORS), T)
    return torch.tensor(list(VECTORS.values()), dtype=torch.float64)[torch.from_numpy(chosen)]
