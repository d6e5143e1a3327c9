"""helpers.counting.graph and its builders: the graphs compute what torch computes, and their longest path is what independent methods find."""

import itertools

import networkx as nx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import helpers
from helpers import builders as graph
from helpers import cost
from helpers.counting.cost import Accounting
from helpers.counting.graph import GIVEN, Graph, Traced
from helpers.counting.rounds import span_of

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True)
CLOSE = {"rtol": 0, "atol": 1e-12}

small = st.integers(1, 6)
seeds = st.integers(0, 2**16)
accountings = st.builds(
    Accounting,
    biases=st.sampled_from(["ffn", "everywhere", "nowhere"]),
    additive_mask=st.booleans(),
    final_norm=st.booleans(),
    one_pass_variance=st.booleans(),
    divide_last=st.booleans(),
    hoist=st.booleans(),
)


@st.composite
def dags(draw):
    """{node: [predecessors]} of up to 12 nodes, written in an order that is not topological."""
    n = draw(st.integers(0, 12))
    before = {i: draw(st.lists(st.integers(0, i - 1), max_size=3)) if i else [] for i in range(n)}
    return {i: before[i] for i in draw(st.permutations(range(n)))}


@st.composite
def traced_graphs(draw):
    """A graph of random array operations of random shapes."""
    made = Graph()
    arrays = [Traced(made, np.arange(1.0, 1 + draw(small)))]
    for _ in range(draw(st.integers(1, 10))):
        x, y = draw(st.sampled_from(arrays)), draw(st.sampled_from(arrays))
        arrays.append(
            draw(
                st.sampled_from(
                    [lambda x, y: x[:, None] * y, lambda x, y: x[:1] + y, lambda x, y: x.map("tanh", np.tanh)]
                )
            )(x, y)
        )
        arrays[-1] = arrays[-1].reduce() if len(arrays[-1].shape) > 1 else arrays[-1]
    return made


def networkx_span(made, counting=None):
    """The longest path by networkx, from the graph's predecessors; an edge weighs what its end counts."""
    counts = np.concatenate([np.full(len(b.first), counting in (None, b.operation)) for b in made.blocks])
    edges = nx.DiGraph()
    for node, before in made.as_dict().items():
        edges.add_weighted_edges_from((parent, node, int(counts[node])) for parent in before or [GIVEN])
    return nx.dag_longest_path_length(edges)


@PROPERTY
@given(dags())
def test_span_of_agrees_with_networkx(before):
    edges = nx.DiGraph([(parent, node) for node, parents in before.items() for parent in parents])
    edges.add_nodes_from(before)
    assert span_of(before) == (nx.dag_longest_path_length(edges) + 1 if before else 0)


@PROPERTY
@given(traced_graphs())
def test_span_agrees_with_networkx_and_with_recursion(made):
    before = made.as_dict()
    depth = {}
    for node in before:
        depth[node] = 1 + max((depth[parent] for parent in before[node]), default=0)
    assert made.levels().tolist() == list(depth.values())
    assert made.span() == networkx_span(made) == span_of(before)
    assert made.edges == sum(map(len, before.values()))


BUILT = {
    "elman": lambda: graph.elman(4, 3, 2),
    "lstm": lambda: graph.lstm(3, 3),
    "gru": lambda: graph.gru(3, 3, 2),
    "jordan": lambda: graph.jordan(4, 3),
    "block": lambda: graph.transformer(4, 4, 2),
    "causal": lambda: graph.transformer(5, 4, 2, 2, causal=True),
    "brent_kung": lambda: graph.linear_recurrence(13, 2, method="brent_kung"),
    "chunked": lambda: graph.linear_recurrence(13, 2, method="chunked", chunk=3),
    "min_gru": lambda: graph.min_gru(7, 2, method="hillis_steele"),
    "linear_attention": lambda: graph.linear_attention(7, 4, 2, method="chunked", causal=True, chunk=3),
    "newton": lambda: graph.newton(6, 2, 2),
    "decode": lambda: graph.decode_attention(7, 4, 2),
    "sum": lambda: graph.add_up(11),
}


@pytest.mark.parametrize("name", BUILT)
def test_built_graphs_agree_with_networkx(name):
    made, _ = BUILT[name]()
    assert made.span() == networkx_span(made) == span_of(made.as_dict())
    for operation in ("tanh", "exp", "combine", "add"):
        assert made.span(counting=operation) == networkx_span(made, counting=operation)


@pytest.mark.parametrize("name", BUILT)
def test_critical_path_is_a_path_of_the_length_of_the_span(name):
    made, _ = BUILT[name]()
    path, before = made.critical_path(), made.as_dict()
    assert [node.level for node in path] == list(range(1, made.span() + 1))
    assert all(earlier.node in before[later.node] for earlier, later in itertools.pairwise(path))
    assert before[path[0].node] == []
    assert sum(node.operation == "tanh" for node in path) <= made.span(counting="tanh")
    counted = made.critical_path(counting="add")
    assert sum(node.operation == "add" for node in counted) == made.span(counting="add")


def test_critical_path_says_where_it_goes():
    path = graph.elman(3, 4)[0].critical_path()
    assert [node.operation for node in path[-6:]] == ["multiply", "add", "add", "add", "add", "tanh"]
    assert path[-1].place == "layer 0, step 2"
    places = [node.place for node in graph.transformer(4, 4)[0].critical_path()]
    assert "block 0, softmax" in places
    assert list(dict.fromkeys(places))[:3] == [
        "block 0, LayerNorm norm1",
        "block 0, query, key, value",
        "block 0, scores",
    ]


@PROPERTY
@given(traced_graphs(), st.integers(1, 20))
def test_a_schedule_keeps_order_capacity_and_brents_bounds(made, processors):
    plan, before = made.schedule(processors), made.as_dict()
    lower, upper = cost.brent_time(made.operations, made.span(), processors)
    assert lower <= plan.rounds <= upper
    assert plan.finished.sum() == len(made)
    assert plan.finished.max() <= processors
    assert np.bincount(plan.round_of, minlength=plan.rounds).tolist() == plan.finished.tolist()
    assert all(plan.round_of[parent] < plan.round_of[node] for node in before for parent in before[node])


@pytest.mark.parametrize("name", BUILT)
def test_schedules_from_one_processor_to_unlimited(name):
    made, _ = BUILT[name]()
    assert made.schedule(1).rounds == made.operations
    assert made.schedule(made.operations).rounds == made.span()
    for processors in (2, 7, 50):
        lower, upper = cost.brent_time(made.operations, made.span(), processors)
        assert lower <= made.schedule(processors).rounds <= upper


def test_a_greedy_schedule_leaves_no_ready_node_idle():
    made, _ = graph.elman(3, 2)
    plan, before = made.schedule(3), made.as_dict()
    for node, parents in before.items():
        ready = max((plan.round_of[parent] + 1 for parent in parents), default=0)
        assert all(plan.finished[ready : plan.round_of[node]] == 3)


def test_a_schedule_runs_the_longest_remaining_path_first():
    made, total = graph.add_up(9, method="sequential")
    alone = Traced(made, np.ones(8)).map("tanh", np.tanh)
    plan = made.schedule(2)
    assert plan.rounds == made.span() == 8
    assert plan.finished.tolist() == [2] * 8
    assert sorted(plan.round_of[alone.nodes]) == list(range(8))
    assert plan.round_of[total.nodes] == 7


def test_the_empty_graph():
    made = Graph()
    assert (len(made), made.edges, made.span(), made.critical_path()) == (0, 0, 0, [])
    assert made.schedule(3).rounds == span_of({}) == span_of([]) == 0


@PROPERTY
@given(T=small, d=small, layers=st.integers(1, 3), seed=seeds, kind=st.sampled_from(["elman", "lstm", "gru"]))
def test_recurrent_values_equal_torch(T, d, layers, seed, kind):
    torch.manual_seed(seed)
    module = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](d, d, layers).double()
    x = torch.randn(T, d, dtype=torch.float64)
    parts = {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}
    of = {key: np.stack([parts[f"{key}_l{layer}"] for layer in range(layers)]) for key in ("weight_ih", "weight_hh")}
    b_in, b_hidden = (np.stack([parts[f"{key}_l{i}"] for i in range(layers)]) for key in ("bias_ih", "bias_hh"))
    weights = {"input": of["weight_ih"], "hidden": of["weight_hh"], "bias": b_in + b_hidden}
    if kind == "gru":  # of its candidate's two biases the reset gate multiplies one
        weights["bias"][:, 2 * d :] = b_in[:, 2 * d :]
        weights["candidate_bias"] = b_hidden[:, 2 * d :]
    for hoist in (False, True):
        accounting = Accounting(hoist=hoist)
        made, states = getattr(graph, kind)(T, d, layers, accounting=accounting, weights=weights, inputs=x.numpy())
        np.testing.assert_allclose(states.values, module(x)[0].detach().numpy(), **CLOSE)
        assert made.work == getattr(cost, kind)(T, d, layers).work


def torch_attention(x, w, heads, causal, read=F.scaled_dot_product_attention):
    T, d = x.shape
    query, key, value = (
        F.linear(x, w[name], w.get(f"{name}_bias")).view(T, heads, d // heads).transpose(0, 1)
        for name in ("query", "key", "value")
    )
    out = read(query, key, value, is_causal=causal)  # (H, T, d_h)
    return F.linear(out.transpose(0, 1).reshape(T, d), w["output"], w.get("output_bias"))


def torch_norm(x, w, name):
    return F.layer_norm(x, x.shape[-1:], w[f"{name}_scale"], w[f"{name}_shift"])


def torch_blocks(x, weights, heads, layers, causal):
    for layer in range(layers):
        w = {name: array[layer] for name, array in weights.items() if not name.startswith("final")}
        x = x + torch_attention(torch_norm(x, w, "norm1"), w, heads, causal)
        wide = F.relu(F.linear(torch_norm(x, w, "norm2"), w["up"], w.get("up_bias")))
        x = x + F.linear(wide, w["down"], w.get("down_bias"))
    return torch_norm(x, weights, "final") if "final_scale" in weights else x


def in_torch(arrays):
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


@PROPERTY
@given(
    T=st.integers(1, 9), d_h=st.integers(1, 4), heads=st.integers(1, 3), causal=st.booleans(), accounting=accountings
)
def test_attention_values_equal_torch(T, d_h, heads, causal, accounting):
    made, out = graph.attention(T, heads * d_h, heads, causal=causal, accounting=accounting, seed=T)
    expected = torch_attention(torch.from_numpy(made.inputs["inputs"]), in_torch(made.weights), heads, causal)
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
    d = heads * d_h
    # Spread out, since LayerNorm magnifies the rounding of nearly equal numbers up to 1/√ε times.
    inputs = np.random.default_rng(seed).permutation(np.linspace(-2, 2, T * d) ** 3).reshape(T, d)
    made, out = graph.transformer(T, d, heads, layers, causal=causal, accounting=accounting, seed=seed, inputs=inputs)
    expected = torch_blocks(torch.from_numpy(inputs), in_torch(made.weights), heads, layers, causal)
    np.testing.assert_allclose(out.values, expected.numpy(), **CLOSE)


def test_residual_attention_is_the_first_half_of_a_block():
    made, out = graph.attention(5, 6, 2, residual=True)
    x, w = torch.from_numpy(made.inputs["inputs"]), in_torch(made.weights)
    expected = x + torch_attention(torch_norm(x, w, "norm1"), w, 2, causal=False)
    np.testing.assert_allclose(out.values, expected.numpy(), **CLOSE)


def batch_of_one(array):
    return torch.from_numpy(np.array(array))[None]


@PROPERTY
@given(T=st.integers(1, 12), d=small, method=st.sampled_from(cost.SCANS), bias=st.booleans(), seed=seeds)
def test_min_gru_values_equal_torch(T, d, method, bias, seed):
    assume(method != "blelloch" or T & (T - 1) == 0)
    accounting = Accounting(biases="ffn" if bias else "nowhere")
    made, states = graph.min_gru(T, d, method=method, accounting=accounting, seed=seed)
    weights = torch.from_numpy(made.weights["input"]).chunk(2)
    biases = torch.from_numpy(made.weights["bias"]).chunk(2) if bias else ()
    expected = helpers.min_gru(batch_of_one(made.inputs["inputs"]), *weights, *biases, method="loop")
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
    made, out = graph.linear_attention(T, heads * d_h, heads, **options)
    expected = torch_attention(
        torch.from_numpy(made.inputs["inputs"]), in_torch(made.weights), heads, causal, read=helpers.linear_attention
    )
    np.testing.assert_allclose(out.values, expected.numpy(), **CLOSE)


@PROPERTY
@given(T=st.integers(1, 20), d_h=st.integers(1, 4), heads=st.integers(1, 3), accounting=accountings, seed=seeds)
def test_decoding_values_equal_torch(T, d_h, heads, accounting, seed):
    made, out = graph.decode_attention(T, heads * d_h, heads, accounting=accounting, seed=seed)
    query, keys, values = (
        batch_of_one(made.inputs[name].reshape(-1, heads, d_h).transpose(1, 0, 2))
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
    made, states = graph.newton(T, d, iterations, jacobian=jacobian, accounting=accounting, seed=seed)
    x, w = batch_of_one(made.inputs["inputs"]), in_torch(made.weights)
    expected, report = helpers.newton_recurrence(
        x, w["input"], w["hidden"], w.get("bias"), jacobian=jacobian, tolerance=0, most=iterations, check=False
    )
    assert report.iterations <= iterations
    np.testing.assert_allclose(states.values, expected[0].numpy(), **CLOSE)


def test_newton_is_done_after_as_many_iterations_as_steps():
    made, states = graph.newton(5, 3, 5, seed=3)
    loop = graph.elman(5, 3, weights={k: v[None] for k, v in made.weights.items()}, inputs=made.inputs["inputs"])[1]
    np.testing.assert_allclose(states.values, loop.values, **CLOSE)
    assert made.span(counting="tanh") == 5


def test_own_queries_and_cache_are_read():
    keys = np.eye(3)
    made, out = graph.decode_attention(3, 3, query=500 * keys[1:2], keys=keys, values=np.diag([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(out.values, [[0, 2, 0]], **CLOSE)
    assert set(made.inputs) == {"query", "keys", "values"}


@PROPERTY
@given(T=small, d=small, seed=seeds)
def test_a_jordan_net_fed_its_own_outputs_is_the_same_net_without_the_wait(T, d, seed):
    free, outputs = graph.jordan(T, d, seed=seed)
    y, w = np.zeros(d), free.weights
    for t, x in enumerate(free.inputs["inputs"]):
        y = w["output"] @ np.tanh(w["hidden"] @ y + w["input"] @ x + w["bias"])
        np.testing.assert_allclose(outputs.values[t], y, **CLOSE)
    forced, same = graph.jordan(T, d, seed=seed, teacher_forcing=True, targets=outputs.values)
    np.testing.assert_array_equal(same.values, outputs.values)
    assert forced.operations == free.operations
    assert forced.span(counting="tanh") == 1
    assert free.span(counting="tanh") == T


def test_a_cell_is_one_sum_of_h_then_x_then_bias():
    made, _ = graph.elman(2, 1)
    step = {0: [], 1: [], 2: [0, 1], 3: [2], 4: [3]}  # W h, U x, their sum, and the bias, tanh
    assert made.as_dict() == step | {5: [4], 6: [], 7: [5, 6], 8: [7], 9: [8]}


@pytest.mark.parametrize(("T", "layers"), [(1, 1), (1, 5), (6, 1), (6, 6), (20, 4), (7, 9)])
@pytest.mark.parametrize("build", [graph.elman, graph.gru])
def test_layers_overlap_in_a_wavefront(build, T, layers):
    made, _ = build(T, 2, layers)
    assert made.span(counting="tanh") == T + layers - 1
    assert made.count("tanh") == T * layers * 2


@pytest.mark.parametrize(("layers", "T", "rounds"), [(8, 100, 107), (96, 2048, 2143)])
def test_the_wavefront_of_whole_cells(layers, T, rounds):
    cells = {
        (layer, t): [(layer - 1, t)] * (layer > 0) + [(layer, t - 1)] * (t > 0)
        for layer in range(layers)
        for t in range(T)
    }
    assert len(cells) == layers * T
    assert span_of(cells) == rounds == T + layers - 1


def test_levels_tell_when_each_state_is_ready():
    made, states = graph.elman(5, 3, 2)
    ready = made.levels()[states.nodes]  # (T, d)
    assert ready.tolist() == [[5 * (t + 2)] * 3 for t in range(5)]


def test_mixing_points_of_six_blocks():
    made, _ = graph.transformer(3, 2, layers=6)
    assert made.span(counting="exp") == 6


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
    made, states = graph.linear_recurrence(T, d, method=method, chunk=chunk, seed=seed)
    h = np.zeros(d)
    for t in range(T):
        h = made.inputs["decay"][t] * h + made.inputs["inputs"][t]
        np.testing.assert_allclose(states.values[t], h, **CLOSE)
    assert made.combines == cost.combines(T, method, chunk)
    assert made.span(counting="combine") == cost.combine_path(T, method, chunk)


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
    made, states = graph.linear_recurrence(1024, 1, method=method)
    assert (made.combines, made.span(counting="combine"), made.span()) == (number, path, levels)
    loop = graph.linear_recurrence(1024, 1)[1]
    np.testing.assert_allclose(states.values, loop.values, rtol=0, atol=3e-15)


@PROPERTY
@given(st.lists(st.floats(-2, 2), min_size=6, max_size=6))
def test_combine_is_associative_and_composes(numbers):
    made = Graph()
    first, second, third = (
        Traced(made, np.reshape(pair, (2, 1, 1))) for pair in zip(numbers[::2], numbers[1::2], strict=True)
    )
    left = graph.combine(graph.combine(first, second), third)
    right = graph.combine(first, graph.combine(second, third))
    np.testing.assert_allclose(left.values, right.values, **CLOSE)
    a, b = left.values[:, 0, 0]
    step_by_step = 0.7
    for decay, add in zip(numbers[::2], numbers[1::2], strict=True):
        step_by_step = decay * step_by_step + add
    assert a * 0.7 + b == pytest.approx(step_by_step, abs=1e-12)
    assert made.combines == 4


@PROPERTY
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=80), st.sampled_from(cost.SUMS))
def test_sums(terms, method):
    made, total = graph.add_up(len(terms), method=method, terms=terms)
    assert total.values == pytest.approx(sum(terms), abs=1e-9)
    assert made.operations == len(terms) - 1
    assert made.span() == (int(np.ceil(np.log2(len(terms)))) if method == "tree" else len(terms) - 1)


def test_an_odd_term_is_carried_up():
    made, total = graph.add_up(5)
    assert made.as_dict() == {0: [], 1: [], 2: [0, 1], 3: [2]}
    assert total.nodes == 3


def test_own_arithmetic_is_traced_too():
    made = Graph()
    x = Traced(made, [1.0, 2.0])
    y = 1 - (x + 1) * x / 2
    np.testing.assert_array_equal(y.values, [0.0, -2.0])
    assert (len(made), made.span()) == (8, 4)
    sine = y.map("sine", np.sin)
    assert (made.count("sine"), made.span(counting="sine")) == (sine.values.size, 1)


def test_same_seed_same_graph():
    (one, first), (two, second), (_, other) = graph.lstm(3, 2), graph.lstm(3, 2), graph.lstm(3, 2, seed=1)
    np.testing.assert_array_equal(one.predecessors, two.predecessors)
    np.testing.assert_array_equal(first.values, second.values)
    assert not np.array_equal(first.values, other.values)


def test_inputs_are_copied():
    x = np.ones((2, 3))
    made, _ = graph.elman(2, 3, inputs=x)
    made.inputs["inputs"][:] = 7
    assert x.max() == 1


@pytest.mark.parametrize("switch", ["additive_mask", "final_norm", "one_pass_variance", "divide_last"])
@pytest.mark.parametrize("causal", [False, True])
def test_switches_change_the_graph_and_not_the_numbers(switch, causal):
    plain, _ = graph.transformer(4, 4, 2, causal=causal)
    switched, _ = graph.transformer(4, 4, 2, causal=causal, accounting=Accounting(**{switch: True}))
    assert (plain.operations, plain.span()) != (switched.operations, switched.span())


def bad(call, *words):
    return pytest.param(call, words, id=" ".join(words)[:40])


GRAD = torch.ones(2, 3, requires_grad=True)
WRONG = [
    bad(lambda: graph.elman(0, 4), "T=0", "empty time axis", "T=1 or more"),
    bad(lambda: graph.lstm(3, 0), "d=0", "Give d=1"),
    bad(lambda: graph.gru(3, 4, -1), "layers=-1"),
    bad(lambda: graph.jordan(0, 4), "T=0"),
    bad(lambda: graph.transformer(4, 6, 4), "d=6", "heads=4", "1, 2, 3, 6"),
    bad(lambda: graph.attention(4, 6, 12), "heads=12"),
    bad(lambda: graph.linear_recurrence(6, method="blelloch"), "T=6", "T=8"),
    bad(lambda: graph.linear_recurrence(6, method="brent-kung"), "'brent-kung'", "mean 'brent_kung'?"),
    bad(lambda: graph.linear_recurrence(0), "T=0"),
    bad(lambda: graph.linear_recurrence(6, method="chunked", chunk=0), "chunk=0"),
    bad(lambda: graph.linear_recurrence(6, decay=np.ones(6)), "decay has shape (6,)", "expected (6, 1)"),
    bad(lambda: graph.min_gru(0, 4), "T=0"),
    bad(lambda: graph.linear_attention(4, 6, 4), "d=6", "heads=4"),
    bad(lambda: graph.linear_attention(4, 6, method="chunk"), "mean 'chunked'?"),
    bad(lambda: graph.newton(4, 6, 0), "iterations=0"),
    bad(lambda: graph.newton(4, 6, 1, jacobian="diag"), "mean 'diagonal'?"),
    bad(lambda: graph.newton(1000, 512, 1), "at most 60,000,000"),
    bad(lambda: graph.decode_attention(4, 2, keys=np.ones((3, 2))), "keys has shape (3, 2)", "expected (4, 2)"),
    bad(lambda: graph.add_up(4, method="trees"), "mean 'tree'?"),
    bad(lambda: graph.add_up(3, terms=[1.0, 2.0]), "(2,)", "(3,)"),
    bad(lambda: graph.elman(2, 3, inputs=np.ones((3, 2))), "inputs has shape (3, 2)", "expected (2, 3)"),
    bad(lambda: graph.elman(2, 3, weights={"input": np.ones((1, 3, 3))}), "weights has input", "bias, hidden, input"),
    bad(lambda: graph.jordan(2, 3, targets=np.ones((2, 3))), "teacher_forcing is off"),
    bad(lambda: graph.transformer(64, 512, 8), "at most 60,000,000", "helpers.cost"),
    bad(lambda: graph.elman(10**12, 1), "nodes; at most"),
    bad(lambda: graph.elman(2, 3)[0].schedule(0), "processors=0"),
    bad(lambda: graph.elman(2, 3)[0].span(counting="tahn"), "'tahn'", "mean 'tanh'?"),
    bad(lambda: graph.elman(2, 3)[0].count("Add"), "mean 'add'?"),
    bad(lambda: span_of({"a": ["b"], "b": ["c"], "c": ["b"]}), "cycle, 'b' -> 'c' -> 'b'"),
    bad(lambda: span_of({"a": ["a"]}), "cycle, 'a' -> 'a'"),
    bad(lambda: span_of([[1]]), "0 waits for 1", "1: []"),
]
WRONG_TYPE = [
    bad(lambda: graph.elman("6", 4), "T='6'", "T=8"),
    bad(lambda: graph.elman(6, 4.0), "d=4.0"),
    bad(lambda: graph.elman(True, 4), "T=True"),
    bad(lambda: graph.elman(2, 3, accounting="everywhere"), "Accounting(biases='everywhere')"),
    bad(lambda: graph.elman(2, 3, inputs=[["a"] * 3] * 2), "inputs cannot be read"),
    bad(lambda: graph.elman(2, 3, inputs=GRAD), "requires grad", "(2, 3)"),
    bad(lambda: span_of({"b": "a", "a": []}), "['a']"),
    bad(lambda: span_of({"b": 1}), "[1]"),
    bad(lambda: span_of(7), "int", "dict"),
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


def test_the_cycle_named_is_one():
    before = {"a": ["c"], "b": ["a"], "c": ["b"], "d": ["c", "e"], "e": []}
    with pytest.raises(ValueError, match="cycle") as error:
        span_of(before)
    walk = str(error.value).split("cycle, ")[1].split(":")[0].replace("'", "").split(" -> ")
    assert walk[0] == walk[-1]
    assert len(walk) == 4
    assert all(earlier in before[later] for earlier, later in itertools.pairwise(walk))
