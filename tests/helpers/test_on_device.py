"""Whether every method gives the right numbers on this device: the GPU where there is one, else the CPU.

The oracle is the plain form in float64 on a CPU. A method passes when its largest error is at most twice that of plain
torch in the same dtype on the same device, plus 1e-6 (the rule of FlashAttention's tests), and when the rms of its
error, relative to the rms of what is right, is below 1e-5 in float32 and 5e-3 in 16 bits, or no worse than plain
torch's. Gradients are held to three times that rms: they add up many rounded numbers. What torch and cuDNN compute
themselves is held to PEERS' wider limit: cuDNN's own float32 was off by 7e-6 on an H200, without TF32.

It needs torch and pytest alone. `python tests/gpu.py` and `python -m helpers.bench` run it in several processes.
"""

import functools
import math
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch

import helpers

DEVICE = helpers.device()
torch.backends.cudnn.allow_tf32 = False  # or cuDNN's recurrent layers round products of float32 to TF32
# T and width; a kernel has other branches for widths that are powers of two, and for the widest.
SIZES = [(1, 40), (2, 64), (65, 128), (1000, 16)]
if DEVICE.type == "cuda":
    SIZES += [(64, 128), (65, 40), (1000, 64), (4097, 128)]
RMS = {torch.float32: 1e-5, torch.bfloat16: 5e-3, torch.float16: 5e-3}
PEERS = {"torch": 2e-5, "cudnn": 2e-5, "sdpa": 2e-5}  # methods that hold no code of ours: error, and its relative rms


class Subject(NamedTuple):
    """What is proven: call(method, *tensors), make(T, D) -> tensors in float64, the methods, the plain one first."""

    call: Callable
    make: Callable
    methods: tuple[str, ...]


def normal(*shape, scale=1.0):
    return torch.randn(*shape, dtype=torch.float64) * scale


def _heads(T, D):
    return [normal(2, 3, T, D) for _ in range(3)]


def _layer(gates, T, D, B=3, width=24):
    weights = normal(gates * D, width, scale=width**-0.5), normal(gates * D, D, scale=0.5 * D**-0.5)
    biases = normal(gates * D, scale=0.3), normal(gates * D, scale=0.3)
    return [normal(B, T, width), *weights, *biases, *(normal(B, D, scale=0.5) for _ in range(2))]


def _recurrent(layer, gates, states):
    def call(method, *tensors):
        return layer(*tensors[:5], **dict(zip(states, tensors[5:], strict=True)), method=method)

    methods = ("loop", "hoisted", "torch", "graph", "cudnn", "fused")
    return Subject(call, lambda T, D: _layer(gates, T, D)[: 5 + len(states)], methods)


def _scan(reverse):
    def call(method, decay, inputs, hidden):
        return helpers.linear_recurrence(decay, inputs, hidden=hidden, reverse=reverse, method=method)

    def make(T, D):
        return [normal(3, T, D).add(2).sigmoid(), normal(3, T, D), normal(3, D)]

    return Subject(call, make, ("loop", "hillis_steele", "blelloch", "chunked", "triton"))


def _newton(method, *tensors):
    if method == "loop":
        return helpers.elman(*tensors, method="loop")
    return helpers.newton_recurrence(*tensors, jacobian=method, tolerance=1e-6, check=False)[0]


def _attention(is_causal):
    def call(method, *tensors):
        return helpers.attention(*tensors, is_causal=is_causal, method=method)

    return Subject(call, _heads, ("naive", "online", "flash", "sdpa"))


def _decode(method, query, key, value):
    return helpers.decode_attention(query[:, :, :1], key, value, key.shape[2], method=method)


def _linear(method, *tensors):
    return helpers.linear_attention(*tensors, method=method)


def _gates(T, D):
    return [normal(3, T, 24), *(normal(D, 24, scale=0.2) for _ in range(2)), normal(D), normal(D)]


def _min_gru(method, *tensors):
    return helpers.min_gru(*tensors, positive=True, method=method)


SUBJECTS = {
    "attention": _attention(False),
    "attention, causal": _attention(True),
    "decode_attention": Subject(_decode, _heads, ("naive", "sdpa")),
    "linear_attention": Subject(_linear, _heads, ("parallel", "recurrent", "chunked")),
    "elman": _recurrent(helpers.elman, 1, ("hidden",)),
    "gru": _recurrent(helpers.gru, 3, ("hidden",)),
    "lstm": _recurrent(helpers.lstm, 4, ("hidden", "cell")),
    "linear_recurrence": _scan(False),
    "linear_recurrence, reverse": _scan(True),
    "min_gru": Subject(_min_gru, _gates, ("loop", "scan")),  # not "log", which is there to lose digits
    "newton_recurrence": Subject(_newton, lambda T, D: _layer(1, T, D)[:4], ("loop", "dense", "diagonal")),
}
CASES = [
    pytest.param(name, method, dtype, id=f"{name}-{method}-{str(dtype).removeprefix('torch.')}")
    for name, subject in SUBJECTS.items()
    for dtype in RMS  # before the methods, which are held against one reference
    for method in subject.methods
]


@pytest.mark.parametrize(("name", "method", "dtype"), CASES)
def test_a_method_is_as_exact_as_plain_torch(name, method, dtype):
    for T, D in SIZES:
        tensors, exact, plain = _reference(name, dtype, T, D)
        try:
            result = _evaluate(SUBJECTS[name], method, tensors)
        except (TypeError, ValueError, MemoryError) as refusal:
            if not re.match(rf"{name.partition(',')[0]}('s method '{method}' cannot| solves in)", str(refusal)):
                raise
            pytest.skip(str(refusal))
        largest, rms, slopes = _errors(result, exact)
        limits = (
            2 * plain[0] + PEERS.get(method, 1e-6),
            max(RMS[dtype], plain[1], PEERS.get(method, 0.0)),
            3 * max(RMS[dtype], plain[2], PEERS.get(method, 0.0)),
        )
        # NaN is below no limit.
        assert largest <= limits[0], f"at T = {T} the largest error is {largest:.2g}, above {limits[0]:.2g}"
        assert rms <= limits[1], f"at T = {T} the error's relative rms is {rms:.2g}, above {limits[1]:.2g}"
        assert slopes <= limits[2], f"at T = {T} that of the gradients is {slopes:.2g}, above {limits[2]:.2g}"


@functools.lru_cache(maxsize=len(SIZES))  # those of one name and dtype, which are tested together
def _reference(name, dtype, T, D):
    """The tensors on this device, what is exact, and the errors of plain torch."""
    subject = SUBJECTS[name]
    torch.manual_seed(T)
    tensors = [tensor.to(dtype) for tensor in subject.make(T, D)]
    exact = _evaluate(subject, subject.methods[0], [tensor.double() for tensor in tensors])
    tensors = [tensor.to(DEVICE) for tensor in tensors]
    return tensors, exact, _errors(_evaluate(subject, subject.methods[0], tensors), exact)


def _evaluate(subject, method, tensors):
    """The result, and what its gradients are when the result's is the same pattern everywhere."""
    tensors = [tensor.detach().requires_grad_() for tensor in tensors]
    result = subject.call(method, *tensors)
    pattern = torch.arange(result.numel(), device=result.device).remainder(7).sub(3).view_as(result)
    return result.detach(), torch.autograd.grad(result, tensors, pattern.to(result.dtype))


def _errors(computed, exact):
    """Largest error of the result, its relative rms, and that of all gradients together: one alone may be 0."""
    (result, slopes), (exact_result, exact_slopes) = computed, exact
    largest = (result.cpu().double() - exact_result).abs().max().item()
    return largest, _relative([result], [exact_result]), _relative(slopes, exact_slopes)


def _relative(results, exact):
    errors = sum((a.cpu().double() - b).square().sum().item() for a, b in zip(results, exact, strict=True))
    return math.sqrt(errors / sum(b.square().sum().item() for b in exact))
