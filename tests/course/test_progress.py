"""What the student predicted and solved: one small file, written whole or not at all, whose loss never costs a lesson."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from course import progress


def file_of(state):
    return state / "progress.json"


def forget(monkeypatch):
    """As if the kernel had been restarted."""
    monkeypatch.setattr(progress, "_session", {"predictions": {}, "passed": []})
    monkeypatch.setattr(progress, "_warned", set())


def refuse(error):
    def fail(*_, **__):
        raise error

    return fail


def test_what_is_noted_survives_the_kernel(state, monkeypatch):
    assert progress.read() == {"predictions": {}, "passed": []}
    progress.note_prediction("05.keys", "all six")
    progress.note_passed("05.1")
    progress.note_passed("05.1")
    forget(monkeypatch)
    assert progress.read() == {"predictions": {"05.keys": "all six"}, "passed": ["05.1"]}
    assert json.loads(file_of(state).read_text("utf-8")) == progress.read()
    progress.note_prediction("05.keys", "only its own")
    assert progress.read()["predictions"] == {"05.keys": "only its own"}


def test_reading_writes_nothing(state):
    progress.read()
    assert list(state.iterdir()) == []


def test_the_folder_is_made_where_it_is_missing(state, monkeypatch):
    monkeypatch.setenv("COURSE_STATE_DIR", str(state / "a" / "b"))
    progress.note_passed("05.1")
    assert file_of(state / "a" / "b").exists()


def test_without_the_variable_the_file_lies_in_the_users_state_directory(monkeypatch):
    monkeypatch.setenv("COURSE_STATE_DIR", "")
    assert progress.path().name == "progress.json"
    assert progress.path().parent.name == "rnn-to-attention"
    assert progress.path().is_absolute()


def test_text_in_any_script_comes_back_as_it_was(state, monkeypatch):
    for choice in ("“√D” — 猫", "🙂", "\ud800", "line\nbreak", '"quoted"', ""):
        progress.note_prediction(choice, choice)
    kept = progress.read()
    forget(monkeypatch)
    assert progress.read() == kept


DAMAGED = {
    "nothing": b"",
    "half a file": b'{"predictions": {"05.keys": "al',
    "no JSON": b"<html>",
    "no text": b"\xff\xfe\x00\x80",
    "a number": b"7",
    "null": b"null",
    "a list": b"[]",
    "an object of something else": b"{}",
    "no predictions": b'{"passed": []}',
    "no passed": b'{"predictions": {}}',
    "predictions in a list": b'{"predictions": ["05.keys"], "passed": []}',
    "predictions null": b'{"predictions": null, "passed": []}',
    "a prediction that is a number": b'{"predictions": {"05.keys": 5}, "passed": []}',
    "a prediction that is a list": b'{"predictions": {"05.keys": ["all six"]}, "passed": []}',
    "passed in an object": b'{"predictions": {}, "passed": {"05.1": true}}',
    "passed in a string": b'{"predictions": {}, "passed": "05.1"}',
    "a passed number": b'{"predictions": {}, "passed": [5.1]}',
    "a passed list": b'{"predictions": {}, "passed": [["05.1"]]}',
    "very deep": b"[" * 100_000,
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_kept_aside_and_said_once(case, state, capsys):
    file_of(state).write_bytes(DAMAGED[case])
    assert progress.read() == {"predictions": {}, "passed": []}
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "damaged and starts anew" in said
    kept = state / "progress.damaged.json"
    assert str(kept) in said
    assert kept.read_bytes() == DAMAGED[case]
    progress.note_passed("05.1")
    progress.read()
    assert capsys.readouterr().out == ""
    assert progress.read()["passed"] == ["05.1"]
    assert json.loads(file_of(state).read_text("utf-8")) == progress.read()


def test_a_file_damaged_while_the_kernel_runs_loses_nothing_of_this_session(state, capsys):
    progress.note_prediction("05.keys", "all six")
    file_of(state).write_text("oops")
    progress.note_passed("05.1")
    assert json.loads(file_of(state).read_text("utf-8")) == {"predictions": {"05.keys": "all six"}, "passed": ["05.1"]}
    assert capsys.readouterr().out.count("starts anew") == 1


def test_a_damaged_file_in_a_folder_that_cannot_be_written(state, monkeypatch, capsys):
    file_of(state).write_text("oops")
    monkeypatch.setattr(Path, "replace", refuse(PermissionError(13, "Permission denied")))
    assert progress.read() == {"predictions": {}, "passed": []}
    assert f"kept as {file_of(state)}" in capsys.readouterr().out
    assert file_of(state).read_text() == "oops"


def test_two_sessions_that_write_in_turn_are_both_kept(state, monkeypatch):
    sessions = [{"predictions": {}, "passed": []} for _ in range(2)]
    for turn in range(6):
        monkeypatch.setattr(progress, "_session", sessions[turn % 2])
        progress.note_prediction(f"05.{turn}", f"choice {turn}")
        progress.note_passed(f"05.{turn}")
    forget(monkeypatch)
    assert progress.read()["passed"] == [f"05.{turn}" for turn in range(6)]
    assert progress.read()["predictions"] == {f"05.{turn}": f"choice {turn}" for turn in range(6)}


def assert_only_the_memory_is_lost(capsys, said):
    progress.note_prediction("05.keys", "all six")
    progress.note_passed("05.1")
    progress.note_passed("05.2")
    assert progress.read() == {"predictions": {"05.keys": "all six"}, "passed": ["05.1", "05.2"]}, (
        "this kernel still knows"
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines)) <= 2, "each sentence once"
    assert any(said in line and "cannot be saved" in line for line in lines)
    assert "Traceback" not in "".join(lines)


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device"), OSError("odd")]
)
def test_a_folder_that_cannot_be_written_costs_only_the_memory(error, state, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse(error))
    assert_only_the_memory_is_lost(capsys, error.strerror or "odd")
    assert not file_of(state).exists()


def test_a_folder_that_cannot_be_made_costs_only_the_memory(state, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_STATE_DIR", str(state / "new"))
    monkeypatch.setattr(Path, "mkdir", refuse(PermissionError(13, "Permission denied")))
    assert_only_the_memory_is_lost(capsys, "Permission denied")


def test_a_parent_that_is_a_file_costs_only_the_memory(state, monkeypatch, capsys):
    (state / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_STATE_DIR", str(state / "file" / "folder"))
    assert_only_the_memory_is_lost(capsys, "cannot be saved")
    assert (state / "file").read_text() == "in the way"


def test_a_folder_in_the_files_place_costs_only_the_memory(state, capsys):
    (file_of(state) / "inside").mkdir(parents=True)
    assert_only_the_memory_is_lost(capsys, "cannot be saved")
    assert [path.name for path in state.iterdir()] == ["progress.json"], "nothing half-written lies about"


def test_a_file_that_cannot_be_read_costs_only_the_memory(state, monkeypatch, capsys):
    progress.note_passed("01.1")
    forget(monkeypatch)
    monkeypatch.setattr(Path, "read_text", refuse(PermissionError(13, "Permission denied")))
    assert progress.read() == {"predictions": {}, "passed": []}
    progress.read()
    said = capsys.readouterr().out
    assert said.count("cannot be read (Permission denied") == 1


def test_a_write_that_breaks_off_leaves_the_old_file_whole(state, monkeypatch, capsys):
    progress.note_passed("05.1")
    before = file_of(state).read_bytes()
    for owner, step in ((json, "dump"), (Path, "replace")):
        with monkeypatch.context() as broken:
            broken.setattr(owner, step, refuse(OSError(28, "No space left on device")))
            progress.note_passed("05.2")
        assert file_of(state).read_bytes() == before
    assert [path.name for path in state.iterdir()] == ["progress.json"], "nothing half-written lies about"
    assert capsys.readouterr().out.count("No space left on device") == 1


def test_the_file_is_replaced_and_never_rewritten(state):
    """Whoever reads meanwhile sees the old file or the new one, never half of it."""
    progress.note_passed("05.1")
    reader = file_of(state).open(encoding="utf-8")
    before = os.stat(file_of(state)).st_ino
    progress.note_passed("05.2")
    assert os.stat(file_of(state)).st_ino != before
    assert json.loads(reader.read())["passed"] == ["05.1"]
    reader.close()


@pytest.mark.parametrize("odd", [7, None, object(), ["a"], float("nan"), b"bytes", {"a": 1}])
def test_nothing_gets_in_that_the_file_cannot_hold(odd, state, monkeypatch):
    progress.note_prediction(odd, odd)
    progress.note_prediction("05.keys", "all six")
    progress.note_passed(odd)
    progress.note_passed("05.1")
    kept = progress.read()
    assert all(
        isinstance(entry, str) for entry in [*kept["predictions"], *kept["predictions"].values(), *kept["passed"]]
    )
    forget(monkeypatch)
    assert progress.read() == kept
    json.loads(file_of(state).read_text("utf-8"), parse_constant=pytest.fail)


def test_what_is_read_can_be_changed_without_changing_what_is_known():
    progress.read()["passed"].append("05.1")
    progress.read()["predictions"]["05.keys"] = "all six"
    assert progress.read() == {"predictions": {}, "passed": []}
    progress.note_prediction("05.keys", "none")
    progress.read()["predictions"].clear()
    assert progress.read()["predictions"] == {"05.keys": "none"}
