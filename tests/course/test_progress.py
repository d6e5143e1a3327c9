"""What the student predicted and solved: one small file, written whole or not at all; no lesson needs it."""

import json
import os
import tempfile
import threading
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

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
    known = progress.read()
    forget(monkeypatch)
    assert progress.read() == known


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
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "damaged and starts anew" in printed
    aside = state / "progress.damaged.json"
    assert str(aside) in printed
    assert aside.read_bytes() == DAMAGED[case]
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


def test_a_writer_waits_for_another_and_keeps_what_it_wrote(state, monkeypatch):
    monkeypatch.setattr(progress, "WAIT", 60)
    writer = threading.Thread(target=progress.note_passed, args=["05.1"])
    with FileLock(state / "progress.lock"):
        writer.start()
        writer.join(timeout=0.3)
        assert not file_of(state).exists(), "written although another lesson holds the lock"
        file_of(state).write_text('{"predictions": {}, "passed": ["01.1"]}')
    writer.join()
    assert json.loads(file_of(state).read_text("utf-8"))["passed"] == ["01.1", "05.1"]


def test_who_waits_too_long_for_the_lock_writes_without_it(state, monkeypatch):
    monkeypatch.setattr(progress, "WAIT", 0)
    with FileLock(state / "progress.lock"):
        progress.note_passed("05.1")
    assert json.loads(file_of(state).read_text("utf-8"))["passed"] == ["05.1"]


@pytest.mark.parametrize("error", [OSError(37, "No locks available"), NotImplementedError("no flock here")])
def test_a_folder_that_cannot_be_locked_is_written_all_the_same(error, state, monkeypatch, capsys):
    monkeypatch.setattr(FileLock, "acquire", refuse(error))
    progress.note_passed("05.1")
    assert json.loads(file_of(state).read_text("utf-8"))["passed"] == ["05.1"]
    assert capsys.readouterr().out == ""


def test_a_user_without_home_and_name_loses_only_the_memory(monkeypatch, capsys, tmp_path):
    pwd = pytest.importorskip("pwd")
    for variable in ("COURSE_STATE_DIR", "HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", refuse(KeyError("uid not found: 1000650000")))
    monkeypatch.chdir(tmp_path)
    assert_only_the_memory_is_lost(capsys, "no home directory")
    assert list(tmp_path.iterdir()) == [], 'a folder named "~" was made'


@pytest.mark.parametrize("error", [RuntimeError("Could not determine home directory."), KeyError("USER")])
def test_a_library_that_finds_no_home_costs_only_the_memory(error, monkeypatch, capsys):
    monkeypatch.delenv("COURSE_STATE_DIR")
    monkeypatch.setattr(platformdirs, "user_state_dir", refuse(error))
    assert_only_the_memory_is_lost(capsys, "no home directory")


def test_a_home_that_could_not_be_expanded_is_no_folder(monkeypatch):
    monkeypatch.delenv("COURSE_STATE_DIR")
    monkeypatch.setattr(platformdirs, "user_state_dir", lambda *_, **__: "~/.local/state/rnn-to-attention")
    assert progress.path() is None


def assert_only_the_memory_is_lost(capsys, reason):
    progress.note_prediction("05.keys", "all six")
    progress.note_passed("05.1")
    progress.note_passed("05.2")
    assert progress.read() == {"predictions": {"05.keys": "all six"}, "passed": ["05.1", "05.2"]}, (
        "this kernel still knows"
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines)) <= 2, "each sentence once"
    assert any(reason in line and "cannot be saved" in line for line in lines)
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
    assert not list(state.glob("*.new")), "nothing half-written lies about"


def test_a_file_that_cannot_be_read_costs_only_the_memory(state, monkeypatch, capsys):
    progress.note_passed("01.1")
    forget(monkeypatch)
    monkeypatch.setattr(Path, "read_text", refuse(PermissionError(13, "Permission denied")))
    assert progress.read() == {"predictions": {}, "passed": []}
    progress.read()
    assert capsys.readouterr().out.count("cannot be read (Permission denied") == 1


def test_a_write_that_breaks_off_leaves_the_old_file_whole(state, monkeypatch, capsys):
    progress.note_passed("05.1")
    before = file_of(state).read_bytes()
    for owner, step in ((json, "dump"), (Path, "replace")):
        with monkeypatch.context() as broken:
            broken.setattr(owner, step, refuse(OSError(28, "No space left on device")))
            progress.note_passed("05.2")
        assert file_of(state).read_bytes() == before
    assert not list(state.glob("*.new")), "nothing half-written lies about"
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
    known = progress.read()
    texts = [*known["predictions"], *known["predictions"].values(), *known["passed"]]
    assert all(isinstance(entry, str) for entry in texts)
    forget(monkeypatch)
    assert progress.read() == known
    json.loads(file_of(state).read_text("utf-8"), parse_constant=pytest.fail)


def test_what_is_read_can_be_changed_without_changing_what_is_known():
    progress.read()["passed"].append("05.1")
    progress.read()["predictions"]["05.keys"] = "all six"
    assert progress.read() == {"predictions": {}, "passed": []}
    progress.note_prediction("05.keys", "none")
    progress.read()["predictions"].clear()
    assert progress.read()["predictions"] == {"05.keys": "none"}
