"""Verdict cards: what a statement says, what the reader's numbers say of it, and what is printed where that differs."""

from ..catalogue import Lesson
from ..errors import CourseError
from ..results import trained
from ..show import theme
from ..show.display import Page
from ..show.marks import card as box
from ..show.marks import joined, muted, tag
from .decisions import Reading
from .statements import WORDS, Evidence, Statement, find_statement

UNANSWERED = ("the numbers do not bear out the answer", theme.BAD)


def card(claim_id: str, lesson: Lesson, numbers: dict) -> Page:
    """The verdict card of a statement, with the numbers that a notebook of this lesson has just computed.

    A computed statement shows the verdict of these numbers; where another one is printed, both. Numbers that cannot be
    read get a sentence. Raises CourseError for an unknown claim, and for one that this lesson does not examine.
    """
    statement = find_statement(claim_id)
    evidence = statement.evidence_in(lesson)
    if evidence is None:
        elsewhere = ", ".join(item.lesson for item in statement.evidence)
        raise CourseError(f"{claim_id} is not examined in lesson {lesson.id}, but in {elsewhere}; run the first cell?")
    numbers = _plain(numbers)
    outcome, sentence = _verdict(statement, evidence, lesson, numbers)
    return Page(
        _html(statement, evidence, outcome, sentence, numbers),
        _text(statement, outcome, sentence),
    )


def _verdict(statement, evidence, lesson, numbers):
    """(the word and colour of the tile, the sentence after it) for this evidence."""
    printed = WORDS[statement.shown]
    if evidence.how != "computed":
        return printed, _without_decision(statement, evidence, lesson)
    decision = statement.decision_in(lesson)
    if decision is None:
        return WORDS["open"], f"Lesson {lesson.id} has no function yet that decides it."
    reading = decision.read(numbers)
    if reading.outcome is None:
        return (
            "no verdict",
            theme.MUTED,
        ), f"No verdict, since {reading.complaint} It is decided like this: {decision.shows}"
    if reading.outcome == statement.printed:
        return printed, f"Computed here: {decision.shows}"
    return _word(reading, statement), _difference(statement, reading, decision)


def _word(reading: Reading, statement: Statement):
    if reading.outcome == "unanswered":
        return UNANSWERED
    if reading.outcome == "answered":
        return WORDS["question" if statement.kind == "question" else "answer"]
    return WORDS[reading.outcome]


def _difference(statement, reading, decision):
    reached, printed = _word(reading, statement)[0], WORDS[statement.shown][0]
    return (
        f"Your numbers say: {reached}. Printed is: {printed}. What did you change? "
        f"The printed verdict rests on this: {decision.shows}"
    )


def _without_decision(statement, evidence, lesson):
    if evidence.how == "measured":
        stored = trained.sentence(lesson.id, evidence.trained) if evidence.trained else ""
        return f"Measured here, and free to differ on your machine. {stored}".rstrip()
    if evidence.how == "cited":
        return f"From the literature: {'; '.join(statement.literature)}."
    return "Nothing here is computed."


# ---- as text and as HTML


def _text(statement, outcome, sentence):
    lines = [statement.says, f"{_capital(_and(statement.sources))} ({', '.join(statement.ids)})"]
    lines.append(
        sentence if sentence.startswith(("No verdict", "Your numbers")) else f"{_capital(outcome[0])}. {sentence}"
    )
    if statement.remark:
        lines.append(": ".join(statement.remark))
    return "\n".join(lines)


def _html(statement: Statement, evidence: Evidence, outcome, sentence, numbers):
    word, colour = outcome
    small = tag("span", ", ".join(statement.ids), style={"color": theme.MUTED, "font-size": "11px"})
    tile = tag("span", word, style={"background-color": colour, "color": theme.PAPER, "padding": "1px 8px"})
    codes = [joined(" ", _code(name, value)) for name, value in numbers.items()]
    rows = [
        joined(muted(f"{_capital(_and(statement.sources))} "), small),
        statement.says,
        joined(tile, " ", muted(sentence, codes)),
    ]
    if statement.remark:
        label, text = statement.remark
        rows.append(joined(tag("b", f"{label}."), f" {text}"))
    later = [item.lesson for item in statement.evidence if not item.done]
    if later:
        rows.append(muted(f"Lesson {_and(later)} will say more."))
    return box([tag("div", row, style={"margin": "2px 0"}) for row in rows], colour=colour)


def _code(name, value):
    # Its own background: a dark page would make the browser's dark. A block: no line ends within a number.
    style = {"background-color": "#E7EAEE", "color": theme.INK, "display": "inline-block"}
    return tag("code", f"{name.replace('_', ' ')} = {written(value)}", style=style)


def _plain(value):
    """Python's own numbers for torch's and numpy's, in lists and tables too; what cannot become one stays."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    try:
        return value.tolist() if hasattr(value, "tolist") else value
    except Exception:  # a sparse tensor, one without numbers
        return value


def written(value) -> str:
    """A number, or a list or a table of them, as short as it can be read.

    >>> written([6, 6000, 0.123456]), written(True), written({"letters": 0.18, "positions": 0.96})
    ('[6, 6,000, 0.123]', 'True', 'letters 0.18, positions 0.96')
    """
    if isinstance(value, dict):
        return ", ".join(f"{name} {written(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _and(parts):
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _capital(words):
    return words[0].upper() + words[1:]
