"""Lesson 09: three models, two learning rates, a minute each, in turns. The thresholds stood here before a seed ran."""

import functools

from ...errors import CourseError
from ...results import trained
from ...results.trained import Run, Trained
from . import race

SECONDS, EARLY = 60.0, 14
AT = (1, 2, 3, 5, 7, 10, EARLY, 20, 28, 40, 50)  # seconds at which each is measured, and at its end
RATES = {"high": race.HIGH, "low": race.LOW}
LEARNED, LETTERS = 2.8, 4.7  # bits a character; counting how often each comes has the second
AHEAD, NEAR, DECIDES = 0.1, 0.15, 0.15  # bits


def key(model: str, rate: str) -> str:
    """The name of a record: "lstm-high"."""
    return f"{model.lower()}-{rate}"


@functools.cache
def _race(seed):
    """All six in turns, on one core: {key: racer}."""
    entries = {key(model, rate): (model, RATES[rate][model]) for rate in RATES for model in race.SIZES}
    return race.race(entries, SECONDS, AT, seed)


def _one(model, rate):
    def run(seed):
        racer = _race(seed)[key(model, rate)]
        return Run(racer.points[-1][2], [(step * race.T * race.B, bits) for _, step, bits in racer.points])

    return Trained(
        name=key(model, rate),
        task=f"{model} reads Python's help topics for {SECONDS:g} s of its own clock, rate {RATES[rate][model]:g}.",
        measure="bits a character on unseen topics, over the characters read",
        run=run,
        threshold=LEARNED,
        at_least=False,
        baseline=LETTERS,
    )


def _stored(seed):
    """{key: the bits of a seed, at AT and at the end} of the six runs before."""
    results = trained.load("09")
    try:
        return {
            key(model, rate): [bits for _, bits in results[key(model, rate)]["runs"][str(seed)]["curve"]]
            for rate in RATES
            for model in race.SIZES
        }
    except KeyError as missing:
        raise CourseError(
            f"The race of seed {seed} is not stored whole: {missing} is missing (make evidence)."
        ) from None


def better(bits: dict[str, list[float]], model: str, place: int) -> float:
    """The bits of a model at one of the points, at the better of its rates."""
    return min(bits[key(model, rate)][place] for rate in RATES)


def _lead(seed, place):
    bits = _stored(seed)
    return better(bits, "Transformer", place) - better(bits, "LSTM", place)


TRAINED = [_one(model, rate) for rate in RATES for model in race.SIZES] + [
    Trained(
        name="lead-at-14",
        task="After 14 of 60 s the LSTM is ahead of the Transformer, each at the better of two rates.",
        measure="bits a character ahead",
        run=lambda seed: Run(_lead(seed, AT.index(EARLY))),
        threshold=AHEAD,
        baseline=0.0,
    ),
    Trained(
        name="apart-at-60",
        task="After 60 s the LSTM and the Transformer are near each other, each at the better of two rates.",
        measure="bits a character apart",
        run=lambda seed: Run(abs(_lead(seed, -1))),
        threshold=NEAR,
        at_least=False,
        baseline=0.0,
    ),
    Trained(
        name="rates-apart",
        task="After 60 s the LSTM at its low rate is ahead of itself at its high one, the best in six seconds.",
        measure="bits a character ahead",
        run=lambda seed: Run(_stored(seed)["lstm-high"][-1] - _stored(seed)["lstm-low"][-1]),
        threshold=DECIDES,
        baseline=0.0,
    ),
]
