"""The modes of torch that a call may be made in, and what the methods ask about them.

torch.autocast would compute products in 16 bits, torch.func's vmap hands over tensors whose numbers cannot be looked
at, and a tensor on the meta device has a shape and no numbers.
"""

import functools
import inspect
import math
import operator
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch._C import _functorch

HALVES = (torch.float16, torch.bfloat16)
_is_meta = operator.attrgetter("is_meta")


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
    """`forward` of a Function with a setup_context, whose arguments are given by place and in full.

    At every call torch asks for its signature, to fill in what is missing: that takes longer than many a kernel.
    """
    forward.__signature__ = _ByPlace(inspect.signature(forward).parameters.values())
    return forward


class _ByPlace(inspect.Signature):
    """A signature by which arguments stay as they were given."""

    def bind(self, *args):
        return _Given(args)


class _Given(NamedTuple):
    args: tuple
    kwargs: dict = {}  # noqa: RUF012

    def apply_defaults(self):
        """Nothing is missing."""


def is_batched(*tensors: Tensor) -> bool:
    """Whether torch.func.vmap made one of the tensors: it then stands for many, and cannot be looked at."""
    return any(map(_functorch.is_functorch_wrapped_tensor, tensors)) and any(map(_is_batched, tensors))


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
    return not any(map(_is_meta, tensors)) and not is_batched(*tensors)


def shows_non_finite(result: Tensor) -> bool:
    """Whether NaN or infinity can be seen in a result. A GPU is not asked: that would mean to wait for it.

    Where a method shows one, the loop that defines it decides: products of matrices spread a NaN to places that must
    not see it, since 0 · NaN is NaN.
    """
    if not result.is_cpu or not has_numbers(result):
        return False
    result = result.detach()
    # A sum is finite only if all are; in 16 bits it may pass the largest number.
    total = result.sum(dtype=torch.float32) if result.dtype in HALVES else result.sum()
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
