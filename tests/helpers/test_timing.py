"""helpers.measuring.timing: order, counts and errors. No test asserts how fast anything is."""

import math
import subprocess
import sys
import types
from contextlib import nullcontext
from dataclasses import FrozenInstanceError

import pytest
import torch

from helpers.measuring import calls, load
from helpers.measuring import timing as module
from helpers.measuring.load import Load
from helpers.measuring.timing import Timing, busy_sentence, compare, stopwatch, sweep, time_call, unsynchronised


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
    sizes, seen = [], []

    def make(size):
        sizes.append(size)
        if size == 4:
            raise MemoryError
        big = track.failing("big", MemoryError()) if size == 2 else track.runner("big", 0.1)
        return {"big": big, "small": track.runner("small", 0.1)}

    points = sweep(make, (n for n in (1, 2, 4, 8)), device="cpu", repeats=2, after=lambda *point: seen.append(point))
    assert sizes == list(points) == [1, 2, 4, 8]
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
    timing = Timing("f", 3.412e-3, 3.3e-3, 3.62e-3, 40, "cpu", threads=2)
    assert str(timing) == "3.41 ms (3.30 to 3.62, 40 repeats, 2 CPU threads)"
    one = Timing("f", 3.412, 3.3, 3.62, 1, "cuda:0", threads=1)
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

    monkeypatch.setattr(calls, "choose_device", lambda wanted: torch.device("cuda", 0))
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


# A busy machine


@pytest.fixture
def programs(monkeypatch, track):
    """A machine with two cores, on which other programs use programs["others"] of them and this process one."""
    programs = {"others": 0.0}

    def snapshot():
        return track.now, track.now * (1 + programs["others"]), track.now

    monkeypatch.setattr(load, "_snapshot", snapshot)
    monkeypatch.setattr(load, "_cores", lambda: 2)
    return programs


def test_a_timing_says_that_other_programs_took_the_cores(track, programs):
    timings = []
    for programs["others"] in (0.0, 1.1):
        timings.append(time_call(track.runner("A", 0.1), device="cpu", threads=2, budget=100, repeats=5))
    quiet, busy = timings
    assert str(quiet) == "100 ms (100 to 100, 5 repeats, 2 CPU threads)"
    assert str(busy) == (
        "100 ms (100 to 100, 5 repeats, 2 CPU threads, on a busy machine: other programs used 1.1 of 2 cores)"
    )
    assert busy_sentence(timings) == (
        "The machine was busy: other programs used 1.1 of 2 cores. Run the cell again when it is quiet."
    )
    assert busy_sentence([quiet]) == ""


@pytest.mark.parametrize(
    ("others", "threads", "device", "crowded"),
    [
        (1.0, 1, "cpu", False),  # a core for each
        (1.1, 1, "cpu", False),
        (1.3, 1, "cpu", True),
        (0.2, 2, "cpu", False),  # an idle system's own work
        (0.3, 2, "cpu", True),
        (1.0, 2, "cuda:0", False),  # a GPU's work is started by one thread
    ],
)
def test_a_machine_is_busy_where_the_cores_did_not_suffice_for_all(others, threads, device, crowded):
    timing = Timing("f", 1.0, 1.0, 1.0, 9, device, threads=threads, load=Load(others, cores=2))
    assert timing.crowded is crowded


@pytest.mark.parametrize(("others", "count"), [(0.0, 4), (0.4, 4), (0.6, 3), (1.6, 2), (3.9, 1), (9.0, 1)])
def test_there_are_no_more_threads_than_cores_left(track, monkeypatch, one_thread, others, count):
    watched = [0.0]
    monkeypatch.setattr(load, "_snapshot", lambda: (watched[0], watched[0] * others, 0.0))
    monkeypatch.setattr(load, "_cores", lambda: 4)
    monkeypatch.setattr(load.time, "sleep", lambda seconds: watched.__setitem__(0, watched[0] + seconds))
    torch.set_num_threads(4)
    seen = []
    timing = time_call(lambda: seen.append(torch.get_num_threads()), device="cpu", budget=0.01, repeats=1)
    assert set(seen) == {count}
    assert (timing.threads, timing.spared) == (count, 4 - count)
    assert ("and not 4" in str(timing)) == (count < 4)
    assert torch.get_num_threads() == 4
    assert time_call(int, device="cpu", threads=3, budget=0.01, repeats=1).threads == 3, "whoever says a number gets it"


def test_a_sweep_looks_once_and_its_points_have_equally_many_threads(monkeypatch, one_thread):
    free = iter([1, 2, 2])
    monkeypatch.setattr(module, "free_cores", lambda: next(free))
    torch.set_num_threads(2)
    points = sweep(lambda n: {"ones": lambda: torch.ones(n)}, [1, 2, 3], device="cpu", budget=0.1)
    timings = [point["ones"] for point in points.values()]
    assert [timing.threads for timing in timings] == [1, 1, 1]
    assert busy_sentence(timings) == (
        "The machine was busy: these are times of 1 CPU thread and not 2. Run the cell again when it is quiet."
    )
    assert next(free) == 2


def test_nothing_is_said_of_a_load_that_is_not_known(track, programs, monkeypatch):
    programs["others"] = 1.0
    assert time_call(track.runner("A", 0.001), device="cpu", repeats=1).load is None, "too short for the ticks"
    monkeypatch.setattr(load, "_snapshot", lambda: None)
    timing = time_call(track.runner("A", 1.0), device="cpu", threads=2)
    assert timing.load is None
    assert not timing.crowded


def test_a_real_load_is_a_number_of_cores():
    watch = load.Watch()
    watch.start = (watch.start[0] - 1.0, *watch.start[1:])  # as if it had begun a second ago
    assert 0 <= watch.load().others <= watch.load().cores


def test_without_proc_and_psutil_the_load_is_not_known(monkeypatch):
    class Missing:
        def __init__(self, path):
            pass

        def read_text(self):
            raise FileNotFoundError

    monkeypatch.setattr(load, "Path", Missing)
    assert load._snapshot() is not None, "psutil comes with every notebook's kernel"
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert load._snapshot() is None


# Bad input


@pytest.mark.parametrize("timer", [time_call, stopwatch, unsynchronised, lambda f: compare({"A": f})])
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


@pytest.mark.gpu
def test_a_real_gpu():
    left = torch.randn(1024, 1024, device="cuda")
    timing = time_call(torch.matmul, left, left)
    assert timing.device == "cuda:0"
    assert 0 < timing.p20 <= timing.median <= timing.p80
    assert time_call(lambda: torch.empty(2**44, device="cuda")).out_of_memory


@pytest.mark.gpu
def test_the_wrong_stop_watch_stops_before_a_gpu_is_done():
    big = torch.randn(8192, 8192, device="cuda")
    event = torch.cuda.Event()

    def multiply_and_look():
        torch.matmul(big, big)
        event.record()
        return event.query()  # whether the GPU has done it already

    assert not multiply_and_look()
    assert stopwatch(multiply_and_look) > 0
    assert event.query(), "the right one waits"
