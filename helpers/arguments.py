"""What a person reads when an argument does not fit: what was given, what is possible, what to do."""

import difflib

import torch


def choose_method(method, methods, function):
    """Return `method` if it is one of `methods`; raise a ValueError that names the nearest one."""
    if method in methods:
        return method
    near = difflib.get_close_matches(str(method), methods, n=1)
    nearest = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{function} has no method {method!r}; it has {', '.join(map(repr, methods))}.{nearest}")


def require_float(function, **tensors):
    """Raise a TypeError unless every tensor is a floating-point torch tensor of one dtype on one device."""
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{function}: {name} is a {type(tensor).__name__}, not a torch tensor; use torch.tensor(…).")
        if not tensor.is_floating_point():
            raise TypeError(f"{function}: {name} holds {tensor.dtype}; use {name}.float() to make it floating point.")
    for what, remedy in (("dtype", ".to(dtype)"), ("device", ".to(device)")):
        kinds = {name: str(getattr(tensor, what)) for name, tensor in tensors.items()}
        if len(set(kinds.values())) > 1:
            listed = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
            raise TypeError(f"{function}: the tensors differ in {what} ({listed}); bring them together with {remedy}.")


def shape(tensor):
    """(2, 3, 4): a tensor's shape as people write it."""
    return str(tuple(tensor.shape))
