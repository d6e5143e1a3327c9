"""helpers.bench: the recording that it writes, goes on with, checks and compares with the goals; helpers.contests; and
that tests/helpers/test_on_device.py notices a wrong kernel."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import test_on_device
import torch

from helpers.measuring import bench, contests
from helpers.measuring.bench import LARGEST, SCHEMA, begin, heading, load, main, point, save, table, verdict
from helpers.measuring.contests import CONTESTS, GOALS, Contest
from helpers.ops import scan

CPU = torch.device("cpu")
REPOSITORY = Path(__file__).parents[2]
PROOFS = "newton_recurrence"  # in the names of the few proofs that these tests run
RESULT = {"median": 1 / 3, "p20": 0.25, "p80": 0.5, "repeats": 20, "method": "m", "samples": [1 / 7] * 20}

pytestmark = pytest.mark.usefixtures("one_thread")


def adds(new, T):
    a, b = new(T), new(T)
    return {"ours": (torch.add, a, b), "peer": (lambda a, b: b + a, a, b)}


def fails(new, T):
    def wrong(*_):
        raise ValueError("first line\n  second line")

    more = {"large": (out_of_memory,), "wrong": (wrong,), "absent": (contests._peer("no_such", "x"),)}
    return more | adds(new, T)


def out_of_memory(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 99 GiB")


def small_one(name, make, *lengths):
    return Contest(name, "(T)", "float32", lengths or (2,), make, ())


@pytest.fixture
def small(monkeypatch):
    """A few small contests, no proofs and one goal; returns the list of points that are really measured."""
    measured, take = [], bench.point
    listed = [small_one("sums", adds, 2, 4, 8), small_one("sums, memory", adds, 1024)]
    listed += [small_one("fails", fails), small_one("fails, memory", fails)]
    monkeypatch.setattr(contests, "CONTESTS", {"cpu": {contest.name: contest for contest in listed}})
    monkeypatch.setattr(contests, "GOALS", {"sums": "peer / ours ≥ 0.001 from 4; absent / ours ≥ 1"})
    monkeypatch.setattr(bench, "prove", lambda *_: None)
    monkeypatch.setattr(
        bench, "point", lambda *given, **more: measured.append((given[0].name, given[1])) or take(*given, **more)
    )
    return measured


def run(path, *options):
    return main(["--cpu", "--out", str(path), "--revision", "abc", *options])


def fresh(path):
    return begin(path, heading(CPU, False, "abc"))


def test_one_command_times_records_and_compares(small, tmp_path, capsys):
    path = tmp_path / "cpu.json"
    assert run(path, "--only", "sums") == 0
    said, recording = capsys.readouterr().out, load(path)
    assert "[3 of 4] sums, T = 8: ours 0." in said
    assert "sums: peer / ours ≥ 0.001 from 4" in said
    verdicts = [line.split("≥")[1].split()[-1] for line in said.splitlines() if line.startswith("sums: ")]
    assert verdicts[1] == "measured"
    assert recording["schema"] == SCHEMA
    assert not recording["finished"]
    assert recording["revision"] == "abc"
    assert recording["device"]["kind"] == "cpu"
    assert recording["device"]["torch"] == str(torch.__version__)
    assert set(recording["measured"]) == {"copy", "matmul", "launch"}
    assert recording["about"] == {"sums": "(T), float32", "sums, memory": "(T), float32"}
    assert set(recording["points"]["sums"]) == {"2", "4", "8"}
    for result in recording["points"]["sums"]["4"].values():
        assert set(result) == {"median", "p20", "p80", "repeats", "method", "samples"}
        assert 1 <= len(result["samples"]) <= 20
        assert result["p20"] <= result["median"] <= result["p80"]
    assert recording["points"]["sums, memory"]["1024"]["ours"]["bytes"] >= 4096
    assert not list(tmp_path.glob("*.part"))
    assert run(path) == 0
    assert load(path)["finished"]


def test_it_goes_on_where_it_was_cut_off(small, tmp_path, capsys, monkeypatch):
    path, take = tmp_path / "cpu.json", bench.point
    lost = RuntimeError("CUDA error: an illegal memory access\nwas encountered")
    for error, why in ((KeyboardInterrupt(), ""), (lost, " (CUDA error: an illegal memory access was encountered)")):

        def cut(contest, T, *more, error=error, **kind):
            if T == 4:
                raise error
            return take(contest, T, *more, **kind)

        with monkeypatch.context() as patched:
            patched.setattr(bench, "point", cut)
            assert run(path) == 130
        said = capsys.readouterr().out
        assert f"Cut off{why}. The same command goes on" in said
    half = load(path)
    assert set(half["points"]["sums"]) == {"2"}
    assert not half["finished"]
    assert run(path) == 0
    assert small == [("sums", 2), ("sums", 4), ("sums", 8), ("sums, memory", 1024), ("fails", 2), ("fails, memory", 2)]
    whole = load(path)
    assert whole["points"]["sums"]["2"] == half["points"]["sums"]["2"]
    assert whole["date"] == half["date"]
    assert whole["finished"]
    assert run(path) == 0
    assert len(small) == 6


def test_a_gpu_that_a_kernel_has_left_unusable_ends_the_command_after_the_point(small, tmp_path, capsys, monkeypatch):
    def dead(where):
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(bench, "_synchronise", dead)
    assert run(tmp_path / "cpu.json", "--quick") == 130
    assert "Cut off (CUDA error: unspecified launch failure)" in capsys.readouterr().out
    assert set(load(tmp_path / "cpu.json")["points"]) == {"sums"}


@pytest.mark.parametrize("damage", ["", '{"schema": 1}', "\udcff", "[" * 100_000], ids=lambda text: repr(text)[:20])
def test_a_damaged_file_is_named_and_left_aside(small, tmp_path, capsys, damage):
    path, damage = tmp_path / "cpu.json", damage.encode("utf-8", "surrogateescape")
    path.write_bytes(damage)
    assert run(path, "--quick") == 0
    said = capsys.readouterr().out
    assert f"{path} is no recording" in said
    assert f"It is kept as {path}.1, and a new one is begun." in said
    assert (tmp_path / "cpu.json.1").read_bytes() == damage
    assert load(path)["quick"]


def test_what_was_recorded_elsewhere_or_with_other_code_is_left_aside(tmp_path, capsys):
    path, head = tmp_path / "cpu.json", heading(CPU, False, "abc")
    others = {"revision": "abd", "device": {**head["device"], "name": "H200"}, "quick": True}
    for n, (name, other) in enumerate(others.items(), 1):
        save(path, fresh(path) | {name: other})
        assert not begin(path, head)["points"]
        assert (
            f"{path} was recorded with another {name} than this run has. It is kept as {path}.{n}, "
            in capsys.readouterr().out
        )
        assert load(tmp_path / f"cpu.json.{n}")[name] == other
    save(path, fresh(path) | {"date": "earlier"})
    assert fresh(path)["date"] == "earlier"
    assert heading(CPU, False, None)["revision"].removesuffix("+") == heading(CPU, True, None)["revision"].rstrip("+")


def test_a_folder_is_no_file_and_a_missing_one_is_said_before_any_work(tmp_path, capsys):
    for path in (tmp_path / "none" / "cpu.json", tmp_path):
        with pytest.raises(SystemExit):
            run(path)
        assert f"--out {path} must be a file, in a folder that is there" in capsys.readouterr().err


def test_a_failure_is_a_result_and_the_others_are_timed():
    for name, value in (("fails", "median"), ("fails, memory", "bytes")):
        results = point(small_one(name, fails), 2, CPU, budget=0.1)
        assert results["large"] == {"out_of_memory": True}
        assert results["wrong"] == {"error": "ValueError: first line second line"}
        assert results["absent"] == {"error": "ModuleNotFoundError: No module named 'no_such'"}
        assert all(value in results[label] for label in ("ours", "peer"))


def test_what_fails_for_all_is_one_result(monkeypatch):
    assert point(small_one("large", out_of_memory), 2, CPU, 0.1) == {"make": {"out_of_memory": True}}
    monkeypatch.setattr(bench, "compare", lambda *_, **__: 1 / 0)
    assert point(small_one("sums", adds), 2, CPU, 0.1) == {"make": {"error": "ZeroDivisionError: division by zero"}}


def test_a_function_that_runs_out_of_memory_only_later_or_outside_is_a_result_too(monkeypatch):
    calls = []

    def later(*_):
        calls.append(1)
        return out_of_memory() if len(calls) > 1 else torch.ones(1)

    assert point(small_one("later", lambda new, T: {"later": (later,)}), 2, CPU, 0.1) == {
        "later": {"out_of_memory": True}
    }
    outside = SimpleNamespace(repeats=0)  # do_bench's own memory, say
    monkeypatch.setattr(bench, "compare", lambda functions, **_: dict.fromkeys(functions, outside))
    monkeypatch.setattr(bench, "peak_memory", lambda *_, **__: math.inf)
    for contest in small_one("sums", adds), small_one("sums, memory", adds):
        assert point(contest, 2, CPU, 0.1) == {label: {"out_of_memory": True} for label in ("ours", "peer")}


def test_a_file_is_whole_small_and_holds_no_nan(tmp_path):
    path = tmp_path / "cpu.json"
    recording = fresh(path)
    result = RESULT | {"p20": math.nan, "p80": math.inf}
    recording["points"] = {f"contest {n}": {str(T): {"a": result, "b": result} for T in range(20)} for n in range(12)}
    save(path, recording)
    assert path.stat().st_size <= LARGEST
    assert sum(line.startswith("  ") for line in path.read_text().splitlines()) < 40, "one line a contest"
    found = load(path)["points"]["contest 3"]["7"]["a"]
    assert found["median"] == 0.3333
    assert found["p20"] is found["p80"] is None
    assert 1 < len(found["samples"]) < 20
    assert load(path)["device"] == recording["device"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "cpu.json"
    recording = fresh(path)
    save(path, recording)
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(path, recording | {"date": "later"})
    assert load(path) == recording


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"points": {"a": 1}}, "points: AttributeError"),
        ({"points": {"a": {"x": {"b": RESULT}}}}, "a, T = x: ValueError"),
        ({"points": {"a": {"1": []}}}, "a, T = 1: AttributeError"),
        ({"points": {"a": {"1": {"b": RESULT | {"median": None}}}}}, "a, T = 1: TypeError"),
        ({"points": {"a": {"1": {"b": RESULT | {"median": math.nan}}}}}, "a, T = 1: TypeError"),
        ({"points": {"a": {"1": {"b": RESULT | {"samples": ["x"]}}}}}, "a, T = 1: TypeError"),
        ({"points": {"a": {"1": {"b": {"bytes": "x"}}}}}, "a, T = 1: TypeError"),
        ({"points": {"a": {"1": {"b": {}}}}}, "a, T = 1: KeyError, 'error'"),
        ({"device": "H200"}, "device: TypeError, 'H200'"),
        ({"schema": 2}, "in schema 2"),
    ],
    ids=str,
)
def test_what_is_no_recording_is_said_with_its_place(tmp_path, bad, place):
    path = tmp_path / "cpu.json"
    path.write_text(json.dumps(fresh(path) | bad))
    with pytest.raises(ValueError, match="is no recording") as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert place in str(raised.value)
    with pytest.raises(ValueError, match=r"absent\.json is no recording \(the file: FileNotFoundError"):
        load(tmp_path / "absent.json")


def test_the_table_takes_the_worst_length_and_invents_nothing(monkeypatch):
    def results(ours, *peers):
        return {"ours": {"median": ours}} | {f"peer {n}": {"bytes": peer} for n, peer in enumerate(peers)}

    points = {"2": results(8.0, 1.0), "4": results(1.0, 5.0, 3.0), "8": results(1.0, 2.5, 9.0)}
    points["16"] = {"ours": {"error": "?"}, "peer 0": {"median": 1.0}}
    assert verdict("peer 0 or peer 1 / ours ≥ 2 from 4", points) == "reached: 3 at 4, 2.5 at 8"
    assert verdict("peer 0 / ours ≥ 0.5", points) == "missed: 0.125 at 2, 5 at 4, 2.5 at 8"
    assert verdict("absent / ours ≥ 1", points) == verdict("peer 0 / ours ≥ 1 from 16", points) == "not measured"
    monkeypatch.setattr(contests, "GOALS", {"c": "peer 0 / ours ≥ 0.5; peer 1 / ours ≥ 9", "d": "x / y ≥ 1"})
    lines = table({"c": points})[3:]
    assert [" ".join(line.split()) for line in lines] == [
        "c: peer 0 / ours ≥ 0.5 missed: 0.125 at 2, 5 at 4, 2.5 at 8",
        "c: peer 1 / ours ≥ 9 missed: 3 at 4, 9 at 8",
        "d: x / y ≥ 1 not measured",
    ]


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_every_goal_names_functions_of_a_contest_at_lengths_that_are_there(kind, monkeypatch):
    if kind == "cuda":  # tensors that say they were on a GPU: its contests can be made, at their smallest, and not run
        monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    checked = 0
    for name, contest in CONTESTS[kind].items():
        functions = contest.functions(2, CPU)
        for peers, ours, start in re.findall(r"([^;]+?) / (.+?) ≥ [\d.]+(?: from (\d+))?", GOALS.get(name, "")):
            if max(contest.lengths) < int(start or 0):
                continue  # the goal is a GPU's
            elsewhere = {"sdpa flash", "sdpa efficient"} if kind == "cpu" else set()
            assert {ours, *peers.strip().split(" or ")} <= set(functions) | elsewhere
            checked += 1
    assert checked >= {"cpu": 6, "cuda": 20}[kind]


@pytest.mark.parametrize("contest", CONTESTS["cpu"])
def test_all_functions_of_a_contest_compute_the_same(contest):
    torch.manual_seed(0)
    functions = CONTESTS["cpu"][contest].functions(70, CPU)
    others = {"fla", "accelerated-scan", *["nn", "log"] * ("min_gru" in contest)}  # other layouts, models, digits
    results = {label: fn() for label, fn in functions.items() if label not in others and not label.startswith("copy")}
    wanted = results.pop("loop" if "loop" in results else next(iter(results)))
    assert results
    for label, found in results.items():
        pairs = zip(found, wanted, strict=True) if contest.endswith("trained") else [(found, wanted)]
        assert all((a - b).abs().max() < 1e-4 for a, b in pairs), label


def test_with_gradients_or_without_it_is_the_same_for_all():
    seen = []

    def make(new, T):
        layer = contests._nn(torch.nn.GRU, new(1, T, 4))
        return {"ours": (lambda x: seen.append(torch.is_grad_enabled()) or x * 2, new(3)), "nn": layer}

    assert not small_one("layers", make).functions(2, CPU)["nn"]().requires_grad
    trained = small_one("layers, trained", make).functions(2, CPU)
    assert [grad.shape for grad in trained["nn"]()] == [(1, 2, 4), (12, 4), (12, 4), (12,), (12,)]
    assert torch.equal(trained["ours"]()[0], torch.full((3,), 2.0))
    assert seen == [True]


def test_the_copies_are_of_three_arrays_in_memory_that_is_used_or_new(monkeypatch):
    functions = CONTESTS["cpu"]["linear_recurrence, wide"].functions(16, CPU)
    clones, clone = [], torch.Tensor.clone
    monkeypatch.setattr(torch.Tensor, "clone", lambda x: clones.append(x) or clone(x))
    for label, fresh in (("copy", 1), ("copy (used memory)", 0), ("copy (new memory)", 3)):
        functions[label]()
        assert len(clones) == fresh
        clones.clear()


# tests/helpers/test_on_device.py


def proof(name, method, dtype=torch.float32):
    test_on_device.test_a_method_is_as_exact_as_plain_torch(name, method, dtype)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda out: out.mul_(1 + 1e-4), "largest error"),
        (lambda out: out[:, -1:].fill_(math.nan), "largest error is nan"),
    ],
)
def test_a_wrong_kernel_is_noticed(monkeypatch, wrong, said):
    proof("linear_recurrence", "blelloch")
    monkeypatch.setitem(scan.SCANS, "blelloch", lambda *given: scan._hillis_steele(*given) or wrong(given[-1]))
    with pytest.raises(AssertionError, match=said):
        proof("linear_recurrence", "blelloch")


@pytest.mark.parametrize("factor", [1.001, math.nan])
def test_a_wrong_gradient_alone_is_noticed(monkeypatch, factor):
    right = scan._gradients
    monkeypatch.setattr(scan, "_gradients", lambda *given: [grad * factor for grad in right(*given)])
    with pytest.raises(AssertionError, match="that of the gradients"):
        proof("linear_recurrence", "chunked")


def test_what_refuses_with_a_sentence_is_skipped_and_what_breaks_is_not(monkeypatch):
    with pytest.raises(pytest.skip.Exception, match="solves in float32 or float64"):
        proof("newton_recurrence", "dense", torch.float16)
    with pytest.raises(ValueError, match="method='none' is unknown"):
        proof("elman", "none")
    monkeypatch.setitem(scan.SCANS, "chunked", lambda *_: int("a bug"))
    with pytest.raises(ValueError, match="invalid literal"):
        proof("linear_recurrence", "chunked")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder with a copy of the tests, for `prove`; returns a function that appends some lines to it."""
    tests = tmp_path / "copy" / "tests" / "helpers" / "test_on_device.py"
    tests.parent.mkdir(parents=True)
    tests.write_text((REPOSITORY / "tests" / "helpers" / "test_on_device.py").read_text("utf-8"), "utf-8")
    monkeypatch.setattr(bench, "ROOT", tests.parents[2])
    os.symlink(REPOSITORY / "helpers", tests.parents[2] / "helpers")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def change(lines):
        text = tests.read_text("utf-8")
        tests.write_text(text.replace('\n\nif __name__ == "__main__":', f'\n\n{lines}\n\nif __name__ == "__main__":'))

    return change


def test_the_command_proves_first_and_says_what_failed(elsewhere, tmp_path, monkeypatch, capsys):
    """One method wrong, one that ends its process, in a copy: the others are proven all the same, and once only."""
    monkeypatch.setattr(contests, "CONTESTS", {"cpu": {}})
    path = tmp_path / "cpu.json"
    elsewhere(
        "def _broken(method, *tensors, right=_newton):\n"
        "    result = right(method, *tensors)\n"
        "    return os._exit(7) if method == 'dense' else result * 2 if method == 'diagonal' else result\n\n\n"
        "SUBJECTS['newton_recurrence'] = SUBJECTS['newton_recurrence']._replace(call=_broken)"
    )
    assert run(path, "--only", PROOFS, "--quick") == 1
    proofs, said = load(path)["proofs"], capsys.readouterr().out
    assert proofs.pop(f"{PROOFS}-diagonal-float32").startswith("failed: AssertionError: at T = 1 the largest error is")
    assert proofs == {
        "every test ran": "passed",
        f"{PROOFS}-loop-float32": "passed",
        f"{PROOFS}-dense-float32": "failed: its process ended with status 7",
    }
    assert "Proofs: 2 passed, 2 failed." in said
    assert f"{PROOFS}-dense-float32 failed: its process ended" in said
    elsewhere("os._exit(1)")
    assert run(path, "--only", PROOFS, "--quick") == 1
    assert load(path)["proofs"] == proofs | {
        f"{PROOFS}-diagonal-float32": load(path)["proofs"][f"{PROOFS}-diagonal-float32"],
        "every test ran": "failed: something ended them before",
    }


def test_without_pytest_or_without_tests_nothing_is_proven_and_the_rest_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(contests, "CONTESTS", {"cpu": {"sums": small_one("sums", adds)}})
    for name, nothing in (("ROOT", tmp_path), ("find_spec", lambda name: None)):
        with monkeypatch.context() as patched:
            patched.setattr(bench, name, nothing)
            assert run(tmp_path / f"{name}.json", "--quick") == 0
        recording = load(tmp_path / f"{name}.json")
        assert list(recording["proofs"]) == ["every test ran"]
        assert recording["proofs"]["every test ran"].startswith("skipped: nothing is proven without ")
        assert "skipped: nothing is proven without " in capsys.readouterr().out
        assert recording["points"]["sums"]["2"]["ours"]["median"] > 0


def test_it_needs_neither_notebook_nor_plot():
    known = {"IPython", "plotly", "ipywidgets", "platformdirs", "course", "hypothesis", "pytest"}
    program = "import sys, helpers.bench; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert not known & set(said.stdout.split())
