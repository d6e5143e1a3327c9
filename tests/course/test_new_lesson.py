"""A new lesson touches its folder and its notebook and nothing else: tried in copies of the course."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from stored import ROOT

from course.catalogue import find_lesson, lessons
from course.missing import missing, missing_from

PARTS = ["course", "helpers", "notebooks", "docs", "tests", "README.md", "conftest.py", "pyproject.toml"]
FOLDER = "course/lessons/l" + "89"  # not the next free number: whoever takes it must not have to edit this
LESSON = """
title = "New ground"
question = "Does anything else have to be edited?"
minutes = 40
needs = ["01"]
notebook = "89_new_ground"

[evidence]
S0-17 = { how = "computed", cell = "claim-keys" }
"""


def copied(root):
    """A copy of the course, without what tests and editors leave behind."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            )
        else:
            shutil.copy(ROOT / part, root)
    return root


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A copy in which an empty lesson 89 is declared."""
    root = copied(tmp_path_factory.mktemp("empty"))
    (root / FOLDER).mkdir()
    (root / FOLDER / "lesson.toml").write_text(LESSON, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A copy in which lesson 89 has all that lesson 01 has."""
    root = copied(tmp_path_factory.mktemp("whole"))
    model = find_lesson("01")
    shutil.copytree(model.folder, root / FOLDER, ignore=shutil.ignore_patterns("__pycache__"))
    declared = (root / FOLDER / "lesson.toml").read_text(encoding="utf-8")
    (root / FOLDER / "lesson.toml").write_text(declared.replace(model.notebook, "89_new_ground"), encoding="utf-8")
    notebook = (root / "notebooks" / f"{model.notebook}.ipynb").read_text(encoding="utf-8")
    renumbered = notebook.replace('lesson(\\"01\\")', 'lesson(\\"89\\")').replace("lessons.l01", "lessons.l89")
    (root / "notebooks" / "89_new_ground.ipynb").write_text(renumbered, encoding="utf-8")
    return root


def python(root, *arguments):
    """The lines that Python prints when it runs there."""
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_no_lesson_lacks_anything():
    assert missing(ROOT) == []


def test_what_parts_of_a_lesson_say_of_each_other_and_is_not_so_is_named(tmp_path, monkeypatch):
    row = replace(find_lesson("01"), evidence={})
    monkeypatch.delitem(row.answers.references, "1")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / f"{row.notebook}.ipynb").write_text('{"cells": []}', encoding="utf-8")
    folder, claim_id = "course/lessons/l01", min(row.decisions)
    assert {
        f'{folder}/exercises.py: no cell of the notebook says check("2", …)',
        f"{folder}/solutions.py: exercise 1 has no reference answer",
        f"{folder}/lesson.toml: [evidence] names no claim that the lesson settles",
        f"{folder}/decisions.py: {claim_id} is decided, and lesson.toml does not call it computed",
    } <= set(missing_from(row, tmp_path))


def test_an_empty_lesson_is_listed_and_what_it_lacks_is_named(empty):
    listed, *lines = python(empty, "-c", "from course.__main__ import *; list_lessons(None); check(None)")[
        len(lessons()) :
    ]
    assert " ".join(listed.split()) == "89 ready 40 min New ground: Does anything else have to be edited?"
    assert [line for line in lines if "89" in line] == [
        "notebooks/89_new_ground.ipynb is not there; lesson.toml names it",
        f"{FOLDER}/__init__.py is not there: without it the folder is no package",
        f"{FOLDER}/notes.toml is not there: what a teacher wants to know",
        f"{FOLDER}/figures.py is not there",
        f"{FOLDER}/exercises.py: there are no exercises",
        f"{FOLDER}/solutions.py: there are no answers to the exercises",
        f"{FOLDER}/lesson.toml: S0-17 is settled in cell 'claim-keys', which the notebook does not have",
        f"{FOLDER}/decisions.py: nothing decides S0-17, which lesson.toml calls computed",
    ]
    assert [line for line in lines if "table" in line] == [
        "README.md: its table of lessons is old; run make notebooks",
        "docs/instructors.md: its table of lessons is old; run make notebooks",
        "docs/ledger.md: its table of lessons is old; run make notebooks",
    ]


def test_a_whole_lesson_lacks_nothing_and_is_tested_with_no_edit_elsewhere(whole):
    tests = [f"tests/course/test_{name}.py" for name in ("new_lesson", "exercises", "notebooks")]
    printed = python(whole, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "89 or lacks_anything")
    assert int(re.search(r"(\d+) passed", printed[-1])[1]) > 50
    assert "failed" not in printed[-1]
