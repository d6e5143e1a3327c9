"""helpers.bench: the recording that it writes, goes on with, checks and compares with the goals; and helpers.proof."""

import json
import math
import subprocess
import sys

import pytest
import torch

from helpers import bench, contests, proof
from helpers.bench import LARGEST, SCHEMA, begin, heading, load, main, point, save, table
from helpers.contests import GOALS, Contest, Goal
from helpers.proof import SUBJECTS, Subject, prove

CPU = torch.device("cpu")


def adds(T):
    return {"ours": torch.add, "peer": lambda a, b: b + a}, [torch.ones(T), torch.ones(T)]


def out_of_memory(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 99 GiB")


@pytest.fixture
def small(monkeypatch):
    """Two small contests, one proof and one goal; returns the list of points that are really measured."""
    measured, take = [], bench.point
    some = [Contest("sums", "(T)", (2, 4, 8), adds), Contest("sums, memory", "(T)", (1024,), adds, unit="B")]
    goal = Goal("sums", ("peer",), "ours", 0.001, start=4)
    monkeypatch.setattr(bench, "contests", lambda where: some)
    monkeypatch.setattr(bench, "GOALS", {"cpu": (goal, Goal("sums", ("absent",), "ours", 1)), "cuda": (goal,)})
    monkeypatch.setattr(bench, "SUBJECTS", {"newton_recurrence": SUBJECTS["newton_recurrence"]})
    monkeypatch.setattr(bench, "RMS", {torch.float32: 1e-5})
    monkeypatch.setattr(bench, "LENGTHS", (1, 3))
    monkeypatch.setattr(
        bench, "point", lambda c, T, *more, **kind: measured.append((c.name, T)) or take(c, T, *more, **kind)
    )
    return measured


def run(path, *options):
    return main(["--cpu", "--out", str(path), "--revision", "abc", *options])


def test_one_command_proves_times_records_and_compares(small, tmp_path, capsys):
    path = tmp_path / "cpu.json"
    assert run(path) == 0
    said, recording = capsys.readouterr().out, load(path)
    assert "proof of newton_recurrence, float32: loop right, dense right, diagonal right" in said
    assert "[3/4, " in said
    assert "sums, T = 8: ours 0." in said
    assert "Every method that ran gave right numbers." in said
    verdicts = [line.split()[-1] for line in said.splitlines() if line.startswith(("cpu ", "cuda "))]
    assert verdicts == ["reached", "measured", "measured"]
    assert recording["schema"] == SCHEMA
    assert recording["finished"]
    assert recording["revision"] == "abc"
    assert recording["device"]["kind"] == "cpu"
    assert recording["device"]["torch"] == str(torch.__version__)
    assert set(recording["measured"]) == {"copy", "matmul", "launch"}
    assert recording["about"] == {"sums": "(T)", "sums, memory": "(T)"}
    assert set(recording["points"]["sums"]) == {"2", "4", "8"}
    for result in recording["points"]["sums"]["4"].values():
        assert set(result) == {"median", "p20", "p80", "repeats", "method", "samples"}
        assert 1 <= len(result["samples"]) <= 20
        assert result["p20"] <= result["median"] <= result["p80"]
    assert recording["points"]["sums, memory"]["1024"]["ours"]["bytes"] >= 4096
    assert not list(tmp_path.glob("*.part"))


def test_it_goes_on_where_it_was_cut_off(small, tmp_path, capsys, monkeypatch):
    path, take = tmp_path / "cpu.json", bench.point

    def cut(contest, T, *more, **kind):
        if T == 4:
            raise KeyboardInterrupt
        return take(contest, T, *more, **kind)

    with monkeypatch.context() as patched:
        patched.setattr(bench, "point", cut)
        assert run(path) == 130
    assert "the same command goes on from there" in capsys.readouterr().out
    half = load(path)
    assert set(half["points"]["sums"]) == {"2"}
    assert not half["finished"]
    monkeypatch.setattr(bench, "prove", lambda *_: pytest.fail("proven again"))
    assert run(path) == 0
    assert small == [("sums", 2), ("sums", 4), ("sums", 8), ("sums, memory", 1024)]
    whole = load(path)
    assert whole["points"]["sums"]["2"] == half["points"]["sums"]["2"]
    assert whole["date"] == half["date"]
    assert whole["finished"]
    assert run(path) == 0
    assert len(small) == 4


@pytest.mark.parametrize("damage", ["", '{"schema": 1}', "\udcff"], ids=repr)
def test_a_damaged_file_is_named_and_left_aside(small, tmp_path, capsys, damage):
    path = tmp_path / "cpu.json"
    path.write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert run(path, "--quick") == 0
    said = capsys.readouterr().out
    assert f"{path} cannot be read as a recording" in said or f"{path} is no recording" in said
    assert f"It is left aside as {path}.1." in said
    assert (tmp_path / "cpu.json.1").read_bytes() == damage.encode("utf-8", "surrogateescape")
    assert load(path)["quick"]


def test_what_was_recorded_elsewhere_or_with_other_code_is_left_aside(tmp_path, capsys):
    path, fresh = tmp_path / "cpu.json", heading(CPU, False, "abc")
    for n, (name, other) in enumerate(
        {"revision": "abd", "device": {**fresh["device"], "name": "H200"}, "quick": True}.items(), 1
    ):
        save(path, fresh | {name: other})
        assert begin(path, fresh) is fresh
        assert f"{path} was recorded with another {name}. It is left aside as {path}.{n}." in capsys.readouterr().out
        assert load(tmp_path / f"cpu.json.{n}")[name] == other
    save(path, fresh)
    assert begin(path, heading(CPU, False, "abc") | {"date": "later"}) == fresh


def test_a_missing_folder_is_said_before_any_work(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path / "none" / "cpu.json")
    assert f"{tmp_path / 'none'} is no folder; make it first" in capsys.readouterr().err


def test_a_failure_is_a_result_and_the_others_are_timed():
    def make(T):
        functions, tensors = adds(T)

        def wrong(*_):
            raise ValueError("first line\nsecond line")

        return functions | {"large": out_of_memory, "wrong": wrong, "absent": contests._peer("no_such", "x")}, tensors

    for unit, value in (("s", "median"), ("B", "bytes")):
        results = point(Contest("sums", "", (2,), make, unit=unit), 2, CPU, budget=0.1)
        assert results["large"] == {"out_of_memory": True}
        assert results["wrong"] == {"error": "ValueError: first line"}
        assert results["absent"] == {"error": "ModuleNotFoundError: No module named 'no_such'"}
        assert all(value in results[label] for label in ("ours", "peer"))
    assert point(Contest("sums", "", (2,), out_of_memory), 2, CPU, 0.1) == {"make": {"out_of_memory": True}}


def test_a_function_that_runs_out_of_memory_later_is_a_result_too():
    calls = []

    def later(*_):
        calls.append(1)
        return out_of_memory() if len(calls) > 1 else torch.ones(1)

    results = point(Contest("sums", "", (2,), lambda T: ({"later": later}, [])), 2, CPU, 0.1)
    assert results == {"later": {"out_of_memory": True}}


def test_a_file_is_whole_small_and_holds_no_nan(tmp_path):
    path, recording = tmp_path / "cpu.json", heading(CPU, False, None)
    result = {"median": 1 / 3, "p20": math.nan, "p80": math.inf, "repeats": 20, "method": "m", "samples": [1 / 7] * 20}
    recording["points"] = {f"contest {n}": {str(T): {"a": result, "b": result} for T in range(20)} for n in range(12)}
    save(path, recording)
    assert path.stat().st_size <= LARGEST
    found = load(path)["points"]["contest 3"]["7"]["a"]
    assert found["median"] == 0.3333
    assert found["p20"] is found["p80"] is None
    assert 1 < len(found["samples"]) < 20
    assert load(path)["device"] == recording["device"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path, recording = tmp_path / "cpu.json", heading(CPU, False, None)
    save(path, recording)
    monkeypatch.setattr(bench.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(path, recording | {"date": "later"})
    assert load(path) == recording


@pytest.mark.parametrize(
    "bad",
    [
        {"points": {"a": 1}},
        {"points": {"a": {"x": {}}}},
        {"points": {"a": {"1": []}}},
        {"points": {"a": {"1": {"b": {"median": None, "samples": []}}}}},
        {"points": {"a": {"1": {"b": {"median": 1.0, "samples": ["x"]}}}}},
        {"points": {"a": {"1": {"b": {}}}}},
        {"device": "H200"},
        {"schema": 2},
    ],
)
def test_what_is_no_recording_is_said(tmp_path, bad):
    path = tmp_path / "cpu.json"
    path.write_text(json.dumps(heading(CPU, False, None) | bad))
    with pytest.raises(ValueError, match="is no recording") as raised:
        load(path)
    assert str(path) in str(raised.value)
    with pytest.raises(ValueError, match="cannot be read"):
        load(tmp_path / "absent.json")


def test_the_table_takes_the_worst_length_and_invents_nothing(monkeypatch):
    def results(ours, *peers):
        return {"ours": {"median": ours}} | {f"peer {n}": {"median": peer} for n, peer in enumerate(peers)}

    goals = [
        Goal("c", ("peer 0", "peer 1"), "ours", 2, start=4),
        Goal("c", ("peer 0",), "ours", 0.5),
        Goal("d", ("x",), "y", 1),
    ]
    monkeypatch.setattr(bench, "GOALS", {"cpu": goals, "cuda": goals[:1]})
    points = {
        "2": results(8.0, 1.0),
        "4": results(1.0, 5.0, 3.0),
        "8": results(1.0, 2.5, 9.0),
        "16": {"ours": {"error": "?"}},
    }
    lines = table({"device": {"kind": "cpu"}, "points": {"c": points}})[2:]
    assert lines[0].endswith("2.00  2.50 at T = 8, the least: reached; not measured at T = 16")
    assert lines[1].endswith("0.50  0.12 at T = 2, the least: missed; not measured at T = 16")
    assert lines[2].endswith("1.00  not measured")
    assert lines[3].startswith("cuda  c: peer 0 or peer 1 / ours")
    assert lines[3].endswith("not measured")


def test_every_goal_names_a_contest_and_functions_that_are_there():
    made = {contest.name: contest for contest in contests.contests(CPU)}
    for goal in GOALS["cpu"]:
        functions, _ = made[goal.contest].make(2)
        assert {goal.ours, *goal.peers} <= set(functions)
        assert max(made[goal.contest].values) >= goal.start
    names = {contest.name for contest in contests.contests(torch.device("cuda"))}
    assert {goal.contest for goal in GOALS["cuda"]} <= names


@pytest.mark.parametrize("contest", contests.contests(CPU), ids=lambda contest: contest.name)
def test_all_functions_of_a_contest_compute_the_same(contest):
    torch.manual_seed(0)
    functions = contest.functions(70)
    others = {"copy", "fla", "accelerated-scan"} | (
        {"nn", "nn.RNN", "nn.GRU", "log"} if "gru, " in contest.name or "newton" in contest.name else set()
    )
    results = {label: function() for label, function in functions.items() if label not in others}
    wanted = results.pop("auto" if "auto" in results else next(iter(results)))
    assert results
    for label, found in results.items():
        for a, b in zip(*((x if contest.trains else [x]) for x in (found, wanted)), strict=True):
            assert (a is b is None) or (a - b).abs().max() < 1e-4, label


def test_a_wrong_kernel_is_caught_and_the_command_says_so(small, tmp_path, capsys, monkeypatch):
    def call(method, x):
        return x.cumsum(0) * (1 + 1e-4 * (method == "wrong")) if method != "lost" else x.cumsum(0) * math.nan

    subject = Subject(
        call, lambda T: [torch.linspace(-1, 1, 40, dtype=torch.float64) + T], ("plain", "same", "wrong", "lost")
    )
    proofs = prove(subject, torch.float32, CPU, (1, 2))
    assert [found["passed"] for found in proofs.values()] == [True, True, False, False]
    assert proofs["lost"]["largest"] == math.inf
    monkeypatch.setattr(bench, "SUBJECTS", {"sums": subject})
    assert run(tmp_path / "cpu.json") == 1
    said = capsys.readouterr().out
    assert "plain right, same right, wrong WRONG, lost WRONG" in said
    assert "WRONG NUMBERS or an error: sums, float32, wrong; sums, float32, lost" in said


def test_a_wrong_gradient_alone_is_caught():
    class Halved(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, slope):
            return slope

    subject = Subject(
        lambda method, x: x * 2 if method == "plain" else Halved.apply(x),
        lambda T: [torch.ones(T).double()],
        ("plain", "halved"),
    )
    assert not prove(subject, torch.float32, CPU, (3,))["halved"]["passed"]


def test_a_method_that_refuses_is_neither_right_nor_wrong(small, tmp_path, monkeypatch):
    found = prove(SUBJECTS["elman"], torch.float32, CPU, (2,))
    assert found["loop"]["passed"]
    if not torch.cuda.is_available():
        assert "cannot run method 'graph' here" in found["graph"]["refused"]
    broken = Subject(lambda method, x: x * (1 // (method == "plain")), lambda T: [torch.ones(T)], ("plain", "broken"))
    monkeypatch.setattr(bench, "SUBJECTS", {"broken": broken})
    assert run(tmp_path / "cpu.json") == 1
    found = load(tmp_path / "cpu.json")["proofs"]["broken, float32"]
    assert found["plain"]["passed"]
    assert found["broken"] == {"error": "ZeroDivisionError: integer division or modulo by zero"}


def test_what_fails_only_while_it_is_timed_is_a_result_too(monkeypatch):
    monkeypatch.setattr(bench, "compare", lambda *_, **__: 1 / 0)
    results = point(Contest("sums", "", (2,), adds), 2, CPU, 0.1)
    assert results == {label: {"error": "ZeroDivisionError: division by zero"} for label in ("ours", "peer")}


def test_it_needs_neither_notebook_nor_plot():
    known = {"IPython", "plotly", "ipywidgets", "platformdirs", "course", "hypothesis"}
    program = "import sys, helpers.bench; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not known & set(said.split())
    assert proof.LENGTHS
