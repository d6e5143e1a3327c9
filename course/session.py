"""What a notebook calls, bound to the lesson that its first cell opens."""

from collections.abc import Sequence

from IPython.display import display

from . import exercises, ledger, predictions, progress
from .catalogue import Lesson, find_lesson, lessons
from .errors import CourseError, explain_missing_names, nearest
from .exercises import Exercise
from .show import theme
from .show.display import Page
from .show.marks import card, muted, tag

current: Lesson | None = None


def opened() -> Lesson:
    """The lesson that this notebook's first cell has opened; CourseError before that.

    >>> lesson("05")
    Lesson 05 · ...
    >>> opened().id
    '05'
    """
    if current is None:
        raise CourseError('No lesson is open: run the first cell of the notebook, which says lesson("…").')
    return current


def lesson(lesson_id: str) -> None:
    """Open a lesson: title and question, with this machine and the student's progress beside them.

    Raises CourseError for a lesson that does not exist.

    >>> lesson("05")
    Lesson 05 · ...
    """
    global current
    current = find_lesson(lesson_id)
    explain_missing_names()
    text = f"Lesson {current.id} · {current.title}: {current.question}\n"
    text += f"{current.minutes} minutes, {exercises.plural(len(current.exercises), 'exercise')}"
    # What differs between people and machines stands in the HTML only, which is not compared.
    display(Page(card(*_parts_of_page(current), colour=theme.ATTENTION), text))


def _parts_of_page(row):
    from helpers import describe

    passed = progress.read()["passed"]
    solved = [name for name in row.exercises if f"{row.id}.{name}" in passed]
    return [
        tag("div", tag("b", f"{row.id} · {row.title}"), style={"font-size": "19px"}),
        tag("div", row.question, style={"font-size": "16px", "margin-bottom": "6px"}),
        tag("div", f"{row.minutes} minutes · {len(solved)} of {len(row.exercises)} exercises solved"),
        tag("div", muted(f"This machine: {describe().sentence()}")),
    ]


def find_exercise(exercise_id: str) -> Exercise:
    """The open lesson's exercise with this id; a CourseError names the one that is meant.

    >>> lesson("05")
    Lesson 05 · ...
    >>> find_exercise("1").id
    '1'
    """
    row = opened()
    if isinstance(exercise_id, str) and exercise_id in row.exercises:
        return row.exercises[exercise_id]
    known = ", ".join(f'"{name}"' for name in row.exercises)
    hint = nearest(exercise_id, row.exercises) or (f" There are {known}." if known else " It has no exercises.")
    raise CourseError(_of_the_old_form(exercise_id) or f"Lesson {row.id} has no exercise {exercise_id!r}.{hint}")


def _of_the_old_form(old_id):
    """A sentence for an id that names its lesson, as "05.1" did in the first edition; "" for any other."""
    lesson_id, dot, short = old_id.partition(".") if isinstance(old_id, str) else ("", "", "")
    if not dot or lesson_id not in lessons():
        return ""
    if lesson_id == opened().id:
        return f'An id does not name its lesson: "{old_id}" is "{short}" here.'
    return (
        f'"{old_id}" belongs to lesson {lesson_id}, and lesson {opened().id} is open here. '
        f'In the notebook of lesson {lesson_id} it is "{short}".'
    )


def check(exercise_id: str, attempt: object) -> None:
    """Say what is wrong with an attempt, or that it is right. Never raises for what a student wrote.

    exercise_id: "1". attempt: the function itself. Raises CourseError for an exercise that does not exist.

    >>> lesson("05")
    Lesson 05 · ...
    >>> check("1", ...)
    Exercise 1: not attempted yet. ...
    """
    if callable(exercise_id):
        name, number = getattr(exercise_id, "__name__", "function"), attempt if isinstance(attempt, str) else "1"
        raise CourseError(f'First the id of the exercise, then the function: check("{number}", {name}).')
    exercise = find_exercise(exercise_id)
    judgement = exercises.judge(exercise, attempt)
    if judgement.outcome == "right":
        progress.note_passed(f"{opened().id}.{exercise.id}")
    display(exercises.outcome_page(exercise, judgement))


def hint(exercise_id: str, level: int = 1) -> None:
    """The first, second or third hint.

    Raises CourseError for an exercise that does not exist, or another level.

    >>> lesson("05")
    Lesson 05 · ...
    >>> hint("1")
    Hint 1 of 3. ...
    """
    display(exercises.hint_page(find_exercise(exercise_id), level))


def solution(exercise_id: str) -> None:
    """The reference solution, as source to read. Raises CourseError for an exercise that does not exist.

    >>> lesson("05")
    Lesson 05 · ...
    >>> solution("1")
    def ...
    """
    find_exercise(exercise_id)
    answers = opened().answers
    display(exercises.solution_page(answers.source_of(exercise_id) if answers else None))


def predict(prediction_id: str, question: str, choices: Sequence[object]) -> None:
    """Ask what the student expects; returns at once, and unanswered is fine.

    prediction_id: "keys". choices: the answers to choose from, shown as text.

    >>> lesson("05")
    Lesson 05 · ...
    >>> predict("bits", "How many bits has a byte?", [4, 8])
    {'text/plain': 'Predict. How many bits has a byte?\\n  ( ) 4\\n  ( ) 8', ...}
    """
    predictions.ask(_key(prediction_id), question, choices)


def reveal(prediction_id: str, answer: object) -> None:
    """Show what came out beside what was predicted. answer: computed, and one of the choices.

    Raises CourseError if nothing was asked under this id, or the answer is not among the choices.

    >>> lesson("05")
    Lesson 05 · ...
    >>> predict("bits", "How many bits has a byte?", [4, 8])
    {...}
    >>> reveal("bits", 2**3)
    It is: 8.
    """
    predictions.answer(_key(prediction_id), answer)


def _key(prediction_id):
    """The id under which a prediction is remembered: "05.keys"."""
    sentence = _of_the_old_form(prediction_id)
    if sentence:
        raise CourseError(sentence)
    return f"{opened().id}.{prediction_id}"


def claim(claim_id: str, **numbers: object) -> None:
    """The verdict card of a claim: what the numbers say that this notebook has just computed.

    claim_id: "S0-17". numbers: those that the lesson's deciding function asks for, by name; a claim that is measured or
    cited shows any beside its text. Numbers that say something else than what is printed show both; numbers that cannot
    be read get a sentence. Raises CourseError for an unknown claim and for one of another lesson.

    >>> lesson("05")
    Lesson 05 · ...
    >>> claim("S0-17", difference=0.0)
    One matrix product ... Holds. Computed here: ...
    """
    display(ledger.card(claim_id, opened(), numbers))
