"""Lesson 02: what its figures promise holds, and the numbers that its text takes from a recording."""

import pytest

from course.lessons.l02 import figures
from course.results.recordings import find_recordings
from helpers import cost


@pytest.mark.parametrize("words", [6, 60, 1024, 4096])
def test_the_stacks_that_are_compared_do_equal_work(words):
    layers = figures.layers_of_equal_work(words)
    recurrent = cost.elman(words, figures.WIDTH, layers=layers)
    blocks = cost.transformer(words, figures.WIDTH, heads=figures.HEADS, layers=figures.BLOCKS)
    assert recurrent.work == pytest.approx(blocks.work, rel=0.02)


@pytest.mark.parametrize("processors", [1, 1000, figures.GPU])
def test_the_ticks_that_are_drawn_are_the_upper_bound_of_a_greedy_schedule(processors):
    forward, trained = figures.most_ticks(cost.elman, 60, 8, layers=2, processors=processors, ticks=1, B=3)
    for drawn, counted in (
        (forward, cost.elman(60, 8, layers=2, B=3)),
        (trained, cost.trained(cost.elman, 60, 8, layers=2, B=3)),
    ):
        assert drawn == cost.brent_time(counted.operations, counted.span, processors).upper


def test_slower_levels_lengthen_the_chain_and_not_the_work():
    once, slower = (figures.most_ticks(cost.elman, 60, 8, processors=100, ticks=ticks, B=1)[0] for ticks in (1, 200))
    assert slower - once == 199 * cost.elman(60, 8).span


def test_the_last_bar_ends_where_the_schedule_does():
    picture = figures.schedules(words=60, texts=1, ticks_a_level=4).json
    ends = [max(outline["x"]) for outline in picture["data"][:2]]
    recurrent = figures.most_ticks(
        cost.elman, 60, figures.WIDTH, layers=figures.layers_of_equal_work(60), processors=figures.GPU, ticks=4, B=1
    )
    assert ends == pytest.approx(recurrent, rel=1e-4)  # a stored figure keeps a few digits


def test_the_processors_and_the_level_of_the_text_are_those_of_the_recorded_gpu():
    clock = 1.98e9  # ticks a second
    assert pytest.approx(989e12 / clock, rel=0.01) == figures.GPU
    recording = next(recording for recording in find_recordings("lstm D=128") if "H200" in recording.device)
    microseconds = 1e6 * recording.points[1024]["torch"].median / 1024
    levels = cost.lstm(1001, 128).span - cost.lstm(1000, 128).span
    assert round(microseconds, 1) == 1.6
    assert levels == 15
    assert pytest.approx(1e-6 * microseconds * clock / levels, rel=0.1) == figures.TICKS[-1]
