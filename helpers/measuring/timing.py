"""Times and memory that can be trusted: a thin wrapper over triton's do_bench and torch's own Timer.

Every function is warmed up first, every clock waits for the device, the CPU's thread count is fixed, and functions that
are compared take turns (A B B A …), so that a machine that slows down slows all of them, and no one always follows the
same neighbour, which leaves its memory behind. A time is a median with its 20 and 80 % quantiles. What does not fit in memory is a result, not a crash.

Which clock: a call of 20 ms or more is timed alone, by `stopwatch`: the extra calls that the other two make would cost
more than they tell. A shorter one: triton.testing.do_bench on a GPU (flushes the L2 cache before each call); on a CPU,
or without triton, torch.utils.benchmark.Timer (flushes nothing: what fits in a cache stays there). `Timing.method`
says which.
"""

import math
import os
import time
from collections.abc import Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial

import torch

from ..arguments import require_sizes, require_word
from .device import Quantity, readable, repeated
from .device import device as choose_device

LONG = 0.02  # s: from here on a call is timed alone
BLOCK = 0.005  # s: shorter CPU calls are repeated to fill this, well above the clock's own 0.1 µs
KEPT = 20  # raw samples kept with a Timing, as in the course's recordings

_clock = time.perf_counter


@dataclass(frozen=True)
class Timing:
    """One function's time in seconds: median, 20 and 80 % quantile of `repeats` samples.

    samples: at most 20 of them, evenly spread, in the order taken. dtype and shapes: of the tensors among the arguments
    (dtype: the first floating one). Out of memory: out_of_memory is True, repeats is 0, the times are NaN.
    """

    label: str
    median: float
    p20: float
    p80: float
    repeats: int
    device: str
    dtype: str | None
    shapes: tuple[tuple[int, ...], ...]
    threads: int
    method: str
    samples: tuple[float, ...]
    out_of_memory: bool = False

    def __str__(self):
        where = f"{self.threads} CPU thread{'s' * (self.threads != 1)}" if self.device == "cpu" else f"on {self.device}"
        repeats = "" if self.out_of_memory else f"{repeated(self.repeats)}, "
        return readable(self.median, self.p20, self.p80, "s", repeats + where)


class Comparison(dict):
    """Timings by label, taken in turns; shown with a line for each."""

    def __repr__(self):
        return "\n".join(f"{label}: {timing}" for label, timing in self.items())

    def ratio(self, a, b):
        """How many times as long `a` took as `b`: the ratio of the medians, as a `Quantity` in "×".

        Its spread, p20 to p80, is wider than a quantile: each end takes both times at their less favourable quantile.
        NaN if one of them ran out of memory. Raises ValueError for a label that is not here.
        """
        top, under = (self[require_word("label", label, list(self))] for label in (a, b))
        low, high = top.p20 / under.p80, top.p80 / under.p20
        return Quantity(top.median / under.median, low, high, "×", min(top.repeats, under.repeats), f"{a} / {b}")


def time_call(fn, *args, label=None, device=None, threads=None, budget=1.0, repeats=40):
    """Time fn(*args); returns a `Timing`. The options are those of `compare`."""
    _require_callable("time_call", fn)
    label = label or getattr(fn, "__name__", type(fn).__name__)
    return compare({label: fn}, *args, device=device, threads=threads, budget=budget, repeats=repeats)[label]


def compare(functions, *args, device=None, threads=None, budget=2.0, repeats=40):
    """Time several functions of the same arguments, taking turns; returns a `Comparison` (label → `Timing`).

    functions: {label: function}; each is called as function(*args), without gradients being cleared or inputs copied.
    Of two of them, compare(…).ratio("a", "b") says how many times as long the first takes.
    device: where the work runs; by default where the first tensor among args is, else `helpers.device()`: functions
        that close over CPU tensors on a machine with a GPU need device="cpu".
    threads: CPU threads of torch, restored afterwards; by default as many as now.
    budget: seconds for all of it. When it runs short there are fewer repeats, and each Timing says how many; below two
        calls of each function, the warm-up and one sample, it does not go.
    repeats: at most so many samples of each function.
    Raises TypeError for what cannot be called or counted, ValueError for a budget, repeats, threads or device that cannot
    be.
    """
    if not isinstance(functions, Mapping) or not functions:
        raise TypeError(f"compare takes a dict of labelled functions, {{'rnn': f}}; given {_given(functions)}.")
    for fn in functions.values():
        _require_callable("compare", fn)
    threads, repeats = require_sizes(threads=torch.get_num_threads() if threads is None else threads, repeats=repeats)
    _require_budget(budget)
    where = _where(device, args)

    runners = {label: _Runner(partial(fn, *args), where, threads) for label, fn in functions.items()}
    start = _clock()
    with _settings(where, threads):
        for runner in runners.values():
            runner.attempt(runner.call)  # warm-up: compiling, tuning and first allocations are not the subject
        turns = list(runners.values())
        for _ in range(repeats):
            begin = _clock()
            for runner in turns:
                runner.attempt(runner.sample)
            turns.reverse()
            now = _clock()
            if now - start + (now - begin) > budget:  # another round like this one would not fit
                break
    return Comparison({label: runner.timing(str(label), args) for label, runner in runners.items()})


def sweep(make, values, *, device=None, threads=None, budget=20.0, repeats=40, after=None):
    """A `compare` at every value of a parameter; returns {value: Comparison}.

    make(value) returns {label: function}, and makes the tensors that they use, so that each point holds only its own.
    A function, or a make, that runs out of memory is recorded so and the sweep goes on. What a point leaves of its
    share of `budget` (s) goes to the later ones; a point costs two calls of each function at least. Linux may end a
    process that takes nearly all memory before torch can say so: keep CPU points below half of it.
    after(value, comparison) is called after each point, to show progress.

    Raises TypeError and ValueError as `compare` does.
    """
    _require_callable("sweep", make)
    _require_budget(budget)
    values, points, labels, start = list(values), {}, ("make",), _clock()
    if not values:
        raise ValueError("sweep has no values to go through; give at least one, as in sweep(make, [64, 128]).")
    for index, value in enumerate(values):
        share = max((budget - (_clock() - start)) / (len(values) - index), 1e-3)
        maker = _Runner(partial(make, value), _where(device, ()), threads or torch.get_num_threads())
        functions = maker.attempt(maker.call)
        if maker.out_of_memory:
            points[value] = Comparison({label: maker.timing(label, ()) for label in labels})
        else:
            points[value] = compare(functions, device=device, threads=threads, budget=share, repeats=repeats)
            labels = tuple(points[value])
        del functions, maker  # their tensors go before the next point makes its own
        if after is not None:
            after(value, points[value])
    return points


def stopwatch(fn, *args, device=None):
    """Seconds of one fn(*args) after a warm-up, by the right stop-watch: it waits for the device at start and stop."""
    _require_callable("stopwatch", fn)
    fn(*args)
    return _timed(partial(fn, *args), _where(device, args))


def unsynchronised(fn, *args, device=None):
    """Seconds of one fn(*args) after a warm-up, by the wrong stop-watch: it stops before a GPU has done the work.

    A GPU is handed its work and the call returns; a CPU has done the work when the call returns, so there both agree.
    """
    _require_callable("unsynchronised", fn)
    where = _where(device, args)
    fn(*args)
    _synchronise(where)
    start = _clock()
    fn(*args)
    seconds = _clock() - start
    _synchronise(where)  # so that the next measurement does not wait for this one
    return seconds


def peak_memory(fn, *args, device=None):
    """Bytes that fn(*args) holds at its worst moment, beyond those held when it began; math.inf if they are not there.

    After a warm-up. Counts what torch allocates, scratch memory inside an operation and the result included: on a GPU
    torch.cuda.max_memory_allocated; on a CPU the highest running sum of the allocations and releases that torch's
    profiler sees in this thread, without what libraries (MKL, oneDNN, NumPy) take for themselves.
    """
    _require_callable("peak_memory", fn)
    where = _where(device, args)
    runner = _Runner(partial(fn, *args), where, torch.get_num_threads())
    runner.attempt(runner.call)
    peak = runner.attempt(partial(_gpu_peak if where.type == "cuda" else _cpu_peak, runner.call, where))
    return math.inf if peak is None else peak


def _gpu_peak(call, where):
    torch.cuda.reset_peak_memory_stats(where)
    before = torch.cuda.memory_allocated(where)
    call()
    return torch.cuda.max_memory_allocated(where) - before


def _cpu_peak(call, where):
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler writes its stages to stderr, into the notebook
    with torch.autograd.profiler.profile(profile_memory=True) as record:
        _result = call()
    held = peak = 0
    for event in sorted(record.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]" and event.device_type() == torch.autograd.DeviceType.CPU:
            held += event.nbytes()
            peak = max(peak, held)
    return peak


class _Runner:
    """One function in a comparison: how it is timed, its samples, and whether it ran out of memory."""

    def __init__(self, call, where, threads):
        self.call, self.where, self.threads = call, where, threads
        self.samples, self.method, self.take, self.out_of_memory = [], "none", None, False

    def attempt(self, action):
        """action(), or None if this runner has run out of memory, now or earlier."""
        if self.out_of_memory:
            return None
        try:
            return action()
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            self.out_of_memory = True
        if self.where.type == "cuda":  # after the except block: until then the error holds the call's tensors
            torch.cuda.empty_cache()
        return None

    def sample(self):
        """Take one more sample; the first look also decides by which clock."""
        if self.take is None:
            first = _timed(self.call, self.where)
            self.method, self.take = self.choose(first)
            if first >= LONG:
                return self.samples.append(first)
        self.samples.append(self.take())

    def choose(self, first):
        if first >= LONG:
            return "stopwatch, 1 call a sample", partial(_timed, self.call, self.where)
        if self.where.type == "cuda" and (do_bench := _do_bench()):
            bench = partial(do_bench, self.call, warmup=5, rep=10, return_mode="median")
            return "triton do_bench, the median of 10 ms a sample", lambda: bench() / 1e3
        from torch.utils.benchmark import Timer  # here: it takes longer to import than the rest of this module

        calls = max(1, round(BLOCK / max(first, 1e-7)))
        timer = Timer("call()", globals={"call": self.call}, num_threads=self.threads)
        return f"torch Timer, {calls} call{'s' * (calls != 1)} a sample", lambda: timer.timeit(calls).median

    def timing(self, label, args):
        tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
        floating = [str(tensor.dtype).removeprefix("torch.") for tensor in tensors if tensor.is_floating_point()]
        samples = [] if self.out_of_memory else self.samples
        levels, numbers = (torch.tensor(row, dtype=torch.float64) for row in ([0.2, 0.5, 0.8], samples or [math.nan]))
        p20, median, p80 = numbers.quantile(levels).tolist()
        kept = tuple(samples[:: math.ceil(len(samples) / KEPT) or 1])
        shapes, dtype = tuple(tuple(tensor.shape) for tensor in tensors), floating[0] if floating else None
        about = (str(self.where), dtype, shapes, self.threads, self.method)
        return Timing(label, median, p20, p80, len(samples), *about, kept, self.out_of_memory)


def _timed(call, where):
    _synchronise(where)
    start = _clock()
    call()
    _synchronise(where)
    return _clock() - start


def _synchronise(where):
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def _do_bench():
    with suppress(Exception):  # absent, or broken in one of its own ways
        from triton.testing import do_bench

        return do_bench


@contextmanager
def _settings(where, threads):
    """One thread count for all, and the GPU asked for as the current one: do_bench and Timer wait for no other."""
    before = torch.get_num_threads()
    with torch.cuda.device(where) if where.type == "cuda" else nullcontext():
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _where(device, args):
    if device is None:
        device = next((arg.device for arg in args if isinstance(arg, torch.Tensor)), None)
    return choose_device(device)


def _is_out_of_memory(error):
    # A CPU's allocator raises a plain RuntimeError: "can't allocate memory" on Linux, "not enough memory" on Windows.
    words = ("not enough memory", "can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )


def _require_callable(who, fn):
    if not callable(fn):
        raise TypeError(f"{who} needs a function; given {_given(fn)}. Pass the function itself: f and x, not f(x).")


def _require_budget(budget):
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 < budget < math.inf:
        raise ValueError(f"budget is {budget!r}; give the seconds it may take, more than 0, as in budget=2.0.")


def _given(thing):
    return f"a tensor of shape {tuple(thing.shape)}" if isinstance(thing, torch.Tensor) else f"{thing!r:.60}"
