"""Run the tests that a GPU has to pass, in several processes: python tests/gpu.py. Needs torch, NumPy and pytest alone.

These are the tests with the marker `gpu`, and all of FILES, which run on the GPU where there is one. Each outcome is
printed as soon as it is known. A kernel that writes where it must not leaves a GPU that refuses every later call of its
process: a test that ends its process has failed, and the other tests go on in a new one.
"""

import argparse
import faulthandler
import fnmatch
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from multiprocessing.connection import wait
from pathlib import Path

import pytest

SUMMARY = "Run the tests that a GPU has to pass, in several processes."
HERE = Path(__file__).resolve().parent
FILES = ("test_kernel_*.py", "test_on_device.py", "test_recurrence_methods.py")
PROOFS = "test_on_device.py"
ALL_RAN = "every test ran"
TOO_LONG = 120  # s for one test: a kernel may also wait for ever
WRONG_DEVICE = 4  # exit status of a worker


def main(arguments=None):
    """Run the command; returns its exit status: 0 if no test failed and all were run."""
    options = _options(arguments)
    device = options.device or ("cuda" if _gpu() else "cpu")
    runner = Runner(options, device)
    if not options.device and device == "cpu":
        tests = runner.collect()
        print("the tests cannot be read" if tests is None else f"no GPU: {len(tests)} tests skipped")
        return 1 if tests is None else 0
    return runner.run()


def _options(arguments):
    parser = argparse.ArgumentParser(prog="python tests/gpu.py", description=SUMMARY)
    parser.add_argument("--device", choices=["cuda", "cpu"], help="run there (unless given: on the GPU, or nothing)")
    parser.add_argument("--folder", type=Path, default=HERE / "helpers", help="where the tests are")
    parser.add_argument("--file", nargs="*", default=[], help="only the tests of these files")
    parser.add_argument("--only", nargs="*", default=[], help="only tests whose names contain all these words")
    parser.add_argument("--done", nargs="*", default=[], help="not the tests of these names")
    parser.add_argument("--processes", type=int, help="how many at once (unless given: as the cores allow, at most 12)")
    parser.add_argument("--limit", type=float, default=290, help="seconds after which no test is waited for any more")
    parser.add_argument("--json", action="store_true", help="print each outcome as JSON: {test: outcome}")
    return parser.parse_args(arguments)


def _gpu():
    """Asked in a process of its own: one that has used CUDA cannot give it to those that it starts."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_cuda_is_available)


def _cuda_is_available():
    import torch

    return torch.cuda.is_available()


class Runner:
    """Hands one test after another to several workers, and prints what came of it."""

    def __init__(self, options, device):
        self.options, self.device = options, device
        self.queue, self.total, self.outcomes, self.workers = None, 0, {}, []
        self.spawn = multiprocessing.get_context("spawn")
        cores = os.cpu_count() or 1
        self.processes = options.processes or min(12, max(2, cores * 3 // 4))
        self.threads = max(1, cores // self.processes)

    def collect(self):
        """The names of the tests, none of which is run; None if they cannot be read."""
        worker, kind = self.start(), ""
        while kind not in ("tests", "end"):
            kind, content = worker.receive()
        worker.stop()
        return content[0] if kind == "tests" else None

    def run(self):
        """Run all tests; returns 0 if none failed and none is left."""
        begin = time.monotonic()
        deadline = begin + self.options.limit
        self.workers = [self.start() for _ in range(self.processes)]
        while self.workers and time.monotonic() < deadline:
            pipes = {worker.pipe: worker for worker in self.workers}
            for pipe in wait(list(pipes), timeout=max(0.0, deadline - time.monotonic())):
                self.hear(pipes[pipe])
        left = self.queue.left() if self.queue else 0
        for worker in self.workers:
            left += worker.test is not None
            worker.stop()
        return self.conclude(left, time.monotonic() - begin)

    def start(self):
        """A new worker, which begins to collect the tests."""
        return Worker(self.spawn, self.options, self.device, self.threads)

    def hear(self, worker):
        """Take in what a worker says: what it could not read, the tests that it has collected, an outcome, its end."""
        kind, content = worker.receive()
        if kind == "unreadable":
            if content[0] not in self.outcomes:  # each worker says so
                self.tell(*content)
        elif kind == "end":
            self.replace(worker, status=content)
        else:
            if kind == "tests" and self.queue is None:
                self.queue, self.total = Queue(*content), len(content[0])
            if kind in ("outcome", "last outcome"):
                self.tell(worker.test, *content)
                worker.test, worker.useful = None, True
            if kind != "last outcome" and not worker.take_from(self.queue):
                self.workers.remove(worker)
                worker.stop()

    def replace(self, worker, status):
        """Of a worker that has ended: what it had begun has failed, and another one goes on with what is left."""
        self.workers.remove(worker)
        if status == WRONG_DEVICE:
            self.tell(ALL_RAN, f"failed: a process found no {self.device}: is the GPU reserved for one process?")
        if worker.test is not None:
            reason = f"took longer than {TOO_LONG} s" if worker.seconds() >= TOO_LONG else f"ended with status {status}"
            self.tell(worker.test, f"failed: its process {reason}")
            worker.useful = True
        if worker.useful and self.queue.left():  # else the next one would end as this one did
            self.workers.append(self.start())

    def tell(self, name, outcome, details=""):
        """Print what came of a test."""
        self.outcomes[name] = outcome
        if self.options.json:
            # A proof has a name of its own; of another test its file and its function are told too.
            print(json.dumps({short(name) if PROOFS in name else name: outcome}), flush=True)
        else:
            print(f"[{len(self.outcomes)} of {self.total}] {name}: {outcome}", flush=True)
            if details:
                print(details, flush=True)

    def conclude(self, left, seconds):
        """Print the summary; returns the exit status."""
        failures = [f"{name}: {outcome}" for name, outcome in self.outcomes.items() if outcome.startswith("failed")]
        complete = self.queue is not None and not left and ALL_RAN not in self.outcomes
        if self.options.json:
            if complete:
                self.tell(ALL_RAN, "passed")
            return 0 if complete else 1
        counts = Counter(outcome.partition(":")[0] for outcome in self.outcomes.values()) + Counter({"not run": left})
        summary = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
        print("", *failures, sep="\n")
        print(f"{summary or 'no test was found'}, in {seconds:.0f} s and {self.processes} processes on {self.device}")
        return 1 if failures or not complete else 0


class Queue:
    """The tests that are left, in groups that share a reference: the longest groups first."""

    def __init__(self, names, groups):
        together = {}
        for name, group in zip(names, groups, strict=True):
            together.setdefault(group, []).append(name)
        self.groups = sorted(together.values(), key=len, reverse=True)
        self.untouched = list(self.groups)

    def left(self):
        return sum(map(len, self.groups))

    def next(self, group):
        """(test or None, its group): of this group if it has one left, else of a new one, else of another worker's."""
        if not group:
            group = self.untouched.pop(0) if self.untouched else max(self.groups, key=len, default=[])
        return (group.pop(0) if group else None), group


class Worker:
    """The runner's end of a process that runs tests."""

    def __init__(self, spawn, options, device, threads):
        self.pipe, other = spawn.Pipe()
        self.test, self.group, self.useful, self.begin = None, [], False, 0.0
        self.process = spawn.Process(target=work, args=(other, options, device, threads), daemon=True)
        self.process.start()
        other.close()

    def receive(self):
        """(kind, content) of the next message; ("end", exit status) if the process has ended."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            return "end", self.process.exitcode

    def take_from(self, queue):
        """Begin one more test; returns whether there was one."""
        self.test, self.group = queue.next(self.group)
        self.begin = time.monotonic()
        if self.test is not None:
            self.pipe.send(self.test)
        return self.test is not None

    def seconds(self):
        return time.monotonic() - self.begin

    def stop(self):
        self.process.kill()
        self.process.join()


def short(name):
    """A test by what stands in its brackets, which is its name among the proofs of a recording; else by all of it."""
    return name.partition("[")[2].removesuffix("]") or name


# In a worker's process


def work(pipe, options, device, threads):
    """Collect the tests, then run those that the runner asks for, until it ends this process."""
    os.dup2(2, 1)  # stdout belongs to the runner: what pytest and torch print is for people
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif not _cuda_is_available():
        os._exit(WRONG_DEVICE)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # pytest alone
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    files = [path for path in sorted(options.folder.glob("test_*.py")) if not options.file or path.name in options.file]
    # The conftest.py of the folders above needs all of the course.
    flags = [f"--confcutdir={options.folder}", f"--rootdir={options.folder}"]
    flags += ["-p", "no:terminal", "-p", "no:cacheprovider"]
    pytest.main([*map(str, files), *flags], plugins=[Plugin(pipe, options)])


class Plugin:
    """Chooses the tests, runs them one by one, and sends what came of them."""

    def __init__(self, pipe, options):
        self.pipe, self.options = pipe, options

    def pytest_collectreport(self, report):
        """A whole file that cannot be imported, or that skips itself for want of a package."""
        if report.failed:
            outcome = f"failed: {_one_line(report.longrepr)}"
            self.pipe.send(("unreadable", (report.nodeid, outcome, str(report.longrepr))))
        elif report.skipped and self._by_file(report.nodeid):
            self.pipe.send(("unreadable", (report.nodeid, f"skipped: {_skip_reason(report)}", "")))

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if self._chosen(item)]

    def _by_file(self, name):
        return any(fnmatch.fnmatch(Path(name).name, pattern) for pattern in FILES)

    def _chosen(self, item):
        name = short(item.nodeid)
        return (
            (self._by_file(item.path) or item.get_closest_marker("gpu"))
            and not item.get_closest_marker("test_all")  # what takes long and needs no GPU
            and name not in self.options.done
            and all(word in name for word in self.options.only)
        )

    def pytest_runtestloop(self, session):
        items = {item.nodeid: item for item in session.items}
        self.pipe.send(("tests", (list(items), [_group(item) for item in session.items])))
        while True:
            item = items[self.pipe.recv()]
            self.outcome, self.details = "passed", ""
            faulthandler.dump_traceback_later(TOO_LONG, exit=True)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            faulthandler.cancel_dump_traceback_later()
            lost = bool(self.details) and _gpu_is_lost()
            self.pipe.send(("last outcome" if lost else "outcome", (self.outcome, self.details)))
            if lost:
                os._exit(1)

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            self.outcome = f"skipped: {_skip_reason(report)}"
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.outcome = f"failed: {_one_line(crash.message if crash else report.longrepr)}"
            self.details = report.longreprtext


def _gpu_is_lost():
    import torch

    if not torch.cuda.is_available():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def _group(item):
    """Methods of one function are held against one reference, which a process keeps."""
    parameters = getattr(item, "callspec", None) and item.callspec.params
    if not parameters or "method" not in parameters:
        return item.nodeid
    return f"{item.path.name} {sorted((name, str(value)) for name, value in parameters.items() if name != 'method')}"


def _skip_reason(report):
    return _one_line(report.longrepr[2].removeprefix("Skipped: "))


def _one_line(text):
    return " ".join(str(text).split())[:200]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)  # whoever started this was cut off, and says so
