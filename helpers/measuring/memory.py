"""How much memory a call holds at its worst moment."""

import functools
import math
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .calls import Attempts, place_of, require_callable

_ONE_AT_A_TIME = threading.Lock()  # two of torch's profilers, in two threads, end the process


def peak_memory(fn: Callable, *args, device: str | torch.device | None = None) -> int | float:
    """Bytes that fn(*args) holds at its worst moment, beyond those held when it began; math.inf if they are not there.

    After a warm-up. Counts what torch allocates, scratch memory inside an operation and the result included: on a GPU
    torch.cuda.max_memory_allocated; on a CPU the highest running sum of the allocations and releases that torch's
    profiler sees in this thread, without what libraries (MKL, oneDNN, NumPy) take for themselves. Where torch's
    profiler sees no allocation of a CPU (as in some builds for CUDA), or runs already, the tensors that operations
    return are added up instead: then scratch memory inside an operation is not counted.

    device: where the work runs; by default where the first tensor among args is, else `helpers.device()`.
    Raises TypeError if fn cannot be called, ValueError for a device that is not here.

    >>> peak_memory(torch.ones, 1024, 1024, device="cpu") // 2**20  # MiB of float32
    4
    """
    require_callable("peak_memory", fn)
    place = place_of(device, args)
    call, attempts = partial(fn, *args), Attempts(place)
    attempts.attempt(call)
    peak = attempts.attempt(partial(_gpu_peak, call, place) if place.type == "cuda" else partial(_cpu_peak, call))
    return math.inf if peak is None else peak


def _gpu_peak(call, place):
    torch.cuda.reset_peak_memory_stats(place)
    before = torch.cuda.memory_allocated(place)
    call()
    return torch.cuda.max_memory_allocated(place) - before


def _cpu_peak(call):
    # A profiler that runs already would lose what it has seen to ours.
    if torch.autograd._profiler_enabled() or _profiler_is_blind():
        return _peak_of_tensors(call)
    held = peak = 0
    for size in _allocations(call):
        held += size
        peak = max(peak, held)
    return peak


@functools.cache
def _profiler_is_blind():
    return not _allocations(partial(torch.ones, 1))


def _allocations(call):
    """Bytes taken on the CPU, and given back with a minus, in the order in which torch's profiler saw it."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler writes its stages to stderr, into the notebook
    with _ONE_AT_A_TIME, torch.autograd.profiler.profile(profile_memory=True) as record:
        _result = call()  # kept until the record ends, so that the result counts
    events = sorted(record.kineto_results.events(), key=lambda event: event.start_ns())
    cpu = torch.autograd.DeviceType.CPU
    return [event.nbytes() for event in events if event.name() == "[memory]" and event.device_type() == cpu]


def _peak_of_tensors(call):
    with _Tensors() as tensors:
        _result = call()
    return tensors.peak


class _Tensors(TorchDispatchMode):
    """Adds up the memory of the tensors that operations return, while they live."""

    def __init__(self):
        super().__init__()
        self.held = self.peak = 0
        self.counted = weakref.WeakSet()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        older = _storages((args, kwargs))
        result = operation(*args, **kwargs)
        for storage in _storages(result):
            # A view, or what was written in place, has the memory of an argument.
            if storage not in self.counted and not any(storage is other for other in older):
                self.counted.add(storage)
                self.held += storage.nbytes()
                weakref.finalize(storage, self._released, storage.nbytes())
        self.peak = max(self.peak, self.held)
        return result

    def _released(self, size):
        self.held -= size


def _storages(values):
    leaves = [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor) and leaf.device.type == "cpu"]
    return [leaf.untyped_storage() for leaf in leaves]
