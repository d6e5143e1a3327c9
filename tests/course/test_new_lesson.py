"""A new lesson touches its folder and its notebook and nothing else: tried in a copy of the course."""

import os
import shutil
import subprocess
import sys

import pytest
from stored import ROOT

from course.missing import missing

PARTS = ["course", "helpers", "notebooks", "docs", "tests", "README.md", "Makefile", "conftest.py", "pyproject.toml"]
LESSON = """
title = "New ground"
question = "Does anything else have to be edited?"
minutes = 40
needs = ["01"]
notebook = "17_new_ground"

[evidence]
S0-17 = { how = "computed", cell = "claim-keys" }
"""


def test_no_lesson_lacks_anything():
    assert missing(ROOT) == []


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the course in which an empty lesson 17 is declared."""
    root = tmp_path_factory.mktemp("course")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, root)
    folder = root / "course" / "lessons" / "l17"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "lesson.toml").write_text(LESSON, encoding="utf-8")
    return root


def python(root, *arguments):
    """What Python prints when it runs there."""
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False).stdout


def test_the_course_lists_it(copy):
    line = python(copy, "-m", "course", "list").splitlines()[-1]
    assert " ".join(line.split()) == "17 ready 40 min New ground: Does anything else have to be edited?"


def test_what_it_lacks_is_named(copy):
    lines = python(copy, "-m", "course", "check").splitlines()
    folder = "course/lessons/l" + "17"
    assert [line for line in lines if "17" in line] == [
        "notebooks/17_new_ground.ipynb is not there; lesson.toml names it",
        f"{folder}/notes.toml is not there: what a teacher wants to know",
        f"{folder}/figures.py is not there",
        f"{folder}/exercises.py: there are no exercises",
        f"{folder}/solutions.py: there are no answers to the exercises",
        f"{folder}/lesson.toml: S0-17 is settled in cell 'claim-keys', which the notebook does not have",
        f"{folder}/decisions.py: nothing decides S0-17, which lesson.toml calls computed",
    ]
    assert "README.md: its table of lessons is old; run make notebooks" in lines
    assert "docs/instructors.md: its table of lessons is old; run make notebooks" in lines


def test_the_tests_of_the_copy_say_the_same(copy):
    test = "tests/course/test_new_lesson.py::test_no_lesson_lacks_anything"
    printed = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    assert "17_new_ground.ipynb is not there" in printed
    assert "1 failed" in printed
