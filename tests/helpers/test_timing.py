"""helpers.timing: order, counts, memory and errors. No test asserts how fast anything is."""

import importlib
import math
import subprocess
import sys
import types
from contextlib import nullcontext
from dataclasses import FrozenInstanceError

import pytest
import torch

from helpers.measuring.timing import Timing, compare, peak_memory, stopwatch, sweep, time_call, unsynchronised

module = importlib.import_module("helpers.measuring.timing")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
MIB = 2**20


class Track:
    """A clock that only the functions on the track move, and the order in which they ran."""

    def __init__(self):
        self.now, self.order = 0.0, []

    def __call__(self):
        return self.now

    def runner(self, label, seconds):
        durations = iter(seconds) if isinstance(seconds, list) else None

        def run(*args):
            self.order.append(label)
            self.now += next(durations) if durations else seconds

        return run

    def failing(self, label, error, after=0):
        run = self.runner(label, 0.1)

        def fail(*args):
            run()
            if self.order.count(label) > after:
                raise error

        return fail


@pytest.fixture
def track(monkeypatch):
    track = Track()
    monkeypatch.setattr(module, "_clock", track)
    return track


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    torch.OutOfMemoryError(),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to …"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 17592186044416 bytes."),
    RuntimeError("CUDA error: out of memory"),
]


# Samples, order and budget, by a clock of our own


def test_functions_take_turns_both_ways_after_a_warm_up(track):
    compare({"A": track.runner("A", 0.1), "B": track.runner("B", 0.2)}, device="cpu", budget=100, repeats=3)
    assert "".join(track.order) == "AB" + "ABBAAB"


def test_median_quantiles_and_samples_are_those_of_the_clock(track):
    seconds = [9.0, 0.5, 0.1, 0.3, 0.2, 0.4]  # the first is the warm-up and counts for nothing
    timing = time_call(track.runner("A", seconds), device="cpu", budget=100, repeats=5)
    assert timing.samples == pytest.approx(seconds[1:])
    assert (timing.p20, timing.median, timing.p80) == pytest.approx((0.18, 0.3, 0.42))
    assert timing.repeats == 5
    assert timing.method == "stopwatch, 1 call a sample"


@pytest.mark.parametrize(("budget", "repeats"), [(1.05, 9), (0.35, 2), (0.01, 1), (100, 12)])
def test_a_short_budget_means_fewer_repeats_never_none(track, budget, repeats):
    timing = time_call(track.runner("A", 0.1), device="cpu", budget=budget, repeats=12)
    assert timing.repeats == repeats
    assert len(track.order) == repeats + 1
    assert f"{repeats} repeat" in str(timing)


def test_at_most_twenty_samples_are_kept_evenly(track):
    timing = time_call(track.runner("A", [1.0, *map(float, range(1, 51))]), device="cpu", budget=1e4, repeats=50)
    assert timing.repeats == 50
    assert timing.samples == pytest.approx([1.0 + 3 * k for k in range(17)])


def test_the_ratio_and_its_spread(track):
    slow, fast = track.runner("slow", [1, 1.0, 2.0, 3.0]), track.runner("fast", [1, 0.1, 0.2, 0.3])
    times = compare({"slow": slow, "fast": fast}, device="cpu", budget=100, repeats=3)
    ratio = times.ratio("slow", "fast")
    assert ratio.median == pytest.approx(10)
    assert (ratio.p20, ratio.p80) == pytest.approx((1.4 / 0.26, 2.6 / 0.14))
    assert str(ratio) == "10.0 × (5.4 to 18.6, only 3 repeats: too few to trust)"
    with pytest.raises(ValueError, match="label='slwo' is unknown; it is one of 'slow', 'fast'. Did you mean 'slow'"):
        times.ratio("slwo", "fast")


# Out of memory


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=repr)
def test_out_of_memory_is_a_result(track, error):
    times = compare({"big": track.failing("big", error), "small": track.runner("small", 0.1)}, device="cpu", repeats=2)
    assert times["big"].out_of_memory
    assert math.isnan(times["big"].median)
    assert (times["big"].repeats, times["big"].samples) == (0, ())
    assert str(times["big"]).startswith("out of memory (")
    assert times["small"].repeats == 2
    assert track.order.count("big") == 1  # not tried again
    assert math.isnan(times.ratio("big", "small").median)
    assert "out of memory" in str(times.ratio("big", "small"))


def test_out_of_memory_halfway_leaves_no_half_result(track):
    timing = time_call(track.failing("A", MemoryError(), after=3), device="cpu", budget=100)
    assert timing.out_of_memory
    assert timing.samples == ()


def test_other_errors_are_not_swallowed(track):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        time_call(track.failing("A", RuntimeError("shapes cannot be multiplied")), device="cpu")


def test_a_real_allocation_that_cannot_be():
    assert time_call(torch.empty, 2**60, device="cpu").out_of_memory


# Sweeps


def test_a_sweep_goes_on_after_out_of_memory(track):
    made, seen = [], []

    def make(size):
        made.append(size)
        if size == 4:
            raise MemoryError
        big = track.failing("big", MemoryError()) if size == 2 else track.runner("big", 0.1)
        return {"big": big, "small": track.runner("small", 0.1)}

    points = sweep(make, (n for n in (1, 2, 4, 8)), device="cpu", repeats=2, after=lambda *point: seen.append(point))
    assert made == list(points) == [1, 2, 4, 8]
    assert seen == list(points.items())
    lost = {size: [label for label, timing in point.items() if timing.out_of_memory] for size, point in points.items()}
    assert lost == {1: [], 2: ["big"], 4: ["big", "small"], 8: []}


def test_a_sweep_keeps_to_its_budget_and_passes_on_what_is_left(track):
    points = sweep(lambda size: {"A": track.runner("A", size)}, [0.1, 1.0], device="cpu", budget=10, repeats=10)
    assert points[0.1]["A"].repeats == 10  # 1.1 s of its 5 s
    assert points[1.0]["A"].repeats == 7  # 8.9 s left: a warm-up and seven
    assert track.now <= 10
    late = sweep(lambda size: {"A": track.runner("A", size)}, [5.0, 5.0001], device="cpu", budget=1)
    assert [point["A"].repeats for point in late.values()] == [1, 1]


def test_a_sweep_holds_one_point_at_a_time():
    alive, most = set(), []

    class Inputs:
        def __init__(self):
            alive.add(id(self))
            most.append(len(alive))

        def __del__(self):
            alive.discard(id(self))

    def make(size):
        inputs = Inputs()
        return {"A": lambda: inputs}

    sweep(make, [1, 2, 3], device="cpu", budget=0.3, repeats=1)
    assert max(most) == 1


# Real calls: structure only


def test_a_real_timing():
    left = torch.randn(64, 64)
    timing = time_call(torch.matmul, left, left, budget=0.2, repeats=10)
    assert 0 < timing.p20 <= timing.median <= timing.p80
    assert 1 <= timing.repeats <= 10
    assert len(timing.samples) == timing.repeats
    assert (timing.label, timing.device, timing.dtype) == ("matmul", "cpu", "float32")
    assert timing.shapes == ((64, 64), (64, 64))
    assert timing.method.startswith(("torch Timer, ", "stopwatch, "))  # the second on a machine that is very busy
    assert f", {torch.get_num_threads()} CPU thread" in str(timing)
    with pytest.raises(FrozenInstanceError):
        timing.median = 0.0


def test_it_reads_as_people_write_it():
    timing = Timing("f", 3.412e-3, 3.3e-3, 3.62e-3, 40, "cpu", None, (), 2, "by hand", ())
    assert str(timing) == "3.41 ms (3.30 to 3.62, 40 repeats, 2 CPU threads)"
    one = Timing("f", 3.412, 3.3, 3.62, 1, "cuda:0", None, (), 1, "by hand", ())
    assert str(one) == "3.41 s (3.30 to 3.62, only 1 repeat: too few to trust, on cuda:0)"


def test_the_thread_count_holds_during_and_is_restored_after():
    before, seen = torch.get_num_threads(), set()
    wanted = before % 2 + 1  # 1 or 2, and another than now
    timing = time_call(lambda: seen.add(torch.get_num_threads()), device="cpu", threads=wanted, budget=0.1, repeats=2)
    assert (seen, timing.threads, torch.get_num_threads()) == ({wanted}, wanted, before)

    def fail():
        raise KeyError("a student's own mistake")

    with pytest.raises(KeyError):
        time_call(fn=fail, device="cpu", threads=wanted)
    assert torch.get_num_threads() == before


def test_both_stop_watches_agree_on_a_cpu(track):
    assert stopwatch(track.runner("A", 0.25), device="cpu") == 0.25
    assert unsynchronised(track.runner("A", 0.25), device="cpu") == 0.25
    assert len(track.order) == 4  # a warm-up each


def test_importing_it_brings_neither_triton_nor_the_benchmark_package():
    code = "import sys, helpers.measuring.timing; print([m for m in ('triton', 'torch.utils.benchmark') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# A simulated GPU


@pytest.fixture
def gpu(monkeypatch, track):
    """cuda:0 without one: what runs takes 1 ms, and only a synchronisation lets the clock see it."""
    pending = []

    def synchronise(where):
        track.now += sum(pending)
        pending.clear()

    monkeypatch.setattr(module, "choose_device", lambda wanted: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "device", lambda where: nullcontext())
    monkeypatch.setattr(torch.cuda, "synchronize", synchronise)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    return lambda seconds=1e-3: lambda: pending.append(seconds)


def test_a_gpu_shows_the_wrong_stop_watch_wrong(gpu):
    assert unsynchronised(gpu(1e-3)) == 0
    assert stopwatch(gpu(1e-3)) == 1e-3


def test_a_gpu_with_triton_is_timed_by_do_bench(gpu, monkeypatch):
    def do_bench(fn, warmup, rep, return_mode):
        assert return_mode == "median"
        fn()
        return 2.5  # ms

    testing = types.SimpleNamespace(do_bench=do_bench)
    monkeypatch.setitem(sys.modules, "triton", types.SimpleNamespace(testing=testing))
    monkeypatch.setitem(sys.modules, "triton.testing", testing)
    timing = time_call(gpu(), budget=1, repeats=3)
    assert (timing.median, timing.repeats, timing.device) == (2.5e-3, 3, "cuda:0")
    assert "do_bench" in timing.method
    assert "only 3 repeats: too few to trust, on cuda:0" in str(timing)
    assert "stopwatch" in time_call(gpu(0.5), budget=1).method  # too long for do_bench's extra calls


def test_a_gpu_without_triton_is_timed_by_torch(gpu, monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.setitem(sys.modules, "triton.testing", None)
    assert "torch Timer" in time_call(gpu(), budget=1, repeats=2).method


# Memory


def test_peak_memory_sees_a_known_allocation():
    assert 64 * MIB <= peak_memory(torch.empty, 16 * MIB, device="cpu") <= 65 * MIB


def test_peak_memory_counts_what_is_alive_at_once():
    def one_after_the_other():
        for _ in range(4):
            torch.empty(4 * MIB)

    def all_at_once():
        return [torch.empty(4 * MIB) for _ in range(4)]

    assert 16 * MIB <= peak_memory(one_after_the_other, device="cpu") <= 33 * MIB
    assert 64 * MIB <= peak_memory(all_at_once, device="cpu") <= 65 * MIB


def test_peak_memory_does_not_count_the_inputs():
    inputs = torch.ones(16 * MIB)
    assert peak_memory(torch.sum, inputs) < MIB
    assert 64 * MIB <= peak_memory(torch.exp, inputs) <= 65 * MIB


def test_peak_memory_that_is_not_there_is_infinite():
    assert peak_memory(torch.empty, 2**60, device="cpu") == math.inf


def test_peak_memory_writes_nothing_into_the_notebook():
    code = "import torch; from helpers.measuring.timing import peak_memory; print(peak_memory(torch.empty, 2**20, device='cpu'))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (str(4 * MIB), "")


# Bad input


@pytest.mark.parametrize("timer", [time_call, stopwatch, unsynchronised, peak_memory, lambda f: compare({"A": f})])
def test_a_result_given_for_a_function(timer):
    with pytest.raises(
        TypeError, match=r"needs a function; given a tensor of shape \(2, 3\)\. Pass the function itself"
    ):
        timer(torch.ones(2, 3))


@pytest.mark.parametrize("functions", [{}, [len], None, len])
def test_compare_needs_labelled_functions(functions):
    with pytest.raises(TypeError, match="compare takes a dict of labelled functions"):
        compare(functions)


@pytest.mark.parametrize(
    ("option", "value"),
    [("budget", v) for v in (-1, 0, math.nan, math.inf, "2", None, True)]
    + [(name, v) for name in ("threads", "repeats") for v in (0, -3, 1.5, "2", True)],
)
def test_impossible_options(option, value):
    with pytest.raises((ValueError, TypeError), match=rf"^{option}( is |=){value!r}( was given|; give)"):
        time_call(len, (), device="cpu", **{option: value})


def test_a_sweep_of_nothing():
    with pytest.raises(ValueError, match="no values"):
        sweep(lambda size: {"A": len}, [])
    with pytest.raises(TypeError, match="sweep needs a function"):
        sweep({"A": len}, [1])
    with pytest.raises(ValueError, match="budget is -1"):
        sweep(lambda size: {"A": len}, [1], budget=-1)
    with pytest.raises(TypeError, match="dict of labelled functions"):
        sweep(lambda size: len, [1], device="cpu")


def test_a_device_that_is_not_here():
    with pytest.raises(ValueError, match="'mps' was asked for; give 'cpu' or 'cuda'"):
        time_call(len, (), device="mps")


# A real GPU


@needs_gpu
def test_a_real_gpu():
    left = torch.randn(1024, 1024, device="cuda")
    timing = time_call(torch.matmul, left, left)
    assert timing.device == "cuda:0"
    assert 0 < timing.p20 <= timing.median <= timing.p80
    assert time_call(lambda: torch.empty(2**44, device="cuda")).out_of_memory
    assert 64 * MIB <= peak_memory(torch.empty_like, torch.empty(16 * MIB, device="cuda")) <= 66 * MIB
    big = torch.randn(8192, 8192, device="cuda")
    assert unsynchronised(torch.matmul, big, big) < stopwatch(torch.matmul, big, big)
