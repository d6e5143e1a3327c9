"""helpers.ops.kernels.rnn: the recurrent kernel in Triton's interpreter, cross-compiled for four GPUs, and on the GPU here.

The interpreter must be chosen before triton is imported (make test-kernels does), and then nothing can be compiled.
"""

import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from test_recurrence import each_layer, largest, normal, weights_of

from helpers import elman, gru, lstm

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ROOT = Path(__file__).resolve().parents[2]
TRITON = importlib.util.find_spec("triton")
needs_triton = pytest.mark.skipif(not TRITON, reason="triton is not installed")
# Triton's interpreter before 3.7 cannot count a loop with NumPy from 2.4 on.
LOOPS = not TRITON or version("triton") >= "3.7" or tuple(map(int, version("numpy").split(".")[:2])) < (2, 4)
runs_here = pytest.mark.skipif(
    not ((INTERPRETED and LOOPS) or torch.cuda.is_available()),
    reason="no GPU: make test-kernels runs these in Triton's interpreter",
)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
DEVICE = "cpu" if INTERPRETED or not torch.cuda.is_available() else "cuda"
RMS = {torch.float32: 1e-5, torch.bfloat16: 5e-3, torch.float16: 5e-3}
SIZES = [(2, 1, 3, 4), (1, 2, 5, 1), (1, 63, 3, 16), (1, 64, 2, 3), (1, 65, 4, 17), (3, 4, 2, 33)]  # B, T, Din, D
LARGE = [(16, 1000, 32, 32), (2, 4097, 16, 64), (200, 65, 100, 100), (3, 64, 64, 127), (2, 300, 128, 128)]


def run(program, **environment):
    """The output of a Python program of its own, from the root of the repository."""
    done = subprocess.run(
        [sys.executable, *program], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def call(layer, sizes, dtype, seed=0, **changes):
    """(inputs, weights and states) of a layer that forgets, so that rounding stays small; all need a gradient."""
    B, T, width, D = sizes
    weights = weights_of(layer, width, D, dtype=torch.float64)
    weights[0], weights[1] = weights[0] / width**0.5, weights[1] / D**0.5
    states = [normal(B, D, seed=seed + 20 + i) / 2 for i in range(2 if layer is lstm else 1)]
    tensors = [normal(B, T, width, seed=seed), *weights, *states]
    return [tensor.to(DEVICE, dtype).requires_grad_() for tensor in tensors]


def apply(layer, tensors, method):
    return layer(*tensors[:5], **dict(zip(("hidden", "cell"), tensors[5:], strict=False)), method=method)


def relative(found, wanted):
    """rms of the error over rms of what is wanted."""
    return ((found.cpu().double() - wanted).square().mean() / wanted.square().mean()).sqrt().item()


def check(layer, sizes, dtype):
    tensors = call(layer, sizes, dtype)
    exact = [tensor.detach().cpu().double().requires_grad_() for tensor in tensors]
    towards = normal(*sizes[:2], sizes[3], seed=9)
    wanted = apply(layer, exact, "loop")
    slopes = torch.autograd.grad(wanted, exact, towards)
    found = apply(layer, tensors, "fused")
    assert found.dtype == dtype
    plain = apply(layer, tensors, "hoisted")
    assert largest(found.cpu(), wanted) <= 2 * largest(plain.cpu(), wanted) + 1e-6
    assert relative(found, wanted) < RMS[dtype]
    for slope, exact_slope in zip(torch.autograd.grad(found, tensors, towards.to(found)), slopes, strict=True):
        assert slope.dtype == dtype
        assert relative(slope, exact_slope) < 3 * RMS[dtype]  # it adds up T·B numbers that are each rounded


@runs_here
@needs_triton
@each_dtype
@each_layer
def test_states_and_gradients_are_the_loops(layer, dtype):
    sizes = SIZES + LARGE if not INTERPRETED else SIZES if dtype == torch.float32 else SIZES[:1] + SIZES[-1:]
    for size in sizes:
        check(layer, size, dtype)


@runs_here
@needs_triton
@each_layer
def test_every_number_is_written(layer, monkeypatch):
    tensors, empty = call(layer, (2, 5, 3, 7), torch.float32), torch.Tensor.new_empty
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda *args, **options: empty(*args, **options).fill_(torch.nan))
    found = apply(layer, tensors, "fused")
    assert found.isfinite().all()
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(found.sum(), tensors))


@runs_here
@needs_triton
@each_layer
def test_any_strides_will_do(layer):
    tensors = call(layer, (2, 5, 3, 7), torch.float32)
    turned = [t.detach().transpose(0, -1).contiguous().transpose(0, -1).requires_grad_() for t in tensors]
    found, wanted = apply(layer, turned, "fused"), apply(layer, tensors, "fused")
    assert torch.equal(found, wanted)
    towards = torch.ones_like(wanted).expand_as(wanted)[..., :1].expand_as(wanted)  # stride 0
    slopes = torch.autograd.grad(found, turned, towards), torch.autograd.grad(wanted, tensors, towards)
    for a, b in zip(*slopes, strict=True):
        assert largest(a, b) < 1e-5


@runs_here
@needs_triton
@each_layer
def test_a_later_input_changes_no_earlier_state_and_a_prefix_is_a_prefix(layer):
    inputs, *rest = (tensor.detach() for tensor in call(layer, (2, 8, 3, 5), torch.float32))
    whole = apply(layer, [inputs, *rest], "fused")
    moved = inputs.clone()
    moved[:, 4] += 1
    changed = (apply(layer, [moved, *rest], "fused") != whole).any(dim=2)
    assert not changed[:, :4].any()
    assert changed[:, 4:].all()
    assert largest(apply(layer, [inputs[:, :4], *rest], "fused"), whole[:, :4]) < 1e-6


@runs_here
@needs_triton
def test_only_what_is_asked_for_needs_a_gradient():
    inputs, *rest = (tensor.detach() for tensor in call(gru, (2, 3, 3, 5), torch.float32))
    assert not apply(gru, [inputs, *rest], "fused").requires_grad
    rest[1].requires_grad_()
    apply(gru, [inputs, *rest], "fused").sum().backward()
    assert rest[1].grad.abs().max() > 0


@runs_here
@needs_triton
def test_the_tanh_of_a_small_number_is_as_exact_as_of_a_large_one():
    x = torch.cat([torch.logspace(-30, 2, 116), torch.linspace(0.2, 0.3, 11), torch.tensor([0.0])])
    x = torch.cat([x, -x]).view(1, 8, 32).to(DEVICE)
    nothing, itself = torch.zeros(32, 32, device=DEVICE), torch.eye(32, device=DEVICE)
    found, exact = elman(x, itself, nothing, method="fused").double(), x.double().tanh()
    assert ((found - exact).abs() <= 4e-7 * exact.abs()).all()


COMPILE = """
import json, re, subprocess, sys, tempfile
import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from helpers.ops.kernels import rnn

for kernel, tensors in (
    (rnn.forward_kernel, "from_input weight bias hidden cell states cells"),
    (rnn.backward_kernel, "grad_states factors weight grads grad_hidden grad_cell"),
):
    for capability, gates, D in json.loads(sys.argv[1]):
        constants = rnn.options(gates, D)
        warps = constants.pop("num_warps")
        wide = ("cells", "factors", "grads", "grad_hidden", "grad_cell")
        types = {name: "*fp32" if name in wide else "*fp16" for name in tensors.split()} | {"T": "i32"}
        source = ASTSource(kernel, types | dict.fromkeys(constants, "constexpr"), constexprs=constants)
        made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps})
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            file.write(made.asm["cubin"])
            file.flush()
            said = subprocess.check_output([knobs.nvidia.cuobjdump.path, "-res-usage", file.name], text=True)
        used = map(int, re.search(r"REG:(\\d+) STACK:(\\d+)", said).groups())
        shuffles = made.asm["ptx"].count("shfl.sync")
        print(json.dumps([kernel.fn.__name__, capability, gates, D, warps, made.metadata.shared, shuffles, *used]))
"""


@needs_triton
@pytest.mark.test_all
@pytest.mark.skipif(INTERPRETED, reason="the interpreter cannot compile")
def test_the_weights_fit_on_the_chip_of_a_t4_a100_l4_and_h200(tmp_path):
    cases = [(capability, 4, 128) for capability in (75, 80, 89, 90)]
    cases += [(75, 1, 128), (90, 3, 128), (75, 3, 100), (90, 4, 64), (80, 4, 32)]
    said = run(["-c", COMPILE, json.dumps(cases)], TRITON_INTERPRET="0", TRITON_CACHE_DIR=str(tmp_path))
    made = [json.loads(line) for line in said.splitlines()]
    assert len(made) == 2 * len(cases)
    for kernel, capability, gates, D, warps, shared, shuffles, registers, stack in made:
        about = (kernel, capability, gates, D)
        assert shared <= 48 * 1024, about  # what any of them gives without asking
        assert registers * warps * 32 <= 65536, about
        # A thread adds up its own columns; where two warps share them, they have one sum a gate to exchange.
        assert shuffles <= (gates if warps > 4 else 0), about
        # Four gates of 64 or 128 take all 256 registers: what else a thread needs, some 50 numbers, waits in its cache.
        assert stack <= (256 if gates == 4 and D >= 64 else 0), about
