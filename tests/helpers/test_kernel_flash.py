"""helpers.ops.kernels.flash: run on a GPU, or without one in Triton's interpreter; compiled for four GPUs."""

import numpy as np
import pytest
import torch
from interpreter import DEVICE, INTERPRETED, compiles, runs
from tensors import RMS, largest, normal, rms, with_gradients

from helpers import attention

triton = pytest.importorskip("triton", reason="triton is not installed: its kernels are neither compiled nor run")

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
    (sizes, dtype)
    for i, sizes in enumerate(SIZES)
    for j, dtype in enumerate(RMS)
    if not (INTERPRETED and j and (i + j) % 2 == 0)
]


def heads(*shapes, dtype=torch.float32):
    """Standard normal numbers of these shapes, each with a seed of its own, where the kernels run."""
    return [normal(*shape, seed=seed, dtype=dtype, device=DEVICE) for seed, shape in enumerate(shapes)]


def of_attention(tensors, **keywords):
    """Attention and its gradients; tensors: query, key, value, and what the output's gradient is."""
    return with_gradients(attention, tensors[:3], tensors[3], **keywords)


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
    """The oracle is "naive" in float64, which test_attention.py holds against the loop."""
    Tq, Tk, D, Dv = sizes
    tensors = heads((1, 2, Tq, D), (1, 2, Tk, D), (1, 2, Tk, Dv), (1, 2, Tq, Dv), dtype=dtype)
    ours = of_attention(tensors, is_causal=is_causal, method="flash")
    plain = of_attention(tensors, is_causal=is_causal, method="naive")
    oracle = of_attention([tensor.double() for tensor in tensors], is_causal=is_causal, method="naive")
    slack = slack_of(dtype)
    for name, a, b, truth in zip(("output", "query", "key", "value"), ours, plain, oracle, strict=True):
        assert a.dtype == dtype
        assert largest(a, truth) <= 2 * slack * largest(b, truth) + 1e-6, name
        if Tk > 1:  # with one key, query and key have gradient 0
            assert rms(a - truth) < slack * RMS[dtype] * rms(truth), name


@runs
@each_mask
def test_strided_inputs_and_any_leading_dimensions(is_causal, poisoned):
    heads_last = [tensor.transpose(1, 2) for tensor in heads(*[(2, 9, 3, 20)] * 4)]
    widths_first = [tensor.mT for tensor in heads(*[(2, 3, 20, 9)] * 4)]
    every_other = [tensor[:, :, ::2] for tensor in heads(*[(2, 3, 18, 20)] * 4)]
    for tensors in (heads_last, widths_first, every_other):
        ours = of_attention(tensors, is_causal=is_causal, method="flash")
        naive = of_attention(tensors, is_causal=is_causal, method="naive")
        assert all(largest(a, b) < 1e-5 for a, b in zip(ours, naive, strict=True))
    for lead in ((), (5,), (2, 1, 2, 2)):
        tensors = heads(*[(*lead, 9, 20)] * 3)
        ours = attention(*tensors, is_causal=is_causal, method="flash")
        assert ours.shape == tensors[0].shape
        assert largest(ours, attention(*tensors, is_causal=is_causal, method="naive")) < 1e-5


@runs
def test_a_causal_output_does_not_notice_later_words():
    tensors = heads(*[(100, 16)] * 3)
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
    tensors = heads(*[(2, 70, 32)] * 4, dtype=torch.float16)
    once, again = (of_attention(tensors, method="flash") for _ in range(2))
    assert all(map(torch.equal, once, again))
    order = torch.from_numpy(np.random.RandomState(3).permutation(70)).to(DEVICE)
    query, key, value, upstream = tensors
    output, *slopes = of_attention([query, key[:, order], value[:, order], upstream], method="flash")
    assert largest(output, once[0]) < 2e-3
    assert largest(slopes[0], once[1]) < 2e-3
    assert largest(slopes[1], once[2][:, order]) < 2e-3
    assert largest(slopes[2], once[3][:, order]) < 2e-3


@runs
@pytest.mark.parametrize("scale", [1.0, 0.3, 0.0, -0.5])
def test_large_scores_and_every_scale(scale):
    """A score of 10,000 is rounded by 5e-4 in float32, and so is its exponential: plain torch may be exact by luck."""
    tensors = [100 * tensor for tensor in heads(*[(40, 16)] * 4)]
    ours = of_attention(tensors, scale=scale, is_causal=True, method="flash")
    plain = attention(*tensors[:3], scale=scale, is_causal=True, method="naive")
    oracle = attention(*(tensor.double() for tensor in tensors[:3]), scale=scale, is_causal=True, method="naive")
    assert all(part.isfinite().all() for part in ours)
    assert largest(ours[0], oracle) <= 2 * largest(plain, oracle) + 1e-6 * oracle.abs().max()


@runs
def test_a_gradient_is_made_only_where_one_is_asked_for():
    query, key, value = heads(*[(5, 16)] * 3)
    assert not attention(query, key, value, method="flash").requires_grad
    attention(query, key.requires_grad_(), value, method="flash").sum().backward()
    assert key.grad is not None
    assert query.grad is None


@runs
def test_torch_func_and_second_derivatives_work_or_name_the_method_that_does():
    query, key, value = heads((3, 2, 9, 16), (3, 2, 9, 16), (3, 2, 9, 20))

    def loss(query, key, value, method="flash"):
        return attention(query, key, value, is_causal=True, method=method).square().sum()

    slopes = [torch.func.grad(loss, argnums=(0, 1, 2))(query, key, value, method) for method in ("flash", "naive")]
    assert all(largest(a, b) < 1e-4 for a, b in zip(*slopes, strict=True))
    dims = (0, None, 1)
    stacked = torch.func.vmap(torch.func.grad(loss), in_dims=dims)(query, key[0], value.movedim(0, 1))
    for i in range(3):
        assert largest(stacked[i], torch.func.grad(loss)(query[i], key[0], value[i])) < 1e-6
    with pytest.raises(NotImplementedError, match="'flash' has a first derivative .* use method 'naive' for second"):
        torch.func.grad(lambda q: torch.func.grad(loss)(q, key, value).sum())(query)
    with pytest.raises(
        NotImplementedError, match="'flash' has a first derivative .* use method 'naive' for forward mode"
    ):
        torch.func.jvp(lambda q: loss(q, key, value), (query,), (query,))


@compiles
def test_the_blocks_are_those_that_were_quickest_on_an_h200():
    from helpers.ops.kernels import flash

    names = ("QUERIES", "KEYS", "num_warps", "num_stages")
    for D, blocks in ((64, (128, 64, 8, 3)), (128, (64, 64, 4, 3))):
        constants = flash.settings(flash._forward, torch.bfloat16, D, D, True, (9, 0))
        assert tuple(constants[name] for name in names) == blocks


def compile_flash(name, dtype, D, capability):
    """One kernel, causal, as `helpers.attention` would launch it there."""
    from cross_compile import cross_compile

    from helpers.ops.kernels import flash

    kernel = getattr(flash, name)
    constants = dict(flash.settings(kernel, dtype, D, D, True, divmod(capability, 10)))
    options = {option: constants.pop(option) for option in ("num_warps", "num_stages")}
    pointer = {torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16"}[dtype]
    types = dict.fromkeys(kernel.arg_names, pointer)
    types |= {"Tq": "i32", "Tk": "i32", "scale": "fp32", "level": "*fp32", "shared": "*fp32"}
    return cross_compile(kernel, types, constants, capability, **options)


@compiles
@pytest.mark.test_all
@pytest.mark.parametrize(("capability", "D"), [(80, 128), (89, 128), (90, 64), (90, 128)])
@pytest.mark.parametrize("name", ["_forward", "_backward_query", "_backward_key"])
def test_16_bits_fit_and_use_the_tensor_cores(name, capability, D):
    from cross_compile import SHARED_MEMORY

    shared, ptx, _ = compile_flash(name, torch.bfloat16, D, capability)
    assert shared <= SHARED_MEMORY[capability]
    instruction = "wgmma.mma_async" if capability == 90 else "mma.sync"
    products = {"_forward": 2, "_backward_query": 3, "_backward_key": 4}[name]  # in each of the two loops
    assert ptx.count(instruction) >= 2 * products
    assert ptx.count("cp.async.c") > 0, "loads are not on their way while products run"


@compiles
@pytest.mark.test_all
@pytest.mark.parametrize(("name", "dtype", "D"), [
    ("_forward", torch.float16, 64), ("_backward_query", torch.float16, 64), ("_backward_key", torch.float32, 128),
])  # fmt: skip
def test_float32_fits_the_smallest_gpu_and_is_not_rounded_to_tf32(name, dtype, D):
    from cross_compile import SHARED_MEMORY

    shared, ptx, _ = compile_flash(name, dtype, D, 75)
    assert shared <= SHARED_MEMORY[75]
    assert "mma" not in ptx
    assert "tf32" not in ptx
    assert ptx.count("fma.rn.f32") > 500
