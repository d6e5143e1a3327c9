"""How much memory there is, and a refusal before the system ends the process for want of it."""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

LARGE = 2**26  # bytes from which it is asked first whether they fit
GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
MEMINFO = Path("/proc/meminfo")


def require_memory(what: str, needed: int, device: torch.device, instead: str) -> None:
    """Raise a MemoryError if `needed` bytes are many and not free: Linux may end the process before torch can say so.

    >>> require_memory("the scores", 1000, torch.device("cpu"), "a shorter T")
    >>> require_memory("the scores", 2**60, torch.device("meta"), "a shorter T")  # on meta nothing is stored
    """
    if needed <= LARGE or device.type == "meta":
        return
    free = free_memory(device)
    if needed > free:
        needed, free = (f"{size / 2**30:.1f} GiB" for size in (needed, free))
        raise MemoryError(f"{what} need {needed}, and {device} has {free} free; use {instead}.")


def free_memory(device: torch.device) -> float:
    """Bytes that a tensor on this device could take now; math.inf where the system does not tell.

    On a CPU: what the system calls available, and no more than each of this process's control groups has left. A
    container is such a group: its limit counts, less what is in use there.

    >>> free_memory(torch.device("cpu")) > 0
    True
    """
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    left = [group.limit - group.used for group in _memory_groups()]
    return max(0, min([_available(), cpu_memory() or math.inf, *left]))


def cpu_memory() -> int | None:
    """Bytes of memory that this machine, or this container, has in all; None where the system does not tell."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows does not say
        return None
    return min([total, *(group.limit for group in _memory_groups())])


def _available():
    """What Linux calls available: free, or taken by caches that it would give up."""
    available = re.search(r"^MemAvailable:\s*(\d+) kB", _read(MEMINFO), re.MULTILINE)
    return int(available[1]) * 1024 if available else math.inf


# Control groups: https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html.


class Files(NamedTuple):
    """How a version of the control groups calls a group's limit, what it uses, and the part of that which is cache."""

    limit: str
    used: str
    cache: str


class Group(NamedTuple):
    """Bytes that a control group may take, and that it holds and would not give up."""

    limit: int
    used: int


VERSION_1 = Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
VERSION_2 = Files("memory.max", "memory.current", "inactive_file")


def _memory_groups() -> Iterator[Group]:
    """Every control group with a limit that this process is in: its own, and those around it."""
    for line in _read(MEMBERSHIP).splitlines():  # 4:memory:/path for version 1, 0::/path for version 2
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, files = (GROUPS / "memory", VERSION_1) if controllers else (GROUPS, VERSION_2)
        # In a container the path is often the host's, and the container's own group lies at the root.
        own = root / path.lstrip("/")
        for folder in [own, *own.parents]:
            if not folder.is_relative_to(root):
                break
            limit = _read(folder / files.limit).strip()
            if limit.isdigit():  # "max": no limit
                yield Group(int(limit), _used(folder, files))


def _used(folder, files):
    """Bytes in use, without the cache of files that are not being read: the system takes those back."""
    used = _read(folder / files.used).strip()
    cache = re.search(rf"^{files.cache} (\d+)$", _read(folder / "memory.stat"), re.MULTILINE)
    return max(0, int(used or 0) - int(cache[1] if cache else 0))


def _read(path):
    """The text of a small file of the system's; "" where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")  # a group's name may hold any byte
    except OSError:
        return ""
