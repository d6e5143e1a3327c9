"""Attention as graphs: one sub-layer, Transformer blocks, one query on a cache, and attention without softmax."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import accumulate
from operator import add

import numpy as np
from numpy.typing import ArrayLike

from .. import cost
from ..cost import STANDARD, Accounting
from ..functions import shifted
from ..graph import Traced, elu_plus_one, join, linear, relu
from .start import ATTENTION_BIASES, Built, start

Weights = Mapping[str, ArrayLike]


def attention(
    T: int,
    d: int,
    heads: int = 1,
    *,
    causal: bool = False,
    residual: bool = False,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, outputs): one self-attention sub-layer with its projections, Vaswani et al. 2017, section 3.2.

    outputs (T, d). residual: x + attention(norm(x)) instead of attention(x). causal and weights: as in transformer,
    without the axis L.

    >>> [attention(T, d=8, heads=2)[0].span() for T in (4, 8, 16)]      # 3 levels more for twice the words
    [22, 25, 28]
    """
    expected = cost.attention(T, d, heads, causal=causal, residual=residual, accounting=accounting)
    shapes = _attention_shapes(d) | (_norm_shapes("norm1", d) if residual else {})
    graph, w, (x,) = start(expected, accounting, seed, shapes, weights, {"inputs": (inputs, (T, d))})
    return graph, run_attention(x, w, heads, causal=causal, residual=residual, accounting=accounting)


def transformer(
    T: int,
    d: int,
    heads: int = 1,
    layers: int = 1,
    *,
    causal: bool = False,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, outputs): pre-LayerNorm blocks, x + attention(norm(x)), then x + feed-forward(norm(x)) with ReLU and 4d.

    outputs (T, d). causal: token t reads tokens 0…t, and no score above the diagonal is computed. weights, with a
    first axis L: "query", "key", "value", "output" (d, d), "up" (4d, d), "down" (d, 4d), their "…_bias" (4d,) or (d,)
    as the accounting has them, "norm1_scale", "norm1_shift", "norm2_…" (d,); without L "final_scale", "final_shift".

    >>> graph, outputs = transformer(T=6, d=8, heads=2, layers=2)
    >>> graph.span(counting="exp"), graph.span() == cost.transformer(T=6, d=8, heads=2, layers=2).span
    (2, True)
    """
    expected = cost.transformer(T, d, heads, layers, causal=causal, accounting=accounting)
    shapes = _attention_shapes(d) | _norm_shapes("norm1", d) | {"up": (4 * d, d), "down": (d, 4 * d)}
    shapes |= _norm_shapes("norm2", d) | {"up_bias": (4 * d,), "down_bias": (d,)}
    shapes = {name: (layers, *shape) for name, shape in shapes.items()}
    final = _norm_shapes("final", d) if accounting.final_norm else {}
    graph, w, (x,) = start(expected, accounting, seed, shapes | final, weights, {"inputs": (inputs, (T, d))})
    return graph, run_blocks(x, w, heads, layers, causal=causal, accounting=accounting)


def decode_attention(
    T: int,
    d: int,
    heads: int = 1,
    *,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    query: ArrayLike | None = None,
    keys: ArrayLike | None = None,
    values: ArrayLike | None = None,
) -> Built:
    """(graph, outputs): one query (1, d) against cached keys and values (T, d), without projections; outputs (1, d).

    >>> decode_attention(T=16, d=8, heads=2)[0].span(), decode_attention(T=16, d=8, heads=2)[0].work
    (20, 256)
    """
    expected = cost.decode_attention(T, d, heads, accounting=accounting)
    arrays = {"query": (query, (1, d)), "keys": (keys, (T, d)), "values": (values, (T, d))}
    graph, _, arrays = start(expected, accounting, seed, {}, None, arrays)
    by_head = (_split_heads(array, heads) for array in arrays)
    return graph, _merge_heads(_mix_by_softmax(*by_head, causal=False, accounting=accounting))


def linear_attention(
    T: int,
    d: int,
    heads: int = 1,
    *,
    method: str = "recurrent",
    causal: bool = False,
    chunk: int = 64,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, outputs) as attention, with φ(q)·φ(k) for softmax, φ = elu + 1; Katharopoulos et al. 2020.

    method: "recurrent" (the state Σ φ(k) vᵀ is carried from token to token), "parallel" (all scores), "chunked" (scores
    inside chunks, states carried between them; if not causal, states alone).

    >>> [linear_attention(16, 4, method=method, causal=True)[0].span() for method in ("recurrent", "parallel")]
    [27, 16]
    """
    expected = cost.linear_attention(T, d, heads, method=method, causal=causal, chunk=chunk, accounting=accounting)
    shapes = _attention_shapes(d)
    graph, w, (x,) = start(expected, accounting, seed, shapes, weights, {"inputs": (inputs, (T, d))})
    length = {"recurrent": 1, "parallel": T, "chunked": chunk}[method]
    scored = method == "parallel" or (method == "chunked" and causal)
    return graph, _attention(x, w, heads, partial(_mix_by_features, causal=causal, scored=scored, length=length))


def run_attention(x: Traced, w: dict[str, Traced], heads: int, *, causal: bool, residual: bool, accounting: Accounting):
    """(T, d): one self-attention sub-layer over x (T, d)."""
    mix = partial(_mix_by_softmax, causal=causal, accounting=accounting)
    if residual:
        return x + _attention(_layer_norm(x, w, "norm1", accounting), w, heads, mix)
    return _attention(x, w, heads, mix)


def run_blocks(x: Traced, w: dict[str, Traced], heads: int, layers: int, *, causal: bool, accounting: Accounting):
    """(T, d): Transformer blocks over x (T, d); weights with the blocks as their first axis, but the final norm's."""
    for layer in range(layers):
        with x.graph.place(f"block {layer}"):
            own = {name: array[layer] for name, array in w.items() if not name.startswith("final")}
            x = run_attention(x, own, heads, causal=causal, residual=True, accounting=accounting)
            x = x + _feed_forward(_layer_norm(x, own, "norm2", accounting), own)
    return _layer_norm(x, w, "final", accounting) if accounting.final_norm else x


def _attention(x: Traced, w, heads: int, mix: Callable[[Traced, Traced, Traced], Traced]) -> Traced:
    """Project, mix, join. mix(query, key, value), (H, T, d_h) each: what each query reads, (H, T, d_h)."""
    with x.graph.place("query, key, value"):
        projected = [linear(x, w[name], w.get(name + "_bias")) for name in ("query", "key", "value")]
    mixed = _merge_heads(mix(*(_split_heads(vectors, heads) for vectors in projected)))
    with x.graph.place("output"):
        return linear(mixed, w["output"], w.get("output_bias"))


def _split_heads(x, heads):
    return x.reshape(x.shape[0], heads, -1).transpose(1, 0, 2)  # (T, d) to (H, T, d_h)


def _merge_heads(x):
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1)  # (H, T, d_h) to (T, d)


def _read_at_once(query, key, value, causal):
    """[(queries, the keys and values that they read)]: all in one, or where causal each query with those up to it."""
    if not causal:
        return [(query, key, value)]
    return [(query[:, t : t + 1], key[:, : t + 1], value[:, : t + 1]) for t in range(key.shape[1])]


def _mix_by_softmax(query, key, value, *, causal, accounting):
    # With a mask that is added, each query has a score with every key.
    rows = _read_at_once(query, key, value, causal and not accounting.additive_mask)
    return join([_softmax_of_scores(*row, causal, accounting) for row in rows], axis=1)


def _softmax_of_scores(query, key, value, causal, accounting):
    """softmax(Q Kᵀ / √d_h + mask) V for query (H, n, d_h), key and value (H, T, d_h): (H, n, d_h)."""
    graph, divide_last = query.graph, accounting.divide_last
    with graph.place("scores"):
        scores = linear(query, key[:, None]) * query.shape[-1] ** -0.5  # (H, n, T)
        if accounting.additive_mask:
            scores = scores + np.triu(np.full(scores.shape[1:], -np.inf if causal else 0.0), 1)
    with graph.place("softmax"):
        largest = scores.reduce("maximum", np.maximum)[..., None]
        weights = scores.map("subtract", shifted, largest).map("exp", np.exp)
        total = weights.reduce()[..., None]
        weights = weights if divide_last else weights / total
    with graph.place("values"):
        mixed = linear(weights, value.transpose(0, 2, 1)[:, None])
        return mixed / total if divide_last else mixed


def _mix_by_features(query, key, value, *, causal, scored, length):
    """Σ φ(q)·φ(k) v / Σ φ(q)·φ(k), by chunks of `length` tokens: scored inside a chunk, or all through a state."""
    query, key = elu_plus_one(query), elu_plus_one(key)
    starts = range(0, key.shape[1], length)
    chunks = [tuple(x[:, at : at + length] for x in (query, key, value)) for at in starts]
    if scored:  # a chunk's own keys are scored, and those before it come through the state
        readers = zip(chunks, [None, *_states(chunks[:-1])], strict=True)
    elif causal:
        readers = zip(chunks, _states(chunks), strict=True)
    else:
        readers = [((query, key, value), _states(chunks)[-1])]
    sums = []
    for chunk, state in readers:
        for q, k, v in _read_at_once(*chunk, causal and scored):
            parts = [_weighted_sums(linear(q, k[:, None]), v)] if scored else []
            if state is not None:
                parts.append(linear(q, state.transpose(0, 2, 1)[:, None]))
            sums.append(parts[0] + parts[1] if len(parts) == 2 else parts[0])
    sums = join(sums, axis=1)  # (H, T, d_h + 1)
    return sums[..., :-1] / sums[..., -1:]


def _states(chunks):
    """(H, d_h, d_h + 1) each: Σ φ(k) vᵀ and Σ φ(k) of all tokens up to the end of each chunk."""
    return list(accumulate((_weighted_sums(key.transpose(0, 2, 1), value) for _, key, value in chunks), add))


def _weighted_sums(weights, values):
    """weights (H, n, m), values (H, m, d_h): the weighted sums, and as a last column the weights', (H, n, d_h + 1)."""
    return join([linear(weights, values.transpose(0, 2, 1)[:, None]), weights.reduce()[..., None]], axis=2)


def _feed_forward(x, w):
    with x.graph.place("feed-forward"):
        wide = relu(linear(x, w["up"], w.get("up_bias")))  # (T, 4d)
        return linear(wide, w["down"], w.get("down_bias"))


def _layer_norm(x, w, name, accounting):
    with x.graph.place(f"LayerNorm {name}"):
        d, one_pass = x.shape[1], accounting.one_pass_variance
        mean = (x.reduce() / d)[:, None]
        centred = x - mean
        squares = ((x if one_pass else centred).map("square", np.square).reduce() / d)[:, None]
        variance = squares - mean.map("square", np.square) if one_pass else squares
        return centred / (variance + 1e-5).map("sqrt", np.sqrt) * w[f"{name}_scale"] + w[f"{name}_shift"]


def _attention_shapes(d):
    return dict.fromkeys(("query", "key", "value", "output"), (d, d)) | dict.fromkeys(ATTENTION_BIASES, (d,))


def _norm_shapes(name, d):
    return {f"{name}_scale": (d,), f"{name}_shift": (d,)}
