"""Work, span, traffic and memory of recurrent and Transformer layers in closed form.

Work is counted in multiply–adds (MAC) of products. Span is the longest path in levels: a scalar operation takes one, a
sum of n terms ⌈log₂ n⌉, with as many processors as can be used and no price for moving a number. All are exact
integers: helpers.graph builds the same computations node by node, and the tests hold each formula against its graph.
T tokens, width d, L layers, heads of width d_h = d / heads; B sequences multiply the work, never the span, and of the
traffic the inputs and results, not the weights.

    cost.elman(T=6, d=512).span                                  # 78 levels
    cost.transformer(T=6, d=512, heads=8, layers=6).span         # 732

All functions raise TypeError for a size that is no whole number, ValueError for one below 1 or sizes that do not agree.
"""

import math
from collections import namedtuple
from dataclasses import dataclass, replace

from ..arguments import require_sizes, require_word

BIASES = ("ffn", "everywhere", "nowhere")
SCANS = ("sequential", "hillis_steele", "brent_kung", "blelloch", "chunked")
LINEAR = ("recurrent", "parallel", "chunked")
JACOBIANS = ("dense", "diagonal")
SUMS = ("tree", "sequential")


def check_accounting(accounting):
    """Return the accounting. Raises TypeError for anything else."""
    if not isinstance(accounting, Accounting):
        raise TypeError(f"accounting={accounting!r} was given; expected for example Accounting(biases='everywhere').")
    return accounting


@dataclass(frozen=True)
class Accounting:
    """What is counted. Each switch changes the graph that helpers.graph builds, and its closed form here.

    biases             "ffn": in the feed-forward layers and in recurrent cells; "everywhere": in the four projections
                       of attention too; "nowhere": in neither block nor cell (LayerNorm keeps its shift)
    additive_mask      add a mask to the scores; causal attention then computes the whole square, not the triangle
    final_norm         a LayerNorm after the last Transformer block
    one_pass_variance  LayerNorm's variance as mean(x²) − mean(x)², both sums at once
    divide_last        divide by softmax's sum after the product with the values instead of before
    hoist              recurrent cells get U·x + b from outside the recurrence, not inside the cell's one sum

    Raises ValueError for an unknown word, naming the nearest; TypeError for a switch that is not True or False.
    """

    biases: str = "ffn"
    additive_mask: bool = False
    final_norm: bool = False
    one_pass_variance: bool = False
    divide_last: bool = False
    hoist: bool = False

    def __post_init__(self):
        require_word("biases", self.biases, BIASES)
        for name, value in vars(self).items():
            if name != "biases" and not isinstance(value, bool):
                raise TypeError(f"Accounting({name}={value!r}) was given; {name} is a switch: give True or False.")


STANDARD = Accounting()


@dataclass(frozen=True)
class Cost:
    """What one forward pass takes; every field is an exact integer.

    work         multiply–adds (MAC) in matrix products and recurrences
    span         longest path, in levels of scalar operations
    operations   all scalar operations: the work of Brent's bound
    parameters   numbers in the weights (one bias a gate where torch keeps two)
    activations  results of dot products that are not scores; of an elementwise recurrence its states
    scores       attention scores, of all layers and heads
    state        what decoding keeps after T tokens: an RNN's state; of causal attention the keys and values, of causal
                 linear attention its sums (0: full)
    traffic      numbers that must cross memory at the least: inputs, weights and results of the whole call, once each

    Traffic is what one fused kernel could do with; times the bytes of a number, and over the bandwidth, a time that no
    kernel beats. It leaves out what a call writes only to read it again: the activations between layers and steps, the
    scores of an unfused attention (twice each, or more), what a backward pass keeps or repeats.
    """

    work: int
    span: int
    operations: int
    parameters: int = 0
    activations: int = 0
    scores: int = 0
    state: int = 0
    traffic: int = 0

    def __add__(self, other):
        """Two calls, one after the other: everything adds, the span too, and the traffic: the second call reads back
        what the first one wrote."""
        return Cost(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    # The number of processors beyond which more of them gain little.
    average_parallelism = property(lambda self: self.work / self.span, doc="work / span, MAC a level.")

    def memory(self, itemsize=4):
        """{name: bytes} of every field that counts numbers; itemsize: bytes a number, 2 for bfloat16."""
        (itemsize,) = require_sizes(itemsize=itemsize)
        return {name: itemsize * size for name, size in list(vars(self).items())[3:]}  # from the parameters on

    def intensity(self, itemsize=4):
        """FLOP a byte, 2·work / (itemsize·traffic): below a device's FLOP/s over its bytes/s, memory sets the time.

        An Elman layer's, in 16 bits: d·N / (d + N) with N = B·T, so about N while N is far below d, and never above d.
        That is for a kernel that keeps the weights; a loop reads them at every step, and has the intensity of T = 1:

            cost.elman(T=1, d=512).intensity(2)                      # 1.0 FLOP a byte, about B
            cost.elman(T=1024, d=512).intensity(2)                   # 341

        Williams et al., "Roofline", CACM 52(4), 2009.
        """
        return 2 * self.work / self.memory(itemsize)["traffic"]


class Bounds(namedtuple("Bounds", "lower upper")):
    """The rounds that a greedy schedule needs at least and at most."""


def brent_time(work, span, processors):
    """max(⌈work/P⌉, span) <= rounds <= ⌊work/P⌋ + span, with work in operations (Brent, J. ACM 21(2), 1974).

    With work in MAC the lower bound still holds, the upper does not: a MAC is two operations.
    """
    work, span, processors = require_sizes(work=work, span=span, processors=processors)
    return Bounds(max(-(-work // processors), span), work // processors + span)


def crossover(recurrent, parallel, limit=4096):
    """The largest T at which recurrent(T) has a shorter span than parallel(T), 0 if none; both give a Cost from T.

    Raises ValueError when the first is still the shorter at T = limit: the answer lies beyond, or there is none.
    """
    (limit,) = require_sizes(limit=limit)
    if recurrent(limit).span < parallel(limit).span:
        raise ValueError(f"The first path is still the shorter one at T={limit}; give a larger limit, or swap the two.")
    return max((T for T in range(1, limit) if recurrent(T).span < parallel(T).span), default=0)


def elman(T, d, layers=1, *, B=1, accounting=STANDARD):
    """h_t = tanh(W h_{t−1} + U x_t + b), Elman 1990: work 2LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 2).

    Hoisted, the span is (T+L−1)(⌈log₂ d⌉ + 3) + L; without biases 2d stands for 2d+1, and the last L falls away.
    """
    return _recurrent(T, d, layers, B, accounting, gates=1, sums=1, tail=0, extra=0, vectors=1)


def lstm(T, d, layers=1, *, B=1, accounting=STANDARD):
    """LSTM with a forget gate, Gers et al. 2000: work 8LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 6).

    Hoisted, the span is (T+L−1)(⌈log₂ d⌉ + 7) + L.
    """
    return _recurrent(T, d, layers, B, accounting, gates=4, sums=4, tail=4, extra=5, vectors=2)


def gru(T, d, layers=1, *, B=1, accounting=STANDARD):
    """GRU as in torch, reset after the product: work 6LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 7).

    Hoisted, the span is (T+L−1)(⌈log₂ d⌉ + 8) + L.
    """
    return _recurrent(T, d, layers, B, accounting, gates=3, sums=4, tail=5, extra=5, vectors=1)


def jordan(T, d, *, teacher_forcing=False, B=1, accounting=STANDARD):
    """h_t = tanh(W y_{t−1} + U x_t + b), y_t = V h_t, Jordan 1986: recurrence through the output only.

    Work 3Td²; span T(⌈log₂(2d+1)⌉ + ⌈log₂ d⌉ + 3), under teacher forcing that of T = 1, whatever T is.
    """
    cell, waits = elman(T, d, accounting=accounting), 1 if teacher_forcing else T
    span = elman(waits, d, accounting=accounting).span + (waits - 1) * _dot(d)
    # Under teacher forcing the true outputs are an input as well.
    return _whole(B, (3 if teacher_forcing else 2) * T * d, replace(cell, span=span) + _linear(T, d, d))


def attention(T, d, heads=1, *, causal=False, residual=False, B=1, accounting=STANDARD):
    """One self-attention sub-layer with its four projections: work 4Td² + 2T²d, causal 4Td² + T(T+1)d.

    Span 3⌈log₂ T⌉ + 2⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 8; residual: LayerNorm before and residual after, 2⌈log₂ d⌉ + 10 more.
    """
    T, d, heads = require_sizes(T=T, d=d, heads=heads)
    return _whole(B, 2 * T * d, _attention(T, d, heads, causal, residual, check_accounting(accounting)))


def decode_attention(T, d, heads=1, *, B=1, accounting=STANDARD):
    """One query against T cached keys and values, no projections: work 2Td, span 3⌈log₂ T⌉ + ⌈log₂ d_h⌉ + 6.

    Traffic 2(T+1)d, so T / (T+1) FLOP a byte in 16 bits, whatever B is: each sequence has a cache of its own.
    """
    T, d, heads = require_sizes(T=T, d=d, heads=heads)
    cost = _softmax(heads, heads * T, T, d // heads, check_accounting(accounting))
    return _whole(B, 2 * (T + 1) * d, replace(cost, state=2 * T * d))


def linear_attention(T, d, heads=1, *, method="recurrent", causal=False, chunk=64, B=1, accounting=STANDARD):
    """Attention with weights φ(q)·φ(k) for softmax, Katharopoulos et al. 2020, and the same four projections.

    method: "recurrent", everything through the state Σ φ(k) vᵀ, Σ φ(k) of d_h + 1 numbers a channel; "parallel", all
    scores, causal the triangle; "chunked", scores inside chunks of `chunk` tokens and a state between them (not causal,
    a state alone, added up by chunks). φ = elu + 1 counts as one operation. What is added up for a query, the weighted
    values and beside them the weights, is divided at the end.
    Work 4Td² for the projections and: recurrent, or chunked and not causal, Td(2d_h + 1); parallel 2T²d, causal
    T(T+1)d; chunked and causal T(C+1)d + (T−C)d(2d_h + 1), where C = chunk divides T. With C = 1 for recurrent and
    C = T for parallel the span is ⌈T/C⌉ + ⌈log₂ C⌉ + 2⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 5, causal or not.
    Raises ValueError for an unknown method too.
    """
    require_word("method", method, LINEAR)
    T, d, heads, C = require_sizes(T=T, d=d, heads=heads, chunk=chunk)
    bias, d_h, sums = check_accounting(accounting).biases == "everywhere", d // heads, d + heads
    C = {"recurrent": 1, "parallel": T}.get(method, min(C, T))
    scored = method == "parallel" or (causal and method == "chunked")
    chunks, full = -(-T // C), (T - 1) // C * C  # all chunks, and the tokens of those before the last one
    stored, read = (full, T - C) if scored else (T, T)  # tokens added to a state, tokens that read one
    scores = scored * heads * ((full * (C + 1) + (T - full) * (T - full + 1)) // 2 if causal else T * T)
    adds = stored * d * d_h + max(stored - 1, 0) * d_h * sums
    cost = Cost(stored * d * d_h, chunks - 1 + _dot(C), adds, activations=(chunks - scored) * d * d_h)
    cost += Cost(read * d_h * sums, _dot(d_h), read * (2 * d_h - 1) * sums, activations=read * sums)
    adds = 4 * scores * d_h - (T - read) * sums + T * d
    cost += Cost(2 * scores * d_h, 1, adds, activations=scored * T * d, scores=scores, state=causal * d_h * sums)
    return _whole(B, 2 * T * d, cost + _linear(T, d, 3 * d, bias) + _each(2 * T * d) + _linear(T, d, d, bias))


def transformer(T, d, heads=1, layers=1, *, causal=False, B=1, accounting=STANDARD):
    """Pre-LayerNorm blocks with a feed-forward of 4d: work L(12Td² + 2T²d), causal L(12Td² + T(T+1)d).

    Span L(3⌈log₂ T⌉ + 8⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 35), causal the same; Accounting says what moves the constants.
    """
    T, d, heads, layers = require_sizes(T=T, d=d, heads=heads, layers=layers)
    block = _attention(T, d, heads, causal, True, check_accounting(accounting))
    bias, norm = accounting.biases != "nowhere", _norm(T, d, accounting)
    block += norm + _linear(T, d, 4 * d, bias) + _each(4 * T * d) + _linear(T, 4 * d, d, bias) + _each(T * d)
    blocks = Cost(*(layers * field for field in vars(block).values()))
    return _whole(B, 2 * T * d, blocks + norm if accounting.final_norm else blocks)


def linear_recurrence(T, d=1, *, method="sequential", chunk=None, B=1):
    """h_t = a_t ⊙ h_{t−1} + b_t from a zero state (so h_1 = b_1), as a loop or as a scan over pairs (a, b).

    method: "sequential" (the loop), "hillis_steele", "brent_kung", "blelloch" or "chunked".
    A step of a loop is 1 MAC, a combine ((a, b), (a', b')) -> (a'a, a'b + b') is 2. Span: twice the path in combines,
    but hillis_steele ⌈log₂ T⌉ + ⌊log₂ T⌋ and blelloch 4 log₂ T − 3 (2 at T = 2). Traffic 3Td, a, b and h: the least, of
    any method; what a method reads again comes on top, as the second reading of a and b by "chunked", 2Td.
    "chunked", N chunks of C = `chunk` steps (the last may be shorter), C about √(T/2) unless given: all but the last
    are combined into one step each, side by side, (N−1)(C−1) combines; a loop over these, N − 2 steps; from the state
    before it a loop in every chunk, T − 1 steps in all. About 3T MAC a channel, span 2(2C + ⌊T/C⌋ − 3), at most the
    loop's 2(T − 1).
    """
    T, d = require_sizes(T=T, d=d)
    (count, path, C), m = scan_counts(T, method, chunk), _log(T)
    span = {"hillis_steele": m + T.bit_length() - 1, "blelloch": max(2 * m, 4 * m - 3)}.get(method, 2 * path)
    mac = count + ((T - 1) // C * (C - 1) if method in ("sequential", "chunked") else count)
    return _whole(B, 3 * T * d, Cost(mac * d, span, (mac + count) * d, activations=T * d, state=d))


def combines(T, method, chunk=None):
    """Combines and steps a channel, of a scan of T pairs. With T = 2^m: hillis_steele T·m − T + 1, brent_kung
    2T − 2 − m, blelloch 2T − 2 (its exclusive scan); sequential T − 1; chunked T − 1 and, for N > 1 chunks,
    (N−1)C − 1 before. Raises ValueError for an unknown method, and for blelloch unless T = 2^m."""
    return scan_counts(T, method, chunk)[0]


def combine_path(T, method, chunk=None):
    """The longest path in combines. With T = 2^m: hillis_steele m, brent_kung 2m − 2 (1 at T = 2), blelloch 2m − 1
    (0 at T = 1); sequential T − 1; chunked 2C + ⌊T/C⌋ − 3, at most T − 1. Raises like combines."""
    return scan_counts(T, method, chunk)[1]


def scan_counts(T, method, chunk=None):
    """(combines, combine_path, chunk): chunk is T for "sequential", one loop over all. Raises like combines.

    Hillis and Steele, CACM 29(12), 1986; Brent and Kung, IEEE Trans. Computers C-31(3), 1982; Blelloch 1990.
    """
    require_word("method", method, SCANS)
    (T,) = require_sizes(T=T)
    m = _log(T)
    if method == "blelloch" and T & (T - 1):
        raise ValueError(f"T={T} was given; Blelloch's tree needs a power of two: pad to T={2**m}.")
    # The path of "chunked", 2C + T/C, is the shortest near √(T/2).
    (C,) = require_sizes(chunk=max(1, math.isqrt(T // 2)) if chunk is None else chunk) if method == "chunked" else (T,)
    tree = 2 * T - T.bit_count() - T.bit_length(), (T + 1).bit_length() + ((T + 1) // 3).bit_length() - 2
    trees = {"hillis_steele": (T * m - 2**m + 1, m), "brent_kung": tree, "blelloch": (2 * T - 2, max(2 * m - 1, 0))}
    loops = T - 1 + max((T - 1) // C * C - 1, 0), min(T - 1, 2 * C + T // C - 3)
    return *trees.get(method, loops), C


def min_gru(T, d, *, method="sequential", chunk=None, B=1, accounting=STANDARD):
    """h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t, z = σ(W_z x + b_z), h̃ = W_h x + b_h, Feng et al. 2024.

    One product for the gates of all steps, 2Td² and ⌈log₂ d⌉ + 4 levels, then linear_recurrence by `method`.
    """
    T, d = require_sizes(T=T, d=d)
    gates = _linear(T, d, 2 * d, check_accounting(accounting).biases != "nowhere") + Cost(0, 2, 3 * T * d)
    return _whole(B, 2 * T * d, gates + linear_recurrence(T, d, method=method, chunk=chunk))


def newton(T, d, iterations, *, jacobian="dense", B=1, accounting=STANDARD):
    """K iterations of Newton's method for all states of an Elman layer at once; Lim et al. 2024, Gonzalez et al. 2024.

    U x + b once. An iteration: a step from every guess; by how much each misses, and the largest of these, which says
    whether the guesses are changed; the Jacobians diag(1 − h²) W; a scan like Brent and Kung's, which multiplies
    u = T − (ones in the binary T) matrices by matrices on its way up, and c = combines(T, "brent_kung") by vectors.
    Work Td² + K(Td² + u·d³ + c·d²). Span, for T > 1, K(⌈log₂ d⌉ + ⌈log₂ Td⌉ + 7) + (p + (K−1)p')(⌈log₂ d⌉ + 2) and 1
    for the bias, with p and p' the combine_path of T and T − 1: about 2 log₂ T·(⌈log₂ d⌉ + 2) an iteration.
    jacobian "diagonal": d systems of width 1, so u·d + c·d for u·d³ + c·d², and 2 for ⌈log₂ d⌉ + 2.
    Raises ValueError for an unknown jacobian too.
    """
    require_word("jacobian", jacobian, JACOBIANS)
    T, d, K = require_sizes(T=T, d=d, iterations=iterations)
    bias, width = check_accounting(accounting).biases != "nowhere", d if jacobian == "dense" else 1
    up, count = T - T.bit_count(), combines(T, "brent_kung")
    # A step reads all guesses but the last one's, so none if T is 1; in the first iteration it runs beside U x.
    path = combine_path(T, "brent_kung") + (K - 1) * combine_path(max(T - 1, 1), "brent_kung")
    span = (K - 1) * (T > 1) * (_dot(d) + 2) + 2 + K * (_log(T * d) + 4) + path * (_dot(width) + 1)
    work = up * d * width**2 + count * d * width + T * d * d
    operations = up * d * width * (2 * width - 1) + 2 * count * d * width + T * d * (2 * d + 8 + width) - 1
    dots = K * (T * d + up * d * width + count * d)
    return _whole(B, 2 * T * d, _linear(T, d, d, bias) + Cost(K * work, span, K * operations, d * d, dots, state=d))


def add_up(n, *, method="tree"):
    """A sum of n terms is n − 1 additions either way: ⌈log₂ n⌉ levels as a tree, n − 1 one after the other."""
    (n,) = require_sizes(n=n)
    require_word("method", method, SUMS)
    return Cost(work=0, span=_log(n) if method == "tree" else n - 1, operations=n - 1, traffic=n + 1)


def kv_cache(T, layers, kv_heads, head_width, *, B=1, itemsize=2):
    """Bytes of the cached keys and values of T tokens, 2·B·L·n_kv·d_h·T·itemsize; grouped queries: fewer kv_heads."""
    sizes = require_sizes(T=T, layers=layers, kv_heads=kv_heads, head_width=head_width, B=B, itemsize=itemsize)
    return 2 * math.prod(sizes)


def _log(n):
    return (n - 1).bit_length()  # ⌈log₂ n⌉, exact


def _dot(n):
    return 1 + _log(n)


def _each(count):
    return Cost(0, 1, count)


def _linear(T, n, m, bias=False):
    return Cost(T * n * m, _dot(n) + bias, T * m * (2 * n - 1 + bias), m * (n + bias), activations=T * m)


def _norm(T, d, accounting):
    # Two passes need the mean before they square; one pass sums x and x² side by side.
    span, operations = (_log(d) + 8, 7 * d + 4) if accounting.one_pass_variance else (2 * _log(d) + 9, 7 * d + 2)
    return Cost(0, span, T * operations, 2 * d)


def _attention(T, d, heads, causal, residual, accounting):
    bias = accounting.biases == "everywhere"
    pairs = heads * T * (T + 1) // 2 if causal and not accounting.additive_mask else heads * T * T
    cost = _linear(T, d, 3 * d, bias) + _softmax(heads * T, pairs, T, d // heads, accounting) + _linear(T, d, d, bias)
    if residual:
        cost += _norm(T, d, accounting) + _each(T * d)
    return replace(cost, state=2 * T * d if causal else 0)


def _softmax(rows, pairs, T, d_h, accounting):
    # rows: queries times heads; pairs: scores of all rows; T: keys of the longest row.
    late, mask = accounting.divide_last, accounting.additive_mask
    cost = Cost(pairs * d_h, _dot(d_h) + 1 + mask, pairs * (2 * d_h + mask), scores=pairs)
    # Maximum, subtract, exp, sum; the sum runs beside the product with the values when the division comes after it.
    cost += Cost(0, _log(T) + 2 + (0 if late else _log(T)), 4 * pairs - 2 * rows) + _each(rows * d_h if late else pairs)
    return cost + Cost(pairs * d_h, _dot(T), (2 * pairs - rows) * d_h, activations=rows * d_h)


def _recurrent(T, d, layers, B, accounting, *, gates, sums, tail, extra, vectors):
    # gates: stacked products with h and with x; sums: how many sums the cell makes of them, hoisted or not; tail:
    # levels after the first activation; extra: operations a unit beside sums and activations; vectors: of the state.
    T, d, layers = require_sizes(T=T, d=d, layers=layers)
    hoist, bias = check_accounting(accounting).hoist, accounting.biases != "nowhere"
    step, cells = (_dot(d) + 1 if hoist else _dot(2 * d + bias)) + 1 + tail, layers * T * d
    span = (T + layers - 1) * step + layers * (hoist and bias)
    operations, parameters = cells * (4 * gates * d + sums * bias + extra), layers * d * (2 * gates * d + sums * bias)
    dots = cells * (2 * gates if hoist else sums)
    cost = Cost(2 * gates * cells * d, span, operations, parameters, dots, state=layers * d * vectors)
    return _whole(B, 2 * T * d, cost)


def _whole(B, moved, cost):
    # B sequences side by side, each with so many numbers in and out; they share the weights.
    (B,) = require_sizes(B=B)
    *many, _ = (x if name in ("span", "parameters") else B * x for name, x in vars(cost).items())
    return Cost(*many, cost.parameters + B * moved)
