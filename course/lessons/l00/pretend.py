"""Two stand-ins for a GPU, seen as Python sees one: work is handed over, the call returns, the device works later.

Both have clock(), launch(work), idle() and synchronise(). Neither computes anything for a lesson; they are here so that
a stop-watch can be seen to fail on a machine without a GPU, and so that a check can know the truth.
"""

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor


class QueueGPU:
    """A queue with one worker thread, and the real clock (seconds). What it is handed really runs, a little later.

    >>> gpu, results = QueueGPU(), []
    >>> gpu.launch(lambda: results.append(2 + 2)); gpu.synchronise(); results
    [4]
    """

    def __init__(self):
        self._worker, self._last = ThreadPoolExecutor(max_workers=1), None

    def clock(self) -> float:
        """The time in seconds."""
        return time.perf_counter()

    def launch(self, work: Callable[[], object]) -> None:
        """Hand over a function of nothing; returns at once."""
        self._last = self._worker.submit(work)

    def idle(self) -> bool:
        """Whether all work is done."""
        return self._last is None or self._last.done()

    def synchronise(self) -> None:
        """Wait until all work is done."""
        if self._last is not None:
            self._last.result()


class ClockworkGPU:
    """Two clocks and no work at all: it only keeps the books of a GPU, in microseconds of its own time.

    A launch keeps Python busy for `launch`, a look whether the device is idle for LOOK; the device then takes about
    `job`, one work after the other. As on a real one, the first run of a work may take longer (`compile`), some runs
    may be held up (by `hiccup`: the runs `held_up`, counted from 0, or else the second and every seventh from there),
    times may vary by the share `wobble`, and work of somebody else may be in the queue (`busy`). Equal calls give equal
    times everywhere.

    runs: (start, end) of each run on the device. readings: (runs launched so far, whether the device was idle) at each
    look at the clock.

    >>> gpu = ClockworkGPU(job=120, launch=10)
    >>> gpu.launch("product"); gpu.clock()
    10
    >>> gpu.synchronise(); gpu.clock()
    130.0
    """

    LOOK = 1
    _PATTERN = (0.0, 0.7, -1.0, 0.3, -0.3, 1.0, -0.7)

    def __init__(
        self,
        job: float = 120,
        launch: float = 10,
        compile: float = 0,
        hiccup: float = 0,
        busy: float = 0,
        wobble: float = 0.0,
        held_up: Collection[int] | None = None,
    ):
        self._job, self._launch, self._compile, self._hiccup = job, launch, compile, hiccup
        self._wobble, self._held_up = wobble, held_up
        self._now, self._free = 0, busy
        self._compiled = set()
        self.runs: list[tuple[float, float]] = []
        self.readings: list[tuple[int, bool]] = []

    def clock(self) -> float:
        """Python's time in microseconds."""
        self.readings.append((len(self.runs), self._is_idle()))
        return self._now

    def launch(self, work: object) -> None:
        """Hand over `work`, by its name or as a function, which is not called; returns after the launch time."""
        self._now += self._launch
        number = len(self.runs)
        takes = self._job * (1 + self._wobble * self._PATTERN[number % len(self._PATTERN)])
        if work not in self._compiled:
            self._compiled.add(work)
            takes += self._compile
        if number % 7 == 1 if self._held_up is None else number in self._held_up:
            takes += self._hiccup
        start = max(self._now, self._free)
        self._free = start + takes
        self.runs.append((start, self._free))

    def idle(self) -> bool:
        """Whether all work is done. To look takes time, so that a loop of looks comes to an end."""
        self._now += self.LOOK
        return self._is_idle()

    def _is_idle(self):
        return self._now >= self._free

    def synchronise(self) -> None:
        """Wait until all work is done."""
        self._now = max(self._now, self._free)
