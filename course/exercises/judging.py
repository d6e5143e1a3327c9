"""The judge: what a check says about an attempt. No student's mistake raises here; the Stop button passes."""

import contextlib
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .alarm import Allowance
from .grammar import kind
from .student import NotAttempted, Student, Wrong, what_it_is_not

PRINTED = 2000  # characters of a student's own output that are kept

_running = threading.local()  # .check: whether this thread is inside a check


@dataclass(frozen=True)
class Exercise:
    """A task with its hints and its check. The stub stands in the notebook, in the cell that says check("1", …).

    id: "1", without the lesson. task: one sentence. hints: three, from a nudge to nearly the answer.
    check: asks a Student and raises Wrong with a sentence; it may return a remark on an answer that is right.
    function: the name that the stub defines; "" where a value is asked for instead, which the check then gets as it is.
    repeatable: whether equal inputs must give equal answers. Then the first input is asked again at the end.
    """

    id: str
    task: str
    hints: tuple[str, str, str]
    check: Callable[[Student], str | None]
    function: str = ""
    repeatable: bool = True


class Judgement(NamedTuple):
    """outcome: "right", "wrong" or "not attempted". sentence: for the student. printed: what their code has printed."""

    outcome: str
    sentence: str
    printed: str = ""


def judge(exercise: Exercise, attempt: object) -> Judgement:
    """Run the check on an attempt.

    >>> exercise = Exercise("1", "Halve n.", ("", "", ""), lambda student: student.number(4), function="half")
    >>> judge(exercise, lambda n: n / 2)
    Judgement(outcome='right', sentence='right.', printed='')
    >>> judge(exercise, 2.0).sentence
    'give check the function itself, half, without calling it: check("1", half). You gave a float.'
    """
    if getattr(_running, "check", False):
        raise Wrong("check(…) stands inside the function that is being checked. Move it below the function.")
    printed = _Printed()
    _running.check = True
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            outcome, sentence = _judged(exercise, attempt)
    finally:
        _running.check = False
    return Judgement(outcome, sentence, printed.kept())


def _judged(exercise, attempt):
    """(outcome, sentence)"""
    if attempt is ...:
        return "not attempted", f"not attempted yet. {exercise.task}"
    complaint = _complaint(exercise, attempt)
    if complaint:
        return "wrong", complaint
    if not exercise.function:
        return _checked(exercise, attempt)
    student = Student(attempt, Allowance())
    outcome, sentence = _checked(exercise, student)
    if outcome == "not attempted" or not exercise.repeatable:
        return outcome, sentence
    # What is kept between calls shows as a mistake that the check would name wrongly, or as none yet.
    change = student.change_of_mind()
    return ("wrong", change) if change else (outcome, sentence)


def _checked(exercise, subject):
    try:
        remark = exercise.check(subject)
    except Wrong as wrong:
        return "wrong", str(wrong)
    except NotAttempted:
        return "not attempted", f"not attempted yet. {exercise.task}"
    except Exception as error:
        # The course's own slip, on an answer that nobody foresaw. A traceback would teach nothing.
        return "wrong", (
            f"this check cannot read your answer ({type(error).__name__} inside the check). It expects: {exercise.task}"
        )
    return "right", f"right. {remark}" if isinstance(remark, str) else "right."


def _complaint(exercise, attempt):
    """A sentence about an attempt that cannot be asked, or None."""
    if not exercise.function:
        return None
    call = f'check("{exercise.id}", {exercise.function})'
    if isinstance(attempt, str):
        return f"give check the function itself, without quotes: {call}."
    if not callable(attempt):
        return f"give check the function itself, {exercise.function}, without calling it: {call}. You gave {kind(attempt)}."
    return what_it_is_not(attempt)


class _Printed(io.TextIOBase):
    """Keeps the first characters that a student's code prints, and counts the others."""

    def __init__(self):
        self.text, self.dropped = "", 0

    def write(self, text):
        room = PRINTED - len(self.text)
        self.text += text[:room]
        self.dropped += max(0, len(text) - room)
        return len(text)

    def kept(self):
        dropped = f"\n… and {self.dropped:,} more characters" if self.dropped else ""
        return self.text + dropped
