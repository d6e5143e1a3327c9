"""Steps of recurrences, and what many of them are together: the kinds of lesson 12."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SIDE = 8  # of the dense matrix, in the figure


@dataclass(frozen=True)
class Kind:
    """One kind of step.

    formula: what a step does to h. numbers: from how many steps to how many numbers hold them at once. apply: (step,
    h) to the next h. compose: two steps as one, the first one first; None where no small form is known. draw: from
    numpy's RandomState to one step. start: an h to begin with. operations: of one step, and of composing two; the
    latter None where it grows.
    """

    formula: str
    numbers: Callable[[int], int]
    operations: tuple[int, int | None]
    apply: Callable | None = None
    compose: Callable | None = None
    draw: Callable | None = None
    start: object = None


def affine(first, second):
    """Two steps h → a h + b as one."""
    return second[0] * first[0], second[0] * first[1] + second[1]


def max_plus(first, second):
    """Two steps h → max(h + a, b) as one."""
    return first[0] + second[0], max(first[1] + second[0], second[1])


def moebius(first, second, scaled=True):
    """Two steps h → (a h + b)/(c h + d) as one: the product of their matrices, (a, b, c, d).

    scaled: divided by its largest number, which changes nothing in the quotient and keeps it from overflowing.
    """
    (a, b, c, d), (e, f, g, h) = first, second
    product = e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d
    largest = max(map(abs, product)) if scaled else 1.0
    return tuple(number / largest for number in product)


def table(first, second):
    """Two maps of a few states as one: where the second sends what the first gives."""
    return tuple(second[state] for state in first)


def _moebius_applied(step, h):
    a, b, c, d = step
    return (a * h + b) / (c * h + d)


def _move(stream):
    return ((1, 0, 2, 3, 4), (1, 2, 3, 4, 0))[stream.randint(2)]


KINDS = {
    "a h + b": Kind(
        formula="h → a h + b",
        numbers=lambda n: 2,
        operations=(2, 3),
        apply=lambda step, h: step[0] * h + step[1],
        compose=affine,
        draw=lambda stream: tuple(stream.uniform(-1, 1, 2).tolist()),
        start=1.0,
    ),
    "max-plus": Kind(
        formula="h → max(h + a, b)",
        numbers=lambda n: 2,
        operations=(2, 3),
        apply=lambda step, h: max(h + step[0], step[1]),
        compose=max_plus,
        draw=lambda stream: tuple(stream.uniform(-1, 1, 2).tolist()),
        start=0.0,
    ),
    "Möbius": Kind(
        formula="h → (a h + b)/(c h + d)",
        numbers=lambda n: 4,
        operations=(5, 12),
        apply=_moebius_applied,
        compose=moebius,
        draw=lambda stream: tuple(stream.uniform(0.5, 2, 4).tolist()),
        start=1.0,
    ),
    "five cups": Kind(
        formula="ball → table[ball]",
        numbers=lambda n: 5,
        operations=(1, 5),
        apply=lambda step, ball: step[ball],
        compose=table,
        draw=_move,
        start=0,
    ),
    "dense 8 × 8": Kind(
        formula="h → A h + b",
        numbers=lambda n: SIDE**2 + SIDE,
        operations=(2 * SIDE**2, 2 * SIDE**3 + 2 * SIDE**2),
    ),
    "h² + c": Kind(formula="h → h² + c", numbers=lambda n: 2**n + 1, operations=(2, None)),
    "tanh": Kind(formula="h → tanh(w h + x), a word x in each step", numbers=lambda n: n, operations=(3, None)),
}


def draw(kind: str, T: int, seed: int = 0) -> list:
    """T random steps of a kind, the same on every machine."""
    stream = np.random.RandomState(seed)
    return [KINDS[kind].draw(stream) for _ in range(T)]


def in_a_loop(kind: str, steps: list) -> list:
    """Every h, one step after the other."""
    h, all_of_them = KINDS[kind].start, []
    for step in steps:
        h = KINDS[kind].apply(step, h)
        all_of_them.append(h)
    return all_of_them


def in_a_tree(steps: list, compose: Callable) -> tuple[list, int, int]:
    """Hillis and Steele 1986: all prefixes, each as one step; the rounds and the combines that it took.

    >>> in_a_tree([(2, 1), (3, 5), (1, 1)], affine)  # the last: h → 6h + 9
    ([(2, 1), (6, 8), (6, 9)], 2, 3)
    """
    reach, rounds, combines = 1, 0, 0
    while reach < len(steps):
        steps = steps[:reach] + [compose(first, second) for first, second in zip(steps, steps[reach:], strict=False)]
        combines += len(steps) - reach
        reach, rounds = 2 * reach, rounds + 1
    return steps, rounds, combines


def tree_misses(kind: str, T: int) -> float:
    """How far the tree's last states are from the loop's, at most, relative to their size."""
    steps = draw(kind, T)
    composites, _, _ = in_a_tree(steps, KINDS[kind].compose)
    pairs = zip(composites, in_a_loop(kind, steps), strict=True)
    return max(abs(KINDS[kind].apply(step, KINDS[kind].start) - h) / max(1.0, abs(h)) for step, h in pairs)


def rounds(T: int) -> int:
    """Of a tree over T steps: ⌈log₂ T⌉.

    >>> [rounds(T) for T in (6, 60, 600, 6000)]
    [3, 6, 10, 13]
    """
    return (T - 1).bit_length()


def combines(T: int) -> int:
    """Of Hillis and Steele's tree over T steps; in its last rounds fewer and fewer prefixes are not done.

    >>> [combines(T) for T in (6, 60, 64, 600, 6000)]
    [11, 297, 321, 4977, 69809]
    """
    return T * rounds(T) - 2 ** rounds(T) + 1


def power_of_ten(exponent_of_two: int) -> int:
    """2^n as a power of ten, rounded."""
    return round(exponent_of_two * math.log10(2))
