"""Exercises that answer back: a check names the mistake, and the smallest input on which it happens.

A lesson's exercises.py holds tasks, hints and checks; it takes what it needs from here. What solves the exercises,
rightly and wrongly, is in its solutions.py, which an edition for graded use leaves out.

A check asks a Student, the smallest input first, and requires what should hold; each sentence is a fact that the check
has seen, on this input, and advice only if it works:

    def check_half(student):
        for n in (1, 10, 1000):
            half = student.number(n)
            require(half != 2 * n, f"for n = {n} you find {half:g}: that is twice as much, not half.")
            require(half == n / 2, f"for n = {n} you find {half:g}, and twice that is {2 * half:g}.")

student.py asks a student's function with care, alarm.py stops it, judging.py turns a check into an outcome and a
sentence, pages.py shows them, answers.py holds right and wrong answers, grammar.py counts "1 term" and "2 terms".
"""

from .grammar import kind, plural, shown
from .judging import Exercise, Judgement, judge
from .pages import hint_page, outcome_page, solution_page
from .student import NotAttempted, Student, Wrong, close, in_float64, number, require

__all__ = [
    "Exercise",
    "Judgement",
    "NotAttempted",
    "Student",
    "Wrong",
    "close",
    "hint_page",
    "in_float64",
    "judge",
    "kind",
    "number",
    "outcome_page",
    "plural",
    "require",
    "shown",
    "solution_page",
]
