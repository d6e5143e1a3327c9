"""What a student sees of an exercise: the outcome of a check, a hint, a solution.

What differs between students, as what their code has printed, stands in the HTML alone: the text alternative of a
stored lesson is compared, and has to be the same for everybody.
"""

import re

from markupsafe import Markup

from ..errors import CourseError
from ..show import theme
from ..show.display import Page
from ..show.marks import card, joined, lines, tag
from .grammar import shown
from .judging import Exercise, Judgement

COLOURS = {"right": theme.GOOD, "wrong": theme.BAD, "not attempted": theme.GREY}


def outcome_page(exercise: Exercise, judgement: Judgement) -> Page:
    """The check's sentence, in the outcome's colour.

    >>> exercise = Exercise("1", "Halve n.", ("", "", ""), print)
    >>> outcome_page(exercise, Judgement("right", "right.")).text
    'Exercise 1: right.'
    """
    label = f"Exercise {exercise.id}:"
    page = card(
        tag("b", label), " ", _prose(judgement.sentence), _output(judgement.printed), colour=COLOURS[judgement.outcome]
    )
    return Page(page, f"{label} {judgement.sentence}")


def _prose(text: str) -> Markup:
    """A sentence as HTML, with what stands in backticks as code.

    >>> print(_prose("give `n < 2`").striptags())
    give n < 2
    """
    # JupyterLab's own colours of code cannot be read on a card where its page is dark.
    style = {"background": "none", "color": "inherit", "font-size": "inherit"}
    pieces = re.split(r"`([^`\n]+)`", text)
    return joined(tag("code", piece, style=style) if place % 2 else lines(piece) for place, piece in enumerate(pieces))


def _output(printed):
    if not printed:
        return None
    heading = tag("div", "Your code printed:", style={"margin-top": "6px", "color": theme.MUTED})
    return [heading, tag("pre", printed)]


def hint_page(exercise: Exercise, level: int) -> Page:
    """The first, second or third hint; CourseError for another level.

    >>> hint_page(Exercise("1", "Halve n.", ("A nudge.", "More.", "Nearly all."), print), 2).text
    'Hint 2 of 3. More.'
    """
    if type(level) is not int or level not in (1, 2, 3):  # 1.0 and True equal 1
        raise CourseError(f'Hints have the levels 1, 2 and 3, not {shown(level)}. Try hint("{exercise.id}", 1).')
    hint, label = exercise.hints[level - 1], f"Hint {level} of 3."
    following = f'Next: hint("{exercise.id}", {level + 1})' if level < 3 else None
    body = [tag("b", label), " ", _prose(hint), following and tag("div", following, style={"color": theme.MUTED})]
    return Page(card(*body, colour=theme.ACCENT), f"{label} {hint}")


def solution_page(source: str | None) -> Page:
    """A solution's source to read; None where an edition has none.

    >>> solution_page(None).text
    'The solutions are with your instructor.'
    """
    if source is None:
        sentence = "The solutions are with your instructor."
        return Page(card(sentence), sentence)
    style = {
        "background-color": theme.WASH,
        "color": theme.INK,
        "padding": "10px 16px",
        "max-width": "860px",
        "overflow-x": "auto",
    }
    return Page(tag("pre", source, style=style), source)
