"""Trained results, on a task of two numbers, learned in milliseconds: stored at once, resumed, never restated."""

import dataclasses
import json

import pytest

from course import CourseError, evidence
from course.catalogue import Lesson
from course.results import trained
from course.results.trained import Run, Trained, load, missing, place, sentence, train_missing


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "FOLDER", tmp_path / "trained")


def halve(seed):
    """Learn w and b of 2 x + 1 by descent; one more step a point of the curve."""
    w, b, curve = float(seed), 0.0, []
    for step in range(300):
        errors = [(w * x + b - (2 * x + 1), x) for x in (-1.0, 0.0, 1.0)]
        w, b = w - 0.1 * sum(e * x for e, x in errors), b - 0.1 * sum(e for e, _ in errors)
        curve.append((step, sum(e * e for e, _ in errors)))
    return Run(curve[-1][1], curve)


LINE = Trained("line", "Learn a line of two numbers.", "squared error", halve, 1e-6, baseline=3.0, at_least=False)


def test_every_seed_is_stored_with_what_was_stated_and_how_it_went():
    assert [seed for seed, _ in train_missing("98", LINE)] == [0, 1, 2]
    result = load("98")["line"]
    assert {name: result[name] for name in trained.STATED} == LINE.stated
    for run in result["runs"].values():
        assert run["passed"]
        assert len(run["curve"]) == trained.MOST_POINTS
        assert run["curve"][0][0] == 0
        assert run["curve"][-1][0] == 299
        assert {"device", "versions", "date", "seconds"} <= set(run)
    assert "3 of 3 seeds pass: squared error" in sentence("98", "line")


def test_an_interruption_keeps_the_seeds_that_are_done_and_the_next_time_resumes():
    def interrupted(seed):
        if seed == 1:
            raise KeyboardInterrupt
        return halve(seed)

    with pytest.raises(KeyboardInterrupt):
        list(train_missing("98", dataclasses.replace(LINE, run=interrupted)))
    assert list(load("98")["line"]["runs"]) == ["0"]
    assert [path.name for path in place("98").parent.iterdir()] == ["98.json"]
    assert [seed for seed, _ in train_missing("98", LINE)] == [1, 2]
    assert missing("98", LINE) == []


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(monkeypatch):
    list(train_missing("98", dataclasses.replace(LINE, seeds=(0,))))
    before = place("98").read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trained.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        list(train_missing("98", LINE))
    assert place("98").read_text() == before
    assert [path.name for path in place("98").parent.iterdir()] == ["98.json"]


@pytest.mark.parametrize(
    "changed", [{"threshold": 1e-3}, {"at_least": True}, {"baseline": 1.0}, {"task": "Guess."}], ids=repr
)
def test_what_was_stated_beforehand_cannot_be_changed_afterwards(changed):
    list(train_missing("98", dataclasses.replace(LINE, seeds=(0,))))
    before = place("98").read_text()
    with pytest.raises(CourseError, match="What is stated beforehand stays"):
        list(train_missing("98", dataclasses.replace(LINE, **changed)))
    assert place("98").read_text() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 1}',
        '{"schema": 9, "results": {}}',
        '{"schema": 1, "results": {"line": {}}}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:40],
)
def test_a_damaged_file_is_named_and_left_as_it_is(text):
    place("98").parent.mkdir()
    place("98").write_text(text)
    with pytest.raises(CourseError, match="98.json holds no trained results.*make evidence"):
        list(train_missing("98", LINE))
    assert place("98").read_text() == text
    assert "98.json holds no trained results" in sentence("98", "line"), "a card goes on without it"


def test_nan_is_no_pass_and_leaves_a_file_that_can_be_read():
    list(train_missing("98", dataclasses.replace(LINE, run=lambda seed: Run(float("nan"), [(0, float("inf"))]))))
    run = load("98")["line"]["runs"]["0"]
    assert (run["outcome"], run["passed"], run["curve"]) == (None, False, [[0.0, None]])
    json.loads(place("98").read_text(), parse_constant=pytest.fail)
    assert "0 of 3 seeds pass: squared error nan, nan, nan" in sentence("98", "line")


def test_evidence_trains_what_is_missing_and_fails_where_a_verdict_rests_on_a_seed_that_did_not_pass(
    monkeypatch, capsys
):
    lesson = Lesson("98", "t", "q", 1, [])
    records = [LINE]
    part = type("trained", (), {"TRAINED": records})
    monkeypatch.setattr(Lesson, "part", lambda self, name: part if name == "trained" else None)
    monkeypatch.setattr(evidence, "find_lesson", lambda _: lesson)
    asked = type("Arguments", (), {"lessons": ["98"]})
    assert evidence.run_evidence(asked) is False
    assert "line, seed 2:" in capsys.readouterr().out
    records.append(dataclasses.replace(LINE, name="hopeless", threshold=-1.0))
    assert evidence.run_evidence(asked) is False
    assert "not passed; no verdict rests on it" in capsys.readouterr().out
    lesson.evidence["S2-10"] = {"how": "measured", "trained": "hopeless"}
    assert evidence.run_evidence(asked) is True
    output = capsys.readouterr().out
    assert "line, seed" not in output
    assert "NOT PASSED" in output


def test_a_card_shows_the_stored_result_beside_the_live_one(monkeypatch):
    from course.ledger import card, find_statement

    list(train_missing("98", LINE))
    statement = find_statement("S2-10")
    lesson = Lesson("98", "t", "q", 1, [], evidence={"S2-10": {"how": "measured", "trained": "line"}})
    text = card("S2-10", lesson, {"recall": 1.0}).text
    assert statement.says in text
    assert "Stored runs: Learn a line of two numbers. 3 of 3 seeds pass" in text
