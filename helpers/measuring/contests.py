"""What `python -m helpers.bench` times: each kernel beside its peers, and the ratios that it should reach.

A contest has, for every T, functions that compute the same of the same numbers, all with their gradients or all
without. A peer that is not installed says so when it is called. The sizes are those of a GPU, or small ones for a CPU.

Three labels compute nothing. "copy" moves as many bytes as the kernel has to: for decode_attention those of the cache;
for linear_recurrence two arrays read and one written, with gradients five read and three written. In "linear_recurrence,
wide", a CPU's, it copies all three arrays: two into memory that was used before and one, since a result always goes
there, into new memory, whose first touch costs Linux more than the copy itself. "copy (used memory)" and "copy (new
memory)" are the same with all three in one kind.

Below some 50 µs look at the labels too: a pinned backend of torch's pays 10 µs for being chosen, ours 10 for its checks.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

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

BACKENDS = {f"sdpa {it}": getattr(SDPBackend, f"{it.upper()}_ATTENTION") for it in ("flash", "efficient", "cudnn")}
ON_GPU = ("flash", "triton", "graph", "fused")  # methods
SHORT = 1024  # steps, up to which a loop in Python takes part
BEST = f"{' or '.join(BACKENDS)} / auto ≥ 0.97"
# {contest: "peer / ours ≥ ratio"}, at every T, or from some T on; of several peers the fastest.
GOALS = {
    "attention D=64": f"sdpa flash / flash ≥ 1.1; sdpa cudnn / flash ≥ 0.9; {BEST}",
    "attention D=128": f"sdpa flash / flash ≥ 1.1; sdpa cudnn / flash ≥ 0.75; {BEST}",
    # auto leaves the choice to torch
    "decode_attention": "sdpa flash or sdpa efficient / auto ≥ 1; copy / auto ≥ 0.8 from 8192",
    "linear_attention": "fla / chunked ≥ 0.4",
    "lstm D=64": "nn / fused ≥ 1",
    "lstm D=128": "nn / fused ≥ 1; loop / graph ≥ 10",
    "gru D=128": "nn / fused ≥ 1",
    "elman D=128": "nn / fused ≥ 1",
    "linear_recurrence": "copy / triton ≥ 0.9; accelerated-scan / triton ≥ 1; fla / triton ≥ 2",
    "min_gru, trained": "nn / scan ≥ 10 from 4096",
    "newton_recurrence": "nn.GRU / dense ≥ 1 from 16384",
    "attention, memory": "naive / online ≥ 10",
    # a CPU's
    "attention": "sdpa / auto ≥ 0.97",
    "linear_recurrence, narrow": "loop / auto ≥ 30 from 16384; associative_scan or accelerated-scan / auto ≥ 1",
    "linear_recurrence, wide": "copy / auto ≥ 0.83",
    "lstm": "loop / torch ≥ 1",
}


class Contest(NamedTuple):
    """make(new, T, *sizes) -> {label: (function, *arguments)} for each T of lengths; new(*shape) draws a tensor."""

    name: str
    shapes: str
    dtype: str
    lengths: tuple[int, ...]
    make: Callable
    sizes: tuple

    about = property(lambda self: f"{self.shapes}, {self.dtype}")

    def functions(self, T, device):
        """{label: function without arguments} of one point."""
        recurrence._recorded.cache_clear()  # the last point's CUDA graphs, and their memory
        dtype, trains = getattr(torch, self.dtype), self.name.endswith("trained")

        def new(*shape):
            return torch.randn(shape, device=device).to(dtype).requires_grad_(trains)

        with torch.set_grad_enabled(trains):
            made = self.make(new, T, *self.sizes)
        return {label: partial(_call, trains, *call) for label, call in made.items()}


def _call(trains, function, *arguments):
    with torch.set_grad_enabled(trains):
        result = function(*arguments)
    return torch.autograd.grad(result, arguments, torch.ones_like(result)) if result.requires_grad else result


def _methods(function, methods, *tensors, **options):
    there = [method for method in methods if tensors[0].is_cuda or method not in ON_GPU]
    return {method: (partial(function, method=method, **options), *tensors) for method in there}


def _peer(module, name, **options):
    """A function of a package that may be missing: then the call raises ImportError."""
    return lambda *args: getattr(importlib.import_module(module), name)(*args, **options)


def _sdpa(*tensors, **options):
    def pinned(backend, *tensors):
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(*tensors, **options)

    if tensors[0].is_cuda:
        return {label: (partial(pinned, backend), *tensors) for label, backend in BACKENDS.items()}
    return {"sdpa": (partial(F.scaled_dot_product_attention, **options), *tensors)}


def _nn(kind, inputs):
    """torch's own layer; it keeps what a gradient needs only where one is asked for, as every method does."""
    D = inputs.shape[2]
    module = kind(D, D, batch_first=True, device=inputs.device, dtype=inputs.dtype).train(torch.is_grad_enabled())
    return lambda inputs, *_: module(inputs)[0], inputs, *module.all_weights[0]


def _copy(device, size):
    """Reads and writes `size` bytes together."""
    source = torch.ones(size // 8, device=device)
    return (partial(torch.empty_like(source).copy_, source),)


def _attention(new, T, tokens, H, D):
    tensors = [new(max(1, tokens // T), H, T, D) for _ in range(3)]
    # naive first: a CPU hands its gigabytes back to the system, and whatever comes next has to ask for memory again.
    methods = ("naive", "online", "flash", "auto")
    return _methods(attention, methods, *tensors, is_causal=True) | _sdpa(*tensors, is_causal=True)


def _decode(new, T, B, H, D):
    query, key, value = (new(B, H, length, D) for length in (1, T, T))
    functions = _methods(decode_attention, ("auto", "naive"), query, key, value, length=T)
    return functions | _sdpa(query, key, value) | {"copy": _copy(key.device, 2 * key.nbytes)}


def _linear(new, T, B, H, D):
    tensors = [new(B, H, T, D) for _ in range(3)]
    turned = [tensor.transpose(1, 2).contiguous() for tensor in tensors]  # (B, T, H, D)
    fla = _peer("fla.ops.linear_attn", "chunk_linear_attn", scale=1.0, normalize=True)
    functions = _methods(linear_attention, ("chunked", "parallel", *["recurrent"] * (T <= SHORT)), *tensors)
    return functions | {"fla": (lambda q, k, v: fla(elu_plus_one(q), elu_plus_one(k), v)[0], *turned)}


def _layer(new, T, name, B, D):
    theirs = _nn({"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[name], new(B, T, D))
    methods = ("torch", "graph", "fused", *["loop", "hoisted"] * (T <= SHORT))
    return _methods(getattr(recurrence, name), methods, *theirs[1:]) | {"nn": theirs}


def _scan(new, T, B, D):
    decay, inputs = new(B, T, D).sigmoid(), new(B, T, D)
    turned = [tensor.transpose(1, 2).contiguous() for tensor in (decay, inputs)]  # (B, D, T)
    prototype = _peer("torch._higher_order_ops.associative_scan", "associative_scan", dim=1, combine_mode="generic")
    hgrn = _peer("fla.ops.hgrn", "chunk_hgrn")  # it takes the decay's logarithm
    by_hand = [] if decay.is_cuda else ["loop", "hillis_steele", "blelloch"]
    functions = _methods(linear_recurrence, ("auto", "triton", "chunked", *by_hand), decay, inputs) | {
        "associative_scan": (lambda *pair: prototype(combine, pair)[1], decay, inputs),
        "accelerated-scan": (_peer(f"accelerated_scan.{'warp' if decay.is_cuda else 'ref'}", "scan"), *turned),
        "fla": (lambda inputs, log_decay: hgrn(inputs, log_decay)[0], inputs, decay.log()),
    }
    return functions | {"copy": _copy(decay.device, (8 if torch.is_grad_enabled() else 3) * inputs.nbytes)}


def _scan_and_copies(new, T, B, D):
    """Without the peers: what they leave of their memory, used pages or none, would make one of these look quick."""
    decay, inputs, used = new(B, T, D).sigmoid(), new(B, T, D), torch.zeros(3, B, T, D)

    def copy(fresh):
        # In a list, or the second would go where the first has just been given back.
        return [x.clone() if i < fresh else used[i].copy_(x) for i, x in enumerate((decay, inputs, inputs))].pop()

    labels = {"copy": 1, "copy (used memory)": 0, "copy (new memory)": 3}
    copies = {label: (partial(copy, fresh),) for label, fresh in labels.items()}
    return _methods(linear_recurrence, ("auto", "chunked"), decay, inputs) | copies


def _min_gru(new, T, B, D):
    tensors, methods = (new(B, T, D), new(D, D) / D**0.5, new(D, D) / D**0.5), ("scan", "log", *["loop"] * (T <= SHORT))
    return _methods(min_gru, methods, *tensors, positive=True) | {"nn": _nn(nn.GRU, tensors[0])}


def _newton(new, T, D):
    def solved(jacobian, *tensors):
        states, report = newton_recurrence(*tensors, jacobian=jacobian, check=False)
        assert report.converged, report  # or its time would be that of another problem
        return states

    inputs, weight = new(1, T, D), new(D, D) / D**0.5
    tensors = (inputs, torch.eye(D).to(inputs), weight)
    functions = {jacobian: (partial(solved, jacobian), *tensors) for jacobian in ("dense", "diagonal")}
    return functions | {f"nn.{kind.__name__}": _nn(kind, inputs) for kind in (nn.RNN, nn.GRU)}


def _both(name, *rest):
    return Contest(name, *rest), Contest(f"{name}, trained", *rest)


TIMES, LONG = (256, 1024, 4096), (1024, 4096, 16384)
ON = {  # kind of device: its contests
    "cuda": (
        *_both("attention D=64", "(16384 / T, 16, T, 64), causal", "bfloat16", LONG, _attention, (16384, 16, 64)),
        *_both("attention D=128", "(16384 / T, 16, T, 128), causal", "bfloat16", LONG, _attention, (16384, 16, 128)),
        Contest("attention, memory", "(1, 8, T, 64), causal", "bfloat16", (8192,), _attention, (0, 8, 64)),
        Contest("decode_attention", "(4, 32, 1, 128), T keys", "bfloat16", (1024, 8192, 32768), _decode, (4, 32, 128)),
        Contest("linear_attention", "(4, 16, T, 64), causal", "bfloat16", LONG, _linear, (4, 16, 64)),
        # cuDNN is at its best in float16; in float32 nn may use TF32, and ours does not.
        *_both("lstm D=64", "(16, T, 64)", "float16", TIMES, _layer, ("lstm", 16, 64)),
        *_both("lstm D=128", "(16, T, 128)", "float16", TIMES, _layer, ("lstm", 16, 128)),
        *_both("gru D=128", "(16, T, 128)", "float16", TIMES, _layer, ("gru", 16, 128)),
        *_both("elman D=128", "(16, T, 128)", "float16", TIMES, _layer, ("elman", 16, 128)),
        *_both("lstm D=768", "(16, T, 768)", "float16", TIMES, _layer, ("lstm", 16, 768)),
        Contest("lstm D=128, float32", "(16, T, 128)", "float32", TIMES, _layer, ("lstm", 16, 128)),
        *_both("linear_recurrence", "(8, T, 1024)", "float32", (*LONG, 65536), _scan, (8, 1024)),
        Contest("min_gru, trained", "(16, T, 768)", "float16", LONG, _min_gru, (16, 768)),
        Contest("newton_recurrence", "(1, T, 16), gain 1", "float32", (*LONG, 131072), _newton, (16,)),
    ),
    "cpu": (
        Contest("attention", "(1, 4, T, 64), causal", "float32", (512, 2048), _attention, (0, 4, 64)),
        Contest("attention, memory", "(1, 1, T, 64), causal", "float32", (8192,), _attention, (0, 1, 64)),
        Contest("decode_attention", "(1, 8, 1, 64), T keys", "float32", (1024, 4096), _decode, (1, 8, 64)),
        Contest("linear_attention", "(1, 4, T, 64), causal", "float32", (1024, 4096), _linear, (1, 4, 64)),
        Contest("linear_recurrence, narrow", "(1, T, 16)", "float32", (1024, 16384), _scan, (1, 16)),
        Contest("linear_recurrence, wide", "(8, T, 256)", "float32", (4096,), _scan_and_copies, (8, 256)),
        Contest("lstm", "(8, T, 256)", "float32", (64, 256, 1024), _layer, ("lstm", 8, 256)),
        Contest("min_gru, trained", "(8, T, 64)", "float32", (1024,), _min_gru, (8, 64)),
    ),
}
CONTESTS = {kind: {contest.name: contest for contest in there} for kind, there in ON.items()}
