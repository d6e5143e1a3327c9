"""The statements of the four documents, as claims.toml holds them, and which lessons settle them."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..catalogue import Lesson, lessons
from ..errors import CourseError, nearest
from ..show import theme

WORDS = {
    "holds": ("holds", theme.GOOD),
    "conditional": ("holds on a condition", theme.ACCENT),
    "does-not-hold": ("does not hold", theme.BAD),
    "question": ("a question, answered", theme.ATTENTION),
    "answer": ("an answer, no verdict", theme.MUTED),
    "open": ("open", theme.MUTED),
}
SOURCES = {
    "S0": "the question on stacked attention",
    "S1": "the thread on GPUs",
    "S2": "the thread on splitting the batch",
    "S3": "the article",
}
REMARKS = {"condition": "Condition", "repair": "Repair", "answer": "Answer", "nuance": "Nuance"}


@dataclass(frozen=True)
class Evidence:
    """What one lesson has for a statement. how: computed, measured, cited, or answered (an answer, and no more).

    done: False while the lesson only plans it. cell: the notebook's cell whose card shows it; None behind the scenes.
    trained: the name of the trained result that it rests on, or None.
    """

    lesson: str
    how: str
    done: bool
    cell: str | None = None
    trained: str | None = None


@dataclass(frozen=True)
class Statement:
    """One statement, with the ids of all sentences that say it; the fields are explained at the top of claims.toml."""

    ids: tuple[str, ...]
    says: str
    kind: str
    literature: tuple[str, ...]
    verdict: str | None = None
    expected: str | None = None
    nuance: str = ""
    condition: str = ""
    repair: str = ""
    answer: str = ""

    @property
    def printed(self) -> str | None:
        """What numbers should say: a verdict, or "answered"; None while it is open."""
        return self.verdict or ("answered" if self.answer else None)

    @property
    def shown(self) -> str:
        """The key of WORDS that stands on a card: "open" while no lesson has evidence."""
        if self.state == "open":
            return "open"
        return self.verdict or ("question" if self.kind == "question" else "answer")

    @property
    def remark(self) -> tuple[str, str] | None:
        """("Condition", its text), or Repair, Answer, Nuance; None where there is none."""
        texts = {label: getattr(self, name) for name, label in REMARKS.items()}
        return next(((label, text) for label, text in texts.items() if text), None)

    @property
    def sources(self) -> list[str]:
        """The documents that say it, in words."""
        return [name for source, name in SOURCES.items() if any(claim_id.startswith(source) for claim_id in self.ids)]

    @property
    def evidence(self) -> list[Evidence]:
        """What the lessons have and plan for it, in the course's order; evidence for one id counts for all."""
        of_each = (self.evidence_in(lesson) for lesson in lessons().values())
        return [evidence for evidence in of_each if evidence]

    @property
    def state(self) -> str:
        """'settled' if all evidence is done, 'partly settled' if a lesson is still to come, else 'open'."""
        done = [evidence.done for evidence in self.evidence]
        if not any(done):
            return "open"
        return "settled" if all(done) else "partly settled"

    def evidence_in(self, lesson: Lesson) -> Evidence | None:
        """What this lesson has or plans for it, or None."""
        for claim_id in self.ids:
            if claim_id in lesson.evidence:
                return Evidence(lesson.id, done=True, **lesson.evidence[claim_id])
            for how, planned in lesson.planned.items():
                if claim_id in planned:
                    return Evidence(lesson.id, how, done=False)
        return None

    def decision_in(self, lesson: Lesson):
        """The `Decision` of this lesson, or None."""
        return next((lesson.decisions[claim_id] for claim_id in self.ids if claim_id in lesson.decisions), None)


@functools.cache
def all_statements() -> tuple[Statement, ...]:
    """All statements, in the documents' order."""
    table = tomllib.loads((Path(__file__).parent / "claims.toml").read_text(encoding="utf-8"))
    return tuple(
        Statement(**row | {"ids": tuple(row["ids"]), "literature": tuple(row["literature"])})
        for row in table["statement"]
    )


def claims() -> dict[str, Statement]:
    """{id: the statement that it belongs to}, all 144 in the documents' order."""
    return dict(sorted((claim_id, row) for row in all_statements() for claim_id in row.ids))


def statements_of(lesson: Lesson) -> list[Statement]:
    """The statements that a lesson has evidence for, or plans it."""
    return [row for row in all_statements() if row.evidence_in(lesson)]


def find_statement(claim_id: str) -> Statement:
    """The statement with this id; a CourseError names the nearest ids."""
    known = claims()
    if not isinstance(claim_id, str) or claim_id not in known:
        raise CourseError(f"There is no claim {claim_id!r}.{nearest(claim_id, known)} Ids run from S0-01 to S3-60.")
    return known[claim_id]
