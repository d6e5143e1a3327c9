"""The ledger: 144 claims of four documents, and the cards that show how each verdict was reached."""

import functools
import html
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..catalogue import lessons
from ..errors import CourseError, nearest
from ..show import theme
from ..show.display import Page

WORDS = {
    "holds": ("holds", theme.GOOD),
    "conditional": ("holds on a condition", theme.ACCENT),
    "does-not-hold": ("does not hold", theme.BAD),
    "question": ("a question, answered", theme.ATTENTION),
    "opinion": ("an opinion", theme.MUTED),
    "note": ("a note", theme.MUTED),
    "open": ("open", theme.MUTED),
}
SOURCES = {
    "S0": "S0, a question on stacked self-attention",
    "S1": "S1, a question on GPUs",
    "S2": "S2, a question on splitting the batch",
    "S3": "S3, an article on parallel processing",
}


@dataclass(frozen=True)
class Claim:
    """One claim. `expected` is a hypothesis; `verdict` stands only once some evidence is done."""

    id: str
    says: str
    kind: str
    expected: str
    repair: str
    literature: list
    verdict: str | None = None

    @property
    def evidence(self):
        """What the lessons have settled of it, and what they will: a list of {"lesson", "how", "status", "cell"}."""
        found = []
        for row in lessons().values():
            if self.id in row.evidence:
                found.append({"lesson": row.id, "status": "done", **row.evidence[self.id]})
            found += [
                {"lesson": row.id, "status": "open", "how": how} for how, ids in row.planned.items() if self.id in ids
            ]
        return found

    @property
    def source(self):
        return self.id[:2]

    @property
    def state(self):
        """'settled' if all evidence is done, 'partly settled' if some is, else 'open'."""
        done = [item["status"] == "done" for item in self.evidence]
        return "settled" if all(done) else "partly settled" if any(done) else "open"

    @property
    def shown(self):
        """The verdict that may be printed: 'open' until some evidence is done."""
        return self.verdict if self.state != "open" else "open"

    def evidence_in(self, lesson_id):
        """The evidence of one lesson, or None."""
        return next((item for item in self.evidence if item["lesson"] == lesson_id), None)


@functools.cache
def ledger():
    """{id: Claim}, all 144 in the documents' order."""
    table = tomllib.loads((Path(__file__).parent / "claims.toml").read_text(encoding="utf-8"))
    return {key: Claim(id=key, **row) for key, row in table.items()}


def claims_of(lesson_id):
    """The ids of the claims that a lesson examines."""
    return [claim.id for claim in ledger().values() if claim.evidence_in(lesson_id)]


def find_claim(claim_id):
    """The claim with this id; a CourseError names the nearest ones."""
    if not isinstance(claim_id, str) or claim_id not in ledger():
        raise CourseError(f"There is no claim {claim_id!r}.{nearest(claim_id, ledger())} Ids run from S0-01 to S3-60.")
    return ledger()[claim_id]


def card(claim_id, lesson, evidence):
    """The verdict card of a claim, with the evidence that a notebook of this lesson has just computed.

    A computed claim needs the numbers that its deciding function asks for, and raises CourseError if they lead to
    another verdict than the ledger's. A measured one shows them beside the ledger's verdict and never raises.
    """
    row = find_claim(claim_id)
    return Page(*_card(row, *judge(row, lesson, evidence)))


def table(evidence, lesson):
    """A lesson's other claims in one table. evidence: {claim id: {name: number}}, {} where none is computed."""
    rows = [(find_claim(claim_id), given) for claim_id, given in evidence.items()]
    judged = [(row, *judge(row, lesson, given)) for row, given in rows]
    return Page(_table_html(judged), "\n\n".join(_card_text(row, shown) for row, _, shown, _ in judged))


def judge(row, lesson, evidence):
    """(how, what it shows, the evidence as text) for a claim in a lesson; raises where the evidence contradicts."""
    item = row.evidence_in(lesson.id)
    if item is None:
        elsewhere = ", ".join(item["lesson"] for item in row.evidence)
        raise CourseError(f"{row.id} is not examined in lesson {lesson.id}, but in {elsewhere}; run the first cell?")
    evidence = {name: _plain(value) for name, value in evidence.items()}
    if item["how"] == "computed":
        shown = f"Computed here: {_decided(row, lesson, evidence)}"
    elif item["how"] == "measured":
        shown = "Measured here, and free to differ on your machine; the numbers stand beside."
    else:
        shown = (
            f"From the literature: {'; '.join(row.literature)}." if row.literature else "Nothing here can be computed."
        )
    return item["how"], shown, {name: _number(value) for name, value in evidence.items()}


def _decided(row, lesson, evidence):
    """The sentence of the deciding function, if the evidence leads it to the ledger's verdict; else CourseError."""
    decision = lesson.decisions.get(row.id)
    if decision is None:
        raise CourseError(f"{row.id} has no deciding function for lesson {lesson.id} yet, so no card can be shown.")
    if sorted(evidence) != sorted(decision.wants):
        raise CourseError(f"{row.id} is decided by {', '.join(decision.wants)}; given: {', '.join(evidence) or '–'}.")
    numbers = ", ".join(f"{name} = {_number(value)}" for name, value in evidence.items())
    needs = f"No card is shown. The verdict needs: {decision.shows} If you changed a cell above, run it again."
    if any(map(_holds_nan, evidence.values())):
        raise CourseError(f"{row.id}: these numbers decide nothing, one is nan, not a number ({numbers}). {needs}")
    try:
        reached = decision.function(**evidence)
    except Exception as error:
        raise CourseError(f"{row.id}: these cannot be compared ({numbers}): {error}. {needs}") from None
    if reached != row.verdict:
        verdict = row.verdict or "open"
        raise CourseError(
            f"{row.id}: the numbers here say '{reached}' ({numbers}), the ledger says '{verdict}'. {needs}"
        )
    return decision.shows


def _plain(value):
    """Python's own number or list for a torch or numpy one."""
    return value.tolist() if hasattr(value, "tolist") else value


def _holds_nan(value):
    return any(map(_holds_nan, value)) if isinstance(value, (list, tuple)) else value != value


def _number(value):
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_number, value))}]"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.2g}"


def _repair(row):
    label = {"conditional": "Condition", "does-not-hold": "Repair", "question": "Answer"}.get(row.shown, "Note")
    return (label, row.repair) if row.repair else None


def _later(row):
    left = [item["lesson"] for item in row.evidence if item["status"] != "done"]
    return f"Finished in lesson {' and '.join(left)}." if left else ""


def _card_text(row, shown):
    lines = [f"{row.id} {WORDS[row.shown][0]}. {row.says}", shown]
    if _repair(row):
        lines.append(": ".join(_repair(row)))
    return "\n".join(lines)


def _card(row, how, shown, evidence):
    word, colour = WORDS[row.shown]
    numbers = "".join(f" {_CODE}{_named(name, value)}</code>" for name, value in evidence.items())
    parts = [
        f'<b>{row.id}</b> &nbsp;<span style="background-color:{colour};color:#FFFFFF;padding:1px 8px">{word}</span>',
        html.escape(row.says),
        f'<span style="color:{theme.MUTED}">{html.escape(shown)}{numbers}</span>',
    ]
    if _repair(row):
        parts.append("<b>{}.</b> {}".format(*map(html.escape, _repair(row))))
    if _later(row):
        parts.append(f'<span style="color:{theme.MUTED}">{_later(row)}</span>')
    page = theme.card("".join(f'<div style="margin:2px 0">{part}</div>' for part in parts), colour)
    return page, _card_text(row, shown)


def _named(name, value):
    return html.escape(f"{name.replace('_', ' ')} = {value}")


def _table_html(judged):
    rows = []
    for row, _, shown, evidence in judged:
        word, colour = WORDS[row.shown]
        numbers = "; ".join(_named(name, value) for name, value in evidence.items())
        repair = "<br>{}: {}".format(*map(html.escape, _repair(row))) if _repair(row) else ""
        cells = [
            f'<b style="white-space:nowrap">{row.id}</b>',
            f'<span style="color:{colour};font-weight:bold">{word}</span>',
            f'{html.escape(row.says)}<span style="color:{theme.MUTED}">{repair}</span>',
            f"{html.escape(shown)}<br>{_CODE}{numbers}</code>" if numbers else html.escape(shown),
        ]
        rows.append("".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells))
    head = "".join(f'<th style="{_CELL}">{name}</th>' for name in ("claim", "verdict", "what it says", "evidence"))
    body = "".join(f'<tr style="background-color:{theme.PAPER}">{cells}</tr>' for cells in rows)
    return (
        f'<table style="border-collapse:collapse;font-family:{theme.FONT};font-size:13px;color:{theme.INK};'
        f'background-color:{theme.PAPER};max-width:980px"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


_CODE = f'<code style="background-color:#E7EAEE;color:{theme.INK}">'  # a dark page would make it dark
_CELL = f"text-align:left;vertical-align:top;padding:6px 10px;border-bottom:1px solid {theme.LINE}"
