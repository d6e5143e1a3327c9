"""What a person reads when an argument does not fit: what was given, what is possible, what to do."""

import difflib
import math
from numbers import Real

import torch

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def choose_method(method, methods, function):
    """Return `method` if it is one of `methods`; raise a ValueError that names the nearest one."""
    if method in methods:
        return method
    near = difflib.get_close_matches(str(method), methods, n=1)
    nearest = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{function} has no method {method!r}; it has {', '.join(map(repr, methods))}.{nearest}")


def require_float(function, **tensors):
    """Raise a TypeError unless every tensor is a torch tensor of one of the FLOATS, all of one dtype on one device."""
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"{function}: {name} is a {type(tensor).__name__}, not a torch tensor; use torch.tensor(…)."
            )
        if tensor.dtype not in FLOATS:
            raise TypeError(f"{function}: {name} holds {tensor.dtype}; use {name}.float() to make it floating point.")
    for what, remedy in (("dtype", ".to(dtype)"), ("device", ".to(device)")):
        kinds = {name: str(getattr(tensor, what)) for name, tensor in tensors.items()}
        if len(set(kinds.values())) > 1:
            listed = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
            raise TypeError(f"{function}: the tensors differ in {what} ({listed}); bring them together with {remedy}.")


def require_scale(function, scale):
    """The scale as a float; a TypeError or ValueError unless it is one finite number."""
    if not isinstance(scale, Real):
        raise TypeError(f"{function}: scale is a {type(scale).__name__}, and must be one number; use float(scale).")
    if not math.isfinite(scale):
        raise ValueError(f"{function}: scale is {scale}, and must be finite; leave it out for 1/√D.")
    return float(scale)


def shape(tensor):
    """(2, 3, 4): a tensor's shape as people write it."""
    return str(tuple(tensor.shape))
