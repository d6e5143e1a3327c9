"""What a notebook calls, bound to the lesson that its first cell opens."""

import html

from IPython.display import display

from . import exercises, ledger, predictions, progress
from .catalogue import find_lesson
from .errors import CourseError, explain_missing_names, nearest
from .exercises import NotAttempted, judge, solution_page  # noqa: F401
from .show import theme
from .show.display import Page

current = None


def opened():
    """The lesson that this notebook's first cell has opened; CourseError before that."""
    if current is None:
        raise CourseError('No lesson is open: run the first cell of the notebook, which says lesson("…").')
    return current


def lesson(lesson_id):
    """Open a lesson: title and question, with this machine and the student's progress beside them."""
    global current
    current = find_lesson(lesson_id)
    explain_missing_names()
    text = f"Lesson {current.id} · {current.title}: {current.question}\n"
    text += f"{current.minutes} minutes, {len(current.exercises)} exercises"
    # What differs between people and machines stands in the HTML only, which is not compared.
    display(Page(theme.card(_page(current), theme.ATTENTION), text))


def _page(row):
    from helpers import describe

    passed = progress.read()["passed"]
    solved = [name for name in row.exercises if f"{row.id}.{name}" in passed]
    return (
        f'<div style="font-size:19px"><b>{row.id} · {html.escape(row.title)}</b></div>'
        f'<div style="font-size:16px;margin-bottom:6px">{html.escape(row.question)}</div>'
        f"<div>{row.minutes} minutes · {len(solved)} of {len(row.exercises)} exercises solved</div>"
        f'<div style="color:{theme.MUTED}">This machine: {html.escape(describe().sentence())}</div>'
    )


def find_exercise(exercise_id):
    """The open lesson's exercise with this id; a CourseError names the nearest ones."""
    row = opened()
    if not isinstance(exercise_id, str) or exercise_id not in row.exercises:
        near = nearest(exercise_id, row.exercises) or f" There are {', '.join(row.exercises)}."
        raise CourseError(f"There is no exercise {exercise_id!r} in lesson {row.id}.{near}")
    return row.exercises[exercise_id]


def check(exercise_id, attempt):
    """Say what is wrong with an attempt, or that it is right. Never raises for what a student wrote."""
    exercise = find_exercise(exercise_id)
    outcome, sentence, printed = judge(exercise, attempt)
    if outcome == "right":
        progress.note_passed(f"{opened().id}.{exercise.id}")
    display(exercises.outcome_page(exercise, outcome, sentence, printed))


def hint(exercise_id, level=1):
    """The first, second or third hint."""
    display(exercises.hint_page(find_exercise(exercise_id), level))


def solution(exercise_id):
    """The reference solution, as source to read."""
    find_exercise(exercise_id)
    answers = opened().answers
    display(exercises.solution_page(answers.source_of(exercise_id) if answers else None))


def predict(prediction_id, question, choices):
    """Ask what the student expects; returns at once, and unanswered is fine.

    prediction_id: "keys"; choices: the answers to choose from, as strings.
    """
    predictions.ask(f"{opened().id}.{prediction_id}", question, choices)


def reveal(prediction_id, answer):
    """Show what came out beside what was predicted. `answer` is computed, and one of the choices."""
    predictions.answer(f"{opened().id}.{prediction_id}", answer)


def claim(claim_id, **evidence):
    """The verdict card of a claim: what the numbers say that this notebook has just computed."""
    display(ledger.card(claim_id, opened(), evidence))


def closing_table(evidence):
    """The lesson's other claims in one table. evidence: {claim id: {name: number}}, {} where none is computed."""
    display(ledger.table(evidence, opened()))
