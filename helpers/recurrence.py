"""Recurrent layers: the loop that defines them, and torch's own kernels beside it.

Weights are in torch's layout, so that `nn.LSTM(…).all_weights[0]` can be passed as it is.
"""

import torch

from .arguments import choose_method, require_float, shape

METHODS = ("auto", "loop", "hoisted", "torch")


def elman(inputs, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, hidden=None, method="auto"):
    """h_t = tanh(U x_t + W h_{t−1} + b), Elman 1990. Returns every hidden state, (B, T, D).

    inputs (B, T, Din); weight_ih U (D, Din); weight_hh W (D, D); bias_ih, bias_hh (D), added; hidden: the
    state before the first step, (B, D), zeros unless given.
    method: "loop" (one step after the other, the definition), "hoisted" (U x_t for all t in one product,
    only W h is left in the loop), "torch" (torch's nn.RNN kernel: cuDNN on an NVIDIA GPU), "auto" (torch).

    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes, unknown method).
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    return _run("elman", _elman_step, 1, inputs, weights, (hidden,), method)


def gru(inputs, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, hidden=None, method="auto"):
    """Gated recurrent unit as torch and cuDNN compute it: the reset gate acts after the product W h.

    As `elman`, with weights of three stacked gates (reset, update, new): (3D, Din) and (3D, D).
    Cho et al. 2014, in the variant of torch.nn.GRU. Returns (B, T, D).
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    return _run("gru", _gru_step, 3, inputs, weights, (hidden,), method)


def lstm(inputs, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, hidden=None, cell=None, method="auto"):
    """Long short-term memory with a forget gate. Returns the hidden states, (B, T, D).

    As `elman`, with weights of four stacked gates (input, forget, cell, output): (4D, Din) and (4D, D);
    cell: the cell state before the first step, (B, D). Gers et al. 2000, as in torch.nn.LSTM.
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    return _run("lstm", _lstm_step, 4, inputs, weights, (hidden, cell), method)


def _elman_step(from_input, from_hidden, state):
    (_,) = state
    return ((from_input + from_hidden).tanh(),)


def _gru_step(from_input, from_hidden, state):
    (hidden,) = state
    input_reset, input_update, input_new = from_input.chunk(3, dim=-1)  # (B, D) each
    hidden_reset, hidden_update, hidden_new = from_hidden.chunk(3, dim=-1)
    reset = (input_reset + hidden_reset).sigmoid()
    update = (input_update + hidden_update).sigmoid()
    new = (input_new + reset * hidden_new).tanh()
    return ((1 - update) * new + update * hidden,)


def _lstm_step(from_input, from_hidden, state):
    _, cell = state
    enter, forget, new, leave = (from_input + from_hidden).chunk(4, dim=-1)  # (B, D) each
    cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def _run(name, step, gates, inputs, weights, state, method):
    method = choose_method(method, METHODS, name)
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    given = {"inputs": inputs, "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    given |= dict(zip(("hidden", "cell"), state, strict=False))
    needed = ("inputs", "weight_ih", "weight_hh")
    tensors = {label: tensor for label, tensor in given.items() if tensor is not None or label in needed}
    require_float(name, **tensors)
    _check_shapes(name, gates, tensors)
    B, T, _ = inputs.shape
    D = weight_hh.shape[1]
    zeros = inputs.new_zeros(B, D)
    state = tuple(zeros if part is None else part for part in state)
    none = inputs.new_zeros(gates * D)
    bias_ih, bias_hh = (none if bias is None else bias for bias in (bias_ih, bias_hh))
    if method in ("auto", "torch"):
        return _torch(name, inputs, (weight_ih, weight_hh, bias_ih, bias_hh), state)
    hoisted = inputs @ weight_ih.T + bias_ih if method == "hoisted" else None  # (B, T, gates·D)
    states = []
    for t in range(T):
        from_input = inputs[:, t] @ weight_ih.T + bias_ih if hoisted is None else hoisted[:, t]
        state = step(from_input, state[0] @ weight_hh.T + bias_hh, state)
        states.append(state[0])
    return torch.stack(states, dim=1)


def _torch(name, inputs, weights, state):
    state = [part.unsqueeze(0).contiguous() for part in state]  # torch wants (layers, B, D)
    kernel = {"elman": torch.rnn_tanh, "gru": torch.gru, "lstm": torch.lstm}[name]
    start = state if name == "lstm" else state[0]
    # biases, one layer, no dropout, keep what a gradient needs, one direction, batch first
    return kernel(inputs, start, weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)[0]


def _check_shapes(name, gates, tensors):
    inputs, weight_hh = tensors["inputs"], tensors["weight_hh"]
    if inputs.ndim != 3 or 0 in inputs.shape:
        raise ValueError(
            f"{name} needs inputs (B, T, Din), none of them 0, got {shape(inputs)}; add an axis with inputs[None], or a step."
        )
    if weight_hh.ndim != 2 or 0 in weight_hh.shape or weight_hh.shape[0] != gates * weight_hh.shape[1]:
        rows = "D" if gates == 1 else f"{gates}·D"
        raise ValueError(
            f"{name} needs weight_hh ({rows}, D), as torch stores it, got {shape(weight_hh)}; transpose it?"
        )
    B, _, width = inputs.shape
    D = weight_hh.shape[1]
    wanted = {"weight_ih": (gates * D, width), "bias_ih": (gates * D,), "bias_hh": (gates * D,)}
    wanted |= {"hidden": (B, D), "cell": (B, D)}
    for label, expected in wanted.items():
        if label in tensors and tuple(tensors[label].shape) != expected:
            sizes = f"inputs {shape(inputs)} and weight_hh {shape(weight_hh)}"
            raise ValueError(f"{name} with {sizes} needs {label} {expected}, got {shape(tensors[label])}.")
