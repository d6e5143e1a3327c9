"""The tables of lessons in README.md and docs/: made from the lessons, and known to be old when they are."""

import json
import re

import pytest
from stored import ROOT

from course import CourseError, catalogue, tables
from course.catalogue import lessons, written
from course.notebooks import IGNORED


def page(tmp_path, text, name="README.md"):
    """A folder with one page."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def marked(name="lessons", table=""):
    return f"Before.\n\n<!-- {name}: written by make notebooks -->\n{table}<!-- end of {name} -->\n\nAfter.\n"


def test_no_table_of_ours_is_old():
    assert tables.stale(ROOT) == []


@pytest.mark.parametrize("file", ["README.md", "docs/instructors.md"])
def test_the_pages_that_list_lessons_have_a_table_that_is_written(file):
    assert tables.MARKED.search((ROOT / file).read_text(encoding="utf-8"))


def test_the_table_lists_every_lesson_and_links_the_written_ones(tmp_path):
    path = page(tmp_path, marked())
    assert tables.write(tmp_path) == [path]
    rows = re.findall(r"^\| (\d\d) · (.*) \| (.*) \| (\w+) \|$", path.read_text("utf-8"), flags=re.MULTILINE)
    assert [row[0] for row in rows] == list(lessons())
    for (_, title, *cells), row in zip(rows, lessons().values(), strict=True):
        assert title == (f"[{row.title}](notebooks/{row.notebook}.ipynb)" if row.notebook else row.title)
        assert cells == [row.question, str(row.minutes) if row.notebook else "planned"]


def test_the_teachers_table_counts_exercises_and_timed_cells(tmp_path):
    path = page(tmp_path, marked("teaching"), "docs/instructors.md")
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    tables.write(tmp_path)
    rows = re.findall(r"^\| (\d\d) ·.* \| (\d+) \| (\w+) \|$", path.read_text("utf-8"), flags=re.MULTILINE)
    for row, (lesson_id, exercises, timed) in zip(written(), rows, strict=True):
        text = (ROOT / "notebooks" / f"{row.notebook}.ipynb").read_text(encoding="utf-8")
        counted = json.dumps(json.loads(text)).count(f'"tags": ["{IGNORED}"]')
        assert (lesson_id, exercises, timed) == (row.id, str(len(row.exercises)), str(counted or "none"))


def test_what_stands_around_a_table_stays_and_a_second_run_changes_nothing(tmp_path):
    path = page(tmp_path, marked(table="| old |\n"))
    assert tables.stale(tmp_path) == ["README.md: its table of lessons is old; run make notebooks"]
    tables.write(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n<!--")
    assert text.endswith("-->\n\nAfter.\n")
    assert "| old |" not in text
    assert tables.stale(tmp_path) == tables.write(tmp_path) == []


def test_a_lesson_with_another_title_makes_the_table_old(monkeypatch, tmp_path):
    page(tmp_path, marked())
    tables.write(tmp_path)
    changed = {key: catalogue.Lesson(**{**vars(row), "title": "Other"}) for key, row in lessons().items()}
    monkeypatch.setattr(tables, "lessons", lambda: changed)
    assert tables.stale(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (marked("lesson"), "README.md: there is no table 'lesson'. Did you mean 'lessons'"),
        (marked().replace("end of", "end"), "a table begins with .* and needs <!-- end of NAME -->"),
    ],
)
def test_a_mark_that_is_mistyped_is_named(tmp_path, text, sentence):
    page(tmp_path, text)
    with pytest.raises(CourseError, match=sentence):
        tables.write(tmp_path)
