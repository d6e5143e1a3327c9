"""The order of the lessons, the page that opens each, and what stands in the way of `import course`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course import CourseError, lesson, lessons, progress
from course.exercises import exercises_of
from course.ledger import claims_of

LESSONS = lessons.lessons()
ROOT = Path(lessons.__file__).parent.parent
READY = [row.id for row in LESSONS.values() if row.notebook]


def test_there_are_seventeen_lessons_in_an_order_that_builds_on_itself():
    assert list(LESSONS) == [f"{number:02}" for number in range(17)]
    for number, row in enumerate(LESSONS.values()):
        assert all(needed in list(LESSONS)[:number] for needed in row.needs)
        assert row.question.endswith("?")
        assert 30 <= row.minutes <= 60
        assert set(row.sources) <= {"S0", "S1", "S2", "S3"}
    assert len({row.title for row in LESSONS.values()}) == 17


@pytest.mark.parametrize("lesson_id", LESSONS)
def test_a_lessons_sources_are_those_of_its_claims(lesson_id):
    assert {claim_id[:2] for claim_id in claims_of(lesson_id)} <= set(LESSONS[lesson_id].sources)
    assert claims_of(lesson_id)


@pytest.mark.parametrize("lesson_id", READY)
def test_a_lesson_that_names_a_notebook_has_it(lesson_id):
    notebook = LESSONS[lesson_id].notebook
    assert re.fullmatch(rf"{lesson_id}_[a-z_]+", notebook)
    assert (ROOT / "notebooks" / f"{notebook}.ipynb").exists()
    assert exercises_of(lesson_id), "a lesson has exercises"


@pytest.mark.parametrize("lesson_id", LESSONS)
def test_the_compared_text_is_the_same_on_every_machine_and_for_every_student(lesson_id, shown, monkeypatch):
    lesson(lesson_id)
    assert lessons.current == lesson_id
    for exercise_id in exercises_of(lesson_id):
        progress.note_passed(exercise_id)
    machine = type("Machine", (), {"sentence": lambda self: "a machine with <b>999</b> cores"})
    monkeypatch.setattr("helpers.describe", machine)
    lesson(lesson_id)
    first, second = shown
    assert first["text/plain"] == second["text/plain"]
    assert "999" not in second["text/plain"]
    assert "a machine with &lt;b&gt;999&lt;/b&gt; cores" in second["text/html"]
    count = len(exercises_of(lesson_id))
    assert f"0 of {count} exercises solved" in first["text/html"]
    assert f"{count} of {count} exercises solved" in second["text/html"]
    row = LESSONS[lesson_id]
    for said in (f"Lesson {lesson_id} · {row.title}: {row.question}", f"{row.minutes} minutes", *claims_of(lesson_id)):
        assert said in first["text/plain"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("5", "Did you mean .*'05'"),
        (5, "Did you mean .*'05'"),
        ("05_self_attention", "Did you mean|Ready are .*05"),
        ("17", "Did you mean"),
        ("", "Ready are .*05"),
        (None, "Ready are .*05"),
        (["05"], "'05'"),
    ],
)
def test_an_unknown_lesson_names_the_nearest_or_those_that_are_ready(given, said, shown, monkeypatch):
    monkeypatch.setattr(lessons, "current", "02")
    with pytest.raises(CourseError, match=f"There is no lesson .*({said})"):
        lesson(given)
    assert not shown
    assert lessons.current == "02"


def run_cell(folder, cell):
    """What IPython prints for a cell in which `folder` comes first on the path."""
    script = "import sys\nfrom IPython.core.interactiveshell import InteractiveShell\nInteractiveShell().run_cell(sys.argv[1])"
    environment = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script, cell], capture_output=True, text=True, cwd=folder, env=environment
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("fake", ["helpers/__init__.py", "helpers.py"])
def test_another_package_named_helpers_gets_one_sentence(fake, tmp_path):
    (tmp_path / fake).parent.mkdir(exist_ok=True)
    (tmp_path / fake).write_text("def attention(): pass\n")
    said = run_cell(tmp_path, "import course")
    assert said.startswith("Another package named helpers stands in the way")
    assert str(tmp_path / fake) in said
    assert "make lab" in said
    assert "Traceback" not in said
    assert said.strip().count("\n") == 0


def test_the_sentence_is_an_import_error_for_who_catches_one(tmp_path):
    (tmp_path / "helpers.py").write_text("COURSE = 'something else'\n")
    assert (
        run_cell(tmp_path, "try:\n    import course\nexcept ImportError as error:\n    print('caught')").strip()
        == "caught"
    )
