"""The order of the lessons, and the page that opens each of them."""

import functools
import html
import tomllib
from dataclasses import dataclass
from pathlib import Path

from IPython.display import display

from . import progress, theme
from .display import Page
from .errors import CourseError, explain_missing_names, nearest

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Lesson:
    """One row of lessons.toml; notebook is None while the lesson is not written."""

    id: str
    title: str
    question: str
    minutes: int
    sources: list
    needs: list
    notebook: str | None = None


@functools.cache
def lessons():
    """{id: Lesson} in the course's order."""
    table = tomllib.loads((HERE / "lessons.toml").read_text(encoding="utf-8"))
    return {key: Lesson(id=key, **row) for key, row in table.items()}


def find(lesson_id):
    """The lesson with this id; a CourseError names the nearest ones."""
    try:
        return lessons()[lesson_id]
    except (KeyError, TypeError):
        known = ", ".join(key for key, row in lessons().items() if row.notebook)
        hint = nearest(lesson_id, lessons()) or f" Ready are {known}."
        raise CourseError(f"There is no lesson {lesson_id!r}.{hint}") from None


current = None


def lesson(lesson_id):
    """Open a lesson: title, question and claims, with this machine and the student's progress beside them."""
    from .exercises import exercises_of
    from .ledger import claims_of

    global current
    row = find(lesson_id)
    current = row.id
    explain_missing_names()
    claims, exercises = claims_of(row.id), exercises_of(row.id)
    text = (
        f"Lesson {row.id} · {row.title}: {row.question}\n"
        f"{row.minutes} minutes, {len(exercises)} exercises, {len(claims)} claims: {', '.join(claims)}"
    )
    # What differs between people and machines stands in the HTML only, which is not compared.
    display(Page(theme.card(_page(row, claims, exercises), theme.ATTENTION), text))


def _page(row, claims, exercises):
    from helpers import describe

    solved = [exercise for exercise in exercises if exercise in progress.read()["passed"]]
    return (
        f'<div style="font-size:19px"><b>{row.id} · {html.escape(row.title)}</b></div>'
        f'<div style="font-size:16px;margin-bottom:6px">{html.escape(row.question)}</div>'
        f"<div>{row.minutes} minutes · {len(solved)} of {len(exercises)} exercises solved · {len(claims)} claims</div>"
        f'<div style="color:#57606A">This machine: {html.escape(describe().sentence())}</div>'
    )
