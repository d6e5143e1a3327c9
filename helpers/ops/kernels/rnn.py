"""Elman, GRU and LSTM layers in one kernel: the recurrent weights stay on the chip, only steps and states travel.

A loop pays at every step for starting kernels and for reading W again. Here one program takes one sequence through all
T steps: W is read once and kept in registers, and so is the state. Diamos et al. 2016, "Persistent RNNs"; Pöppel et
al. 2024, "FlashRNN". What does not wait for a state is done before, for all steps in one product: U x_t + b.

A thread holds whole columns of W, where they are not too many, and adds up its products alone. One row against a
matrix has no work for tensor cores; B sequences fill B multiprocessors. What it reaches on a GPU is not measured yet.

Backward, the states are known, so one product gives all gates at once, and with them every factor by which a gradient
is multiplied. What still waits is linear, dh_{t−1} = Σ_g W_gᵀ (factor_g ⊙ dh_t): the same scheme, backwards in time.

Only helpers.recurrence calls this file, with what it has checked.
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable


@triton.jit
def _tanh(x):
    # Both forms avoid what the other suffers from: 1 − e^(−2|x|) cancels near 0, the series is good there only.
    e = tl.exp(-2 * tl.abs(x))
    square = x * x
    series = x * (1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835)))))
    return tl.where(square < 0.0625, series, tl.where(x < 0, e - 1, 1 - e) / (1 + e))


@triton.jit
def _read(pointer, inside):
    return tl.load(pointer, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _on_chip(weight, gate, D: tl.constexpr, WIDTH: tl.constexpr):
    """One gate's (D in, D out) weights, filled up with zeros to (WIDTH, WIDTH)."""
    row, column = tl.arange(0, WIDTH)[:, None], tl.arange(0, WIDTH)[None, :]
    # As if it were aligned to nothing, or Triton would give a thread parts of four columns, to read them at once.
    pointer = tl.multiple_of(weight + (gate * D + row) * D + column, [1, 1])
    return _read(pointer, (row < D) & (column < D))


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
    weight_0, bias_0 = _on_chip(weight, 0, D, WIDTH), _read(bias + unit, inside)
    if GATES >= 3:
        weight_1, bias_1 = _on_chip(weight, 1, D, WIDTH), _read(bias + D + unit, inside)
        weight_2, bias_2 = _on_chip(weight, 2, D, WIDTH), _read(bias + 2 * D + unit, inside)
    if GATES == 4:
        weight_3, bias_3 = _on_chip(weight, 3, D, WIDTH), _read(bias + 3 * D + unit, inside)
        c = _read(cell + sequence * D + unit, inside)
    h = _read(hidden + sequence * D + unit, inside)

    x = from_input + sequence * T * GATES * D + unit
    to_state, to_cell = states + sequence * T * D + unit, cells + sequence * T * D + unit
    for _ in range(T):
        x_0 = _read(x, inside)
        if GATES == 1:
            h = _tanh(x_0 + _product(h, weight_0) + bias_0)
        elif GATES == 3:
            x_1, x_2 = _read(x + D, inside), _read(x + 2 * D, inside)
            reset = tl.sigmoid(x_0 + _product(h, weight_0) + bias_0)
            update = tl.sigmoid(x_1 + _product(h, weight_1) + bias_1)
            new = _tanh(x_2 + reset * (_product(h, weight_2) + bias_2))
            h = (1 - update) * new + update * h
        else:
            x_1, x_2, x_3 = _read(x + D, inside), _read(x + 2 * D, inside), _read(x + 3 * D, inside)
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
        x += GATES * D


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
    weight_0 = _on_chip(weight, 0, D, WIDTH)
    if GATES >= 3:
        weight_1, weight_2 = _on_chip(weight, 1, D, WIDTH), _on_chip(weight, 2, D, WIDTH)
    if GATES == 4:
        weight_3 = _on_chip(weight, 3, D, WIDTH)
        carried_cell = tl.zeros([WIDTH], tl.float32)
    carried = tl.zeros([WIDTH], tl.float32)

    last = sequence * T + T - 1
    grad = grad_states + last * D + unit
    factor = factors + last * FACTORS * D + unit
    to_grad = grads + last * STATES * D + unit
    for _ in range(T):
        h = _read(grad, inside) + carried
        tl.store(to_grad, h, mask=inside)
        factor_0 = _read(factor, inside)
        if GATES == 1:
            carried = _product(h * factor_0, weight_0)
        elif GATES == 3:
            factor_1, factor_2 = _read(factor + D, inside), _read(factor + 2 * D, inside)
            carried = h * _read(factor + 3 * D, inside)
            carried += _product(h * factor_0, weight_0)
            carried += _product(h * factor_1, weight_1)
            carried += _product(h * factor_2, weight_2)
        else:
            factor_1, factor_2 = _read(factor + D, inside), _read(factor + 2 * D, inside)
            c = carried_cell + h * _read(factor + 4 * D, inside)
            tl.store(to_grad + D, c, mask=inside)
            carried_cell = c * _read(factor + 5 * D, inside)
            carried = _product(h * _read(factor + 3 * D, inside), weight_3)
            carried += _product(c * factor_0, weight_0)
            carried += _product(c * factor_1, weight_1)
            carried += _product(c * factor_2, weight_2)
        grad -= D
        factor -= FACTORS * D
        to_grad -= STATES * D
    tl.store(grad_hidden + sequence * D + unit, carried, mask=inside)
    if GATES == 4:
        tl.store(grad_cell + sequence * D + unit, carried_cell, mask=inside)


def options(gates, D):
    """The kernels' constants: a warp for each 32 columns, or more, so that no thread holds over 256 weights.

    A thread has 255 registers. Four gates of 64 or 128 units take them all: some 50 numbers then wait in its cache.
    """
    width = max(16, triton.next_power_of_2(D))
    warps = triton.next_power_of_2(triton.cdiv(gates * width**2, 32 * 256))
    return {"D": D, "GATES": gates, "WIDTH": width, "num_warps": max(width // 32, warps)}


def _launch(kernel, tensors, like):
    B, T, gates, D = like.shape
    with torch.cuda.device_of(like):
        kernel[(B,)](*(tensor.contiguous() for tensor in tensors), T, **options(gates, D))


class Fused(torch.autograd.Function):
    """The states (B, T, D) from U x_t + b, (B, T, gates, D); weight (gates·D, D), bias (gates·D), hidden, cell (B, D).

    from_input in float32, the others and the states in float32, float16 or bfloat16; with a gradient. Without a cell
    state, hidden stands for it.
    """

    @staticmethod
    def forward(ctx, from_input, weight, bias, hidden, cell):
        B, T, gates, D = from_input.shape
        states = hidden.new_empty(B, T, D)
        cells = from_input.new_empty((B, T, D) if gates == 4 else 0)
        columns = weight.unflatten(0, (gates, D)).transpose(1, 2)  # (gates, D in, D out)
        _launch(forward_kernel, (from_input, columns, bias, hidden, cell, states, cells), from_input)
        ctx.save_for_backward(from_input, weight, bias, hidden, cell, states, cells)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_states):
        from_input, weight, bias, hidden, cell, states, cells = ctx.saved_tensors
        B, T, gates, D = from_input.shape
        before = torch.cat([hidden[:, None], states[:, :-1]], dim=1).float()  # h_{t−1}
        from_hidden = (before @ weight.float().T + bias.float()).unflatten(-1, (gates, D))
        factors = _FACTORS[gates](from_input, from_hidden, before, states.float(), cell.float(), cells)
        grads = factors.new_empty(B, T, 2 if gates == 4 else 1, D)
        grad_hidden, grad_cell = factors.new_empty(2, B, D)
        tensors = (grad_states, factors, weight, grads, grad_hidden, grad_cell)
        _launch(backward_kernel, tensors, from_input)

        to_hidden = factors[:, :, :gates] * grads[:, :, :1]  # (B, T, gates, D)
        to_input = to_hidden
        if gates == 3:  # the reset gate stands between the new state and W h, not before U x
            to_input = torch.cat([to_hidden[:, :, :2], factors[:, :, 4:] * grads], dim=2)
        if gates == 4:
            to_hidden = to_input = torch.cat([factors[:, :, :3] * grads[:, :, 1:], to_hidden[:, :, 3:]], dim=2)
        rows = to_hidden.flatten(0, 1).flatten(1)  # (B·T, gates·D)
        found = (rows.T @ before.flatten(0, 1), rows.sum(0), grad_hidden, grad_cell)
        found = [grad.to(hidden.dtype) for grad in found]
        return to_input, *found[:3], found[3] if gates == 4 else None


# By what dh_t, or in an LSTM dc_t, is multiplied on its way into each gate's W h and then into the state before:
# (B, T, …, D), in the order in which the backward kernel reads them.


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
    enter, forget, new, leave = (from_input + from_hidden).unbind(2)
    enter, forget, new, leave = enter.sigmoid(), forget.sigmoid(), new.tanh(), leave.sigmoid()
    cell_before, shown = torch.cat([cell[:, None], cells[:, :-1]], dim=1), cells.tanh()
    into_gates = [new * enter * (1 - enter), cell_before * forget * (1 - forget), enter * (1 - new.square())]
    into_gates += [shown * leave * (1 - leave)]
    return torch.stack([*into_gates, leave * (1 - shown.square()), forget], dim=2)


_FACTORS = {1: _elman_factors, 3: _gru_factors, 4: _lstm_factors}
