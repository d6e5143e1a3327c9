"""Exercises that answer back: a check names the mistake, and shows the smallest input on which it happens.

A lesson's exercises.py holds tasks, hints and checks. What solves them, rightly and wrongly, is in its solutions.py,
which an edition for graded use leaves out.
"""

import contextlib
import html
import inspect
import io
import linecache
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import CourseError
from ..show import theme
from ..show.display import Page

SECONDS = 2.0  # a check stops what runs longer
PRINTED = 2000  # characters of a student's own output that are kept


@dataclass(frozen=True)
class Exercise:
    """id "1"; task: one sentence; hints: three, from a nudge to nearly the answer; check(attempt) raises Wrong with a
    sentence for the student. The stub stands in the notebook."""

    id: str
    task: str
    hints: tuple[str, str, str]
    check: Callable


class Wrong(Exception):
    """What is wrong, said to the student."""


class NotAttempted(Exception):
    """The stub still stands."""


class TimeUp(BaseException):
    """Not an Exception, so that a student's `except Exception` cannot swallow it."""


def outcome_page(exercise, outcome, sentence, printed):
    """What a student sees after a check: in the outcome's colour, with what their code has printed."""
    colour = {"right": theme.GOOD, "wrong": theme.BAD, "not attempted": theme.GREY}[outcome]
    said = html.escape(sentence).replace("\n", "<br>")
    page = theme.card(f"<b>{exercise.id}</b> &nbsp;{said}{_printed_html(printed)}", colour)
    return Page(page, f"{exercise.id} {sentence}")


def hint_page(exercise, level):
    """The first, second or third hint; CourseError for another level."""
    if level not in (1, 2, 3):
        raise CourseError(f"Hints have the levels 1, 2 and 3, not {level!r}; try hint({exercise.id!r}, 1).")
    said = exercise.hints[level - 1]
    more = f'<div style="color:{theme.MUTED}">Next: hint("{exercise.id}", {level + 1})</div>' if level < 3 else ""
    body = f"<b>Hint {level} of 3.</b> {html.escape(said)}{more}"
    return Page(theme.card(body, theme.ACCENT), f"Hint {level} of 3. {said}")


def solution_page(source):
    """A solution's source to read; None where an edition has none."""
    if source is None:
        return Page(theme.card("The solutions are with your instructor."), "The solutions are with your instructor.")
    style = f"background-color:{theme.WASH};color:{theme.INK};padding:10px 16px;max-width:860px;overflow-x:auto"
    return Page(f'<pre style="{style}">{html.escape(source)}</pre>', source)


def judge(exercise, attempt):
    """(outcome, sentence, printed): outcome is "right", "wrong" or "not attempted"."""
    quiet = _Quiet()
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            outcome, sentence = _watched(exercise, attempt)
    except Wrong as wrong:
        outcome, sentence = "wrong", str(wrong)
    except NotAttempted:
        outcome, sentence = "not attempted", f"not attempted yet. {exercise.task}"
    except TimeUp:
        outcome = "wrong"
        sentence = (
            f"stopped after {SECONDS:g} seconds. Is there a loop that never ends, or one that runs far too often?"
        )
    return outcome, sentence, quiet.kept()


def _watched(exercise, attempt):
    """Run the check under a repeating alarm, where there are alarms (not on Windows, not in a thread)."""
    if attempt is ...:
        raise NotAttempted
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return _checked(exercise, attempt)
    finished = False

    def ring(signum, frame):
        if not finished:
            raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            # It rings again and again: one ring may fall where the student's code catches everything.
            signal.setitimer(signal.ITIMER_REAL, SECONDS, 0.1)
            return _checked(exercise, attempt)
        finally:
            finished = True
    finally:
        finished = True  # a ring may have broken into the inner one
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _checked(exercise, attempt):
    try:
        exercise.check(Student(attempt) if callable(attempt) else attempt)
    except (Wrong, NotAttempted):
        raise
    except Exception as error:
        # The course's own slip, on an answer nobody foresaw. Say so calmly; a traceback would teach nothing.
        raise Wrong(
            f"this check cannot read your answer ({type(error).__name__}: {error}). "
            f"It expects: {exercise.task} You gave: {type(attempt).__name__}."
        ) from error
    return "right", "right."


class Student:
    """A student's function, called with care: inputs are guarded, exceptions and missing returns become sentences."""

    def __init__(self, function):
        self.function = function
        self.name = getattr(function, "__name__", "your function")

    def __call__(self, *arguments, **keywords):
        kept = [_copy(argument) for argument in arguments]
        try:
            result = self.function(*arguments, **keywords)
        except (Wrong, NotAttempted):
            raise
        except (Exception, SystemExit) as error:
            raise Wrong(_students_error(error, self.function)) from None
        for position, (before, after) in enumerate(zip(kept, arguments, strict=True)):
            if not _same(before, after):
                name = _parameter(self.function, position)
                raise Wrong(f"{self.name} changes its input {name}. Compute a new value instead of writing into it.")
        if result is ...:
            raise NotAttempted
        if result is None:
            raise Wrong(f"{self.name} returned None. Is a return missing?")
        return result

    def tensor(self, *arguments, shape, meaning, **keywords):
        """Call, and require a tensor of this shape (meaning says what its axes are); returned in float64."""
        import torch

        result = self(*arguments, **keywords)
        try:
            tensor = torch.as_tensor(result).detach().to(torch.float64)
        except (TypeError, ValueError, RuntimeError):
            raise Wrong(f"{self.name} returned {type(result).__name__}; a tensor of shape {shape} is needed.") from None
        if tuple(tensor.shape) != tuple(shape):
            raise Wrong(f"{self.name} returned shape {tuple(tensor.shape)} where {tuple(shape)} is needed: {meaning}.")
        if not tensor.isfinite().all():
            raise Wrong(f"{self.name} returned values that are not finite (nan or inf) for ordinary inputs.")
        return tensor


def require(condition, sentence):
    """Raise Wrong with this sentence unless the condition holds."""
    if not condition:
        raise Wrong(sentence)


def close(a, b, tolerance=1e-4):
    """Whether two results agree as well as float32 can promise."""
    return bool((a - b).abs().max() <= tolerance * max(1.0, float(b.abs().max())))


def number(answer):
    """A number that the student gave as int, float, numpy or torch scalar; Wrong otherwise."""
    try:
        return float(answer)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"a number is needed here, and this is {type(answer).__name__}.") from None


def _copy(argument):
    import copy

    import torch

    return argument.detach().clone() if isinstance(argument, torch.Tensor) else copy.deepcopy(argument)


def _same(before, after):
    import torch

    if isinstance(before, torch.Tensor):
        return before.shape == after.shape and torch.equal(before, after.detach())
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    return not isinstance(before, (set, int, float, str, bool)) or before == after


def _parameter(function, position):
    try:
        return list(inspect.signature(function).parameters)[position]
    except (TypeError, ValueError, IndexError):
        return f"number {position + 1}"


def _students_error(error, function):
    """The student's own exception with their own line."""
    said = f"{getattr(function, '__name__', 'your function')} raised {type(error).__name__}"
    said += f": {error}" if str(error) else ""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if lines:
        said += f"\nin your line {lines[-1]}: {linecache.getline(file, lines[-1]).strip()}"
    return said


class _Quiet(io.TextIOBase):
    """Keeps the first characters that a student's code prints, and counts the rest."""

    def __init__(self):
        self.text, self.dropped = "", 0

    def write(self, text):
        room = PRINTED - len(self.text)
        self.text += text[:room]
        self.dropped += max(0, len(text) - room)
        return len(text)

    def kept(self):
        more = f"\n… and {self.dropped:,} more characters" if self.dropped else ""
        return self.text + more


def _printed_html(printed):
    if not printed:
        return ""
    return f'<div style="margin-top:6px;color:{theme.MUTED}">Your code printed:</div><pre>{html.escape(printed)}</pre>'
