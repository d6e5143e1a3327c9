"""Which lessons there are, and what each of them holds: the one place that looks into course/lessons.

A lesson is one folder, course/lessons/lNN. Its lesson.toml says what it is; its modules (figures, exercises, decisions,
trained, solutions) are imported when somebody asks for them.
"""

import functools
import importlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from .errors import CourseError, nearest

LESSONS = Path(__file__).parent / "lessons"


@dataclass(frozen=True)
class Lesson:
    """What lesson.toml says. notebook: the name of its file, without .ipynb; None while the lesson is not written.

    evidence: {claim id: {"how": …}}, what this lesson has settled; a "cell" where a card shows it, and the name of a
    "trained" result that it rests on. planned: {how: [claim ids]}, what it will settle. overview: it shows what the
    others prove, so it stands before them, settles no claim, and its figures are theirs.
    """

    id: str
    title: str
    question: str
    minutes: int
    needs: list[str]
    notebook: str | None = None
    evidence: dict[str, dict[str, str]] = field(default_factory=dict)
    planned: dict[str, list[str]] = field(default_factory=dict)
    overview: bool = False

    @property
    def folder(self):
        """Where its parts lie."""
        return LESSONS / f"l{self.id}"

    def part(self, name):
        """One of its modules ("figures", "exercises", "decisions", "solutions"), or None where it has none."""
        module = f"{__package__}.lessons.l{self.id}.{name}"
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            return None

    @property
    def exercises(self):
        """{id: Exercise}, in the lesson's order; the ids do not repeat the lesson: "1", "2"."""
        module = self.part("exercises")
        return {exercise.id: exercise for exercise in module.EXERCISES} if module else {}

    @property
    def answers(self):
        """The right and wrong answers to its exercises, or None in an edition that leaves them out."""
        module = self.part("solutions")
        return module.answers if module else None

    @property
    def decisions(self):
        """{claim id: Decision} of what it computes."""
        module = self.part("decisions")
        return dict(module.decisions) if module else {}


@functools.cache
def lessons():
    """{id: Lesson} in the course's order: an overview first, then by id."""
    tables = {path.parent.name[1:]: path.read_text(encoding="utf-8") for path in LESSONS.glob("l*/lesson.toml")}
    rows = [Lesson(id=key, **tomllib.loads(tables[key])) for key in sorted(tables)]
    return {row.id: row for row in sorted(rows, key=lambda row: not row.overview)}


def written():
    """The lessons that have a notebook."""
    return [row for row in lessons().values() if row.notebook]


def find_lesson(lesson_id):
    """The lesson with this id; a CourseError names the nearest ones."""
    try:
        return lessons()[lesson_id]
    except (KeyError, TypeError):
        known = ", ".join(row.id for row in written())
        hint = nearest(lesson_id, lessons()) or f" Ready are {known}."
        raise CourseError(f"There is no lesson {lesson_id!r}.{hint}") from None
