"""Triton kernels, one file each, imported only where one runs. They bring speed and nothing else: what a kernel
computes, the function that calls it also computes without it.

Every kernel loads, carries in float32, and casts when it stores. Its block sizes are fixed, for each kind of GPU.
"""

import importlib.util
import os
import sys

import torch


def unavailable(tensor: torch.Tensor, *, capability: tuple[int, int] = (7, 5)) -> str | None:
    """Why no Triton kernel can run on `tensor`, in words for a sentence; None if one can.

    A kernel needs an NVIDIA GPU of this compute capability, or, for tests on a CPU, Triton's interpreter:
    TRITON_INTERPRET=1, set before triton is first imported.

    >>> unavailable(torch.ones(1, device="meta"))
    'Triton kernels need an NVIDIA GPU, and the tensors are on meta'
    """
    interpreted = os.environ.get("TRITON_INTERPRET") == "1" and tensor.device.type == "cpu"
    if not interpreted and (tensor.device.type != "cuda" or torch.version.hip):
        return f"Triton kernels need an NVIDIA GPU, and the tensors are on {tensor.device}"
    if "triton" not in sys.modules and importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if interpreted:
        return None
    actual = torch.cuda.get_device_capability(tensor.device)
    if tensor.dtype == torch.bfloat16:  # emulated before 8.0, though torch.cuda.is_bf16_supported() says True
        capability = max(capability, (8, 0))
    if actual < capability:
        needed, has = (".".join(map(str, numbers)) for numbers in (capability, actual))
        return f"in {tensor.dtype} it needs compute capability {needed}, and this GPU has {has}"
    return None
