"""Recurrent layers: the loop that defines them, and beside it torch's own kernels, a CUDA graph and our own kernel.

Weights are in torch's layout, so that `nn.LSTM(…).all_weights[0]` can be passed as it is.
"""

import functools
import warnings

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from ..arguments import require_able, require_tensors, require_word
from .kernels import unavailable

METHODS = ("auto", "loop", "hoisted", "torch")
ON_GPU = ("graph", "cudnn", "fused")
WIDEST = 128  # units whose weights, of four gates in float32, fill the registers of a GPU's multiprocessor


def elman(inputs, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, hidden=None, method="auto"):
    """h_t = tanh(U x_t + W h_{t−1} + b), Elman 1990. Returns every hidden state, (B, T, D).

    inputs (B, T, Din); weight_ih U (D, Din); weight_hh W (D, D); bias_ih, bias_hh (D), added; hidden: the
    state before the first step, (B, D), zeros unless given.
    method: "loop" (one step after the other, the definition), "hoisted" (U x_t for all t in one product, only W h is
        left in the loop), "torch" (torch's nn.RNN kernel; on an NVIDIA GPU that is cuDNN, and "cudnn" asks for it by
        name), "auto" (torch). On an NVIDIA GPU also "graph" (the hoisted loop as one CUDA graph, recorded for each new
        set of shapes; recording takes about as long as a few loops, and the graph keeps memory for all T steps) and
        "fused" (our own kernel, W stays on the chip: D up to 128, float32 or 16 bits, sums in float32; needs triton).

    All give the loop's numbers to rounding, with a gradient; "graph" and "fused" differentiate once. In float32 cuDNN
    rounds products to TF32, which costs 1e-3, unless torch.backends.cudnn.allow_tf32 is False. Work T·D·(Din + D)
    multiply–adds a sequence, in T steps that wait for each other: helpers.cost.elman.
    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes, an unknown method, a method
    that this device, dtype or D does not allow).
    """
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    return _run("elman", _elman_step, 1, method, inputs=inputs, **weights, hidden=hidden)


def gru(inputs, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, hidden=None, method="auto"):
    """Gated recurrent unit as torch and cuDNN compute it: the reset gate acts after the product W h.

    As `elman`, with weights of three stacked gates (reset, update, new): (3D, Din) and (3D, D).
    Cho et al. 2014, in the variant of torch.nn.GRU. Returns (B, T, D).
    """
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    return _run("gru", _gru_step, 3, method, inputs=inputs, **weights, hidden=hidden)


def lstm(inputs, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, hidden=None, cell=None, method="auto"):
    """Long short-term memory with a forget gate. Returns the hidden states, (B, T, D).

    As `elman`, with weights of four stacked gates (input, forget, cell, output): (4D, Din) and (4D, D);
    cell: the cell state before the first step, (B, D). Gers et al. 2000, as in torch.nn.LSTM.
    """
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    return _run("lstm", _lstm_step, 4, method, inputs=inputs, **weights, hidden=hidden, cell=cell)


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


def _run(name, step, gates, method, **given):
    method = require_word(f"{name}: method", method, METHODS + ON_GPU)
    require_recurrence(name, gates, given)
    inputs, (rows, D) = given["inputs"], given["weight_hh"].shape
    refused = {f"it needs an NVIDIA GPU, and the tensors are on {inputs.device}": not inputs.is_cuda}
    if method == "fused":
        refused = {
            f"its weights fit on the chip up to D = {WIDEST}, not D = {D}": D > WIDEST,
            f"it computes in float32, and the tensors are {inputs.dtype}": inputs.dtype == torch.float64,
            unavailable(inputs): True,
        }
    require_able(name, method, "'torch', or leave it to 'auto'", refused if method in ON_GPU else {})
    zeros = {"bias_ih": (rows,), "bias_hh": (rows,)} | dict.fromkeys(("hidden", "cell"), (len(inputs), D))
    tensors = [inputs.new_zeros(zeros[part]) if tensor is None else tensor for part, tensor in given.items()]
    trains = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    if method in ("auto", "torch", "cudnn"):
        return _torch(name, *tensors)
    if method == "graph":
        return _Graphed.apply(trains, step, *tensors)
    if method == "fused":
        from .kernels.rnn import Fused  # here: it needs triton

        _, weight_ih, weight_hh, bias_ih, bias_hh, hidden, *cell = tensors
        hoisted = F.linear(inputs.float(), weight_ih.float(), bias_ih.float())  # (B, T, gates·D)
        return Fused.apply(hoisted.unflatten(-1, (gates, -1)), weight_hh, bias_hh, hidden, *(cell or [hidden]))
    return _loop(step, method == "hoisted", *tensors)


def _loop(step, hoist, inputs, weight_ih, weight_hh, bias_ih, bias_hh, *state):
    hoisted = inputs @ weight_ih.T + bias_ih if hoist else None  # (B, T, gates·D)
    states = []
    for t in range(inputs.shape[1]):
        from_input = hoisted[:, t] if hoist else inputs[:, t] @ weight_ih.T + bias_ih
        state = step(from_input, state[0] @ weight_hh.T + bias_hh, state)
        states.append(state[0])
    return torch.stack(states, dim=1)


def _torch(name, inputs, weight_ih, weight_hh, bias_ih, bias_hh, *state):
    state = [part.unsqueeze(0).contiguous() for part in state]  # torch wants (layers, B, D)
    kernel = {"elman": torch.rnn_tanh, "gru": torch.gru, "lstm": torch.lstm}[name]
    weights, start = (weight_ih, weight_hh, bias_ih, bias_hh), state if name == "lstm" else state[0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "RNN module weights")  # cuDNN packs them into one tensor, and says so
        # biases, one layer, no dropout, keep what a gradient needs, one direction, batch first
        return kernel(inputs, start, weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)[0]


class _Graphed(torch.autograd.Function):
    """The hoisted loop as a CUDA graph, and its gradient as another.

    The second runs the loop once more instead of keeping what the first one saw: a graph has one set of buffers, and
    the layer may have run again, on other inputs, before its gradient is asked for.
    """

    @staticmethod
    def forward(ctx, trains, step, *tensors):
        about = (step, tuple(tuple(tensor.shape) for tensor in tensors), tensors[0].dtype, tensors[0].device)
        about += (torch.get_float32_matmul_precision(),)  # which a graph keeps, as it was recorded
        ctx.save_for_backward(*tensors)
        ctx.gradient = _recorded(_gradient, *about) if trains else None
        return _recorded(_states, *about)(*tensors)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return None, None, *ctx.gradient(*ctx.saved_tensors, grad)


def _states(step, *tensors):
    return [_loop(step, True, *tensors)]


def _gradient(step, *tensors):
    leaves = [tensor.detach().requires_grad_() for tensor in tensors[:-1]]
    with torch.enable_grad():
        return torch.autograd.grad(_loop(step, True, *leaves), leaves, tensors[-1])


@functools.lru_cache(maxsize=8)  # a graph keeps its memory
def _recorded(function, step, shapes, dtype, device, precision):
    """`function` as a CUDA graph: copies the tensors in, starts all kernels at once, copies the results out."""
    if function is _gradient:
        shapes += ((*shapes[0][:2], shapes[2][1]),)  # the states', (B, T, D)
    # Not in inference mode, or who calls it outside of it later could not fill the buffers.
    with torch.inference_mode(False), torch.no_grad(), torch.cuda.device(device):
        held = [torch.zeros(size, dtype=dtype, device=device) for size in shapes]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            function(step, *held)  # what happens only the first time must not be recorded
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = function(step, *held)

    def replay(*tensors):
        for buffer, tensor in zip(held, tensors, strict=True):
            buffer.copy_(tensor)
        graph.replay()
        return [result.clone() for result in results]

    return replay


def require_recurrence(name, gates, tensors):
    """Raise a TypeError or a ValueError unless {label: tensor or None} fit each other; as `elman` says."""
    rows = "D" if gates == 1 else f"{gates}·D"
    spec = {"inputs": "B T Din", "weight_ih": f"{rows} Din", "weight_hh": f"{rows} D", "hidden": "[B D]"}
    spec |= {"cell": "[B D]"} | dict.fromkeys(("bias", "bias_ih", "bias_hh"), f"[{rows}]")
    require_tensors(name, spec, tensors)
