"""What other programs did while something was timed: on a busy machine, times say more of them than of the function."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

SHORTEST = 0.1  # s; the system counts in ticks of 10 ms, which say nothing of a shorter time
LOOK = 0.2  # s
SOME = 0.25  # of a core: what an idle system does besides


@dataclass(frozen=True)
class Load:
    """others: how many cores other programs kept busy, on average; cores: how many this process may use."""

    others: float
    cores: int

    def crowds(self, threads: int) -> bool:
        """Whether there were too few cores for the others and for so many threads of ours.

        >>> Load(others=1.0, cores=2).crowds(threads=2), Load(others=1.0, cores=2).crowds(threads=1)
        (True, False)
        """
        return self.others > SOME and self.others + threads > self.cores + SOME

    def __str__(self):
        return f"other programs used {self.others:.1f} of {self.cores} cores"


class Watch:
    """From its making to each `load()`: the time that all programs, and that this one, spent computing.

    Linux tells how long each core was busy; elsewhere psutil does, which every notebook's kernel has. A GPU's load by
    others is not seen.
    """

    def __init__(self):
        self.cores, self.start = _cores(), _snapshot()

    def load(self) -> Load | None:
        """None where the system does not tell, or where too little time has passed."""
        now = _snapshot()
        if now is None or self.start is None:
            return None
        seconds, busy, own = (after - before for before, after in zip(self.start, now, strict=True))
        if seconds < SHORTEST:
            return None
        return Load(others=min(max(0.0, (busy - own) / seconds), self.cores), cores=self.cores)


def free_cores() -> int:
    """How many cores other programs leave to this one, at least one: watched for a fifth of a second.

    >>> free_cores() >= 1
    True
    """
    watch = Watch()
    time.sleep(LOOK)
    load = watch.load()
    return max(1, watch.cores - round(load.others if load else 0.0))


def _snapshot():
    """(seconds on the clock, busy seconds of all our cores together, CPU seconds of this process), or None."""
    busy = _busy()
    return None if busy is None else (time.perf_counter(), busy, time.process_time())


def _busy():
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return _busy_by_psutil()
    ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    for name, *fields in map(str.split, lines):
        if name in ours:
            user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, fields[:8])
            ticks += user + nice + system + interrupts + soft + stolen
    return ticks / os.sysconf("SC_CLK_TCK")


def _busy_by_psutil():
    try:
        import psutil  # not a dependency of helpers: without a notebook it may be missing
    except ImportError:
        return None
    times = psutil.cpu_times()
    return times.user + times.system + getattr(times, "nice", 0.0)  # Windows has no nice


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
