"""What is about time, measured and held against its limit: python tests/bench.py (make bench).

The course: the import of course and helpers, each lesson, and each explorable's slowest control. The kernels: each
beside its peers, as `python -m helpers.bench` has it. Nothing here is a test: on a busy machine all of it is slower,
and the table says so. --part busy: how much slower, beside one endless loop of Python.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stored import NOTEBOOKS, ROOT

sys.path.insert(0, str(ROOT))  # before this folder, which has a helpers and a course of its own

import busy
from lessons.execution import executed

from helpers import describe

SUMMARY = "What is about time, measured and held against its limit."
IMPORT, LESSON, CONTROL = 0.3, 45.0, 0.1  # s, at most
# A kernel has IPython, which takes longer than all of the course, before a lesson begins.
IMPORT_PROGRAM = """
import torch, IPython, time
begin = time.thread_time()
import course, helpers
print(time.thread_time() - begin)
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: what took so many seconds, and how many it may take."""

    what: str
    seconds: float
    limit: float
    note: str = ""

    def __str__(self):
        verdict = "reached" if self.seconds <= self.limit else "missed"
        return f"{self.what:48}{self.seconds:>8.3f} s of {self.limit:>6g} s  {verdict}{self.note}"


def main(arguments=None):
    """Run the command; returns its exit status: 1 if a kernel gave wrong numbers, else 0, also for what is too slow."""
    parser = argparse.ArgumentParser(prog="python tests/bench.py", description=SUMMARY)
    parser.add_argument("--part", choices=["course", "kernels", "busy"], help="only this part")
    parser.add_argument("--lesson", help="of the course only this lesson, 05 say")
    options = parser.parse_args(arguments)
    print(describe("cpu").sentence(), flush=True)
    if options.part == "busy":
        for row in busy.rows(options.lesson):
            print(row, flush=True)
        return 0
    if options.part != "kernels":
        missed = 0
        for row in course_rows(options.lesson):
            print(row, flush=True)
            missed += row.seconds > row.limit
        print(f"The course: {missed} missed." if missed else "The course: all reached.", flush=True)
    if options.part == "course":
        return 0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "helpers.bench", "--out", str(Path(folder) / "bench.json")]
        return subprocess.run(command, cwd=ROOT).returncode


def course_rows(lesson):
    """The rows of the course, as they are measured."""
    yield Row("import course, helpers (beside torch and IPython)", import_seconds(), IMPORT)
    for stored in NOTEBOOKS:
        if lesson in (None, stored.lesson):
            yield from lesson_rows(stored)


def import_seconds():
    """The best of three: Python's own thread alone, so that a busy machine counts little."""
    command = [sys.executable, "-c", IMPORT_PROGRAM]
    return min(float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout) for _ in range(3))


def lesson_rows(stored):
    """The lesson, and the slowest control of each of its explorables."""
    _, seconds, report = executed(stored)
    note = f" (on a busy machine: {report['busy']})" if report["busy"] else ""
    yield Row(f"lesson {stored.lesson}", seconds, LESSON, note)
    slowest = {}
    for control in report["controls"]:
        slowest[control["figure"]] = max(control["slowest"], slowest.get(control["figure"], 0.0))
    for figure, seconds in slowest.items():
        yield Row(f"lesson {stored.lesson}: a control of {figure}", seconds, CONTROL)


if __name__ == "__main__":
    sys.exit(main())
