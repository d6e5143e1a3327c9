"""Lesson 02: what its figures promise holds, and the numbers that its text takes from a recording."""

import pytest
from decided import assert_decides

from course.ledger.decisions import DOES_NOT_HOLD, HOLDS, UNANSWERED
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


@pytest.mark.parametrize("part", ["forward", "forward and backward"])
def test_the_curves_are_those_of_their_names(part):
    layers, blocks = figures.growths().json["data"][:2] if part == "forward" else figures.growths().json["data"][2:4]
    counted = {
        "Elman layer": cost.elman(1024, 512),
        "Transformer block": cost.transformer(1024, 512, heads=8),
    }
    trained = {
        "Elman layer": cost.trained(cost.elman, 1024, 512),
        "Transformer block": cost.trained(cost.transformer, 1024, 512, heads=8),
    }
    for curve in (layers, blocks):
        spans = dict(zip(curve["x"], curve["y"], strict=True))
        assert spans[1024] == (counted if part == "forward" else trained)[curve["name"]].span


def test_a_layer_starts_a_step_after_its_neighbour_and_ends_a_step_after_it():
    """Corners: from the lowest layer's start along its bar, up, and back to the highest layer's start."""
    words, layers = 60, figures.layers_of_equal_work(60)
    picture = figures.schedules(words=words, texts=1, ticks_a_level=4).json
    forward, backward = (trace["x"][:4] for trace in picture["data"][:2])
    half, total = forward[2], max(backward)
    step, step_back = half / (words + layers - 1), (total - half) / (words + layers - 1)
    assert forward == pytest.approx([0, words * step, half, (layers - 1) * step], rel=1e-3)
    late = half + (layers - 1) * step_back  # the highest layer goes back first
    assert backward == pytest.approx([late, total, half + words * step_back, half], rel=1e-3)
    assert picture["data"][0]["opacity"] > picture["data"][1]["opacity"]  # dark: forward


def test_blocks_work_one_after_the_other_and_go_back_from_the_last():
    forward, backward = figures.schedules(words=60).json["data"][2:4]
    turns = [
        (start, start + length)
        for bar in (forward, backward)
        for start, length in zip(bar["base"], bar["x"], strict=True)
    ]
    there, back = turns[:6], turns[6:][::-1]
    for (_, end), (start, _) in zip(there + back, (there + back)[1:], strict=False):
        assert start == pytest.approx(end, rel=1e-3)
    assert forward["y"] == backward["y"] == [1, 2, 3, 4, 5, 6]
    assert forward["marker"]["opacity"] > backward["marker"]["opacity"]


@pytest.mark.parametrize("ticks", [1, 200])
def test_the_shares_are_those_of_the_chains(ticks):
    text = figures.schedules(words=60, texts=8, ticks_a_level=ticks).text
    chain = ticks * cost.trained(cost.transformer, 60, 512, heads=8, layers=6, B=8).span
    blocks = figures.most_ticks(cost.transformer, 60, 512, heads=8, layers=6, processors=figures.GPU, ticks=ticks, B=8)
    assert (
        f"6 Transformer blocks: {blocks[1]:,} ticks at most, {figures._share(chain / blocks[1])} for the chain" in text
    )


def test_numbers_are_said_as_people_say_them():
    assert [figures._count(number) for number in (3_318_514, 2.5e9, 12_345)] == [
        "3.32 million",
        "2.5 billion",
        "12,300",
    ]
    assert [figures._share(part) for part in (0.004, 0.05)] == ["under 1%", "5%"]


CASES = [
    ("S2-18", {"steps": [6, 1, 1]}, DOES_NOT_HOLD),
    ("S3-13", {"steps": [6, 1, 1]}, DOES_NOT_HOLD),
    ("S3-13", {"operations_a_level": 1.0}, HOLDS),
    ("S3-13", {"stacked_steps": [9, 63, 2400]}, HOLDS),
    ("S2-19", {"operations_a_level": 1.0}, DOES_NOT_HOLD),
    ("S2-19", {"tree_rounds": [5, 59, 599]}, HOLDS),
    ("S2-19", {"newton_iterations": [6, 60, 600]}, HOLDS),
    ("S3-07", {"recurrent_rounds": [1, 1, 1]}, DOES_NOT_HOLD),
    ("S3-07", {"attention_rounds": [4, 60, 600]}, DOES_NOT_HOLD),
    ("S3-09", {"six_recurrent_layers": 1000}, HOLDS),
    ("S1-21", {"layer_path_growth": 16.0}, DOES_NOT_HOLD),
    ("S1-21", {"layer_work_growth": 1.0}, DOES_NOT_HOLD),
    ("S0-11", {"path_growth": 16.0}, UNANSWERED),
    ("S0-11", {"recurrent_growth": 16.0}, UNANSWERED),
    ("S3-11", {"path_growth": 16.0}, DOES_NOT_HOLD),
    ("S3-11", {"recurrent_path_growth": 1.0}, DOES_NOT_HOLD),
]


@pytest.mark.parametrize(("claim", "changed", "outcome"), CASES, ids=lambda part: str(part)[:40])
def test_one_number_that_comes_out_otherwise_changes_the_verdict(claim, changed, outcome):
    assert_decides("02", claim, changed, outcome)
