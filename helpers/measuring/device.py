"""Which device this is, and what it can do: asked, then measured.

Nothing here fails for what a machine lacks. A missing GPU, an Apple GPU, a GPU that this torch cannot use, a missing
triton, an old torch: each is said once, in `describe().sentence()`.
"""

import math
import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from ..limits import container_limits, cpu_memory

OLDEST_TORCH = (2, 11)  # as in pyproject.toml
FEW = 5  # samples; with fewer, the 20 and 80 % quantiles are little more than the extremes
_PREFIXES = list(zip(range(15, -12, -3), ["P", "T", "G", "M", "k", "", "m", "µ", "n"], strict=True))


def readable(median, low, high, unit, note):
    """ "3.41 ms (3.30 to 3.62, 40 repeats)": three digits, one prefix for all three; NaN reads "out of memory"."""
    if math.isnan(median):
        return f"out of memory ({note})"
    rounded = float(f"{median:.3g}")  # 9.999 reads 10.0, and 999.9 µs reads 1.00 ms
    prefixes = [(0, "")] if unit == "×" else _PREFIXES
    power, prefix = next(((power, p) for power, p in prefixes if rounded >= 10.0**power), prefixes[-1])
    digits = max(0, 2 + power - math.floor(math.log10(rounded) + 1e-9)) if rounded > 0 else 2
    middle, low, high = (f"{number / 10.0**power:.{digits}f}" for number in (median, low, high))
    return f"{middle} {prefix}{unit} ({low} to {high}, {note})"


def repeated(count):
    """ "40 repeats", with a warning where a quantile of so few says nothing."""
    return f"{count} repeats" if count >= FEW else f"only {count} repeat{'s' * (count != 1)}: too few to trust"


@dataclass(frozen=True)
class Quantity:
    """A measured number with its spread: median, 20 and 80 % quantile, in `unit`; `of` says what was counted."""

    median: float
    p20: float
    p80: float
    unit: str
    repeats: int
    of: str

    def __str__(self):
        return readable(self.median, self.p20, self.p80, self.unit, repeated(self.repeats))


@dataclass(frozen=True)
class Device:
    """What the machine says of itself, before anything is measured.

    kind is "cpu" or "cuda", memory is in bytes (None where the system does not tell), threads is torch's CPU thread
    count. bf16 and flash mean *on the GPU*: bf16 arithmetic in hardware, and torch's FlashAttention-2 kernel; both need
    compute capability 8.0 and are False on a CPU. instead says, on a CPU, why it is not a GPU: "no GPU", mostly.
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

    def sentence(self):
        """All of it in one line for people. It differs from machine to machine: never compare it."""
        memory = f"{self.memory / 2**30:.1f} GiB, " if self.memory else ""
        if self.kind == "cuda":
            lacks = "" if self.bf16 else ", without bf16 and FlashAttention"
            what = f"{self.name} ({memory}compute capability {'.'.join(map(str, self.compute_capability))}{lacks})"
        else:
            what = f"{_count(self.cores, 'CPU core')} ({self.name}), {memory}{self.instead}"
        version = self.torch.split("+")[0]
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_TORCH:
            version += f" (the course needs {'.'.join(map(str, OLDEST_TORCH))}: pip install --upgrade torch)"
        triton = f"triton {self.triton}" if self.triton else "no triton"
        return f"{what}; torch {version} with {_count(self.threads, 'thread')}, {triton}, Python {self.python}"


@dataclass(frozen=True)
class Measured:
    """What this device reached: copy (B/s), matmul (FLOP/s, by dtype name) and launch (s for one tiny kernel)."""

    device: Device
    copy: Quantity
    matmul: dict[str, Quantity]
    launch: Quantity

    def sentence(self):
        """All of it in one line for people. The numbers are live: never compare it."""
        products = "; ".join(f"multiplies matrices in {dtype} at {rate}" for dtype, rate in self.matmul.items())
        return f"copies at {self.copy}; {products}; starts a tiny kernel every {self.launch}"


def device(wanted=None):
    """The torch.device to compute on: the current CUDA GPU if it works, else the CPU; or `wanted`, checked.

    An Apple GPU (MPS) is named by `describe` and left unused: it has no float64, in which this course decides what is
    equal, and neither triton nor CUDA graphs. Raises ValueError if `wanted` is no device of these, or is not here.
    """
    if wanted is None:
        return torch.device("cpu") if _no_gpu() else torch.device("cuda", torch.cuda.current_device())
    given = f"Device {str(wanted)!r} was asked for"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", str(wanted)):
        raise ValueError(f"{given}; give 'cpu' or 'cuda', or None for the best there is.")
    if str(wanted) == "cpu":
        return torch.device("cpu")
    if reason := _no_gpu():
        raise ValueError(f"{given}, and there is {reason}; give 'cpu', or None for the best there is.")
    return torch.device(wanted) if ":" in str(wanted) else torch.device("cuda", torch.cuda.current_device())


def describe(wanted=None):
    """A `Device`: what `device(wanted)` is, and the versions. Measures nothing. Raises ValueError as `device` does."""
    chosen = device(wanted)
    if chosen.type == "cuda":
        name, memory = torch.cuda.get_device_name(chosen), torch.cuda.get_device_properties(chosen).total_memory
        capability, instead = tuple(torch.cuda.get_device_capability(chosen)), None
    else:
        name, memory = _cpu_name(), cpu_memory()
        capability, instead = None, _no_gpu() or "the GPU unused by request"
    # By capability: torch.cuda.is_bf16_supported() is True on a T4 too, where bf16 is emulated.
    modern = capability is not None and capability >= (8, 0)
    counts = {"cores": _cpu_cores(), "threads": torch.get_num_threads(), "memory": memory}
    able = {"compute_capability": capability, "bf16": modern, "flash": modern, "instead": instead}
    versions = {"torch": str(torch.__version__), "triton": _triton_version(), "python": platform.python_version()}
    return Device(name=name, kind=chosen.type, **counts, **able, **versions)


_measured = {}


def measure(wanted=None, refresh=False):
    """A `Measured` for `device(wanted)`, in about two seconds; kept while the kernel lives, renewed by refresh=True.

    copy: one contiguous float32 tensor into another, counting every byte read and every byte written once (not what
    caches fetch besides). matmul: 2·n³ FLOP of a square product, in float32 as torch is set now and, on a GPU, in
    float16 and, from capability 8.0, bfloat16. launch: an in-place addition to one element, from one to the next in a
    row of 2000, as Python issues them. Raises ValueError as `device` does.
    """
    chosen = device(wanted)
    key = (str(chosen), torch.get_num_threads())
    if refresh or key not in _measured:
        _measured[key] = _measure(chosen)
    return _measured[key]


def _measure(chosen):
    from .timing import time_call  # here, because timing asks this module for its device

    about, gpu = describe(chosen), chosen.type == "cuda"

    def quantity(work, unit, of, fn, *args):
        time = time_call(fn, *args, device=chosen, budget=0.6, repeats=20)
        if unit == "s":
            return Quantity(time.median / work, time.p20 / work, time.p80 / work, unit, time.repeats, of)
        return Quantity(work / time.median, work / time.p80, work / time.p20, unit, time.repeats, of)

    # Well beyond every cache, yet within a small container, or a GPU that others use too.
    free = torch.cuda.mem_get_info(chosen)[0] if gpu else about.memory or 2**31
    source = torch.ones(min(2**28 if gpu else 2**27, free // 16) // 4, device=chosen)
    target = torch.empty_like(source)
    what = f"{source.nbytes / 2**20:.0f} MiB copied, read + written"
    copy = quantity(2 * source.nbytes, "B/s", what, target.copy_, source)
    del source, target

    matmul = {}
    for dtype in (torch.float32, *((torch.float16,) if gpu else ()), *((torch.bfloat16,) if about.bf16 else ())):
        n = 1024 if not gpu else 4096 if dtype == torch.float32 else 8192
        left, right = (torch.randn(n, n, device=chosen).to(dtype) for _ in range(2))
        name = str(dtype).removeprefix("torch.")
        matmul[name] = quantity(2 * n**3, "FLOP/s", f"({n}, {n}) @ ({n}, {n}) in {name}", torch.matmul, left, right)

    cell, row = torch.zeros(1, device=chosen), 2000

    def launches():
        for _ in range(row):
            cell.add_(1)

    return Measured(about, copy, matmul, quantity(row, "s", f"one of {row} additions to one element", launches))


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
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or "unknown CPU"


def _cpu_cores():
    """Cores this process may use: a container (Binder, say) shows all of its host's and grants fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = container_limits("cpu.max")  # quota and period, or no quota
    return min(cores, max(1, math.ceil(limits[0] / limits[1]))) if len(limits) == 2 else cores


def _triton_version():
    """The installed triton, without importing it: that takes long and looks for a GPU."""
    for name in ("triton", "pytorch-triton", "triton-windows"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _count(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"
