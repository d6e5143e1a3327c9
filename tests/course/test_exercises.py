"""Every exercise: the reference passes, other right answers pass, each wrong answer gets its own sentence."""

import sys
import time

import numpy as np
import pytest
import torch

from course import solutions
from course.errors import CourseError
from course.exercises import PRINTED, Exercise, Student, check, exercises, find_exercise, hint, judge, require

ALL = list(exercises().values())


def by_id(exercise):
    return exercise.id


def stub_of(exercise):
    """Run the notebook's cell; the thing to check is what it defines last."""
    space = {"torch": torch, "np": np}
    exec(exercise.stub, space)
    return list(space.values())[-1]


def answers(kind):
    pairs = []
    for exercise in ALL:
        reference, also_right, wrong = solutions.of(exercise.id)
        for answer in {"right": [reference, *also_right], "wrong": wrong}[kind]:
            pairs.append(pytest.param(exercise, answer, id=f"{exercise.id}-{len(pairs)}"))
    return pairs


@pytest.mark.parametrize(("exercise", "answer"), answers("right"))
def test_right_answers_pass(exercise, answer):
    outcome, sentence, _ = judge(exercise, answer)
    assert outcome == "right", sentence


@pytest.mark.parametrize(("exercise", "answer"), answers("wrong"))
def test_wrong_answers_are_named(exercise, answer):
    attempt, expected = answer
    outcome, sentence, _ = judge(exercise, attempt)
    assert outcome == "wrong"
    assert expected in sentence
    assert "this check cannot read" not in sentence


@pytest.mark.parametrize("exercise", ALL, ids=by_id)
def test_enough_of_everything(exercise):
    reference, also_right, wrong = solutions.of(exercise.id)
    assert reference is not None
    assert len(also_right) >= 2
    assert len(wrong) >= 5
    assert len({sentence for _, sentence in wrong}) >= 4, "the wrong answers should meet different sentences"
    assert len(exercise.hints) == 3
    assert exercise.task.endswith(".")


@pytest.mark.parametrize("exercise", ALL, ids=by_id)
def test_untouched_stub_is_not_a_mistake(exercise):
    outcome, sentence, _ = judge(exercise, stub_of(exercise))
    assert outcome == "not attempted", sentence


@pytest.mark.parametrize("exercise", ALL, ids=by_id)
@pytest.mark.parametrize(
    "answer", [None, "seven", lambda *a, **k: "seven", lambda *a, **k: np.zeros((2, 2, 2, 9)), object(), [], {}]
)
def test_nonsense_gets_a_sentence(exercise, answer):
    outcome, sentence, _ = judge(exercise, answer)
    assert outcome == "wrong"
    assert sentence


def test_the_solution_is_shown_as_source(capsys):
    source = solutions.source_of("05.1")
    assert source.startswith("def my_attention")
    assert "@reference" not in source


def probe(student):
    """A check that only calls."""
    require(student(torch.ones(2)) is not None, "never")


PROBE = Exercise("99.1", "Do it.", "probe = ...", ("", "", ""), probe)


def test_a_loop_that_never_ends_is_stopped():
    def endless(x):
        while True:
            try:
                while True:
                    pass
            except Exception:
                pass

    start = time.perf_counter()
    outcome, sentence, _ = judge(PROBE, endless)
    assert time.perf_counter() - start < 3
    assert outcome == "wrong"
    assert "stopped after 2 seconds" in sentence
    time.sleep(0.3)  # and no later ring reaches us


def test_the_students_exception_names_the_students_line():
    def careless(x):
        y = x + 1
        return y @ torch.ones(3)

    _, sentence, _ = judge(PROBE, careless)
    assert "careless raised RuntimeError" in sentence
    assert "return y @ torch.ones(3)" in sentence
    assert "course/" not in sentence


def test_exit_inside_an_attempt_does_not_end_the_kernel():
    _, sentence, _ = judge(PROBE, lambda x: sys.exit(3))
    assert "SystemExit" in sentence


def test_recursion_without_end():
    def again(x):
        return again(x)

    assert "RecursionError" in judge(PROBE, again)[1]


def test_printing_a_lot_is_cut():
    def chatty(x):
        for _ in range(100_000):
            print("here")
        return x

    outcome, _, printed = judge(PROBE, chatty)
    assert outcome == "right"
    assert len(printed) < PRINTED + 60
    assert "more characters" in printed


@pytest.mark.parametrize("kept", [[1, 2], {"a": [1]}, torch.ones(2), {1, 2}])
def test_changing_an_input_is_told(kept):
    def greedy(values):
        values.clear() if not isinstance(values, torch.Tensor) else values.zero_()
        return 1

    exercise = Exercise("99.2", "Do it.", "", ("", "", ""), lambda student: student(kept))
    assert "changes its input values" in judge(exercise, greedy)[1]


def test_the_courses_own_slip_is_no_traceback():
    def broken(student):
        raise KeyError("oops")

    outcome, sentence, _ = judge(Exercise("99.3", "Do it.", "", ("", "", ""), broken), lambda: 1)
    assert outcome == "wrong"
    assert "this check cannot read your answer" in sentence


def test_shape_and_finiteness():
    with pytest.raises(Exception, match=r"returned shape \(3,\) where \(2, 2\) is needed: a square"):
        Student(lambda: torch.ones(3)).tensor(shape=(2, 2), meaning="a square")
    with pytest.raises(Exception, match="not finite"):
        Student(lambda: torch.tensor([float("nan")])).tensor(shape=(1,), meaning="")


def test_unknown_exercise_names_the_nearest():
    with pytest.raises(CourseError, match=r"05\.1"):
        find_exercise("5.1")
    with pytest.raises(CourseError, match="levels 1, 2 and 3"):
        hint("05.1", 4)


def test_passing_is_remembered(state):
    check("05.1", solutions.of("05.1")[0])
    from course import progress

    assert "05.1" in progress.read()["passed"]
