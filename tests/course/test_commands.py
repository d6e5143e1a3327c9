"""The command line behind make: what it does, and the one sentence that it ends with where it cannot."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import nbformat
import pytest
from stored import NOTEBOOKS, ROOT

from course import __main__ as commands
from course import lab
from course.catalogue import lessons


def course(*arguments, **options):
    """Run python -m course in a process of its own."""
    options = {"cwd": ROOT, "capture_output": True, "text": True, "check": False} | options
    return subprocess.run([sys.executable, "-m", "course", *arguments], **options)


def called(*arguments):
    """Run a command in this process; returns what it exits with."""
    with pytest.raises(SystemExit) as ended:
        commands.main(arguments)
    return ended.value.code


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A course with two lessons and no work/ yet."""
    (tmp_path / "notebooks").mkdir()
    for stored in NOTEBOOKS[:2]:
        (tmp_path / "notebooks" / stored.path.name).write_bytes(stored.path.read_bytes())
    for module in (commands, lab):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(lab, "WORK", tmp_path / "work")
    monkeypatch.setattr(lab, "LAB", tmp_path / "work" / ".lab")
    return tmp_path


def test_it_is_a_command():
    run = course("check", "and more")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.endswith("unrecognized arguments: and more\n")


def test_list_names_every_lesson_and_its_state(capsys):
    assert not called("list")
    lines = capsys.readouterr().out.splitlines()
    assert [line[:2] for line in lines] == list(lessons())
    assert [line.split()[1] for line in lines] == ["ready" if row.notebook else "planned" for row in lessons().values()]


def test_help_names_every_command(capsys):
    assert not called("--help")
    page = capsys.readouterr().out
    named = set(re.findall(r"^    ([a-z]+) ", page, flags=re.MULTILINE))
    editions = {"colab", "instructor", "handout", "web"}
    assert named == {"lab", "list", "reset", "notebooks", "check", "look", "evidence", "ledger"} | editions


def test_without_a_command_the_commands_are_named(capsys):
    assert called()
    assert "{list,lab," in capsys.readouterr().err


@pytest.mark.parametrize("command", ["reset", "notebooks", "instructor"])
def test_an_unknown_lesson_names_the_nearest(command):
    assert re.search("Did you mean .*'05'", called(command, "5"))


@pytest.mark.parametrize("command", ["reset", "notebooks", "instructor"])
def test_a_planned_lesson_is_not_written_yet(command, monkeypatch):
    planned = dataclasses.replace(lessons()["05"], notebook=None)
    monkeypatch.setattr(commands, "find_lesson", lambda _: planned)
    assert called(command, "05") == "Lesson 05 is not written yet."


# reset


def test_reset_keeps_the_students_copy(clone, capsys):
    stored = NOTEBOOKS[0]
    mine = clone / "work" / stored.path.name
    assert not called("reset", stored.lesson)
    for number in (1, 2):
        mine.write_text(f"my work {number}")
        assert not called("reset", stored.lesson)
        assert mine.read_bytes() == stored.path.read_bytes()
        kept = mine.with_suffix(f".yours-{number}.ipynb")
        assert kept.read_text() == f"my work {number}"
        assert kept.name in capsys.readouterr().out


# notebooks and check


def test_a_cell_that_fails_stores_nothing(tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell(source, id=source[0]) for source in ("print('fine')", "1 / 0")]
    path = tmp_path / f"{lessons()['05'].notebook}.ipynb"
    before = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    path.write_text(before, encoding="utf-8")
    monkeypatch.setattr(commands, "NOTEBOOKS", tmp_path)
    message = called("notebooks", "05")
    assert "ZeroDivisionError" in message
    assert "nothing is stored" in message
    assert "\x1b" not in message
    assert path.read_text(encoding="utf-8") == before


def test_check_says_what_is_not_in_the_stored_form(clone, capsys):
    called("check")
    assert NOTEBOOKS[0].path.name not in capsys.readouterr().out
    path = clone / "notebooks" / NOTEBOOKS[0].path.name
    notebook = json.loads(path.read_text(encoding="utf-8"))
    next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")["execution_count"] = None
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert called("check")
    assert f"{path.name}: cell setup was never executed" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "package"), [(["notebooks", "05"], "kaleido"), (["look", "05"], "playwright")])
def test_a_package_that_only_a_contributor_has_is_named_before_any_work(monkeypatch, arguments, package):
    monkeypatch.setattr(commands.importlib.util, "find_spec", lambda name: None if name == package else name)
    assert called(*arguments).startswith(f"This needs {package}. In the course's folder: make .venv/test, or pip")


def test_a_parameter_that_a_figure_does_not_have_is_one_sentence():
    sentence = "who_waits has no parameter 'word'; it has words, moved_word."
    assert called("look", "05", "who_waits", "words=6", "word=1") == sentence


def test_a_reader_that_stops_early_ends_the_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [sys.executable, "-m", "course", "ledger"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (run.returncode, run.stderr) == (1, b"")


# What the system refuses


def refusing(error):
    def refuse(*_, **__):
        raise error

    return refuse


@pytest.mark.parametrize("command", [["lab"], ["reset", "00"], ["handout"], ["colab"], ["instructor", "00"]])
@pytest.mark.parametrize(
    "error",
    [
        OSError(30, "Read-only file system", "/read/only/work"),
        PermissionError(13, "Permission denied", "/read/only/work"),
    ],
    ids=["read-only", "forbidden"],
)
def test_a_copy_that_cannot_be_changed_is_one_sentence(clone, monkeypatch, command, error):
    monkeypatch.setattr("pathlib.Path.mkdir", refusing(error))
    monkeypatch.setattr(lab.os, "environ", dict(os.environ))
    message = called(*command)
    assert message == (
        f"{error.strerror}: /read/only/work. This copy of the course cannot be changed: copy the folder {clone} to a place "
        "of your own first."
    )


def test_a_full_disk_is_one_sentence(clone, monkeypatch):
    monkeypatch.setattr("pathlib.Path.mkdir", refusing(OSError(28, "No space left on device", "/full")))
    assert called("reset", "00") == "No space left on device: /full"


# What the terminal lacks


TERMINALS = {
    "no UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "of Windows": {"PYTHONIOENCODING": "cp437"},
    "colours": {"FORCE_COLOR": "1", "TERM": "dumb"},
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "a safe path": {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)},
    "without docstrings": {"PYTHONOPTIMIZE": "2"},
}


@pytest.mark.parametrize("terminal", TERMINALS)
def test_a_terminal_that_lacks_letters_gets_every_line(terminal):
    run = course("ledger", env=os.environ | TERMINALS[terminal], text=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert len(run.stdout.splitlines()) == 144 + 5


@pytest.mark.parametrize("terminal", TERMINALS)
def test_what_was_typed_in_another_script_is_answered_in_a_sentence(terminal):
    run = course("reset", "Ⅻ", env=os.environ | TERMINALS[terminal], text=False)
    assert run.returncode == 1
    assert run.stderr.startswith(b"There is no lesson '")
    assert run.stderr.count(b"\n") == 1
