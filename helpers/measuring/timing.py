"""Times that can be trusted: a thin wrapper over triton's do_bench and torch's own Timer.

Every function is warmed up first, every clock waits for the device, and the CPU's thread count is fixed. Functions that
are compared take turns (A B B A …): a machine that slows down slows all of them, and no function always follows the
same neighbour, which leaves its memory behind. A time is a median with its 20 and 80 % quantiles. A function that needs
more memory than there is gives a result that says so, not a crash.

Where other programs use cores there are no more threads than cores left, since threads that share a core wait for each
other: beside one endless loop an LSTM took 4.3 times its quiet time on both of two cores, and 1.5 times on one. (A call
of half a millisecond, whose numbers fit into the caches of two cores and not of one, lost more: 3 to 5 times.)

Which clock: a call of 20 ms or more is timed alone, by `stopwatch`: the extra calls that the other two make would cost
more than they tell. A shorter one: triton.testing.do_bench on a GPU (flushes the L2 cache before each call); on a CPU,
or without triton, torch.utils.benchmark.Timer (flushes nothing: what fits in a cache stays there). `Timing.method`
says which.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import NamedTuple

import torch

from ..arguments import require_sizes, require_word
from .calls import Attempts, described, place_of, require_callable, synchronise
from .load import Load, Watch, free_cores
from .quantity import Quantity, readable, repeated

LONG = 0.02  # s: from here on a call is timed alone
BLOCK = 0.005  # s: shorter CPU calls are repeated to fill this, well above the clock's own 0.1 µs
STORED = 20  # raw samples stored with a Timing, as in the course's recordings

_clock = time.perf_counter


@dataclass(frozen=True)
class Timing:
    """One function's time in seconds: median, 20 and 80 % quantile of `repeats` samples.

    samples: at most 20 of them, evenly spread, in the order taken. dtype and shapes: of the tensors among the arguments
    (dtype: the first floating one). Out of memory: out_of_memory is True, repeats is 0, the times are NaN. load: what
    other programs did meanwhile, None where that is not known. spared: so many threads fewer than torch had, since
    other programs used the cores.

    >>> print(Timing("f", median=3.412e-3, p20=3.3e-3, p80=3.62e-3, repeats=40, device="cpu", threads=2))
    3.41 ms (3.30 to 3.62, 40 repeats, 2 CPU threads)
    """

    label: str
    median: float
    p20: float
    p80: float
    repeats: int
    device: str
    threads: int
    dtype: str | None = None
    shapes: tuple[tuple[int, ...], ...] = ()
    method: str = "none"
    samples: tuple[float, ...] = ()
    out_of_memory: bool = False
    load: Load | None = None
    spared: int = 0

    @property
    def crowded(self) -> bool:
        """Whether other programs took cores that this function could have used."""
        threads = self.threads if self.device == "cpu" else 1
        return self.load is not None and self.load.crowds(threads)

    def __str__(self):
        notes = [] if self.out_of_memory else [repeated(self.repeats)]
        notes.append(self._threads() if self.device == "cpu" else f"on {self.device}")
        if self.crowded:
            notes.append(f"on a busy machine: {self.load}")
        return readable(self.median, self.p20, self.p80, "s", ", ".join(notes))

    def _threads(self):
        threads = f"{self.threads} CPU thread{'s' * (self.threads != 1)}"
        return f"{threads} and not {self.threads + self.spared}" if self.spared else threads


class Comparison(dict):
    """Timings by label, taken in turns; shown with a line for each."""

    def __repr__(self):
        return "\n".join(f"{label}: {timing}" for label, timing in self.items())

    def ratio(self, a: str, b: str) -> Quantity:
        """How many times as long `a` took as `b`: the ratio of the medians, as a `Quantity` in "×".

        Its spread, p20 to p80, is wider than a quantile: each end takes both times at their less favourable quantile.
        NaN if one of them ran out of memory. Raises ValueError for a label that is not here.
        """
        slow, fast = (self[require_word("label", label, list(self))] for label in (a, b))
        return Quantity(
            median=slow.median / fast.median,
            p20=slow.p20 / fast.p80,
            p80=slow.p80 / fast.p20,
            unit="×",
            repeats=min(slow.repeats, fast.repeats),
            of=f"{a} / {b}",
        )


def busy_sentence(timings: Iterable[Timing]) -> str:
    """What a figure of these timings has to say if the machine was busy while they were taken; "" if it was not.

    >>> busy_sentence([Timing("f", 1e-3, 1e-3, 1e-3, 40, "cpu", threads=2, load=Load(others=1.02, cores=2))])
    'The machine was busy: other programs used 1.0 of 2 cores. Run the cell again when it is quiet.'
    """
    timings = list(timings)
    loads = [timing.load for timing in timings if timing.crowded]
    spared = next((timing for timing in timings if timing.spared), None)
    if loads:
        reason = max(loads, key=lambda load: load.others)
    elif spared:
        reason = f"these are times of {spared._threads()}"
    else:
        return ""
    return f"The machine was busy: {reason}. Run the cell again when it is quiet."


def time_call(
    fn: Callable,
    *args,
    label: str | None = None,
    device: str | torch.device | None = None,
    threads: int | None = None,
    budget: float = 1.0,
    repeats: int = 40,
) -> Timing:
    """Time fn(*args); returns a `Timing`. The options and errors are those of `compare`.

    >>> timing = time_call(torch.add, torch.ones(3), 1, budget=0.1)
    >>> timing.label, timing.shapes
    ('add', ((3,),))
    """
    require_callable("time_call", fn)
    label = label or getattr(fn, "__name__", type(fn).__name__)
    return compare({label: fn}, *args, device=device, threads=threads, budget=budget, repeats=repeats)[label]


def compare(
    functions: Mapping[str, Callable],
    *args,
    device: str | torch.device | None = None,
    threads: int | None = None,
    budget: float = 2.0,
    repeats: int = 40,
) -> Comparison:
    """Time several functions of the same arguments, taking turns; returns a `Comparison` (label → `Timing`).

    functions: {label: function}; each is called as function(*args). Gradients are not cleared, inputs not copied.
        Of two of them, compare(…).ratio("a", "b") says how many times as long the first takes.
    device: where the work runs; by default where the first tensor among args is, else `helpers.device()`: functions
        that close over CPU tensors on a machine with a GPU need device="cpu".
    threads: CPU threads of torch, restored afterwards; by default as many as now, or fewer: as other programs leave
        cores when it begins. Each Timing says so.
    budget: seconds for all of it. When it runs short there are fewer repeats, and each Timing says how many. At least
        two calls of each function are made, the warm-up and one sample.
    repeats: at most so many samples of each function.
    Raises TypeError for what cannot be called or counted, ValueError for a budget, repeats, threads or device that
    cannot be.

    >>> times = compare({"sum": torch.sum, "max": torch.max}, torch.ones(1000), budget=0.1)
    >>> list(times), times.ratio("sum", "max").unit
    (['sum', 'max'], '×')
    """
    budget = _seconds(budget)
    place = place_of(device, args)
    return _compared(functions, args, place, _threads(threads, place), budget, repeats)


def _compared(functions, args, place, threads, budget, repeats):
    if not isinstance(functions, Mapping) or not functions:
        raise TypeError(f"compare takes a dict of labelled functions, {{'rnn': f}}; given {described(functions)}.")
    for fn in functions.values():
        require_callable("compare", fn)
    (repeats,) = require_sizes(repeats=repeats)
    runners = {label: _Runner(partial(fn, *args), place, threads) for label, fn in functions.items()}
    watch = Watch()
    with _settings(place, threads.count):
        _take_turns(list(runners.values()), budget, repeats)
    load = watch.load()
    return Comparison({label: runner.timing(str(label), args, load) for label, runner in runners.items()})


class _Threads(NamedTuple):
    """How many threads torch has while something is timed, and how many fewer than before."""

    count: int
    spared: int = 0


def _threads(asked, place):
    """As many as were asked for, else as torch has and other programs leave cores."""
    if asked is not None:
        return _Threads(*require_sizes(threads=asked))
    usual = torch.get_num_threads()
    if place.type != "cpu" or usual == 1:
        return _Threads(usual)
    count = min(usual, free_cores())
    return _Threads(count, spared=usual - count)


def _take_turns(runners, budget, repeats):
    start = _clock()
    for runner in runners:
        runner.attempt(runner.call)  # warm-up: compiling, tuning and first allocations are not the subject
    for _ in range(repeats):
        begin = _clock()
        for runner in runners:
            runner.attempt(runner.sample)
        runners.reverse()
        now = _clock()
        if now - start + (now - begin) > budget:  # another round like this one would not fit
            break


def sweep(
    make: Callable,
    values: Iterable,
    *,
    device: str | torch.device | None = None,
    threads: int | None = None,
    budget: float = 20.0,
    repeats: int = 40,
    after: Callable | None = None,
) -> dict:
    """A `compare` at every value of a parameter; returns {value: Comparison}.

    make(value) returns {label: function}, and makes the tensors that they use, so that each point holds only its own.
    A function, or a make, that runs out of memory is recorded so and the sweep goes on. What a point leaves of its
    share of `budget` (s) goes to the later ones; a point costs two calls of each function at least. Linux may end a
    process that takes nearly all memory before torch can say so: stay below half of it on a CPU.
    after(value, comparison) is called after each point, to show progress.

    Raises TypeError and ValueError as `compare` does.

    >>> points = sweep(lambda n: {"ones": lambda: torch.ones(n)}, [10, 100], device="cpu", budget=0.2)
    >>> {n: list(times) for n, times in points.items()}
    {10: ['ones'], 100: ['ones']}
    """
    require_callable("sweep", make)
    budget = _seconds(budget)
    values, points, labels, place = list(values), {}, ("make",), place_of(device, ())
    if not values:
        raise ValueError("sweep has no values to go through; give at least one, as in sweep(make, [64, 128]).")
    threads, start = _threads(threads, place), _clock()  # one number for all points: they stand in one figure
    for index, value in enumerate(values):
        share = max((budget - (_clock() - start)) / (len(values) - index), 1e-3)
        maker = _Runner(partial(make, value), place, threads)
        functions = maker.attempt(maker.call)
        if maker.out_of_memory:
            points[value] = Comparison({label: maker.timing(label, ()) for label in labels})
        else:
            points[value] = _compared(functions, (), place, threads, share, repeats)
            labels = tuple(points[value])
        del functions, maker  # their tensors go before the next point makes its own
        if after is not None:
            after(value, points[value])
    return points


def stopwatch(fn: Callable, *args, device: str | torch.device | None = None) -> float:
    """Seconds of one fn(*args) after a warm-up, by the right stop-watch: it waits for the device at start and stop.

    Raises TypeError if fn cannot be called, ValueError for a device that is not here.

    >>> stopwatch(torch.ones, 1000, device="cpu") > 0
    True
    """
    require_callable("stopwatch", fn)
    fn(*args)
    return _timed(partial(fn, *args), place_of(device, args))


def unsynchronised(fn: Callable, *args, device: str | torch.device | None = None) -> float:
    """Seconds of one fn(*args) after a warm-up, by the wrong stop-watch: it stops before a GPU has done the work.

    A GPU is handed its work and the call returns; a CPU has done the work when the call returns, so there both agree.
    Raises TypeError if fn cannot be called, ValueError for a device that is not here.

    >>> unsynchronised(torch.ones, 1000, device="cpu") > 0
    True
    """
    require_callable("unsynchronised", fn)
    place = place_of(device, args)
    fn(*args)
    synchronise(place)
    start = _clock()
    fn(*args)
    seconds = _clock() - start
    synchronise(place)  # so that the next measurement does not wait for this one
    return seconds


class _Runner(Attempts):
    """One function in a comparison: its clock, its samples, and whether it ran out of memory."""

    def __init__(self, call, place, threads):
        super().__init__(place)
        self.call, self.threads = call, threads
        self.samples, self.method, self.take = [], "none", None

    def sample(self):
        """Take one more sample; the first one also decides by which clock."""
        if self.take is None:
            first = _timed(self.call, self.place)
            self.method, self.take = self.choose(first)
            if first >= LONG:
                self.samples.append(first)
                return
        self.samples.append(self.take())

    def choose(self, first):
        """(words, function that takes a sample) of the clock for a call that takes `first` seconds."""
        if first >= LONG:
            return "stopwatch, 1 call a sample", partial(_timed, self.call, self.place)
        if self.place.type == "cuda" and (do_bench := _do_bench()):
            bench = partial(do_bench, self.call, warmup=5, rep=10, return_mode="median")
            return "triton do_bench, the median of 10 ms a sample", lambda: bench() / 1e3
        from torch.utils.benchmark import Timer  # here: it takes longer to import than the rest of this module

        calls = max(1, round(BLOCK / max(first, 1e-7)))
        timer = Timer("call()", globals={"call": self.call}, num_threads=self.threads.count)
        return f"torch Timer, {calls} call{'s' * (calls != 1)} a sample", lambda: timer.timeit(calls).median

    def timing(self, label, arguments, load=None):
        """The `Timing` of what was sampled so far."""
        tensors = [argument for argument in arguments if isinstance(argument, torch.Tensor)]
        dtypes = [str(tensor.dtype).removeprefix("torch.") for tensor in tensors if tensor.is_floating_point()]
        samples = [] if self.out_of_memory else self.samples
        levels, numbers = (torch.tensor(row, dtype=torch.float64) for row in ([0.2, 0.5, 0.8], samples or [math.nan]))
        p20, median, p80 = numbers.quantile(levels).tolist()
        return Timing(
            label=label,
            median=median,
            p20=p20,
            p80=p80,
            repeats=len(samples),
            device=str(self.place),
            threads=self.threads.count,
            spared=self.threads.spared,
            dtype=dtypes[0] if dtypes else None,
            shapes=tuple(tuple(tensor.shape) for tensor in tensors),
            method=self.method,
            samples=tuple(samples[:: math.ceil(len(samples) / STORED) or 1]),
            out_of_memory=self.out_of_memory,
            load=load,
        )


def _timed(call, place):
    synchronise(place)
    start = _clock()
    call()
    synchronise(place)
    return _clock() - start


def _do_bench():
    with suppress(Exception):  # absent, or broken in one of its own ways
        from triton.testing import do_bench

        return do_bench


@contextmanager
def _settings(place, threads):
    """One thread count for all, and the GPU asked for as the current one: do_bench and Timer wait for no other."""
    before = torch.get_num_threads()
    with torch.cuda.device(place) if place.type == "cuda" else nullcontext():
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _seconds(budget):
    if isinstance(budget, bool) or not isinstance(budget, Real) or not 0 < budget < math.inf:
        raise ValueError(f"budget is {budget!r}; give the seconds it may take, more than 0, as in budget=2.0.")
    return float(budget)  # a float32 would cost the clock its digits
