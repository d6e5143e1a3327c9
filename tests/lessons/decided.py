"""Verdicts that hang on each of their numbers, for the tests of lessons."""

from course.catalogue import lessons


def assert_decides(lesson_id, claim, changed, outcome):
    """With these numbers changed, the verdict is `outcome`, and with those computed it is another."""
    decision = lessons()[lesson_id].decisions[claim]
    numbers = decision.computed()
    assert decision.read(numbers).outcome != outcome
    assert decision.read(numbers | changed).outcome == outcome
