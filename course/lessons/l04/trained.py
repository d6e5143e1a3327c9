"""Lesson 04: what its measured statements rest on. Each outcome is asked with the decoder running free."""

from ...results.trained import Run, Trained
from ...training.tasks import LETTERS, reversed_right
from . import nets

LENGTHS = (5, 10, 20, 30, 60)  # 60 was never taught
GUESSING = 1 / LETTERS


def _asked(model, letters):
    """The share right at `letters`; the curve has all lengths in place of steps."""
    curve = [(T, reversed_right(model, T)) for T in LENGTHS]
    return Run(dict(curve)[letters], curve)


TRAINED = [
    Trained(
        "lookup",
        "Reverse strings of 1 to 30 letters; the decoder looks at all outputs of a recurrent encoder.",
        "share of 30 letters right",
        lambda seed: _asked(nets.taught("recurrent", seed).model, 30),
        threshold=0.85,
        baseline=GUESSING,
    ),
    Trained(
        "fixed-vector",
        "The same from one fixed vector, with more weights, for as many seconds.",
        "share of 30 letters right",
        lambda seed: _asked(nets.taught_fixed(seed).model, 30),
        threshold=0.60,
        baseline=GUESSING,
        at_least=False,
    ),
    Trained(
        "letters-alone",
        "Reverse strings of 1 to 30 letters; the decoder looks at the bare letters, and the encoder is not recurrent.",
        "share of 20 letters right",
        lambda seed: _asked(nets.taught("letters alone", seed).model, 20),
        threshold=0.30,
        baseline=GUESSING,
        at_least=False,
    ),
    Trained(
        "letters-and-positions",
        "Reverse strings of 1 to 30 letters; the decoder looks at letters with their positions added.",
        "share of 20 letters right",
        lambda seed: _asked(nets.taught("letters and positions", seed).model, 20),
        threshold=0.85,
        baseline=GUESSING,
    ),
    # The bar of the last one, not expected to be reached: this decoder does not know how long the string is.
    Trained(
        "positions-from-the-start",
        "The same, with positions counted from the start.",
        "share of 20 letters right",
        lambda seed: _asked(nets.taught("positions from the start", seed).model, 20),
        threshold=0.85,
        baseline=GUESSING,
        at_least=False,
    ),
    Trained(
        "fixed-vector-three-times",
        "The same from one fixed vector, for three times as long.",
        "share of 20 letters right",
        lambda seed: _asked(nets.taught_fixed(seed, times=3).model, 20),
        threshold=0.75,
        baseline=GUESSING,
    ),
]
