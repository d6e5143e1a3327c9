"""Closed forms of recurrent layers, Elman, LSTM and GRU, and of the Jordan net that feeds back its output."""

from dataclasses import replace

from ...arguments import require_sizes
from .record import STANDARD, Accounting, Cost, affine, check_accounting, dot_levels, whole_call


def elman(T: int, d: int, layers: int = 1, *, B: int = 1, accounting: Accounting = STANDARD) -> Cost:
    """h_t = tanh(W h_{t−1} + U x_t + b), Elman 1990: work 2LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 2).

    Hoisted, the span is (T+L−1)(⌈log₂ d⌉ + 3) + L; without biases 2d stands for 2d+1, and the last L falls away.

    >>> elman(T=60, d=512).span, elman(T=60, d=512, layers=6).span       # 13 levels a step; layers overlap
    (780, 845)
    """
    return _layers(T, d, layers, B, accounting, gates=1, sums=1, levels_after=0, operations_after=0, vectors=1)


def lstm(T: int, d: int, layers: int = 1, *, B: int = 1, accounting: Accounting = STANDARD) -> Cost:
    """LSTM with a forget gate, Gers et al. 2000: work 8LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 6).

    Hoisted, the span is (T+L−1)(⌈log₂ d⌉ + 7) + L.

    >>> lstm(T=60, d=512).span
    1020
    """
    # After the first activation: c = f·c + i·g and h = o·tanh(c), 2 + 2 levels, and 5 operations beside the gates' 4.
    return _layers(T, d, layers, B, accounting, gates=4, sums=4, levels_after=4, operations_after=5, vectors=2)


def gru(T: int, d: int, layers: int = 1, *, B: int = 1, accounting: Accounting = STANDARD) -> Cost:
    """GRU as in torch, reset after the product: work 6LTd², span (T+L−1)(⌈log₂(2d+1)⌉ + 7).

    Hoisted, the span is (T+L−1)(⌈log₂ d⌉ + 8) + L.

    >>> gru(T=60, d=512).span
    1080
    """
    # After the reset gate: times W h, plus U x, tanh, times 1 − z, plus z·h.
    return _layers(T, d, layers, B, accounting, gates=3, sums=4, levels_after=5, operations_after=5, vectors=1)


def jordan(T: int, d: int, *, teacher_forcing: bool = False, B: int = 1, accounting: Accounting = STANDARD) -> Cost:
    """h_t = tanh(W y_{t−1} + U x_t + b), y_t = V h_t, after Jordan 1986: recurrence through the output only.

    Work 3Td²; span T(⌈log₂(2d+1)⌉ + ⌈log₂ d⌉ + 3), under teacher forcing that of T = 1, whatever T is.

    >>> jordan(T=60, d=512).span, jordan(T=60, d=512, teacher_forcing=True).span
    (1380, 23)
    """
    waiting_steps = 1 if teacher_forcing else T
    span = elman(waiting_steps, d, accounting=accounting).span + (waiting_steps - 1) * dot_levels(d)
    states = replace(elman(T, d, accounting=accounting), span=span)
    # In and out, and under teacher forcing the true outputs, an input as well.
    moved = (3 if teacher_forcing else 2) * T * d
    return whole_call(B, moved, states + affine(T, d, d))


def _layers(T, d, layers, B, accounting, *, gates, sums, levels_after, operations_after, vectors):
    """gates: stacked products with h and with x. sums: how many sums the cell makes of them. levels_after: the longest
    chain after the first activation. operations_after: a unit's operations beside sums and their activations, which
    count one a sum. vectors: of d numbers each, in the state."""
    T, d, layers = require_sizes(T=T, d=d, layers=layers)
    hoist, bias = check_accounting(accounting).hoist, accounting.biases != "nowhere"
    one_sum = dot_levels(d) + 1 if hoist else dot_levels(2 * d + bias)
    step = one_sum + 1 + levels_after
    units = layers * T * d
    return whole_call(
        B,
        2 * T * d,
        Cost(
            work=2 * gates * units * d,
            # Hoisted, the bias is added before the wavefront reaches a layer for the first time.
            span=(T + layers - 1) * step + layers * (hoist and bias),
            operations=units * (4 * gates * d + sums * bias + operations_after),
            parameters=layers * d * (2 * gates * d + sums * bias),
            activations=units * (2 * gates if hoist else sums),
            state=layers * d * vectors,
        ),
    )
