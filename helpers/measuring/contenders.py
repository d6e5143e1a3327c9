"""The functions that a contest times beside each other: our methods, and peers with equal results.

make(new, T, *sizes) -> {label: (function, *tensors)}; new(*shape) draws a tensor. A peer that is not installed says so
when it is called.

Three labels compute nothing. "copy" moves as many bytes as the kernel has to: for decode_attention those of the cache;
for linear_recurrence two arrays read and one written, with gradients five read and three written. In
"linear_recurrence, wide", a CPU's, it copies all three arrays: two into memory that was used before and one, since a
result always goes there, into new memory, whose first touch costs Linux more than the copy itself. "copy (used memory)"
and "copy (new memory)" are the same with all three in one kind.
"""

import importlib
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..ops import recurrence
from ..ops.attention import attention
from ..ops.decoding import decode_attention
from ..ops.linear_attention import elu_plus_one, linear_attention
from ..ops.min_gru import min_gru
from ..ops.newton import newton_recurrence
from ..ops.scan import combine, linear_recurrence

BACKENDS = {
    "sdpa flash": SDPBackend.FLASH_ATTENTION,
    "sdpa efficient": SDPBackend.EFFICIENT_ATTENTION,
    "sdpa cudnn": SDPBackend.CUDNN_ATTENTION,
}
ON_GPU = ("flash", "triton", "graph", "fused")  # methods
SHORT = 1024  # steps, up to which a loop in Python takes part


def _methods(function, methods, *tensors, **options):
    """{method: call} of those methods that can run where the tensors are."""
    able = [method for method in methods if tensors[0].is_cuda or method not in ON_GPU]
    return {method: (partial(function, method=method, **options), *tensors) for method in able}


def _if_short(T, *methods):
    """Methods that loop in Python, where the loop is short enough."""
    return methods if T <= SHORT else ()


def _peer(module, name, **options):
    """A function of a package that may be missing: then the call raises ImportError."""
    return lambda *args: getattr(importlib.import_module(module), name)(*args, **options)


def _sdpa(*tensors, **options):
    def by_backend(backend, *tensors):
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(*tensors, **options)

    if tensors[0].is_cuda:
        return {label: (partial(by_backend, backend), *tensors) for label, backend in BACKENDS.items()}
    return {"sdpa": (partial(F.scaled_dot_product_attention, **options), *tensors)}


def _nn(kind, inputs):
    """torch's own layer; it stores what a gradient needs only where one is asked for, as every method does."""
    D = inputs.shape[2]
    module = kind(D, D, batch_first=True, device=inputs.device, dtype=inputs.dtype).train(torch.is_grad_enabled())
    return lambda inputs, *_: module(inputs)[0], inputs, *module.all_weights[0]


def _copy(device, size):
    """Reads and writes `size` bytes together."""
    source = torch.ones(size // 8, device=device)
    return (partial(torch.empty_like(source).copy_, source),)


def make_attention(new, T, tokens, H, D):
    tensors = [new(max(1, tokens // T), H, T, D) for _ in range(3)]
    # naive first: a CPU hands its gigabytes back to the system, and whatever comes next has to ask for memory again.
    methods = ("naive", "online", "flash", "auto")
    return _methods(attention, methods, *tensors, is_causal=True) | _sdpa(*tensors, is_causal=True)


def make_decode(new, T, B, H, D):
    query, key, value = (new(B, H, length, D) for length in (1, T, T))
    calls = _methods(decode_attention, ("auto", "naive"), query, key, value, length=T)
    return calls | _sdpa(query, key, value) | {"copy": _copy(key.device, 2 * key.nbytes)}


def make_linear_attention(new, T, B, H, D):
    tensors = [new(B, H, T, D) for _ in range(3)]
    turned = [tensor.transpose(1, 2).contiguous() for tensor in tensors]  # (B, T, H, D)
    chunked = _peer("fla.ops.linear_attn", "chunk_linear_attn", scale=1.0, normalize=True)

    def fla(query, key, value):
        return chunked(elu_plus_one(query), elu_plus_one(key), value)[0]

    methods = ("chunked", "parallel", *_if_short(T, "recurrent"))
    return _methods(linear_attention, methods, *tensors) | {"fla": (fla, *turned)}


def make_layer(new, T, name, B, D):
    layer = _nn({"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[name], new(B, T, D))
    _, *tensors = layer
    methods = ("torch", "graph", "fused", *_if_short(T, "loop", "hoisted"))
    return _methods(getattr(recurrence, name), methods, *tensors) | {"nn": layer}


def make_scan(new, T, B, D):
    decay, inputs = new(B, T, D).sigmoid(), new(B, T, D)
    turned = [tensor.transpose(1, 2).contiguous() for tensor in (decay, inputs)]  # (B, D, T)
    associative_scan = _peer(
        "torch._higher_order_ops.associative_scan", "associative_scan", dim=1, combine_mode="generic"
    )
    hgrn = _peer("fla.ops.hgrn", "chunk_hgrn")  # it takes the decay's logarithm
    by_hand = () if decay.is_cuda else ("loop", "hillis_steele", "blelloch")
    calls = _methods(linear_recurrence, ("auto", "triton", "chunked", *by_hand), decay, inputs)
    calls["associative_scan"] = (lambda *pair: associative_scan(combine, pair)[1], decay, inputs)
    calls["accelerated-scan"] = (_peer(f"accelerated_scan.{'warp' if decay.is_cuda else 'ref'}", "scan"), *turned)
    calls["fla"] = (lambda inputs, log_decay: hgrn(inputs, log_decay)[0], inputs, decay.log())
    calls["copy"] = _copy(decay.device, (8 if torch.is_grad_enabled() else 3) * inputs.nbytes)
    return calls


def make_scan_and_copies(new, T, B, D):
    """Without the peers: the memory that they leave behind, used or new, would make one of these look quick."""
    decay, inputs, used = new(B, T, D).sigmoid(), new(B, T, D), torch.zeros(3, B, T, D)
    arrays = (decay, inputs, inputs)

    def copy(fresh):
        # In a list, or the second would go where the first has just been given back.
        copies = [array.clone() for array in arrays[:fresh]]
        copies += [target.copy_(array) for target, array in zip(used[fresh:], arrays[fresh:], strict=True)]
        return copies[-1]

    labels = {"copy": 1, "copy (used memory)": 0, "copy (new memory)": 3}
    copies = {label: (partial(copy, fresh),) for label, fresh in labels.items()}
    return _methods(linear_recurrence, ("auto", "chunked"), decay, inputs) | copies


def make_min_gru(new, T, B, D):
    tensors = new(B, T, D), new(D, D) / D**0.5, new(D, D) / D**0.5
    methods = ("scan", "log", *_if_short(T, "loop"))
    return _methods(min_gru, methods, *tensors, positive=True) | {"nn": _nn(nn.GRU, tensors[0])}


def make_newton(new, T, D):
    def solve(jacobian, *tensors):
        states, report = newton_recurrence(*tensors, jacobian=jacobian, check=False)
        if not report.converged:  # its time would be that of another problem
            raise ArithmeticError(f"Newton has not converged: {report}")
        return states

    inputs, weight = new(1, T, D), new(D, D) / D**0.5
    tensors = (inputs, torch.eye(D).to(inputs), weight)
    calls = {jacobian: (partial(solve, jacobian), *tensors) for jacobian in ("dense", "diagonal")}
    return calls | {"nn.RNN": _nn(nn.RNN, inputs), "nn.GRU": _nn(nn.GRU, inputs)}
