"""helpers.ops.kernels.flash: run on a GPU, or without one in Triton's interpreter; compiled for four GPUs.

The interpreter needs TRITON_INTERPRET=1 before triton is first imported; make test-kernels sets it.
"""

import os

import numpy as np
import pytest
import torch

from helpers import attention

triton = pytest.importorskip("triton", reason="triton is not installed: its kernels are neither compiled nor run")

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ON_GPU = torch.cuda.is_available() and not INTERPRETED
DEVICE = "cuda" if ON_GPU else "cpu"
runs = pytest.mark.skipif(
    not (ON_GPU or INTERPRETED), reason="no GPU: make test-kernels runs these in Triton's interpreter"
)


def compiles(test):
    """Takes seconds, and cannot be done in the interpreter."""
    return pytest.mark.test_all(pytest.mark.skipif(INTERPRETED, reason="the interpreter does not compile")(test))


RMS = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 5e-3}
each_dtype = pytest.mark.parametrize("dtype", RMS, ids=lambda dtype: str(dtype).removeprefix("torch."))
each_mask = pytest.mark.parametrize("is_causal", [False, True], ids=["full", "causal"])
# Tq, Tk, D, Dv: one step, odd sizes, less and more than a block of 16 to 128, a cache, the widths 16 to 128.
SIZES = [
    (1, 1, 16, 16),
    (2, 2, 33, 17),
    (63, 63, 16, 16),
    (64, 65, 16, 16),
    (65, 65, 64, 48),
    (1, 130, 64, 64),
    (3, 67, 80, 128),
]
SIZES += (
    [(70, 140, 128, 96), (130, 150, 16, 16)]
    if INTERPRETED
    else [(T, T, D, D) for T in (64, 1000, 4097) for D in (64, 128)]
)
# The interpreter is slow: there each size comes in float32 and in one kind of 16 bits, in turn.
CASES = [
    (sizes, dtype) for i, sizes in enumerate(SIZES) for j, dtype in enumerate(RMS) if ON_GPU or not j or (i + j) % 2
]


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(dtype).to(DEVICE)


def largest(a, b):
    return (a.double() - b.double()).abs().max().item()


def rms(tensor):
    return tensor.double().pow(2).mean().sqrt().item()


def with_gradients(query, key, value, upstream, **keywords):
    """The output and the three gradients."""
    leaves = [tensor.detach().requires_grad_() for tensor in (query, key, value)]
    output = attention(*leaves, **keywords)
    return output.detach(), *torch.autograd.grad(output, leaves, upstream)


def slack_of(dtype):
    """The interpreter cuts off the digits of a bfloat16 that a GPU rounds."""
    return 2 if INTERPRETED and dtype == torch.bfloat16 else 1


@pytest.fixture
def poisoned(monkeypatch):
    """Memory that torch hands out unfilled holds NaN: what a kernel forgets to write shows."""
    monkeypatch.setattr("torch.utils.deterministic.fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.empty(3, device=DEVICE).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@runs
@each_mask
@pytest.mark.parametrize(("sizes", "dtype"), CASES, ids=str)
def test_output_and_gradients_are_those_of_float64(sizes, dtype, is_causal, poisoned):
    """kernels.md, Numerics. The oracle in float64 is "naive", which test_attention.py holds against the loop."""
    Tq, Tk, D, Dv = sizes
    shapes = ((Tq, D), (Tk, D), (Tk, Dv), (Tq, Dv))
    tensors = [normal(1, 2, *shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes)]
    ours = with_gradients(*tensors, is_causal=is_causal, method="flash")
    plain = with_gradients(*tensors, is_causal=is_causal, method="naive")
    oracle = with_gradients(*(tensor.double() for tensor in tensors), is_causal=is_causal, method="naive")
    slack = slack_of(dtype)
    for name, a, b, truth in zip(("output", "query", "key", "value"), ours, plain, oracle, strict=True):
        assert a.dtype == dtype
        assert largest(a, truth) <= 2 * slack * largest(b, truth) + 1e-6, name
        if Tk > 1:  # with one key, query and key have gradient 0
            assert rms(a - truth) < slack * RMS[dtype] * rms(truth), name


@runs
@each_mask
def test_strided_inputs_and_any_leading_dimensions(is_causal, poisoned):
    heads_last = [normal(2, 9, 3, 20, seed=seed, dtype=torch.float32).transpose(1, 2) for seed in range(4)]
    widths_first = [normal(2, 3, 20, 9, seed=seed, dtype=torch.float32).mT for seed in range(4)]
    every_other = [normal(2, 3, 18, 20, seed=seed, dtype=torch.float32)[:, :, ::2] for seed in range(4)]
    for tensors in (heads_last, widths_first, every_other):
        ours = with_gradients(*tensors, is_causal=is_causal, method="flash")
        theirs = with_gradients(*tensors, is_causal=is_causal, method="naive")
        assert all(largest(a, b) < 1e-5 for a, b in zip(ours, theirs, strict=True))
    for lead in ((), (5,), (2, 1, 2, 2)):
        tensors = [normal(*lead, 9, 20, seed=seed, dtype=torch.float32) for seed in range(3)]
        ours = attention(*tensors, is_causal=is_causal, method="flash")
        assert ours.shape == tensors[0].shape
        assert largest(ours, attention(*tensors, is_causal=is_causal, method="naive")) < 1e-5


@runs
def test_a_causal_output_does_not_notice_later_words():
    tensors = [normal(100, 16, seed=seed, dtype=torch.float32) for seed in range(3)]
    before = attention(*tensors, is_causal=True, method="flash")
    for position in (0, 31, 32, 64, 99):
        moved = [tensor.clone() for tensor in tensors]
        for tensor in moved:
            tensor[position:] += 1.0
        after = attention(*moved, is_causal=True, method="flash")
        assert torch.equal(after[:position], before[:position])
        assert (after[position] != before[position]).any()
        prefix = attention(*(tensor[: position + 1] for tensor in tensors), is_causal=True, method="flash")
        assert largest(prefix, before[: position + 1]) < 1e-6


@runs
def test_keys_have_no_order_and_every_run_gives_the_same_bits():
    tensors = [normal(2, 70, 32, seed=seed, dtype=torch.float16) for seed in range(4)]
    once, again = (with_gradients(*tensors, method="flash") for _ in range(2))
    assert all(map(torch.equal, once, again))
    order = torch.from_numpy(np.random.RandomState(3).permutation(70)).to(DEVICE)
    query, key, value, upstream = tensors
    output, grad_query, grad_key, grad_value = with_gradients(
        query, key[:, order], value[:, order], upstream, method="flash"
    )
    assert largest(output, once[0]) < 2e-3
    assert largest(grad_query, once[1]) < 2e-3
    assert largest(grad_key, once[2][:, order]) < 2e-3
    assert largest(grad_value, once[3][:, order]) < 2e-3


@runs
@pytest.mark.parametrize("scale", [1.0, 0.3, 0.0, -0.5])
def test_large_scores_and_every_scale(scale):
    tensors = [100 * normal(40, 16, seed=seed, dtype=torch.float32) for seed in range(4)]
    ours = with_gradients(*tensors, scale=scale, is_causal=True, method="flash")
    plain = attention(*tensors[:3], scale=scale, is_causal=True, method="naive")
    oracle = attention(*(tensor.double() for tensor in tensors[:3]), scale=scale, is_causal=True, method="naive")
    assert all(part.isfinite().all() for part in ours)
    assert largest(ours[0], oracle) <= 2 * largest(plain, oracle) + 1e-6


@runs
def test_only_what_asks_for_a_gradient_gets_one():
    query, key, value = (normal(5, 16, seed=seed, dtype=torch.float32) for seed in range(3))
    assert not attention(query, key, value, method="flash").requires_grad
    attention(query, key.requires_grad_(), value, method="flash").sum().backward()
    assert key.grad is not None
    assert query.grad is None


def compile_flash(name, dtype, D, capability):
    """(shared memory, PTX) of one kernel, causal, as `helpers.attention` would launch it there."""
    from cross_compile import cross_compile

    from helpers.ops.kernels import flash

    kernel = getattr(flash, name)
    constants = flash.settings(kernel, dtype, D, D, True, divmod(capability, 10))
    options = {option: constants.pop(option) for option in ("num_warps", "num_stages")}
    pointer = {torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16"}[dtype]
    types = dict.fromkeys(kernel.arg_names, pointer)
    types |= {"Tq": "i32", "Tk": "i32", "scale": "fp32", "level": "*fp32", "shared": "*fp32"}
    return cross_compile(kernel, types, constants, capability, **options)


@compiles
@pytest.mark.parametrize(("capability", "D"), [(80, 128), (89, 128), (90, 64), (90, 128)])
@pytest.mark.parametrize("name", ["_forward", "_backward_query", "_backward_key"])
def test_16_bits_fit_and_use_the_tensor_cores(name, capability, D):
    from cross_compile import SHARED_MEMORY

    shared, ptx = compile_flash(name, torch.bfloat16, D, capability)
    assert shared <= SHARED_MEMORY[capability]
    instruction = "wgmma.mma_async" if capability == 90 else "mma.sync"
    products = {"_forward": 2, "_backward_query": 3, "_backward_key": 4}[name]  # in each of the two loops
    assert ptx.count(instruction) >= 2 * products
    assert ptx.count("cp.async.c") > 0, "loads are not on their way while products run"


@compiles
@pytest.mark.parametrize(("name", "dtype", "D"), [
    ("_forward", torch.float16, 64), ("_backward_query", torch.float16, 64), ("_backward_key", torch.float32, 128),
])  # fmt: skip
def test_float32_fits_the_smallest_gpu_and_is_not_rounded_to_tf32(name, dtype, D):
    from cross_compile import SHARED_MEMORY

    shared, ptx = compile_flash(name, dtype, D, 75)
    assert shared <= SHARED_MEMORY[75]
    assert "mma" not in ptx
    assert "tf32" not in ptx
    assert ptx.count("fma.rn.f32") > 500
