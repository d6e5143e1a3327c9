"""Lesson 00: what its figures draw and conclude is what they were given."""

import html
import re
from types import SimpleNamespace

import pytest

from course.lessons.l00 import figures
from helpers import cost
from helpers.measuring.quantity import Quantity


def quantity(median, unit="s"):
    return Quantity(median, median, median, unit, 9, "")


def test_a_machine_is_told_what_it_could_do_while_it_waits():
    measured = SimpleNamespace(
        matmul={"float32": quantity(50e9, "operations/s")},
        copy=quantity(10e9, "B/s"),
        launch=quantity(2e-6),
        device=SimpleNamespace(sentence=lambda: "A machine."),
    )
    page = html.unescape(re.sub("<[^>]+>", " ", figures.this_machine(measured).html))
    words = " ".join(page.split())
    assert "move one number of 4 bytes, it could do 20 operations" in words  # 4 bytes in 0.4 ns
    assert "start one tiny job , it could do 100,000" in words
    for verb, number in (("it moves", "10.0 GB/s"), ("it multiplies", "50.0 Goperations/s"), ("it starts", "2.00 µs")):
        assert f"{verb} {number}" in words


@pytest.mark.parametrize(("job_time", "wrong", "right"), [(2, 50, 52), (15, 50, 85), (30, 50, 160)])
def test_the_gpu_works_after_it_was_told_to_and_both_watches_stop_where_they_say(job_time, wrong, right):
    drawn = figures.two_stopwatches(job_time)
    picture = drawn.json
    title = (
        f"The wrong stop-watch says {wrong} µs, the right one {right} µs" if job_time > 10 else "Both say about 50 µs"
    )
    assert title in drawn.text
    assert f"{right - 5 * job_time} µs of it idle" in drawn.text
    lanes = {trace["name"]: trace for trace in picture["data"]}
    starts, works = (lanes["the GPU works"][key] for key in ("base", "x"))
    assert starts[0] == figures.LAUNCH
    assert starts[-1] + works[-1] == right
    assert works == [job_time] * figures.JOBS
    marks = {note["text"]: note["x"] for note in picture["layout"]["annotations"]}
    assert marks == {"<b>wrong: stops here</b>": wrong, "<b>right: waits, then stops</b>": right}
    assert sorted(line["x0"] for line in picture["layout"]["shapes"]) == [wrong, right]


def test_the_recorded_kernels_do_the_work_that_is_written_beside_them():
    width = figures.WIDTHS["LSTM"]
    assert figures.work_a_word("LSTM", 1) == cost.lstm(1001, width).work - cost.lstm(1000, width).work
    pairs = sum(range(1, 1025))  # a word reads itself and those before
    assert figures.work_a_word("attention", 1024) == 2 * figures.WIDTHS["attention"] * pairs / 1024


class Race:
    """A race in which the LSTM took so many times as long as attention."""

    def __init__(self, times):
        self.times = times

    def ratio(self, above, below):
        return SimpleNamespace(median=self.times if (above, below) == ("LSTM", "attention") else 1 / self.times)


ROWS = [
    {
        "T": 64,
        "samples": {"attention": [2, 2, 9], "attention, tiled": [4, 4, 4], "RNN": [6, 6, 6], "RNN, fused": [8] * 3},
    }
]


def test_three_clocks_say_how_many_times_as_long_as_attention():
    outcome = SimpleNamespace(result={"rows": ROWS})
    curves = {curve["name"]: curve for curve in figures.three_clocks({512: Race(3.0)}, outcome).json["data"]}
    assert curves["LSTM, in Python"]["y"] == [3.0]
    assert curves["RNN, in your browser"]["y"] == [3.0]  # the quickest of each kind: 6 over 2
    nanoseconds = figures.recorded_race().json["data"]
    lstm, attention = (dict(zip(curve["x"], curve["y"], strict=True))[4096] for curve in nanoseconds[:2])
    assert curves["LSTM, recorded"]["y"] == [pytest.approx(lstm / attention, rel=1e-3)]


@pytest.mark.parametrize("trouble", [{"hidden": True}, {"software": True}, {"wrong": True}, {"slowed": 2}])
def test_times_of_a_browser_that_allow_no_conclusion_are_not_drawn(trouble):
    page = figures.three_clocks({512: Race(3.0)}, SimpleNamespace(result={"rows": ROWS} | trouble))
    assert page.text == figures.NO_CLOCK_YET
