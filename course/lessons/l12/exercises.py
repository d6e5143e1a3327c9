"""Lesson 12: two steps as one, the numbers that hold many, the combines of a tree, and max-plus."""

import math

import numpy as np
import torch

from ...exercises import Exercise, Wrong, kind, require
from ...exercises.student import number
from . import steps

PAIRS = [((0.5, 3.0), (0.2, 1.0)), ((2.0, -1.0), (-3.0, 4.0)), ((-0.7, 0.4), (1.3, 0.0)), ((0.0, 2.0), (5.0, 1.0))]


def _pair(student, first, second, names):
    setting = f"first = {first} and second = {second}"
    answer = student(first, second, on=setting)
    needed = f"for {setting} one step is needed, a pair {names}"
    if isinstance(answer, (torch.Tensor, np.ndarray)):  # its shape first: it may be too large for a list
        require(tuple(answer.shape) == (2,), f"{needed}; yours has shape {tuple(answer.shape)}.")
    else:
        require(isinstance(answer, (tuple, list)), f"{needed}; this is {kind(answer)}.")
        require(len(answer) == 2, f"{needed}; yours has {len(answer)} parts.")
    return setting, tuple(number(value, f" as part of the step for {setting}") for value in answer)


def _same(pair, other):
    return all(abs(x - y) < 1e-5 * max(1, abs(y)) for x, y in zip(pair, other, strict=True))


def check_compose(student):
    for first, second in PAIRS:
        setting, pair = _pair(student, first, second, "(a, b)")
        right = steps.affine(first, second)
        if _same(pair, right):
            continue
        for other, sentence in _other_affine(first, second):
            require(not _same(pair, other), f"for {setting} you find {_shown(pair)}. {sentence}")
        raise Wrong(
            f"for {setting} you find {_shown(pair)}: it takes h = 1 to {pair[0] + pair[1]:.4g}, and the two steps, one "
            f"after the other, take it to {right[0] + right[1]:.4g}."
        )


def _other_affine(first, second):
    """[(a pair that is typed by mistake, the sentence)]"""
    (a, b), (c, d) = first, second
    return [
        (steps.affine(second, first), "That is the other order: the second step first."),
        ((a * c, b + d), "The first b goes through the second step too, and is multiplied there."),
        ((a * c, c * (b + d)), "The second b comes after the multiplication: it is only added."),
        ((a * c, a * c * b + d), "The first b has been multiplied by the first a too; it comes after it."),
        ((a + c, c * b + d), "The a's are added. Twice as much of half as much is a product."),
        ((a + c, b + d), "Both are added. Put the first step into the second: c (a h + b) + d."),
        ((a * c, b * d), "The b's are multiplied. Put the first step into the second: c (a h + b) + d."),
        ((c * b + d, a * c), "The two parts are right, in the other order: a stands first."),
    ]


def _shown(pair):
    return f"({pair[0]:.4g}, {pair[1]:.4g})"


# ---- how many numbers

ONE_OF = {
    "affine": lambda n: [2],
    "Möbius": lambda n: [4, 3],
    "dense": lambda n: [12],
    "five states": lambda n: [5, 25],
    "max-plus": lambda n: [2],
    "square": lambda n: [2**n + 1, 2**n, 2 ** (n - 1) + 1, 2 ** (n - 1)],  # all, or without the 1, or even powers only
}
ONE_STEP = {"affine": 2, "Möbius": 4, "dense": 12, "five states": 5, "max-plus": 2, "square": 1}


def check_numbers(student):
    for n in (8, 11, 3):
        for step, accepted in ONE_OF.items():
            setting = f'step = "{step}" and n = {n}'
            answer = student.number(step, n, on=setting)
            if answer in accepted(n):
                continue
            for value, sentence in _other_numbers(step, n):
                require(answer != value, f"for {setting} you say {answer:g}. {sentence}")
            raise Wrong(f"for {setting} you say {answer:g}; compose two by hand, and count what is left to be known.")


def _other_numbers(step, n):
    """[(a count that is typed by mistake, the sentence)]"""
    if step == "square":
        return [
            (3, "That is one step, h² + 0·h + c. Put one into the next: (h² + c)² has h⁴, and the degree doubles."),
            (1, "That is one step's c. Put one into the next: (h² + c)² + c' is of degree 4."),
            (
                n,
                "That is the list of all c's: true, and no gain, since it is worked off one by one. As one polynomial?",
            ),
            (2 * n, "The degree doubles with each step, it does not grow by 2."),
            (2 * n + 1, "The degree doubles with each step, it does not grow by 2."),
            (n + 1, "The degree doubles with each step, it does not grow by 1."),
            (n**2 + 1, "The degree is 2 to the power n, not n to the power 2."),
        ]
    sentences = [
        (
            n * ONE_STEP[step],
            "That is the list of all steps: true, and no gain, since it is worked off one by one. One step of this "
            "kind does what all of them do.",
        ),
        (2**n + 1, "That is what h² + c needs. Here two steps together are a step of the same kind."),
    ]
    more = {
        "dense": [
            (9, "That is A alone; b has 3 numbers more."),
            (72, "That is for 8 × 8; here A is 3 × 3."),
            (6, "A 3 × 3 matrix has 9 numbers, not 3."),
            (3, "That is b alone; A has 9 numbers more."),
        ],
        "affine": [(1, "That is a alone, or b alone."), (3, "h → a h + b has two numbers, a and b.")],
        "Möbius": [(2, "(a h + b)/(c h + d) has four numbers.")],
        "five states": [
            (2, "Two kinds of moves are given, but their composites are many: say where each of five states goes."),
            (120, "There are 120 orders of five cups; to hold one of them takes 5 numbers."),
            (1, "Where the ball of one cup goes is one number; the cup is not known yet, so all five are needed."),
        ],
        "max-plus": [(1, "max(h + a, b) has two numbers, a and b."), (3, "max(h + a, b) has two numbers, a and b.")],
    }
    return more.get(step, []) + sentences


# ---- combines


def check_combines(student):
    for T in (60, 64, 6, 2, 1, 600, 1000):
        right, answer = steps.combines(T), student.number(T)
        if answer == right:
            continue
        for value, sentence in _other_combines(T):
            require(abs(answer - value) > 0.05, f"for T = {T} you find {answer:.6g}. {sentence}")
        raise Wrong(f"for T = {T} you find {answer:g}, and the tree makes {right:,}.")


def _other_combines(T):
    rounds, exact = steps.rounds(T), math.log2(T)
    return [
        (T * rounds, "In the round that reaches back 2^k, the first 2^k prefixes are done and combine with nobody."),
        (T * rounds - T + 1, "That is right for powers of two only: the reaches 1, 2, 4, … add up to 2^rounds − 1."),
        (T * exact - T + 1, "There is no part of a round: the logarithm is rounded up."),
        (T * exact, "There is no part of a round, and the prefixes that are done combine with nobody."),
        (
            T * (rounds - 1) - 2 ** (rounds - 1) + 1,
            "That is one round too few: the reaches go on while they are below T.",
        ),
        (
            T * (rounds + 1) - 2 ** (rounds + 1) + 1,
            "That is one round too many: a reach of T or more combines nobody.",
        ),
        (rounds, "That is the number of rounds; each has many combines."),
        (T - 1, "That is the loop, or the top of the tree alone. Here every prefix is wanted."),
        (T, "That is one combine a step, as a loop makes."),
        (_brent_kung(T), "That is Brent and Kung's tree, up and down: fewer combines in more rounds."),
        (T * (T - 1) / 2, "That is every prefix from scratch; the tree uses what is composed already."),
    ]


def _brent_kung(T):
    """Combines of the tree that goes up and down, over T steps."""
    up = sum(T // 2 ** (k + 1) for k in range(steps.rounds(T)))
    down = sum((T - 2**k) // 2 ** (k + 1) for k in range(steps.rounds(T)))
    return up + down


# ---- max-plus

MAX_PAIRS = [((2.0, 5.0), (-3.0, 4.0)), ((2.0, 5.0), (1.0, 4.0)), ((-1.0, 0.0), (0.5, -2.0)), ((1.5, -4.0), (2.0, 3.0))]


def check_max_plus(student):
    for first, second in MAX_PAIRS:
        setting, pair = _pair(student, first, second, "(a, b)")
        if _same(pair, steps.max_plus(first, second)):
            continue
        for other, sentence in _other_max(first, second):
            require(not _same(pair, other), f"for {setting} you find {_shown(pair)}. {sentence}")
        h = _where_they_differ(pair, first, second)
        raise Wrong(
            f"for {setting} you find {_shown(pair)}: it takes h = {h:g} to {max(h + pair[0], pair[1]):g}, and the two "
            f"steps take it to {_both(h, first, second):g}."
        )


def _both(h, first, second):
    return max(max(h + first[0], first[1]) + second[0], second[1])


def _where_they_differ(pair, first, second):
    return next(h for h in (-100, 100, 0, 1, 3, 5) if max(h + pair[0], pair[1]) != _both(h, first, second))


def _other_max(first, second):
    (a, b), (c, d) = first, second
    return [
        (steps.max_plus(second, first), "That is the other order: the second step first."),
        ((a + c, max(b, d)), "The first b goes through the second step too, and a is added to it there."),
        ((a + c, b + c), "The second step's b is missing: its max is still to be taken."),
        ((a + c, b + d), "The b's are added; they are what the max is taken with."),
        ((a * c, max(b + c, d)), "The a's are multiplied. Here they are added to h, one after the other."),
        ((max(a, c), max(b + c, d)), "Of the a's both are added to h: it is their sum."),
        ((a + c, d), "The first step's b is missing: it matters where it is larger than h + a."),
        ((a * c, b * c + d), "That is how a h + b composes. Here + stands for ×, and max for +."),
    ]


EXERCISES = [
    Exercise(
        id="1",
        function="compose",
        task="Make one step of two steps h → a h + b, the first one first.",
        hints=(
            "Put the first step into the second one, with pencil and paper: what is multiplied by h, what is not?",
            "c · (a h + b) + d = (c a) h + (c b + d), for first = (a, b) and second = (c, d).",
            "return second[0] * first[0], second[0] * first[1] + second[1]",
        ),
        check=check_compose,
    ),
    Exercise(
        id="2",
        function="numbers",
        task="Say how many numbers hold n steps at once: one formula that does what all of them do.",
        hints=(
            "Compose two steps of a kind with pencil and paper. Is the result a step of the same kind?",
            "If it is, n steps need as many numbers as one. A map of five states: where each of the five goes.",
            'A dict for all but the last: 2, 4, 12, 5, 2. "square": each step doubles the degree; a polynomial of degree '
            "2ⁿ has 2ⁿ + 1 coefficients.",
        ),
        check=check_numbers,
    ),
    Exercise(
        id="3",
        function="combines",
        task="Count the combines of Hillis and Steele's tree, for any T, without building it.",
        hints=(
            "In the round with reach r the first r prefixes are done. How many combine?",
            "T − 1, then T − 2, T − 4, …, while the reach is below T. A loop over the reaches is enough.",
            "(T - 1).bit_length() is ⌈log₂ T⌉, the number of rounds R; the sum is T·R − (2^R − 1).",
        ),
        check=check_combines,
    ),
    Exercise(
        id="4",
        function="compose_max",
        task="Make one step of two steps h → max(h + a, b), the first one first.",
        hints=(
            "Put the first into the second: max(max(h + a, b) + c, d). What becomes of max(x, y) + c?",
            "max(x, y) + c = max(x + c, y + c), so it is max(h + a + c, b + c, d).",
            "return first[0] + second[0], max(first[1] + second[0], second[1])",
        ),
        check=check_max_plus,
    ),
]
