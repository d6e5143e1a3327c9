"""Lesson 07: right answers and wrong ones."""

import math

import numpy as np
import torch
from torch import nn

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: the scale


@reference("1")
def score_scale(D, spread_q, spread_k):
    return 1 / (D**0.5 * spread_q * spread_k)  # the variance of q·k is D · spread_q² · spread_k²


@also_right("1")
def scale_from_variance(D, spread_q, spread_k):
    variance = sum((spread_q * spread_k) ** 2 for _ in range(D))
    return variance**-0.5


@also_right("1")
def scale_by_sampling(D, spread_q, spread_k):
    stream = np.random.RandomState(0)
    query, key = spread_q * stream.standard_normal((50_000, D)), spread_k * stream.standard_normal((50_000, D))
    return 1 / (query * key).sum(axis=1).std()


@also_right("1")
def scale_as_tensor(D, spread_q, spread_k):
    return torch.tensor(D * spread_q**2 * spread_k**2).rsqrt()


answers.also_right("1", lambda D, spread_q, spread_k: math.exp(-0.5 * math.log(D)) / spread_q / spread_k)
answers.also_right("1", lambda D, spread_q, spread_k: np.float32(1 / np.sqrt(D * (spread_q * spread_k) ** 2)))


@also_right("1")
def scale_of_each(D, spread_q, spread_k):
    return (D**-0.25 / spread_q) * (D**-0.25 / spread_k)  # half of the root for each side, as some do for stability


WRONG_SCALES = {
    "which is right for spreads of 1": lambda D, q, k: 1 / math.sqrt(D),
    "the spread is taken to grow with D": lambda D, q, k: 1 / (D * q * k),
    "the root is taken of the spreads too": lambda D, q, k: 1 / math.sqrt(D * q * k),
    "this is the spread of q·k itself": lambda D, q, k: math.sqrt(D) * q * k,
    "the spreads are squared outside the root": lambda D, q, k: 1 / (math.sqrt(D) * q**2 * k**2),
    "the spreads are added": lambda D, q, k: 1 / (math.sqrt(D) * (q + k)),
    "one over the variance": lambda D, q, k: 1 / (D * q**2 * k**2),
    "the number of terms is missing": lambda D, q, k: 1 / (q * k),
    "the spread of the keys is missing": lambda D, q, k: 1 / (math.sqrt(D) * q),
    "the spread of the queries is missing": lambda D, q, k: 1 / (math.sqrt(D) * k),
    "A scale is positive": lambda D, q, k: -1 / (math.sqrt(D) * q * k),
    "have the spread 0.5": lambda D, q, k: 0.5 / (math.sqrt(D) * q * k),
}
for sentence, answer in WRONG_SCALES.items():
    wrong("1", sentence, answer)


# ---- 2: the weights of a block


@reference("2")
def block_parameters(d):
    attention = 4 * d * d  # W_Q, W_K, W_V, W_O
    feed_forward = 2 * d * (4 * d)  # up and down
    return attention + feed_forward


answers.also_right("2", lambda d: 12 * d**2)
answers.also_right("2", lambda d: float(12 * d * d))
answers.also_right("2", lambda d: np.int64(d) ** 2 * 12)
answers.also_right("2", lambda d: torch.tensor(3 * (2 * d) ** 2))


@also_right("2")
def counted_in_torch(d):
    shapes = [(d, d)] * 4 + [(4 * d, d), (d, 4 * d)]
    return sum(torch.empty(shape, device="meta").numel() for shape in shapes)


@also_right("2")
def counted_in_modules(d):
    with torch.device("meta"):
        parts = [nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)]
        parts += [nn.Linear(d, 4 * d, bias=False), nn.Linear(4 * d, d, bias=False)]
    return sum(weight.numel() for part in parts for weight in part.parameters())


WRONG_COUNTS = {
    "After the heads comes W_O": lambda d: 11 * d * d,
    "has one matrix instead of two": lambda d: 8 * d * d,
    "W_O and one of the two": lambda d: 7 * d * d,
    "is 4 d wide inside, not d": lambda d: 6 * d * d,
    "counted for each of 8 heads": lambda d: 40 * d * d,
    "attention alone": lambda d: 4 * d * d,
    "W_O and the feed-forward part are missing": lambda d: 3 * d * d,
    "both LayerNorms: right there": lambda d: 12 * d * d + 13 * d,
    "The biases are counted too": lambda d: 12 * d * d + 9 * d,
    "one is counted": lambda d: 9 * d * d,
    "a matrix has as many rows as columns": lambda d: 12 * d,
    "That is two blocks": lambda d: 24 * d * d,
    "you find 301, and the six matrices have 300 numbers": lambda d: 12 * d * d + 1,
}
for sentence, answer in WRONG_COUNTS.items():
    wrong("2", sentence, answer)


# ---- 3: the difference left


@reference("3")
def difference_left(X):
    apart = X - X.mean(dim=0)  # (T, D) without (D,), the mean word
    return (apart.norm() / X.norm()).item() if X.any() else 0.0


@also_right("3")
def difference_by_numpy(X):
    words = X.numpy()
    whole = np.linalg.norm(words)
    return np.linalg.norm(words - words.mean(axis=0, keepdims=True)) / whole if whole > 0 else 0


@also_right("3")
def difference_with_a_floor(X):
    return (X - X.mean(dim=-2, keepdim=True)).norm() / X.norm().clamp_min(1e-12)


@also_right("3")
def difference_by_squares(X):
    whole = X.square().sum()
    return ((whole - len(X) * X.mean(dim=0).square().sum()).clamp_min(0) / (whole + 1e-300)).sqrt().item()


@also_right("3")
def difference_by_loop(X):
    mean = sum(X) / len(X)
    above = sum(float(((word - mean) ** 2).sum()) for word in X)
    below = sum(float((word**2).sum()) for word in X)
    return math.sqrt(above / below) if below else 0.0


@also_right("3")
def difference_by_projection(X):
    centre = torch.eye(len(X), dtype=X.dtype) - 1 / len(X)
    return torch.nan_to_num((centre @ X).norm() / X.norm())


@also_right("3")
def difference_in_float32(X):
    X = X.float()
    return 0.0 if float(X.norm()) == 0 else float((X - X.mean(0)).norm() / X.norm())


WRONG_SHARES = {
    "Take it over the words: dim=0": lambda X: (X - X.mean(dim=1, keepdim=True)).norm() / X.norm(),
    "the mean is one number, of everything": lambda X: (X - X.mean()).norm() / X.norm(),
    "the norms are squared": lambda X: (X - X.mean(dim=0)).square().sum() / X.square().sum(),
    "divided by the norm of the mean": lambda X: (X - X.mean(dim=0)).norm() / X.mean(dim=0).norm(),
    "this is a standard deviation": lambda X: X.std(),
    "compares the first two words": lambda X: 1 - torch.cosine_similarity(X[0], X[1], dim=0),
    "0 divided by 0": lambda X: (X - X.mean(dim=0)).norm() / X.norm(),
    "this is the difference itself": lambda X: (X - X.mean(dim=0)).norm(),
    "the share is upside down": lambda X: X.norm() / (X - X.mean(dim=0)).norm(),
    "one minus the share": lambda X: 1 - (X - X.mean(dim=0)).norm() / X.norm(),
    "the norm of the mean, once": lambda X: X.mean(dim=0).norm() / X.norm(),
    "A share does not grow with the numbers": lambda X: (X - X.mean(dim=0)).abs().sum(),
    "and it is": lambda X: 0.5 * difference_left(X),
    "nothing is different": lambda X: max(0.1, difference_left(X)),
    "all is difference": lambda X: min(0.99, difference_left(X)),
    "all zero you find 1": lambda X: (X - X.mean(dim=0)).norm() / X.norm() if X.any() else 1.0,
}
for sentence, answer in WRONG_SHARES.items():
    wrong("3", sentence, answer)


# ---- 4: two kernels


@reference("4")
def as_kernels(up, down):
    return up[:, :, None], down[:, :, None]  # (outputs, inputs, 1): a kernel that covers one word


answers.also_right("4", lambda up, down: [up.unsqueeze(-1), down.unsqueeze(-1)])
answers.also_right("4", lambda up, down: (up.numpy()[..., np.newaxis], down.numpy()[..., np.newaxis]))
answers.also_right("4", lambda up, down: (up.reshape(*up.shape, 1), down.reshape(*down.shape, 1)))
answers.also_right("4", lambda up, down: tuple(torch.stack([matrix], dim=2) for matrix in (up, down)))
answers.also_right("4", lambda up, down: (up[..., None].float(), down[..., None].float()))


@also_right("4")
def kernels_of_layers(up, down):
    layers = [nn.Conv1d(matrix.shape[1], matrix.shape[0], 1) for matrix in (up, down)]
    for layer, matrix in zip(layers, (up, down), strict=True):
        layer.weight.data[:, :, 0] = matrix
    return tuple(layer.weight.data for layer in layers)


def _wide(matrix):
    return torch.stack([torch.zeros_like(matrix), matrix, torch.zeros_like(matrix)], dim=2)


WRONG_KERNELS = {
    "A kernel has an axis for the places": lambda up, down: (up, down),
    "stands last, not first": lambda up, down: (up[None], down[None]),
    "stands last, not in the middle": lambda up, down: (up[:, None], down[:, None]),
    "outputs and inputs are exchanged": lambda up, down: (up.T[:, :, None], down.T[:, :, None]),
    "or the two kernels are": lambda up, down: (down[:, :, None], up[:, :, None]),
    "yours has shape": lambda up, down: (up[1:, :, None], down[:, :, None]),
    "covers 3 places": lambda up, down: (_wide(up), _wide(down)),
    "two kernels are needed": lambda up, down: up[:, :, None],
    "holds other numbers": lambda up, down: (2 * up[:, :, None], down[:, :, None]),
    "the second kernel holds other numbers": lambda up, down: (up[:, :, None], down[:, :, None].abs()),
    "square ones do not complain": lambda up, down: (
        up[:, :, None],
        (down.T if len(down) == down.shape[1] else down)[:, :, None],
    ),
}
for sentence, answer in WRONG_KERNELS.items():
    wrong("4", sentence, answer)
