"""Lesson 13: parity by hand, the lead that a key needs, which of three questions has failed, and the pairs that fit."""

import math
import random
from collections.abc import Sequence

import numpy as np
import torch

from ...exercises import Exercise, kind, number, plural, require, shown

SMALLEST = np.finfo(np.float32).tiny  # 10⁻³⁸; many devices take what is smaller for 0
LENGTHS = (1, 2, 3, 4, 7, 60, 600, 6000, 20_000)  # bits in the texts, the shortest first
PAIR = "two numbers, the first for the bit 0 and the second for the bit 1"


def check_parity(student):
    a, b, start = _steps(student())
    for T in LENGTHS:
        bits = random.Random(T).choices((0, 1), k=T)
        for text in ([1] * T, [0] * T, bits) if T < 60 else (bits,):
            _read(text, a, b, start)
    return "The sign is right at every place of texts of up to 20,000 bits, in float32 as in a net."


def _steps(answer):
    """((a for 0, a for 1), (b for 0, b for 1), first state) as floats."""
    require(
        isinstance(answer, (tuple, list)) and len(answer) == 3,
        f"parity_weights returned {kind(answer)}; three things are needed: return a, b, start.",
    )
    a, b, start = answer
    return _pair(a, "a"), _pair(b, "b"), number(start, " for start")


def _pair(values, name):
    require(not callable(values), f"{name} is a function; {PAIR}, are needed, as in {name} = (0.5, 2).")
    is_array = isinstance(values, (torch.Tensor, np.ndarray))
    pair = values.tolist() if is_array and tuple(values.shape) == (2,) else values
    right = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
    require(right, f"{name} is {shown(values)}; {PAIR}, are needed.")
    return tuple(number(value, f" in {name}") for value in pair)


def _read(text, a, b, start):
    hidden, odd = np.float32(start), False
    _require_sign(hidden, odd, [], a, b, start)
    for place, bit in enumerate(text, 1):
        with np.errstate(over="ignore"):
            hidden, odd = np.float32(a[bit] * float(hidden) + b[bit]), odd != bool(bit)
        hidden = hidden if abs(hidden) >= SMALLEST else np.float32(0)
        _require_sign(hidden, odd, text[:place], a, b, start)


def _require_sign(hidden, odd, text, a, b, start):
    if np.isfinite(hidden) and (hidden < 0 if odd else hidden > 0):
        return
    words = _in_words(text)
    require(np.isfinite(hidden), f"{words} h is no finite number of float32 any more: its size must not grow.")
    if not text:
        require(start != 0, "start is 0. A state of 0 has no sign, and nothing to flip: give it one.")
        require(
            False, f"before the first bit the ones are 0, which is even, and h = {start:g} is below 0. Turn it round."
        )
    require(
        not (a == (1, 1) and b[0] == 0),
        f"{words} h = {hidden:g}: with a = 1 it counts the ones. A count goes one way, and does not turn at each 1.",
    )
    shrank = hidden == 0 and b == (0, 0) and all(a)
    require(not shrank, f"{words} h is below 10⁻³⁸, where float32 ends: it shrank all the way. Take an a of size 1.")
    require(hidden != 0, f"{words} h is 0, and has no sign. Which bit made it 0?")
    require(
        not (a[0] < 0 < a[1]), f"{words} h = {hidden:g}: it flips at a 0 and stays at a 1. It is the ones that count."
    )
    side, size = ("odd", "below 0") if odd else ("even", "above 0")
    require(False, f"{words} h = {hidden:g}. The ones are {side} in number, so it should be {size}.")


def _in_words(text):
    shown_bits = "".join(map(str, text))
    return f"after the bits {shown_bits}" if len(text) <= 8 else f"after {plural(len(text), 'bit')}"


def lead_of(weight, n):
    """How much higher one score must be than n − 1 equal others, so that its softmax weight is this."""
    return math.log(weight * (n - 1) / (1 - weight))


def check_lead(student):
    for weight, n in ((0.9, 6), (0.9, 600), (0.5, 6), (0.99, 6000), (0.2, 3), (0.9, 1_000_000)):
        answer, right = student.number(weight, n), lead_of(weight, n)
        if abs(answer - right) < 0.004 * max(1, abs(right)):
            continue
        here = f"for weight = {weight}, n = {n:,} it gives {answer:.4g}"
        for value, sentence in _other_leads(weight, n):
            require(not math.isclose(answer, value, rel_tol=1e-3, abs_tol=1e-3), f"{here}: {sentence}")
        others = math.expm1(math.log(n)) if answer > 700 else n - 1
        got = 1 / (1 + others * math.exp(-min(max(answer, -700), 700)))
        require(False, f"{here}; with that lead the weight is {got:.3g}.")


def _other_leads(weight, n):
    """[(a lead that is typed by mistake, the sentence)]"""
    odds = weight / (1 - weight)
    return [
        (odds * (n - 1), "that is e to the lead. Take the natural logarithm."),
        (math.log(odds), "the number of keys is missing. There are n − 1 others, each with a weight of its own."),
        (math.log(odds * n), "there are n − 1 others, not n."),
        (math.log2(odds * (n - 1)), "that is the logarithm to base 2. The softmax has e."),
        (math.log10(odds * (n - 1)), "that is the logarithm to base 10. The softmax has e."),
        (math.log(weight * (n - 1)), "the others share 1 − weight: divide by it."),
        (math.log(weight * n), "the others share 1 − weight: divide by it. And there are n − 1 of them."),
        (math.log((n - 1) / (1 - weight)), "the weight itself is missing: the odds are weight / (1 − weight)."),
        (-math.log(odds * (n - 1)), "the sign is turned round: with it the key would have less than the others."),
        (math.log(odds) - math.log(n - 1), "the number of others is divided by. More of them need a longer lead."),
        (math.log(odds) + (n - 1), "n − 1 stands outside the logarithm."),
    ]


ANSWERS = ("no weights", "not found", "does not hold beyond", "all three")
CASES = [
    # (weights exist, right where it was taught, right beyond, the answer, whose case this is)
    (True, 1.0, 1.0, "all three", "an Elman net, parity"),
    (True, 0.5, 0.5, "not found", "a Transformer on long texts: a construction is known"),
    (True, 1.0, 0.5, "does not hold beyond", "signed gates, first state 0"),
    (True, 1.0, 0.2, "does not hold beyond", "orthogonal matrices, five cups"),
    (True, 0.34, 0.07, "not found", "a state that could hold the pairs, and does not"),
    (True, 0.95, 0.92, "all three", "a little below 1, and right"),
    (True, 0.99, 0.85, "does not hold beyond", "beyond 0.85"),
    (False, 0.97, 0.2, "no weights", "no weights for all lengths, right on short texts"),
    (False, 0.5, 0.5, "no weights", "gates between 0 and 1, parity of any length"),
    (True, 0.6, 0.55, "not found", "five cups, where guessing has 0.2"),
    (True, 0.9, 0.9, "all three", "exactly 0.9"),
]


def check_which(student):
    for exists, taught, beyond, right, whose in CASES:
        setting = f"weights_exist = {exists}, taught = {taught:g}, beyond = {beyond:g}"
        answer = student.choice(exists, taught, beyond, options=ANSWERS, on=setting)
        require(answer == right, f'for {setting} ({whose}) you say "{answer}". {_why(exists, taught, beyond, answer)}')


def _why(exists, taught, beyond, answer):
    if not exists:
        if answer == "not found":
            return "There are none for all lengths: training could not find any. Whether they exist is asked first."
        return "There are none for all lengths: short texts can be learned by heart, and that is no way to do it."
    if answer == "no weights":
        return "There are weights that can do it, so this is not what failed."
    if taught < 0.9:
        missed = f"Where it was taught it is right in {taught:g}, fewer than 0.9: training has not found them."
        early = " That is asked before what lies beyond." if answer == "does not hold beyond" else ""
        return missed + (" A half is not enough." if taught > 0.5 else early)
    if beyond < 0.9:
        return "Found they are, since it is right where it was taught; and beyond it is right in fewer than 0.9."
    exactly = " 0.9 itself counts." if 0.9 in (taught, beyond) else ""
    return f"Both shares are at least 0.9: nothing has failed.{exactly}"


def bits_needed(n, keys, values):
    """Bits that tell apart all sets of n pairs: which keys, and a value for each."""
    return math.log2(math.comb(keys, n)) + n * math.log2(values)


def pairs_that(bits, keys, values):
    """The most pairs that this many bits hold, whichever they are."""
    n = 0
    while n < keys and bits_needed(n + 1, keys, values) <= bits + 1e-9:
        n += 1
    return n


def check_pairs(student):
    for bits, keys, values in (
        (150, 256, 16),
        (44, 256, 16),
        (43, 256, 16),
        (32, 16, 8),
        (12, 1000, 2),
        (3, 256, 16),
        (60, 16, 8),
    ):
        answer, right = student.number(bits, keys, values), pairs_that(bits, keys, values)
        if answer == right:
            continue
        here = f"for {bits} bits, {keys:,} keys, {values} values it gives {answer:.6g}"
        for value, sentence in _other_pairs(bits, keys, values):
            near = math.isclose(answer, value, rel_tol=1e-4, abs_tol=1e-4)
            require(not near, f"{here}: {sentence}")
        require(
            right < keys,
            f"{here}; right is {right}: each key comes at most once, so there are no more pairs than keys.",
        )
        need = f"{plural(right, 'pair')} take {bits_needed(right, keys, values):.1f} bits, one more {bits_needed(right + 1, keys, values):.1f}"
        require(False, f"{here}; right is {right}: {need}.")


def _other_pairs(bits, keys, values):
    """[(a number that is typed by mistake, the sentence)]"""
    right, in_order = pairs_that(bits, keys, values), bits / math.log2(keys * values)
    alone = bits / math.log2(values)
    if right == keys:
        return []  # all of them fit, and there is no pair more
    return [
        (math.floor(alone), "only the values are counted. Which keys they belong to must be kept too."),
        (alone, "only the values are counted, and a part of a pair tells nothing."),
        (math.floor(in_order), "that keeps the order of the pairs, and nobody asks for it: log₂ of math.comb(keys, n) names the keys."),
        (in_order, "that keeps the order of the pairs, which nobody asks for, and a part of a pair tells nothing."),
        (math.floor(bits / math.log2(keys)), "only the keys are counted."),
        (right + 1, f"one too many: that would take {bits_needed(right + 1, keys, values):.1f} bits."),
        (right - 1, f"one too few: {right} take {bits_needed(right, keys, values):.1f} bits."),
        (bits, "that is the number of bits. How many does a pair take?"),
        (keys, "that is the number of keys. Do all of them fit?"),
    ]  # fmt: skip


EXERCISES = [
    Exercise(
        id="1",
        function="parity_weights",
        task="The steps h → a h + b for the bits 0 and 1, and the first h, whose sign is the parity: below 0 if odd.",
        hints=(
            "What should a 0 do to h? Nothing. And a 1? It should turn the sign.",
            "a = 1 leaves h as it is, a = −1 turns its sign. b adds something, which is not needed.",
            "a = (1, −1), the first for the bit 0, b = (0, 0), and a first h above 0, since no ones are even.",
        ),
        check=check_parity,
    ),
    Exercise(
        id="2",
        function="lead",
        task="The lead that one of n scores must have over all others, which are equal, to get this weight.",
        hints=(
            "Let the others be 0 and the one Δ. Its weight is e^Δ / (e^Δ + n − 1).",
            "Solve that for e^Δ: the weight, times n − 1, divided by 1 − weight.",
            "Δ = ln(weight · (n − 1) / (1 − weight)).",
        ),
        check=check_lead,
    ),
    Exercise(
        id="3",
        function="which",
        task='Which question has failed? "no weights", "not found", "does not hold beyond", or "all three" are answered yes.',
        hints=(
            "Ask in this order: do weights exist, did training find them, do they hold beyond?",
            "Found: right in at least 0.9 where it was taught. Hold: right in at least 0.9 beyond.",
            'Three ifs, each with its return, and at the end return "all three".',
        ),
        check=check_which,
    ),
    Exercise(
        id="4",
        function="pairs_that_fit",
        task="The most pairs that fit into so many bits, whichever keys and values they have; each key at most once.",
        hints=(
            "How many sets of n keys are there? math.comb(keys, n). And each key has one of `values` values.",
            "n pairs take log₂ comb(keys, n) + n log₂ values bits.",
            "Count n up from 0 while n + 1 pairs still fit; there are no more pairs than keys.",
        ),
        check=check_pairs,
    ),
]
