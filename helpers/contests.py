"""What `python -m helpers.bench` times: each kernel beside its peers, and the ratios that it should reach.

A contest gives for every T functions of the same arguments that compute the same, or, under "copy", move as many bytes.
A peer that is not installed says so when it is called. The sizes are those of a GPU, or small ones for a CPU.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from . import recurrence
from .attention import attention
from .decode import decode_attention
from .linear_attention import elu_plus_one, linear_attention
from .min_gru import min_gru
from .newton import newton_recurrence
from .scan import combine, linear_recurrence

BACKENDS = {"sdpa flash": "FLASH_ATTENTION", "sdpa efficient": "EFFICIENT_ATTENTION", "sdpa cudnn": "CUDNN_ATTENTION"}
SHORT = 1024  # steps, up to which a loop in Python takes part


@dataclass(frozen=True)
class Contest:
    """make(T) -> ({label: function}, their arguments), for T in values; about: what is computed, in which shapes.

    trains: together with the gradients of the arguments. unit: "s", or "B" for the peak of memory.
    """

    name: str
    about: str
    values: tuple[int, ...]
    make: Callable
    trains: bool = False
    unit: str = "s"

    def functions(self, T):
        """{label: function without arguments} of one point."""
        functions, arguments = self.make(T)
        for tensor in arguments:
            tensor.requires_grad_(self.trains)
        return {label: partial(self._call, function, arguments) for label, function in functions.items()}

    def _call(self, function, arguments):
        with torch.set_grad_enabled(self.trains):
            result = function(*arguments)
        if not result.requires_grad:
            return result
        return torch.autograd.grad(result, arguments, torch.ones_like(result), allow_unused=True)


@dataclass(frozen=True)
class Goal:
    """peer over ours, of several peers the smallest, is at least `least` at every T from `start` on."""

    contest: str
    peers: tuple[str, ...]
    ours: str
    least: float
    start: int = 1


_OTHERS = tuple(BACKENDS)
GOALS = {
    "cuda": (
        Goal("attention D=64", ("sdpa flash",), "flash", 1.1),
        Goal("attention D=128", ("sdpa flash",), "flash", 1.1),
        Goal("attention D=64", ("sdpa cudnn",), "flash", 0.9),
        Goal("attention D=128", ("sdpa cudnn",), "flash", 0.75),
        Goal("attention D=64", _OTHERS, "auto", 0.97),
        Goal("attention D=128", _OTHERS, "auto", 0.97),
        Goal("attention, memory", ("naive",), "online", 10),
        Goal("decode_attention", ("sdpa flash", "sdpa efficient"), "auto", 1),
        Goal("decode_attention", ("copy",), "auto", 0.8, start=8192),
        Goal("linear_attention", ("fla",), "chunked", 0.4),
        Goal("lstm D=64", ("nn",), "fused", 1),
        Goal("lstm D=128", ("nn",), "fused", 1),
        Goal("gru D=128", ("nn",), "fused", 1),
        Goal("elman D=128", ("nn",), "fused", 1),
        Goal("lstm D=128", ("loop",), "graph", 10),
        Goal("linear_recurrence", ("copy",), "triton", 0.9),
        Goal("linear_recurrence", ("accelerated-scan",), "triton", 1),
        Goal("linear_recurrence", ("fla",), "triton", 2),
        Goal("min_gru, trained", ("nn",), "scan", 10, start=4096),
        Goal("newton_recurrence", ("nn.GRU",), "dense", 1, start=16384),
    ),
    "cpu": (
        Goal("attention", ("sdpa",), "auto", 0.97),
        Goal("attention, memory", ("naive",), "online", 10),
        Goal("linear_recurrence, narrow", ("loop",), "auto", 30, start=16384),
        Goal("linear_recurrence, wide", ("copy",), "auto", 1 / 1.2),
        Goal("lstm", ("loop",), "torch", 1),
    ),
}


def contests(device):
    """All contests of this kind of device; GOALS has what they should show."""
    found, half, brain, full = [], torch.float16, torch.bfloat16, torch.float32
    times, long = (256, 1024, 4096), (1024, 4096, 16384)

    def add(name, about, values, make, *settings, **kind):
        found.append(Contest(name, about, values, partial(make, device, *settings), **kind))

    if device.type == "cpu":
        add("attention", "(1, 4, T, 64) float32, causal", (512, 2048), _attention, full, 0, 4, 64)
        add("attention, memory", "(1, 1, T, 64) float32, causal", (8192,), _attention, full, 0, 1, 64, unit="B")
        add("decode_attention", "(1, 8, 1, 64) float32, T keys", (1024, 8192), _decode, full, 1, 8, 64)
        add("linear_attention", "(1, 4, T, 64) float32, causal", (1024, 4096), _linear, full, 1, 4, 64)
        add("linear_recurrence, narrow", "(1, T, 16) float32", (1024, 16384), _scan, 1, 16)
        add("linear_recurrence, wide", "(8, T, 256) float32", (4096,), _scan, 8, 256)
        add("lstm", "(8, T, 256) float32", (64, 256, 1024), _layer, full, "lstm", 8, 256)
        add("gru", "(8, T, 256) float32", (64, 256, 1024), _layer, full, "gru", 8, 256)
        add("min_gru, trained", "(8, T, 64) float32", (1024,), _min_gru, full, 8, 64, trains=True)
        add("newton_recurrence", "(1, T, 16) float32, gain 1", (1024, 16384), _newton, 16)
        return found
    for D in (64, 128):
        about = f"(16384 / T, 16, T, {D}) bfloat16, causal"
        add(f"attention D={D}", about, (512, 2048, 8192, 16384), _attention, brain, 16384, 16, D)
        add(f"attention D={D}, trained", about, long, _attention, brain, 16384, 16, D, trains=True)
    add("attention, memory", "(1, 8, T, 64) bfloat16, causal", (8192,), _attention, brain, 0, 8, 64, unit="B")
    add("decode_attention", "(4, 32, 1, 128) bfloat16, T keys", (1024, 8192, 32768), _decode, brain, 4, 32, 128)
    add("linear_attention", "(4, 16, T, 64) bfloat16, causal", long, _linear, brain, 4, 16, 64)
    for name, D in (("lstm", 64), ("lstm", 128), ("gru", 128), ("elman", 128), ("lstm", 768)):
        add(f"{name} D={D}", f"(16, T, {D}) float16", times, _layer, half, name, 16, D)
        add(f"{name} D={D}, trained", f"(16, T, {D}) float16", times[1:], _layer, half, name, 16, D, trains=True)
    add("lstm D=128, float32", "(16, T, 128) float32, nn may round to TF32", times, _layer, full, "lstm", 16, 128)
    add("linear_recurrence", "(8, T, 1024) float32", (*long, 65536), _scan, 8, 1024)
    add("linear_recurrence, trained", "(8, T, 1024) float32", long, _scan, 8, 1024, trains=True)
    add("min_gru, trained", "(16, T, 768) float16", long, _min_gru, half, 16, 768, trains=True)
    add("newton_recurrence", "(1, T, 16) float32, gain 1", (1024, 16384, 131072), _newton, 16)
    return found


def _normal(device, *shape, dtype=torch.float32):
    return torch.randn(*shape, device=device).to(dtype)


def _peer(module, name, **options):
    """A function of a package that may be missing: then the call raises ImportError."""
    return lambda *args: getattr(importlib.import_module(module), name)(*args, **options)


def _first(count, function):
    """`function` of the first arguments alone: the others are a peer's."""
    return lambda *args: function(*args[:count])


def _sdpa(device, **options):
    def pinned(backend, *tensors):
        with sdpa_kernel(getattr(SDPBackend, backend)):
            return F.scaled_dot_product_attention(*tensors, **options)

    if device.type == "cpu":
        return {"sdpa": partial(F.scaled_dot_product_attention, **options)}
    return {label: partial(pinned, backend) for label, backend in BACKENDS.items()}


def _copy(device, size):
    """Reads and writes `size` bytes together."""
    source = torch.ones(size // 8, device=device)
    target = torch.empty_like(source)
    return lambda *_: target.copy_(source)


def _attention(device, dtype, tokens, H, D, T):
    tensors = [_normal(device, max(1, tokens // T), H, T, D, dtype=dtype) for _ in range(3)]
    # naive first: a CPU hands its gigabytes back to the system, and whatever comes next has to ask for memory again.
    methods = ("naive", "online", *(("flash",) if device.type == "cuda" else ()), "auto")
    functions = {method: partial(attention, is_causal=True, method=method) for method in methods}
    return functions | _sdpa(device, is_causal=True), tensors


def _decode(device, dtype, B, H, D, T):
    query, key, value = (_normal(device, B, H, length, D, dtype=dtype) for length in (1, T, T))
    methods = ("auto", "triton", "naive") if device.type == "cuda" else ("auto", "naive")
    functions = {method: partial(decode_attention, length=T, method=method) for method in methods}
    return functions | _sdpa(device) | {"copy": _copy(device, key.nbytes + value.nbytes)}, [query, key, value]


def _linear(device, dtype, B, H, D, T):
    tensors = [_normal(device, B, H, T, D, dtype=dtype) for _ in range(3)]
    turned = [tensor.transpose(1, 2).contiguous() for tensor in tensors]  # fla's (B, T, H, D)
    methods = ("chunked", "parallel", *(("recurrent",) if T <= SHORT else ()))
    functions = {method: _first(3, partial(linear_attention, method=method)) for method in methods}
    fla = _peer("fla.ops.linear_attn", "chunk_linear_attn", scale=1.0, normalize=True)
    functions["fla"] = lambda *args: fla(elu_plus_one(args[3]), elu_plus_one(args[4]), args[5])[0]
    return functions, tensors + turned


def _layer(device, dtype, name, B, D, T):
    recurrence._recorded.cache_clear()  # the graphs of the last point, and their memory
    kind = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[name]
    module = kind(D, D, batch_first=True, device=device, dtype=dtype)
    methods = ("cudnn", "graph", "fused") if device.type == "cuda" else ("torch",)
    methods += ("loop", "hoisted") if T <= SHORT else ()
    functions = {method: partial(getattr(recurrence, name), method=method) for method in methods}
    functions["nn"] = _first(1, lambda inputs: module(inputs)[0])
    return functions, [_normal(device, B, T, D, dtype=dtype), *module.all_weights[0]]


def _scan(device, B, D, T):
    gpu = device.type == "cuda"
    decay, inputs = torch.rand(B, T, D, device=device), _normal(device, B, T, D)
    turned = [tensor.transpose(1, 2).contiguous() for tensor in (decay, inputs)]  # accelerated-scan's (B, D, T)
    methods = ["auto", "triton", "chunked"] if gpu else ["auto", "loop"]
    methods += [] if gpu or B > 1 else ["hillis_steele", "blelloch"]
    functions = {method: partial(linear_recurrence, method=method) for method in methods}
    prototype = _peer("torch._higher_order_ops.associative_scan", "associative_scan", dim=1, combine_mode="generic")
    functions["torch associative_scan"] = lambda *pair: prototype(combine, pair)[1]
    functions["copy"] = _copy(device, (3 if gpu else 6) * inputs.nbytes)  # as many bytes; on a CPU all three arrays
    hgrn = _peer("fla.ops.hgrn", "chunk_hgrn")
    functions["fla"] = lambda decay, inputs: hgrn(inputs, decay.log())[0]
    functions = {label: _first(2, function) for label, function in functions.items()}
    accelerated = _peer("accelerated_scan.warp" if gpu else "accelerated_scan.ref", "scan")
    functions["accelerated-scan"] = lambda *args: accelerated(*args[2:])
    return functions, [decay, inputs, *turned]


def _min_gru(device, dtype, B, D, T):
    module = nn.GRU(D, D, batch_first=True, device=device, dtype=dtype)
    tensors = [_normal(device, B, T, D, dtype=dtype), *(_normal(device, D, D, dtype=dtype) / D**0.5 for _ in range(2))]
    methods = ("scan", "log", *(("loop",) if T <= SHORT else ()))
    functions = {method: _first(3, partial(min_gru, positive=True, method=method)) for method in methods}
    return functions | {"nn": _first(1, lambda inputs: module(inputs)[0])}, [*tensors, *module.all_weights[0]]


def _newton(device, D, T):
    tensors = [_normal(device, 1, T, D), torch.eye(D, device=device), _normal(device, D, D) / D**0.5]
    functions = {}
    for jacobian in ("dense", "diagonal"):
        functions[jacobian] = lambda *args, by=jacobian: newton_recurrence(*args, jacobian=by, check=False)[0]
    for kind in (nn.RNN, nn.GRU):
        module = kind(D, D, batch_first=True, device=device)
        functions[f"nn.{kind.__name__}"] = _first(1, lambda inputs, of=module: of(inputs)[0])
    return functions, tensors
