"""helpers.attention: the loop defines it; every other method, dtype, mask and gradient is held against the loop."""

import itertools
import math

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from tensors import EXACT, RMS, largest, normal, relative, with_gradients
from torch.autograd import gradcheck

from helpers import attention, attention_weights
from helpers.ops.attention import METHODS as EVERY_METHOD

pytestmark = pytest.mark.usefixtures("unaided")
DRAWN = hypothesis.settings(max_examples=25)
METHODS = [method for method in EVERY_METHOD if method != "flash"]  # needs a GPU: test_kernel_flash.py
PLAIN = [method for method in METHODS if method != "auto"]
PLAIN_BFLOAT16 = 8e-3  # scores rounded to 8 bits cost plain torch itself 5.3e-3, and the loop 6e-3

lengths = st.sampled_from([1, 2, 3, 63, 64, 65])
widths = st.sampled_from([1, 3, 7, 16, 33])
leading = st.sampled_from([(), (2,), (2, 3), (1, 2, 1, 2)])


def definition(query, key, value, allowed=None, scale=None):
    """Attention in Python's own numbers: what the docstring says, with no torch arithmetic. (T, D) tensors only."""
    rows = []
    scale = 1 / math.sqrt(query.shape[1]) if scale is None else scale
    for i, q in enumerate(query.tolist()):
        seen = [j for j in range(len(key)) if allowed is None or allowed[i][j]]
        scores = [scale * math.fsum(a * b for a, b in zip(q, key[j].tolist(), strict=True)) for j in seen]
        shares = [math.exp(score - max(scores)) for score in scores]
        columns = [[value[j][column].item() for j in seen] for column in range(value.shape[1])]
        total = math.fsum(shares)
        rows.append([math.fsum(w * v for w, v in zip(shares, c, strict=True)) / total for c in columns])
    return torch.tensor(rows, dtype=torch.float64)


@st.composite
def calls(draw):
    """(query, key, value, keywords) in float64: any lengths, widths and leading dimensions, masks, strides."""
    front, Tk, D, Dv = draw(leading), draw(lengths), draw(widths), draw(widths)
    is_causal = draw(st.booleans())
    Tq = draw(st.sampled_from([T for T in (1, 2, 3, 63, 64, 65) if Tk >= T])) if is_causal else draw(lengths)
    tensors = [normal(*front, *sizes, seed=seed) for seed, sizes in enumerate(((Tq, D), (Tk, D), (Tk, Dv)))]
    if draw(st.booleans()):
        tensors = [tensor.transpose(-2, -1).contiguous().transpose(-2, -1) for tensor in tensors]
    keywords = {"is_causal": is_causal, "scale": draw(st.sampled_from([None, 1.0, 0.3, -0.5, 0, np.float32(0.25)]))}
    if draw(st.booleans()):
        spread = draw(
            st.sampled_from([(Tq, Tk), (1, Tk), *([(*front, Tq, Tk), (*front[:-1], 1, 1, Tk)] if front else [])])
        )
        mask = torch.from_numpy(np.random.RandomState(7).random(spread) < 0.6)
        mask[..., 0] = True  # everyone sees the first key, also under the causal mask
        keywords["mask"] = mask
    return (*tensors, keywords)


@DRAWN
@hypothesis.given(calls())
def test_every_method_gives_the_loops_numbers_in_float64(call):
    *tensors, keywords = call
    loop = attention(*tensors, **keywords, method="loop")
    assert loop.shape == (*tensors[0].shape[:-1], tensors[2].shape[-1])
    for method in METHODS:
        assert largest(attention(*tensors, **keywords, method=method), loop) < EXACT, method
    weights = attention_weights(*tensors[:2], **keywords)
    assert largest(weights @ tensors[2], loop) < EXACT
    assert largest(weights.sum(-1), torch.ones(())) < EXACT


@DRAWN
@hypothesis.given(calls())
def test_nothing_is_written_into_the_inputs(call):
    *tensors, keywords = call
    copies = [tensor.clone() for tensor in (*tensors, keywords.get("mask", torch.ones(1)))]
    for method in METHODS:
        attention(*tensors, **keywords, method=method)
    assert all(map(torch.equal, copies, (*tensors, keywords.get("mask", torch.ones(1)))))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("Tq", "Tk"), [(1, 1), (3, 3), (2, 5), (1, 6)])
def test_it_is_what_the_docstring_says_in_pythons_own_numbers(method, Tq, Tk):
    query, key, value = normal(Tq, 3, seed=1), normal(Tk, 3, seed=2), normal(Tk, 2, seed=3)
    assert largest(attention(query, key, value, method=method), definition(query, key, value)) < EXACT
    assert (
        largest(attention(query, key, value, method=method, scale=0.7), definition(query, key, value, scale=0.7))
        < EXACT
    )
    causal = [[j <= i + Tk - Tq for j in range(Tk)] for i in range(Tq)]
    by_hand = definition(query, key, value, causal)
    assert largest(attention(query, key, value, method=method, is_causal=True), by_hand) < EXACT
    assert largest(attention(query, key, value, method=method, mask=torch.tensor(causal)), by_hand) < EXACT
    both = [[j <= i + Tk - Tq and j != 1 for j in range(Tk)] for i in range(Tq)]
    output = attention(query, key, value, method=method, mask=torch.arange(Tk) != 1, is_causal=True)
    assert largest(output, definition(query, key, value, both)) < EXACT


@pytest.mark.parametrize("method", PLAIN)
def test_the_last_query_is_aligned_with_the_last_key(method):
    query, key, value = normal(2, 9, 4), normal(2, 9, 4, seed=1), normal(2, 9, 4, seed=2)
    whole = attention(query, key, value, is_causal=True, method=method)
    for cached in range(1, 9):
        part = attention(query[:, cached:], key, value, is_causal=True, method=method)
        assert largest(part, whole[:, cached:]) < EXACT


@pytest.mark.parametrize("method", PLAIN)
@pytest.mark.parametrize("dtype", RMS, ids=str)
@pytest.mark.parametrize("T", [1, 2, 63, 64, 65, 257])
def test_errors_stay_within_twice_those_of_plain_torch(method, dtype, T):
    """The oracle is the loop in float64; the rule is that of FlashAttention's own tests."""
    for is_causal, masked in ((False, False), (True, False), (False, True)):
        tensors = [normal(1, 2, T, D, seed=seed, dtype=dtype) for seed, D in enumerate((33, 33, 17))]
        mask = torch.from_numpy(np.random.RandomState(7).random((T, T)) < 0.6).fill_diagonal_(True) if masked else None
        oracle = attention(*(t.double() for t in tensors), is_causal=is_causal, mask=mask, method="loop")
        scores = tensors[0] @ tensors[1].transpose(-2, -1) / 33**0.5
        allowed = torch.ones(T, T).tril().bool() if is_causal else mask
        plain = (scores if allowed is None else scores.masked_fill(~allowed, -math.inf)).softmax(-1) @ tensors[2]
        result = attention(*tensors, is_causal=is_causal, mask=mask, method=method)
        assert result.dtype == dtype
        # The loop, the oracle in float64, rounds each product in 16 bits, and a product of matrices only their sum.
        factor = 3 if method == "loop" else 2
        assert largest(result, oracle) <= factor * largest(plain, oracle) + 1e-6
        bound = PLAIN_BFLOAT16 if dtype is torch.bfloat16 and method != "sdpa" else RMS[dtype]
        assert relative(result, oracle) < bound


@pytest.mark.parametrize("method", METHODS)
def test_large_scores_do_not_overflow(method):
    query, key, value = 100 * normal(4, 8), 100 * normal(6, 8, seed=1), normal(6, 3, seed=2)
    for dtype in (torch.float64, torch.float32, torch.float16):
        assert attention(query.to(dtype), key.to(dtype), value.to(dtype), method=method, scale=1.0).isfinite().all()


@pytest.mark.parametrize("method", METHODS)
def test_words_in_another_order_give_the_same_outputs_in_that_order(method):
    query, key, value = (normal(2, 7, 5, seed=seed) for seed in range(3))
    order = torch.from_numpy(np.random.RandomState(3).permutation(7))
    by_order = attention(query[:, order], key[:, order], value[:, order], method=method)
    assert largest(by_order, attention(query, key, value, method=method)[:, order]) < EXACT
    only_keys = attention(query, key[:, order], value[:, order], method=method)
    assert largest(only_keys, attention(query, key, value, method=method)) < EXACT


@pytest.mark.parametrize("method", METHODS)
def test_a_causal_output_does_not_notice_later_words(method):
    tensors = [normal(6, 4, seed=seed) for seed in range(3)]
    before = attention(*tensors, is_causal=True, method=method)
    for position in range(6):
        moved = [tensor.clone() for tensor in tensors]
        for tensor in moved:
            tensor[position] += 1.0
        after = attention(*moved, is_causal=True, method=method)
        assert torch.equal(after[:position], before[:position])
        assert (after[position:] != before[position:]).any(dim=1).all()


@pytest.mark.parametrize("method", METHODS)
def test_every_output_lies_between_the_values_it_reads(method):
    query, key, value = normal(5, 3), normal(8, 3, seed=1), normal(8, 4, seed=2)
    result = attention(query, key, value, method=method)
    assert (result >= value.amin(0) - EXACT).all()
    assert (result <= value.amax(0) + EXACT).all()
    causal = attention(key, key, value, is_causal=True, method=method)
    assert largest(causal[0], value[0]) < EXACT, "the first word has only itself to read"
    same = value[:1].expand(8, 4)
    assert largest(attention(query, key, same, method=method), value[:1]) < EXACT


def test_weights_are_positive_where_the_mask_allows_and_0_elsewhere():
    query, key = normal(2, 5, 3), normal(2, 6, 3, seed=1)
    mask = torch.from_numpy(np.random.RandomState(0).random((5, 6)) < 0.5)
    mask[:, 2] = True
    weights = attention_weights(query, key, mask=mask)
    assert weights.shape == (2, 5, 6)
    assert (weights >= 0).all()
    assert (weights[:, ~mask] == 0).all()
    assert (weights[:, mask] > 0).all()
    assert largest(attention_weights(query, key, scale=0.0), torch.tensor(1 / 6)) < 1e-8


@pytest.mark.parametrize("method", METHODS)
def test_gradients_pass_gradcheck(method):
    tensors = [normal(4, D, seed=seed).requires_grad_() for seed, D in enumerate((3, 3, 2))]
    mask = torch.tensor([[True, False, True, True]])
    for keywords in ({}, {"is_causal": True}, {"is_causal": True, "mask": mask, "scale": 0.3}):
        assert gradcheck(lambda q, k, v, more=keywords: attention(q, k, v, method=method, **more), tensors)


@pytest.mark.parametrize(
    "masked", [{}, {"is_causal": True}, {"mask": torch.ones(1, 65).bool()}], ids=["all", "causal", "mask"]
)
def test_gradients_agree_between_the_methods(masked):
    tensors = [normal(2, 2, 65, D, seed=seed) for seed, D in enumerate((7, 7, 5))]
    upstream = normal(2, 2, 65, 5, seed=9)
    loop = with_gradients(attention, tensors, upstream, method="loop", **masked)
    for method in ("naive", "online", "sdpa", "auto"):
        results = with_gradients(attention, tensors, upstream, method=method, **masked)
        assert all(largest(a, b) < EXACT for a, b in zip(results, loop, strict=True))


def test_auto_is_torchs_kernel_and_uses_its_causal_flag_only_where_that_means_the_same(monkeypatch):
    asked = []
    fused = torch.nn.functional.scaled_dot_product_attention

    def noting(*tensors, **keywords):
        asked.append(keywords)
        return fused(*tensors, **keywords)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", noting)
    query, key = normal(3, 2), normal(5, 2)
    attention(key, key, key, is_causal=True)
    assert asked[-1]["is_causal"] is True
    assert asked[-1]["attn_mask"] is None
    attention(query, key, key, is_causal=True)
    assert asked[-1]["is_causal"] is False, "torch would align the first query with the first key"
    attention(key, key, key, is_causal=True, mask=torch.ones(5, 5).bool())
    assert asked[-1]["is_causal"] is False


def test_masks_that_broadcast_mean_the_same_as_written_out():
    tensors = [normal(2, 3, 4, 5, seed=seed) for seed in range(3)]
    for sizes in itertools.product((1, 2), (1, 3), (1, 4), (4,)):
        mask = torch.from_numpy(np.random.RandomState(1).random(sizes) < 0.5)
        mask[..., 1] = True
        written_out = mask.expand(2, 3, 4, 4).clone()
        for method in METHODS:
            short = attention(*tensors, mask=mask, method=method)
            assert largest(short, attention(*tensors, mask=written_out, method="loop")) < EXACT
    everything = torch.tensor(True)
    assert largest(attention(*tensors, mask=everything), attention(*tensors)) < EXACT
