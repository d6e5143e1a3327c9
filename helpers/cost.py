"""Work, span and memory of recurrent and Transformer layers in closed form.

Work is counted in multiply–adds (MAC) of products. Span is the longest path in levels: a scalar operation takes one, a
sum of n terms ⌈log₂ n⌉, with as many processors as can be used and no price for moving a number. All are exact
integers: helpers.graph builds the same computations node by node, and the tests hold each formula against its graph.
T tokens, width d, L layers, heads of width d_h = d / heads; B sequences multiply the work, never the span.

    cost.elman(T=6, d=512).span                                  # 78 levels
    cost.transformer(T=6, d=512, heads=8, layers=6).span         # 732

All functions raise TypeError for a size that is no whole number, ValueError for one below 1 or sizes that do not agree.
"""

import difflib
import math
import operator
from dataclasses import dataclass, replace
from typing import NamedTuple

BIASES = ("ffn", "everywhere", "nowhere")
SCANS = ("sequential", "hillis_steele", "brent_kung", "blelloch")
SUMS = ("tree", "sequential")


def check_word(name, word, known):
    """Raise ValueError, naming the nearest known word, unless `word` is one of `known`."""
    if word not in known:
        nearest = difflib.get_close_matches(str(word), known, n=1, cutoff=0.0)[0]
        raise ValueError(f"{name}={word!r} is unknown; it is one of {', '.join(known)}. The nearest is {nearest!r}.")


def check_sizes(**sizes):
    """Return the sizes as a list of ints. Raises TypeError for what is no whole number, ValueError below 1, and
    ValueError when both d and heads are given and heads does not divide d."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not hasattr(size, "__index__"):
            raise TypeError(f"{name}={size!r} was given; expected a whole number, such as {name}=8.")
        if operator.index(size) < 1:
            why = "an empty time axis has no step to compute" if name == "T" else "there is nothing to compute"
            raise ValueError(f"{name}={size} was given: {why}. Give {name}=1 or more.")
    d, heads = sizes.get("d", 0), sizes.get("heads", 1)
    if d % heads:
        fitting = ", ".join(str(n) for n in range(1, d + 1) if d % n == 0)
        raise ValueError(f"d={d} cannot be split into heads={heads} of equal width. Give one of {fitting} heads.")
    return [operator.index(size) for size in sizes.values()]


def check_scan(T, method):
    """Return T as an int. Raises ValueError for an unknown method, and for Blelloch's unless T is a power of two."""
    check_word("method", method, SCANS)
    (T,) = check_sizes(T=T)
    if method == "blelloch" and T & (T - 1):
        raise ValueError(f"T={T} was given; Blelloch's tree needs a power of two: pad to T={2 ** _log(T)}.")
    return T


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
        check_word("biases", self.biases, BIASES)
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
    state        what decoding keeps after T tokens: an RNN's state; the keys and values of causal attention (0: full)
    """

    work: int
    span: int
    operations: int
    parameters: int = 0
    activations: int = 0
    scores: int = 0
    state: int = 0

    def __add__(self, other):
        """One after the other: everything adds, the span too."""
        return Cost(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def average_parallelism(self):
        """work / span, MAC a level: the number of processors beyond which more of them gain little."""
        return self.work / self.span

    def memory(self, itemsize=4):
        """{name: bytes} of parameters, activations, scores and state; itemsize: bytes a number, 2 for bfloat16."""
        (itemsize,) = check_sizes(itemsize=itemsize)
        return {name: itemsize * getattr(self, name) for name in ("parameters", "activations", "scores", "state")}


class Bounds(NamedTuple):
    """The rounds that a greedy schedule needs at least and at most."""

    lower: int
    upper: int


def brent_time(work, span, processors):
    """max(⌈work/P⌉, span) <= rounds <= ⌊work/P⌋ + span, with work in operations (Brent, J. ACM 21(2), 1974).

    With work in MAC the lower bound still holds, the upper does not: a MAC is two operations.
    """
    work, span, processors = check_sizes(work=work, span=span, processors=processors)
    return Bounds(max(-(-work // processors), span), work // processors + span)


def crossover(recurrent, parallel, limit=4096):
    """The largest T at which recurrent(T) has a shorter span than parallel(T), 0 if none; both give a Cost from T.

    Raises ValueError when the first is still the shorter at T = limit: the answer lies beyond, or there is none.
    """
    (limit,) = check_sizes(limit=limit)
    if recurrent(limit).span < parallel(limit).span:
        raise ValueError(f"The first path is still the shorter one at T={limit}; give a larger limit, or swap the two.")
    return max((T for T in range(1, limit) if recurrent(T).span < parallel(T).span), default=0)


def elman(T, d, layers=1, *, B=1, accounting=STANDARD):
    """h_t = tanh(W h_{t−1} + U x_t + b), Elman 1990: work 2LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 2).

    Hoisted, the span is (T+L−1)(⌈log₂ d⌉ + 3) + L; without biases 2d stands for 2d+1, and the last L falls away.
    """
    return _recurrent(T, d, layers, B, accounting, gates=1, sums=1, tail=0, extra=0, vectors=1)


def lstm(T, d, layers=1, *, B=1, accounting=STANDARD):
    """LSTM with a forget gate, Gers et al. 2000: work 8LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 6); hoisted as elman."""
    return _recurrent(T, d, layers, B, accounting, gates=4, sums=4, tail=4, extra=5, vectors=2)


def gru(T, d, layers=1, *, B=1, accounting=STANDARD):
    """GRU as in torch, reset after the product: work 6LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 7); hoisted as elman."""
    return _recurrent(T, d, layers, B, accounting, gates=3, sums=4, tail=5, extra=5, vectors=1)


def jordan(T, d, *, teacher_forcing=False, B=1, accounting=STANDARD):
    """h_t = tanh(W y_{t−1} + U x_t + b), y_t = V h_t, Jordan 1986: recurrence through the output only.

    Work 3Td²; span T(⌈log₂(2d+1)⌉ + ⌈log₂ d⌉ + 3), under teacher forcing that of T = 1, whatever T is.
    """
    cell, waits = elman(T, d, B=B, accounting=accounting), 1 if teacher_forcing else T
    span = elman(waits, d, accounting=accounting).span + (waits - 1) * _dot(d)
    return replace(cell, span=span) + _batch(B, _linear(T, d, d))


def attention(T, d, heads=1, *, causal=False, residual=False, B=1, accounting=STANDARD):
    """One self-attention sub-layer with its four projections: work 4Td² + 2T²d, causal 4Td² + T(T+1)d.

    Span 3⌈log₂ T⌉ + 2⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 8; residual: LayerNorm before and residual after, 2⌈log₂ d⌉ + 10 more.
    """
    T, d, heads, B = check_sizes(T=T, d=d, heads=heads, B=B)
    return _batch(B, _attention(T, d, heads, causal, residual, check_accounting(accounting)))


def transformer(T, d, heads=1, layers=1, *, causal=False, B=1, accounting=STANDARD):
    """Pre-LayerNorm blocks with a feed-forward of 4d: work L(12Td² + 2T²d), causal L(12Td² + T(T+1)d).

    Span L(3⌈log₂ T⌉ + 8⌈log₂ d⌉ + ⌈log₂ d_h⌉ + 35), causal the same; Accounting says what moves the constants.
    """
    T, d, heads, layers, B = check_sizes(T=T, d=d, heads=heads, layers=layers, B=B)
    block = _attention(T, d, heads, causal, True, check_accounting(accounting))
    bias, norm = accounting.biases != "nowhere", _norm(T, d, accounting)
    block += norm + _linear(T, d, 4 * d, bias) + _each(4 * T * d) + _linear(T, 4 * d, d, bias) + _each(T * d)
    blocks = Cost(*(layers * field for field in vars(block).values()))
    return _batch(B, blocks + norm if accounting.final_norm else blocks)


def linear_recurrence(T, d=1, *, method="sequential", B=1):
    """h_t = a_t ⊙ h_{t−1} + b_t from a zero state (so h_1 = b_1), as a loop or as a scan over pairs (a, b).

    A step of the loop is 1 MAC, a combine ((a, b), (a', b')) -> (a'a, a'b + b') is 2. Span: sequential 2(T−1),
    hillis_steele ⌈log₂ T⌉ + ⌊log₂ T⌋, brent_kung twice its path in combines, blelloch 4 log₂ T − 3 (2 at T = 2).
    """
    T, d, B = check_sizes(T=T, d=d, B=B)
    count, path, log = combines(T, method), combine_path(T, method), _log(T)
    span = {"hillis_steele": log + T.bit_length() - 1, "blelloch": max(2 * log, 4 * log - 3)}.get(method, 2 * path)
    mac = 1 if method == "sequential" else 2
    return _batch(B, Cost(mac * count * d, span, (mac + 1) * count * d, activations=T * d, state=d))


def combines(T, method):
    """Combines a channel, of a scan of T pairs. With T = 2^m: hillis_steele T·m − T + 1, brent_kung 2T − 2 − m,
    blelloch 2T − 2 (its exclusive scan); sequential T − 1 steps. Hillis and Steele 1986, Brent and Kung 1982,
    Blelloch 1990, whose tree needs T = 2^m. Raises ValueError for an unknown method."""
    T = check_scan(T, method)
    if method == "brent_kung":
        return T - 1 + combines(T // 2, method) if T > 1 else 0
    return {"sequential": T - 1, "hillis_steele": T * _log(T) - 2 ** _log(T) + 1, "blelloch": 2 * T - 2}[method]


def combine_path(T, method):
    """The longest path in combines. With T = 2^m: hillis_steele m, brent_kung 2m − 2 (1 at T = 2), blelloch 2m − 1
    (0 at T = 1); sequential T − 1. Raises like combines."""
    T = check_scan(T, method)
    if method == "brent_kung":
        # The prefix of length n takes ⌊log₂ n⌋ combines for its largest block, then one for each further binary 1.
        # The worst n <= T is T itself, or T with the digits below some place turned to 1 and that place to 0.
        worst = [T, *((T >> k << k) - 1 for k in range(T.bit_length()) if T >> k << k > 1)]
        return max(n.bit_length() + n.bit_count() - 2 for n in worst)
    return {"sequential": T - 1, "hillis_steele": _log(T), "blelloch": max(2 * _log(T) - 1, 0)}[method]


def add_up(n, *, method="tree"):
    """A sum of n terms is n − 1 additions either way: ⌈log₂ n⌉ levels as a tree, n − 1 one after the other."""
    (n,) = check_sizes(n=n)
    check_word("method", method, SUMS)
    return Cost(work=0, span=_log(n) if method == "tree" else n - 1, operations=n - 1)


def kv_cache(T, layers, kv_heads, head_width, *, B=1, itemsize=2):
    """Bytes of the cached keys and values of T tokens, 2·B·L·n_kv·d_h·T·itemsize; grouped queries: fewer kv_heads."""
    sizes = {"T": T, "layers": layers, "kv_heads": kv_heads, "head_width": head_width, "B": B, "itemsize": itemsize}
    return 2 * math.prod(check_sizes(**sizes))


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
    d_h, bias, late = d // heads, accounting.biases == "everywhere", accounting.divide_last
    rows, pairs = heads * T, heads * T * (T + 1) // 2 if causal and not accounting.additive_mask else heads * T * T
    cost = _linear(T, d, 3 * d, bias) + Cost(pairs * d_h, _dot(d_h) + 1, 2 * pairs * d_h, scores=pairs)
    if accounting.additive_mask:
        cost += _each(pairs)
    # Maximum, subtract, exp, sum; the sum runs beside the product with the values when the division comes after it.
    cost += Cost(0, _log(T) + 2 + (0 if late else _log(T)), 4 * pairs - 2 * rows) + _each(T * d if late else pairs)
    cost += Cost(pairs * d_h, _dot(T), (2 * pairs - rows) * d_h, activations=T * d) + _linear(T, d, d, bias)
    if residual:
        cost += _norm(T, d, accounting) + _each(T * d)
    return replace(cost, state=2 * T * d if causal else 0)


def _recurrent(T, d, layers, B, accounting, *, gates, sums, tail, extra, vectors):
    # gates: stacked products with h and with x; sums: how many sums the cell makes of them, hoisted or not; tail:
    # levels after the first activation; extra: operations a unit beside sums and activations; vectors: of the state.
    T, d, layers, B = check_sizes(T=T, d=d, layers=layers, B=B)
    hoist, bias = check_accounting(accounting).hoist, accounting.biases != "nowhere"
    step = (_dot(d) + 1 if hoist else _dot(2 * d + bias)) + 1 + tail
    cost = Cost(
        work=2 * gates * layers * T * d * d,
        span=(T + layers - 1) * step + layers * (hoist and bias),
        operations=layers * T * d * (4 * gates * d + sums * bias + extra),
        parameters=layers * d * (2 * gates * d + sums * bias),
        activations=layers * T * d * (2 * gates if hoist else sums),
        state=layers * d * vectors,
    )
    return _batch(B, cost)


def _batch(B, cost):
    return Cost(*(x if name in ("span", "parameters") else B * x for name, x in vars(cost).items()))
