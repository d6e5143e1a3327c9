"""helpers.attention beyond the definition: online and its merge, torch's kernel and its name, what is refused."""

import math
import sys

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.attention import SDPBackend, sdpa_kernel

from helpers import attention, attention_weights, compare, limits, peak_memory
from helpers.ops import online
from helpers.ops.attention import attention_backend
from helpers.ops.online import merge

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies as st  # noqa: E402

DRAWN = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)
EXACT = 1e-12
RMS = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 5e-3}
each_dtype = pytest.mark.parametrize("dtype", RMS, ids=lambda dtype: str(dtype).removeprefix("torch."))
each_mask = pytest.mark.parametrize("is_causal", [False, True], ids=["full", "causal"])


@pytest.fixture(autouse=True)
def one_thread():
    """Small products do not gain by a second thread, and wait for it where a core is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(dtype)


def largest(a, b):
    return (a.double() - b.double()).abs().max().item()


def rms(tensor):
    return tensor.double().pow(2).mean().sqrt().item()


def with_gradients(query, key, value, upstream, **keywords):
    leaves = [tensor.detach().requires_grad_() for tensor in (query, key, value)]
    output = attention(*leaves, **keywords)
    return output.detach(), *torch.autograd.grad(output, leaves, upstream)


@pytest.fixture
def small_blocks(monkeypatch):
    """A few keys at a time, so that short sequences have many blocks."""
    monkeypatch.setattr(online, "BLOCK", 4)


# Online.


@DRAWN
@hypothesis.given(st.data())
def test_online_gives_the_loops_numbers_however_the_keys_are_cut(data):
    Tk, D, Dv = (data.draw(st.integers(1, most)) for most in (40, 5, 5))
    Tq = data.draw(st.integers(1, Tk))
    query, key, value = normal(2, Tq, D), normal(2, Tk, D, seed=1), normal(2, Tk, Dv, seed=2)
    keywords = {"is_causal": data.draw(st.booleans()), "scale": data.draw(st.sampled_from([None, 1.0, 0.0, -2.0]))}
    if data.draw(st.booleans()):
        keywords["mask"] = torch.from_numpy(np.random.RandomState(3).random((2, Tq, Tk)) < 0.3)
        keywords["mask"][..., data.draw(st.integers(0, Tk - Tq))] = True  # all see this one, causally too
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(online, "BLOCK", data.draw(st.integers(1, 50)))
        ours = attention(query, key, value, method="online", **keywords)
    assert largest(ours, attention(query, key, value, method="loop", **keywords)) < EXACT


@each_mask
@each_dtype
@pytest.mark.parametrize(("Tq", "Tk"), [(1, 1), (2, 2), (63, 63), (64, 65), (65, 300), (1000, 1000)])
def test_online_and_its_gradients_stay_within_twice_the_errors_of_plain_torch(Tq, Tk, dtype, is_causal):
    """kernels.md, Numerics; the oracle is the loop in float64, for long sequences "naive", which is held against it."""
    shapes = ((Tq, 33), (Tk, 33), (Tk, 17), (Tq, 17))
    tensors = [normal(1, 2, *shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes)]
    ours = with_gradients(*tensors, is_causal=is_causal, method="online")
    plain = with_gradients(*tensors, is_causal=is_causal, method="naive")
    slow = "loop" if Tk < 100 else "naive"
    oracle = with_gradients(*(tensor.double() for tensor in tensors), is_causal=is_causal, method=slow)
    for a, b, truth in zip(ours, plain, oracle, strict=True):
        assert a.dtype == dtype
        assert largest(a, truth) <= 2 * largest(b, truth) + 1e-6
        if Tk > 1:  # with one key, query and key have gradient 0
            assert rms(a - truth) < RMS[dtype] * rms(truth)


@each_mask
def test_online_over_4097_words(is_causal):
    tensors = [normal(4097, 8, seed=seed, dtype=torch.float32) for seed in range(4)]
    ours = with_gradients(*tensors, is_causal=is_causal, method="online")
    oracle = with_gradients(*(tensor.double() for tensor in tensors), is_causal=is_causal, method="naive")
    assert all(rms(a - truth) < 1e-5 * rms(truth) for a, truth in zip(ours, oracle, strict=True))


def test_online_aligns_the_last_query_with_the_last_key_in_every_block(small_blocks):
    for Tk in range(1, 14):
        query, key, value = normal(Tk, 3), normal(Tk, 3, seed=1), normal(Tk, 2, seed=2)
        for Tq in range(1, Tk + 1):
            tensors = query[-Tq:], key, value, normal(Tq, 2, seed=3)
            ours = with_gradients(*tensors, is_causal=True, method="online")
            loop = with_gradients(*tensors, is_causal=True, method="loop")
            assert all(largest(a, b) < EXACT for a, b in zip(ours, loop, strict=True)), (Tq, Tk)


def test_online_passes_gradcheck_over_many_blocks(small_blocks):
    tensors = [normal(2, *shape, seed=seed).requires_grad_() for seed, shape in enumerate(((5, 3), (8, 3), (8, 2)))]
    mask = torch.from_numpy(np.random.RandomState(1).random((5, 8)) < 0.5)
    mask[:, 0] = True
    for keywords in ({}, {"is_causal": True}, {"is_causal": True, "mask": mask, "scale": 0.3}, {"scale": -1.0}):
        assert gradcheck(lambda *qkv, more=keywords: attention(*qkv, method="online", **more), tensors)


def test_online_reads_strided_inputs_and_writes_every_number(small_blocks, monkeypatch):
    monkeypatch.setattr("torch.utils.deterministic.fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True, warn_only=True)  # with it, torch fills new memory with NaN
    try:
        assert torch.empty(3).isnan().all()
        for tensors in (
            [normal(2, 9, 3, 5, seed=seed).transpose(1, 2) for seed in range(4)],
            [normal(2, 3, 5, 9, seed=seed).mT for seed in range(4)],
            [normal(2, 3, 18, 5, seed=seed)[:, :, ::2] for seed in range(4)],
        ):
            ours = with_gradients(*tensors, is_causal=True, method="online")
            theirs = with_gradients(*tensors, is_causal=True, method="loop")
            assert all(largest(a, b) < EXACT for a, b in zip(ours, theirs, strict=True))
    finally:
        torch.use_deterministic_algorithms(False)


def test_the_first_half_of_online_is_online_of_the_first_half(small_blocks):
    tensors = [normal(2, 22, 3, seed=seed) for seed in range(3)]
    whole = attention(*tensors, is_causal=True, method="online")
    half = attention(*(tensor[:, :11] for tensor in tensors), is_causal=True, method="online")
    assert largest(half, whole[:, :11]) < EXACT


@each_mask
def test_online_holds_a_block_of_scores_where_naive_holds_all(is_causal):
    """At T = 8192 the goal is 1/10; what is left of a block of 256 among 2048 keys is twice that."""
    tensors = [normal(1, 1, 2048, 64, seed=seed, dtype=torch.float32) for seed in range(4)]
    forward = {
        method: peak_memory(lambda m=method: attention(*tensors[:3], is_causal=is_causal, method=m))
        for method in ("naive", "online")
    }
    both = {
        method: peak_memory(lambda m=method: with_gradients(*tensors, is_causal=is_causal, method=m))
        for method in ("naive", "online")
    }
    assert forward["naive"] >= 2 * 4 * 2048**2
    assert forward["online"] < forward["naive"] / 4
    assert both["online"] < both["naive"] / 4


# Merge.


@st.composite
def groups(draw, count):
    """`count` groups of one sequence, some without keys, some with scores that only a maximum saves from overflow."""
    T, Dv, height = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.sampled_from([1.0, 1e3]))
    made = []
    for seed in range(count):
        keys = draw(st.integers(0, 4))
        scores, value = height * normal(T, keys, seed=seed), normal(keys, Dv, seed=10 + seed)
        m = scores.amax(-1, keepdim=True) if keys else torch.full((T, 1), -math.inf, dtype=torch.float64)
        weights = (scores - m).exp()
        made.append((m, weights.sum(-1, keepdim=True), weights @ value))
    return made


def same(left, right):
    return all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(left, right, strict=True))


@DRAWN
@hypothesis.given(groups(3))
def test_merge_has_no_order_and_a_group_without_keys_changes_nothing(three):
    a, b, c = three
    assert same(merge(merge(a, b), c), merge(a, merge(b, c)))
    assert same(merge(a, b), merge(b, a))
    nothing = (torch.full_like(a[0], -math.inf), torch.zeros_like(a[1]), torch.zeros_like(a[2]))
    assert same(merge(a, nothing), a)
    assert same(merge(nothing, a), a)
    assert same(merge(nothing, nothing), nothing)


def test_merged_groups_are_attention():
    query, key, value = normal(2, 3, 4), normal(2, 9, 4, seed=1), normal(2, 9, 5, seed=2)
    scores = query @ key.mT / 2
    parts = []
    for keys in (slice(0, 2), slice(2, 3), slice(3, 9)):
        m = scores[..., keys].amax(-1, keepdim=True)
        weights = (scores[..., keys] - m).exp()
        parts.append((m, weights.sum(-1, keepdim=True), weights @ value[:, keys]))
    _, total, output = merge(parts[2], merge(parts[0], parts[1]))
    assert largest(output / total, attention(query, key, value, method="loop")) < EXACT


# Torch's kernel.


def test_the_backend_is_asked_for_and_not_guessed(monkeypatch):
    x = normal(1, 2, 8, 4)
    assert attention_backend(x, x, x) == attention_backend(x, x, x, is_causal=True) == "flash (CPU)"
    assert attention_backend(x[0], x[0], x[0]) == attention_backend(x[0, 0], x[0, 0], x[0, 0]) == "flash (CPU)"
    assert attention_backend(x[..., :3, :], x, x, is_causal=True) == "flash (CPU)"
    assert attention_backend(x, x, x[..., :2]) == "math", "torch's CPU kernel wants values as wide as keys"
    with sdpa_kernel(SDPBackend.MATH):
        assert attention_backend(x, x, x) == "math"
    for answer, name in ((1, "flash (CPU)"), (2, "efficient"), (3, "cudnn"), (0, "math")):
        monkeypatch.setattr(torch, "_fused_sdp_choice", lambda *_, answer=answer, **__: answer)
        assert attention_backend(x, x, x) == name


def test_the_backend_is_asked_with_what_the_kernel_then_gets(monkeypatch):
    asked, given = [], []
    choice, kernel = torch._fused_sdp_choice, torch.nn.functional.scaled_dot_product_attention

    def note(where, function):
        def noting(*tensors, **keywords):
            keywords.pop("scale", None)
            mask = keywords.pop("attn_mask")
            shapes = [tuple(tensor.shape) for tensor in tensors]
            where.append(
                (shapes, keywords, mask if mask is None else mask.tolist(), torch.backends.cuda.cudnn_sdp_enabled())
            )
            return function(*tensors, **keywords, attn_mask=mask)

        return noting

    monkeypatch.setattr(torch, "_fused_sdp_choice", note(asked, choice))
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", note(given, kernel))
    for shape, queries in (((2, 3, 5, 4), 5), ((2, 3, 5, 4), 2), ((5, 4), 1), ((2, 1, 3, 5, 4), 3)):
        for is_causal in (False, True):
            x = normal(*shape)
            attention_backend(x[..., -queries:, :], x, x, is_causal=is_causal)
            attention(x[..., -queries:, :], x, x, is_causal=is_causal, method="sdpa")
            assert asked[-1] == given[-1]
            assert asked[-1][3] == (queries > 1), "cuDNN plans anew for each length of a cache"
            assert len(asked[-1][0][0]) == 4
            assert (asked[-1][2] is None) == (not is_causal or queries in (1, shape[-2])), "a mask is slower than none"
    assert torch.backends.cuda.cudnn_sdp_enabled()


def test_fewer_and_more_dimensions_reach_the_fused_kernel():
    x = normal(4, 1024, 16, dtype=torch.float32)
    for tensors in ([x] * 3, [x.reshape(2, 1, 2, 1024, 16)] * 3, [x[0]] * 3):
        held = peak_memory(lambda qkv=tensors: attention(*qkv))
        assert held < 4 * 1024**2, "torch's plain products hold all scores"


@each_mask
@pytest.mark.parametrize("scale", [0.0, -0.5, -3.0])
@pytest.mark.parametrize("method", ["naive", "online", "sdpa", "auto"])
def test_a_scale_below_0_prefers_the_smallest_product(method, scale, is_causal):
    """torch 2.13's own kernel gives NaN for it on a CPU, when causal."""
    tensors = [normal(1, 2, 9, 4, seed=seed) for seed in range(4)]
    ours = with_gradients(*tensors, is_causal=is_causal, scale=scale, method=method)
    loop = with_gradients(*tensors, is_causal=is_causal, scale=scale, method="loop")
    assert all(largest(a, b) < EXACT for a, b in zip(ours, loop, strict=True))


def test_bad_input_to_the_backend():
    x = normal(1, 2, 8, 4)
    with pytest.raises(TypeError, match="attention_backend: value is a list"):
        attention_backend(x, x, x.tolist())
    with pytest.raises(ValueError, match="D is 4 in query and 2 in key; project query and key to one width"):
        attention_backend(x, x[..., :2], x)
    with pytest.raises(ValueError, match="Tq = 8"):
        attention_backend(x, x[:, :, :2], x[:, :, :2], is_causal=True)


# What is refused.


def refusal(method, *tensors, **keywords):
    with pytest.raises(ValueError, match="cannot do this here") as raised:
        attention(*tensors, method=method, **keywords)
    assert str(raised.value).endswith("use 'online' or 'sdpa'.")
    return str(raised.value)


def test_flash_says_what_it_cannot_do(monkeypatch):
    x = normal(1, 2, 8, 4, dtype=torch.float32)
    wide = normal(1, 2, 8, 129, dtype=torch.float32)
    assert "no mask" in refusal("flash", x, x, x, mask=torch.ones(8, 8).bool())
    assert "not torch.float64" in refusal("flash", *(3 * [x.double()]))
    assert "up to 128, not D = 129 and Dv = 4" in refusal("flash", wide, wide, x)
    if torch.cuda.is_available():
        return
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert "an NVIDIA GPU, and the tensors are on cpu" in refusal("flash", x, x, x)


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (9, 0)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_flash_asks_the_gpu_for_its_capability(monkeypatch, capability, dtype):
    from helpers.ops.kernels import unavailable

    class OnAGpu:
        device = torch.device("cuda", 0)

    OnAGpu.dtype = dtype
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: capability)
    reason = unavailable(OnAGpu(), capability=(8, 0))
    runs = capability >= (8, 0)
    assert (reason is None) == runs
    assert runs or ("8.0" in reason and "7.5" in reason)
    assert (unavailable(OnAGpu()) is None) == (runs or dtype == torch.float16), "other kernels run on a T4 in float16"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    assert unavailable(OnAGpu()) == "triton is not installed"


def test_scores_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    x = torch.zeros(1, 1, 1, 1).expand(64, 16, 2**17, 8)  # 128 TiB of scores, 32 bytes of inputs
    for call in (lambda: attention(x, x, x, method="naive"), lambda: attention_weights(x, x)):
        with pytest.raises(MemoryError, match=r"query \(64, 16, 131072, 8\).* GiB free; use method 'online'"):
            call()
    small = normal(1, 1, 4096, 1, dtype=torch.float32)
    monkeypatch.setattr(limits, "free_memory", lambda _: 2**27)
    assert compare({"naive": lambda: attention(small, small, small, method="naive")})["naive"].out_of_memory


def test_the_free_memory_of_this_machine_is_known():
    assert 2**20 < limits.free_memory(torch.device("cpu")) < 2**50


@pytest.mark.parametrize("method", ["loop", "naive", "online", "sdpa"])
def test_scores_of_16_bits_are_scaled_before_they_are_too_large(method):
    query, key = (60 * normal(1, 2, 50, 64, seed=seed) for seed in (0, 1))
    value = normal(1, 2, 50, 64, seed=2)
    assert (query @ key.mT).abs().max() > 65504  # float16's largest number
    halves = [tensor.half() for tensor in (query, key, value)]
    exact = attention(*(tensor.double() for tensor in halves), method="loop")
    assert rms(attention(*halves, method=method) - exact) < 5e-2 * rms(exact)  # a nearly hard maximum, so not closer


def test_online_keeps_float32_where_autocast_would_not():
    tensors = [normal(1, 2, 300, 16, seed=seed, dtype=torch.float32).requires_grad_() for seed in range(3)]
    wanted = torch.autograd.grad(attention(*tensors, method="online").sum(), tensors)
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.autograd.grad(attention(*tensors, method="online").sum(), tensors)
        assert (tensors[0] @ tensors[1].mT).dtype == torch.bfloat16  # and goes on where it was
    assert all(largest(a, b) == 0 for a, b in zip(found, wanted, strict=True))


def test_a_small_mask_stays_small_and_its_backend_can_be_asked():
    x = normal(4, 8, 1024, 8, dtype=torch.float32)
    mask = torch.rand(1024, 1024) < 0.5
    mask.fill_diagonal_(True)
    for is_causal in (False, True):
        held = peak_memory(lambda causal=is_causal: attention(x, x, x, mask=mask, is_causal=causal))
        assert held < 20 * 2**20, "spread over 32 heads it would take 32 MiB as booleans, 128 as floats"
    assert attention_backend(x, x, x, mask=mask) in ("flash (CPU)", "math")
