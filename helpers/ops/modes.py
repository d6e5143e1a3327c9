"""The modes of torch that a call may be made in, and what the methods ask about them.

torch.autocast would compute products in 16 bits, torch.func's vmap hands over tensors whose numbers cannot be looked
at, and a tensor on the meta device has a shape and no numbers.
"""

import functools
import inspect
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch._C import _functorch


def in_given_dtype(function: Callable) -> Callable:
    """`function`, computed in the dtype of its tensors under torch.autocast too, which would take 16 bits."""

    @functools.wraps(function)
    def in_its_dtype(*args, **keywords):
        if not (torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")):
            return function(*args, **keywords)
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            return function(*args, **keywords)

    return in_its_dtype


def signed(forward: Callable) -> Callable:
    """`forward` of a Function with a setup_context, its signature kept: torch asks for it at every call, for 0.1 ms."""
    forward.__signature__ = inspect.signature(forward)
    return forward


def is_batched(*tensors: Tensor) -> bool:
    """Whether torch.func.vmap made one of the tensors: it then stands for many, and cannot be looked at."""
    return any(map(_is_batched, tensors))


def _is_batched(tensor):
    while _functorch.is_functorch_wrapped_tensor(tensor):
        if _functorch.is_batchedtensor(tensor):
            return True
        tensor = _functorch.get_unwrapped(tensor)
    return False


def has_numbers(*tensors: Tensor) -> bool:
    """Whether the numbers can be looked at: not on the meta device, under vmap or while torch.compile traces."""
    if torch.compiler.is_compiling():
        return False
    return not any(tensor.is_meta for tensor in tensors) and not is_batched(*tensors)


def shows_non_finite(result: Tensor) -> bool:
    """Whether NaN or infinity can be seen in a result. A GPU is not asked: that would mean to wait for it.

    Where a method shows one, the loop that defines it decides: products of matrices spread a NaN to places that must
    not see it, since 0 · NaN is NaN.
    """
    if result.device.type != "cpu" or not has_numbers(result):
        return False
    result = result.detach()
    total = result.sum(dtype=torch.promote_types(result.dtype, torch.float32))  # finite only if all are
    return not math.isfinite(total.item()) and not result.isfinite().all().item()


def batch_first(size: int, dims: tuple, tensors: tuple) -> list[Tensor | None]:
    """What torch hands to the vmap rule of a Function, each tensor with the batch of this size as its first axis."""
    moved = []
    for tensor, dim in zip(tensors, dims, strict=True):
        if tensor is None:
            moved.append(None)
        else:
            moved.append(tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0))
    return moved
