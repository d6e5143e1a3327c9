"""What a person reads when an argument does not fit: what was given, what was expected, what to do.

A remedy is a call that works when it is made: what can be tried on the shapes is tried first, and where no call is
known to help, none is named.
"""

import difflib
import functools
import math
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Number, Real
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
AGREE = "make them agree"


def require_word(name: str, word: Any, known: Sequence[str]) -> str:
    """Return `word` if it is one of the known ones; raise a ValueError that names the nearest.

    >>> require_word("method", "loop", ("auto", "loop"))
    'loop'
    """
    if word in known:
        return word
    nearest = difflib.get_close_matches(str(word), known, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(f"{name}={word!r} is unknown; it is one of {', '.join(map(repr, known))}.{hint}")


def require_sizes(**sizes: Any) -> list[int]:
    """Return the sizes as a list of ints.

    Raises TypeError for a size that is not a whole number, ValueError for one below 1, and ValueError when both d and
    heads are given and heads does not divide d.

    >>> require_sizes(d=8, heads=2)
    [8, 2]
    """
    for name, size in sizes.items():
        if not is_whole(size):
            raise TypeError(f"{name}={size!r} was given; expected a whole number, such as {name}=8.")
        if operator.index(size) < 1:
            reason = "an empty time axis has no step to compute" if name == "T" else "there is nothing to compute"
            raise ValueError(f"{name}={size} was given: {reason}. Give {name}=1 or more.")
    d, heads = sizes.get("d", 0), sizes.get("heads", 1)
    if d % heads:
        divisors = ", ".join(str(n) for n in range(1, d + 1) if d % n == 0)
        raise ValueError(f"d={d} cannot be split into heads={heads} of equal width. Give one of {divisors} heads.")
    return [operator.index(size) for size in sizes.values()]


def is_whole(number: Any) -> bool:
    """Whether this is one whole number; True and False are none.

    >>> is_whole(np.int64(3)), is_whole(3.0), is_whole(np.array([3, 4]))
    (True, False, False)
    """
    try:
        operator.index(number)
    except (TypeError, RuntimeError):  # an array or a tensor says only when it is asked whether it is one
        return False
    return not isinstance(number, bool | np.bool_)


def refuse(function: str, method: str, reason: str, instead: str) -> NoReturn:
    """Raise the ValueError that says why a method cannot run here, on this device or these tensors, and what to use."""
    raise ValueError(f"{function}'s method {method!r} cannot do this here: {reason}; use {instead}.")


def require_scale(function: str, scale: Any) -> float:
    """The scale as a float; a ValueError unless it is one finite number."""
    if not isinstance(scale, Real) or not math.isfinite(scale):
        raise ValueError(f"{function}: scale is {scale!r}; give one finite number, or leave it out for 1/√D.")
    return float(scale)


def shape(tensor: torch.Tensor) -> str:
    """A tensor's shape as people write it.

    >>> shape(torch.zeros(2, 3, 4))
    '(2, 3, 4)'
    """
    return str(tuple(tensor.shape))


def require_tensors(
    function: str, spec: Mapping[str, str], tensors: Mapping[str, Any], remedies: Mapping[str, str] | None = None
) -> None:
    """Raise unless the tensors fit `spec`, {"inputs": "B T Din", "weight_hh": "4·D D", "hidden": "[B D]"}.

    An axis has one size wherever its name stands; 4·D is four times D; "…" is any number of leading axes, the same in
    all tensors; a tensor in brackets may be None. tensors: {name: tensor}. remedies: {name of the tensor or of the axis
    that does not fit: what to do}.

    Raises TypeError (no tensor, not floating point, dtypes or devices differ), ValueError (the shapes).

    >>> tensors = {"inputs": torch.ones(2, 3, 4), "weight": torch.eye(5)}
    >>> require_tensors("f", {"inputs": "B T D", "weight": "D D"}, tensors)
    Traceback (most recent call last):
        ...
    ValueError: f needs inputs (B, T, D), weight (D, D), got inputs (2, 3, 4), weight (5, 5): D is 4 in inputs and 5 ...
    """
    signature = _signature(function, spec, tensors)
    if signature not in _FITTING:
        _require_all(function, spec, tensors, remedies or {})
        if len(_FITTING) >= MOST_SIGNATURES:
            _FITTING.clear()
        if signature is not None:
            _FITTING.add(signature)


# What has fitted once fits again: a lesson calls with the same shapes a thousand times.
_FITTING = set()
MOST_SIGNATURES = 4096
_everything_checked = operator.attrgetter("shape", "dtype", "device", "layout")


def _signature(function, spec, tensors):
    """All that the answer depends on; None where it cannot be looked up."""
    if torch.compiler.is_compiling():
        return None
    try:
        seen = [tensor if tensor is None else _everything_checked(tensor) for tensor in tensors.values()]
        signature = (function, *tensors, *spec.items(), *seen)
        hash(signature)
    except (AttributeError, RuntimeError, TypeError):  # no tensors, nested ones, sizes that are symbols
        return None
    return signature


def _require_all(function, spec, tensors, remedies):
    tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None or spec[name][0] != "["}
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{function}: {_no_tensor(name, tensor, spec[name])}.")
        if tensor.dtype not in FLOATS or tensor.is_nested:
            raise TypeError(f"{function}: {_no_real_numbers(name, tensor, tensors)}.")
    _require_one("dtype", function, {name: tensor.dtype for name, tensor in tensors.items()})
    _require_one("device", function, {name: tensor.device for name, tensor in tensors.items()})
    axes = {name: _axes(spec[name]) for name in tensors}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    problem = _ranks(axes, shapes, remedies) or _empty(axes, shapes) or _sizes(axes, shapes, remedies)
    if problem:
        expected = ", ".join(f"{name} {_in_words(spec[name])}" for name in tensors)
        actual = ", ".join(f"{name} {shape(tensor)}" for name, tensor in tensors.items())
        raise ValueError(f"{function} needs {expected}, got {actual}: {problem}.")


# No tensors, or no real numbers in them.


def _no_tensor(name, value, spec):
    """What `value` is and how a tensor is made of it, if one call makes one; else the shape that is needed."""
    kind = f"{name} is a {type(value).__name__}"
    if isinstance(value, PackedSequence):
        return f"{kind}; unpack it with torch.nn.utils.rnn.pad_packed_sequence({name}, batch_first=True)[0]"
    first = value
    while isinstance(first, list | tuple) and first:
        first = first[0]
    if isinstance(first, torch.Tensor) and first is value[0]:
        same = isinstance(value, list) and len({getattr(part, "shape", None) for part in value}) == 1
        remedy = f"join them with torch.stack({name})" if same else f"give one of them, as {name}[0] is"
        return f"{kind} of {len(value)} tensors; {remedy}"
    if isinstance(value, np.ndarray) or (isinstance(value, list | tuple) and isinstance(first, Number)):
        return f"{kind}, not a torch tensor; make one with torch.tensor({name})"
    return f"{kind}; give a torch tensor of shape {_in_words(spec)}"


def _no_real_numbers(name, tensor, tensors):
    """Why the numbers of a tensor cannot be taken, and what to do."""
    if tensor.is_nested:
        return f"{name} is a nested tensor; pad it with torch.nested.to_padded_tensor({name}, 0.0)"
    if tensor.is_complex():
        return f"{name} holds {tensor.dtype}, and only real numbers are taken; if all are real, give {name}.real"
    dtypes = [other.dtype for other in tensors.values() if getattr(other, "dtype", None) in FLOATS]
    wanted = dtypes[0] if dtypes else torch.float32
    call = f"{name}.float()" if wanted == torch.float32 else f"{name}.to({wanted})"
    return f"{name} holds {tensor.dtype}; use {call} to make it floating point"


def _require_one(attribute, function, values):
    """Raise a TypeError unless all tensors have the same dtype, or lie on the same device: {name: its value}."""
    if len(set(values.values())) < 2:
        return
    listed = ", ".join(f"{name} {value}" for name, value in values.items())
    numbered = [value for value in values.values() if str(value) != "meta"]
    ((majority, _),) = Counter(numbered).most_common(1)
    model = next(name for name, value in values.items() if value == majority)
    others = [name for name, value in values.items() if value != majority]
    if len(numbered) < len(values):
        remedy = f"a tensor on meta holds no numbers, so make {' and '.join(others)} on {majority}"
    else:
        remedy = f"make them agree, as {_do(f'{name}.to({model}.{attribute})' for name in others)}"
    raise TypeError(f"{function}: the tensors differ in {attribute} ({listed}); {remedy}.")


# Shapes.


class Axis(NamedTuple):
    """One axis of a spec: 4·D is Axis(4, "D"), B is Axis(1, "B")."""

    times: int
    name: str


class Misfit(NamedTuple):
    """The first axis that does not fit: in which tensor, its name, and what is wrong, in words."""

    tensor: str
    axis: str
    fault: str


@functools.cache
def _axes(spec):
    """ "4·D Din" as (Axis(4, "D"), Axis(1, "Din"))."""
    parts = [axis.rpartition("·") for axis in spec.strip("[]").split()]
    return tuple(Axis(int(times or 1), name) for times, _, name in parts)


def _in_words(spec):
    """ "4·D Din" as "(4·D, Din)"."""
    return f"({', '.join(spec.strip('[]').split())})"


def _do(calls):
    """ "a() does", "a() and b() do"."""
    calls = list(calls)
    return f"{' and '.join(calls)} {'do' if len(calls) > 1 else 'does'}"


def _empty(axes, shapes):
    """What to do about the first tensor without a number in it; None if there is none. Every tensor has its axes."""
    for name, sizes in shapes.items():
        if 0 in sizes:
            place = sizes.index(0) - len(sizes)  # from the right: on the left any number of axes may stand
            axis = axes[name][place].name if -place <= len(axes[name]) else "…"
            return f"{name} is empty, as {'a leading axis' if axis == '…' else axis} is 0; give at least 1"
    return None


def _missing_axes(axes, sizes):
    """How many axes are missing; below 0: how many are too many."""
    if axes[0].name == "…":
        return max(0, len(axes) - 1 - len(sizes))
    return len(axes) - len(sizes)


def _ranks(axes, shapes, remedies):
    """What to do about the first tensor with too few or too many axes, in words; None if there is none."""
    missing = {name: _missing_axes(axes[name], sizes) for name, sizes in shapes.items()}
    wrong = [name for name in missing if missing[name]]
    if not wrong:
        return None
    name = wrong[0]
    remedy = remedies.get(name)
    if not remedy:
        remedy = "add the missing one" if missing[name] > 0 else "drop one"
        calls = _suggest_axes(axes, shapes, missing)
        remedy += f", as {_do(calls)}" if calls else ""
    needed = len(axes[name])
    needed = f"{needed - 1} or more" if axes[name][0].name == "…" else needed
    return f"{name} has {len(shapes[name])} instead of {needed} axes; {remedy}"


def _suggest_axes(axes, shapes, missing):
    """The calls that add or drop axes of size 1 and make all tensors fit; [] if they do not."""
    calls, changed = [], dict(shapes)
    for name, count in missing.items():
        if count > 0:
            calls.append(f"{name}[{', '.join(['None'] * count)}]")
            changed[name] = (1,) * count + shapes[name]
        elif count == -1 and 1 in shapes[name]:
            place = shapes[name].index(1)
            calls.append(f"{name}.squeeze({place})")
            changed[name] = shapes[name][:place] + shapes[name][place + 1 :]
        elif count < 0:
            return []
    return [] if _misfit(axes, changed) else calls


def _sizes(axes, shapes, remedies):
    """What to do about the first axis with two sizes, in words; None if all agree."""
    misfit = _misfit(axes, shapes)
    if misfit is None:
        return None
    transposed = _suggest_transpose(axes, shapes, misfit.tensor)
    if transposed:
        return f"{misfit.fault}; try {transposed}"
    return f"{misfit.fault}; {remedies.get(misfit.tensor, remedies.get(misfit.axis, AGREE))}"


def _misfit(axes, shapes):
    """The first axis that has two sizes; None if all agree. Every tensor has the axes that it needs."""
    known = {}  # axis: its size, and the tensor that has it
    for name, sizes in shapes.items():
        for (times, axis), size in _sizes_of(axes[name], sizes):
            if axis == "1" and size != 1:
                return Misfit(name, axis, f"{name} has {size} for 1")
            if times > 1:
                if size % times:
                    return Misfit(name, axis, f"{name} has {size} for {times}·{axis}, no multiple of {times}")
                size //= times
            expected, owner = known.setdefault(axis, (size, name))
            if size != expected:
                return Misfit(name, axis, f"{axis} is {expected} in {owner} and {size} in {name}")
    return None


def _sizes_of(axes, sizes):
    """(axis, its size), axis by axis; the leading axes that "…" stands for have one size together, a tuple."""
    if axes[0].name == "…":
        leading = len(sizes) - len(axes) + 1
        yield axes[0], sizes[:leading]
        axes, sizes = axes[1:], sizes[leading:]
    yield from zip(axes, sizes, strict=True)


def _suggest_transpose(axes, shapes, wrong):
    """The transposes that make all fit, as "weight_ih.T and weight_hh.T"; None if they do not."""
    weights = [name for name in shapes if name.startswith("weight")]
    for names in ([wrong], weights):
        turned = {name: shapes[name][::-1] for name in names if len(axes[name]) == len(shapes[name]) == 2}
        if turned and _misfit(axes, shapes | turned) is None:
            return " and ".join(f"{name}.T" for name in turned)
    return None
