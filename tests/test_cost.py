"""helpers.cost: every closed form against the graph of the same computation, and the numbers that lessons quote."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import cost, graph
from helpers.cost import Accounting, Cost

PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)

RECURRENT = {"elman": (graph.elman, cost.elman), "lstm": (graph.lstm, cost.lstm), "gru": (graph.gru, cost.gru)}
accountings = st.builds(
    Accounting,
    biases=st.sampled_from(cost.BIASES),
    additive_mask=st.booleans(),
    final_norm=st.booleans(),
    one_pass_variance=st.booleans(),
    divide_last=st.booleans(),
    hoist=st.booleans(),
)


def compare(made, formula):
    """Everything that a graph can count of a Cost, exactly."""
    counted = {
        "work": made.work,
        "span": made.span(),
        "operations": made.operations,
        "parameters": sum(array.size for array in made.weights.values()),
        "dots": made.dots,
        "scores": made.count("exp"),
    }
    assert counted == {
        "work": formula.work,
        "span": formula.span,
        "operations": formula.operations,
        "parameters": formula.parameters,
        "dots": formula.activations + formula.scores,
        "scores": formula.scores,
    }


@PROPERTY
@given(
    kind=st.sampled_from(sorted(RECURRENT)),
    T=st.integers(1, 7),
    d=st.integers(1, 17),
    layers=st.integers(1, 4),
    accounting=accountings,
)
def test_recurrent_layers(kind, T, d, layers, accounting):
    build, form = RECURRENT[kind]
    made, _ = build(T, d, layers, accounting=accounting)
    compare(made, form(T, d, layers, accounting=accounting))


@PROPERTY
@given(T=st.integers(1, 9), d=st.integers(1, 17), forced=st.booleans(), accounting=accountings)
def test_jordan(T, d, forced, accounting):
    made, _ = graph.jordan(T, d, teacher_forcing=forced, accounting=accounting)
    compare(made, cost.jordan(T, d, teacher_forcing=forced, accounting=accounting))


@PROPERTY
@given(
    T=st.integers(1, 20),
    heads=st.integers(1, 4),
    d_h=st.integers(1, 9),
    causal=st.booleans(),
    residual=st.booleans(),
    accounting=accountings,
)
def test_attention(T, heads, d_h, causal, residual, accounting):
    options = {"causal": causal, "residual": residual, "accounting": accounting}
    made, _ = graph.attention(T, heads * d_h, heads, **options)
    compare(made, cost.attention(T, heads * d_h, heads, **options))


@PROPERTY
@given(
    T=st.integers(1, 17),
    heads=st.integers(1, 3),
    d_h=st.integers(1, 7),
    layers=st.integers(1, 3),
    causal=st.booleans(),
    accounting=accountings,
)
def test_transformer(T, heads, d_h, layers, causal, accounting):
    made, _ = graph.transformer(T, heads * d_h, heads, layers, causal=causal, accounting=accounting)
    compare(made, cost.transformer(T, heads * d_h, heads, layers, causal=causal, accounting=accounting))


@pytest.mark.parametrize("method", cost.SCANS)
def test_linear_recurrence(method):
    for T in [1, 2, 4, 8, 16, 32, 64, 128] if method == "blelloch" else [*range(1, 70), 127, 128, 129, 200]:
        made, _ = graph.linear_recurrence(T, 2, method=method)
        formula = cost.linear_recurrence(T, 2, method=method)
        assert (made.work, made.span(), made.operations) == (formula.work, formula.span, formula.operations), T
        assert made.combines == cost.combines(T, method)
        assert made.span(counting="combine") == cost.combine_path(T, method)


@pytest.mark.parametrize("m", range(2, 12))
def test_scan_counts_at_powers_of_two(m):
    T = 2**m
    assert cost.combines(T, "hillis_steele") == T * m - T + 1
    assert cost.combines(T, "brent_kung") == 2 * T - 2 - m
    assert cost.combines(T, "blelloch") == 2 * T - 2
    assert [cost.combine_path(T, method) for method in cost.SCANS] == [T - 1, m, 2 * m - 2, 2 * m - 1]


@PROPERTY
@given(st.integers(1, 300), st.sampled_from(cost.SUMS))
def test_sums(n, method):
    made, _ = graph.add_up(n, method=method)
    formula = cost.add_up(n, method=method)
    assert (made.span(), made.operations, made.work) == (formula.span, formula.operations, formula.work)


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
    assert cost.crossover(recurrent, parallel) == largest
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


@pytest.mark.parametrize("build", [lambda B: cost.gru(5, 4, 2, B=B), lambda B: cost.jordan(5, 4, B=B)])
def test_a_batch_multiplies_the_work_and_not_the_span(build):
    one, eight = build(1), build(8)
    assert (eight.span, eight.parameters) == (one.span, one.parameters)
    for field in ("work", "operations", "activations", "scores", "state"):
        assert getattr(eight, field) == 8 * getattr(one, field)


def test_a_batch_of_sentences_through_blocks_and_scans():
    one, eight = (cost.transformer(5, 4, 2, 2, causal=True, B=B) for B in (1, 8))
    assert (eight.work, eight.scores, eight.span) == (8 * one.work, 8 * one.scores, one.span)
    one, eight = (cost.linear_recurrence(5, 4, method="brent_kung", B=B) for B in (1, 8))
    assert (eight.work, eight.state, eight.span) == (8 * one.work, 8 * one.state, one.span)


def test_costs_one_after_the_other_add():
    assert Cost(1, 2, 3) + Cost(10, 20, 30, 40, 50, 60, 70) == Cost(11, 22, 33, 40, 50, 60, 70)


def test_memory():
    assert cost.lstm(10, 4, 3).memory(2) == {
        "parameters": 2 * 3 * (128 + 16),
        "activations": 960,
        "scores": 0,
        "state": 48,
    }
    assert cost.linear_recurrence(10, 4).memory() == {"parameters": 0, "activations": 160, "scores": 0, "state": 16}
    assert cost.transformer(1024, 512, 8).memory()["scores"] == 4 * 8 * 1024**2
    causal = cost.transformer(2048, 128 * 96, 96, 96, causal=True)
    assert causal.memory(2)["state"] == cost.kv_cache(2048, 96, 96, 128)
    assert cost.transformer(2048, 128, causal=False).state == 0


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
    ):
        assert all(type(value) is int for value in vars(made).values())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Accounting(biases="everwhere"), ("'everwhere'", "nearest is 'everywhere'")),
        (lambda: Accounting(biases="none"), ("'none'", "ffn, everywhere, nowhere")),
        (lambda: Accounting(biases=None), ("None", "ffn")),
        (lambda: cost.elman(0, 8), ("T=0", "empty time axis")),
        (lambda: cost.transformer(8, 10, 4), ("d=10", "heads=4", "1, 2, 5, 10")),
        (lambda: cost.attention(8, 8, 0), ("heads=0",)),
        (lambda: cost.jordan(0, 8), ("T=0",)),
        (lambda: cost.gru(8, 8, B=0), ("B=0",)),
        (lambda: cost.combines(8, "hillis-steele"), ("nearest is 'hillis_steele'",)),
        (lambda: cost.combine_path(12, "blelloch"), ("T=12", "T=16")),
        (lambda: cost.brent_time(10, 2, 0), ("processors=0",)),
        (lambda: cost.add_up(0), ("n=0",)),
        (lambda: cost.kv_cache(1, 2, 0, 4), ("kv_heads=0",)),
        (lambda: cost.elman(4, 8).memory(0), ("itemsize=0",)),
    ],
)
def test_wrong_values(call, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011, the words below are the match
        call()
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Accounting(hoist="yes"), ("hoist='yes'", "True or False")),
        (lambda: cost.elman(4, 8, accounting={"hoist": True}), ("accounting={'hoist': True}", "Accounting(")),
        (lambda: cost.transformer(4.0, 8), ("T=4.0", "whole number")),
        (lambda: cost.transformer(4, 8, heads=None), ("heads=None",)),
        (lambda: cost.brent_time(10, 2.5, 1), ("span=2.5",)),
    ],
)
def test_wrong_types(call, words):
    with pytest.raises(TypeError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value
