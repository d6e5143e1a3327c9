"""Recurrent layers: the loop that defines them, and beside it torch's own kernels, a CUDA graph and our own kernel.

Weights are in torch's layout, so that `nn.LSTM(…).all_weights[0]` can be passed as it is.
"""

import functools
import warnings
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import refuse, require_tensors, require_word
from .cuda_graph import graphed_layer
from .kernels import unavailable
from .modes import in_given_dtype, is_batched

METHODS = ("auto", "loop", "hoisted", "torch")
ON_GPU = ("graph", "cudnn", "fused")
WIDEST = 128  # units whose weights, of four gates in float32, fill the registers of a GPU's multiprocessor
INSTEAD = "'torch', or leave it to 'auto'"


@in_given_dtype
def elman(
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    method: str = "auto",
) -> Tensor:
    """h_t = tanh(U x_t + W h_{t−1} + b), Elman 1990. Returns every hidden state, (B, T, D).

    inputs (B, T, Din); weight_ih U (D, Din); weight_hh W (D, D); bias_ih, bias_hh (D), added; hidden: the
    state before the first step, (B, D), zeros unless given.
    method: "loop" (one step after the other, the definition), "hoisted" (U x_t for all t in one product, only W h is
        left in the loop), "torch" (torch's nn.RNN kernel; on an NVIDIA GPU that is cuDNN, and "cudnn" asks for it by
        name), "auto" (torch). On an NVIDIA GPU also "graph" (the hoisted loop as one CUDA graph, two kernels a step,
        recorded for each new set of shapes: that takes about as long as a few loops, and the graph keeps memory for all
        T steps) and
        "fused" (our own kernel, W stays on the chip: D up to 128, float32 or 16 bits, sums in float32; needs triton).

    All give the loop's numbers to rounding, in the dtype of the tensors, under autocast too, with a gradient. Second
    derivatives and torch.func.vmap: by loop and hoisted; "auto" is hoisted under vmap. In float32 cuDNN
    rounds products to TF32, which costs 1e-3, unless torch.backends.cudnn.allow_tf32 is False. Work T·D·(Din + D)
    multiply–adds a sequence, in T steps that wait for each other: helpers.cost.elman.
    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes, an unknown method, a method
    that this device, dtype or D does not allow).

    >>> states = elman(torch.ones(1, 3, 1), torch.ones(1, 1), torch.ones(1, 1))
    >>> states.flatten().round(decimals=3)  # tanh(1 + 0), tanh(1 + 0.762), tanh(1 + 0.943)
    tensor([0.7620, 0.9430, 0.9600])
    """
    return _run(ELMAN, method, Call(inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden))


@in_given_dtype
def gru(
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    method: str = "auto",
) -> Tensor:
    """Gated recurrent unit as torch and cuDNN compute it: the reset gate acts after the product W h.

    As `elman`, with weights of three stacked gates (reset, update, new): (3D, Din) and (3D, D).
    Cho et al. 2014, in the variant of torch.nn.GRU. Returns (B, T, D).

    >>> module = torch.nn.GRU(5, 4, batch_first=True)
    >>> gru(torch.ones(2, 3, 5), *module.all_weights[0]).shape
    torch.Size([2, 3, 4])
    """
    return _run(GRU, method, Call(inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden))


@in_given_dtype
def lstm(
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    cell: Tensor | None = None,
    method: str = "auto",
) -> Tensor:
    """Long short-term memory with a forget gate. Returns the hidden states, (B, T, D).

    As `elman`, with weights of four stacked gates (input, forget, cell, output): (4D, Din) and (4D, D);
    cell: the cell state before the first step, (B, D). Gers et al. 2000, as in torch.nn.LSTM.

    >>> module = torch.nn.LSTM(5, 4, batch_first=True)
    >>> lstm(torch.ones(2, 3, 5), *module.all_weights[0]).shape
    torch.Size([2, 3, 4])
    """
    return _run(LSTM, method, Call(inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell))


# What a layer is: its gates and one step, (U x + b, W h + b, states) to the new states, each (B, D).


class Cell(NamedTuple):
    """One kind of recurrent layer. kernel: torch's function for all steps; states: the names of what it carries on."""

    name: str
    gates: int
    step: Callable[[Tensor, Tensor, tuple], tuple]
    kernel: Callable
    states: tuple[str, ...]


class Call(NamedTuple):
    """The tensors of one call, by name."""

    inputs: Tensor
    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    hidden: Tensor | None
    cell: Tensor | None = None

    @property
    def states(self) -> tuple[Tensor, ...]:
        """The states before the first step: (hidden,), or (hidden, cell)."""
        return (self.hidden,) if self.cell is None else (self.hidden, self.cell)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors, in the order of the fields."""
        return self if self.cell is not None else self[:-1]


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


ELMAN = Cell("elman", 1, _elman_step, torch.rnn_tanh, ("hidden",))
GRU = Cell("gru", 3, _gru_step, torch.gru, ("hidden",))
LSTM = Cell("lstm", 4, _lstm_step, torch.lstm, ("hidden", "cell"))


def _run(kind, method, call):
    """The states (B, T, D) of one call to a layer of this kind."""
    method = require_word(f"{kind.name}: method", method, METHODS + ON_GPU)
    call = _filled(kind, call)
    if method in ON_GPU:
        _require_gpu(kind, method, call)
    if method == "fused":
        return _fused(kind, call)
    if method == "graph":
        trains = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in call.tensors)
        return graphed_layer(trains, *call.tensors)
    batched = is_batched(*call.tensors)
    if method in ("torch", "cudnn") and batched:
        refuse(kind.name, method, "torch's kernel has no vmap", "'hoisted', or give the axis of vmap as B")
    if method in ("torch", "cudnn") or (method == "auto" and not batched):
        return _torch(kind, call)
    return _loop(kind, call, hoist=method != "loop")


def _filled(kind, call):
    """The call with zeros for biases and states that are None, once all its tensors fit each other."""
    if kind is LSTM:
        _require_no_pair(call.hidden)
    named = {name: tensor for name, tensor in call._asdict().items() if name != "cell" or "cell" in kind.states}
    require_recurrence(kind.name, kind.gates, named)
    rows, D = call.weight_hh.shape
    sizes = {"bias_ih": (rows,), "bias_hh": (rows,)} | dict.fromkeys(kind.states, (len(call.inputs), D))
    zeros = {name: call.inputs.new_zeros(size) for name, size in sizes.items() if named[name] is None}
    return call._replace(**zeros)


def _require_no_pair(hidden):
    """Raise a TypeError if torch's pair of states was given for one of them."""
    if isinstance(hidden, tuple) and len(hidden) == 2 and all(isinstance(state, Tensor) for state in hidden):
        layer = "[0]" if hidden[0].ndim == 3 else ""  # torch's module returns (layers, B, D)
        states = f"hidden=hidden[0]{layer}, cell=hidden[1]{layer}"
        raise TypeError(f"lstm: hidden is a tuple of 2 tensors, as torch's (h, c); give both by name, {states}.")


def require_recurrence(name: str, gates: int, tensors: dict[str, Tensor | None]) -> None:
    """Raise a TypeError or a ValueError unless {label: tensor or None} fit each other; as `elman` says."""
    require_tensors(name, _spec(gates), tensors)


@functools.cache
def _spec(gates):
    rows = "D" if gates == 1 else f"{gates}·D"
    spec = {"inputs": "B T Din", "weight_ih": f"{rows} Din", "weight_hh": f"{rows} D", "hidden": "[B D]"}
    return spec | {"cell": "[B D]"} | dict.fromkeys(("bias", "bias_ih", "bias_hh"), f"[{rows}]")


def _require_gpu(kind, method, call):
    """Raise a ValueError if a GPU's method cannot run on these tensors."""
    inputs, D = call.inputs, call.weight_hh.shape[1]
    if method == "fused":
        if D > WIDEST:
            refuse(kind.name, method, f"its weights fit on the chip up to D = {WIDEST}, not D = {D}", INSTEAD)
        if inputs.dtype == torch.float64:
            refuse(kind.name, method, f"it computes in float32, and the tensors are {inputs.dtype}", INSTEAD)
        reason = unavailable(inputs)
        if reason:
            refuse(kind.name, method, reason, INSTEAD)
    elif not inputs.is_cuda:
        refuse(kind.name, method, f"it needs an NVIDIA GPU, and the tensors are on {inputs.device}", INSTEAD)


# The methods.


def _loop(kind, call, *, hoist):
    weight_ih, weight_hh, bias_ih, bias_hh = call.weight_ih.T, call.weight_hh.T, call.bias_ih, call.bias_hh
    hoisted = call.inputs @ weight_ih + bias_ih if hoist else None  # (B, T, gates·D)
    state, states = call.states, []
    for t in range(call.inputs.shape[1]):
        from_input = hoisted[:, t] if hoist else call.inputs[:, t] @ weight_ih + bias_ih
        state = kind.step(from_input, state[0] @ weight_hh + bias_hh, state)
        states.append(state[0])
    return torch.stack(states, dim=1)


def _torch(kind, call):
    start = [state.unsqueeze(0).contiguous() for state in call.states]  # torch wants (layers, B, D)
    weights = (call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh)
    # biases, one layer, no dropout, keep what a gradient needs, one direction, batch first
    options = (True, 1, 0.0, torch.is_grad_enabled(), False, True)
    with _cudnn_is_silent() if call.inputs.is_cuda else nullcontext():
        return kind.kernel(call.inputs, start if len(start) > 1 else start[0], weights, *options)[0]


@contextmanager
def _cudnn_is_silent():
    """cuDNN packs the weights into one tensor, and says so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "RNN module weights")
        yield


def _fused(kind, call):
    from .kernels.rnn import fused_layer  # here: it needs triton

    hoisted = F.linear(call.inputs.float(), call.weight_ih.float(), call.bias_ih.float())  # (B, T, gates·D)
    return fused_layer(hoisted.unflatten(-1, (kind.gates, -1)), call.weight_hh, call.bias_hh, call.hidden, call.cell)
