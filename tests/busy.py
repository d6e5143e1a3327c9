"""How much longer what is timed takes on a busy CPU, beside one endless loop of Python: a part of tests/bench.py.

Half a machine is a factor of 2 on two cores. Threads that wait for each other make it 45, unless they soon sleep:
helpers.openmp. The machine must be quiet but for the loop; each row says whether it was.
"""

import subprocess
import sys
import time
from contextlib import contextmanager

from lessons.execution import executed
from stored import NOTEBOOKS

from helpers import device  # not torch: the course has to come before it, and say how long threads spin
from helpers.measuring.bench import point
from helpers.measuring.contests import CONTESTS
from helpers.measuring.load import Watch

MOST = 3.0  # times the quiet time
BUDGET = 2.0  # s for all functions of a point
SHORT = 0.05  # s; a shorter cell is not looked at
CPU = device("cpu")


@contextmanager
def one_core_busy():
    """An endless loop in another process."""
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        yield
    finally:
        loop.kill()
        loop.wait()


def rows(lesson=None):
    """The rows of the table, as they are measured: every contest, then every cell with a time of each lesson."""
    if lesson is None:
        for contest in CONTESTS["cpu"].values():
            for T in contest.lengths if contest.unit == "s" else ():
                yield from contest_rows(contest, T)
    for stored in NOTEBOOKS:
        if lesson in (None, stored.lesson):
            yield from cell_rows(stored)


def contest_rows(contest, T):
    """A row for each function of the contest that runs here."""
    watch = Watch()
    quiet = point(contest, T, CPU, BUDGET)
    note = _note(watch)
    with one_core_busy():
        busy = point(contest, T, CPU, BUDGET)
    for label, result in quiet.items():
        if "median" in result:  # else a peer that is not installed
            yield row(f"{contest.name}, T = {T}: {label}", result["median"], busy[label]["median"], note)


def cell_rows(stored):
    """A row for each cell whose output is a time."""
    quiet, others = _cells(stored)
    note = f" (not quiet: {others})" if others else ""
    with one_core_busy():
        busy, _ = _cells(stored)
    for name, seconds in quiet.items():
        if seconds > SHORT:
            yield row(f"lesson {stored.lesson}: {name}", seconds, busy[name], note)


def _cells(stored):
    """({id of a cell whose output is a time: its seconds}, what others did: the kernel says it, to us it is another)"""
    executed.cache_clear()
    notebook, _, report = executed(stored)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    seconds = zip(code, report["cells"], strict=False)  # the cell that tells is among them
    timed = {cell.id: time for cell, time in seconds if "nbval-ignore-output" in cell.metadata.get("tags", [])}
    return timed, report["busy"]


def row(what, quiet, busy, note=""):
    """ "lstm, T = 64: torch     1.2 ms quiet    2.3 ms busy   1.9 ×  reached"."""
    verdict = "reached" if busy <= MOST * quiet else "missed"
    times = f"{quiet * 1e3:>9.1f} ms quiet {busy * 1e3:>9.1f} ms busy {busy / quiet:>6.1f} ×"
    return f"{what:56}{times}  {verdict}{note}"


def _note(watch):
    load = watch.load()
    return f" (not quiet: {load})" if load and load.crowds(load.cores) else ""
