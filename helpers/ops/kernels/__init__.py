"""Triton kernels, one file each, imported only where one runs. They bring speed and nothing else: what a kernel
computes, the function that calls it also computes without it.

Every kernel loads, carries in float32, and casts when it stores. Its block sizes are fixed, for each kind of GPU.
"""

import functools
import importlib.util
import os
import sys
from typing import NamedTuple

import torch


class Chip(NamedTuple):
    """What a kernel's settings depend on: how many multiprocessors, and the compute capability."""

    processors: int
    capability: tuple[int, int]


@functools.cache
def chip(device: torch.device) -> Chip:
    """The GPU of this device; for the interpreter, on a CPU, the one whose settings were measured.

    >>> chip(torch.device("cpu"))
    Chip(processors=1, capability=(9, 0))
    """
    if device.type != "cuda":
        return Chip(1, (9, 0))
    properties = torch.cuda.get_device_properties(device)
    return Chip(properties.multi_processor_count, (properties.major, properties.minor))


def unavailable(tensor: torch.Tensor, *, capability: tuple[int, int] = (7, 5)) -> str | None:
    """Why no Triton kernel can run on `tensor`, in words for a sentence; None if one can.

    A kernel needs an NVIDIA GPU of this compute capability, or, for tests on a CPU, Triton's interpreter:
    TRITON_INTERPRET=1, set before triton is first imported.

    >>> unavailable(torch.ones(1, device="meta"))
    'Triton kernels need an NVIDIA GPU, and the tensors are on meta'
    """
    interpreted = tensor.is_cpu and os.environ.get("TRITON_INTERPRET") == "1"
    if not interpreted and (tensor.device.type != "cuda" or torch.version.hip):
        return f"Triton kernels need an NVIDIA GPU, and the tensors are on {tensor.device}"
    if "triton" not in sys.modules and importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if interpreted:
        return None
    actual = chip(tensor.device).capability
    if tensor.dtype == torch.bfloat16:  # emulated before 8.0, though torch.cuda.is_bf16_supported() says True
        capability = max(capability, (8, 0))
    if actual < capability:
        needed, has = (".".join(map(str, numbers)) for numbers in (capability, actual))
        return f"in {tensor.dtype} it needs compute capability {needed}, and this GPU has {has}"
    return None
