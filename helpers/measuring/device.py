"""Which device this is: its name, its cores, its memory, and the versions of what computes on it.

Nothing here fails for what a machine lacks. A missing GPU, an Apple GPU, a GPU that this torch cannot use, a missing
triton, an old torch: each is said once, in `describe().sentence()`. Nothing is measured; `helpers.measure` does that.
"""

import math
import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from ..limits import cpu_memory
from ..openmp import TOO_LATE

OLDEST_TORCH = (2, 11)  # as in pyproject.toml
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Device:
    """What the machine says of itself, before anything is measured.

    kind is "cpu" or "cuda", memory is in bytes (None where the system does not tell), threads is torch's CPU thread
    count. bf16 and flash mean *on the GPU*: bf16 arithmetic in hardware, and torch's FlashAttention-2 kernel; both need
    compute capability 8.0 and are False on a CPU. instead says, on a CPU, why it is not a GPU: mostly "no GPU". spins:
    whether torch's threads wait for each other as helpers.openmp would not have it, since torch was loaded before.
    """

    name: str
    kind: str
    cores: int
    threads: int
    memory: int | None
    compute_capability: tuple[int, int] | None
    bf16: bool
    flash: bool
    instead: str | None
    torch: str
    triton: str | None
    python: str
    spins: bool = False

    def sentence(self) -> str:
        """All of it in one line for people. It differs from machine to machine: never compare it."""
        triton = f"triton {self.triton}" if self.triton else "no triton"
        threads = _count(self.threads, "thread")
        sentence = f"{self._hardware()}; torch {self._torch_version()} with {threads}, {triton}, Python {self.python}"
        if self.spins and self.threads > 1:
            sentence += (
                "; torch was loaded before the course, so its threads waste time on a busy machine "
                "(restart the kernel, and import course or helpers first)"
            )
        return sentence

    def _hardware(self):
        memory = f"{self.memory / 2**30:.1f} GiB, " if self.memory else ""
        if self.kind == "cpu":
            return f"{_count(self.cores, 'CPU core')} ({self.name}), {memory}{self.instead}"
        capability = ".".join(map(str, self.compute_capability))
        lacks = "" if self.bf16 else ", without bf16 and FlashAttention"
        return f"{self.name} ({memory}compute capability {capability}{lacks})"

    def _torch_version(self):
        version = self.torch.partition("+")[0]
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= OLDEST_TORCH:
            return version
        needed = ".".join(map(str, OLDEST_TORCH))
        return f"{version} (the course needs {needed}: pip install --upgrade torch)"


def device(wanted: str | torch.device | None = None) -> torch.device:
    """The torch.device to compute on: the current CUDA GPU if it works, else the CPU; or `wanted`, checked.

    An Apple GPU (MPS) is named by `describe` and left unused: it has no float64, in which this course decides what is
    equal, and neither triton nor CUDA graphs. Raises ValueError if `wanted` is not "cpu", "cuda" or "cuda:0" (1, 2, …),
    or is not on this machine.

    >>> device("cpu")
    device(type='cpu')
    """
    if wanted is None:
        return torch.device("cpu") if _no_gpu() else torch.device("cuda", torch.cuda.current_device())
    asked = f"Device {str(wanted)!r} was asked for"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", str(wanted)):
        raise ValueError(f"{asked}; give 'cpu' or 'cuda', or None for the best one of this machine.")
    if str(wanted) == "cpu":
        return torch.device("cpu")
    if reason := _no_gpu():
        raise ValueError(f"{asked}, and there is {reason}; give 'cpu', or None for the best one of this machine.")
    return torch.device(wanted) if ":" in str(wanted) else torch.device("cuda", torch.cuda.current_device())


def describe(wanted: str | torch.device | None = None) -> Device:
    """A `Device`: what `device(wanted)` is, and the versions. Measures nothing. Raises ValueError as `device` does.

    >>> describe("cpu").kind
    'cpu'
    """
    chosen = device(wanted)
    if chosen.type == "cuda":
        name, memory = torch.cuda.get_device_name(chosen), torch.cuda.get_device_properties(chosen).total_memory
        capability, instead = tuple(torch.cuda.get_device_capability(chosen)), None
    else:
        name, memory = _cpu_name(), cpu_memory()
        capability, instead = None, _no_gpu() or "the GPU unused by request"
    # By capability: torch.cuda.is_bf16_supported() is True on a T4 too, where bf16 is emulated.
    modern = capability is not None and capability >= (8, 0)
    return Device(
        name=name,
        kind=chosen.type,
        cores=_cpu_cores(),
        threads=torch.get_num_threads(),
        memory=memory,
        compute_capability=capability,
        bf16=modern,
        flash=modern,
        instead=instead,
        torch=str(torch.__version__),
        triton=_triton_version(),
        python=platform.python_version(),
        spins=TOO_LATE,
    )


def _no_gpu():
    """None if the GPU works, else what there is instead, as words for a sentence."""
    if not torch.cuda.is_available():
        return "an Apple GPU (MPS) left unused" if torch.backends.mps.is_available() else "no GPU"
    try:  # a torch without kernels for this GPU, or a GPU that others fill, shows only when something runs
        torch.ones(1, device="cuda").add_(1).item()
    except Exception as error:
        return f"a GPU that cannot be used ({str(error).partition(chr(10))[0]})"
    return None


def _cpu_name():
    try:
        model = re.search(
            r"^model name\s*:\s*(.+)$",
            Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"),
            re.MULTILINE,
        )
    except OSError:
        model = None
    return model[1].strip() if model else platform.processor() or platform.machine() or "unknown CPU"


def _cpu_cores():
    """Cores this process may use, counting a part of one as one: a container shows all cores of its host."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return cores if quota is None else min(cores, max(1, math.ceil(quota)))


def _cpu_quota():
    """Cores that a container (Binder's, say) grants, 1.5 for instance; None where there is no limit."""
    for files in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):  # cgroup v2, cgroup v1
        try:
            words = " ".join((CGROUP / name).read_text() for name in files).split()
        except OSError:
            continue
        if len(words) == 2 and all(word.isdigit() for word in words):  # "max", or a quota of -1, is no limit
            return int(words[0]) / int(words[1])
    return None


def _triton_version():
    """The installed triton, without importing it: that takes long and looks for a GPU."""
    for name in ("triton", "pytorch-triton", "triton-windows"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"
