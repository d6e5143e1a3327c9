"""What the graph counts: recurrences, attention and scans, built from the real computation. helpers.counting.cost has the
same names in closed form.

Every builder raises TypeError for a size that is no whole number, ValueError for one below 1, sizes that do not agree,
weights of another shape, and a graph of more than LIMIT nodes, all before the work.
"""

from functools import reduce
from itertools import accumulate

import numpy as np

from . import cost
from .cost import STANDARD
from .graph import LIMIT, Graph, Traced, dot, join, linear, sigmoid

PROJECTED = ("query_bias", "key_bias", "value_bias", "output_bias")


def elman(T, d, layers=1, *, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states): h_t = tanh(W h_{t−1} + U x_t + b) in `layers` layers, Elman 1990; states (T, d) of the last.

    The terms of the sum stand in the order h, x, bias. Nothing but true dependencies orders the cells, so that layers
    overlap in a wavefront of T + L − 1 steps. weights: {"input": (L, d, d), "hidden": (L, d, d), "bias": (L, d)}, or
    drawn from the seed, as inputs (T, d) are; graph.weights and graph.inputs have them.
    """
    return _recurrent(cost.elman, _elman_cell, 1, T, d, layers, accounting, seed, weights, inputs)


def lstm(T, d, layers=1, *, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states) as elman, with forget gate (Gers et al. 2000); weights "input", "hidden" (L, 4d, d), "bias"
    (L, 4d), gates in torch's order i, f, g, o."""
    return _recurrent(cost.lstm, _lstm_cell, 4, T, d, layers, accounting, seed, weights, inputs)


def gru(T, d, layers=1, *, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states) as elman, reset after the product as in torch; weights "input", "hidden" (L, 3d, d), "bias"
    (L, 3d), gates in torch's order r, z, n, and "candidate_bias" (L, d), added to W h before r multiplies it."""
    return _recurrent(cost.gru, _gru_cell, 3, T, d, layers, accounting, seed, weights, inputs)


def jordan(T, d, *, teacher_forcing=False, accounting=STANDARD, seed=0, weights=None, inputs=None, targets=None):
    """(graph, outputs): h_t = tanh(W y_{t−1} + U x_t + b), y_t = V h_t, Jordan 1986; outputs (T, d).

    teacher_forcing: y_{t−1} is the true output, targets (T, d), an input like x, so that no step waits for another.
    weights: {"input": (d, d), "hidden": (d, d), "output": (d, d), "bias": (d,)}.
    """
    size = cost.jordan(T, d, accounting=accounting)
    if targets is not None and not teacher_forcing:
        raise ValueError("targets were given but teacher_forcing is off, so nothing reads them; give it too.")
    shapes = {"input": (d, d), "hidden": (d, d), "output": (d, d), "bias": (d,)}
    truth = {"targets": (targets, (T, d))} if teacher_forcing else {}
    graph, w, x, *true = _begin(size, accounting, seed, shapes, weights, inputs=(inputs, (T, d)), **truth)
    outputs = [Traced(graph, np.zeros((1, d)))]  # y_0
    for t in range(T):
        before = true[0][t - 1] if teacher_forcing and t else outputs[-1][0]
        with graph.place(f"step {t}"):
            outputs.append(linear(*_elman_cell(x[t], w, accounting, before), w["output"])[None])
    return graph, join(outputs[1:])


def transformer(T, d, heads=1, layers=1, *, causal=False, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, outputs): pre-LayerNorm blocks, x + attention(norm(x)), then x + feed-forward(norm(x)) with ReLU and 4d.

    outputs (T, d). causal: token t reads tokens 0…t, and no score above the diagonal is computed. weights, with a
    first axis L: "query", "key", "value", "output" (d, d), "up" (4d, d), "down" (d, 4d), their "…_bias" (4d,) or (d,)
    as the accounting has them, "norm1_scale", "norm1_shift", "norm2_…" (d,); without L "final_scale", "final_shift".
    """
    size = cost.transformer(T, d, heads, layers, causal=causal, accounting=accounting)
    shapes = _attention_shapes(d, True) | {"up": (4 * d, d), "down": (d, 4 * d)}
    shapes |= {"norm2_scale": (d,), "norm2_shift": (d,), "up_bias": (4 * d,), "down_bias": (d,)}
    shapes = {name: (layers, *shape) for name, shape in shapes.items()}
    final = {"final_scale": (d,), "final_shift": (d,)} if accounting.final_norm else {}
    graph, w, x = _begin(size, accounting, seed, shapes | final, weights, inputs=(inputs, (T, d)))
    for layer in range(layers):
        with graph.place(f"block {layer}"):
            own = {name: array[layer] for name, array in w.items() if name not in final}
            x = x + _attention(_layer_norm(x, own, "norm1", accounting), own, heads, _softmax, causal, accounting)
            x = x + _feed_forward(_layer_norm(x, own, "norm2", accounting), own)
    return graph, _layer_norm(x, w, "final", accounting) if accounting.final_norm else x


def attention(T, d, heads=1, *, causal=False, residual=False, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, outputs): one self-attention sub-layer (T, d) with its projections, Vaswani et al. 2017, section 3.2.

    residual: x + attention(norm(x)) instead of attention(x). causal, weights (without L): as in transformer.
    """
    size = cost.attention(T, d, heads, causal=causal, residual=residual, accounting=accounting)
    graph, w, x = _begin(size, accounting, seed, _attention_shapes(d, residual), weights, inputs=(inputs, (T, d)))
    read = _attention(_layer_norm(x, w, "norm1", accounting) if residual else x, w, heads, _softmax, causal, accounting)
    return graph, x + read if residual else read


def decode_attention(T, d, heads=1, *, accounting=STANDARD, seed=0, query=None, keys=None, values=None):
    """(graph, outputs): one query (1, d) against cached keys and values (T, d), without projections; outputs (1, d)."""
    size = cost.decode_attention(T, d, heads, accounting=accounting)
    given = {"query": (query, (1, d)), "keys": (keys, (T, d)), "values": (values, (T, d))}
    graph, _, *cache = _begin(size, accounting, seed, {}, None, **given)
    return graph, _merge(_softmax(*(_split(x, heads) for x in cache), False, accounting))


def linear_attention(
    T, d, heads=1, *, method="recurrent", causal=False, chunk=64, accounting=STANDARD, seed=0, weights=None, inputs=None
):
    """(graph, outputs) as attention, with φ(q)·φ(k) for softmax, φ = elu + 1; Katharopoulos et al. 2020.

    method: "recurrent" (the state Σ φ(k) vᵀ is carried from token to token), "parallel" (all scores), "chunked" (scores
    inside chunks, states carried between them; if not causal, states alone).
    """
    size = cost.linear_attention(T, d, heads, method=method, causal=causal, chunk=chunk, accounting=accounting)
    graph, w, x = _begin(size, accounting, seed, _attention_shapes(d, False), weights, inputs=(inputs, (T, d)))
    return graph, _attention(x, w, heads, _linear, causal, method, chunk)


def linear_recurrence(T, d=1, *, method="sequential", chunk=None, seed=0, decay=None, inputs=None):
    """(graph, states): h_t = a_t ⊙ h_{t−1} + b_t from a zero state, so h_1 = b_1; a = decay, b = inputs, all (T, d).

    method: "sequential", or a scan of pairs (a, b): "hillis_steele" (CACM 29(12), 1986), "brent_kung" (IEEE Trans.
    Computers C-31(3), 1982), "blelloch" (1990: exclusive, T a power of two, made inclusive by its total), "chunked"
    (loops in chunks of `chunk` steps, side by side, and one over their ends).
    graph.combines counts combines (steps of a loop), graph.span(counting="combine") the longest path in them.
    """
    size = cost.linear_recurrence(T, d, method=method, chunk=chunk)
    graph, _, b, a = _begin(size, STANDARD, seed, {}, None, inputs=(inputs, (T, d)), decay=(decay, (T, d)))
    return graph, _recurrence(a, b, method, chunk)


def min_gru(T, d, *, method="sequential", chunk=None, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states): h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t, z = σ(W_z x + b_z), h̃ = W_h x + b_h; Feng et al. 2024.

    method, chunk: as linear_recurrence. weights: "input" (2d, d) and "bias" (2d,), W_z above W_h.
    """
    size = cost.min_gru(T, d, method=method, chunk=chunk, accounting=accounting)
    shapes = {"input": (2 * d, d), "bias": (2 * d,)}
    graph, w, x = _begin(size, accounting, seed, shapes, weights, inputs=(inputs, (T, d)))
    gate, candidate = linear(x, w["input"], w.get("bias")).reshape(T, 2, d).transpose(1, 0, 2)
    gate = sigmoid(gate)
    return graph, _recurrence(1 - gate, gate * candidate, method, chunk)


def newton(T, d, iterations, *, jacobian="dense", accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states): h_t = tanh(W h_{t−1} + U x_t + b) for all t at once by Newton's method, from the guess 0.

    jacobian: "dense", diag(1 − h²) W (Lim et al. 2024), or its "diagonal" (Gonzalez et al. 2024), d systems of width 1.
    An iteration changes nothing if no state misses its step: all wait for the largest miss, as the stop test makes
    them. weights: {"input": (d, d), "hidden": (d, d), "bias": (d,)}.
    """
    size = cost.newton(T, d, iterations, jacobian=jacobian, accounting=accounting)
    shapes = {"input": (d, d), "hidden": (d, d), "bias": (d,)}
    graph, w, x = _begin(size, accounting, seed, shapes, weights, inputs=(inputs, (T, d)))
    from_input, states = linear(x, w["input"], w.get("bias")), Traced(graph, np.zeros((T + 1, d)))  # from h_0 on
    systems = w["hidden"][None] if jacobian == "dense" else w["hidden"].diagonal()[:, None, None]  # (S, d/S, d/S)
    for k in range(iterations):
        with graph.place(f"iteration {k}"):
            stepped = (linear(states[:-1], w["hidden"]) + from_input).map("tanh", np.tanh)
            miss = stepped - states[1:]
            # The last state first: it is late, and at full depth in the tree then, whatever T and d are.
            largest = miss.map("absolute", np.abs).reshape(-1)[::-1].reduce("maximum", np.maximum)
            miss = miss.map("select", lambda change, most: np.where(most > 0, change, 0), largest)
            slope = _split(1 - stepped.map("square", np.square), len(systems))[..., None]  # (S, T, d/S, 1)
            steps = join([slope * systems[:, None], _split(miss, len(systems))[..., None]], axis=-1)
            states = join([states[:1], states[1:] + _merge(_brent_kung(steps, _after, slice(-1, None))[..., 0])])
    return graph, states[1:]


def combine(left, right):
    """Two affine steps as one, `left` first: (a, b), (a', b') to (a'a, a'b + b'); all (2, n, d). Associative.

    Or of a state and a step, (1, n, d) and (2, n, d), the next state a'b + b', (1, n, d).
    The product of the a and the sum are named "combine": every path through a combine meets exactly one of them.
    """
    graph = left.graph
    graph.combines += left.shape[1]
    graph.work += left.values.size
    state = graph.apply("combine", np.add, right[:1] * left[-1:], right[1:])
    return state if len(left.values) == 1 else join([graph.apply("combine", np.multiply, right[:1], left[:1]), state])


def add_up(n, *, method="tree", terms=None, seed=0):
    """(graph, total) of n terms (n,): method "tree", balanced, or "sequential", one after the other; total is ()."""
    graph, _, terms = _begin(cost.add_up(n, method=method), STANDARD, seed, {}, None, terms=(terms, (n,)))
    return graph, terms.reduce() if method == "tree" else reduce(Traced.__add__, terms)


def _recurrence(decay, inputs, method, chunk):
    pairs = join([decay[None], inputs[None]])  # (2, T, d)
    if method in ("sequential", "chunked"):
        return _chunked(pairs, cost.scan_counts(pairs.shape[1], method, chunk)[2])[0]
    return {"hillis_steele": _hillis_steele, "brent_kung": _brent_kung, "blelloch": _blelloch}[method](pairs)[1]


def _chunked(pairs, C):
    steps = [pairs[:, t : t + 1] for t in range(pairs.shape[1])]
    chunks = [steps[start : start + C] for start in range(0, len(steps), C)]
    totals = [reduce(combine, chunk) for chunk in chunks[:-1]]
    starts = [None, *(_walk(totals) if totals else [])]  # the states before the chunks
    return join([state for chunk, start in zip(chunks, starts, strict=True) for state in _walk(chunk, start)], axis=1)


def _walk(steps, state=None):
    # The states (1, 1, d) after each of the steps (2, 1, d); from a zero state, None, the first step is free.
    first = steps[0][1:] if state is None else combine(state, steps[0])
    return accumulate(steps[1:], combine, initial=first)


def _hillis_steele(pairs):
    for step in (2**k for k in range((pairs.shape[1] - 1).bit_length())):
        pairs = join([pairs[:, :step], combine(pairs[:, :-step], pairs[:, step:])], axis=1)
    return pairs


def _brent_kung(steps, combine=combine, keep=slice(None)):
    # keep: what of a combined step is asked for; where that is its state alone, the way down has no more to carry.
    T = steps.shape[1]
    if T == 1:
        return steps[..., keep]
    odd = _brent_kung(combine(steps[:, 0 : T - 1 : 2], steps[:, 1::2]), combine, keep)  # the prefixes to 1, 3, 5, …
    even = join([steps[:, :1, ..., keep], combine(odd[:, : (T - 1) // 2], steps[:, 2::2])], axis=1)
    return _interleave(even, odd)


def _blelloch(pairs):
    sums = [pairs]
    while sums[-1].shape[1] > 1:
        sums.append(combine(sums[-1][:, 0::2], sums[-1][:, 1::2]))
    total, d = sums.pop(), pairs.shape[2]
    before = Traced(pairs.graph, np.stack([np.ones((1, d)), np.zeros((1, d))]))  # h -> 1·h + 0: nothing before
    for level in reversed(sums):
        before = _interleave(before, combine(before, level[:, 0::2]))
    return join([before[:, 1:], total], axis=1)


def _interleave(even, odd):
    both, order = join([even, odd], axis=1), np.arange(even.shape[1] + odd.shape[1])
    return both[:, order // 2 + order % 2 * even.shape[1]]


def _after(left, right):
    # Affine steps (A | b) of S systems, (S, n, w, w + 1), as `combine`; or `left` states (S, n, w, 1) alone.
    both = linear(right[..., :-1], left.transpose(0, 1, 3, 2)[..., None, :, :])
    return join([both[..., :-1], both[..., -1:] + right[..., -1:]], axis=-1)


def _recurrent(size, cell, gates, T, d, layers, accounting, seed, weights, inputs):
    size = size(T, d, layers, accounting=accounting)
    shapes = {"input": (layers, gates * d, d), "hidden": (layers, gates * d, d), "bias": (layers, gates * d)}
    shapes |= {"candidate_bias": (layers, d)} if cell is _gru_cell else {}
    graph, w, x = _begin(size, accounting, seed, shapes, weights, inputs=(inputs, (T, d)))
    for layer in range(layers):
        own, state, outputs = {name: array[layer] for name, array in w.items()}, [Traced(graph, np.zeros(d))] * 2, []
        for t in range(T):
            with graph.place(f"layer {layer}, step {t}"):
                state = cell(x[t], own, accounting, *state)
            outputs.append(state[0][None])
        x = join(outputs)  # (T, d)
    return graph, x


def _elman_cell(x, w, accounting, h, _=None):
    return (_gates(x, h, w, accounting).map("tanh", np.tanh),)


def _lstm_cell(x, w, accounting, h, c):
    i, f, g, o = _gates(x, h, w, accounting).reshape(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * g.map("tanh", np.tanh)
    return sigmoid(o) * c.map("tanh", np.tanh), c


def _gru_cell(x, w, accounting, h, _=None):
    d = x.shape[0]
    r, z = sigmoid(_gates(x, h, {name: array[: 2 * d] for name, array in w.items()}, accounting)).reshape(2, d)
    own = {name: array[-d:] for name, array in w.items()}
    from_h = linear(h, own["hidden"], own.get("candidate_bias"))
    n = (r * from_h + linear(x, own["input"], own.get("bias"))).map("tanh", np.tanh)
    return ((1 - z) * n + z * h,)


def _gates(x, h, w, accounting):
    if accounting.hoist:
        return dot((h, w["hidden"])) + linear(x, w["input"], w.get("bias"))
    return dot((h, w["hidden"]), (x, w["input"]), bias=w.get("bias"))


def _attention(x, w, heads, read, *options):
    # read(query, key, value, *options): (H, T, d_h) each, and what it makes of them
    with x.graph.place("query, key, value"):
        projected = [linear(x, w[name], w.get(name + "_bias")) for name in ("query", "key", "value")]
    out = _merge(read(*(_split(p, heads) for p in projected), *options))
    with x.graph.place("output"):
        return linear(out, w["output"], w.get("output_bias"))


def _split(x, heads):
    return x.reshape(x.shape[0], heads, -1).transpose(1, 0, 2)  # (T, d) to (H, T, d_h)


def _merge(x):
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1)


def _rows(query, key, value, causal):
    # What is read at once: everything, or each query with the keys up to its own.
    n = 1 if causal else key.shape[1]
    return [(query[:, t - n : t], key[:, :t], value[:, :t]) for t in range(n, key.shape[1] + 1, n)]


def _softmax(query, key, value, causal, accounting):
    rows = _rows(query, key, value, causal and not accounting.additive_mask)
    return join([_read(*row, causal, accounting) for row in rows], axis=1)


def _read(query, key, value, causal, accounting):
    # query (H, n, d_h), key and value (H, T, d_h): softmax(Q Kᵀ / √d_h + mask) V, (H, n, d_h)
    graph, late = query.graph, accounting.divide_last
    with graph.place("scores"):
        scores = linear(query, key[:, None]) * query.shape[-1] ** -0.5  # (H, n, T)
        if accounting.additive_mask:
            scores = scores + np.triu(np.full(scores.shape[1:], -np.inf if causal else 0.0), 1)
    with graph.place("softmax"):
        weights = (scores - scores.reduce("maximum", np.maximum)[..., None]).map("exp", np.exp)
        total = weights.reduce()[..., None]
        weights = weights if late else weights / total
    with graph.place("values"):
        read = linear(weights, value.transpose(0, 2, 1)[:, None])
        return read / total if late else read


def _linear(query, key, value, causal, method, chunk):
    C = {"recurrent": 1, "parallel": key.shape[1]}.get(method, chunk)
    scored = method == "parallel" or (causal and method == "chunked")
    query, key = (x.map("elu", lambda v: np.maximum(v, 0) + np.exp(np.minimum(v, 0))) for x in (query, key))
    chunks = [[x[:, start : start + C] for x in (query, key, value)] for start in range(0, key.shape[1], C)]
    stored = (_weighted(k.transpose(0, 2, 1), v) for _, k, v in (chunks[:-1] if scored else chunks))
    # (H, d_h, d_h + 1) each: the sums up to a chunk, without it where its own keys are scored
    states, sums = [None] * scored + list(accumulate(stored)), []
    if not (scored or causal):
        chunks, states = [(query, key, value)], states[-1:]
    for chunk, state in zip(chunks, states, strict=True):
        for q, k, v in _rows(*chunk, causal and scored):
            inside = [_weighted(linear(q, k[:, None]), v)] if scored else []
            before = [] if state is None else [linear(q, state.transpose(0, 2, 1)[:, None])]
            sums.append(reduce(Traced.__add__, inside + before))
    sums = join(sums, axis=1)  # (H, T, d_h + 1)
    return sums[..., :-1] / sums[..., -1:]


def _weighted(weights, values):
    # (H, n, m), (H, m, d_h): the sums of the weighted values and, as a last column, of the weights, (H, n, d_h + 1)
    return join([linear(weights, values.transpose(0, 2, 1)[:, None]), weights.reduce()[..., None]], axis=2)


def _feed_forward(x, w):
    with x.graph.place("feed-forward"):
        wide = linear(x, w["up"], w.get("up_bias")).map("relu", lambda v: np.maximum(v, 0))  # (T, 4d)
        return linear(wide, w["down"], w.get("down_bias"))


def _layer_norm(x, w, name, accounting):
    with x.graph.place(f"LayerNorm {name}"):
        d, one_pass = x.shape[1], accounting.one_pass_variance
        mean = (x.reduce() / d)[:, None]
        centred = x - mean
        squares = (x if one_pass else centred).map("square", np.square).reduce() / d
        variance = squares[:, None] - mean.map("square", np.square) if one_pass else squares[:, None]
        return centred / (variance + 1e-5).map("sqrt", np.sqrt) * w[f"{name}_scale"] + w[f"{name}_shift"]


def _attention_shapes(d, norm):
    shapes = dict.fromkeys(("query", "key", "value", "output"), (d, d)) | dict.fromkeys(PROJECTED, (d,))
    return shapes | ({"norm1_scale": (d,), "norm1_shift": (d,)} if norm else {})


def _begin(size, accounting, seed, shapes, weights, **inputs):
    # (graph, weights, *inputs): what is given, checked, or drawn from the seed. shapes: of the weights, with every bias
    # that there may be; inputs: name=(given, shape).
    if size.operations > LIMIT:
        raise ValueError(f"{size.operations:,} nodes; at most {LIMIT:,} fit. helpers.cost counts graphs of any size.")
    unbiased = {"everywhere": (), "ffn": PROJECTED}.get(accounting.biases, [n for n in shapes if n.endswith("bias")])
    shapes = {name: shape for name, shape in shapes.items() if name not in unbiased}
    weights = dict.fromkeys(shapes) if weights is None else weights
    if set(weights) != set(shapes):
        raise ValueError(f"weights has {', '.join(sorted(weights))}; expected {', '.join(sorted(shapes))}.")
    graph, random = Graph(), np.random.default_rng(seed)
    graph.weights = {name: _take(f"weights[{name!r}]", weights[name], shapes[name], random) for name in shapes}
    graph.inputs = {name: _take(name, given, shape, random) for name, (given, shape) in inputs.items()}
    return graph, graph.weights, *(Traced(graph, array) for array in graph.inputs.values())


def _take(name, given, shape, random):
    if given is None:
        return random.uniform(-1, 1, shape) / np.sqrt(shape[-1])
    try:
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as numbers ({error}); give a NumPy array of shape {shape}.") from error
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}. Reshape it, or change the sizes given.")
    return array
