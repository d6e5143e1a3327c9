"""What is built computes what torch computes, in the way that its docstring says."""

import numpy as np
import pytest
import torch
from counted import PROPERTY, accountings, seeds, small
from hypothesis import assume, given
from hypothesis import strategies as st
from nets import attention, blocks, in_torch, layer_norm, recurrent_module, spread_inputs

import helpers
from helpers import Accounting, Graph, builders, cost
from helpers.counting.graph import Traced

CLOSE = {"rtol": 0, "atol": 1e-12}


@PROPERTY
@given(T=small, d=small, layers=st.integers(1, 3), seed=seeds, kind=st.sampled_from(["elman", "lstm", "gru"]))
def test_recurrent_values_equal_torch(T, d, layers, seed, kind):
    module, weights = recurrent_module(kind, d, layers, seed)
    x = torch.randn(T, d, dtype=torch.float64)
    for hoist in (False, True):
        options = {"accounting": Accounting(hoist=hoist), "weights": weights, "inputs": x.numpy()}
        states = getattr(builders, kind)(T, d, layers, **options)[1]
        np.testing.assert_allclose(states.values, module(x)[0].detach().numpy(), **CLOSE)


@PROPERTY
@given(
    T=st.integers(1, 9), d_h=st.integers(1, 4), heads=st.integers(1, 3), causal=st.booleans(), accounting=accountings
)
def test_attention_values_equal_torch(T, d_h, heads, causal, accounting):
    graph, out = builders.attention(T, heads * d_h, heads, causal=causal, accounting=accounting, seed=T)
    expected = attention(torch.from_numpy(graph.inputs["inputs"]), in_torch(graph.weights), heads, causal)
    np.testing.assert_allclose(out.values, expected.numpy(), **CLOSE)


@PROPERTY
@given(
    T=st.integers(1, 6),
    d_h=st.integers(1, 3),
    heads=st.integers(1, 2),
    layers=st.integers(1, 2),
    causal=st.booleans(),
    accounting=accountings,
    seed=seeds,
)
def test_block_values_equal_torch(T, d_h, heads, layers, causal, accounting, seed):
    inputs = spread_inputs(T, heads * d_h, seed)
    options = {"causal": causal, "accounting": accounting, "seed": seed, "inputs": inputs}
    graph, out = builders.transformer(T, heads * d_h, heads, layers, **options)
    expected = blocks(torch.from_numpy(inputs), in_torch(graph.weights), heads, layers, causal)
    np.testing.assert_allclose(out.values, expected.numpy(), **CLOSE)


def test_residual_attention_is_the_first_half_of_a_block():
    graph, out = builders.attention(5, 6, 2, residual=True)
    x, w = torch.from_numpy(graph.inputs["inputs"]), in_torch(graph.weights)
    expected = x + attention(layer_norm(x, w, "norm1"), w, 2, causal=False)
    np.testing.assert_allclose(out.values, expected.numpy(), **CLOSE)


def batch_of_one(array):
    return torch.from_numpy(np.array(array))[None]


@PROPERTY
@given(T=st.integers(1, 12), d=small, method=st.sampled_from(cost.SCANS), bias=st.booleans(), seed=seeds)
def test_min_gru_values_equal_torch(T, d, method, bias, seed):
    assume(method != "blelloch" or T & (T - 1) == 0)
    accounting = Accounting(biases="ffn" if bias else "nowhere")
    graph, states = builders.min_gru(T, d, method=method, accounting=accounting, seed=seed)
    weights = torch.from_numpy(graph.weights["input"]).chunk(2)
    biases = torch.from_numpy(graph.weights["bias"]).chunk(2) if bias else ()
    expected = helpers.min_gru(batch_of_one(graph.inputs["inputs"]), *weights, *biases, method="loop")
    np.testing.assert_allclose(states.values, expected[0].numpy(), **CLOSE)


@PROPERTY
@given(
    T=st.integers(1, 12),
    d_h=st.integers(1, 4),
    heads=st.integers(1, 3),
    method=st.sampled_from(cost.LINEAR),
    causal=st.booleans(),
    chunk=st.integers(1, 14),
    accounting=accountings,
    seed=seeds,
)
def test_linear_attention_values_equal_torch(T, d_h, heads, method, causal, chunk, accounting, seed):
    options = {"method": method, "causal": causal, "chunk": chunk, "accounting": accounting, "seed": seed}
    graph, out = builders.linear_attention(T, heads * d_h, heads, **options)
    expected = attention(
        torch.from_numpy(graph.inputs["inputs"]), in_torch(graph.weights), heads, causal, read=helpers.linear_attention
    )
    np.testing.assert_allclose(out.values, expected.numpy(), **CLOSE)


@PROPERTY
@given(T=st.integers(1, 20), d_h=st.integers(1, 4), heads=st.integers(1, 3), accounting=accountings, seed=seeds)
def test_decoding_values_equal_torch(T, d_h, heads, accounting, seed):
    graph, out = builders.decode_attention(T, heads * d_h, heads, accounting=accounting, seed=seed)
    query, keys, values = (
        batch_of_one(graph.inputs[name].reshape(-1, heads, d_h).transpose(1, 0, 2))
        for name in ("query", "keys", "values")
    )
    expected = helpers.decode_attention(query, keys, values, T, method="naive")  # (1, H, 1, d_h)
    np.testing.assert_allclose(out.values, expected.numpy().reshape(1, -1), **CLOSE)


@PROPERTY
@given(
    T=st.integers(1, 12),
    d=st.integers(1, 4),
    iterations=st.integers(1, 5),
    jacobian=st.sampled_from(cost.JACOBIANS),
    bias=st.booleans(),
    seed=seeds,
)
def test_newton_values_equal_torch(T, d, iterations, jacobian, bias, seed):
    accounting = Accounting(biases="ffn" if bias else "nowhere")
    graph, states = builders.newton(T, d, iterations, jacobian=jacobian, accounting=accounting, seed=seed)
    x, w = batch_of_one(graph.inputs["inputs"]), in_torch(graph.weights)
    expected, report = helpers.newton_recurrence(
        x, w["input"], w["hidden"], w.get("bias"), jacobian=jacobian, tolerance=0, most=iterations, check=False
    )
    assert report.iterations <= iterations
    np.testing.assert_allclose(states.values, expected[0].numpy(), **CLOSE)


def test_newton_is_done_after_as_many_iterations_as_steps():
    graph, states = builders.newton(5, 3, 5, seed=3)
    one_layer = {name: array[None] for name, array in graph.weights.items()}
    _, loop = builders.elman(5, 3, weights=one_layer, inputs=graph.inputs["inputs"])
    np.testing.assert_allclose(states.values, loop.values, **CLOSE)
    assert graph.span(counting="tanh") == 5


def test_a_readers_own_query_and_cache_are_read():
    keys = np.eye(3)
    graph, out = builders.decode_attention(3, 3, query=500 * keys[1:2], keys=keys, values=np.diag([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(out.values, [[0, 2, 0]], **CLOSE)
    assert set(graph.inputs) == {"query", "keys", "values"}


@PROPERTY
@given(T=small, d=small, seed=seeds)
def test_a_jordan_net_fed_its_own_outputs_is_the_same_net_without_the_wait(T, d, seed):
    free, outputs = builders.jordan(T, d, seed=seed)
    y, w = np.zeros(d), free.weights
    for t, x in enumerate(free.inputs["inputs"]):
        y = w["output"] @ np.tanh(w["hidden"] @ y + w["input"] @ x + w["bias"])
        np.testing.assert_allclose(outputs.values[t], y, **CLOSE)
    forced, same = builders.jordan(T, d, seed=seed, teacher_forcing=True, targets=outputs.values)
    np.testing.assert_array_equal(same.values, outputs.values)
    assert forced.operations == free.operations
    assert forced.span(counting="tanh") == 1
    assert free.span(counting="tanh") == T


def test_a_cell_is_one_sum_of_h_then_x_then_bias():
    graph, _ = builders.elman(2, 1)
    step = {0: [], 1: [], 2: [0, 1], 3: [2], 4: [3]}  # W h, U x, their sum, and the bias, tanh
    assert graph.as_dict() == step | {5: [4], 6: [], 7: [5, 6], 8: [7], 9: [8]}


@pytest.mark.parametrize(("T", "layers"), [(1, 1), (1, 5), (6, 1), (6, 6), (20, 4), (7, 9)])
@pytest.mark.parametrize("build", [builders.elman, builders.gru])
def test_layers_overlap_in_a_wavefront(build, T, layers):
    graph, _ = build(T, 2, layers)
    assert graph.span(counting="tanh") == T + layers - 1
    assert graph.count("tanh") == T * layers * 2


def test_levels_tell_when_each_state_is_ready():
    graph, states = builders.elman(5, 3, 2)
    ready = graph.levels()[states.nodes]  # (T, d)
    assert ready.tolist() == [[5 * (t + 2)] * 3 for t in range(5)]


def test_mixing_points_of_six_blocks():
    graph, _ = builders.transformer(3, 2, layers=6)
    assert graph.span(counting="exp") == 6


@PROPERTY
@given(
    T=st.integers(1, 40),
    d=st.integers(1, 3),
    method=st.sampled_from(cost.SCANS),
    chunk=st.none() | st.integers(1, 50),
    seed=seeds,
)
def test_scans_equal_the_loop(T, d, method, chunk, seed):
    assume(method != "blelloch" or T & (T - 1) == 0)
    graph, states = builders.linear_recurrence(T, d, method=method, chunk=chunk, seed=seed)
    h = np.zeros(d)
    for t in range(T):
        h = graph.inputs["decay"][t] * h + graph.inputs["inputs"][t]
        np.testing.assert_allclose(states.values[t], h, **CLOSE)
    assert graph.combines == cost.combines(T, method, chunk)
    assert graph.span(counting="combine") == cost.combine_path(T, method, chunk)


@pytest.mark.parametrize(
    ("method", "number", "path", "levels"),
    [
        ("sequential", 1023, 1023, 2046),
        ("hillis_steele", 9217, 10, 20),
        ("brent_kung", 2036, 18, 36),
        ("blelloch", 2046, 19, 37),
        ("chunked", 2034, 87, 174),
    ],
)
def test_scans_of_1024_terms(method, number, path, levels):
    graph, states = builders.linear_recurrence(1024, 1, method=method)
    assert (graph.combines, graph.span(counting="combine"), graph.span()) == (number, path, levels)
    loop = builders.linear_recurrence(1024, 1)[1]
    np.testing.assert_allclose(states.values, loop.values, rtol=0, atol=3e-15)


@PROPERTY
@given(st.lists(st.floats(-2, 2), min_size=6, max_size=6))
def test_combine_is_associative_and_gives_the_same_state_as_advancing_step_by_step(numbers):
    graph = Graph()
    first, second, third = (Traced(graph, np.reshape(pair, (2, 1, 1))) for pair in np.reshape(numbers, (3, 2)))
    left = builders.combine(builders.combine(first, second), third)
    right = builders.combine(first, builders.combine(second, third))
    np.testing.assert_allclose(left.values, right.values, **CLOSE)
    assert (graph.combines, graph.work) == (4, 8)
    start = Traced(graph, np.full((1, 1, 1), 0.7))
    state = start
    for step in (first, second, third):
        state = builders.advance(state, step)
    np.testing.assert_allclose(builders.advance(start, left).values, state.values, **CLOSE)
    assert (graph.combines, graph.work) == (8, 12)


@PROPERTY
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=80), st.sampled_from(cost.SUMS))
def test_sums(terms, method):
    graph, total = builders.add_up(len(terms), method=method, terms=terms)
    assert total.values == pytest.approx(sum(terms), abs=1e-9)
    assert graph.operations == len(terms) - 1
    assert graph.span() == (int(np.ceil(np.log2(len(terms)))) if method == "tree" else len(terms) - 1)


def test_same_seed_same_graph():
    (one, first), (two, second), (_, other) = builders.lstm(3, 2), builders.lstm(3, 2), builders.lstm(3, 2, seed=1)
    np.testing.assert_array_equal(one.predecessors, two.predecessors)
    np.testing.assert_array_equal(first.values, second.values)
    assert not np.array_equal(first.values, other.values)


def test_inputs_are_copied():
    x = np.ones((2, 3))
    graph, _ = builders.elman(2, 3, inputs=x)
    graph.inputs["inputs"][:] = 7
    assert x.max() == 1


@pytest.mark.parametrize("switch", ["additive_mask", "final_norm", "one_pass_variance", "divide_last"])
@pytest.mark.parametrize("causal", [False, True])
def test_switches_change_the_graph_and_not_the_numbers(switch, causal):
    plain, _ = builders.transformer(4, 4, 2, causal=causal)
    switched, _ = builders.transformer(4, 4, 2, causal=causal, accounting=Accounting(**{switch: True}))
    assert (plain.operations, plain.span()) != (switched.operations, switched.span())


def bad(call, *words):
    return pytest.param(call, words, id=" ".join(words)[:40])


GRAD = torch.ones(2, 3, requires_grad=True)
WRONG = [
    bad(lambda: builders.elman(0, 4), "T=0", "empty time axis", "T=1 or more"),
    bad(lambda: builders.lstm(3, 0), "d=0", "Give d=1"),
    bad(lambda: builders.gru(3, 4, -1), "layers=-1"),
    bad(lambda: builders.jordan(0, 4), "T=0"),
    bad(lambda: builders.transformer(4, 6, 4), "d=6", "heads=4", "1, 2, 3, 6"),
    bad(lambda: builders.attention(4, 6, 12), "heads=12"),
    bad(lambda: builders.linear_recurrence(6, method="blelloch"), "T=6", "T=8"),
    bad(lambda: builders.linear_recurrence(6, method="brent-kung"), "'brent-kung'", "mean 'brent_kung'?"),
    bad(lambda: builders.linear_recurrence(0), "T=0"),
    bad(lambda: builders.linear_recurrence(6, method="chunked", chunk=0), "chunk=0"),
    bad(lambda: builders.linear_recurrence(6, decay=np.ones(6)), "decay has shape (6,)", "expected (6, 1)"),
    bad(lambda: builders.min_gru(0, 4), "T=0"),
    bad(lambda: builders.linear_attention(4, 6, 4), "d=6", "heads=4"),
    bad(lambda: builders.linear_attention(4, 6, method="chunk"), "mean 'chunked'?"),
    bad(lambda: builders.newton(4, 6, 0), "iterations=0"),
    bad(lambda: builders.newton(4, 6, 1, jacobian="diag"), "mean 'diagonal'?"),
    bad(lambda: builders.newton(1000, 512, 1), "at most 60,000,000"),
    bad(lambda: builders.decode_attention(4, 2, keys=np.ones((3, 2))), "keys has shape (3, 2)", "expected (4, 2)"),
    bad(lambda: builders.add_up(4, method="trees"), "mean 'tree'?"),
    bad(lambda: builders.add_up(3, terms=[1.0, 2.0]), "(2,)", "(3,)"),
    bad(lambda: builders.elman(2, 3, inputs=np.ones((3, 2))), "inputs has shape (3, 2)", "expected (2, 3)"),
    bad(
        lambda: builders.elman(2, 3, weights={"input": np.ones((1, 3, 3))}), "weights has input", "bias, hidden, input"
    ),
    bad(lambda: builders.jordan(2, 3, targets=np.ones((2, 3))), "teacher_forcing is off"),
    bad(lambda: builders.transformer(64, 512, 8), "at most 60,000,000", "helpers.cost"),
    bad(lambda: builders.elman(10**12, 1), "nodes; at most"),
]
WRONG_TYPE = [
    bad(lambda: builders.elman("6", 4), "T='6'", "T=8"),
    bad(lambda: builders.elman(6, 4.0), "d=4.0"),
    bad(lambda: builders.elman(True, 4), "T=True"),
    bad(lambda: builders.elman(2, 3, accounting="everywhere"), "Accounting(biases='everywhere')"),
    bad(lambda: builders.elman(2, 3, inputs=[["a"] * 3] * 2), "inputs cannot be read"),
    bad(lambda: builders.elman(2, 3, inputs=GRAD), "requires grad", "(2, 3)"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_wrong_values(call, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011, the words below are the match
        call()
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(("call", "words"), WRONG_TYPE)
def test_wrong_types(call, words):
    with pytest.raises(TypeError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value
