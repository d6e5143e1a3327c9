"""helpers.measuring: the recording that the bench writes, goes on with, checks and compares with the goals; contests;
and that tests/helpers/test_on_device.py notices a wrong kernel."""

import json
import math
import os
import subprocess
from pathlib import Path

import pytest
import test_on_device
import torch

from helpers.measuring import bench, contenders, contests, goals
from helpers.measuring.bench import heading, main, output_of, point, table
from helpers.measuring.contests import CONTESTS, Contest
from helpers.measuring.goals import GOALS, Goal
from helpers.measuring.recording import LARGEST, begin, load, save

CPU = torch.device("cpu")
REPOSITORY = Path(__file__).parents[2]
RESULT = {"median": 1 / 3, "p20": 0.25, "p80": 0.5, "repeats": 20, "method": "m", "samples": [1 / 7] * 20}

pytestmark = pytest.mark.usefixtures("one_thread")


def adds(new, T):
    a, b = new(T), new(T)
    return {"ours": (torch.add, a, b), "peer": (lambda a, b: b + a, a, b)}


def fails(new, T):
    def wrong(*_):
        raise ValueError("first line\n  second line")

    failing = {"large": (out_of_memory,), "wrong": (wrong,), "absent": (contenders._peer("no_such", "x"),)}
    return failing | adds(new, T)


def out_of_memory(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 99 GiB")


def small_one(name, make, *lengths, **fields):
    return Contest(name, "none", name, "(T)", "float32", lengths or (2,), make, **fields)


SMALL = [
    small_one("sums", adds, 2, 4, 8),
    small_one("sums, memory", adds, 1024, unit="B"),
    small_one("fails", fails),
    small_one("fails, memory", fails, unit="B"),
]


@pytest.fixture
def small(monkeypatch):
    """A few small contests, no proofs and two goals; returns the list of points that are really measured."""
    measured, take = [], bench.point

    def counted(contest, T, *arguments, **options):
        measured.append((contest.name, T))
        return take(contest, T, *arguments, **options)

    monkeypatch.setattr(contests, "CONTESTS", {"cpu": {contest.name: contest for contest in SMALL}})
    monkeypatch.setattr(
        goals, "GOALS", (Goal("sums", ("peer",), "ours", 0.001, start=4), Goal("sums", ("absent",), "ours", 1))
    )
    monkeypatch.setattr(bench, "prove", lambda *_: None)
    monkeypatch.setattr(bench, "point", counted)
    return measured


def run(path, *options):
    return main(["--cpu", "--out", str(path), "--revision", "abc", *options])


def fresh(path):
    return begin(path, heading(CPU, False, "abc"))


# The command


def test_one_command_times_records_and_compares(small, tmp_path, capsys):
    path = tmp_path / "cpu.json"
    assert run(path, "--only", "sums") == 0
    text, contents = capsys.readouterr().out, load(path)
    assert "[3 of 4] sums (sums), T = 8: ours 0." in text
    assert "sums: peer / ours ≥ 0.001 from 4" in text
    assert "not measured" in text
    assert not contents["finished"], "only a part was wanted"
    assert contents["device"]["torch"] == str(torch.__version__)
    assert set(contents["measured"]) == {"copy", "matmul", "launch"}
    assert contents["about"] == {"sums": "(T), float32", "sums, memory": "(T), float32"}
    assert set(contents["points"]["sums"]) == {"2", "4", "8"}
    assert set(contents["points"]["sums"]["4"]["ours"]) == {"median", "p20", "p80", "repeats", "method", "samples"}
    assert contents["points"]["sums, memory"]["1024"]["ours"]["bytes"] >= 4096
    assert run(path) == 0
    assert load(path)["finished"]


def test_it_goes_on_where_it_was_cut_off(small, tmp_path, capsys, monkeypatch):
    path, take = tmp_path / "cpu.json", bench.point

    def cut(contest, T, *arguments, **options):
        if T == 4:
            raise RuntimeError("CUDA error: an illegal memory\naccess")
        return take(contest, T, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(bench, "point", cut)
        assert run(path) == 130
    assert "Cut off (CUDA error: an illegal memory access). The same command goes on" in capsys.readouterr().out
    half = load(path)
    assert set(half["points"]["sums"]) == {"2"}
    assert run(path) == run(path) == 0
    assert small == [("sums", 2), ("sums", 4), ("sums", 8), ("sums, memory", 1024), ("fails", 2), ("fails, memory", 2)]
    assert load(path)["points"]["sums"]["2"] == half["points"]["sums"]["2"]


def test_a_recording_is_timed_on_the_threads_that_it_names(small, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.measuring.timing.free_cores", lambda: 1)
    torch.set_num_threads(2)
    seen = set()
    note = lambda new, T: {"ours": (lambda: seen.add(torch.get_num_threads()),)}  # noqa: E731
    monkeypatch.setattr(contests, "CONTESTS", {"cpu": {"notes": small_one("notes", note)}})
    run(tmp_path / "r.json", "--quick")
    assert seen == {2}
    assert load(tmp_path / "r.json")["device"]["threads"] == 2
    point(small_one("notes", note), 2, CPU, budget=0.1)
    assert seen == {1, 2}


def test_a_folder_that_is_missing_is_said_before_any_work(tmp_path, capsys):
    for path in (tmp_path / "none" / "cpu.json", tmp_path):
        with pytest.raises(SystemExit):
            run(path)
        assert f"--out {path} must be a file, in a folder that is there" in capsys.readouterr().err


def test_the_revision_is_read_in_a_folder_of_any_name(tmp_path, monkeypatch):
    folder = tmp_path / "O'Brien's $(course)"
    folder.mkdir()
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b")
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(bench, "ROOT", folder)
    assert heading(CPU, False, None)["revision"] == output_of(*git, "rev-parse", "HEAD")
    (folder / "file").write_text("1")
    subprocess.run([*git, "add", "."], check=True)
    changed = heading(CPU, False, None)["revision"]
    (folder / "file").write_text("2")
    assert "+" in changed
    assert heading(CPU, False, None)["revision"] != changed, "every change begins a new recording"


def test_without_pytest_or_without_tests_nothing_is_proven(tmp_path, monkeypatch):
    for name, nothing in (("ROOT", tmp_path), ("find_spec", lambda name: None)):
        proofs = {}
        with monkeypatch.context() as patched:
            patched.setattr(bench, name, nothing)
            bench.prove({"proofs": proofs}, CPU, None)
        assert list(proofs) == ["every test ran"]
        assert proofs["every test ran"].startswith("skipped: nothing is proven without ")


# One point


@pytest.mark.parametrize(("unit", "value"), [("s", "median"), ("B", "bytes")])
def test_a_failure_is_a_result_and_the_others_are_measured(unit, value):
    results = point(small_one("fails", fails, unit=unit), 2, CPU, budget=0.1)
    assert results["large"] == {"out_of_memory": True}
    assert results["wrong"] == {"error": "ValueError: first line second line"}
    assert results["absent"] == {"error": "ModuleNotFoundError: No module named 'no_such'"}
    assert all(value in results[label] for label in ("ours", "peer"))


def test_inputs_that_cannot_be_made_are_one_result():
    assert point(small_one("large", out_of_memory), 2, CPU, 0.1) == {"make": {"out_of_memory": True}}
    assert point(small_one("odd", lambda new, T: 1 / 0), 2, CPU, 0.1) == {
        "make": {"error": "ZeroDivisionError: division by zero"}
    }


# The file


def test_a_file_is_small_and_holds_no_nan(tmp_path):
    path = tmp_path / "cpu.json"
    contents = fresh(path) | {"measured": {"copy": math.nan}}
    contents["points"] = {f"contest {n}": {str(T): {"a": RESULT, "b": RESULT} for T in range(1, 21)} for n in range(12)}
    save(path, contents)
    assert path.stat().st_size <= LARGEST
    result = load(path)["points"]["contest 3"]["7"]["a"]
    assert result["median"] == 0.3333
    assert 1 < len(result["samples"]) < 20, "fewer of them, where all would be too many"
    assert load(path)["measured"] == {"copy": None}


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "cpu.json"
    contents = fresh(path)
    save(path, contents)

    def half(path, text, **_):
        path.write_bytes(text[: len(text) // 2].encode())
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", half)
        with pytest.raises(OSError, match="disk full"):
            save(path, contents | {"date": "2030-01-01"})
    assert load(path) == contents


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"schema": 2}, "its schema is 2 instead of 1"),
        ({"date": "yesterday"}, "date: 'yesterday'"),
        ({"device": "H200"}, "device: 'H200'"),
        ({"device": {"name": "H200", "kind": "cuda"}}, "its device has no 'torch'"),
        ({"points": {"a": {"2²": {}}}}, "a, T = 2²: no length"),
        ({"points": {"a": {"1": {"b": {}}}}}, "a, T = 1: b: {}"),
        ({"points": {"a": {"1": {"b": RESULT | {"median": None}}}}}, "a, T = 1: b: "),
        ({"points": {"a": {"1": {"b": RESULT | {"median": 0.7}}}}}, "a, T = 1: b: "),
    ],
    ids=str,
)
def test_what_is_no_recording_is_said_with_its_place(tmp_path, bad, place):
    path = tmp_path / "cpu.json"
    path.write_text(json.dumps(fresh(path) | bad))
    with pytest.raises(ValueError, match="is no recording") as raised:
        load(path)
    assert f"{path} is no recording ({place}" in str(raised.value)


@pytest.mark.parametrize("damage", [b"", b"7", b"\xff", b"[" * 100_000, None], ids=lambda damage: str(damage)[:20])
def test_a_file_that_cannot_be_read_is_named(tmp_path, damage):
    path = tmp_path / "cpu.json"
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(ValueError, match=r"cpu\.json is no recording \(the file: "):
        load(path)


def test_what_cannot_be_continued_is_left_aside(tmp_path, capsys):
    path, head = tmp_path / "cpu.json", heading(CPU, False, "abc")
    save(path, fresh(path) | {"revision": "abd"})
    assert not begin(path, head)["points"]
    path.write_text("damaged")
    begin(path, head)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{path} was recorded with another revision than this run has. It is kept as {path}.1, ")
    assert second.startswith(f"{path} is no recording")
    assert (tmp_path / "cpu.json.2").read_text() == "damaged"


# Goals


def test_the_table_takes_the_worst_length_and_invents_nothing(monkeypatch):
    def results(ours, *peers):
        return {"ours": {"median": ours}} | {f"peer {n}": {"bytes": peer} for n, peer in enumerate(peers)}

    points = {"2": results(8.0, 1.0), "4": results(1.0, 5.0, 3.0), "8": results(1.0, 2.5, 9.0)}
    points["16"] = {"ours": {"error": "?"}, "peer 0": {"median": 1.0}}
    verdicts = {
        Goal("c", ("peer 0", "peer 1"), "ours", 2, start=4): "reached: 3 at 4, 2.5 at 8",
        Goal("c", ("peer 0",), "ours", 0.5): "missed: 0.125 at 2, 5 at 4, 2.5 at 8",
        Goal("c", ("absent",), "ours", 1): "not measured",
        Goal("c", ("peer 0",), "ours", 1, start=16): "not measured",
        Goal("another", ("peer 0",), "ours", 1): "not measured",
    }
    monkeypatch.setattr(goals, "GOALS", tuple(verdicts))
    lines = [" ".join(line.split()) for line in table({"c": points})[3:]]
    assert lines == [f"{goal} {verdict}" for goal, verdict in verdicts.items()]


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_every_goal_names_functions_of_a_contest_at_lengths_that_are_there(kind, monkeypatch):
    if kind == "cuda":  # tensors that say they were on a GPU: its contests can be made, at their smallest, and not run
        monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    on_gpu_alone = {"sdpa flash", "sdpa efficient"} if kind == "cpu" else set()
    checked = 0
    for goal in GOALS:
        contest = CONTESTS[kind].get(goal.contest)
        if contest and max(contest.lengths) >= goal.start:  # else the goal is the other kind's
            assert {goal.ours, *goal.peers} <= set(contest.functions(2, CPU)) | on_gpu_alone, goal
            checked += 1
    assert checked >= {"cpu": 6, "cuda": 20}[kind]


# Contests


@pytest.mark.parametrize("name", CONTESTS["cpu"])
def test_all_functions_of_a_contest_compute_the_same(name):
    torch.manual_seed(0)
    contest = CONTESTS["cpu"][name]
    functions = contest.functions(70, CPU)
    others = {"fla", "accelerated-scan"}  # other layouts
    others |= {"nn", "log"} if contest.model == "min_gru" else set()  # another model, and fewer digits
    results = {label: fn() for label, fn in functions.items() if label not in others and not label.startswith("copy")}
    expected = results.pop("loop" if "loop" in results else next(iter(results)))
    assert results
    for label, result in results.items():
        pairs = zip(result, expected, strict=True) if contest.trains else [(result, expected)]
        assert all((a - b).abs().max() < 1e-4 for a, b in pairs), label


def test_with_gradients_or_without_it_is_the_same_for_all():
    seen = []

    def double(x):
        seen.append(torch.is_grad_enabled())
        return x * 2

    def make(new, T):
        return {"ours": (double, new(3)), "nn": contenders._nn(torch.nn.GRU, new(1, T, 4))}

    assert not small_one("layers", make).functions(2, CPU)["nn"]().requires_grad
    trained = small_one("layers", make, trains=True).functions(2, CPU)
    assert [slope.shape for slope in trained["nn"]()] == [(1, 2, 4), (12, 4), (12, 4), (12,), (12,)]
    assert torch.equal(trained["ours"]()[0], torch.full((3,), 2.0))
    assert seen == [True]


# The proofs


def prove(name, method, dtype=torch.float32):
    test_on_device.test_a_method_is_as_exact_as_plain_torch(name, method, dtype)


@pytest.fixture
def damage(monkeypatch):
    """A function that lets another one do something to the states of each scan but the loop."""
    subject = test_on_device.SUBJECTS["linear_recurrence"]

    def damage(change):
        def call(method, *tensors):
            states = subject.call(method, *tensors)
            return states if method == "loop" else change(states)

        monkeypatch.setitem(test_on_device.SUBJECTS, "linear_recurrence", subject._replace(call=call))

    return damage


@pytest.mark.parametrize("wrong", [1e-4, math.nan])
def test_a_wrong_kernel_is_noticed(damage, wrong):
    damage(lambda states: states + wrong)
    with pytest.raises(AssertionError, match="largest error"):
        prove("linear_recurrence", "blelloch")


def test_a_wrong_gradient_alone_is_noticed(damage):
    def change(states):
        states.register_hook(lambda slopes: slopes * 1.001)
        return states

    damage(change)
    with pytest.raises(AssertionError, match="that of the gradients"):
        prove("linear_recurrence", "chunked")


def test_what_refuses_with_a_sentence_is_skipped_and_what_breaks_is_not(damage):
    with pytest.raises(pytest.skip.Exception, match="solves in float32 or float64"):
        prove("newton_recurrence", "dense", torch.float16)
    damage(lambda states: int("a bug"))
    with pytest.raises(ValueError, match="invalid literal"):
        prove("linear_recurrence", "chunked")


def test_with_tests_those_that_are_no_proofs_are_counted_and_run_once(tmp_path, monkeypatch):
    """In a folder with two files of tests; the command is given twice."""
    folder = tmp_path / "tests"
    (folder / "helpers").mkdir(parents=True)
    for name in ("gpu.py", "threads.py"):
        (folder / name).write_text((REPOSITORY / "tests" / name).read_text("utf-8"), "utf-8")
    log = tmp_path / "log"
    begin = f"import pytest\n\ndef note(name):\n    open({str(log)!r}, 'a').write(name + ' ')\n\n"
    proof = "@pytest.mark.parametrize('method', ['a', 'b'])\ndef test_proof(method):\n    note(method)\n"
    other = "@pytest.mark.parametrize('n', [1, 2])\ndef test_other(n):\n    note('other')\n    assert n == 1\n"
    (folder / "helpers" / "test_on_device.py").write_text(begin + proof)
    (folder / "helpers" / "test_kernel_x.py").write_text(begin + other)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(contests, "CONTESTS", {"cpu": {}})
    path = tmp_path / "cpu.json"
    for _ in range(2):
        assert run(path, "--tests") == 1, "one of them fails"
        recorded = load(path)
        assert recorded["proofs"] == dict.fromkeys(("a", "b", "every test ran"), "passed")
        (failed,) = recorded["tests"].pop("failed")
        assert recorded["tests"] == {"passed": 1, "skipped": 0}
        assert failed.endswith("test_kernel_x.py::test_other[2]")
        assert sorted(log.read_text().split()) == ["a", "b", "other", "other"]


def test_the_versions_of_the_peers_stand_in_the_file():
    peers = heading(CPU, False, "abc")["peers"]
    assert set(peers) == {"accelerated-scan", "flash-linear-attention", "triton"}
    assert all(number is None or number[0].isdigit() for number in peers.values())


def test_the_command_runs_the_proofs_once_and_stores_what_came_of_them(tmp_path, monkeypatch):
    """In a copy of the tests, in which one method is wrong."""
    copy = tmp_path / "copy"
    (copy / "tests" / "helpers").mkdir(parents=True)
    for name in ("gpu.py", "threads.py", "helpers/conftest.py"):
        (copy / "tests" / name).write_text((REPOSITORY / "tests" / name).read_text("utf-8"), "utf-8")
    text = (REPOSITORY / "tests/helpers/test_on_device.py").read_text("utf-8")
    wrong = "lambda method, *tensors, right=_newton: right(method, *tensors) * (1 + (method == 'diagonal'))"
    text += f"\n\nSUBJECTS['newton_recurrence'] = SUBJECTS['newton_recurrence']._replace(call={wrong})\n"
    (copy / "tests/helpers/test_on_device.py").write_text(text, "utf-8")
    os.symlink(REPOSITORY / "helpers", copy / "helpers")
    monkeypatch.setattr(bench, "ROOT", copy)
    monkeypatch.setattr(contests, "CONTESTS", {"cpu": {}})
    path = tmp_path / "cpu.json"
    assert run(path, "--only", "newton_recurrence", "--quick") == 1
    proofs = load(path)["proofs"]
    message = proofs.pop("newton_recurrence-diagonal-float32")
    assert message.startswith("failed: AssertionError: at T = 1 the largest error is")
    assert proofs == dict.fromkeys(
        ("every test ran", "newton_recurrence-loop-float32", "newton_recurrence-dense-float32"), "passed"
    )
