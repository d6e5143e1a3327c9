"""What this device can do, measured: how fast it copies, multiplies, and starts a kernel."""

from dataclasses import dataclass

import torch

from .device import Device, describe
from .device import device as choose_device
from .quantity import Quantity
from .timing import time_call

ADDITIONS = 2000  # in the row of tiny kernels

_measured = {}


@dataclass(frozen=True)
class Measured:
    """What this device reached: copy (B/s), matmul (FLOP/s, by dtype name) and launch (s for one tiny kernel)."""

    device: Device
    copy: Quantity
    matmul: dict[str, Quantity]
    launch: Quantity

    def sentence(self) -> str:
        """All of it in one line for people. The numbers are live: never compare it."""
        products = "; ".join(f"multiplies matrices in {dtype} at {rate}" for dtype, rate in self.matmul.items())
        return f"copies at {self.copy}; {products}; starts a tiny kernel every {self.launch}"


def measure(wanted: str | torch.device | None = None, refresh: bool = False) -> Measured:
    """A `Measured` for `device(wanted)`, in about two seconds; kept until Python ends, renewed by refresh=True.

    copy: one contiguous float32 tensor into another; counts every byte read and every byte written once, and not what
        caches fetch besides.
    matmul: 2·n³ FLOP of a square product, in float32 as torch is set now and, on a GPU, in float16 and, from
        capability 8.0, bfloat16.
    launch: an in-place addition to one element, from one addition to the next in a row of 2000, as Python issues them.
    Raises ValueError as `device` does.

    >>> abilities = measure("cpu")
    >>> abilities.copy.unit, abilities.matmul["float32"].unit, abilities.launch.unit
    ('B/s', 'FLOP/s', 's')
    """
    chosen = choose_device(wanted)
    key = (str(chosen), torch.get_num_threads())
    if refresh or key not in _measured:
        description = describe(chosen)
        _measured[key] = Measured(
            device=description,
            copy=_copy(chosen, description),
            matmul={_name(dtype): _product(chosen, dtype) for dtype in _dtypes(description)},
            launch=_launch(chosen),
        )
    return _measured[key]


def _copy(chosen, description):
    # Well beyond every cache, yet within a small container, or a GPU that others use too.
    gpu = chosen.type == "cuda"
    free = torch.cuda.mem_get_info(chosen)[0] if gpu else description.memory or 2**31
    source = torch.ones(min(2**28 if gpu else 2**27, free // 16) // 4, device=chosen)
    target = torch.empty_like(source)
    counted = f"{source.nbytes / 2**20:.0f} MiB copied, read + written"
    return _rate(_time(chosen, target.copy_, source), 2 * source.nbytes, "B/s", counted)


def _dtypes(description):
    """The dtypes that this device multiplies in hardware."""
    if description.kind == "cpu":
        return [torch.float32]
    return [torch.float32, torch.float16, *([torch.bfloat16] if description.bf16 else [])]


def _product(chosen, dtype):
    n = 1024
    if chosen.type == "cuda":
        n = 4096 if dtype == torch.float32 else 8192
    left, right = (torch.randn(n, n, device=chosen).to(dtype) for _ in range(2))
    counted = f"({n}, {n}) @ ({n}, {n}) in {_name(dtype)}"
    return _rate(_time(chosen, torch.matmul, left, right), 2 * n**3, "FLOP/s", counted)


def _launch(chosen):
    cell = torch.zeros(1, device=chosen)

    def add_in_a_row():
        for _ in range(ADDITIONS):
            cell.add_(1)

    row = _time(chosen, add_in_a_row)
    return Quantity(
        median=row.median / ADDITIONS,
        p20=row.p20 / ADDITIONS,
        p80=row.p80 / ADDITIONS,
        unit="s",
        repeats=row.repeats,
        of=f"one of {ADDITIONS} additions to one element",
    )


def _time(chosen, function, *tensors):
    # All threads, whatever others do: what a machine can is kept until Python ends.
    return time_call(function, *tensors, device=chosen, threads=torch.get_num_threads(), budget=0.6, repeats=20)


def _rate(timing, work, unit, counted):
    """Work a second; the slow end of the time is the low end of the rate."""
    low, high = work / timing.p80, work / timing.p20
    return Quantity(work / timing.median, low, high, unit, timing.repeats, of=counted)


def _name(dtype):
    return str(dtype).removeprefix("torch.")
