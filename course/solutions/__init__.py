"""What solves the exercises, rightly and wrongly. An edition for graded use leaves this folder out.

One module a lesson registers, for each exercise, the reference solution, other right answers, and the wrong answers
that its check must catch, each with the sentence that the student gets. The tests run them all.
"""

import importlib
import inspect
from collections import defaultdict

_reference = {}
_also_right = defaultdict(list)
_wrong = defaultdict(list)


def reference(exercise_id, answer=None):
    """Register the reference: a decorator for a function, or called with the value."""
    return _register(lambda solved: _reference.__setitem__(exercise_id, solved), answer)


def also_right(exercise_id, answer=None):
    """Register another right answer, which the check must accept."""
    return _register(_also_right[exercise_id].append, answer)


def wrong(exercise_id, sentence, answer=None):
    """Register a wrong answer and a part of the sentence, at least, that the student must get for it."""
    return _register(lambda tried: _wrong[exercise_id].append((tried, sentence)), answer)


def _register(keep, answer):
    if answer is not None:
        keep(answer)
        return answer

    def decorate(function):
        keep(function)
        return function

    return decorate


def of(exercise_id):
    """(reference, [other right answers], [(wrong answer, sentence)])"""
    importlib.import_module(f"{__name__}.l{exercise_id[:2]}")
    return _reference[exercise_id], _also_right[exercise_id], _wrong[exercise_id]


def source_of(exercise_id):
    """The reference solution as source, without its decorators."""
    solved = of(exercise_id)[0]
    if not callable(solved):
        return repr(solved)
    lines = inspect.getsource(solved).splitlines()
    return "\n".join(line for line in lines if not line.startswith("@"))
