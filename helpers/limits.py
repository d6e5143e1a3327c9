"""How much memory there is, and a refusal before the system ends the process for want of it."""

import math
import os
import re
from contextlib import suppress
from pathlib import Path

import torch

LARGE = 2**26  # bytes from which it is asked first whether they fit


def require_memory(what, needed, device, instead):
    """Raise a MemoryError if `needed` bytes are many and not free: Linux may end the process before torch can say so."""
    if needed > LARGE and needed > (free := free_memory(device)):
        needed, free = (f"{size / 2**30:.1f} GiB" for size in (needed, free))
        raise MemoryError(f"{what} need {needed}, and {device} has {free} free; use {instead}.")


def free_memory(where):
    """Bytes that a tensor on this device could take now; math.inf where the system does not tell."""
    if where.type == "cuda":
        held = torch.cuda.memory_reserved(where) - torch.cuda.memory_allocated(where)
        return torch.cuda.mem_get_info(where)[0] + held
    total = cpu_memory() or math.inf
    try:
        found = re.search(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:  # only Linux tells
        return total
    return min(total, int(found[1]) * 1024 if found else total)


def cpu_memory():
    with suppress(AttributeError, ValueError, OSError):  # Windows does not say
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return min([total, *container_limits("memory.max")])


def container_limits(name):
    """The numbers in a cgroup v2 file; none where there is no such file, and "max" is no number."""
    try:
        return [int(word) for word in Path("/sys/fs/cgroup", name).read_text().split() if word.isdigit()]
    except OSError:
        return []
