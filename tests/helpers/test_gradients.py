"""The way back: gradients equal torch's, and what training costs in closed form equals the graph, exactly."""

import numpy as np
import pytest
import torch
from counted import PROPERTY, accountings, seeds
from hypothesis import assume, given
from hypothesis import strategies as st
from nets import attention, blocks, in_torch, recurrent_gradients, recurrent_module, spread_inputs

import helpers
from helpers import Accounting, Graph, builders, cost
from helpers.counting.builders.attending import run_attention, run_blocks
from helpers.counting.builders.recurrences import ELMAN, GRU, LSTM, run_layers
from helpers.counting.graph import join

CLOSE = {"rtol": 1e-10, "atol": 1e-11}
CELLS = {"elman": ELMAN, "lstm": LSTM, "gru": GRU}


def loss(outputs):
    """The loss whose gradient with respect to the outputs is the outputs."""
    return outputs.square().sum() / 2


def assert_gradients(gradients, leaves):
    for name, leaf in leaves.items():
        expected = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        np.testing.assert_allclose(gradients[name].values, expected, **CLOSE, err_msg=name)


@PROPERTY
@given(
    T=st.integers(1, 5), d=st.integers(1, 4), layers=st.integers(1, 3), seed=seeds, kind=st.sampled_from(list(CELLS))
)
def test_gradients_of_recurrent_layers_equal_torchs(T, d, layers, seed, kind):
    module, weights = recurrent_module(kind, d, layers, seed)
    x = torch.randn(T, d, dtype=torch.float64, requires_grad=True)
    loss(module(x)[0]).backward()
    options = {"weights": weights, "inputs": x.detach().numpy(), "accounting": Accounting(hoist=seed % 2 == 0)}
    gradients = builders.backward(getattr(builders, kind)(T, d, layers, **options)[1])
    expected = recurrent_gradients(kind, module, d, layers) | {"inputs": x.grad.numpy()}
    assert set(gradients) == set(expected)
    for name in expected:
        np.testing.assert_allclose(gradients[name].values, expected[name], **CLOSE, err_msg=name)


@PROPERTY
@given(
    T=st.integers(1, 6), d_h=st.integers(1, 4), heads=st.integers(1, 3), causal=st.booleans(), accounting=accountings
)
def test_gradients_of_attention_equal_torchs(T, d_h, heads, causal, accounting):
    graph, out = builders.attention(T, heads * d_h, heads, causal=causal, accounting=accounting, seed=T)
    leaves = in_torch(graph.weights | graph.inputs, requires_grad=True)
    loss(attention(leaves["inputs"], leaves, heads, causal)).backward()
    assert_gradients(builders.backward(out), leaves)


@PROPERTY
@given(T=st.integers(1, 4), d=st.integers(2, 4), causal=st.booleans(), accounting=accountings, seed=seeds)
def test_gradients_of_blocks_equal_torchs(T, d, causal, accounting, seed):
    options = {"causal": causal, "accounting": accounting, "seed": seed, "inputs": spread_inputs(T, d, seed)}
    graph, out = builders.transformer(T, d, 1, 2, **options)
    leaves = in_torch(graph.weights | graph.inputs, requires_grad=True)
    weights = {name: leaves[name] for name in graph.weights}
    loss(blocks(leaves["inputs"], weights, 1, 2, causal)).backward()
    # Numbers that LayerNorm spreads, 1/√ε times at the most, spread their rounding too.
    for name, gradient in builders.backward(out).items():
        np.testing.assert_allclose(gradient.values, leaves[name].grad.numpy(), rtol=1e-7, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("method", cost.LINEAR)
@pytest.mark.parametrize("causal", [False, True])
def test_gradients_of_attention_without_softmax_equal_torchs(method, causal):
    graph, out = builders.linear_attention(6, 4, 2, method=method, causal=causal, chunk=4)
    leaves = in_torch(graph.weights | graph.inputs, requires_grad=True)
    loss(attention(leaves["inputs"], leaves, 2, causal, read=helpers.linear_attention)).backward()
    assert_gradients(builders.backward(out), leaves)


@pytest.mark.parametrize("method", cost.SCANS)
def test_gradients_of_every_scan_equal_those_of_the_loop(method):
    graph, states = builders.linear_recurrence(8, 3, method=method, chunk=3 if method == "chunked" else None)
    leaves = in_torch(graph.inputs, requires_grad=True)
    h, loop = torch.zeros(3, dtype=torch.float64), []
    for decay, x in zip(leaves["decay"], leaves["inputs"], strict=True):
        h = decay * h + x
        loop.append(h)
    loss(torch.stack(loop)).backward()
    assert_gradients(builders.backward(states), leaves)


def test_gradients_of_min_gru_equal_torchs():
    graph, states = builders.min_gru(7, 3, method="brent_kung")
    leaves = in_torch(graph.weights | graph.inputs, requires_grad=True)
    weights, biases = leaves["input"].chunk(2), leaves["bias"].chunk(2)
    loss(helpers.min_gru(leaves["inputs"][None], *weights, *biases, method="loop")).backward()
    assert_gradients(builders.backward(states), leaves)


@pytest.mark.parametrize("forced", [False, True])
def test_gradients_of_the_jordan_net_equal_torchs(forced):
    graph, outputs = builders.jordan(4, 3, teacher_forcing=forced)
    leaves = in_torch(graph.weights | graph.inputs, requires_grad=True)
    y, loop = torch.zeros(3, dtype=torch.float64), []
    for t in range(4):
        if forced and t:
            y = leaves["targets"][t - 1]
        hidden = torch.tanh(leaves["hidden"] @ y + leaves["input"] @ leaves["inputs"][t] + leaves["bias"])
        y = leaves["output"] @ hidden
        loop.append(y)
    loss(torch.stack(loop)).backward()
    assert_gradients(builders.backward(outputs), leaves)


def test_a_loss_of_the_last_state_alone_sends_back_from_there():
    graph, states = builders.elman(5, 3)
    module, _ = recurrent_module("elman", 3, 1, seed=0)
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.from_numpy(graph.weights["input"][0]))
        module.weight_hh_l0.copy_(torch.from_numpy(graph.weights["hidden"][0]))
        module.bias_ih_l0.copy_(torch.from_numpy(graph.weights["bias"][0]))
        module.bias_hh_l0.zero_()
    upstream = torch.tensor([[1.0, -2.0, 3.0]], dtype=torch.float64)
    (module(torch.from_numpy(graph.inputs["inputs"]))[0][-1:] * upstream).sum().backward()
    gradients = builders.backward(states[-1:], gradient=upstream.numpy())
    np.testing.assert_allclose(gradients["hidden"].values[0], module.weight_hh_l0.grad.numpy(), **CLOSE)


def test_what_no_output_depends_on_has_no_gradient():
    graph = Graph()
    used, unused = graph.leaf("used", [1.0, 2.0]), graph.leaf("unused", [3.0])
    gradients = builders.backward(used * 3.0)
    assert gradients["used"].values.tolist() == [9.0, 18.0]
    assert gradients["unused"].values.tolist() == [0.0]
    assert unused.shape == (1,)


def test_what_many_readers_send_back_is_added_up_as_a_balanced_tree():
    graph = Graph()
    x = graph.leaf("x", [1.0])
    (x[:, None] * np.ones((1, 5))).reduce()
    forward = len(graph)
    out = join([x * weight for weight in (1.0, 2.0, 3.0, 4.0, 5.0)])
    gradients = builders.backward(out, gradient=np.ones(5))
    assert gradients["x"].values.tolist() == [15.0]
    assert len(graph) - forward == 5 + 5 + 4  # products, products on the way back, and the sum of five
    assert graph.span() == 1 + 3


def count(outputs):
    builders.backward(outputs)
    graph = outputs.graph
    return cost.Training(work=graph.work, span=graph.span(), operations=graph.operations)


@PROPERTY
@given(
    kind=st.sampled_from(list(CELLS)),
    T=st.integers(1, 6),
    d=st.integers(1, 9),
    layers=st.integers(1, 4),
    accounting=accountings,
)
def test_training_recurrent_layers_costs_what_the_closed_form_says(kind, T, d, layers, accounting):
    _, states = getattr(builders, kind)(T, d, layers, accounting=accounting)
    assert count(states) == cost.trained(getattr(cost, kind), T, d, layers, accounting=accounting)


@PROPERTY
@given(
    T=st.integers(1, 18),
    heads=st.integers(1, 3),
    d_h=st.integers(1, 5),
    causal=st.booleans(),
    residual=st.booleans(),
    accounting=accountings,
)
def test_training_attention_costs_what_the_closed_form_says(T, heads, d_h, causal, residual, accounting):
    options = {"causal": causal, "residual": residual, "accounting": accounting}
    _, out = builders.attention(T, heads * d_h, heads, **options)
    assert count(out) == cost.trained(cost.attention, T, heads * d_h, heads, **options)


@PROPERTY
@given(
    T=st.integers(1, 12),
    heads=st.integers(1, 2),
    d_h=st.integers(1, 4),
    layers=st.integers(1, 3),
    causal=st.booleans(),
    accounting=accountings,
)
def test_training_blocks_costs_what_the_closed_form_says(T, heads, d_h, layers, causal, accounting):
    options = {"causal": causal, "accounting": accounting}
    _, out = builders.transformer(T, heads * d_h, heads, layers, **options)
    assert count(out) == cost.trained(cost.transformer, T, heads * d_h, heads, layers, **options)


@pytest.mark.parametrize("T", [2, 3, 5, 9, 17, 18, 33, 64])
def test_the_one_late_row_of_causal_attention_is_counted_right(T):
    """Width 1, where the sum over the tokens that makes a weight's gradient ends the span; T = 2^n + 1 among the T."""
    for residual in (False, True):
        _, out = builders.attention(T, 1, causal=True, residual=residual)
        assert count(out) == cost.trained(cost.attention, T, 1, causal=True, residual=residual)


@pytest.mark.parametrize("causal", [False, True])
def test_a_sum_over_many_tokens_ends_the_span_of_a_block(causal):
    """So many that the gradient of a narrow block's first weight is ready after those of its inputs."""
    _, out = builders.transformer(257, 1, causal=causal)
    assert count(out) == cost.trained(cost.transformer, 257, 1, causal=causal)


def batch_of(run, graph, T, d, B):
    """B sequences through one net: its graph, with the weights of `graph`, and the outputs of all."""
    both = Graph()
    weights = {name: both.leaf(name, array) for name, array in graph.weights.items()}
    inputs = [both.leaf(f"sequence {b}", np.random.default_rng(b).normal(size=(T, d))) for b in range(B)]
    return join([run(x, weights) for x in inputs])


@PROPERTY
@given(
    kind=st.sampled_from(list(CELLS)),
    T=st.integers(1, 5),
    d=st.integers(1, 4),
    layers=st.integers(1, 2),
    B=st.integers(2, 3),
    accounting=accountings,
)
def test_a_batch_of_recurrent_layers_costs_what_the_closed_forms_say(kind, T, d, layers, B, accounting):
    one, _ = getattr(builders, kind)(T, d, layers, accounting=accounting)
    outputs = batch_of(lambda x, w: run_layers(CELLS[kind], x, w, accounting), one, T, d, B)
    forward = getattr(cost, kind)(T, d, layers, B=B, accounting=accounting)
    graph = outputs.graph
    assert (graph.work, graph.span(), graph.operations) == (forward.work, forward.span, forward.operations)
    assert count(outputs) == cost.trained(getattr(cost, kind), T, d, layers, B=B, accounting=accounting)


@PROPERTY
@given(T=st.integers(1, 6), d=st.integers(1, 4), B=st.integers(2, 3), causal=st.booleans(), accounting=accountings)
def test_a_batch_through_attention_and_blocks_costs_what_the_closed_forms_say(T, d, B, causal, accounting):
    options = {"causal": causal, "accounting": accounting}
    one, _ = builders.attention(T, d, **options)
    outputs = batch_of(lambda x, w: run_attention(x, w, 1, residual=False, **options), one, T, d, B)
    assert count(outputs) == cost.trained(cost.attention, T, d, B=B, **options)
    one, _ = builders.transformer(T, d, **options)
    outputs = batch_of(lambda x, w: run_blocks(x, w, 1, 1, **options), one, T, d, B)
    forward = cost.transformer(T, d, B=B, **options)
    graph = outputs.graph
    assert (graph.work, graph.span(), graph.operations) == (forward.work, forward.span, forward.operations)
    assert count(outputs) == cost.trained(cost.transformer, T, d, B=B, **options)


@PROPERTY
@given(T=st.integers(1, 2**14), d=st.integers(1, 2048), B=st.integers(1, 64), layers=st.integers(1, 96))
def test_the_formulas_of_training_as_the_docstring_writes_them(T, d, B, layers):
    def log(n):
        return int(np.ceil(np.log2(n)))

    assume(B * T <= 2**18)
    d8, L = 8 * d, layers
    elman, forward = cost.trained(cost.elman, T, d, B=B), cost.elman(T, d, B=B)
    assert elman.work == 3 * forward.work - B * d * d
    assert elman.span - forward.span == (T - 1) * (log(d + 1) + 2) + 4 + max(log(B * T), log(d))
    lstm, forward = cost.trained(cost.lstm, T, d, B=B), cost.lstm(T, d, B=B)
    assert lstm.work == 3 * forward.work - 4 * B * d * d
    assert lstm.span - forward.span == (T - 1) * (log(4 * d + 1) + 6) + 5 + max(log(B * T), log(4 * d))
    gru, forward = cost.trained(cost.gru, T, d, B=B), cost.gru(T, d, B=B)
    assert gru.work == 3 * forward.work - 3 * B * d * d
    assert gru.span - forward.span == (T - 1) * (log(3 * d + 2) + 5) + 5 + max(log(B * T), log(3 * d))
    attention, forward = cost.trained(cost.attention, T, d8, 8, B=B), cost.attention(T, d8, 8, B=B)
    assert attention.work == 3 * forward.work
    assert attention.span - forward.span == 2 * log(T) + log(d8) + log(d) + max(log(3 * d8), log(B * T)) + 8
    deep, forward = cost.trained(cost.transformer, T, d8, 8, L, B=B), cost.transformer(T, d8, 8, L, B=B)
    assert deep.work == 3 * forward.work
    block = 2 * log(T) + 7 * log(d8) + log(d) + log(3 * d8) + 31
    assert deep.span - forward.span == L * block + max(0, log(B * T) - 2 * log(d8) - 8)


def test_training_waits_as_reading_does():
    """Sixteen times the words are sixteen times the levels of an RNN, and 4·5 levels more of a block."""
    short, long = (cost.trained(cost.elman, T, 512) for T in (64, 1024))
    assert long.span / short.span == pytest.approx(16, rel=0.01)
    short, long = (cost.trained(cost.transformer, T, 512, 8) for T in (64, 1024))
    assert long.span - short.span == 4 * 5


def test_an_operation_without_a_derivative_is_named():
    x = Graph().leaf("x", [1.0])
    with pytest.raises(ValueError, match="No derivative is known for the operation 'sine'"):
        builders.backward(x.map("sine", np.sin))


def test_a_gradient_of_another_shape_is_told():
    _, states = builders.elman(3, 2)
    with pytest.raises(ValueError, match=r"gradient has shape \(2, 3\); expected that of the outputs, \(3, 2\)"):
        builders.backward(states, gradient=np.ones((2, 3)))


def test_a_graph_that_would_grow_too_large_is_refused_before_any_work(monkeypatch):
    graph, states = builders.elman(3, 2)
    before = len(graph)
    monkeypatch.setattr("helpers.counting.gradients.LIMIT", 100)
    with pytest.raises(ValueError, match="at most 100 fit"):
        builders.backward(states)
    assert len(graph) == before


def test_a_layer_without_a_closed_form_is_told_how_to_count_it():
    with pytest.raises(ValueError, match="no closed form for jordan; it has those of elman, lstm, gru, attention"):
        cost.trained(cost.jordan, 3, 4)
    with pytest.raises(ValueError, match="T=0"):
        cost.trained(cost.elman, 0, 4)
