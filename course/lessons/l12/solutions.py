"""Lesson 12: right answers and wrong ones."""

import math

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: two steps as one


@reference("1")
def compose(first, second):
    return second[0] * first[0], second[0] * first[1] + second[1]  # c (a h + b) + d; of matrices C A, not A C


@also_right("1")
def composed_by_trying(first, second):
    at_0, at_1 = (second[0] * (first[0] * h + first[1]) + second[1] for h in (0.0, 1.0))
    return at_1 - at_0, at_0


@also_right("1")
def composed_as_matrices(first, second):
    one, two = (np.array([[a, b], [0.0, 1.0]]) for a, b in (first, second))
    return (two @ one)[0]


@also_right("1")
def composed_in_torch(first, second):
    (a, b), (c, d) = torch.tensor(first), torch.tensor(second)
    return torch.stack([a * c, b * c + d])


@also_right("1")
def composed_as_list(first, second):
    (a, b), (c, d) = first, second
    return [a * c, c * b + d]


@also_right("1")
def composed_by_fma(first, second):
    return np.float32(first[0] * second[0]), np.float32(np.polyval([second[0], second[1]], first[1]))


@also_right("1")
def composed_by_polynomials(first, second):
    polynomial = np.polynomial.Polynomial(second[::-1])(np.polynomial.Polynomial(first[::-1]))
    b, a = np.resize(np.append(polynomial.coef, 0.0), 2)
    return float(a), float(b)


WRONG_PAIRS = {
    "for first = (0.0, 2.0) and": lambda f, s: compose(f, s) if f[0] else (1, 2),
    "That is the other order": lambda f, s: (f[0] * s[0], f[0] * s[1] + f[1]),
    "is multiplied there": lambda f, s: (f[0] * s[0], f[1] + s[1]),
    "it is only added": lambda f, s: (f[0] * s[0], s[0] * (f[1] + s[1])),
    "multiplied by the first a too": lambda f, s: (f[0] * s[0], f[0] * s[0] * f[1] + s[1]),
    "The a's are added": lambda f, s: (f[0] + s[0], s[0] * f[1] + s[1]),
    "Both are added": lambda f, s: (f[0] + s[0], f[1] + s[1]),
    "The b's are multiplied": lambda f, s: (f[0] * s[0], f[1] * s[1]),
    "a stands first": lambda f, s: (s[0] * f[1] + s[1], s[0] * f[0]),
    "a pair (a, b); this is": lambda f, s: s[0] * f[0] + s[0] * f[1] + s[1],
    "yours has 3 parts": lambda f, s: (f[0] * s[0], s[0] * f[1], s[1]),
    "yours has shape (2, 1)": lambda f, s: np.array([[f[0] * s[0]], [s[0] * f[1] + s[1]]]),
    "it takes h = 1 to": lambda f, s: (f[0] * s[0], s[0] * f[1] - s[1]),
    "Is a return missing": lambda f, s: print(f[0] * s[0], s[0] * f[1] + s[1]),
    "a number is needed": lambda f, s: ("a", "b"),
}
for sentence, answer in WRONG_PAIRS.items():
    wrong("1", sentence, answer)


# ---- 2: how many numbers


@reference("2")
def numbers(step, n):
    if step == "square":
        return 2**n + 1  # each step doubles the degree
    return {"affine": 2, "Möbius": 4, "dense": 3 * 3 + 3, "five states": 5, "max-plus": 2}[step]


def _with(**others):
    """The reference, with another answer for some steps: a number, or a function of n."""
    names = {"moebius": "Möbius", "five": "five states", "most": "max-plus"}
    given = {names.get(name, name): value for name, value in others.items()}

    def answer(step, n):
        value = given.get(step, numbers(step, n))
        return value(n) if callable(value) else value

    return answer


answers.also_right("2", _with(moebius=3))
answers.also_right("2", _with(five=25))
answers.also_right("2", _with(square=lambda n: 2**n))
answers.also_right("2", _with(square=lambda n: 2 ** (n - 1) + 1))
answers.also_right("2", _with(square=lambda n: float(2 ** (n - 1))))


@also_right("2")
def numbers_by_branches(step, n):
    if step in ("affine", "max-plus"):
        return np.int64(2)
    if step == "square":
        return torch.tensor(2).pow(n) + 1
    return 4 if step == "Möbius" else 5 if step == "five states" else 12


@also_right("2")
def numbers_by_composing(step, n):
    if step != "square":
        return numbers(step, n)
    polynomial = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n):
        polynomial = polynomial**2 + 0.1
    return len(polynomial.coef)


ALL = {"affine": 2, "Möbius": 4, "dense": 12, "five states": 5, "max-plus": 2, "square": 1}
WRONG_NUMBERS = {
    "the list of all steps": lambda step, n: n * ALL[step],
    "b has 3 numbers more": _with(dense=9),
    "here A is 3 × 3": _with(dense=72),
    "has 9 numbers, not 3": _with(dense=6),
    "the degree doubles": _with(square=3),
    "the list of all c's": _with(square=lambda n: n),
    "it does not grow by 2": _with(square=lambda n: 2 * n),
    "it does not grow by 1": _with(square=lambda n: n + 1),
    "not n to the power 2": _with(square=lambda n: n * n + 1),
    "is of degree 4": _with(square=1),
    "has four numbers": _with(moebius=2),
    "their composites are many": _with(five=2),
    "to hold one of them takes 5": _with(five=120),
    "all five are needed": _with(five=1),
    "That is what h² + c needs": lambda step, n: 2**n + 1,
    "That is a alone": _with(affine=1),
    "max(h + a, b) has two numbers": _with(most=1),
    "count what is left to be known": _with(moebius=7),
    'step = "square" and n = 3 you say 7': _with(square=lambda n: 2**n + 1 if n > 3 else 7),
    "a number is needed": lambda step, n: step,
}
for sentence, answer in WRONG_NUMBERS.items():
    wrong("2", sentence, answer)


# ---- 3: combines


@reference("3")
def combines(T):
    rounds = (T - 1).bit_length()  # ⌈log₂ T⌉
    return T * rounds - (2**rounds - 1)  # in each round all but the first 1, 2, 4, … combine


@also_right("3")
def combines_by_loop(T):
    reach, total = 1, 0
    while reach < T:
        total, reach = total + T - reach, 2 * reach
    return total


@also_right("3")
def combines_by_building(T):
    prefixes, reach, total = [1] * T, 1, 0
    while reach < T:
        pairs = list(zip(prefixes, prefixes[reach:], strict=False))
        prefixes, total, reach = prefixes[:reach] + [a + b for a, b in pairs], total + len(pairs), 2 * reach
    return total


answers.also_right("3", lambda T: sum(T - 2**k for k in range(T.bit_length()) if 2**k < T))
answers.also_right("3", lambda T: T * math.ceil(math.log2(T)) - 2 ** math.ceil(math.log2(T)) + 1)
answers.also_right("3", lambda T: float(np.maximum(0, T - 2 ** np.arange(12)).sum()))
answers.also_right("3", lambda T: 0 if T == 1 else T - 1 + sum(T - 2**k for k in range(1, (T - 1).bit_length())))


def _rounds(T):
    return (T - 1).bit_length()


def _up_and_down(T):
    return sum(T // 2 ** (k + 1) + (T - 2**k) // 2 ** (k + 1) for k in range(_rounds(T)))


WRONG_COMBINES = {
    "right for powers of two only": lambda T: T * _rounds(T) - T + 1,
    "combine with nobody": lambda T: T * _rounds(T),
    "the logarithm is rounded up": lambda T: T * math.log2(T) - T + 1,
    "There is no part of a round, and": lambda T: T * math.log2(T),
    "one round too few": lambda T: T * (_rounds(T) - 1) - 2 ** (_rounds(T) - 1) + 1,
    "one round too many": lambda T: T * (_rounds(T) + 1) - 2 ** (_rounds(T) + 1) + 1,
    "the number of rounds; each": lambda T: _rounds(T),
    "That is the loop": lambda T: T - 1,
    "one combine a step": lambda T: T,
    "Brent and Kung": _up_and_down,
    "from scratch": lambda T: T * (T - 1) // 2,
    "and the tree makes 297": lambda T: 300,
    "for T = 2 you find": lambda T: combines(T) + (T == 2),
    "for T = 1000 you find": lambda T: combines(T) + (T == 1000),
    "Is a return missing": lambda T: print(combines(T)),
}
for sentence, answer in WRONG_COMBINES.items():
    wrong("3", sentence, answer)


# ---- 4: max-plus


@reference("4")
def compose_max(first, second):
    return first[0] + second[0], max(first[1] + second[0], second[1])


answers.also_right("4", lambda f, s: [s[0] + f[0], max(s[1], f[1] + s[0])])
answers.also_right("4", lambda f, s: (sum((f[0], s[0])), f[1] + s[0] if f[1] + s[0] > s[1] else s[1]))
answers.also_right("4", lambda f, s: np.array([f[0] + s[0], np.maximum(f[1] + s[0], s[1])]))
answers.also_right("4", lambda f, s: torch.tensor([f[0] + s[0], max(f[1] + s[0], s[1])]))


@also_right("4")
def maxima_by_trying(first, second):
    def both(h):
        return max(max(h + first[0], first[1]) + second[0], second[1])

    return both(1e6) - 1e6, both(-1e6)


@also_right("4")
def maxima_as_matrices(first, second):
    nothing = -math.inf
    one, two = (((a, b), (nothing, 0.0)) for a, b in (first, second))
    return tuple(max(two[0][k] + one[k][column] for k in range(2)) for column in range(2))


WRONG_MAXIMA = {
    "That is the other order": lambda f, s: (f[0] + s[0], max(s[1] + f[0], f[1])),
    "a is added to it there": lambda f, s: (f[0] + s[0], max(f[1], s[1])),
    "its max is still to be taken": lambda f, s: (f[0] + s[0], f[1] + s[0]),
    "The b's are added": lambda f, s: (f[0] + s[0], f[1] + s[1]),
    "The a's are multiplied": lambda f, s: (f[0] * s[0], max(f[1] + s[0], s[1])),
    "it is their sum": lambda f, s: (max(f[0], s[0]), max(f[1] + s[0], s[1])),
    "The first step's b is missing": lambda f, s: (f[0] + s[0], s[1]),
    "max for +": lambda f, s: (f[0] * s[0], f[1] * s[0] + s[1]),
    "the two steps take it to": lambda f, s: (f[0] + s[0] + 1, max(f[1] + s[0], s[1])),
    "yours has 3 parts": lambda f, s: (f[0] + s[0], f[1] + s[0], s[1]),
}
for sentence, answer in WRONG_MAXIMA.items():
    wrong("4", sentence, answer)
