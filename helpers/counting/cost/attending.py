"""Closed forms of attention, Transformer blocks, decoding with a cache, and attention without softmax."""

import math
from dataclasses import replace

from ...arguments import require_sizes, require_word
from .record import (
    STANDARD,
    Accounting,
    Cost,
    affine,
    ceil_log2,
    check_accounting,
    dot_levels,
    elementwise,
    whole_call,
)

LINEAR = ("recurrent", "parallel", "chunked")


def attention(
    T: int,
    d: int,
    heads: int = 1,
    *,
    causal: bool = False,
    residual: bool = False,
    B: int = 1,
    accounting: Accounting = STANDARD,
) -> Cost:
    """One self-attention sub-layer with its four projections: work 4Td² + 2T²d, causal 4Td² + T(T+1)d.

    Span 3⌈log₂ T⌉ + 2⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 8; residual: LayerNorm before and residual after, 2⌈log₂ d⌉ + 10 more.

    >>> [attention(T, d=512, heads=8).span for T in (64, 128, 256)]      # 3 levels more for twice the words
    [50, 53, 56]
    """
    T, d, heads = require_sizes(T=T, d=d, heads=heads)
    return whole_call(B, 2 * T * d, _attention(T, d, heads, causal, residual, check_accounting(accounting)))


def decode_attention(T: int, d: int, heads: int = 1, *, B: int = 1, accounting: Accounting = STANDARD) -> Cost:
    """One query against T cached keys and values, no projections: work 2Td, span 3⌈log₂ T⌉ + ⌈log₂ d_h⌉ + 6.

    Traffic 2(T+1)d, so T / (T+1) FLOP a byte in 16 bits, whatever B is: each sequence has a cache of its own.

    >>> one, many = (decode_attention(T=4096, d=512, heads=8, B=B) for B in (1, 64))
    >>> round(one.intensity(2), 2), round(many.intensity(2), 2)
    (1.0, 1.0)
    """
    T, d, heads = require_sizes(T=T, d=d, heads=heads)
    mixed = _softmax(heads, heads * T, T, d // heads, check_accounting(accounting))
    return whole_call(B, 2 * (T + 1) * d, replace(mixed, state=2 * T * d))


def transformer(
    T: int,
    d: int,
    heads: int = 1,
    layers: int = 1,
    *,
    causal: bool = False,
    B: int = 1,
    accounting: Accounting = STANDARD,
) -> Cost:
    """Pre-LayerNorm blocks with a feed-forward of 4d: work L(12Td² + 2T²d), causal L(12Td² + T(T+1)d).

    Span L(3⌈log₂ T⌉ + 8⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 35), causal the same; Accounting says what moves the constants.

    >>> [transformer(T, d=512, heads=8, layers=6).span for T in (64, 1024, 16384)]
    [786, 858, 930]
    """
    T, d, heads, layers = require_sizes(T=T, d=d, heads=heads, layers=layers)
    block = _attention(T, d, heads, causal, True, check_accounting(accounting))
    norm = _layer_norm(T, d, accounting)
    block += norm + _feed_forward(T, d, accounting) + elementwise(T * d)
    blocks = block.repeated(layers)
    return whole_call(B, 2 * T * d, blocks + norm if accounting.final_norm else blocks)


def linear_attention(
    T: int,
    d: int,
    heads: int = 1,
    *,
    method: str = "recurrent",
    causal: bool = False,
    chunk: int = 64,
    B: int = 1,
    accounting: Accounting = STANDARD,
) -> Cost:
    """Attention with weights φ(q)·φ(k) for softmax, Katharopoulos et al. 2020, and the same four projections.

    method: "recurrent", everything through the state Σ φ(k) vᵀ, Σ φ(k) of d_h + 1 numbers a channel; "parallel", all
    scores, causal the triangle; "chunked", scores inside chunks of `chunk` tokens and a state between them (not causal,
    a state alone, added up by chunks). φ = elu + 1 counts as one operation. What is added up for a query, the weighted
    values and beside them the weights, is divided at the end.
    Work 4Td² for the projections and: recurrent, or chunked and not causal, Td(2d_h + 1); parallel 2T²d, causal
    T(T+1)d; chunked and causal T(C+1)d + (T−C)d(2d_h + 1), where C = chunk divides T. With C = 1 for recurrent and
    C = T for parallel the span is ⌈T/C⌉ + ⌈log₂ C⌉ + 2⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 5, causal or not.
    Raises ValueError for an unknown method too.

    >>> for method in LINEAR:
    ...     layer = linear_attention(T=4096, d=512, heads=8, method=method, causal=True)
    ...     print(f"{method:9} {layer.work:14,} MAC {layer.span:5} levels {layer.scores:11,} scores")
    recurrent  4,565,499,904 MAC  4125 levels           0 scores
    parallel  12,886,999,040 MAC    42 levels  67,125,248 scores
    chunked    4,697,587,712 MAC    99 levels   1,064,960 scores
    """
    require_word("method", method, LINEAR)
    T, d, heads, chunk = require_sizes(T=T, d=d, heads=heads, chunk=chunk)
    bias = check_accounting(accounting).biases == "everywhere"
    length = {"recurrent": 1, "parallel": T, "chunked": min(chunk, T)}[method]
    scored = method == "parallel" or (method == "chunked" and causal)
    mixed = _mix_by_features(T, d, heads, length, scored, causal)
    features = elementwise(2 * T * d)
    return whole_call(B, 2 * T * d, affine(T, d, 3 * d, bias) + features + mixed + affine(T, d, d, bias))


def kv_cache(T: int, layers: int, kv_heads: int, head_width: int, *, B: int = 1, itemsize: int = 2) -> int:
    """Bytes of the cached keys and values of T tokens, 2·B·L·n_kv·d_h·T·itemsize; grouped queries: fewer kv_heads.

    >>> kv_cache(T=4096, layers=80, kv_heads=8, head_width=128) / 1e9    # GB
    1.34217728
    """
    sizes = require_sizes(T=T, layers=layers, kv_heads=kv_heads, head_width=head_width, B=B, itemsize=itemsize)
    return 2 * math.prod(sizes)


def _attention(T, d, heads, causal, residual, accounting):
    bias = accounting.biases == "everywhere"
    pairs = heads * T * (T + 1) // 2 if causal and not accounting.additive_mask else heads * T * T
    mixed = _softmax(heads * T, pairs, T, d // heads, accounting)
    cost = affine(T, d, 3 * d, bias) + mixed + affine(T, d, d, bias)
    if residual:
        cost += _layer_norm(T, d, accounting) + elementwise(T * d)
    return replace(cost, state=2 * T * d if causal else 0)


def _softmax(rows, pairs, T, d_h, accounting):
    """softmax(Q Kᵀ / √d_h) V. rows: queries times heads; pairs: scores of all rows; T: keys of the longest row."""
    divide_last, mask = accounting.divide_last, accounting.additive_mask
    scores = Cost(work=pairs * d_h, span=dot_levels(d_h) + 1 + mask, operations=pairs * (2 * d_h + mask), scores=pairs)
    # Maximum, subtract, exp, sum; the sum runs beside the product with the values when the division comes after it.
    sum_levels = 0 if divide_last else ceil_log2(T)
    exponentials = Cost(work=0, span=ceil_log2(T) + 2 + sum_levels, operations=4 * pairs - 2 * rows)
    division = elementwise(rows * d_h if divide_last else pairs)
    mixed = Cost(work=pairs * d_h, span=dot_levels(T), operations=(2 * pairs - rows) * d_h, activations=rows * d_h)
    return scores + exponentials + division + mixed


def _mix_by_features(T, d, heads, length, scored, causal):
    """Σ φ(q)·φ(k) v over Σ φ(q)·φ(k), by chunks of `length` tokens; scored: inside a chunk, with a state between."""
    d_h, sums = d // heads, d + heads  # sums: weighted values, and the weights themselves, of a token
    chunks = -(-T // length)
    before_last = (chunks - 1) * length
    last = T - before_last
    if scored:
        states, stored, readers = chunks - 1, before_last, T - length  # the first chunk reads no state
        rows = before_last * (length + 1) // 2 + last * (last + 1) // 2
        scores = heads * rows if causal else heads * T * T
    else:
        states, stored, readers, scores = chunks, T, T, 0
    making_states = Cost(
        work=stored * d * d_h,
        # A chunk's own sum, then from chunk to chunk; scored, what a query reads inside is added to what came before.
        span=dot_levels(length) + chunks - 1,
        operations=stored * d * d_h + (stored - 1) * d_h * sums if stored else 0,
        activations=states * d * d_h,
    )
    reading_states = Cost(
        work=readers * d_h * sums,
        span=dot_levels(d_h),
        operations=readers * (2 * d_h - 1) * sums,
        activations=readers * sums,
    )
    # A score is 2·d_h − 1 operations, and in the weighted sums 2·d_h + 1; each sum has an addition less than terms,
    # unless a state is added to it.
    scoring = Cost(
        work=2 * scores * d_h,
        span=0,
        operations=4 * scores * d_h - (T - readers) * sums if scored else 0,
        activations=T * d if scored else 0,
        scores=scores,
    )
    total = making_states + reading_states + scoring + elementwise(T * d)  # the last: the division
    return replace(total, state=d_h * sums if causal else 0)


def _feed_forward(T, d, accounting):
    bias = accounting.biases != "nowhere"
    return affine(T, d, 4 * d, bias) + elementwise(4 * T * d) + affine(T, 4 * d, d, bias)


def _layer_norm(T, d, accounting):
    # Two passes need the mean before they square; one pass sums x and x² side by side.
    if accounting.one_pass_variance:
        span, operations = ceil_log2(d) + 8, 7 * d + 4
    else:
        span, operations = 2 * ceil_log2(d) + 9, 7 * d + 2
    return Cost(work=0, span=span, operations=T * operations, parameters=2 * d)
