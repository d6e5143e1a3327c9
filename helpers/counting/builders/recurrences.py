"""Recurrent nets as graphs: Elman, LSTM and GRU layers, and the Jordan net that feeds back its output."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .. import cost
from ..cost import STANDARD, Accounting
from ..graph import Traced, dot, join, linear, sigmoid
from .start import Built, start

Weights = Mapping[str, ArrayLike]


def elman(
    T: int,
    d: int,
    layers: int = 1,
    *,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, states): h_t = tanh(W h_{t−1} + U x_t + b) in `layers` layers, Elman 1990; states (T, d) of the last.

    The terms of the sum stand in the order h, x, bias. Nothing but true dependencies orders the cells, so layers
    overlap in a wavefront of T + L − 1 steps. weights: {"input": (L, d, d), "hidden": (L, d, d), "bias": (L, d)};
    inputs (T, d).

    >>> graph, states = elman(T=6, d=8, layers=4)
    >>> graph.span(counting="tanh"), graph.count("tanh")     # 6 + 4 − 1 steps in a row; 6·4·8 tanh in all
    (9, 192)
    """
    return _layers(ELMAN, T, d, layers, accounting, seed, weights, inputs)


def lstm(
    T: int,
    d: int,
    layers: int = 1,
    *,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, states) as elman, for an LSTM with a forget gate, Gers et al. 2000.

    weights: "input" and "hidden" (L, 4d, d), "bias" (L, 4d), the gates in torch's order i, f, g, o.

    >>> lstm(T=2, d=4)[0].span(), cost.lstm(T=2, d=4).span
    (20, 20)
    """
    return _layers(LSTM, T, d, layers, accounting, seed, weights, inputs)


def gru(
    T: int,
    d: int,
    layers: int = 1,
    *,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, states) as elman, for a GRU whose reset gate multiplies W h after the product, as in torch.

    weights: "input" and "hidden" (L, 3d, d), "bias" (L, 3d), the gates in torch's order r, z, n, and "candidate_bias"
    (L, d), added to W h before r multiplies it.

    >>> gru(T=2, d=4)[0].span(), cost.gru(T=2, d=4).span
    (22, 22)
    """
    return _layers(GRU, T, d, layers, accounting, seed, weights, inputs)


def jordan(
    T: int,
    d: int,
    *,
    teacher_forcing: bool = False,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
    targets: ArrayLike | None = None,
) -> Built:
    """(graph, outputs): h_t = tanh(W y_{t−1} + U x_t + b), y_t = V h_t, after Jordan 1986; outputs (T, d).

    teacher_forcing: y_{t−1} is the true output, targets (T, d), an input like x, so no step waits for another. weights:
    {"input": (d, d), "hidden": (d, d), "output": (d, d), "bias": (d,)}. Raises ValueError for targets without
    teacher_forcing.

    >>> [jordan(6, 2, teacher_forcing=forced)[0].span(counting="tanh") for forced in (False, True)]
    [6, 1]
    """
    expected = cost.jordan(T, d, accounting=accounting)
    if targets is not None and not teacher_forcing:
        raise ValueError(
            "targets were given, but teacher_forcing is off, so nothing would read them. "
            "Give teacher_forcing=True as well, or leave the targets out."
        )
    shapes = {"input": (d, d), "hidden": (d, d), "output": (d, d), "bias": (d,)}
    arrays = {"inputs": (inputs, (T, d))} | ({"targets": (targets, (T, d))} if teacher_forcing else {})
    graph, w, arrays = start(expected, accounting, seed, shapes, weights, arrays)
    x, outputs, fed_back = arrays[0], [], Traced(graph, np.zeros(d))  # y_0 = 0
    for t in range(T):
        with graph.place(f"step {t}"):
            (h,) = _elman_step(x[t], (fed_back,), w, accounting)
            output = linear(h, w["output"])
        outputs.append(output[None])
        fed_back = arrays[1][t] if teacher_forcing else output
    return graph, join(outputs)


def _layers(cell, T, d, layers, accounting, seed, weights, inputs):
    expected = cell.closed_form(T, d, layers, accounting=accounting)
    stacked = (layers, cell.gates * d)
    shapes = {"input": (*stacked, d), "hidden": (*stacked, d), "bias": stacked}
    if cell.has_candidate_bias:
        shapes["candidate_bias"] = (layers, d)
    graph, w, (x,) = start(expected, accounting, seed, shapes, weights, {"inputs": (inputs, (T, d))})
    return graph, run_layers(cell, x, w, accounting)


def run_layers(cell, x: Traced, w: dict[str, Traced], accounting: Accounting) -> Traced:
    """(T, d): the states of the last of a stack of layers over x (T, d); weights have the layers as first axis."""
    graph, (T, d) = x.graph, x.shape
    for layer in range(w["hidden"].shape[0]):
        own = {name: array[layer] for name, array in w.items()}
        state, outputs = (Traced(graph, np.zeros(d)),) * cell.vectors, []
        for t in range(T):
            with graph.place(f"layer {layer}, step {t}"):
                state = cell.step(x[t], state, own, accounting)
            outputs.append(state[0][None])
        x = join(outputs)
    return x


def _elman_step(x, state, w, accounting):
    (h,) = state
    return (_gates(x, h, w, accounting).map("tanh", np.tanh),)


def _lstm_step(x, state, w, accounting):
    h, c = state
    enter, forget, new, leave = _gates(x, h, w, accounting).reshape(4, -1)
    c = sigmoid(forget) * c + sigmoid(enter) * new.map("tanh", np.tanh)
    return sigmoid(leave) * c.map("tanh", np.tanh), c


def _gru_step(x, state, w, accounting):
    (h,), d = state, x.shape[0]
    of_gates = {name: array[: 2 * d] for name, array in w.items()}
    of_candidate = {name: array[-d:] for name, array in w.items()}
    reset, keep = sigmoid(_gates(x, h, of_gates, accounting)).reshape(2, d)
    from_hidden = linear(h, of_candidate["hidden"], of_candidate.get("candidate_bias"))
    from_input = linear(x, of_candidate["input"], of_candidate.get("bias"))
    new = (reset * from_hidden + from_input).map("tanh", np.tanh)
    return ((1 - keep) * new + keep * h,)


def _gates(x, h, w, accounting):
    if accounting.hoist:
        return dot((h, w["hidden"])) + linear(x, w["input"], w.get("bias"))
    return dot((h, w["hidden"]), (x, w["input"]), bias=w.get("bias"))


@dataclass(frozen=True)
class Cell:
    """gates: blocks of d rows in each weight; vectors: of d numbers each, in the state; step(x, state, weights,
    accounting): the next state, the hidden vector first."""

    closed_form: Callable
    step: Callable
    gates: int
    vectors: int = 1
    has_candidate_bias: bool = False


ELMAN = Cell(cost.elman, _elman_step, gates=1)
LSTM = Cell(cost.lstm, _lstm_step, gates=4, vectors=2)
GRU = Cell(cost.gru, _gru_step, gates=3, has_candidate_bias=True)
