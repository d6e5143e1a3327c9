"""helpers.cost: the formulas as the course writes them, and the numbers that lessons quote."""

import numpy as np
import pytest
from counted import PROPERTY
from hypothesis import given
from hypothesis import strategies as st

from helpers import Accounting, cost
from helpers.counting.cost import Cost


@PROPERTY
@given(T=st.integers(1, 2**14), d=st.integers(1, 2048), layers=st.integers(1, 96))
def test_the_formulas_as_the_course_writes_them(T, d, layers):
    L, R, log_T, log_d = layers, *(int(np.ceil(np.log2(n))) for n in (2 * d + 1, T, d))
    assert (cost.elman(T, d, L).work, cost.elman(T, d, L).span) == (2 * L * T * d * d, (T + L - 1) * (R + 2))
    assert (cost.lstm(T, d, L).work, cost.lstm(T, d, L).span) == (8 * L * T * d * d, (T + L - 1) * (R + 6))
    assert (cost.gru(T, d, L).work, cost.gru(T, d, L).span) == (6 * L * T * d * d, (T + L - 1) * (R + 7))
    full, causal = (cost.transformer(T, 8 * d, 8, L, causal=causal) for causal in (False, True))
    assert full.work == L * (12 * T * (8 * d) ** 2 + 2 * T * T * 8 * d)
    assert causal.work == L * (12 * T * (8 * d) ** 2 + T * (T + 1) * 8 * d)
    assert full.span == causal.span == L * (3 * log_T + 8 * (log_d + 3) + log_d + 35)


@PROPERTY
@given(
    N=st.integers(1, 2**8),
    C=st.integers(2, 2**8),
    d=st.integers(1, 512),
    heads=st.sampled_from([1, 2, 8]),
    K=st.integers(1, 20),
)
def test_the_formulas_of_what_can_be_computed_in_parallel(N, C, d, heads, K):
    T, d_h, d = N * C, d, heads * d
    log_T, log_C, log_h, log_d, log_Td = (int(np.ceil(np.log2(n))) for n in (T, C, d_h, d, T * d))
    decode = cost.decode_attention(T, d, heads)
    assert (decode.work, decode.span, decode.traffic) == (2 * T * d, 3 * log_T + log_h + 6, 2 * T * d + 2 * d)
    assert decode.state == cost.kv_cache(T, 1, heads, d_h, itemsize=1)
    scan = cost.linear_recurrence(T, d, method="chunked", chunk=C)
    assert scan.work == d * (2 * (N - 1) * (C - 1) + max(N - 2, 0) + T - 1)
    assert scan.span == 2 * min(2 * C + N - 3, T - 1)
    for method, combines in (("sequential", T - 1), ("brent_kung", 2 * cost.combines(T, "brent_kung"))):
        gated, scan = cost.min_gru(T, d, method=method), cost.linear_recurrence(T, d, method=method)
        assert (gated.work, gated.span) == (2 * T * d * d + combines * d, log_d + 4 + scan.span)
    within, between = T * (C + 1) * d, (T - C) * d * (2 * d_h + 1)
    for method, causal, work, levels in (
        ("recurrent", True, T * d * (2 * d_h + 1), T),
        ("recurrent", False, T * d * (2 * d_h + 1), T),
        ("parallel", True, T * (T + 1) * d, 1 + log_T),
        ("parallel", False, 2 * T * T * d, 1 + log_T),
        ("chunked", True, within + between, N + log_C),
        ("chunked", False, T * d * (2 * d_h + 1), N + log_C),
    ):
        linear = cost.linear_attention(T, d, heads, method=method, causal=causal, chunk=C)
        assert linear.work == 4 * T * d * d + work
        assert linear.span == levels + 2 * log_d + log_h + 5
        assert linear.state == (d * (d_h + 1) if causal else 0)
    up, count = T - T.bit_count(), cost.combines(T, "brent_kung")
    paths = cost.combine_path(T, "brent_kung") + (K - 1) * cost.combine_path(T - 1, "brent_kung")
    for jacobian, width, level in (("dense", d, log_d + 2), ("diagonal", 1, 2)):
        newton = cost.newton(T, d, K, jacobian=jacobian)
        assert newton.work == T * d * d + K * (T * d * d + up * d * width**2 + count * d * width)
        assert newton.span == K * (log_d + log_Td + 7) + paths * level + 1


@pytest.mark.parametrize(
    ("T", "one", "six", "blocks"),
    [
        (6, 78, 143, 732),
        (60, 780, 845, 786),
        (64, 832, 897, 786),
        (1024, 13_312, 13_377, 858),
        (16_384, 212_992, 213_057, 930),
    ],
)
def test_the_worked_table(T, one, six, blocks):
    assert cost.elman(T, 512).span == one
    assert cost.elman(T, 512, 6).span == six
    assert cost.transformer(T, 512, 8, 6).span == blocks
    assert cost.transformer(T, 512, 8, 6, causal=True).span == blocks


def test_a_six_word_sentence():
    assert cost.attention(6, 512, 8, residual=True).span == 69
    assert cost.transformer(6, 512, 8).span == 122


def span_512(T=64, **switches):
    return cost.transformer(T, 512, 8, accounting=Accounting(**switches)).span


def test_what_the_accounting_moves():
    # S = 3⌈log₂ T⌉ + 8⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 35 with T = 64, d = 512, d_h = 64
    assert span_512() == 3 * 6 + 8 * 9 + 6 + 35
    assert span_512(biases="everywhere") == span_512() + 2
    assert span_512(biases="nowhere") == span_512() - 2
    assert span_512(additive_mask=True) == span_512() + 1
    assert span_512(final_norm=True) == span_512() + 27
    assert span_512(divide_last=True) == 2 * 6 + 8 * 9 + 6 + 35
    # 8⌈log₂ d⌉ becomes 6, and the constant 33: one level less in each of the two LayerNorms.
    assert span_512(one_pass_variance=True) == 3 * 6 + 6 * 9 + 6 + 33
    hoist = Accounting(hoist=True)
    for T in (1, 6, 100):
        assert cost.elman(T, 512, accounting=hoist).span == T * (9 + 3) + 1
        assert cost.elman(T, 512, 6, accounting=hoist).span == (T + 5) * (9 + 3) + 6


HOIST = Accounting(hoist=True)
CROSSOVERS = [
    ("attention against Elman", 2, lambda T: cost.elman(T, 512), lambda T: cost.attention(T, 512, 8)),
    ("with LayerNorm", 5, lambda T: cost.elman(T, 512), lambda T: cost.attention(T, 512, 8, residual=True)),
    ("a block", 9, lambda T: cost.elman(T, 512), lambda T: cost.transformer(T, 512, 8)),
]
CROSSOVERS += [
    (f"six blocks against {name}", largest, recurrent, lambda T: cost.transformer(T, 512, 8, 6))
    for name, largest, recurrent in (
        ("Elman", 60, lambda T: cost.elman(T, 512)),
        ("Elman, hoisted", 66, lambda T: cost.elman(T, 512, accounting=HOIST)),
        ("6 Elman", 55, lambda T: cost.elman(T, 512, 6)),
        ("6 LSTM", 41, lambda T: cost.lstm(T, 512, 6)),
        ("6 GRU", 38, lambda T: cost.gru(T, 512, 6)),
        ("36 Elman", 24, lambda T: cost.elman(T, 512, 36)),
        ("12 GRU", 31, lambda T: cost.gru(T, 512, 12)),
        ("9 LSTM", 38, lambda T: cost.lstm(T, 512, 9)),
    )
]


@pytest.mark.parametrize(
    ("largest", "recurrent", "parallel"), [pytest.param(*row[1:], id=row[0]) for row in CROSSOVERS]
)
def test_crossovers(largest, recurrent, parallel):
    assert cost.crossover(recurrent, parallel, limit=512) == largest
    assert recurrent(largest).span < parallel(largest).span
    assert recurrent(largest + 1).span >= parallel(largest + 1).span


def test_a_tie_is_not_shorter():
    assert cost.crossover(lambda T: Cost(1, T, 1), lambda T: Cost(1, 4, 1)) == 3


def test_equal_work_is_equal_but_for_the_scores():
    blocks = cost.transformer(1, 512, 8, 6).work - 6 * 2 * 512
    assert blocks == cost.elman(1, 512, 36).work == cost.gru(1, 512, 12).work == cost.lstm(1, 512, 9).work


def test_no_crossover_is_0_and_an_unseen_one_an_error():
    assert cost.crossover(lambda T: cost.transformer(T, 8), lambda T: cost.elman(1, 8)) == 0
    with pytest.raises(ValueError, match="T=50; give a larger limit"):
        cost.crossover(lambda T: cost.elman(T, 512), lambda T: cost.transformer(T, 512, 8, 6), limit=50)
    assert cost.crossover(lambda T: cost.elman(T, 512), lambda T: cost.transformer(T, 512, 8, 6), limit=61) == 60


def test_average_parallelism():
    assert cost.elman(64, 512).average_parallelism == cost.elman(1024, 512).average_parallelism
    assert cost.elman(64, 512).average_parallelism == pytest.approx(4.0e4, rel=0.01)
    assert cost.transformer(64, 512, 8).average_parallelism == pytest.approx(1.6e6, rel=0.02)
    assert cost.transformer(1024, 512, 8).average_parallelism == pytest.approx(3.0e7, rel=0.01)
    ratio = cost.transformer(1024, 512, 8).average_parallelism / cost.elman(1024, 512).average_parallelism
    assert ratio == pytest.approx(745, abs=1)


def test_self_attention_is_less_work_up_to_the_lengths_of_table_1():
    def attends(n):
        return cost.attention(n, 64, 8).work

    assert [n for n in range(1, 200) if attends(n) < cost.lstm(n, 64).work] == list(range(1, 128))
    assert [n for n in range(1, 200) if attends(n) < cost.gru(n, 64).work] == list(range(1, 64))
    assert not [n for n in range(1, 200) if attends(n) < cost.elman(n, 64).work]
    assert not [n for n in range(1, 200) if cost.transformer(n, 64, 8).work < cost.lstm(n, 64).work]
    assert cost.attention(50, 512, 8).work == 4 * 50 * 512**2 + 2 * 50**2 * 512


@PROPERTY
@given(work=st.integers(1, 10**9), span=st.integers(1, 10**6), processors=st.integers(1, 10**6))
def test_brent_time_is_exact(work, span, processors):
    lower, upper = cost.brent_time(work, span, processors)
    assert lower >= span
    assert (lower - 1) * processors < max(work, span * processors) <= lower * processors
    assert (upper - span) * processors <= work < (upper - span + 1) * processors


@pytest.mark.parametrize(
    "build",
    [
        lambda B: cost.gru(5, 4, 2, B=B),
        lambda B: cost.jordan(5, 4, B=B),
        lambda B: cost.min_gru(5, 4, B=B),
        lambda B: cost.newton(5, 4, 3, B=B),
        lambda B: cost.linear_attention(5, 4, 2, causal=True, B=B),
        lambda B: cost.decode_attention(5, 4, B=B),
    ],
)
def test_a_batch_multiplies_the_work_and_not_the_span(build):
    one, eight = build(1), build(8)
    assert (eight.span, eight.parameters) == (one.span, one.parameters)
    for field in ("work", "operations", "activations", "scores", "state"):
        assert getattr(eight, field) == 8 * getattr(one, field)
    assert eight.traffic - one.traffic == 7 * (one.traffic - one.parameters)


def test_a_batch_of_sentences_through_blocks_and_scans():
    one, eight = (cost.transformer(5, 4, 2, 2, causal=True, B=B) for B in (1, 8))
    assert (eight.work, eight.scores, eight.span) == (8 * one.work, 8 * one.scores, one.span)
    one, eight = (cost.linear_recurrence(5, 4, method="brent_kung", B=B) for B in (1, 8))
    assert (eight.work, eight.state, eight.span) == (8 * one.work, 8 * one.state, one.span)


def test_costs_one_after_the_other_add():
    assert Cost(1, 2, 3) + Cost(10, 20, 30, 40, 50, 60, 70, 80) == Cost(11, 22, 33, 40, 50, 60, 70, 80)


def test_memory():
    assert cost.lstm(10, 4, 3).memory(2) == {
        "parameters": 2 * 3 * (128 + 16),
        "activations": 960,
        "scores": 0,
        "state": 48,
        "traffic": 2 * 3 * (128 + 16) + 2 * 2 * 10 * 4,
    }
    assert cost.linear_recurrence(10, 4).memory() == {
        "parameters": 0,
        "activations": 160,
        "scores": 0,
        "state": 16,
        "traffic": 12 * 10 * 4,
    }
    assert cost.transformer(1024, 512, 8).memory()["scores"] == 4 * 8 * 1024**2
    causal = cost.transformer(2048, 128 * 96, 96, 96, causal=True)
    assert causal.memory(2)["state"] == cost.kv_cache(2048, 96, 96, 128)
    assert cost.transformer(2048, 128, causal=False).state == 0


@pytest.mark.parametrize(("B", "T"), [(1, 1), (16, 1), (16, 8)])
def test_intensity_of_a_step_is_the_batch_and_of_a_sequence_the_batch_times_the_steps(B, T):
    assert cost.elman(T, 2**14, B=B).intensity(2) == pytest.approx(B * T, rel=0.01)
    assert cost.elman(T, 2**14, B=B).intensity(4) == cost.elman(T, 2**14, B=B).intensity(2) / 2


def test_memory_decides_where_nothing_is_read_twice():
    for B in (1, 64):
        assert cost.decode_attention(4096, 128, B=B).intensity(2) == pytest.approx(1, abs=0.001)
        assert cost.linear_recurrence(4096, 128, B=B).intensity(4) == pytest.approx(2 / 12, abs=0.001)
    assert cost.attention(4096, 128, causal=True).intensity(2) > 1000


def test_linear_attention_beside_attention():
    sizes = {"T": 4096, "d": 512, "heads": 8}
    full, parallel = cost.attention(**sizes), cost.linear_attention(**sizes, method="parallel")
    assert (full.work, full.parameters, full.scores) == (parallel.work, parallel.parameters, parallel.scores)
    # No maximum, and the division after both sums; φ for scale, subtract and exp.
    assert full.span - parallel.span == 2 * 12 + 2
    recurrent, chunked = (cost.linear_attention(**sizes, causal=True, method=m) for m in ("recurrent", "chunked"))
    assert recurrent.work < chunked.work < cost.attention(**sizes, causal=True).work
    assert chunked.span < 2 * full.span < recurrent.span
    assert recurrent.state == cost.linear_attention(4096 * 9, 512, 8, causal=True).state


def test_caches_of_published_models():
    assert cost.kv_cache(1, 96, 96, 128) / 1e6 == pytest.approx(4.72, abs=0.005)
    assert cost.kv_cache(4096, 32, 32, 128) / 1e9 == pytest.approx(2.15, abs=0.005)
    assert cost.kv_cache(4096, 80, 8, 128) / 1e9 == pytest.approx(1.34, abs=0.005)


def test_one_cached_token_is_the_difference_of_two_causal_passes():
    t, d, L = 40, 32, 3
    now, before = (cost.transformer(T, d, 4, L, causal=True).work for T in (t, t - 1))
    assert now - before == L * (12 * d * d + 2 * t * d)


@PROPERTY
@given(T=st.integers(1, 10**6), d=st.integers(1, 10**4))
def test_everything_is_an_exact_integer(T, d):
    for made in (
        cost.elman(T, d),
        cost.transformer(np.int64(T), d),
        cost.linear_recurrence(T, d, method="hillis_steele"),
        cost.min_gru(T, np.int64(d), method="chunked"),
        cost.linear_attention(T, d, method="chunked", causal=True),
        cost.decode_attention(np.int64(T), d),
        cost.newton(T, d, 3),
    ):
        assert all(type(value) is int for value in vars(made).values())
