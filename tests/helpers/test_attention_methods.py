"""helpers.attention beyond the definition: torch's kernel and its name, and what is refused."""

import sys

import pytest
import torch
from tensors import EXACT, largest, normal, rms, with_gradients
from torch.nn.attention import SDPBackend, sdpa_kernel

from helpers import attention, attention_weights, compare, limits, peak_memory
from helpers.ops import kernels
from helpers.ops.attention import attention_backend
from helpers.ops.kernels import unavailable

pytestmark = pytest.mark.usefixtures("unaided")
each_mask = pytest.mark.parametrize("is_causal", [False, True], ids=["full", "causal"])


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
    choices, calls = [], []
    choice, kernel = torch._fused_sdp_choice, torch.nn.functional.scaled_dot_product_attention

    def note(arguments, function):
        def noting(*tensors, **keywords):
            keywords.pop("scale", None)
            mask = keywords.pop("attn_mask")
            shapes = [tuple(tensor.shape) for tensor in tensors]
            arguments.append(
                (shapes, keywords, mask if mask is None else mask.tolist(), torch.backends.cuda.cudnn_sdp_enabled())
            )
            return function(*tensors, **keywords, attn_mask=mask)

        return noting

    monkeypatch.setattr(torch, "_fused_sdp_choice", note(choices, choice))
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", note(calls, kernel))
    for shape, queries in (((2, 3, 5, 4), 5), ((2, 3, 5, 4), 2), ((5, 4), 1), ((2, 1, 3, 5, 4), 3)):
        for is_causal in (False, True):
            x = normal(*shape)
            attention_backend(x[..., -queries:, :], x, x, is_causal=is_causal)
            attention(x[..., -queries:, :], x, x, is_causal=is_causal, method="sdpa")
            assert choices[-1] == calls[-1]
            assert choices[-1][3] == (queries > 1), "cuDNN plans anew for each length of a cache"
            assert len(choices[-1][0][0]) == 4
            assert (choices[-1][2] is None) == (not is_causal or queries in (1, shape[-2])), (
                "a mask is slower than none"
            )
    assert torch.backends.cuda.cudnn_sdp_enabled()


def test_fewer_and_more_dimensions_reach_the_fused_kernel():
    x = normal(4, 1024, 16, dtype=torch.float32)
    for tensors in ([x] * 3, [x.reshape(2, 1, 2, 1024, 16)] * 3, [x[0]] * 3):
        peak = peak_memory(lambda qkv=tensors: attention(*qkv))
        assert peak < 4 * 1024**2, "torch's plain products hold all scores"


@each_mask
@pytest.mark.parametrize("scale", [0.0, -0.5, -3.0])
@pytest.mark.parametrize("method", ["naive", "online", "sdpa", "auto"])
def test_a_scale_below_0_prefers_the_smallest_product(method, scale, is_causal):
    """torch 2.13's own kernel gives NaN for it on a CPU, when causal."""
    tensors = [normal(1, 2, 9, 4, seed=seed) for seed in range(4)]
    ours = with_gradients(attention, tensors[:3], tensors[3], is_causal=is_causal, scale=scale, method=method)
    loop = with_gradients(attention, tensors[:3], tensors[3], is_causal=is_causal, scale=scale, method="loop")
    assert all(largest(a, b) < EXACT for a, b in zip(ours, loop, strict=True))


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
    class OnAGpu:
        device, is_cpu = torch.device("cuda", 0), False

    OnAGpu.dtype = dtype
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setattr(kernels, "chip", lambda _: kernels.Chip(132, capability))
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


@pytest.mark.parametrize("method", ["loop", "naive", "online", "sdpa"])
def test_scores_of_16_bits_are_scaled_before_they_are_too_large(method):
    query, key = (60 * normal(1, 2, 50, 64, seed=seed) for seed in (0, 1))
    value = normal(1, 2, 50, 64, seed=2)
    assert (query @ key.mT).abs().max() > 65504  # float16's largest number
    halves = [tensor.half() for tensor in (query, key, value)]
    exact = attention(*(tensor.double() for tensor in halves), method="loop")
    assert rms(attention(*halves, method=method) - exact) < 5e-2 * rms(exact)  # a nearly hard maximum, so not closer


def test_a_small_mask_stays_small_and_its_backend_can_be_asked():
    x = normal(4, 8, 1024, 8, dtype=torch.float32)
    mask = torch.rand(1024, 1024) < 0.5
    mask.fill_diagonal_(True)
    for is_causal in (False, True):
        peak = peak_memory(lambda causal=is_causal: attention(x, x, x, mask=mask, is_causal=causal))
        assert peak < 20 * 2**20, "spread over 32 heads it would take 32 MiB as booleans, 128 as floats"
    assert attention_backend(x, x, x, mask=mask) in ("flash (CPU)", "math")


def test_online_in_bfloat16_holds_a_tenth_of_the_whole_matrix_at_8192():
    """Naive, recorded on an H200 at (1, 8, 8192, 64): 2,281,701,376 bytes. Online's grow with T as its queries do."""
    T = 2048
    tensors = [normal(1, 1, T, 64, seed=seed, dtype=torch.bfloat16) for seed in range(3)]
    a_query = peak_memory(lambda: attention(*tensors, is_causal=True, method="online"), device="cpu") / T
    assert 10 * 8 * 8192 * a_query <= 2_281_701_376
