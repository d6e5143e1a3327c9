"""Functions of numbers that a graph counts as one operation each, where NumPy has none by name."""

import numpy as np


def shifted(numbers: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """numbers − shift, where the shift only keeps exp from overflowing: softmax does not depend on it, and nothing is
    sent back to it."""
    return numbers - shift


def logistic(numbers: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−x)), which never overflows in this form."""
    return 0.5 + 0.5 * np.tanh(numbers / 2)


def rectified(numbers: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(numbers, 0)


def positive_feature(numbers: np.ndarray) -> np.ndarray:
    """elu(x) + 1: x + 1 above 0, exp(x) below."""
    return np.maximum(numbers, 0) + np.exp(np.minimum(numbers, 0))
