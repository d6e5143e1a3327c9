"""Every exercise: right answers pass, each wrong answer gets its own sentence, and no sentence is out of reach."""

import ast
import math
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from stored import NOTEBOOKS

from course.catalogue import written
from course.exercises import judge, student

# (lesson, Exercise) of every lesson that is written
ALL = [(row, exercise) for row in written() for exercise in row.exercises.values()]


@pytest.fixture(autouse=True)
def nothing_kept():
    """Some wrong answers keep something between calls, as students' do; no test may see what another has left there."""
    for row in written():
        for name, value in vars(row.part("solutions")).items():
            if name.isupper() and isinstance(value, (dict, list)):
                value.clear()


def named(row, exercise):
    return f"{row.id}.{exercise.id}"


def each(*columns):
    return pytest.mark.parametrize(columns, [pytest.param(*pair, id=named(*pair)) for pair in ALL])


def each_answer(*columns, wrong):
    """One test for each right answer, or for each wrong answer with its sentence."""
    cases = []
    for row, exercise in ALL:
        reference, also_right, wrongs = row.answers.of(exercise.id)
        for answer in wrongs if wrong else [reference, *also_right]:
            function = answer[0] if wrong else answer
            cases.append(pytest.param(exercise, answer, id=f"{named(row, exercise)}-{function.__name__}"))
    return pytest.mark.parametrize(columns, cases)


@each_answer("exercise", "answer", wrong=False)
def test_right_answers_pass(exercise, answer):
    outcome, sentence, _ = judge(exercise, answer)
    assert outcome == "right", sentence


@each_answer("exercise", "answer", wrong=True)
def test_wrong_answers_are_named(exercise, answer):
    attempt, expected = answer
    outcome, sentence, _ = judge(exercise, attempt)
    assert outcome == "wrong"
    assert expected in sentence
    assert "this check cannot read" not in sentence


@each("row", "exercise")
def test_an_exercise_has_enough_of_everything(row, exercise):
    reference, also_right, wrong = row.answers.of(exercise.id)
    assert reference is not None
    assert len(also_right) >= 2
    assert len({sentence for _, sentence in wrong}) >= 4, "the wrong answers should meet different sentences"
    assert all(exercise.hints)
    assert exercise.task.endswith(".")


# ---- no sentence is out of reach


def sentences_of(path):
    """The lines of a module on which a sentence for a student stands: [(first, last)] of require(…) and raise Wrong."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else node
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("require", "Wrong"):
            lines.append((call.lineno, call.end_lineno))
    return sorted(set(lines))


@pytest.mark.parametrize("row", [row for row in written() if row.exercises], ids=lambda row: row.id)
def test_every_sentence_of_a_check_is_said_to_some_wrong_answer(row, monkeypatch):
    path = row.folder / "exercises.py"
    reached = set()

    def remember(self, *_):
        frame = sys._getframe(1)
        while frame and Path(frame.f_code.co_filename) != path:
            frame = frame.f_back
        reached.add(frame and frame.f_lineno)

    monkeypatch.setattr(student.Wrong, "__init__", remember)
    for exercise in row.exercises.values():
        for attempt, _ in row.answers.of(exercise.id)[2]:
            judge(exercise, attempt)
    silent = [first for first, last in sentences_of(path) if not any(first <= (line or 0) <= last for line in reached)]
    assert not silent, f"no wrong answer in solutions.py is told what stands in these lines of {path.name}"


# ---- the stub


def stub_of(row, exercise):
    """What the notebook's cell hands to check: the stub as a student finds it."""
    (cell,) = (
        source
        for notebook in NOTEBOOKS
        if notebook.lesson == row.id
        for source in map("".join, (cell["source"] for cell in notebook.code))
        if f'check("{exercise.id}",' in source
    )
    checked = {}
    exec(cell, {"torch": torch, "np": np, "math": math, "check": checked.__setitem__})
    return checked[exercise.id]


@each("row", "exercise")
def test_the_stub_of_the_notebook_is_not_attempted_yet(row, exercise):
    stub = stub_of(row, exercise)
    assert stub.__name__ == exercise.function
    outcome, sentence, _ = judge(exercise, stub)
    assert outcome == "not attempted", sentence


def test_an_id_stands_once_in_a_lesson():
    ids = defaultdict(list)
    for row, exercise in ALL:
        ids[row.id].append(exercise.id)
    assert all(len(set(names)) == len(names) for names in ids.values())


# ---- what is no answer


class RefusesEverything:
    """No text, no number, no comparison."""

    def refuse(self, *_):
        raise RuntimeError("no")

    __repr__ = __str__ = __float__ = __eq__ = __len__ = __iter__ = __bool__ = refuse
    __hash__ = None


RETURNED = {
    "a text": "seven",
    "another shape": np.zeros((2, 2, 2, 9)),
    "an empty list": [],
    "an object": object(),
    "an object that refuses everything": RefusesEverything(),
    "a number too large for a float": 10**400,
    "nan": math.nan,
    "infinity": math.inf,
    "a view of 10 GB": torch.zeros(1).expand(50_000, 50_000),
}


@each("row", "exercise")
@pytest.mark.parametrize("returned", RETURNED.values(), ids=RETURNED)
def test_nonsense_gets_a_sentence_and_never_a_slip(row, exercise, returned):
    outcome, sentence, _ = judge(exercise, lambda *_: returned)
    assert outcome == "wrong"
    assert "this check cannot read" not in sentence


@each("row", "exercise")
def test_an_error_and_a_missing_return_name_the_input(row, exercise):
    asked = []
    without_return = judge(exercise, lambda *arguments: asked.append(arguments)).sentence
    place = " for " if asked[0] else ""  # a function of nothing has no input
    assert without_return.startswith(f"your function returned None{place}")
    assert judge(exercise, lambda *_: [][0]).sentence.startswith(f"your function raised IndexError{place}")


@each("row", "exercise")
@pytest.mark.parametrize("instead", [None, 0.5, [1], (2,), {}, range(2)], ids=repr)
def test_a_result_in_the_functions_place_is_told_so(row, exercise, instead):
    outcome, sentence, _ = judge(exercise, instead)
    assert outcome == "wrong"
    call = f'check("{exercise.id}", {exercise.function})'
    assert f"give check the function itself, {exercise.function}, without calling it: {call}" in sentence


@each("row", "exercise")
def test_the_functions_name_in_quotes_is_told_so(row, exercise):
    sentence = judge(exercise, exercise.function).sentence
    assert sentence == (f'give check the function itself, without quotes: check("{exercise.id}", {exercise.function}).')


# ---- advice that passes when it is followed


def judged(function, attempt, lesson=""):
    """The judgement of the exercise that asks for this function, in whatever lesson it stands unless one is named."""
    (exercise,) = (exercise for row, exercise in ALL if exercise.function == function and row.id.startswith(lesson))
    return judge(exercise, attempt)


@pytest.mark.parametrize("strength", [0.01, 0.3, 1, 3])
def test_a_soft_head_is_sharp_enough_once_it_is_multiplied_as_advised(strength):
    def head(T, factor=1):
        W_Q = torch.zeros(5 + T, T)
        W_K = torch.zeros(5 + T, T)
        W_K[5:] = torch.eye(T)
        W_Q[5:] = strength * torch.eye(T).roll(-1, dims=1)
        return factor * W_Q, W_K

    sentence = judged("previous_word_head", head).sentence
    factor = int(sentence.split("multiply W_Q by ")[1].rstrip(".").replace(",", ""))
    assert judged("previous_word_head", lambda T: head(T, factor)).outcome == "right"


def test_a_head_that_reads_the_next_word_is_mended_as_advised():
    def reads_next(T):
        W_Q = torch.zeros(5 + T, T)
        W_K = torch.zeros(5 + T, T)
        W_K[5:] = 9 * torch.eye(T)
        W_Q[5:] = 9 * torch.eye(T).roll(1, dims=1)
        return W_Q, W_K

    assert "exchange W_Q and W_K" in judged("previous_word_head", reads_next).sentence
    assert judged("previous_word_head", lambda T: reads_next(T)[::-1]).outcome == "right"


def test_a_comparison_is_turned_round_as_advised():
    def turned(recurrent, blocks, limit):
        return max((T for T in range(1, limit) if recurrent(T) > blocks(T)), default=0)

    assert "Turn the comparison round" in judged("crossing", turned).sentence
    assert judged("crossing", lambda *paths: turned(paths[1], paths[0], paths[2])).outcome == "right"


@pytest.mark.parametrize("start", [(3, 3), (2, 2), (1.5, 1.5), (3, 6), (4, 3), (0.9, 1)], ids=str)
def test_a_latch_that_is_changed_as_advised_holds_in_the_end(start):
    w, u = start
    for _ in range(40):
        outcome, sentence, _ = judged("latch", lambda numbers=(w, u): numbers)
        if outcome == "right":
            return
        w, u = (w, 1.1 * u) if "larger u" in sentence else (1.1 * w, u)
    pytest.fail(f"after 40 changes, w = {w:.3g}, u = {u:.3g}: {sentence}")


def times_of(device, work, runs, warm_ups):
    for _ in range(warm_ups):
        device.launch(work)
    device.synchronise()
    times = []
    for _ in range(runs):
        start = device.clock()
        device.launch(work)
        device.synchronise()
        times.append(device.clock() - start)
    return times


def test_a_first_run_that_is_timed_is_mended_by_a_warm_up_as_advised():
    def median_of_three(device, work, warm_ups=0):
        return sorted(times_of(device, work, 3, warm_ups))[1]

    assert "launch once and wait before you start the watch" in judged("stop_watch", median_of_three).sentence
    assert judged("stop_watch", lambda device, work: median_of_three(device, work, warm_ups=1)).outcome == "right"


def test_only_a_first_run_that_is_timed_gets_a_remark():
    sentences = [
        judged("stop_watch", lambda device, work, n=n: sorted(times_of(device, work, 9, n))[4]).sentence for n in (0, 1)
    ]
    assert "Your first run, which takes longer, lies between two readings" in sentences[0]
    assert sentences[1] == "right."


def test_a_gap_that_lies_before_the_answer_is_not_blamed():
    def how_many(recurrent, blocks, limit):
        return sum(recurrent(T) < blocks(T) for T in range(1, limit))

    assert judged("crossing", how_many).sentence.endswith("still shorter, 69 against 70.")


@pytest.mark.parametrize("place", [0, 30, 49, -1], ids=["first", "another", "middle", "last"])
def test_one_run_out_of_many_is_caught_wherever_it_stands(place):
    outcome, sentence, _ = judged("stop_watch", lambda device, work: times_of(device, work, 99, warm_ups=1)[place])
    assert outcome == "wrong"
    assert "the slowest run alone" in sentence


def test_levels_without_a_memory_are_right_and_get_a_remark():
    def longest_chain(graph):
        def level_of(node):
            return 1 + max(map(level_of, graph[node]), default=0)

        return max(map(level_of, graph))

    outcome, sentence, _ = judged("longest_chain", longest_chain)
    assert outcome == "right"
    assert "keep the level of each node in a dict" in sentence


def test_many_looks_that_are_not_one_a_chain_get_no_remark():
    def longest_chain(graph):
        level = dict.fromkeys(graph, 1)
        for _ in graph:
            for node in graph:
                level[node] = max([level[needed] + 1 for needed in graph[node]], default=1)
        return max(level.values())

    outcome, sentence, _ = judged("longest_chain", longest_chain)
    assert outcome == "right"
    assert "chain" not in sentence


@pytest.mark.parametrize(
    ("runs", "other_runs", "races"),
    [(1, 1, "every such race"), (1, 5, "one of 3"), (3, 3, "one of 10"), (5, 4, "one of 63")],
)
def test_too_few_runs_are_told_what_chance_does_with_them(runs, other_runs, races):
    def verdict(transformer, rnn):
        quick, slow = transformer["seconds"], rnn["seconds"]
        if min(len(quick), len(slow)) < 5 and (len(quick), len(slow)) != (runs, other_runs):
            return "undecided"
        return "faster" if max(quick) < min(slow) else "slower"

    assert f"By chance two equal programs look different in {races}" in judged("verdict", verdict, "00").sentence
