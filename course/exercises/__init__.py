"""Exercises that answer back: a check names the mistake, and the smallest input on which it happens.

A lesson's exercises.py holds tasks, hints and checks; it takes what it needs from here. What solves the exercises,
rightly and wrongly, is in its solutions.py, which an edition for graded use leaves out.

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
