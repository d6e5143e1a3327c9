"""Closed forms of training: one forward and one backward pass, as helpers.counting.gradients appends it to a graph.

The way back is reverse-mode differentiation of each operation; where a number has n readers, what they send back is
added up in ⌈log₂ n⌉ levels. Gradients of all weights and of the inputs are counted, the loss and the update are not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ...arguments import require_sizes
from .attending import attention, transformer
from .record import STANDARD, Accounting, Cost, ceil_log2, dot_levels
from .recurrences import elman, gru, lstm


@dataclass(frozen=True)
class Training:
    """What one forward and one backward pass take together: work in MAC, span in levels, and all scalar operations.

    This is one way of computing. On the way back through a recurrence each step is linear in the gradient, so it could
    be a scan instead of a loop; that is not counted here.
    """

    work: int
    span: int
    operations: int

    @property
    def average_parallelism(self) -> float:
        """work / span, MAC a level: the number of processors beyond which more of them gain little."""
        return self.work / self.span


def trained(layer: Callable[..., Cost], *sizes: int, B: int = 1, **options) -> Training:
    """Forward and backward of elman, lstm, gru, attention or transformer, which is given with its sizes and options.

    B sequences multiply the operations; but for the sums that make a weight's gradient, which run over all B·T tokens.
    Work: three times the forward work, of recurrent layers less the products that h_0 = 0 would get, G·L·B·d² for G
    gates. Span, added to that of the forward pass:
    elman, one layer: (T−1)(⌈log₂(d+1)⌉ + 2) + 4 + max(⌈log₂ BT⌉, ⌈log₂ d⌉), about as much as forward;
    lstm, one layer: (T−1)(⌈log₂(4d+1)⌉ + 6) + 5 + max(⌈log₂ BT⌉, ⌈log₂ 4d⌉);
    gru, one layer: (T−1)(⌈log₂(3d+2)⌉ + 5) + 5 + max(⌈log₂ BT⌉, ⌈log₂ 3d⌉);
    attention: 2⌈log₂ T⌉ + ⌈log₂ d⌉ + ⌈log₂ d_h⌉ + max(⌈log₂ 3d⌉, ⌈log₂ BT⌉) + 8;
    transformer: L(2⌈log₂ T⌉ + 7⌈log₂ d⌉ + ⌈log₂ d_h⌉ + ⌈log₂ 3d⌉ + 31), and max(0, ⌈log₂ BT⌉ − 2⌈log₂ d⌉ − 8).
    So the way back waits as the way there does: an RNN for every step, attention for log T. Causal attention takes as
    long; alone, with one sequence and T = 2^n + 1, a level less where the sum over its tokens is what ends it.
    Raises ValueError for another layer, whose graph can still be counted, and what the layer itself raises.

    >>> trained(elman, T=1024, d=512).span, elman(T=1024, d=512).span
    (25602, 13312)
    >>> trained(attention, T=1024, d=512, heads=8).span, attention(T=1024, d=512, heads=8).span
    (116, 62)
    >>> trained(transformer, 1024, 512, heads=8, layers=6, B=32).work / transformer(1024, 512, 8, 6, B=32).work
    3.0
    """
    if layer not in WAYS_BACK:
        name = getattr(layer, "__name__", repr(layer))
        known = ", ".join(function.__name__ for function in WAYS_BACK)
        raise ValueError(
            f"trained has no closed form for {name}; it has those of {known}. To count another layer, build its graph "
            "with helpers.builders and give its result to builders.backward."
        )
    forward = layer(*sizes, B=B, **options)
    return WAYS_BACK[layer](forward, B, *sizes, **options)


@dataclass(frozen=True)
class _Cell:
    """How the gradient passes through one step of a recurrent cell.

    gates: stacked products with h and with x. first_levels: from the last state of all to the gradient of its gates'
    sums. levels: from the gradient of any other state to that of its gates, and in the last step of a layer, to which
    no later step sends anything, levels_of_last_step. direct: how often the next step reads h without a weight.
    operations: of a unit beside products and their sums, and operations_between more in all steps but one.
    """

    gates: int
    first_levels: int
    levels: int
    levels_of_last_step: int
    direct: int
    operations: int
    operations_between: int


# Elman: δ = gradient · (1 − h²); the slope is ready before the gradient, but for the last state of all.
ELMAN = _Cell(1, first_levels=3, levels=1, levels_of_last_step=1, direct=0, operations=3, operations_between=0)
# LSTM: times σ(o), times the slope of tanh(c), plus what comes back through the next c, times σ(i) or tanh(g), times
# that one's slope.
LSTM = _Cell(4, first_levels=4, levels=5, levels_of_last_step=4, direct=0, operations=20, operations_between=2)
# GRU: times 1 − z, times the slope of tanh, times W h, times the slope of r. The next step reads h as z ⊙ h, too.
GRU = _Cell(3, first_levels=4, levels=4, levels_of_last_step=4, direct=1, operations=15, operations_between=2)


def _train_recurrent(cell, forward, B, T, d, layers=1, *, accounting: Accounting = STANDARD):
    B, T, d, L = require_sizes(B=B, T=T, d=d, layers=layers)
    G = cell.gates
    # Each MAC sends back two, to its weight and to its vector; but nothing is sent to h_0, which is no result.
    macs = L * G * (4 * T - 1) * d * d
    sums = L * (G * (2 * T - 1) * d * d - T * d)  # of what arrives at a state or an input: an addition less than terms
    elementwise = L * (cell.operations * T * d + cell.operations_between * (T - 1) * d)
    # Through one cell: the product, the sum over the readers of its state, and the levels to its gates. A state of the
    # top layer is read by the next step and by the loss, others by the next step and by the layer above.
    top = 1 + ceil_log2(G * d + 1 + cell.direct) + cell.levels
    inside = 1 + ceil_log2(2 * G * d + cell.direct) + cell.levels
    last_step = dot_levels(G * d) + cell.levels_of_last_step
    if L == 1:
        chain = (T - 1) * top
    elif T == 1:
        chain = (L - 1) * last_step
    else:  # the longest way back leaves the top layer after one step, since a step inside takes longer
        chain = top + (T + L - 3) * inside
    to_leaves = 1 + max(ceil_log2(B * T), ceil_log2(G * d))  # a weight has B·T readers, an input G·d
    return Training(
        work=forward.work + B * macs,
        span=forward.span + cell.first_levels + chain + to_leaves,
        operations=forward.operations + B * (macs + sums + elementwise) + _sums_of_weights(forward, B, T),
    )


def _train_attention(forward, B, T, d, heads=1, *, causal=False, residual=False, accounting: Accounting = STANDARD):
    B, T, d, heads = require_sizes(B=B, T=T, d=d, heads=heads)
    operations = _attention_operations(T, d, heads, causal, accounting)
    weights = _levels_of_weights(B, T, causal, accounting)
    if residual:
        operations += _layer_norm_operations(T, d, accounting, residual=True)
        end = ceil_log2(3 * d) + max(1 + weights, _layer_norm_levels(d, accounting, residual=True))
    else:
        end = max(ceil_log2(3 * d), weights)
    return Training(
        work=3 * forward.work,
        span=forward.span + _attention_levels(T, d, heads, accounting) + end,
        operations=forward.operations + B * operations + _sums_of_weights(forward, B, T),
    )


def _train_transformer(forward, B, T, d, heads=1, layers=1, *, causal=False, accounting: Accounting = STANDARD):
    B, T, d, heads, L = require_sizes(B=B, T=T, d=d, heads=heads, layers=layers)
    norm = _layer_norm_levels(d, accounting, residual=True)
    # Down, ReLU, up: d readers of a wide number, 4d of a narrow one.
    feed_forward = dot_levels(d) + 1 + dot_levels(4 * d)
    block = _attention_levels(T, d, heads, accounting) + ceil_log2(3 * d) + feed_forward + 2 * norm
    # The scale of the first LayerNorm is the last weight to be reached, beside the inputs.
    span = forward.span + L * block + max(0, 1 + _levels_of_weights(B, T, causal, accounting) - norm)
    operations = L * (
        _attention_operations(T, d, heads, causal, accounting)
        + _affine_operations(T, d, 4 * d)
        + 4 * T * d  # ReLU
        + _affine_operations(T, 4 * d, d)
        + 2 * _layer_norm_operations(T, d, accounting, residual=True)
    )
    if accounting.final_norm:
        span += _layer_norm_levels(d, accounting, residual=False)
        operations += _layer_norm_operations(T, d, accounting, residual=False)
    return Training(
        work=3 * forward.work,
        span=span,
        operations=forward.operations + B * operations + _sums_of_weights(forward, B, T),
    )


def _sums_of_weights(forward, B, T):
    return (B * T - 1) * forward.parameters  # every weight is read once a token


def _levels_of_weights(B, T, causal, accounting):
    """The sum over B·T tokens that makes a weight's gradient.

    It is added up in the order of the tokens, and causal attention's late terms are those of the last rows, which have
    the longest sums: ⌈log₂ T⌉ levels. Through its key the second token waits for them too, unless there is one such
    row only, T = 2^n + 1; then what waits longest has a level less in this sum.
    """
    one_late_row = causal and not accounting.additive_mask and B == 1 and T >= 3 and (T - 1).bit_count() == 1
    return ceil_log2(B * T) - one_late_row


def _affine_operations(T, n, m):
    """W x for T vectors, n numbers to m: two products for each one, and a sum over the m readers of each of x."""
    return 2 * T * n * m + T * n * (m - 1)


def _attention_levels(T, d, heads, accounting):
    """From the output's gradient to the products of the projections' with W, without the sum over their readers."""
    d_h = d // heads
    join, product, softmax = dot_levels(d), dot_levels(d_h), 1 + ceil_log2(T) + 1  # divide, the row's sum, add
    if accounting.divide_last:
        # Both come together at the exponential: the sum over d_h of what the division sends back, and d_h products.
        of_row = 3 + ceil_log2(d_h) if T == 1 else max(1 + ceil_log2(d_h), 2) + ceil_log2(d_h + 1)
        product, softmax = of_row, 0
    exp_and_scale, scores, projection = 2, dot_levels(T), 1
    return join + product + softmax + exp_and_scale + scores + projection


def _attention_operations(T, d, heads, causal, accounting):
    d_h, rows = d // heads, heads * T
    pairs = heads * T * (T + 1) // 2 if causal and not accounting.additive_mask else heads * T * T
    # Two products a MAC, and sums over the readers: of a score or a weight d_h; of a query, key or value so many that
    # an addition less for each leaves pairs·d_h − T·d.
    products = 4 * pairs * d_h + 3 * (pairs * d_h - T * d)
    if accounting.divide_last:
        # Quotient by total, the result by total and times the gradient, and their sum over d_h; at an exponential one
        # term more arrives than there are products.
        division, of_weights = 3 * rows * d_h + rows * (d_h - 1), pairs * d_h
    else:
        # The same of each weight, with a sum over each row; at an exponential the two are added.
        division, of_weights = 3 * pairs + (pairs - rows) + pairs, pairs * (d_h - 1)
    exp_and_scale = 2 * pairs
    projections = _affine_operations(T, d, 3 * d) + _affine_operations(T, d, d)
    return projections + products + of_weights + division + exp_and_scale


def _layer_norm_levels(d, accounting, residual):
    """From the gradient of the normalised x to that of x, which a residual connection reads as well, or not."""
    # Times the scale, times the quotient, the sum over d, times the slope of the root: then the variance is reached.
    variance = 1 + 1 + ceil_log2(d) + 1
    if accounting.one_pass_variance:
        # Times 2·mean. The mean's d other readers were made before, and have long been added up; this last one of d + 1
        # meets an addition for each one in the binary d. Then divided by d, and added to what else arrives at x.
        return variance + 1 + d.bit_count() + 1 + 2
    # Divided by d, times 2·(x − mean), added to the quotient's, the sum over d that reaches the mean, divided by d.
    return variance + 3 + ceil_log2(d) + 1 + (2 if residual else 1)


def _layer_norm_operations(T, d, accounting, residual):
    if accounting.one_pass_variance:
        return T * (9 * d + 5) + (3 if residual else 2) * T * d
    return T * (10 * d + 2) + (2 if residual else 1) * T * d


WAYS_BACK = {
    elman: partial(_train_recurrent, ELMAN),
    lstm: partial(_train_recurrent, LSTM),
    gru: partial(_train_recurrent, GRU),
    attention: _train_attention,
    transformer: _train_transformer,
}
