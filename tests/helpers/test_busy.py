"""tests/busy.py: what it prints of a busy CPU, and that its endless loop ends."""

import subprocess

import busy
import pytest
from test_bench import fails, small_one

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_row_says_how_much_longer_it_took_and_whether_that_is_too_long():
    assert busy.row("a cell", 0.002, 0.005).split() == [
        "a",
        "cell",
        "2.0",
        "ms",
        "quiet",
        "5.0",
        "ms",
        "busy",
        "2.5",
        "×",
        "reached",
    ]
    assert busy.row("a cell", 0.002, 0.007).split()[-3:] == ["3.5", "×", "missed"]


def test_a_contest_has_a_row_for_each_function_that_runs_here():
    rows = list(busy.contest_rows(small_one("sums", fails), 2))
    assert [line.partition("  ")[0] for line in rows] == ["sums, T = 2: ours", "sums, T = 2: peer"]


def test_the_loop_ends_whatever_happens_beside_it(monkeypatch):
    started, start = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args: started.append(start(*args)) or started[-1])

    def fail():
        assert started[0].poll() is None
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), busy.one_core_busy():
        fail()
    assert started[0].poll() is not None
