"""Whether every method gives the right numbers on this device: `python -m helpers.bench` asks before it times them.

The oracle is the plain form in float64 on a CPU. A method passes when its largest error is at most twice that of plain
torch in the same dtype on the same device, plus 1e-6 (the rule of FlashAttention's tests), and when the rms of its
error, relative to the rms of what is right, is below 1e-5 in float32 and 5e-3 in 16 bits, or no worse than plain
torch's. Gradients are held to three times that rms: they add up many rounded numbers.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from .attention import attention
from .decode import decode_attention
from .linear_attention import linear_attention
from .min_gru import min_gru
from .newton import newton_recurrence
from .recurrence import elman, gru, lstm
from .scan import linear_recurrence

RMS = {torch.float32: 1e-5, torch.bfloat16: 5e-3, torch.float16: 5e-3}
LENGTHS = (1, 65, 1000)


class Subject(NamedTuple):
    """What is proven: call(method, *tensors), make(T) -> the tensors in float64, the methods, the plain one first."""

    call: Callable
    make: Callable
    methods: tuple[str, ...]


def prove(subject, dtype, device, lengths=LENGTHS):
    """{method: result} of one of the SUBJECTS, the worst of all lengths.

    A result is {"largest", "rms", "passed"}, errors over what is allowed, at most 1 where it passed; {"refused": the
    sentence of a TypeError, ValueError or MemoryError}; or {"error": what else was raised}.
    """
    found = {method: {"largest": 0.0, "rms": 0.0} for method in subject.methods}
    for T in lengths:
        torch.manual_seed(T)
        tensors = [tensor.to(dtype) for tensor in subject.make(T)]
        exact = _evaluate(subject, subject.methods[0], [tensor.double() for tensor in tensors])
        tensors, plain = [tensor.to(device) for tensor in tensors], None
        for method in [method for method in subject.methods if "largest" in found[method]]:
            try:
                errors = _errors(_evaluate(subject, method, tensors), exact)
            except (TypeError, ValueError, MemoryError) as error:
                found[method] = {"refused": str(error)}
                continue
            except Exception as error:  # a kernel that does not compile, say: the others are still to be proven
                found[method] = {"error": f"{type(error).__name__}: {str(error).strip()[:160]}"}
                continue
            plain = plain or errors
            limits = 2 * plain[0] + 1e-6, max(RMS[dtype], plain[1]), 3 * max(RMS[dtype], plain[2])
            # NaN is infinitely wrong, or max() would pass over it.
            parts = [math.inf if math.isnan(e / limit) else e / limit for e, limit in zip(errors, limits, strict=True)]
            largest, rms = max(found[method]["largest"], parts[0]), max(found[method]["rms"], *parts[1:])
            found[method] = {"largest": largest, "rms": rms, "passed": largest <= 1 and rms <= 1}
    return found


def _evaluate(subject, method, tensors):
    """The result, and what its gradients are when the result's is the same pattern everywhere; None without them."""
    tensors = [tensor.detach().requires_grad_() for tensor in tensors]
    result = subject.call(method, *tensors)
    if not result.requires_grad:
        return result, None
    pattern = torch.arange(result.numel(), device=result.device).remainder(7).sub(3).view_as(result)
    return result.detach(), torch.autograd.grad(result, tensors, pattern.to(result.dtype), allow_unused=True)


def _errors(found, exact):
    """Largest error of the result, its relative rms, and that of all gradients together: one alone may be 0."""
    (result, slopes), (wanted, wanted_slopes) = found, exact
    pairs = [] if slopes is None else [pair for pair in zip(slopes, wanted_slopes, strict=True) if pair[1] is not None]
    relative = [_relative(some) if some else 0.0 for some in ([(result, wanted)], pairs)]
    return (result.cpu().double() - wanted).abs().max().item(), *relative


def _relative(pairs):
    errors = sum((found.cpu().double() - wanted).square().sum().item() for found, wanted in pairs)
    return math.sqrt(errors / sum(wanted.square().sum().item() for _, wanted in pairs))


def normal(*shape, scale=1.0):
    return torch.randn(*shape, dtype=torch.float64) * scale


def _heads(T):
    return [normal(2, 3, T, 40) for _ in range(3)]


def _layer(gates, states, T, B=3, width=24, D=40):
    weights = normal(gates * D, width, scale=width**-0.5), normal(gates * D, D, scale=0.5 * D**-0.5)
    return [normal(B, T, width), *weights, *(normal(gates * D, scale=0.3) for _ in range(2)), *states(B, D)]


def _recurrent(layer, gates, names):
    def call(method, *tensors):
        return layer(*tensors[:5], **dict(zip(names, tensors[5:], strict=True)), method=method)

    make = partial(_layer, gates, lambda B, D: [normal(B, D, scale=0.5) for _ in names])
    return Subject(call, make, ("hoisted", "loop", "torch", "graph", "cudnn", "fused"))


def _scan(reverse):
    def call(method, decay, inputs, hidden):
        return linear_recurrence(decay, inputs, hidden=hidden, reverse=reverse, method=method)

    def make(T):
        return [normal(3, T, 40).add(2).sigmoid(), normal(3, T, 40), normal(3, 40)]

    return Subject(call, make, ("loop", "hillis_steele", "blelloch", "chunked", "triton"))


def _newton(method, inputs, weight_ih, weight_hh, bias, _):
    if method == "loop":
        return elman(inputs, weight_ih, weight_hh, bias, method="loop")
    return newton_recurrence(inputs, weight_ih, weight_hh, bias, jacobian=method, tolerance=1e-6, check=False)[0]


def _attention(**options):
    methods = ("naive", "online", "flash", "sdpa")
    return Subject(lambda method, *tensors: attention(*tensors, method=method, **options), _heads, methods)


def _decode(method, query, key, value):
    return decode_attention(query[:, :, :1], key, value, key.shape[2], method=method)


def _linear(method, *tensors):
    return linear_attention(*tensors, method=method)


def _gated(method, *tensors):
    return min_gru(*tensors, positive=True, method=method)


SUBJECTS = {
    "attention": _attention(),
    "attention, causal": _attention(is_causal=True),
    "decode_attention": Subject(_decode, _heads, ("naive", "sdpa", "triton")),
    "linear_attention": Subject(_linear, _heads, ("parallel", "recurrent", "chunked")),
    "elman": _recurrent(elman, 1, ("hidden",)),
    "gru": _recurrent(gru, 3, ("hidden",)),
    "lstm": _recurrent(lstm, 4, ("hidden", "cell")),
    "linear_recurrence": _scan(False),
    "linear_recurrence, reverse": _scan(True),
    # not "log", which is there to lose digits
    "min_gru": Subject(
        _gated, lambda T: [normal(3, T, 24), *normal(2, 40, 24, scale=0.2), *normal(2, 40)], ("loop", "scan")
    ),
    "newton_recurrence": Subject(_newton, partial(_layer, 1, lambda B, D: []), ("loop", "dense", "diagonal")),
}
