"""What a person reads when an argument does not fit: what was given, what is possible, what to do."""

import difflib
import functools
import math
import operator
from numbers import Real

import torch

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
AGREE = "make them agree"


def require_word(name, word, known):
    """Return `word` if it is one of the known ones; raise a ValueError that names the nearest."""
    if word in known:
        return word
    nearest = "".join(f" Did you mean {near!r}?" for near in difflib.get_close_matches(str(word), known, n=1))
    raise ValueError(f"{name}={word!r} is unknown; it is one of {', '.join(map(repr, known))}.{nearest}")


def require_sizes(**sizes):
    """Return the sizes as a list of ints. Raises TypeError for what is no whole number, ValueError below 1, and
    ValueError when both d and heads are given and heads does not divide d."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not hasattr(size, "__index__"):
            raise TypeError(f"{name}={size!r} was given; expected a whole number, such as {name}=8.")
        if operator.index(size) < 1:
            why = "an empty time axis has no step to compute" if name == "T" else "there is nothing to compute"
            raise ValueError(f"{name}={size} was given: {why}. Give {name}=1 or more.")
    d, heads = sizes.get("d", 0), sizes.get("heads", 1)
    if d % heads:
        fitting = ", ".join(str(n) for n in range(1, d + 1) if d % n == 0)
        raise ValueError(f"d={d} cannot be split into heads={heads} of equal width. Give one of {fitting} heads.")
    return [operator.index(size) for size in sizes.values()]


def require_able(function, method, instead, refused):
    """Raise a ValueError with the first reason in {reason: whether it holds}; a reason None is none."""
    for reason, holds in refused.items():
        if reason and holds:
            raise ValueError(f"{function}'s method {method!r} cannot do this here: {reason}; use {instead}.")


def require_tensors(function, spec, given, remedies=None):
    """Raise unless the tensors fit `spec`, {"inputs": "B T Din", "weight_hh": "4·D D", "hidden": "[B D]"}.

    An axis has one size wherever its name stands, 4·D is four times D, "…" any number of leading axes, the same in all;
    what is in brackets may be None. given: {name: tensor}; remedies: {tensor or axis that does not fit: what to do}.
    TypeError: what is no tensor, not floating point, or differs in dtype or device. ValueError: the shapes.
    """
    given = {name: tensor for name, tensor in given.items() if tensor is not None or spec[name][0] != "["}
    for name, tensor in given.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"{function}: {name} is a {type(tensor).__name__}, no torch tensor; give one, by torch.tensor(…) say."
            )
        if tensor.dtype not in FLOATS:
            raise TypeError(f"{function}: {name} holds {tensor.dtype}; use {name}.float() to make it floating point.")
    for what in ("dtype", "device"):
        kinds = {name: getattr(tensor, what) for name, tensor in given.items()}
        if len(set(kinds.values())) > 1:
            listed = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
            raise TypeError(f"{function}: the tensors differ in {what} ({listed}); make them agree with .to({what}).")
    axes = {name: _axes(spec[name]) for name in given}
    misfit = _misfit(axes, {name: tuple(tensor.shape) for name, tensor in given.items()}, remedies or {})
    if misfit:
        wanted = ", ".join(f"{name} ({', '.join(spec[name].strip('[]').split())})" for name in given)
        found = ", ".join(f"{name} {shape(tensor)}" for name, tensor in given.items())
        raise ValueError(f"{function} needs {wanted}, got {found}: {misfit}.")


@functools.cache
def _axes(text):
    """ "4·D Din" as ((4, "D"), (1, "Din"))."""
    parts = [axis.rpartition("·") for axis in text.strip("[]").split()]
    return tuple((int(times or 1), letter) for times, _, letter in parts)


def _misfit(spec, shapes, remedies):
    """The first place where the shapes disagree, and what to do, in words; None if they fit."""
    seen = {"1": (1, "")}  # axis: its size, and the tensor that has it
    for name, sizes in shapes.items():
        axes, fault = spec[name], None
        if 0 in sizes:
            return f"{name} is empty, and of nothing there is no result; leave the empty part out"
        lead = len(sizes) - len(axes) + 1
        if axes[0][1] == "…" and lead >= 0:
            sizes = (sizes[:lead], *sizes[lead:])
        if len(sizes) != len(axes):
            one = f", as {name}.squeeze({sizes.index(1)}) does" if 1 in sizes else ""
            remedy = f"add the missing one, as {name}[None] does" if len(sizes) < len(axes) else f"drop one{one}"
            return f"{name} has {len(sizes)} instead of {len(axes)} axes; {(remedies or {}).get(name, remedy)}"
        for (times, letter), size in zip(axes, sizes, strict=True):
            if times > 1:
                fault = f"{name} has {size} for {times}·{letter}, no multiple of {times}" if size % times else None
                size //= times
            known, where = seen.setdefault(letter, (size, name))
            if known != size and not fault:
                fault = f"{letter} is {known} in {where} and {size} in {name}" if where else f"{name} has {size} for 1"
            if fault and remedies is None:
                return fault
            if fault:
                for some in ([name], [weight for weight in shapes if weight.startswith("weight")]):
                    turned = {one: shapes[one][::-1] for one in some if len(spec[one]) == 2}
                    if turned and not _misfit(spec, shapes | turned, None):
                        return f"{fault}; try {' and '.join(f'{one}.T' for one in turned)}"
                return f"{fault}; {remedies.get(name, remedies.get(letter, AGREE))}"
    return None


def require_scale(function, scale):
    """The scale as a float; a ValueError unless it is one finite number."""
    if not isinstance(scale, Real) or not math.isfinite(scale):
        raise ValueError(f"{function}: scale is {scale!r}; give one finite number, or leave it out for 1/√D.")
    return float(scale)


def shape(tensor):
    """(2, 3, 4): a tensor's shape as people write it."""
    return str(tuple(tensor.shape))
