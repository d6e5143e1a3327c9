"""Elman, GRU and LSTM layers in one kernel: the recurrent weights stay on the chip, only inputs and states travel.

A loop of kernels pays at every step for starting them and for reading W again. Here one program takes one sequence
through all T steps: it reads W once and keeps it in registers, and the state too. Diamos et al. 2016, "Persistent
RNNs"; Pöppel et al. 2024, "FlashRNN". What does not wait for a state is computed before, for all steps in one product:
U x_t + b.

Where there are not too many columns, a thread holds whole columns of W and adds up its products alone. One row times a
matrix is too little work for tensor cores, and B sequences keep B multiprocessors busy.

On the way back the states are known, so one product gives all gates at once, and with them every factor by which a
gradient is multiplied. What is left is linear: dh_{t−1} = Σ_g W_gᵀ (factor_g ⊙ dh_t). It is computed in the same way,
from the last step to the first.

What a step reads is asked for one step before. Before that was so, a step of an Elman layer of 128 units took 0.46 µs
forward on an H200, and 1.2 µs on the way back, which could not begin until its numbers had come.

Only helpers.ops.recurrence calls this file, with arguments that it has checked.
"""

import torch
import triton
import triton.language as tl

from ..modes import in_given_dtype, signed


@triton.jit
def _tanh(x):
    # Two forms, since 1 − e^(−2|x|) loses digits near 0, and the series is exact only there.
    e = tl.exp(-2 * tl.abs(x))
    square = x * x
    series = x * (1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835)))))
    return tl.where(square < 0.0625, series, tl.where(x < 0, e - 1, 1 - e) / (1 + e))


@triton.jit
def _load_float32(pointer, inside):
    return tl.load(pointer, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _on_chip(weight, gate, D: tl.constexpr, WIDTH: tl.constexpr):
    """One gate's (D in, D out) weights, filled up with zeros to (WIDTH, WIDTH)."""
    row, column = tl.arange(0, WIDTH)[:, None], tl.arange(0, WIDTH)[None, :]
    # Declared as not aligned: else Triton would give a thread parts of four columns, to read them at once.
    pointer = tl.multiple_of(weight + (gate * D + row) * D + column, [1, 1])
    return _load_float32(pointer, (row < D) & (column < D))


@triton.jit
def _product(state, weight):
    return tl.sum(state[:, None] * weight, axis=0)


@triton.jit
def forward_kernel(
    from_input, weight, bias, hidden, cell, states, cells, T,
    D: tl.constexpr, GATES: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """from_input (B, T, GATES, D); weight (GATES, D in, D out); bias (GATES, D) -> states, cells (B, T, D)."""
    sequence = tl.program_id(0).to(tl.int64)  # B·T·D may pass 2³¹
    unit = tl.arange(0, WIDTH)
    inside = unit < D
    x = from_input + sequence * T * GATES * D + unit
    weight_0, bias_0 = _on_chip(weight, 0, D, WIDTH), _load_float32(bias + unit, inside)
    next_0 = _load_float32(x, inside)
    if GATES >= 3:
        next_1, next_2 = _load_float32(x + D, inside), _load_float32(x + 2 * D, inside)
        weight_1, bias_1 = _on_chip(weight, 1, D, WIDTH), _load_float32(bias + D + unit, inside)
        weight_2, bias_2 = _on_chip(weight, 2, D, WIDTH), _load_float32(bias + 2 * D + unit, inside)
    if GATES == 4:
        next_3 = _load_float32(x + 3 * D, inside)
        weight_3, bias_3 = _on_chip(weight, 3, D, WIDTH), _load_float32(bias + 3 * D + unit, inside)
        c = _load_float32(cell + sequence * D + unit, inside)
    h = _load_float32(hidden + sequence * D + unit, inside)

    to_state, to_cell = states + sequence * T * D + unit, cells + sequence * T * D + unit
    for t in range(T):
        # The inputs of the next step are on their way while this one is computed: memory takes about as long.
        x += GATES * D
        more = inside & (t + 1 < T)
        x_0 = next_0
        next_0 = _load_float32(x, more)
        if GATES >= 3:
            x_1, x_2 = next_1, next_2
            next_1, next_2 = _load_float32(x + D, more), _load_float32(x + 2 * D, more)
        if GATES == 4:
            x_3 = next_3
            next_3 = _load_float32(x + 3 * D, more)
        if GATES == 1:
            h = _tanh(x_0 + _product(h, weight_0) + bias_0)
        elif GATES == 3:
            reset = tl.sigmoid(x_0 + _product(h, weight_0) + bias_0)
            update = tl.sigmoid(x_1 + _product(h, weight_1) + bias_1)
            new = _tanh(x_2 + reset * (_product(h, weight_2) + bias_2))
            h = (1 - update) * new + update * h
        else:
            enter = tl.sigmoid(x_0 + _product(h, weight_0) + bias_0)
            forget = tl.sigmoid(x_1 + _product(h, weight_1) + bias_1)
            new = _tanh(x_2 + _product(h, weight_2) + bias_2)
            leave = tl.sigmoid(x_3 + _product(h, weight_3) + bias_3)
            c = forget * c + enter * new
            h = leave * _tanh(c)
            tl.store(to_cell, c, mask=inside)
            to_cell += D
        tl.store(to_state, h.to(states.dtype.element_ty), mask=inside)
        to_state += D


@triton.jit
def backward_kernel(
    grad_states, factors, weight, grads, grad_hidden, grad_cell, T,
    D: tl.constexpr, GATES: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """grad_states (B, T, D); factors (B, T, 1 or GATES + 2, D); weight (GATES, D out, D in) -> grads (B, T, 1 or 2, D).

    grads: the whole gradient of h_t and, in an LSTM, of c_t beside it. grad_hidden, grad_cell (B, D): before step 0.
    """
    FACTORS: tl.constexpr = 1 if GATES == 1 else GATES + 2
    STATES: tl.constexpr = 2 if GATES == 4 else 1
    sequence = tl.program_id(0).to(tl.int64)
    unit = tl.arange(0, WIDTH)
    inside = unit < D
    last = sequence * T + T - 1
    grad = grad_states + last * D + unit
    factor = factors + last * FACTORS * D + unit
    to_grad = grads + last * STATES * D + unit
    weight_0 = _on_chip(weight, 0, D, WIDTH)
    next_grad, next_0 = tl.load(grad, mask=inside, other=0.0), _load_float32(factor, inside)
    if GATES >= 3:
        next_1, next_2 = _load_float32(factor + D, inside), _load_float32(factor + 2 * D, inside)
        next_3 = _load_float32(factor + 3 * D, inside)
        weight_1, weight_2 = _on_chip(weight, 1, D, WIDTH), _on_chip(weight, 2, D, WIDTH)
    if GATES == 4:
        next_4, next_5 = _load_float32(factor + 4 * D, inside), _load_float32(factor + 5 * D, inside)
        weight_3 = _on_chip(weight, 3, D, WIDTH)
        carried_cell = tl.zeros([WIDTH], tl.float32)
    carried = tl.zeros([WIDTH], tl.float32)

    for t in range(T):
        # As forward; here nothing can be computed before they have come, not even a wider dtype.
        grad -= D
        factor -= FACTORS * D
        more = inside & (t + 1 < T)
        h, factor_0 = next_grad.to(tl.float32) + carried, next_0
        next_grad, next_0 = tl.load(grad, mask=more, other=0.0), _load_float32(factor, more)
        if GATES >= 3:
            factor_1, factor_2, factor_3 = next_1, next_2, next_3
            next_1, next_2 = _load_float32(factor + D, more), _load_float32(factor + 2 * D, more)
            next_3 = _load_float32(factor + 3 * D, more)
        if GATES == 4:
            factor_4, factor_5 = next_4, next_5
            next_4, next_5 = _load_float32(factor + 4 * D, more), _load_float32(factor + 5 * D, more)
        tl.store(to_grad, h, mask=inside)
        if GATES == 1:
            carried = _product(h * factor_0, weight_0)
        elif GATES == 3:
            carried = h * factor_3
            carried += _product(h * factor_0, weight_0)
            carried += _product(h * factor_1, weight_1)
            carried += _product(h * factor_2, weight_2)
        else:
            c = carried_cell + h * factor_4
            tl.store(to_grad + D, c, mask=inside)
            carried_cell = c * factor_5
            carried = _product(h * factor_3, weight_3)
            carried += _product(c * factor_0, weight_0)
            carried += _product(c * factor_1, weight_1)
            carried += _product(c * factor_2, weight_2)
        to_grad -= STATES * D
    tl.store(grad_hidden + sequence * D + unit, carried, mask=inside)
    if GATES == 4:
        tl.store(grad_cell + sequence * D + unit, carried_cell, mask=inside)


def options(gates, D):
    """The kernels' constants: a warp for each 32 columns, or more, so that no thread holds over 256 weights.

    Measured on an H200: an LSTM of 64 units reached 1.36 times cuDNN's speed with 8 warps, 1.09 with 2; of 128 units
    1.02, 0.79 and 0.45 with 8, 16 and 32. A thread has 255 registers, and four gates of 128 units take them all: some
    50 numbers then wait in its cache.
    """
    width = max(16, triton.next_power_of_2(D))
    warps = 8 if gates > 1 and width >= 64 else max(1, width // 32)
    return {"D": D, "GATES": gates, "WIDTH": width, "num_warps": warps}


def _launch(kernel, tensors, like):
    B, T, gates, D = like.shape
    with torch.cuda.device_of(like):
        kernel[(B,)](*(tensor.contiguous() for tensor in tensors), T, **options(gates, D))


ONCE = "A layer's method 'fused' has a first derivative by backward only; use method 'hoisted' for {}."


def fused_layer(from_input, weight, bias, hidden, cell):
    """The states (B, T, D) from U x_t + b, (B, T, gates, D); weight (gates·D, D), bias (gates·D), hidden, cell (B, D).

    from_input in float32, the others and the states in float32, float16 or bfloat16; with a gradient. cell is None
    unless the layer is an LSTM.
    """
    return _Fused.apply(from_input, weight, bias, hidden, hidden if cell is None else cell)[0]


class _Fused(torch.autograd.Function):
    """The states, and for backward the cell states of an LSTM."""

    @staticmethod
    @signed
    def forward(from_input, weight, bias, hidden, cell):
        B, T, gates, D = from_input.shape
        states = hidden.new_empty(B, T, D)
        cells = from_input.new_empty((B, T, D) if gates == 4 else 0)
        columns = weight.unflatten(0, (gates, D)).transpose(1, 2)  # (gates, D in, D out)
        _launch(forward_kernel, (from_input, columns, bias, hidden, cell, states, cells), from_input)
        return states, cells

    @staticmethod
    def setup_context(ctx, inputs, output):
        states, cells = output
        ctx.mark_non_differentiable(cells)
        ctx.save_for_backward(*inputs, states, cells)

    @staticmethod
    def backward(ctx, grad_states, _):
        return _FusedGradient.apply(*ctx.saved_tensors, grad_states)

    @staticmethod
    def vmap(info, dims, *_):
        raise NotImplementedError(ONCE.format("vmap"))

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError(ONCE.format("forward mode"))


class _FusedGradient(torch.autograd.Function):
    """The gradients of from_input, weight, bias, hidden and cell: the last is None unless the layer is an LSTM."""

    @staticmethod
    @signed
    @in_given_dtype
    def forward(from_input, weight, bias, hidden, cell, states, cells, grad_states):
        B, T, gates, D = from_input.shape
        before = torch.cat([hidden[:, None], states[:, :-1]], dim=1).float()  # h_{t−1}
        from_hidden = (before @ weight.float().T + bias.float()).unflatten(-1, (gates, D))
        factors = _FACTORS[gates](from_input, from_hidden, before, states.float(), cell.float(), cells)
        grads = factors.new_empty(B, T, 2 if gates == 4 else 1, D)
        grad_hidden, grad_cell = factors.new_empty(2, B, D)
        _launch(backward_kernel, (grad_states, factors, weight, grads, grad_hidden, grad_cell), from_input)

        to_hidden = to_input = factors[:, :, :gates]  # (B, T, gates, D), once they are multiplied: in their place
        if gates == 4:
            to_hidden[:, :, :3].mul_(grads[:, :, 1:])
            to_hidden[:, :, 3:].mul_(grads[:, :, :1])
        else:
            to_hidden.mul_(grads)
        if gates == 3:  # the reset gate stands between the new state and W h, not before U x
            to_input = torch.cat([to_hidden[:, :, :2], factors[:, :, 4:] * grads], dim=2)
        rows = to_hidden.flatten(0, 1).flatten(1)  # (B·T, gates·D)
        grad_weight, grad_bias = rows.T @ before.flatten(0, 1), rows.sum(0)
        grad_cell = grad_cell if gates == 4 else torch.zeros_like(grad_hidden)
        gradients = (grad_weight, grad_bias, grad_hidden, grad_cell)
        return to_input, *(gradient.to(hidden.dtype) for gradient in gradients)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise NotImplementedError(ONCE.format("second derivatives"))

    @staticmethod
    def vmap(info, dims, *_):
        raise NotImplementedError(ONCE.format("vmap"))


# The factors by which dh_t, or in an LSTM dc_t, is multiplied on its way into each gate's W h, and then into the state
# before: (B, T, …, D), in the order in which the backward kernel reads them.


def _elman_factors(from_input, from_hidden, before, states, cell, cells):
    return (1 - states.square()).unsqueeze(2)


def _gru_factors(from_input, from_hidden, before, states, cell, cells):
    reset, update = (from_input + from_hidden)[:, :, :2].sigmoid().unbind(2)
    hidden_new = from_hidden[:, :, 2]
    new = (from_input[:, :, 2] + reset * hidden_new).tanh()
    into_new = (1 - update) * (1 - new.square())
    into_reset = into_new * hidden_new * reset * (1 - reset)
    into_update = (before - new) * update * (1 - update)
    return torch.stack([into_reset, into_update, into_new * reset, update, into_new], dim=2)


def _lstm_factors(from_input, from_hidden, before, states, cell, cells):
    B, T, _, D = from_input.shape
    new = (from_input[:, :, 2] + from_hidden[:, :, 2]).tanh()
    gates = from_hidden.add_(from_input).sigmoid_()  # of all four: one operation, though the third has no use
    slopes = torch.addcmul(gates, gates, gates, value=-1)  # of the sigmoids, s − s²
    enter, forget, _, leave = gates.unbind(2)
    cell_before, shown = torch.cat([cell[:, None], cells[:, :-1]], dim=1), cells.tanh()
    factors = from_input.new_empty(B, T, 6, D)
    into_enter, into_forget, into_new, into_leave, into_cell, to_before = factors.unbind(2)
    torch.mul(new, slopes[:, :, 0], out=into_enter)
    torch.mul(cell_before, slopes[:, :, 1], out=into_forget)
    torch.addcmul(enter, enter, new.square_(), value=-1, out=into_new)
    torch.mul(shown, slopes[:, :, 3], out=into_leave)
    torch.addcmul(leave, leave, shown.square_(), value=-1, out=into_cell)
    to_before.copy_(forget)
    return factors


_FACTORS = {1: _elman_factors, 3: _gru_factors, 4: _lstm_factors}
