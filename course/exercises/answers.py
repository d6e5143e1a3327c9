"""What solves a lesson's exercises, rightly and wrongly. An edition for graded use leaves solutions.py out.

For each exercise a lesson registers the reference solution, other right answers, and the wrong answers that its check
must catch, each with the sentence that the student gets. The tests run them all.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable


class Answers:
    """The answers to one lesson's exercises.

    >>> answers = Answers()
    >>> @answers.reference("1")
    ... def half(n):
    ...     return n / 2
    >>> @answers.wrong("1", "this doubles")
    ... def double(n):
    ...     return 2 * n
    >>> reference, also_right, wrong = answers.of("1")
    >>> reference is half, also_right, wrong == [(double, "this doubles")]
    (True, [], True)
    """

    def __init__(self):
        self.references, self.right, self.wrongs = {}, defaultdict(list), defaultdict(list)

    def reference(self, exercise_id: str, answer: object = None) -> Callable | object:
        """Register the reference: a decorator for a function, or called with the value."""
        return _register(lambda solution: self.references.__setitem__(exercise_id, solution), answer)

    def also_right(self, exercise_id: str, answer: object = None) -> Callable | object:
        """Register another right answer, which the check must accept."""
        return _register(self.right[exercise_id].append, answer)

    def wrong(self, exercise_id: str, sentence: str, answer: object = None) -> Callable | object:
        """Register a wrong answer, and the sentence, or a part of it, that the student must get."""
        return _register(lambda attempt: self.wrongs[exercise_id].append((attempt, sentence)), answer)

    def of(self, exercise_id: str) -> tuple[object, list, list[tuple[object, str]]]:
        """(reference, [other right answers], [(wrong answer, sentence)])"""
        return self.references[exercise_id], self.right[exercise_id], self.wrongs[exercise_id]

    def source_of(self, exercise_id: str) -> str:
        """The reference solution as source, without its decorators."""
        solution = self.references[exercise_id]
        if not callable(solution):
            return repr(solution)
        lines = inspect.getsource(solution).splitlines()
        return "\n".join(line for line in lines if not line.startswith("@"))


def _register(store, answer):
    """Store the answer, or return a decorator that stores a function."""
    if answer is not None:
        store(answer)
        return answer

    def decorate(function):
        store(function)
        return function

    return decorate
