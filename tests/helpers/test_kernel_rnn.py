"""helpers.ops.kernels.rnn: run on a GPU, or without one in Triton's interpreter; compiled for four GPUs."""

import pytest
import torch
from interpreter import DEVICE, INTERPRETED, compiles, runs
from layers import apply, each_layer, tensors_of
from tensors import RMS, largest, normal, relative, with_gradients

from helpers import elman, gru

triton = pytest.importorskip("triton", reason="triton is not installed: its kernels are neither compiled nor run")

each_dtype = pytest.mark.parametrize("dtype", RMS, ids=str)
SIZES = [(2, 1, 3, 4), (1, 2, 5, 1), (1, 63, 3, 16), (1, 64, 2, 3), (1, 65, 4, 17), (3, 4, 2, 33)]  # B, T, Din, D
LARGE = [(16, 1000, 32, 32), (2, 4097, 16, 64), (200, 65, 100, 100), (3, 64, 64, 127), (2, 300, 128, 128)]


def tensors(layer, sizes, dtype=torch.float32):
    return tensors_of(layer, *sizes, dtype=dtype, device=DEVICE)


def fused(layer, *arguments):
    return apply(layer, *arguments, method="fused")


@runs
@each_dtype
@each_layer
def test_states_and_gradients_are_the_loops(layer, dtype):
    sizes = SIZES + LARGE if not INTERPRETED else SIZES if dtype == torch.float32 else SIZES[:1] + SIZES[-1:]
    for B, T, width, D in sizes:
        ours, upstream = tensors(layer, (B, T, width, D), dtype), normal(B, T, D, seed=9)
        exact, *exact_slopes = with_gradients(
            lambda *leaves: apply(layer, *leaves, method="loop"), [tensor.cpu().double() for tensor in ours], upstream
        )
        states, *slopes = with_gradients(lambda *leaves: fused(layer, *leaves), ours, upstream.to(DEVICE, dtype))
        plain = apply(layer, *ours, method="hoisted")
        assert states.dtype == dtype
        assert largest(states, exact) <= 2 * largest(plain, exact) + 1e-6
        assert relative(states, exact) < RMS[dtype]
        for slope, exact_slope in zip(slopes, exact_slopes, strict=True):
            assert slope.dtype == dtype
            assert relative(slope, exact_slope) < 3 * RMS[dtype]  # it adds up T·B numbers that are each rounded


@runs
@each_layer
def test_every_number_is_written(layer, monkeypatch):
    ours, empty = tensors(layer, (2, 5, 3, 7)), torch.Tensor.new_empty
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda *args, **options: empty(*args, **options).fill_(torch.nan))
    assert all(part.isfinite().all() for part in with_gradients(lambda *leaves: fused(layer, *leaves), ours))


@runs
@each_layer
def test_any_strides_will_do(layer):
    """Equal to rounding: a GPU multiplies matrices of other strides in another order."""
    ours = tensors(layer, (2, 5, 3, 7))
    turned = [tensor.transpose(0, -1).contiguous().transpose(0, -1) for tensor in ours]
    upstream = torch.ones(2, 5, 1, device=DEVICE).expand(2, 5, 7)  # stride 0
    results = [with_gradients(lambda *leaves: fused(layer, *leaves), part, upstream) for part in (turned, ours)]
    assert all(largest(a, b) < 1e-5 for a, b in zip(*results, strict=True))


@runs
@each_layer
def test_a_later_input_changes_no_earlier_state_and_a_prefix_is_a_prefix(layer):
    inputs, *others = tensors(layer, (2, 8, 3, 5))
    whole = fused(layer, inputs, *others)
    moved = inputs.clone()
    moved[:, 4] += 1
    changed = (fused(layer, moved, *others) != whole).any(dim=2)
    assert not changed[:, :4].any()
    assert changed[:, 4:].all()
    assert largest(fused(layer, inputs[:, :4], *others), whole[:, :4]) < 1e-6


@runs
def test_a_gradient_is_made_only_where_one_is_asked_for():
    ours = tensors(gru, (2, 3, 3, 5))
    assert not fused(gru, *ours).requires_grad
    ours[2].requires_grad_()
    fused(gru, *ours).sum().backward()
    assert ours[2].grad.abs().max() > 0


@runs
@each_layer
def test_torch_func_and_second_derivatives_work_or_name_the_method_that_does(layer):
    inputs, *others = tensors(layer, (2, 4, 3, 5))

    def loss(inputs, method="fused"):
        return apply(layer, inputs, *others, method=method).square().sum()

    assert largest(torch.func.grad(loss)(inputs), torch.func.grad(loss)(inputs, "loop")) < 1e-5
    instead = "'fused' has a first derivative by backward only; use method 'hoisted' for"
    with pytest.raises(NotImplementedError, match=f"{instead} second derivatives"):
        torch.func.grad(lambda x: torch.func.grad(loss)(x).sum())(inputs)
    with pytest.raises(NotImplementedError, match=f"{instead} vmap"):
        torch.func.vmap(loss)(inputs[None])
    with pytest.raises(NotImplementedError, match=f"{instead} forward mode"):
        torch.func.jvp(loss, (inputs,), (inputs,))


@runs
@each_layer
def test_autocast_changes_no_number(layer):
    ours = tensors(layer, (2, 4, 3, 5))
    plain = with_gradients(lambda *leaves: fused(layer, *leaves), ours)
    with torch.autocast(DEVICE, torch.bfloat16):
        inside = with_gradients(lambda *leaves: fused(layer, *leaves), ours)
    assert torch.equal(inside[0], plain[0])
    assert largest(inside[3], plain[3]) < 1e-6, "the kernel's own gradients too"


@runs
def test_the_tanh_of_a_small_number_is_as_exact_as_of_a_large_one():
    x = torch.cat([torch.logspace(-30, 2, 116), torch.linspace(0.2, 0.3, 11), torch.tensor([0.0])])
    x = torch.cat([x, -x]).view(1, 8, 32).to(DEVICE)
    nothing, itself = torch.zeros(32, 32, device=DEVICE), torch.eye(32, device=DEVICE)
    states, exact = elman(x, itself, nothing, method="fused").double(), x.double().tanh()
    assert ((states - exact).abs() <= 4e-7 * exact.abs()).all()


CASES = [(capability, 4, 128) for capability in (75, 80, 89, 90)]
CASES += [(75, 1, 128), (90, 3, 128), (75, 3, 100), (90, 4, 64), (80, 4, 32)]


@compiles
def test_an_lstm_of_64_or_128_units_takes_8_warps():
    """On an H200 1.36 and 1.02 of cuDNN's speed."""
    from helpers.ops.kernels import rnn

    assert [rnn.options(4, D)["num_warps"] for D in (32, 64, 100, 128)] == [1, 8, 8, 8]


@compiles
@pytest.mark.test_all
@pytest.mark.parametrize(("capability", "gates", "D"), CASES)
@pytest.mark.parametrize("name", ["forward_kernel", "backward_kernel"])
def test_the_weights_fit_on_the_chip_of_a_t4_a100_l4_and_h200(name, capability, gates, D):
    from cross_compile import cross_compile

    from helpers.ops.kernels import rnn

    kernel = getattr(rnn, name)
    constants = rnn.options(gates, D)
    warps = constants.pop("num_warps")
    wide = ("cells", "factors", "grads", "grad_hidden", "grad_cell")
    types = {argument: "*fp32" if argument in wide else "*fp16" for argument in kernel.arg_names} | {"T": "i32"}
    compiled = cross_compile(kernel, types, constants, capability, num_warps=warps)
    registers, stack = compiled.registers_and_stack()
    assert compiled.shared <= 48 * 1024  # what any of them gives without asking
    assert registers * warps * 32 <= 65536
    # A thread adds up its own columns; where two warps share them, they exchange one sum a gate, where four do, two.
    sharing = 32 * warps // constants["WIDTH"]
    assert compiled.ptx.count("shfl.sync") <= gates * max(0, sharing.bit_length() - 1)
    # Four gates of 64 or 128 take all 256 registers: what else a thread needs, some 50 numbers, waits in its cache.
    assert stack <= (256 if gates == 4 and D >= 64 else 0)
