"""Lesson 15: one run of the gallery here and now, at the reader's choice."""

from . import music, programs, series

STEPS_OF_CODE = 100  # of 360: a lesson has no more time


def train_one(choice: str) -> str:
    """Train the Transformer of "music", "series" or "code", and say what came of it. ValueError for another choice."""
    choices = {"music": _music, "series": _series, "code": _code}
    if choice not in choices:
        raise ValueError(f"my_choice is one of {', '.join(choices)}; given: {choice!r}.")
    return choices[choice]()


def _music():
    run = music.run()
    return run.says("share of the eight notes that come back", music.share_right(run.model), at_least=0.95)


def _series():
    kind = series.KINDS[1]
    run, (_, (_, asked)) = series.run(kind), series.windows(kind)
    linear = series.error(series.linear_map(kind), asked)
    return run.says("squared error over a linear map's", series.error_of(run.model, kind) / linear, at_most=1.15)


def _code():
    run = programs.run("Transformer", steps=STEPS_OF_CODE)
    ahead = programs.bits(run.model) - programs.counted().bits()
    return run.says(f"bits more than counted letters, after {STEPS_OF_CODE} steps", ahead, at_least=0.0)
