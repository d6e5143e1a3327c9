"""The blackboard graphs: their rounds follow the rule of counting, and are what independent methods find."""

import itertools
import sys

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import span_of
from helpers.counting import rounds as graphs

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True)

ARCHITECTURES = {
    "feed-forward": graphs.feed_forward,
    "projection": graphs.projection,
    "recurrent": graphs.recurrent,
    "three recurrent layers": lambda T: graphs.recurrent(T, layers=3),
    "states and outputs": graphs.recurrent_with_outputs,
    "attention": graphs.attention,
    "causal attention": lambda T: graphs.attention(T, causal=True),
    "one query at a time": graphs.attention_one_query_at_a_time,
    "two blocks": graphs.transformer,
    "three blocks without a mask": lambda T: graphs.transformer(T, blocks=3, causal=False),
    "two blocks that write": lambda T: graphs.transformer(T, writes=True),
}


@st.composite
def dags(draw):
    """{node: [predecessors]} of up to 12 nodes, written in an order that is not topological."""
    n = draw(st.integers(0, 12))
    before = {i: draw(st.lists(st.integers(0, i - 1), max_size=3)) if i else [] for i in range(n)}
    return {i: before[i] for i in draw(st.permutations(range(n)))}


def networkx_rounds(graph):
    """The number of nodes on the longest path that ends in each node, by another library."""
    drawn = nx.DiGraph([(before, node) for node, needed in graph.items() for before in needed])
    drawn.add_nodes_from(graph)
    depth = {}
    for node in nx.topological_sort(drawn):
        depth[node] = 1 + max((depth[before] for before in drawn.predecessors(node)), default=0)
    return depth


@pytest.mark.parametrize("T", [6, 60, 600])
def test_the_rule_of_rounds_holds_for_every_architecture_and_length(T):
    """One product with the function applied to its rows is one round (helpers.counting, "Round")."""
    assert span_of(graphs.projection(T)) == 1
    assert span_of(graphs.feed_forward(T)) == 2
    assert span_of(graphs.recurrent(T)) == T
    assert span_of(graphs.recurrent(T, layers=4)) == T + 3
    assert span_of(graphs.attention(T)) == 4
    assert span_of(graphs.attention(T, causal=True)) == 4
    assert span_of(graphs.attention_one_query_at_a_time(T)) == 4 * T


@pytest.mark.parametrize("T", [6, 60, 600])
@pytest.mark.parametrize("layers", [1, 3])
def test_only_a_teacher_of_a_net_without_other_feedback_ends_the_waiting(T, layers):
    def rounds(feeds_back, teacher_forcing):
        return span_of(graphs.recurrent_with_outputs(T, feeds_back, teacher_forcing, layers))

    assert rounds("hidden", False) == rounds("hidden", True) == rounds("both", True) == T + layers
    assert rounds("output", False) == rounds("both", False) == T * (layers + 1)
    assert rounds("output", True) == layers + 1


@pytest.mark.parametrize("T", [1, 6, 60, 200])
def test_reading_is_flat_and_writing_is_not(T):
    """A block is attention and a feed-forward layer, 4 + 2 rounds; the outputs are one more."""
    for blocks in (1, 2, 6):
        reading = [span_of(graphs.transformer(T, blocks, causal)) for causal in (True, False)]
        assert reading == [6 * blocks + 1] * 2
        assert span_of(graphs.transformer(T, blocks, writes=True)) == (6 * blocks + 1) * T
    assert span_of(graphs.recurrent_with_outputs(T, "hidden", layers=2)) == T + 2
    assert span_of(graphs.recurrent_with_outputs(T, "both", layers=2)) == 3 * T


def test_without_the_mask_a_model_that_writes_waits_for_words_that_are_not_written():
    with pytest.raises(ValueError, match="cycle"):
        span_of(graphs.transformer(3, causal=False, writes=True))


def test_the_products_of_attention_are_its_rounds():
    ready = graphs.rounds(graphs.attention(3))
    rounds = {"qkv": 1, "weights": 2, "mixed": 3, "y": 4}
    assert ready == {f"{name}{t}": rounds[key] for t in (1, 2, 3) for key in rounds for name in _names(key)}


def _names(key):
    return list(key) if key == "qkv" else [key]


def test_a_causal_graph_reads_no_later_word():
    graph = graphs.attention(5, causal=True)
    assert graph["weights3"] == ["q3", "k1", "k2", "k3"]
    assert graph["mixed3"] == ["weights3", "v1", "v2", "v3"]


@pytest.mark.parametrize("T", [1, 2, 60])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rounds_agree_with_networkx(name, T):
    graph = ARCHITECTURES[name](T)
    assert graphs.rounds(graph) == networkx_rounds(graph)


@PROPERTY
@given(dags())
def test_rounds_of_any_graph_in_any_order_agree_with_networkx(graph):
    assert graphs.rounds(graph) == networkx_rounds(graph)
    assert span_of(graph) == max(networkx_rounds(graph).values(), default=0)


def test_rounds_come_in_the_order_of_the_graph():
    assert list(graphs.rounds({"b": ["a"], "a": []}).items()) == [("b", 2), ("a", 1)]


def test_a_list_of_lists_is_a_graph_of_numbered_nodes():
    assert graphs.rounds([[], [0], [0, 1]]) == graphs.rounds(([], (0,), (0, 1))) == {0: 1, 1: 2, 2: 3}
    assert span_of([]) == span_of({}) == 0


def test_a_long_chain_needs_no_deep_recursion():
    T = 3 * sys.getrecursionlimit()
    backwards = dict(reversed(graphs.recurrent(T).items()))
    assert span_of(backwards) == T


def bad(call, *words):
    return pytest.param(call, words, id=" ".join(words)[:40])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        bad(lambda: span_of({"a": ["b"], "b": ["c"], "c": ["b"]}), "cycle, 'b' -> 'c' -> 'b'"),
        bad(lambda: span_of({"a": ["a"]}), "cycle, 'a' -> 'a'"),
        bad(lambda: span_of([[1]]), "0 waits for 1", "1: []"),
        bad(lambda: graphs.recurrent(0), "T=0", "T=1 or more"),
        bad(lambda: graphs.recurrent_with_outputs(3, "outputs"), "'outputs'", "mean 'output'?"),
        bad(lambda: graphs.attention(-1), "T=-1"),
        bad(lambda: graphs.transformer(3, blocks=0), "blocks=0"),
    ],
)
def test_wrong_values(call, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011, the words below are the match
        call()
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("call", "words"),
    [
        bad(lambda: span_of({"b": "a", "a": []}), "['a']"),
        bad(lambda: span_of({"b": 1}), "[1]"),
        bad(lambda: span_of({"b": [["a"]], "a": []}), "'b' waits for ['a']", "one node"),
        bad(lambda: span_of(7), "int", "dict"),
        bad(lambda: graphs.feed_forward(2.0), "T=2.0"),
    ],
)
def test_wrong_types(call, words):
    with pytest.raises(TypeError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value


def test_the_cycle_that_an_error_names_is_in_the_graph():
    before = {"a": ["c"], "b": ["a"], "c": ["b"], "d": ["c", "e"], "e": []}
    with pytest.raises(ValueError, match="cycle") as error:
        span_of(before)
    walk = str(error.value).split("cycle, ")[1].split(":")[0].replace("'", "").split(" -> ")
    assert walk[0] == walk[-1]
    assert len(walk) == 4
    assert all(earlier in before[later] for earlier, later in itertools.pairwise(walk))
