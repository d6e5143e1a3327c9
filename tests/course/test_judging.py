"""What a check does around a student's function: counts its seconds, guards its inputs, words its mistakes."""

import asyncio
import contextlib
import functools
import gc
import signal
import sys
import threading
import time
import types
import warnings

import numpy as np
import pytest
import torch

from course.catalogue import written
from course.exercises import Exercise, Judgement, Student, Wrong, alarm, judge, number, outcome_page, require
from course.exercises.judging import PRINTED


def asks(check, **settings):
    """An exercise with this check, whose stub would define `answer`."""
    return Exercise("1", "Do it.", ("a", "b", "c"), check, function="answer", **settings)


ONCE = asks(lambda student: require(student.number(5) == 5, "not 5"))
THREE_TIMES = asks(lambda student: [student(n) for n in (1, 2, 3)] and None)


class Clocks:
    """The clock on the wall and the one of the processor; only who is timed moves them."""

    def __init__(self):
        self.wall = self.processor = 0.0

    def advance(self, wall, processor):
        """Let time pass inside a student's function, and let the alarm ring."""
        self.wall += wall
        self.processor += processor
        signal.raise_signal(signal.SIGALRM)


@pytest.fixture
def clocks(monkeypatch):
    clocks = Clocks()
    monkeypatch.setattr(alarm, "_wall", lambda: clocks.wall)
    monkeypatch.setattr(alarm, "_processor", lambda: clocks.processor)
    return clocks


# ---- two seconds


def test_the_checks_own_seconds_are_not_the_students(clocks):
    def slow_check(student):
        for n in range(50):
            clocks.wall += 100
            clocks.processor += 100
            student(n)

    def quick(n):
        clocks.advance(wall=0.02, processor=0.02)
        return n

    assert judge(asks(slow_check), quick).outcome == "right"


def test_the_students_seconds_add_up_over_the_calls(clocks):
    def answer(n):
        clocks.advance(wall=0.8, processor=0.8)
        return n

    assert judge(THREE_TIMES, answer).sentence == (
        "answer was stopped after 2 seconds for n = 3. Is there a loop that never ends, or one that runs far too often?"
    )


RIGHT = [
    pytest.param(exercise, answer, id=f"{row.id}.{exercise.id}-{answer.__name__}")
    for row in written()
    for exercise in row.exercises.values()
    for answer in [row.answers.of(exercise.id)[0], *row.answers.of(exercise.id)[1]]
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_a_right_answer_passes_where_every_core_is_busy_with_something_else(exercise, answer, clocks):
    calls = []
    judge(exercise, lambda *arguments: calls.append(1) or answer(*arguments))

    def with_a_fifth_of_a_processor(*arguments):
        clocks.advance(wall=8 / len(calls), processor=1.6 / len(calls))
        return answer(*arguments)

    assert judge(exercise, with_a_fifth_of_a_processor).sentence.startswith("right.")


def test_code_that_only_waits_is_stopped_by_the_clock_on_the_wall(clocks):
    def answer(n):
        clocks.advance(wall=2.1, processor=0.01)
        return n

    assert judge(ONCE, answer).sentence == (
        "answer was stopped after 2 seconds for n = 5. It hardly worked: does it wait for something, as sleep and input do?"
    )


def test_code_that_works_slowly_for_ever_is_stopped_too(clocks):
    def answer(n):
        clocks.advance(wall=11, processor=1.9)
        return n

    assert "was stopped" in judge(ONCE, answer).sentence


def until_a_test_has_failed():
    """A function that is true for 20 s: where no alarm ends a loop, the test fails and does not hang."""
    deadline = time.perf_counter() + 20
    return lambda: time.perf_counter() < deadline


def test_a_loop_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(alarm, "SECONDS", 0.05)

    def endless(n):
        while in_time():
            with contextlib.suppress(Exception):
                while in_time():
                    pass

    in_time = until_a_test_has_failed()
    assert "Is there a loop that never ends" in judge(ONCE, endless).sentence


def test_who_swallows_the_first_ring_is_stopped_by_the_second(monkeypatch):
    monkeypatch.setattr(alarm, "SECONDS", 0.05)
    monkeypatch.setattr(alarm, "AGAIN", 0.01)
    survived = []

    def stubborn(n):
        with contextlib.suppress(BaseException):
            while in_time():
                pass
        while in_time():
            pass
        survived.append(n)

    in_time = until_a_test_has_failed()
    assert "was stopped" in judge(ONCE, stubborn).sentence
    assert survived == []


def test_who_swallows_the_ring_and_returns_is_stopped_all_the_same(clocks):
    def sly(n):
        with contextlib.suppress(BaseException):
            clocks.advance(wall=3, processor=3)
        return n

    assert "was stopped after 3 seconds" in judge(ONCE, sly).sentence


# ---- other people's alarms and tracers


@pytest.fixture
def own_alarm():
    """An alarm of the student's own: a handler, and a timer of 1,000 s that then rings each 7 s."""
    handler_before, timer_before = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)

    def handler(*_):
        pass

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 1000, 7)
    yield handler
    signal.setitimer(signal.ITIMER_REAL, *timer_before)
    signal.signal(signal.SIGALRM, handler_before)


def test_an_alarm_that_the_student_has_set_goes_on(own_alarm, clocks):
    def answer(n):
        clocks.wall += 600
        return n

    judge(ONCE, answer)
    assert signal.getsignal(signal.SIGALRM) is own_alarm
    delay, interval = signal.getitimer(signal.ITIMER_REAL)
    # Asked twice, so 1,200 s have passed: it is due, and rings at once, and then every 7 s.
    assert delay <= 7
    assert interval == 7


def test_an_alarm_that_is_not_due_yet_keeps_its_time(own_alarm, clocks):
    def answer(n):
        clocks.wall += 100
        return n

    judge(ONCE, answer)
    delay, interval = signal.getitimer(signal.ITIMER_REAL)
    assert 790 < delay <= 800
    assert interval == 7


def traced(monkeypatch):
    monkeypatch.setattr(sys, "gettrace", lambda: print)


def monitored(monkeypatch):
    debugger = types.SimpleNamespace(get_tool=lambda tool_id: "debugger" if tool_id == 0 else None)
    monkeypatch.setattr(sys, "monitoring", debugger, raising=False)


@pytest.mark.parametrize("attach", [traced, monitored])
def test_nobody_is_hurried_under_a_debugger(attach, monkeypatch):
    handler = signal.getsignal(signal.SIGALRM)
    attach(monkeypatch)
    assert judge(ONCE, lambda n: n if signal.getsignal(signal.SIGALRM) is handler else 0).outcome == "right"


@pytest.mark.parametrize("attach", [traced, monitored])
def test_what_passes_under_a_debugger_that_comes_and_goes_does_not_count(attach, clocks):
    def answer(n):
        with pytest.MonkeyPatch.context() as breakpoint_reached:
            attach(breakpoint_reached)
            clocks.advance(wall=100, processor=100)
        clocks.advance(wall=1, processor=1)
        return n

    assert judge(asks(ONCE.check, repeatable=False), answer).outcome == "right"


def test_a_thread_is_judged_without_an_alarm():
    judgements = []
    thread = threading.Thread(target=lambda: judgements.append(judge(ONCE, lambda n: n)))
    thread.start()
    thread.join()
    assert judgements == [Judgement("right", "right.", "")]


def test_a_check_inside_the_checked_function_is_refused():
    calls = []

    def answer(n):
        calls.append(n)
        judge(ONCE, answer)
        return n

    sentence = judge(ONCE, answer).sentence
    assert "stands inside the function that is being checked. Move it below the function." in sentence
    assert len(calls) == 1
    assert judge(ONCE, lambda n: n).outcome == "right"


# ---- what a student's code raises


def test_the_stop_button_stops():
    def answer(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(ONCE, answer)
    assert judge(ONCE, lambda n: n).outcome == "right", "and the next check runs"


class Own(BaseException):
    pass


class Silent(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), asyncio.CancelledError(), Own("gone"), Silent()])
def test_every_other_exception_becomes_a_sentence(error):
    def answer(n):
        raise error

    sentence = judge(ONCE, answer).sentence
    assert sentence.startswith(f"answer raised {type(error).__name__} for n = 5")
    assert sentence.endswith("raise error")


def test_an_exception_names_its_input_and_the_students_own_line():
    def careless(x):
        y = x + 1
        return y @ torch.ones(3)

    sentence = judge(asks(lambda student: student(torch.ones(2), on="two ones")), careless).sentence
    assert sentence.startswith("careless raised RuntimeError for two ones: ")
    assert sentence.endswith("return y @ torch.ones(3)")
    assert "course/" not in sentence


@torch.no_grad()
def decorated(n):
    return n + "a text"


def lacks_a_number(n, text):
    return n + text


@pytest.mark.parametrize(
    ("function", "line"),
    [(decorated, 'return n + "a text"'), (functools.partial(lacks_a_number, text=""), "return n + text")],
    ids=["decorated", "partial"],
)
def test_the_line_is_the_students_also_below_a_decorator(function, line):
    assert judge(ONCE, function).sentence.endswith(line)


def test_an_endless_recursion_is_named():
    def again(n):
        return again(n)

    assert "again raised RecursionError for n = 5" in judge(ONCE, again).sentence


def test_the_courses_own_slip_is_no_traceback():
    def broken(student):
        raise KeyError("oops")

    outcome, sentence, _ = judge(asks(broken), lambda: 1)
    assert outcome == "wrong"
    assert sentence == "this check cannot read your answer (KeyError inside the check). It expects: Do it."


# ---- what is no answer


async def late(n):
    return n


def one_by_one(n):
    yield n


async def late_one_by_one(n):
    yield n


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (late, "Take the word async away"),
        (late_one_by_one, "Take the word async away"),
        (lambda n: late(n), "returned a coroutine"),
        (one_by_one, "it yields its answers one by one"),
        (lambda n: (m for m in [n]), "returned a generator, which holds no answer yet"),
        (lambda n: map(int, [n]), "returned a map, which holds no answer yet"),
        (lambda n: None, "your function returned None for n = 5. Is a return missing?"),
    ],
)
def test_what_holds_no_answer_is_named_without_a_warning(function, sentence):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        judgement = judge(ONCE, function)
        gc.collect()  # a coroutine that nobody has awaited warns when it goes
    assert warned == []
    assert judgement.outcome == "wrong"
    assert sentence in judgement.sentence
    assert judgement.printed == ""


@pytest.mark.parametrize("stub", [..., lambda n: ..., lambda n: (..., 2), lambda n: [...], lambda n: {"h1": ...}])
def test_what_still_holds_the_stub_is_not_attempted(stub):
    assert judge(ONCE, stub) == Judgement("not attempted", "not attempted yet. Do it.", "")


# ---- inputs and memory


@pytest.mark.parametrize(
    "values",
    [[1, 2], {"a": [1]}, torch.ones(2), np.ones(2), {1, 2}, ([1], [2])],
    ids=lambda values: type(values).__name__,
)
def test_changing_an_input_is_told(values):
    def greedy(values):
        if isinstance(values, (torch.Tensor, np.ndarray)):
            values[:] = 0
        elif isinstance(values, tuple):
            values[0].clear()
        else:
            values.clear()
        return 1

    assert "greedy changes its input values" in judge(asks(lambda student: student(values)), greedy).sentence


def test_what_is_kept_between_calls_is_named_and_not_what_the_check_sees_of_it():
    def answer(n, sums=[]):  # noqa: B006
        sums.append(n)
        return sum(sums)

    check = asks(lambda student: [require(student.number(n) == n, f"{n} is wrong") for n in (1, 2)] and None)
    sentence = judge(check, answer).sentence
    assert sentence.startswith("asked the same twice for n = 1, answer answers differently: first 1, later 4.")


def test_what_is_kept_between_calls_is_named_where_each_answer_was_right():
    asked = []

    def answer(n):
        asked.append(n)
        return n if len(asked) == 1 else asked.pop(0) and 7

    assert "answers differently: first 5, later 7" in judge(ONCE, answer).sentence


def test_an_error_at_the_second_time_is_a_difference():
    left = [5]
    assert "first 5, later IndexError: pop from empty list" in judge(ONCE, lambda n: left.pop()).sentence


ITSELF = [5]
ITSELF.append(ITSELF)
ODD = {
    "texts": np.array(["five"]),
    "objects": np.array([{}], dtype=object),
    "dates": np.array(["2026-11-27"], dtype="datetime64[D]"),
    "another byte order": np.array([5.0], dtype=np.dtype("f8").newbyteorder()),
    "a sparse tensor": torch.eye(2).to_sparse(),
    "a tensor without numbers": torch.empty(2, device="meta"),
    "texts in a list": [np.array(["five"])],
    "a list within itself": ITSELF,
}


@pytest.mark.parametrize("odd", ODD)
def test_an_answer_that_cannot_be_compared_with_itself_is_judged_all_the_same(odd):
    anything = asks(lambda student: require(student(5) is ODD[odd], "another"))
    assert judge(anything, lambda n: ODD[odd]).sentence == "right."


def test_complex_answers_that_differ_in_their_second_part_differ():
    answers = [torch.tensor([1j]), torch.tensor([2j])]
    once = asks(lambda student: student(5) and None)
    assert "answers differently" in judge(once, lambda n: answers.pop(0)).sentence


def test_a_second_answer_that_cannot_be_added_is_a_difference():
    answers = [torch.ones(1), np.array(["five"])]
    once = asks(lambda student: student(5) and None)
    assert "with the sum 1, later shape (1,). It keeps" in judge(once, lambda n: answers.pop(0)).sentence


def test_chance_is_allowed_where_the_exercise_says_so():
    check = asks(lambda student: require(student.number(5) < 1, "too large"), repeatable=False)
    assert judge(check, lambda n: torch.rand(())).outcome == "right"


def test_a_remark_stands_behind_a_right_answer():
    assert judge(asks(lambda student: "It could be shorter."), lambda: 1).sentence == "right. It could be shorter."


def test_an_exercise_may_ask_for_a_value():
    value = Exercise("1", "Say 5.", ("a", "b", "c"), lambda answer: require(answer == 5, "not 5"))
    assert judge(value, 5).outcome == "right"
    assert judge(value, 6).sentence == "not 5"


# ---- how a check reads an answer


@pytest.mark.parametrize("answer", [3, 3.0, np.float32(3), np.array([3]), torch.tensor(3), torch.tensor([[3.0]])])
def test_a_number_may_be_of_many_kinds(answer):
    assert number(answer) == 3


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (10**400, "a number below 1e308 is needed for n = 5, and this one is larger"),
        (float("nan"), "a finite number is needed for n = 5, and this is nan"),
        (float("inf"), "a finite number is needed for n = 5, and this is inf"),
        (torch.ones(2), "a number is needed for n = 5, and this is a Tensor"),
        (1j, "a number is needed for n = 5, and this is a complex"),
        ([5], "a number is needed for n = 5, and this is a list"),
        ("5", "a number is needed for n = 5, and this is a str"),
        (int, "a number is needed for n = 5, and this is a type"),
    ],
)
def test_what_is_no_number_is_told_with_its_input(answer, sentence):
    assert sentence in judge(ONCE, lambda n: answer).sentence


@pytest.mark.parametrize(
    "yes", [True, 1, np.True_, np.array([True]), torch.tensor(True), torch.ones(1, 1, dtype=torch.int)]
)
def test_one_truth_is_an_answer(yes):
    assert Student(lambda: yes).truth() is True


@pytest.mark.parametrize("answer", ["no", [False], 2, 1.0, torch.tensor(3), (True,), {}, torch.tensor([True, False])])
def test_what_would_be_true_or_false_by_accident_is_refused(answer):
    with pytest.raises(Wrong, match="True or False"):
        Student(lambda: answer).truth()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (torch.ones(3), r"returned shape \(3,\) where \(2, 2\) is needed for some input: a square\."),
        ("text", r"returned a str; a tensor of shape \(2, 2\) is needed"),
        (
            torch.full((2, 2), torch.nan),
            r"values that are not finite \(nan or inf\) for ordinary inputs for some input",
        ),
        (torch.ones(2, 2, dtype=torch.complex64), "cannot be read as a tensor of real numbers"),
        (torch.zeros(1).expand(100_000, 100_000), r"returned shape \(100000, 100000\) where"),
    ],
)
def test_a_tensor_has_a_shape_and_finite_real_numbers(answer, sentence):
    with pytest.raises(Wrong, match=sentence):
        Student(lambda: answer).tensor(shape=(2, 2), meaning="a square", on="some input")


def test_a_tensor_may_be_a_list_or_an_array_of_any_type():
    for answer in (
        [[1, 2]],
        np.ones((1, 2), dtype=np.int8),
        np.ones((1, 2))[:, ::-1],
        torch.ones(1, 2, requires_grad=True),
        torch.ones(1, 2).half(),
    ):
        tensor = Student(lambda answer=answer: answer).tensor(shape=(1, 2), meaning="")
        assert (tensor.dtype, tensor.requires_grad) == (torch.float64, False)


# ---- what is printed


def test_printing_a_lot_is_cut():
    def chatty(n):
        for _ in range(100_000):
            print("here")
        return n

    outcome, _, printed = judge(ONCE, chatty)
    assert outcome == "right"
    assert len(printed) < PRINTED + 60
    assert "more characters" in printed


def test_what_is_printed_stands_in_the_html_alone_since_the_text_is_compared():
    page = outcome_page(ONCE, Judgement("right", "right.", "<here> & there"))
    assert "Your code printed:" in page.html
    assert "&lt;here&gt; &amp; there" in page.html
    assert page.text == "Exercise 1: right."
