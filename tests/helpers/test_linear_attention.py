"""helpers.ops.linear_attention: three forms of one sum, held against the definition in Python's own numbers."""

import math

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from started import Started
from tensors import RMS, largest, normal, relative
from torch.autograd import gradcheck

from helpers import limits
from helpers.ops import linear_attention as module
from helpers.ops.linear_attention import CHUNK, METHODS, elu_plus_one, linear_attention

pytestmark = pytest.mark.usefixtures("unaided")
DRAWN = hypothesis.settings(max_examples=20)
FORMS = METHODS[1:]
each_form = pytest.mark.parametrize("method", METHODS)
either = pytest.mark.parametrize("is_causal", [True, False], ids=["causal", "full"])


def heads(T, D=5, Dv=3, lead=(2, 3), Tk=None, dtype=torch.float64):
    return [normal(*lead, n, d, seed=i, dtype=dtype) for i, (n, d) in enumerate([(T, D), (Tk or T, D), (Tk or T, Dv)])]


def by_hand(query, key, value, is_causal):
    """Katharopoulos et al. 2020, equation 9, for one head of lists."""
    rows = []
    for t, q in enumerate(query):
        seen = range(t + 1) if is_causal else range(len(key))
        phi = [[x + 1 if x > 0 else math.exp(x) for x in vector] for vector in (q, *(key[s] for s in seen))]
        weights = [math.fsum(a * b for a, b in zip(phi[0], k, strict=True)) for k in phi[1:]]
        total = math.fsum(weights)
        rows.append(
            [
                math.fsum(w * value[s][i] for w, s in zip(weights, seen, strict=True)) / total
                for i in range(len(value[0]))
            ]
        )
    return torch.tensor(rows, dtype=torch.float64)


@each_form
@either
def test_it_is_the_papers_equation(method, is_causal):
    tensors = heads(7, lead=())
    wanted = by_hand(*(tensor.tolist() for tensor in tensors), is_causal)
    assert largest(linear_attention(*tensors, is_causal=is_causal, method=method), wanted) < 1e-14


@st.composite
def calls(draw):
    T, lead = draw(st.sampled_from([1, 2, 7, 63, 64, 65, 200])), draw(st.sampled_from([(), (2,), (2, 3), (1, 2, 2)]))
    D, Dv, is_causal = draw(st.sampled_from([1, 3, 16])), draw(st.sampled_from([1, 5])), draw(st.booleans())
    Tk = T if is_causal else draw(st.sampled_from([1, 65, T]))
    query, key, value = heads(T, D, Dv, lead, Tk)
    if draw(st.booleans()):
        query, value = (tensor.transpose(-1, -2).contiguous().transpose(-1, -2) for tensor in (query, value))
    return query, key, value, is_causal


@DRAWN
@hypothesis.given(calls())
def test_every_form_gives_the_same_numbers(call):
    *tensors, is_causal = call
    copies = [tensor.clone() for tensor in tensors]
    wanted = linear_attention(*tensors, is_causal=is_causal, method="recurrent")
    assert wanted.shape == (*tensors[0].shape[:-1], tensors[2].shape[-1])
    for method in METHODS:
        assert largest(linear_attention(*tensors, is_causal=is_causal, method=method), wanted) < 1e-12, method
    assert all(map(torch.equal, copies, tensors))


@each_form
@either
@pytest.mark.parametrize("dtype", RMS, ids=str)
def test_every_form_stays_near_float64(method, is_causal, dtype):
    for T in (1, 65, 200):
        tensors = [tensor.requires_grad_() for tensor in heads(T, 16, 16, (1, 2), dtype=dtype)]
        exact = [tensor.detach().double().requires_grad_() for tensor in tensors]
        wanted = linear_attention(*exact, is_causal=is_causal, method="chunked")
        plain = linear_attention(*tensors, is_causal=is_causal, method="parallel")
        result = linear_attention(*tensors, is_causal=is_causal, method=method)
        assert result.dtype == dtype
        assert largest(result, wanted) <= 2 * largest(plain, wanted) + 1e-6
        assert relative(result, wanted) < RMS[dtype]
        towards = normal(*wanted.shape, seed=9)
        slopes = [torch.autograd.grad(r, t, towards.to(r.dtype)) for r, t in ((result, tensors), (wanted, exact))]
        slopes, wanted_slopes = (torch.cat([slope.double().flatten() for slope in part]) for part in slopes)
        assert relative(slopes, wanted_slopes) < 3 * RMS[dtype]


@pytest.mark.parametrize("T", [1000, 4097])
def test_chunks_stay_exact_over_a_long_time(T):
    tensors = heads(T, 16, 16, (1, 1))
    wanted = linear_attention(*tensors, method="recurrent")
    assert largest(linear_attention(*tensors, method="chunked"), wanted) < 1e-12
    assert relative(linear_attention(*(tensor.float() for tensor in tensors), method="chunked"), wanted) < 1e-5


@either
@pytest.mark.parametrize("method", FORMS)
def test_gradients_pass_gradcheck(method, is_causal, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 3)
    tensors = [tensor.requires_grad_() for tensor in heads(7, 2, 2, (1,))]
    assert gradcheck(lambda *t: linear_attention(*t, is_causal=is_causal, method=method), tensors)


@each_form
def test_a_later_token_changes_no_earlier_row_and_a_prefix_is_a_prefix(method):
    query, key, value = heads(150)
    whole = linear_attention(query, key, value, method=method)
    for tensor in (query, key, value):
        moved = [other.clone() for other in (query, key, value)]
        next(a for a, b in zip(moved, (query, key, value), strict=True) if b is tensor)[..., 100, :] *= 1e6
        assert torch.equal(linear_attention(*moved, method=method)[..., :100, :], whole[..., :100, :])
    half = linear_attention(*(tensor[..., :75, :] for tensor in (query, key, value)), method=method)
    assert largest(half, whole[..., :75, :]) < 1e-14


@each_form
def test_without_a_mask_the_order_of_the_keys_does_not_matter(method):
    query, key, value = heads(100)
    turned = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    results = [
        linear_attention(query, *pair, is_causal=False, method=method)
        for pair in ((key, value), (key[..., turned, :], value[..., turned, :]))
    ]
    assert largest(*results) < 1e-13


@each_form
@either
def test_a_mean_of_ones_is_one_however_long_in_float16(method, is_causal):
    T = 70000 if method in ("auto", "chunked") else 1000
    value = torch.full((T, 8), 100.0, dtype=torch.float16)  # its sum passes float16's 65504
    query, key = (normal(T, 8, seed=i, dtype=torch.float16) for i in range(2))
    result = linear_attention(query, key, value, is_causal=is_causal, method=method)
    assert largest(result, value) < 0.5


@each_form
@either
def test_a_query_without_any_weight_reads_nothing(method, is_causal):
    query, key, value = (tensor.requires_grad_() for tensor in heads(70))
    result = linear_attention(query, key, value, is_causal=is_causal, method=method, feature=lambda x: x * 0)
    assert not result.any()
    assert all(not slope.any() for slope in torch.autograd.grad(result.sum(), (query, key, value)))


@each_form
def test_any_feature_will_do_and_may_change_the_width(method):
    tensors = heads(70)
    wide = linear_attention(*tensors, method=method, feature=lambda x: torch.cat([x.exp(), (-x).exp()], dim=-1))
    query, key = (torch.cat([x.exp(), (-x).exp()], dim=-1) for x in tensors[:2])
    weights = (query @ key.mT).tril()
    assert largest(wide, weights @ tensors[2] / weights.sum(-1, keepdim=True)) < 1e-13


@each_form
def test_a_feature_in_another_dtype_changes_no_dtype(method):
    tensors = heads(70, dtype=torch.float32)
    result = linear_attention(*tensors, method=method, feature=lambda x: x.double().exp())
    assert result.dtype == torch.float32
    assert largest(result, linear_attention(*tensors, method=method, feature=torch.exp)) < 1e-5


def test_the_feature_of_the_paper_is_positive():
    x = torch.tensor([-20.0, -1.0, 0.0, 3.0], dtype=torch.float64)
    assert largest(elu_plus_one(x), torch.tensor([math.exp(-20), math.exp(-1), 1.0, 4.0])) < 1e-7
    assert CHUNK == 64


def test_weights_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda _: 2**20)
    tensors = heads(2**14, 1, 1, (1,))
    with pytest.raises(MemoryError, match=r"4\.0 GiB, and cpu has 0\.0 GiB free; use method 'chunked'"):
        linear_attention(*tensors, method="parallel")
    assert linear_attention(*tensors).shape == (1, 2**14, 1)


def test_chunked_starts_few_operations_and_moves_few_bytes():
    """On an H200, with 38 operations and 69 times the bytes of the query, it had 0.37 to 0.39 of the speed of fla."""
    tensors = [normal(1, 2, 1024, 64, seed=seed, dtype=torch.bfloat16) for seed in range(3)]
    with torch.no_grad(), Started() as operations:
        linear_attention(*tensors, method="chunked")
    assert operations.names.total() <= 33
    assert operations.bytes <= 57 * tensors[0].nbytes
