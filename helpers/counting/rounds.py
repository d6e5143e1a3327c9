"""Graphs for a blackboard: {result: [the results that it needs]}, one node a vector, one node a round.

A round is one matrix product together with the function applied to its rows; the rule stands in helpers.counting.
What is there from the start (the words, the weights, the first state, a teacher's outputs) is no node. The graphs of
scalar operations, built from the real computation, are in helpers.counting.graph; the two are never mixed.

    >>> recurrent(3)
    {'h1': [], 'h2': ['h1'], 'h3': ['h2']}
    >>> [span_of(layer(60)) for layer in (recurrent, projection, feed_forward, attention)]
    [60, 1, 2, 4]
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from ..arguments import require_sizes, require_word

FED_BACK = ("hidden", "output", "both")


def recurrent(T: int, layers: int = 1) -> dict[str, list[str]]:
    """Hidden state h(t) of each layer needs the state before it in time and the state below it: T + layers − 1 rounds.

    The nodes are h1, h2, … in one layer, and h1,1 to hL,T (layer, word) in more. Raises TypeError for a size that is
    no whole number, ValueError below 1.

    >>> recurrent(2, layers=2)
    {'h1,1': [], 'h1,2': ['h1,1'], 'h2,1': ['h1,1'], 'h2,2': ['h2,1', 'h1,2']}
    """
    T, layers = require_sizes(T=T, layers=layers)
    graph = {}
    for layer in range(1, layers + 1):
        for t in range(1, T + 1):
            before = [_state(layer, t - 1, layers)] if t > 1 else []
            below = [_state(layer - 1, t, layers)] if layer > 1 else []
            graph[_state(layer, t, layers)] = before + below
    return graph


def recurrent_with_outputs(
    T: int, feeds_back: str = "hidden", teacher_forcing: bool = False, layers: int = 1
) -> dict[str, list[str]]:
    """States and outputs y(t) of a net that feeds back its "hidden" states, its "output", or "both".

    y(t) is made from the top layer; fed back, it enters the first layer at t + 1. Teacher forcing feeds back the true
    output instead, which is there from the start, so nothing waits for it. Nodes as in recurrent, and y1, y2, ….
    Raises ValueError for another word, and as recurrent does.

    >>> recurrent_with_outputs(2, "output")
    {'h1': [], 'y1': ['h1'], 'h2': ['y1'], 'y2': ['h2']}
    >>> span_of(recurrent_with_outputs(60, "output")), span_of(recurrent_with_outputs(60, "output", True))
    (120, 2)
    """
    require_word("feeds_back", feeds_back, FED_BACK)
    T, layers = require_sizes(T=T, layers=layers)
    waits_for_output = feeds_back != "hidden" and not teacher_forcing
    graph = {}
    for t in range(1, T + 1):
        for layer in range(1, layers + 1):
            before = [_state(layer, t - 1, layers)] if t > 1 and feeds_back != "output" else []
            below = [_state(layer - 1, t, layers)] if layer > 1 else []
            output = [f"y{t - 1}"] if t > 1 and layer == 1 and waits_for_output else []
            graph[_state(layer, t, layers)] = before + below + output
        graph[f"y{t}"] = [_state(layers, t, layers)]
    return graph


def projection(T: int) -> dict[str, list[str]]:
    """One product a word, such as a key or tanh(W x): each y(t) needs its own word alone, so all are ready in round 1.

    Raises TypeError for a T that is no whole number, ValueError below 1.

    >>> projection(3)
    {'y1': [], 'y2': [], 'y3': []}
    """
    (T,) = require_sizes(T=T)
    return {f"y{t}": [] for t in range(1, T + 1)}


def feed_forward(T: int) -> dict[str, list[str]]:
    """Two products a word, W relu(V x), as in a Transformer block: hidden(t), then y(t), so 2 rounds for any T.

    Raises TypeError for a T that is no whole number, ValueError below 1.

    >>> feed_forward(2)
    {'hidden1': [], 'hidden2': [], 'y1': ['hidden1'], 'y2': ['hidden2']}
    """
    (T,) = require_sizes(T=T)
    return {f"hidden{t}": [] for t in range(1, T + 1)} | {f"y{t}": [f"hidden{t}"] for t in range(1, T + 1)}


def attention(T: int, causal: bool = False) -> dict[str, list[str]]:
    """Self-attention with its projections, 4 rounds for any T: project, score and normalise, mix, join.

    Word t has a query q(t), a key k(t) and a value v(t); weights(t), softmax of its scores with all keys, or with those
    up to its own where causal; mixed(t), the values in that mixture; and y(t), mixed(t) times the joining matrix W_O
    (Vaswani et al. 2017, section 3.2.2). Raises TypeError for a T that is no whole number, ValueError below 1.

    >>> graph = attention(2, causal=True)
    >>> graph["weights1"], graph["mixed2"], graph["y2"]
    (['q1', 'k1'], ['weights2', 'v1', 'v2'], ['mixed2'])
    """
    (T,) = require_sizes(T=T)
    graph = {f"{name}{t}": [] for t in range(1, T + 1) for name in "qkv"}
    for t in range(1, T + 1):
        seen = range(1, (t if causal else T) + 1)
        graph[f"weights{t}"] = [f"q{t}", *(f"k{j}" for j in seen)]
        graph[f"mixed{t}"] = [f"weights{t}", *(f"v{j}" for j in seen)]
        graph[f"y{t}"] = [f"mixed{t}"]
    return graph


def attention_one_query_at_a_time(T: int) -> dict[str, list[str]]:
    """Attention in which each query is made from the output before it, as in a decoder that is writing: 4T rounds.

    Raises TypeError for a T that is no whole number, ValueError below 1.

    >>> span_of(attention_one_query_at_a_time(16))
    64
    """
    graph = attention(T)
    return graph | {f"q{t}": [f"y{t - 1}"] for t in range(2, T + 1)}


def transformer(T: int, blocks: int = 2, causal: bool = True, writes: bool = False) -> dict[str, list[str]]:
    """Blocks of attention and a feed-forward layer, 6 rounds each, and the outputs y(t), 1 more: 13 rounds for two.

    The words of a text are there from the start, so it is read in 6 · blocks + 1 rounds, whatever T is. A model that
    writes makes word t + 1 from y(t), and takes as many rounds for every word. Nodes: z2,3 is what block 2 makes of
    word 3; q, k, v, weights, mixed, attended and hidden lead there. Sums and norms of one vector belong to the round
    before. Without the mask, a model that writes waits for words that are not written yet: rounds finds a cycle.
    Raises TypeError for a size that is no whole number, ValueError below 1.

    >>> [span_of(transformer(60, causal=causal)) for causal in (True, False)], span_of(transformer(60, writes=True))
    ([13, 13], 780)
    """
    T, blocks = require_sizes(T=T, blocks=blocks)
    graph = {}
    for block in range(1, blocks + 1):
        for t in range(1, T + 1):
            word = [f"y{t - 1}"] if writes and t > 1 else []
            below = [f"z{block - 1},{t}"] if block > 1 else word
            seen = range(1, (t if causal else T) + 1)
            place = f"{block},{t}"
            graph |= {f"{name}{place}": below for name in "qkv"}
            graph[f"weights{place}"] = [f"q{place}", *(f"k{block},{j}" for j in seen)]
            graph[f"mixed{place}"] = [f"weights{place}", *(f"v{block},{j}" for j in seen)]
            graph[f"attended{place}"] = [f"mixed{place}"]
            graph[f"hidden{place}"] = [f"attended{place}"]
            graph[f"z{place}"] = [f"hidden{place}"]
    return graph | {f"y{t}": [f"z{blocks},{t}"] for t in range(1, T + 1)}


def rounds(predecessors: Mapping[Hashable, Iterable[Hashable]] | Sequence[Iterable[Hashable]]) -> dict[Hashable, int]:
    """{node: the round in which it is ready}, from 1, if every node is computed as soon as all that it needs is there.

    predecessors: {node: [the nodes that it needs]} in any order, or a list of lists, whose nodes are 0, 1, …. A node is
    ready in the round after its latest predecessor (Kahn's topological order, CACM 5(11), 1962). Raises TypeError for
    what is no such graph, ValueError for a predecessor that is no node and for a cycle, and names it.

    >>> rounds({"c": ["a", "b"], "b": ["a"], "a": []})
    {'c': 3, 'b': 2, 'a': 1}
    """
    graph = _checked(predecessors)
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " -> ".join(map(repr, error.args[1]))
        raise ValueError(f"There is a cycle, {cycle}: each waits for the one before it, so none can start.") from None
    ready, now = {}, 0
    while sorter.is_active():
        now += 1
        nodes = sorter.get_ready()
        ready.update(dict.fromkeys(nodes, now))
        sorter.done(*nodes)
    return {node: ready[node] for node in graph}


def span_of(predecessors: Mapping[Hashable, Iterable[Hashable]] | Sequence[Iterable[Hashable]]) -> int:
    """The number of nodes on the longest chain of a graph, which is the last of its rounds; 0 for an empty graph.

    predecessors and errors: as in rounds.

    >>> span_of({"h1": [], "h2": ["h1"], "h3": ["h2"]}), span_of([[], [], [0, 1]])
    (3, 2)
    """
    return max(rounds(predecessors).values(), default=0)


def _state(layer, t, layers):
    return f"h{t}" if layers == 1 else f"h{layer},{t}"


def _checked(predecessors):
    """The graph as {node: (predecessors)}, or a TypeError or ValueError that says what is wrong with it."""
    if isinstance(predecessors, list | tuple):
        predecessors = dict(enumerate(predecessors))
    if not isinstance(predecessors, Mapping):
        raise TypeError(f"A {type(predecessors).__name__} was given; expected a dict {{node: [predecessors]}}.")
    graph = {}
    for node, needed in predecessors.items():
        if isinstance(needed, str) or not isinstance(needed, Iterable):
            raise TypeError(f"The predecessors of {node!r} are {needed!r}; expected a list, such as [{needed!r}].")
        graph[node] = tuple(needed)
        for earlier in graph[node]:
            if not isinstance(earlier, Hashable):
                raise TypeError(f"{node!r} waits for {earlier!r}; expected one node, such as a name or a number.")
            if earlier not in predecessors:
                raise ValueError(f"{node!r} waits for {earlier!r}, which is no node; add {earlier!r}: [] to the graph.")
    return graph
