"""Who waits for whom, drawn by hand: {result: [results it needs]}, one node a vector.

The scalar graphs, built from the real computation, are in helpers.graph; these are the ones for a blackboard.
"""


def recurrent(T, layers=1):
    """Hidden state h(t) of each layer needs the one before in time and the one below."""
    graph = {}
    for layer in range(1, layers + 1):
        for t in range(1, T + 1):
            before = [f"h{t - 1}"] if layers == 1 and t > 1 else [f"h{layer},{t - 1}"] if t > 1 else []
            below = [f"h{layer - 1},{t}"] if layer > 1 else []
            graph[f"h{t}" if layers == 1 else f"h{layer},{t}"] = before + below
    return graph


def recurrent_with_outputs(T, feeds_back="hidden", teacher_forcing=False, layers=1):
    """States and outputs y(t) of a net that feeds back its "hidden" states, its "output", or "both".

    y(t) is made from the top layer; fed back, it enters the first layer at t + 1. Teacher forcing feeds back the true
    output instead, which is there from the start, so that nobody waits for it.
    """
    if feeds_back not in ("hidden", "output", "both"):
        raise ValueError(f"feeds_back is {feeds_back!r}; it is one of 'hidden', 'output' and 'both'.")
    waits_for_output = feeds_back != "hidden" and not teacher_forcing
    graph, of_layer = {}, {layer: "h" if layers == 1 else f"h{layer}," for layer in range(1, layers + 1)}
    for t in range(1, T + 1):
        for layer, h in of_layer.items():
            own = [f"{h}{t - 1}"] if t > 1 and feeds_back != "output" else []
            below = [f"{of_layer[layer - 1]}{t}"] if layer > 1 else []
            output = [f"y{t - 1}"] if t > 1 and layer == 1 and waits_for_output else []
            graph[f"{h}{t}"] = own + below + output
        graph[f"y{t}"] = [f"{of_layer[layers]}{t}"]
    return graph


def feed_forward(T):
    """Each output needs its own input, which is there from the start."""
    return {f"y{t}": [] for t in range(1, T + 1)}


def attention(T, causal=False):
    """Query, key and value of each word; one row of scores, of weights, and one output a word."""
    graph = {f"{name}{t}": [] for t in range(1, T + 1) for name in "qkv"}
    for t in range(1, T + 1):
        seen = range(1, (t if causal else T) + 1)
        graph[f"scores{t}"] = [f"q{t}", *(f"k{j}" for j in seen)]
        graph[f"weights{t}"] = [f"scores{t}"]
        graph[f"y{t}"] = [f"weights{t}", *(f"v{j}" for j in seen)]
    return graph


def attention_one_query_at_a_time(T):
    """Attention in which each query is made from the output before it, as in a decoder that is writing."""
    graph = attention(T)
    return graph | {f"q{t}": [f"y{t - 1}"] for t in range(2, T + 1)}


def rounds(graph):
    """{node: the round in which it is ready}, if every node is computed as soon as what it needs is there."""
    ready = {}

    def when(node):
        if node not in ready:
            ready[node] = 1 + max((when(needed) for needed in graph[node]), default=0)
        return ready[node]

    for node in graph:  # nodes come after what they need, so the recursion stays shallow
        when(node)
    return ready
