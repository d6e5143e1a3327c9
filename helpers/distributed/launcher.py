"""Start P processes, let each run one function, take back what each returns, and leave none behind.

A notebook's kernel must not be forked, since torch's threads do not survive it, nor spawned from by multiprocessing,
which imports the notebook again: each worker is a fresh Python that runs a script. They find each other by a file in a
folder of their own, so that launches side by side do not meet.
"""

import json
import os
import pickle
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from ..arguments import is_whole, require_word

WORKER = Path(__file__).with_name("worker.py")
LOOK = 0.02  # seconds between two looks at the workers: a wait that Windows, too, interrupts when asked to
NOTICE = 1.0  # seconds for a worker that hangs to write down where
MOST = 64
LONGEST = 7 * 86_400  # seconds: the clock of a worker has an end


class WorkerError(RuntimeError):
    """A worker failed: what the first one to fail said, in a sentence. `traceback`: its own, as text, or ""."""

    def __init__(self, sentence: str, traceback: str = ""):
        super().__init__(sentence)
        self.traceback = traceback

    def _render_traceback_(self):
        # IPython's hook: a notebook shows the sentence in place of the launcher's traceback.
        return [str(self)]


def launch(
    function: Callable, processes: int, *arguments: Any, limit: float = 120.0, backend: str = "auto", seed: int = 0
) -> list:
    """What function(peers, *arguments) returns in each of `processes` new processes, as a list in their order.

    function: one of a module, as each worker imports it; its first argument is a helpers.distributed.Peers.
    arguments, results: whatever pickle takes. limit: seconds, with the start, after which all are ended.
    backend: gloo (CPU), nccl (a GPU a worker), or auto: nccl if there are GPUs enough. Each worker computes on one
    thread, and begins with torch.manual_seed(seed). Whatever happens to this process or this call, the workers end.

    Raises ValueError or TypeError for what cannot be started, WorkerError if a worker raises, dies or hangs.

    >>> from helpers.distributed import splits
    >>> launch(splits.sum_of_ranks, 2)
    [1, 1]
    """
    _require_importable(function)
    processes, limit = _require_numbers(processes, limit)
    backend = _backend(backend, processes)
    deadline = time.time() + limit
    job = dict(
        function=function, arguments=arguments, processes=processes, deadline=deadline, backend=backend, seed=seed
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workers-", ignore_cleanup_errors=True)))
        (folder / "job").write_bytes(pickle.dumps(job))
        (folder / "path").write_text(json.dumps([path or os.getcwd() for path in sys.path]), encoding="utf-8")
        workers = [stack.enter_context(_Worker(folder, rank)) for rank in range(processes)]
        _wait(workers, deadline + NOTICE)
        _require_success(workers, limit, deadline)
        return [pickle.loads((folder / f"{rank}.result").read_bytes()) for rank in range(processes)]


class _Worker:
    """One process, which ends at the latest when the block of its `with` does."""

    def __init__(self, folder, rank):
        self.folder, self.rank = folder, rank
        with (folder / f"{rank}.output").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", str(WORKER), str(folder), str(rank)],
                stdin=subprocess.PIPE,  # its end tells the worker that we have ended
                stdout=output,
                stderr=output,
                env=os.environ | _surroundings(),
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.kill()
        finally:  # interrupted once more, the pipe still closes, and the worker ends by that
            self.process.stdin.close()
            self.process.wait()

    @property
    def status(self):
        """None while it runs, 0 when it has succeeded."""
        return self.process.poll()

    def read(self, kind):
        """The text of one of the files that it leaves; "" if it did not."""
        place = self.folder / f"{self.rank}.{kind}"
        return place.read_text(encoding="utf-8", errors="replace") if place.exists() else ""


def _wait(workers, deadline):
    """Until all have ended, or one has failed, or it is too late."""
    while any(worker.status is None for worker in workers) and time.time() < deadline:
        if any(worker.status for worker in workers):
            time.sleep(NOTICE / 4)  # others may have failed first, and be about to end
            return
        time.sleep(LOOK)


def _require_success(workers, limit, deadline):
    """Raise a WorkerError that says which worker failed first, and how."""
    count = len(workers)
    hanging = [worker for worker in workers if worker.read("hangs")]
    silent = [worker for worker in workers if worker.status and not worker.read("error") and worker not in hanging]
    if silent:  # the others' errors are then about the connection that broke
        raise WorkerError(f"Worker {silent[0].rank} of {count} died {_how(silent[0])}; the others were ended.")
    errors = [(json.loads(worker.read("error")), worker) for worker in workers if worker.read("error")]
    in_time = [(report, worker) for report, worker in errors if report["time"] < deadline]
    if in_time:
        report, worker = min(in_time, key=lambda pair: pair[0]["time"])
        raise WorkerError(f"Worker {worker.rank} of {count} raised {report['sentence']}", report["traceback"])
    missed = [worker for _, worker in errors]  # they raised as another ended at the deadline: all were late
    late = [worker for worker in workers if worker.status is None or worker in hanging or worker in missed]
    if late:
        places = "; ".join(f"worker {worker.rank} {_place(worker)}" for worker in late)
        raise WorkerError(
            f"{len(late)} of {count} workers had not finished after {limit:g} s and were ended: {places}. Does each "
            "wait for what another sends? If they were only slow, give a larger limit."
        )


def _how(worker):
    """How a worker ended that left no word."""
    status = worker.status
    signal = f"by signal {-status}" if status < 0 else f"with exit code {status}"
    last = worker.read("output").strip().split("\n")[-1]
    memory = ", as it does when the system is out of memory" if status == -9 else ""
    return f"{signal}{memory}" + (f" ({last})" if last else "")


def _place(worker):
    """The line of the function's own code at which a worker hangs, from the traceback that it left."""
    lines = re.findall(r'File "(.+)", line (\d+) in (\w+)', worker.read("hangs"))
    own = [line for line in lines if f"{os.sep}torch{os.sep}" not in line[0] and Path(line[0]) != WORKER]
    if not own:
        return "had computed until then" if (worker.folder / f"{worker.rank}.hangs").exists() else "was still starting"
    file, number, function = own[0]
    return f"was in {function} ({Path(file).name}, line {number})"


def _surroundings():
    """What a worker's environment has besides ours: one thread, and the network inside of this machine."""
    names = {name for _, name in socket.if_nameindex()} if hasattr(socket, "if_nameindex") else set()
    loopback = [name for name in ("lo", "lo0") if name in names]  # Linux, macOS; Windows finds its own
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return one | ({"GLOO_SOCKET_IFNAME": loopback[0]} if loopback else {})


def _backend(backend, processes):
    """gloo or nccl."""
    gpus = torch.cuda.device_count() if distributed.is_available() and distributed.is_nccl_available() else 0
    if require_word("backend", backend, ("auto", "gloo", "nccl")) == "auto":
        return "nccl" if gpus >= processes > 1 else "gloo"
    if backend == "nccl" and gpus < processes:
        raise ValueError(f"backend='nccl' needs a GPU a worker, {processes}; here are {gpus}; use backend='gloo'.")
    return backend


def _require_importable(function):
    """Raise a TypeError unless a new process can import the function."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    importable = getattr(sys.modules.get(module), name, None) is function
    if module == "__main__" or not importable:
        raise TypeError(
            f"launch: a worker imports its function from a module, and {name or type(function).__name__!r} stands in "
            "none; write it in a .py file beside the notebook, and import it from there."
        )


def _require_numbers(processes, limit):
    """The number of processes as an int, and of seconds as a float: a time in float32 would be minutes off."""
    if not distributed.is_available():
        raise ValueError("launch: this build of torch has no torch.distributed; install torch from pytorch.org.")
    if not is_whole(processes) or not 1 <= processes <= MOST:
        raise ValueError(f"launch: processes is {processes!r}; give a whole number from 1 to {MOST}.")
    if isinstance(limit, bool) or not isinstance(limit, Real) or not 0 < limit <= LONGEST:
        raise ValueError(f"launch: limit is {limit!r}; give a number of seconds above 0, and at most {LONGEST}.")
    return int(processes), float(limit)
