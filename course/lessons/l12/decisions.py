"""Lesson 12: which steps compose, and how long a net waits. Steps at 6, 60, 600 and 6,000."""

from helpers import attention, span_of
from helpers.counting import rounds as graphs

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, Decisions
from ...words import draw
from . import nets, steps

STEPS = [6, 60, 600, 6000]
QUICK = 20  # Newton's iterations on 600 letters, at most
SLOW = 80  # and on 240 bits of parity, at least

decisions = Decisions()


def composing():
    """Trees of steps that are not linear, attention's miss of being additive, and the numbers that h² + c needs."""
    words, others = draw(6, 4, seed=1), draw(6, 4, seed=2)

    def reads(X):
        return attention(X, X, X)

    return {
        "steps": STEPS,
        "tree_rounds": [steps.rounds(T) for T in STEPS],
        "max_plus_misses": max(steps.tree_misses("max-plus", T) for T in STEPS),
        "moebius_misses": max(steps.tree_misses("Möbius", T) for T in STEPS),
        "numbers_of_a_square": [steps.KINDS["h² + c"].numbers(T) for T in (6, 60)],
        "attention_misses": (reads(words + others) - reads(words) - reads(others)).abs().max().item(),
        "attention_rounds": [span_of(graphs.attention(T)) for T in (6, 60, 600)],
    }


@decisions.decides(
    "S0-20",
    numbers=composing,
    shows="attention is not additive in its words, and takes as many rounds for 6 as for 600. Of recurrences two that are "
    "not linear, max(h + a, b) and (a h + b)/(c h + d), are a tree of 13 rounds for 6,000 steps and equal their loop to "
    "below 1e-12; 60 steps h² + c need more than 10¹⁸ numbers.",
    refuted_by={
        "steps": STEPS,
        "tree_rounds": STEPS,
        "max_plus_misses": 1.0,
        "moebius_misses": 1.0,
        "numbers_of_a_square": [3, 3],
        "attention_misses": 1e-16,
        "attention_rounds": [4, 4, 4],
    },
)
def linear_or_not(
    steps, tree_rounds, max_plus_misses, moebius_misses, numbers_of_a_square, attention_misses, attention_rounds
):
    waits_for_nobody = attention_misses > 1e-6 and len(set(attention_rounds)) == 1
    composes = max(max_plus_misses, moebius_misses) < ROUNDING and tree_rounds[-1] < steps[-1] / 100
    return DOES_NOT_HOLD if waits_for_nobody and composes and numbers_of_a_square[-1] > 1e18 else HOLDS


def waiting():
    """Rounds of a scan; Newton's iterations for a net that learned letters, and for one that learned parity."""
    letters, parity = nets.taught_letters(0).model, nets.taught_parity(0).model
    return {
        "scan_rounds": [steps.rounds(T) for T in STEPS],
        "newton_on_600_letters": nets.newton_iterations(letters, nets.letters(600)),
        "newton_on_240_bits": nets.newton_iterations(parity, nets.bits(240)),
    }


@decisions.decides(
    "S1-30",
    numbers=waiting,
    shows="a linear recurrence of 6,000 steps takes 13 rounds. Newton's method takes at most 20 iterations for 600 letters "
    "of a net that learned to guess the next one, and at least 80 for 240 bits of a net that learned parity.",
    refuted_by={"scan_rounds": STEPS, "newton_on_600_letters": 300, "newton_on_240_bits": 120},
)
def strictly_sequential(scan_rounds, newton_on_600_letters, newton_on_240_bits):
    if scan_rounds[-1] > STEPS[-1] / 2 and newton_on_600_letters > QUICK:
        return HOLDS
    return CONDITIONAL if newton_on_240_bits >= SLOW else DOES_NOT_HOLD
