"""The machine that counts: its spans, paths and schedules are what independent methods find."""

import itertools
import operator
from functools import reduce
from operator import add

import networkx as nx
import numpy as np
import pytest
from counted import PROPERTY, small
from hypothesis import given
from hypothesis import strategies as st

from helpers import Graph, builders, cost, span_of
from helpers.counting.graph import GIVEN, Traced, dot, join

ARRAY_OPERATIONS = [lambda x, y: x[:, None] * y, lambda x, y: x[:1] + y, lambda x, y: x.map("tanh", np.tanh)]


@st.composite
def traced_graphs(draw):
    """A graph of random array operations of random shapes."""
    graph = Graph()
    arrays = [Traced(graph, np.arange(1.0, 1 + draw(small)))]
    for _ in range(draw(st.integers(1, 10))):
        x, y = draw(st.sampled_from(arrays)), draw(st.sampled_from(arrays))
        result = draw(st.sampled_from(ARRAY_OPERATIONS))(x, y)
        arrays.append(result.reduce() if len(result.shape) > 1 else result)
    return graph


def networkx_span(graph, counting=None):
    """The longest path by networkx, from the graph's predecessors; an edge weighs what its end counts."""
    counts = np.concatenate([np.full(len(block), counting in (None, block.operation)) for block in graph.blocks])
    edges = nx.DiGraph()
    for node, before in graph.as_dict().items():
        edges.add_weighted_edges_from((parent, node, int(counts[node])) for parent in before or [GIVEN])
    return nx.dag_longest_path_length(edges)


BUILT = {
    "elman": lambda: builders.elman(4, 3, 2),
    "lstm": lambda: builders.lstm(3, 3),
    "gru": lambda: builders.gru(3, 3, 2),
    "jordan": lambda: builders.jordan(4, 3),
    "block": lambda: builders.transformer(4, 4, 2),
    "causal": lambda: builders.transformer(3, 4, 2, 2, causal=True),
    "brent_kung": lambda: builders.linear_recurrence(13, 2, method="brent_kung"),
    "chunked": lambda: builders.linear_recurrence(13, 2, method="chunked", chunk=3),
    "min_gru": lambda: builders.min_gru(7, 2, method="hillis_steele"),
    "linear_attention": lambda: builders.linear_attention(7, 4, 2, method="chunked", causal=True, chunk=3),
    "newton": lambda: builders.newton(6, 2, 2),
    "decode": lambda: builders.decode_attention(7, 4, 2),
    "sum": lambda: builders.add_up(11),
}


@pytest.fixture(scope="module", params=BUILT)
def built(request):
    return BUILT[request.param]()[0]


@PROPERTY
@given(traced_graphs())
def test_span_agrees_with_networkx_and_with_recursion(graph):
    before = graph.as_dict()
    depth = {}
    for node in before:
        depth[node] = 1 + max((depth[parent] for parent in before[node]), default=0)
    assert graph.levels().tolist() == list(depth.values())
    assert graph.span() == networkx_span(graph) == span_of(before)
    assert graph.edges == sum(map(len, before.values()))


def test_spans_of_built_graphs_agree_with_networkx(built):
    assert built.span() == networkx_span(built) == span_of(built.as_dict())
    for operation in ("tanh", "exp", "combine", "add"):
        assert built.span(counting=operation) == networkx_span(built, counting=operation)


def test_critical_path_is_a_path_of_the_length_of_the_span(built):
    path, before = built.critical_path(), built.as_dict()
    assert [node.level for node in path] == list(range(1, built.span() + 1))
    assert all(earlier.node in before[later.node] for earlier, later in itertools.pairwise(path))
    assert before[path[0].node] == []
    additions = [node for node in built.critical_path(counting="add") if node.operation == "add"]
    assert len(additions) == built.span(counting="add")


def test_critical_path_says_where_it_goes():
    path = builders.elman(3, 4)[0].critical_path()
    assert [node.operation for node in path[-6:]] == ["multiply", "add", "add", "add", "add", "tanh"]
    assert path[-1].place == "layer 0, step 2"
    places = [node.place for node in builders.transformer(4, 4)[0].critical_path()]
    assert "block 0, softmax" in places
    assert list(dict.fromkeys(places))[:3] == [
        "block 0, LayerNorm norm1",
        "block 0, query, key, value",
        "block 0, scores",
    ]


@PROPERTY
@given(traced_graphs(), st.integers(1, 20))
def test_a_schedule_keeps_order_capacity_and_brents_bounds(graph, processors):
    plan, before = graph.schedule(processors), graph.as_dict()
    lower, upper = cost.brent_time(graph.operations, graph.span(), processors)
    assert lower <= plan.ticks <= upper
    assert plan.finished.sum() == len(graph)
    assert plan.finished.max() <= processors
    assert np.bincount(plan.tick_of, minlength=plan.ticks).tolist() == plan.finished.tolist()
    assert all(plan.tick_of[parent] < plan.tick_of[node] for node in before for parent in before[node])


def fewest_ticks(before, processors):
    """The shortest schedule of a small graph, by trying all."""
    finished, ticks = {frozenset()}, 0
    while frozenset(before) not in finished:
        ready = {done: [n for n in before if n not in done and done.issuperset(before[n])] for done in finished}
        finished = {
            done | set(running)
            for done, nodes in ready.items()
            for running in itertools.combinations(nodes, min(processors, len(nodes)))
        }
        ticks += 1
    return ticks


@PROPERTY
@given(st.lists(st.lists(st.integers(0, 6), max_size=2), min_size=1, max_size=8), st.integers(1, 4))
def test_no_schedule_at_all_is_shorter_than_brents_lower_bound(drawn, processors):
    before = {node: sorted({p for p in parents if p < node}) for node, parents in enumerate(drawn)}
    lower, upper = cost.brent_time(len(before), span_of(before), processors)
    assert lower <= fewest_ticks(before, processors) <= upper


def test_schedules_from_one_processor_to_unlimited(built):
    assert built.schedule(1).ticks == built.operations
    assert built.schedule(built.operations).ticks == built.span()
    for processors in (2, 50):
        lower, upper = cost.brent_time(built.operations, built.span(), processors)
        assert lower <= built.schedule(processors).ticks <= upper


def test_a_greedy_schedule_leaves_no_processor_idle_while_a_node_is_ready():
    graph, _ = builders.elman(3, 2)
    plan, before = graph.schedule(3), graph.as_dict()
    for node, parents in before.items():
        ready = max((plan.tick_of[parent] + 1 for parent in parents), default=0)
        assert all(plan.finished[ready : plan.tick_of[node]] == 3)


def test_a_schedule_runs_the_longest_remaining_path_first():
    graph = Graph()
    # Made first, so that they would also run first if only the order of making counted.
    alone = Traced(graph, np.ones(8)).map("tanh", np.tanh)
    total = reduce(add, Traced(graph, np.ones(9)))  # a chain of 8 additions
    plan = graph.schedule(2)
    assert plan.finished.tolist() == [2] * 8
    assert sorted(plan.tick_of[alone.nodes]) == list(range(8))
    assert plan.tick_of[total.nodes] == 7
    assert sorted(graph.schedule(1).tick_of[alone.nodes]) == list(range(7, 15)), "the chain first, but for its end"


def test_remaining_is_the_longest_path_that_starts_at_a_node(built):
    mirrored = {node: [] for node in range(len(built))}
    for node, before in built.as_dict().items():
        for parent in before:
            mirrored[parent].append(node)
    edges = nx.DiGraph([(follower, node) for node, followers in mirrored.items() for follower in followers])
    edges.add_nodes_from(mirrored)
    depth = {}
    for node in nx.topological_sort(edges):
        depth[node] = 1 + max((depth[follower] for follower in mirrored[node]), default=0)
    assert built.remaining().tolist() == [depth[node] for node in range(len(built))]


def test_the_empty_graph():
    graph = Graph()
    assert (len(graph), graph.work, graph.edges, graph.span(), graph.critical_path()) == (0, 0, 0, 0, [])
    assert graph.schedule(3).ticks == 0


def test_an_odd_term_is_carried_up():
    graph, total = builders.add_up(5)
    assert graph.as_dict() == {0: [], 1: [], 2: [0, 1], 3: [2]}
    assert total.nodes == 3


def test_a_readers_own_arithmetic_is_traced():
    graph = Graph()
    x = Traced(graph, [1.0, 2.0])
    y = 1 - (x + 1) * x / 2
    np.testing.assert_array_equal(y.values, [0.0, -2.0])
    assert (len(graph), graph.span()) == (8, 4)
    sine = y.map("sine", np.sin)
    assert (graph.count("sine"), graph.span(counting="sine")) == (sine.values.size, 1)


@pytest.mark.parametrize(
    "operate", [operator.add, operator.sub, operator.mul, operator.truediv], ids=lambda f: f.__name__
)
def test_a_constant_may_stand_on_either_side(operate):
    for constant in (3, np.array([3.0, 5.0])):
        for pair in ((constant, [1.0, 2.0]), ([1.0, 2.0], constant)):
            graph = Graph()
            result = operate(*(Traced(graph, side) if isinstance(side, list) else side for side in pair))
            np.testing.assert_array_equal(result.values, operate(*map(np.asarray, pair)))
            assert (len(graph), graph.edges, graph.span()) == (2, 0, 1)


def test_a_dot_product_is_one_sum_of_all_its_factors_and_the_bias():
    graph = Graph()
    x, h = Traced(graph, [1.0, 2.0, 3.0]), Traced(graph, [4.0])
    result = dot((h, np.full((2, 1), 10.0)), (x, np.ones((2, 3))), bias=np.array([0.0, 5.0]))
    assert result.values.tolist() == [46.0, 51.0]
    assert (graph.work, graph.dots, graph.span()) == (8, 2, 1 + 3)  # 1 level of products, 5 terms in 3


def test_leaves_cost_nothing_and_wait_for_nothing():
    graph = Graph()
    weight = graph.leaf("weight", [[1.0, 2.0], [3.0, 4.0]])
    assert len(graph) == 0
    doubled = weight + weight
    assert doubled.values.tolist() == [[2.0, 4.0], [6.0, 8.0]]
    assert (len(graph), graph.edges, graph.span()) == (4, 0, 1)


def test_two_leaves_have_two_names():
    graph = Graph()
    graph.leaf("weight", [1.0])
    with pytest.raises(ValueError, match="a leaf 'weight' already"):
        graph.leaf("weight", [2.0])


@pytest.mark.parametrize("meet", [operator.add, lambda x, y: join([x, y]), lambda x, y: dot((x, y))])
def test_arrays_of_two_graphs_do_not_meet(meet):
    """A node of one graph would be taken for whichever node of the other has its number."""
    one, other = (Traced(Graph(), [1.0, 2.0]) * 3.0 for _ in range(2))
    with pytest.raises(ValueError, match="two graphs were given; make both on one Graph"):
        meet(one, other)


def bad(call, *words):
    return pytest.param(call, words, id=" ".join(words)[:40])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        bad(lambda graph: graph.schedule(0), "processors=0"),
        bad(lambda graph: graph.span(counting="tahn"), "'tahn'", "mean 'tanh'?"),
        bad(lambda graph: graph.count("Add"), "mean 'add'?"),
        bad(lambda graph: graph.critical_path(counting="elu+1"), "mean 'elu + 1'?"),
    ],
)
def test_wrong_values(call, words):
    graph, _ = builders.elman(2, 3)
    with pytest.raises(ValueError) as error:  # noqa: PT011, the words below are the match
        call(graph)
    assert all(word in str(error.value) for word in words), error.value
