"""Faults in the middle of a lesson: what has not run, what stands in the way, what a student is told."""

import re
import sys
import types
from pathlib import Path

import pytest

import course
from course import errors
from course.errors import CourseError, explain_missing_names


@pytest.fixture
def shell():
    from IPython.core.interactiveshell import InteractiveShell

    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_a_name_that_no_cell_has_made_is_one_sentence(shell, capsys):
    explain_missing_names()
    assert not shell.run_cell("K @ Q").success
    message = capsys.readouterr().out
    assert message.startswith("'K' is not known in this kernel. If it is not misspelt, a cell above makes it")
    assert "Traceback" not in message
    assert shell.run_cell("K = 1\nK").success


def test_a_name_is_explained_inside_brackets_too(shell, capsys):
    explain_missing_names()
    shell.run_cell("[K for _ in range(2)]")
    assert capsys.readouterr().out.startswith("'K' is not known in this kernel.")


@pytest.mark.parametrize(
    "source", ["def mine():\n    return nowhere\nmine()", "import hers", "raise NameError('mine')"]
)
def test_inside_a_function_or_a_file_the_place_is_shown(source, shell, capsys, tmp_path, monkeypatch):
    (tmp_path / "hers.py").write_text("answer = nowhere")
    monkeypatch.syspath_prepend(tmp_path)
    explain_missing_names()
    shell.run_cell(source)
    printed = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert re.search("return nowhere|answer = nowhere|NameError: mine", printed)
    assert "not known in this kernel" not in printed


def test_a_lesson_opens_with_that_explanation(shell, shown, capsys):
    course.lesson("05")
    shell.run_cell("words")
    assert "'words' is not known in this kernel" in capsys.readouterr().out


def folder(path):
    module = types.ModuleType("helpers")
    module.__path__ = [path]
    return module


def file(path):
    module = types.ModuleType("helpers")
    module.__file__ = path
    return module


@pytest.mark.parametrize(
    ("module", "place"),
    [
        (folder("/home/ada/helpers"), "the folder /home/ada/helpers"),
        (file("/home/ada/helpers.py"), "the file /home/ada/helpers.py"),
        (types.ModuleType("helpers"), "something made in this session"),
    ],
)
def test_another_helpers_is_named_with_what_to_do(module, place, monkeypatch):
    monkeypatch.setitem(sys.modules, "helpers", module)
    source = Path(course.__file__).read_text(encoding="utf-8")
    with pytest.raises(CourseError, match="Another helpers stands in the way") as raised:
        exec(compile(source, course.__file__, "exec"), {"__package__": "course", "__name__": "course"})
    assert f"way: {place}. Rename it if it is yours" in str(raised.value)
    assert isinstance(raised.value, ImportError)
    assert errors.place_of(module) == place
