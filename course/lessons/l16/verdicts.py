"""The ledger as numbers: each sentence's verdict as a letter, and how many there are, in whatever order one asks."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ...catalogue import lessons
from ...ledger import WORDS, Statement, claims

LETTERS = {
    "holds": "H",
    "conditional": "C",
    "does-not-hold": "N",
    "question": "Q",
    "answer": "O",
    "open": "–",
}
KINDS = {
    "mechanism": "how it works",
    "performance": "how fast it is",
    "history": "how it came about, and why",
    "application": "where it is used",
    "other": "questions, opinions and the rest",
}
HOWS = {"computed": "computed", "measured": "measured", "cited": "cited", "answered": "answered", "open": "open"}
JUDGED = ("holds", "conditional", "does-not-hold")


def counts(chosen: Iterable[Statement] | None = None) -> dict[str, int]:
    """{verdict, as WORDS has it: how many sentences}, of the whole ledger or of these.

    >>> sum(counts().values()), list(counts())[:3]
    (144, ['holds', 'conditional', 'does-not-hold'])
    """
    counted = Counter(row.shown for row in (claims().values() if chosen is None else chosen))
    return {verdict: counted[verdict] for verdict in LETTERS}


def of_source(source: str) -> dict[str, int]:
    """The counts of one document; source: "S0" to "S3".

    >>> sum(of_source("S3").values())
    60
    """
    return counts(row for claim_id, row in claims().items() if claim_id.startswith(source))


def of_kind(kind: str) -> dict[str, int]:
    """The counts of one kind of sentence; kind: a key of KINDS."""
    return counts(row for row in claims().values() if kind_of(row) == kind)


def share_holding(counted: dict[str, int]) -> float:
    """The share that simply holds, among those that are judged; nan where none is."""
    judged = sum(counted[verdict] for verdict in JUDGED)
    return counted["holds"] / judged if judged else float("nan")


def kind_of(row: Statement) -> str:
    """Its kind as a key of KINDS."""
    return row.kind if row.kind in KINDS else "other"


def how_known(row: Statement) -> str:
    """How the first lesson with evidence knows it: a key of HOWS."""
    return next((item.how for item in row.evidence if item.done), "open")


def first_lesson(row: Statement) -> str:
    """The first lesson that has evidence for it, or else plans it."""
    done = [item.lesson for item in row.evidence if item.done]
    return (done or [item.lesson for item in row.evidence])[0]


def in_words(counted: dict[str, int]) -> str:
    """Five lines, one a verdict with its count; a sixth for what is open.

    >>> print(in_words(dict.fromkeys(LETTERS, 1)).splitlines()[0])
    H  holds: 1
    """
    return "\n".join(
        f"{LETTERS[verdict]}  {WORDS[verdict][0]}: {count}"
        for verdict, count in counted.items()
        if verdict != "open" or count
    )


def letters_table() -> str:
    """The 144 letters as twelve rows of twelve, for a page without a browser.

    >>> len(letters_table().splitlines())
    12
    """
    letters = [LETTERS[row.shown] for row in claims().values()]
    return "\n".join(" ".join(letters[start : start + 12]) for start in range(0, 144, 12))


def moved() -> dict[str, dict[str, str]]:
    """{id: {"before": the verdict before the review, "number": what changed it}}, of those that changed."""
    table = tomllib.loads((Path(__file__).parent / "moved.toml").read_text(encoding="utf-8"))
    return {claim_id: row for claim_id, row in table.items() if row["before"] != claims()[claim_id].shown}


def lessons_in_order() -> list[str]:
    """The ids of the lessons that settle something, in the course's order."""
    return [row.id for row in lessons().values() if not row.overview]
