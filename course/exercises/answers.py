"""What solves a lesson's exercises, rightly and wrongly. An edition for graded use leaves solutions.py out.

For each exercise a lesson registers the reference solution, other right answers, and the wrong answers that its check
must catch, each with the sentence that the student gets. The tests run them all.
"""

import inspect
from collections import defaultdict


class Answers:
    """The answers to one lesson's exercises."""

    def __init__(self):
        self.references, self.right, self.wrongs = {}, defaultdict(list), defaultdict(list)

    def reference(self, exercise_id, answer=None):
        """Register the reference: a decorator for a function, or called with the value."""
        return _register(lambda solved: self.references.__setitem__(exercise_id, solved), answer)

    def also_right(self, exercise_id, answer=None):
        """Register another right answer, which the check must accept."""
        return _register(self.right[exercise_id].append, answer)

    def wrong(self, exercise_id, sentence, answer=None):
        """Register a wrong answer and a part of the sentence, at least, that the student must get for it."""
        return _register(lambda tried: self.wrongs[exercise_id].append((tried, sentence)), answer)

    def of(self, exercise_id):
        """(reference, [other right answers], [(wrong answer, sentence)])"""
        return self.references[exercise_id], self.right[exercise_id], self.wrongs[exercise_id]

    def source_of(self, exercise_id):
        """The reference solution as source, without its decorators."""
        solved = self.references[exercise_id]
        if not callable(solved):
            return repr(solved)
        lines = inspect.getsource(solved).splitlines()
        return "\n".join(line for line in lines if not line.startswith("@"))


def _register(keep, answer):
    if answer is not None:
        keep(answer)
        return answer

    def decorate(function):
        keep(function)
        return function

    return decorate
