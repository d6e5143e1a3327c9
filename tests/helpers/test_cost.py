"""helpers.cost: every closed form equals the graph of the same computation, exactly."""

import pytest
import torch
from counted import PROPERTY, accountings
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import MODULES, blocks, in_torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from helpers import Accounting, builders, cost

MANY = settings(PROPERTY, max_examples=80)


def compare(graph, result, formula, *, scores=None, states=0):
    """Everything that a graph can count of a Cost, exactly. scores: unless they are what is exponentiated; states of an
    elementwise recurrence, which are no dot products."""
    moved = [*graph.weights.values(), *graph.inputs.values(), result.values]
    scores = graph.count("exp") if scores is None else scores
    counted = {
        "work": graph.work,
        "span": graph.span(),
        "operations": graph.operations,
        "parameters": sum(array.size for array in graph.weights.values()),
        "activations": graph.dots - scores + states,
        "scores": scores,
        "traffic": sum(array.size for array in moved),
    }
    assert counted == {name: getattr(formula, name) for name in counted}


@MANY
@given(
    kind=st.sampled_from(["elman", "lstm", "gru"]),
    T=st.integers(1, 7),
    d=st.integers(1, 17),
    layers=st.integers(1, 4),
    accounting=accountings,
)
def test_the_closed_form_of_recurrent_layers_equals_the_graph(kind, T, d, layers, accounting):
    build, closed_form = getattr(builders, kind), getattr(cost, kind)
    compare(*build(T, d, layers, accounting=accounting), closed_form(T, d, layers, accounting=accounting))


@MANY
@given(T=st.integers(1, 9), d=st.integers(1, 17), forced=st.booleans(), accounting=accountings)
def test_the_closed_form_of_the_jordan_net_equals_the_graph(T, d, forced, accounting):
    compare(
        *builders.jordan(T, d, teacher_forcing=forced, accounting=accounting),
        cost.jordan(T, d, teacher_forcing=forced, accounting=accounting),
    )


@MANY
@given(
    T=st.integers(1, 20),
    heads=st.integers(1, 4),
    d_h=st.integers(1, 9),
    causal=st.booleans(),
    residual=st.booleans(),
    accounting=accountings,
)
def test_the_closed_form_of_attention_equals_the_graph(T, heads, d_h, causal, residual, accounting):
    options = {"causal": causal, "residual": residual, "accounting": accounting}
    compare(*builders.attention(T, heads * d_h, heads, **options), cost.attention(T, heads * d_h, heads, **options))


@MANY
@given(
    T=st.integers(1, 17),
    heads=st.integers(1, 3),
    d_h=st.integers(1, 7),
    layers=st.integers(1, 3),
    causal=st.booleans(),
    accounting=accountings,
)
def test_the_closed_form_of_blocks_equals_the_graph(T, heads, d_h, layers, causal, accounting):
    compare(
        *builders.transformer(T, heads * d_h, heads, layers, causal=causal, accounting=accounting),
        cost.transformer(T, heads * d_h, heads, layers, causal=causal, accounting=accounting),
    )


@MANY
@given(
    T=st.integers(1, 20),
    heads=st.integers(1, 3),
    d_h=st.integers(1, 7),
    method=st.sampled_from(cost.LINEAR),
    causal=st.booleans(),
    chunk=st.integers(1, 8),
    accounting=accountings,
)
def test_the_closed_form_of_attention_without_softmax_equals_the_graph(
    T, heads, d_h, method, causal, chunk, accounting
):
    options = {"method": method, "causal": causal, "chunk": chunk, "accounting": accounting}
    seen = {"parallel": sum(t + 1 if causal else T for t in range(T))}
    seen["chunked"] = sum(t % chunk + 1 for t in range(T)) if causal else 0
    graph, result = builders.linear_attention(T, heads * d_h, heads, **options)
    formula = cost.linear_attention(T, heads * d_h, heads, **options)
    compare(graph, result, formula, scores=heads * seen.get(method, 0))


@MANY
@given(T=st.integers(1, 40), heads=st.integers(1, 4), d_h=st.integers(1, 9), accounting=accountings)
def test_the_closed_form_of_decoding_equals_the_graph(T, heads, d_h, accounting):
    compare(
        *builders.decode_attention(T, heads * d_h, heads, accounting=accounting),
        cost.decode_attention(T, heads * d_h, heads, accounting=accounting),
    )


def scan_sizes(method):
    return [1, 2, 4, 8, 16, 32, 64, 128] if method == "blelloch" else [*range(1, 70), 127, 128, 129, 200]


@pytest.mark.parametrize("method", cost.SCANS)
def test_the_closed_form_of_every_scan_equals_the_graph(method):
    for T in scan_sizes(method):
        graph, states = builders.linear_recurrence(T, 2, method=method)
        compare(graph, states, cost.linear_recurrence(T, 2, method=method), states=2 * T)
        assert graph.combines == cost.combines(T, method)
        assert graph.span(counting="combine") == cost.combine_path(T, method)


@MANY
@given(T=st.integers(1, 90), chunk=st.integers(1, 100))
def test_the_closed_form_of_chunks_of_any_length_equals_the_graph(T, chunk):
    graph, states = builders.linear_recurrence(T, method="chunked", chunk=chunk)
    compare(graph, states, cost.linear_recurrence(T, method="chunked", chunk=chunk), states=T)
    assert graph.combines == cost.combines(T, "chunked", chunk)
    assert graph.span(counting="combine") == cost.combine_path(T, "chunked", chunk)


@MANY
@given(T=st.integers(1, 3000))
def test_the_chunk_that_is_taken_has_nearly_the_shortest_path(T):
    shortest = min(cost.combine_path(T, "chunked", chunk) for chunk in range(1, T + 1))
    assert shortest <= cost.combine_path(T, "chunked") <= shortest + 1
    assert cost.chunk_length(T, "chunked") == max(1, int((T / 2) ** 0.5))


@MANY
@given(
    m=st.integers(0, 4),
    T=st.integers(1, 30),
    d=st.integers(1, 5),
    method=st.sampled_from(cost.SCANS),
    chunk=st.none() | st.integers(1, 8),
    accounting=accountings,
)
def test_the_closed_form_of_min_gru_equals_the_graph(m, T, d, method, chunk, accounting):
    T = 2**m if method == "blelloch" else T
    options = {"method": method, "chunk": chunk, "accounting": accounting}
    graph, states = builders.min_gru(T, d, **options)
    compare(graph, states, cost.min_gru(T, d, **options), states=T * d)


@MANY
@given(
    T=st.integers(1, 20),
    d=st.integers(1, 4),
    iterations=st.integers(1, 3),
    jacobian=st.sampled_from(cost.JACOBIANS),
    accounting=accountings,
)
def test_the_closed_form_of_newtons_method_equals_the_graph(T, d, iterations, jacobian, accounting):
    options = {"jacobian": jacobian, "accounting": accounting}
    compare(*builders.newton(T, d, iterations, **options), cost.newton(T, d, iterations, **options))


def macs_by_torch(module, x):
    """(forward, forward and backward): half of the FLOP that torch counts in its matrix products."""
    counts = []
    for run in (module, lambda x: module(x).square().sum().backward()):
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            run(x)
        counts.append(counter.get_total_flops() / 2)
    return tuple(counts)


@pytest.mark.parametrize(("T", "d", "layers", "B"), [(1, 3, 1, 1), (5, 4, 1, 3), (4, 7, 3, 2)])
@pytest.mark.parametrize("kind", MODULES)
def test_the_work_of_recurrent_layers_is_what_torch_counts(kind, T, d, layers, B):
    module, closed_form = MODULES[kind](d, d, layers, dtype=torch.float64), getattr(cost, kind)
    x = torch.randn(T, B, d, dtype=torch.float64, requires_grad=True)
    forward, trained = closed_form(T, d, layers, B=B), cost.trained(closed_form, T, d, layers, B=B)
    assert macs_by_torch(lambda x: module(x)[0], x) == (forward.work, trained.work)


@pytest.mark.parametrize(("T", "d", "heads", "layers"), [(1, 3, 1, 1), (5, 6, 3, 1), (7, 4, 2, 3)])
def test_the_work_of_blocks_is_what_torch_counts(T, d, heads, layers):
    graph, _ = builders.transformer(T, d, heads, layers)
    weights = in_torch(graph.weights, requires_grad=True)
    x = torch.randn(T, d, dtype=torch.float64, requires_grad=True)
    forward, trained = cost.transformer(T, d, heads, layers), cost.trained(cost.transformer, T, d, heads, layers)
    assert macs_by_torch(lambda x: blocks(x, weights, heads, layers, False), x) == (forward.work, trained.work)


@pytest.mark.parametrize("m", range(2, 12))
def test_combines_and_their_path_at_powers_of_two(m):
    T = 2**m
    assert cost.combines(T, "hillis_steele") == T * m - T + 1
    assert cost.combines(T, "brent_kung") == 2 * T - 2 - m
    assert cost.combines(T, "blelloch") == 2 * T - 2
    scans = ("sequential", "hillis_steele", "brent_kung", "blelloch")
    assert [cost.combine_path(T, method) for method in scans] == [T - 1, m, 2 * m - 2, 2 * m - 1]


@MANY
@given(st.integers(1, 300), st.sampled_from(cost.SUMS))
def test_the_closed_form_of_sums_equals_the_graph(n, method):
    compare(*builders.add_up(n, method=method), cost.add_up(n, method=method))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Accounting(biases="everwhere"), ("'everwhere'", "mean 'everywhere'?")),
        (lambda: Accounting(biases="none"), ("'none'", "'ffn', 'everywhere', 'nowhere'")),
        (lambda: Accounting(biases=None), ("None", "ffn")),
        (lambda: cost.elman(0, 8), ("T=0", "empty time axis")),
        (lambda: cost.transformer(8, 10, 4), ("d=10", "heads=4", "1, 2, 5, 10")),
        (lambda: cost.attention(8, 8, 0), ("heads=0",)),
        (lambda: cost.jordan(0, 8), ("T=0",)),
        (lambda: cost.gru(8, 8, B=0), ("B=0",)),
        (lambda: cost.combines(8, "hillis-steele"), ("mean 'hillis_steele'?",)),
        (lambda: cost.combine_path(12, "blelloch"), ("T=12", "T=16")),
        (lambda: cost.brent_time(10, 2, 0), ("processors=0",)),
        (lambda: cost.add_up(0), ("n=0",)),
        (lambda: cost.kv_cache(1, 2, 0, 4), ("kv_heads=0",)),
        (lambda: cost.elman(4, 8).memory(0), ("itemsize=0",)),
        (lambda: cost.elman(4, 8).intensity(0), ("itemsize=0",)),
        (lambda: cost.linear_recurrence(8, method="chunked", chunk=0), ("chunk=0",)),
        (lambda: cost.min_gru(8, 4, method="scan"), ("'scan'", "'sequential', ")),
        (lambda: cost.min_gru(12, 4, method="blelloch"), ("T=12", "T=16")),
        (lambda: cost.linear_attention(8, 4, method="paralel"), ("mean 'parallel'?",)),
        (lambda: cost.linear_attention(8, 4, 3), ("d=4", "heads=3")),
        (lambda: cost.newton(8, 4, 0), ("iterations=0",)),
        (lambda: cost.newton(8, 4, 1, jacobian="full"), ("'full'", "'dense', 'diagonal'")),
        (lambda: cost.decode_attention(0, 4), ("T=0", "empty time axis")),
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
        (lambda: cost.linear_attention(8, 4, chunk=2.0), ("chunk=2.0",)),
        (lambda: cost.newton(8, 4, 2, accounting=None), ("accounting=None", "Accounting(")),
    ],
)
def test_wrong_types(call, words):
    with pytest.raises(TypeError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value
