"""Lesson 03: the exercises' checks."""

import math

import numpy as np
import torch

from ...exercises import Exercise
from ...exercises.grammar import kind, plural, shown
from ...exercises.student import Wrong, number, require

DEAF = math.atanh(0.99)  # 2.647: from here on tanh is above 0.99


def bias_of(half_life):
    """The bias of a gate that has halved a cell after so many words."""
    return -math.log(2 ** (1 / half_life) - 1)


def half_life_of(bias):
    """Words until a gate with this bias has halved a cell."""
    return math.log(2) / math.log1p(math.exp(-bias))


def check_bias(student):
    for n in (100, 10, 1, 1000, 2.5):
        answer, right = student.number(n), bias_of(n)
        if abs(answer - right) > 0.005 * max(1, abs(right)):
            _name_the_bias(answer, n, right)


def _name_the_bias(answer, n, right):
    gate = 2 ** (-1 / n)
    here = f"for a half-life of {plural(n, 'word')} it gives {answer:.4g}"
    wrongs = {
        gate: "that is the gate itself, between 0 and 1. Which bias does σ need to give it?",
        -right: "the sign is turned: a gate that keeps has a large positive bias.",
        right / 2: "that is half of it. Torch has two biases, but here one bias is asked for.",
        right / math.log(2): "that is the logarithm to base 2. The inverse of σ takes the natural one.",
        right / math.log(10): "that is the logarithm to base 10. The inverse of σ takes the natural one.",
        math.log(2 ** (1 / n)): "that is −ln f. σ turned around is ln(f / (1 − f)).",
        -math.log(math.expm1(1 / n)): "with f = e^(−1/n) e^(−1) is left after n words, not a half. Solve fⁿ = ½ for f.",
        math.log(
            2 * n - 1
        ): "with f = 1 − 1/(2n) half is gone if each word takes as much as the first; it takes a share of what is left. "
        "Solve fⁿ = ½ for f.",
    }
    for value, sentence in wrongs.items():
        require(abs(answer - value) > 1e-3 or abs(value - right) < 0.01, f"{here}: {sentence}")
    long_only = {
        math.log(n): "that is ln n: e^(−1) is left after n words, not a half",
        math.log(n - 1) if n > 1 else math.nan: "with f = 1 − 1/n about e^(−1) is left after n words, not a half",
        math.log(n / math.log(2)): "n / ln 2 is good for long half-lives, and too large for short ones",
    }
    for value, sentence in long_only.items():
        require(not abs(answer - value) < 1e-3, f"{here}: {sentence}. Solve fⁿ = ½ for f exactly.")
    left = (
        f"the cell would be halved after {plural(float(f'{half_life_of(answer):.3g}'), 'word')}"
        if answer > -30
        else "it keeps nothing"
    )
    require(False, f"{here}; with it {left}.")


def check_tokens(student):
    for width, bits, vocabulary in (
        (512, 16, 50257),
        (512, 16, 8),
        (3, 10, 1000),
        (64, 32, 77),
        (7, 5, 2),
        (1, 1, 500),
    ):
        answer = student.number(width, bits, vocabulary)
        exact = 2 * width * bits * math.log(2) / math.log(vocabulary)
        right = math.floor(exact + 1e-9)
        if answer == right or (vocabulary in (2, 8) and answer == right - 1 and exact - right < 1e-9):
            continue  # math.log may fall just short of a whole number
        _name_the_tokens(answer, width, bits, vocabulary, right)


def _name_the_tokens(answer, width, bits, vocabulary, right):
    state = 2 * width * bits
    here = f"for width {width}, {bits} bits, {vocabulary:,} words it gives {shown(_short(answer))}"
    exact = state * math.log(2) / math.log(vocabulary)

    def is_near(value):
        return abs(answer - math.floor(value)) < 1e-6 or abs(answer - value) < 1e-6 * max(1, abs(value))

    require(answer != math.ceil(exact), f"{here}, rounded up: the last token would not fit whole.")
    require(not math.isclose(answer, exact), f"{here}: a part of a token tells nothing. Round down.")
    wrongs = [
        (exact / 2, "an LSTM carries two vectors, h and c, and this counts one."),
        (exact * 2, "that is twice as many: h and c are two vectors, not four."),
        (exact / bits, "each number has several bits, which are forgotten here."),
        (state / math.log(vocabulary), "bits are counted to base 2: a token of V words has log₂ V bits, not ln V."),
        (
            state / math.log10(vocabulary),
            "bits are counted to base 2: a token of V words has log₂ V bits, not log₁₀ V.",
        ),
        (state / vocabulary, "the bits are divided by V. A token of V words has log₂ V bits."),
        (state, "that is the number of bits in the state. How many bits has a token?"),
        (exact * 4, "there are two vectors in a state; the four gates are computed anew at each step."),
    ]
    for value, sentence in wrongs:
        require(not is_near(value) or math.floor(value) == right, f"{here}: {sentence}")
    require(False, f"{here}; right is {right}: {state} bits, {math.log2(vocabulary):.4g} bits a token.")


def _short(answer):
    return int(answer) if answer == int(answer) else round(answer, 2)


def steps_to(keep, let_in):
    """Steps until the cell passes DEAF, from 0, if every candidate is 1."""
    cell = 0.0
    for step in range(1, 100_000):
        before, cell = cell, keep * cell + let_in
        if cell > DEAF:
            return step
        if cell == before:
            break
    return math.inf


def check_overflow(student):
    cases = [(1, 0.5), (0.9, 0.5), (0.8, 0.6), (0.95, 0.3), (1, 0.007), (0.5, 0.5), (0.993, 0.007), (0.9, 0.2), (1, 0)]
    for keep, let_in in cases:
        on = f"keep = {keep}, let_in = {let_in}"
        raw = student(keep, let_in, on=on)
        right = steps_to(keep, let_in)
        if _is_infinite(raw):
            require(
                right == math.inf,
                f"for {on} it gives inf, but the cell passes 2.647 in step {_digits(right)}.",
            )
            continue
        answer = _steps(raw, on)
        if answer != right:
            _name_the_steps(answer, keep, let_in, right, on)


def _is_infinite(answer):
    try:
        return float(answer) == math.inf
    except Exception:  # a student's own class may raise anything
        return False


def _steps(raw, on):
    try:
        value = float(raw)
    except Exception:  # number() says what is wrong with it
        value = 0.0
    require(
        value == value and value != -math.inf,
        f"for {on} it gives {value}: the logarithm of a number below 0, or 0 · inf. The level never passes "
        "let_in / (1 − keep).",
    )
    return number(raw, f" for {on}")


def _digits(steps):
    return "never" if steps == math.inf else f"{steps:,}"


def _name_the_steps(answer, keep, let_in, right, on):
    here = f"for {on} it gives {shown(_short(answer))}"
    require(
        right != math.inf,
        f"{here}, but there the level stays below 2.647 for ever: "
        + (f"it ends at {let_in / (1 - keep):.3g}." if keep < 1 else "nothing is let in.")
        + " Return math.inf.",
    )
    leakless = math.floor(DEAF / let_in) + 1  # where nothing is let in, the answer was judged above
    require(
        answer != leakless or keep == 1, f"{here}: the leak is ignored. Each step keeps only {keep} of the old level."
    )
    require(
        keep == 1 or answer != _steps_if_all_leaks(keep, let_in),
        f"{here}: what a word puts in leaks only from the next word on. keep multiplies the old level, not let_in.",
    )
    count = "if the first word is step 1, the level after step"
    require(
        answer != right - 1, f"{here}, one too few: {count} {right - 1:,} is {_level(keep, let_in, right - 1):.4g}."
    )
    require(answer != right + 1, f"{here}, one too many: {count} {right:,} is {_level(keep, let_in, right):.4g}.")
    early = next((step for step in range(1, 10_000) if _level(keep, let_in, step) > 0.99), None)
    require(answer != early, f"{here}: there the level passes 0.99. It is tanh of the level that must, from 2.647 on.")
    require(abs(answer - round(answer)) < 1e-9, f"{here}. Steps are whole: the first one after which it is above.")
    require(False, f"{here}; right is {_digits(right)}.")


def _steps_if_all_leaks(keep, let_in):
    """Steps until the cell passes DEAF if keep multiplied what has just come in, too."""
    return next((step for step in range(1, 10_000) if keep * _level(keep, let_in, step) > DEAF), None)


def _level(keep, let_in, steps):
    return let_in * steps if keep == 1 else let_in * (1 - keep**steps) / (1 - keep)


WHISPER = 0.3
TEXTS, WORDS = 64, 1000


def check_latch(student):
    """Each text: a shout, 1,000 whispers, a shout, which may be the other one, and 1,000 whispers."""
    w, u = _two_numbers(student())
    require(u != 0, "u is 0: no word changes the state.")
    random = np.random.RandomState(3)  # the same on every machine
    whispers = torch.from_numpy(random.uniform(-WHISPER, WHISPER, (2, WORDS, TEXTS)))
    whispers[:, ::7] = whispers[:, ::7].sign() * WHISPER  # some as loud as a whisper may be
    whispers[:, -40:] = WHISPER * whispers[:, -1:].sign()  # and at the end forty in a row
    shouts = torch.from_numpy(random.choice([-1.0, 1.0], (2, TEXTS)))
    state, logs = torch.zeros(TEXTS, dtype=torch.float64), []
    turned = shouts[0] != shouts[1]
    for part in range(2):
        state = torch.tanh(w * state + u * shouts[part])
        _require_turned(state * u, shouts[part], w, u)
        sizes = torch.zeros(TEXTS, dtype=torch.float64)
        for place, word in enumerate(whispers[part], 1):
            state = torch.tanh(w * state + u * word)
            sizes += math.log10(abs(w) + 1e-300) + torch.log10((1 - state**2).clamp_min(1e-300))
            lost = _is_lost(state * u, shouts[part], w, u)
            _require_held(lost, w, u, place, is_new=part == 1 and not lost[~turned].any())
        logs.append(sizes.max().item())
    # That the gradient is below 10^−100 need not be asked: what can be turned by a shout and not by whispers has it.
    return (
        f"The sign is held in {TEXTS} texts, and the gradient over {WORDS:,} words is {_power(max(logs))} at most; "
        f"the bound, w^{WORDS}, is {_power(WORDS * math.log10(w))}."
    )


def _power(exponent):
    return f"10^{exponent:,.0f}".replace("-", "−")


def _two_numbers(answer):
    is_array = isinstance(answer, (torch.Tensor, np.ndarray))
    pair = answer.tolist() if is_array and tuple(answer.shape) == (2,) else answer  # a large one is never made a list
    require(
        isinstance(pair, (tuple, list)) and len(pair) == 2,
        f"latch returned {kind(answer)}; two numbers are needed: return w, u.",
    )
    return number(pair[0], " for w"), number(pair[1], " for u")


def _require_turned(state, shouts, w, u):
    """Signs as a reader sees them: positive where the last shout was 1."""
    if (state * shouts > 0).all():
        return
    raise Wrong(
        f"with w = {w:g}, u = {u:g} a shout does not turn the state to its side: it holds on too strongly for so quiet a "
        f"shout. {_further(u)}"
    )


def _further(u):
    return "Take a larger u." if u > 0 else "Take a u further below 0."


def _is_lost(state, shouts, w, u):
    """Where w brings every state nearer to 0, one that is nearly there counts as lost."""
    return state * shouts < (0.01 * min(1, abs(u)) if abs(w) <= 1 else 0)


def _require_held(lost, w, u, place, is_new):
    """is_new: only states are lost that a shout has just brought from the other side."""
    if not lost.any():
        return
    here = f"with w = {w:g}, u = {u:g} the sign is lost after {plural(place, 'whisper')}"
    require(w >= 0, f"{here}: w is below 0, so the sign changes at each word.")
    require(w > 1, f"{here}: with w at most 1 tanh brings every state nearer to 0. Take a w above 1.")
    require(
        not is_new,
        f"{here} after a shout of the other sign, which has turned the state, but not far. {_further(u)}",
    )
    raise Wrong(f"{here}: whispers turn it over. Take a larger w.")


EXERCISES = [
    Exercise(
        id="1",
        function="bias_for",
        task="The bias of a forget gate that leaves half of a cell after half_life words.",
        hints=(
            "A gate f leaves fⁿ of a cell after n words. For which f is that a half?",
            "f = 2^(−1/n). The gate is σ(bias) = 1 / (1 + e^(−bias)). Solve that for the bias.",
            "The bias is ln(f / (1 − f)), which is −ln(2^(1/n) − 1).",
        ),
        check=check_bias,
    ),
    Exercise(
        id="2",
        function="steps_to_overflow",
        task="The number of words after which a cell is above 2.647 if each puts 1 in; math.inf if it never is.",
        hints=(
            "At each word: cell = keep · cell + let_in. Begin with 0 and count.",
            "The level goes towards let_in / (1 − keep). If that is not above 2.647, it never passes.",
            "With keep = 1 there is no such end: ask for that first. Then a while loop that counts will do.",
        ),
        check=check_overflow,
    ),
    Exercise(
        id="3",
        function="tokens_that_fit",
        task="The number of tokens, each any word of the vocabulary, that fit into the state of an LSTM, at the most.",
        hints=(
            "How many numbers does an LSTM carry from word to word? And how many bits are they?",
            "With b bits one can tell 2^b pasts apart; n tokens of V words have V^n.",
            "The largest n with V^n ≤ 2^b: the bits divided by log₂ V, rounded down.",
        ),
        check=check_tokens,
    ),
    Exercise(
        id="4",
        function="latch",
        task="Set a net of one number that holds the sign of the last shout, while its gradient over 1,000 words vanishes.",
        hints=(
            "Without words h = tanh(w h) has two resting places if w is above 1. How far apart are they for w = 3?",
            "The loudest whisper moves by 0.3 u and must not turn h over; a shout moves by u and must.",
            "With w = 3 the resting place is 0.995. From there a shout of the other sign must bring w h + u x below 0.",
        ),
        check=check_latch,
    ),
]
