"""A recurrent layer as one CUDA graph: a single call starts all kernels of all steps.

A loop in Python starts some ten kernels a step, and each costs more to start than to run. Here a step is two: one
product, W h, and one kernel for the rest of the cell, torch's own, which torch.lstm_cell and torch.gru_cell call. What
waits for no state is one product for all steps: before the loop U x_t + b, after it the gradients of the weights, of
the biases and of the inputs. So the gradient's loop has two kernels a step too, a GRU's three.

Inside, time comes first: (T, B, …). Only helpers.ops.recurrence calls this file, with arguments that it has checked.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .modes import signed

aten = torch.ops.aten
ONCE = "A layer's method 'graph' has a first derivative by backward only; use method 'hoisted' for {}."


def graphed_layer(
    trains: bool,
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    hidden: Tensor,
    cell: Tensor | None = None,
) -> Tensor:
    """The states (B, T, D) of a layer, by its graph; trains: also record the graph of the gradient."""
    states = (hidden,) if cell is None else (hidden, cell)
    return _Graphed.apply(trains, inputs, weight_ih, weight_hh, bias_ih, bias_hh, *states)


class _Graphed(torch.autograd.Function):
    """The states, by one graph, and their gradient, by another.

    The second computes the states once more instead of keeping what the first one saw: a graph has one set of buffers,
    and the layer may have run again, on other inputs, before its gradient is asked for.
    """

    @staticmethod
    @signed
    def forward(trains, *tensors):
        return recorded(states_of, *_recorded_for(tensors))(*tensors)[0]

    @staticmethod
    def setup_context(ctx, inputs, output):
        trains, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.gradient = recorded(gradients_of, *_recorded_for(tensors)) if trains else None

    @staticmethod
    def backward(ctx, grad):
        return None, *_GraphedGradient.apply(ctx.gradient, *ctx.saved_tensors, grad)

    @staticmethod
    def vmap(info, dims, *_):
        raise NotImplementedError(ONCE.format("vmap"))

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError(ONCE.format("forward mode"))


class _GraphedGradient(torch.autograd.Function):
    """The gradients of all tensors of a layer, from that of its states."""

    @staticmethod
    @signed
    def forward(gradient, *tensors):
        return tuple(gradient(*tensors))

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise NotImplementedError(ONCE.format("second derivatives"))

    @staticmethod
    def vmap(info, dims, *_):
        raise NotImplementedError(ONCE.format("vmap"))


def _recorded_for(tensors):
    """What a graph is recorded for: the shapes, the dtype, the device, and the precision, which it keeps."""
    shapes = tuple(tuple(tensor.shape) for tensor in tensors)
    return shapes, tensors[0].dtype, tensors[0].device, torch.get_float32_matmul_precision()


@functools.lru_cache(maxsize=8)  # a graph keeps its memory
def recorded(function: Callable, shapes: tuple, dtype: torch.dtype, device: torch.device, precision: str) -> Callable:
    """`function` as a CUDA graph: copies the tensors in, starts all kernels at once, copies the results out."""
    if function is gradients_of:
        shapes += ((*shapes[0][:2], shapes[2][1]),)  # the states', (B, T, D)
    buffers, results, replay = record(function, shapes, dtype, device)

    def copy_and_replay(*tensors):
        for buffer, tensor in zip(buffers, tensors, strict=True):
            buffer.copy_(tensor)
        replay()
        return [result.clone() for result in results]

    return copy_and_replay


def record(function: Callable, shapes: tuple, dtype: torch.dtype, device: torch.device) -> tuple[list, list, Callable]:
    """(buffers of these shapes, results, replay): replay() computes results = function(*buffers), where they lie."""
    # Not in inference mode, or a later call outside of it could not fill the buffers.
    with torch.inference_mode(False), torch.no_grad(), torch.cuda.device(device):
        buffers = [torch.zeros(size, dtype=dtype, device=device) for size in shapes]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            function(*buffers)  # what happens only the first time must not be recorded
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = function(*buffers)
    return buffers, results, graph.replay


# What a graph records: plain functions of tensors, which run without a graph too.


class Run(NamedTuple):
    """One run of a layer. states: (T + 1, B, D), the one before the first step included; kept: what each step keeps for
    its gradient."""

    states: Tensor
    kept: list[tuple]


def states_of(*tensors: Tensor) -> list[Tensor]:
    """[the states (B, T, D)] from inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden and, of an LSTM, cell."""
    return [_run(*tensors).states[1:].transpose(0, 1)]


def gradients_of(*tensors: Tensor) -> list[Tensor]:
    """The gradients of all tensors of a layer; the last of `tensors` is that of the states, (B, T, D)."""
    *tensors, grad = tensors
    inputs, weight_ih, weight_hh = tensors[:3]
    run, step_back = _run(*tensors), _CELLS[_gates(weight_hh)].back
    grads = torch.cat([torch.zeros_like(tensors[5])[None], grad.transpose(0, 1)])  # (T + 1, B, D)
    grad_cell, to_input, to_hidden = None, [], []
    for t in reversed(range(len(run.kept))):
        to_x, to_h, grad_cell = step_back(grads, t, grad_cell, run.kept[t])
        grads[t].addmm_(to_h, weight_hh)
        to_input.append(to_x)
        to_hidden.append(to_h)
    to_input, to_hidden = (torch.stack(steps[::-1]).flatten(0, 1) for steps in (to_input, to_hidden))  # (T·B, gates·D)
    rows = inputs.transpose(0, 1).flatten(0, 1)
    grad_inputs = (to_input @ weight_ih).unflatten(0, (-1, len(inputs))).transpose(0, 1)
    weights = [to_input.T @ rows, to_hidden.T @ run.states[:-1].flatten(0, 1), to_input.sum(0), to_hidden.sum(0)]
    return [grad_inputs, *weights, grads[0]] + ([] if grad_cell is None else [grad_cell])


def _gates(weight_hh):
    return len(weight_hh) // weight_hh.shape[1]


def _run(inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell=None):
    start, step, _ = _CELLS[_gates(weight_hh)]
    bias, bias_hh = start(bias_ih, bias_hh)
    from_input = F.linear(inputs.transpose(0, 1), weight_ih, bias)  # (T, B, gates·D)
    states, kept, weight = [hidden], [], weight_hh.T
    for x in from_input:
        hidden, cell, keeps = step(x, hidden, cell, weight, bias_hh)
        states.append(hidden)
        kept.append(keeps)
    return Run(torch.stack(states), kept)


# The cells. start: which biases are added to U x, and which to W h. step: (U x + b, h, c, Wᵀ, b) to (h', c', what is
# kept). back: from the gradients of all states, whole from step t on, to (that of U x, that of W h, that of c).


class _Cell(NamedTuple):
    start: Callable
    step: Callable
    back: Callable


def _both_at_once(bias_ih, bias_hh):
    return bias_ih + bias_hh, None


def _elman_step(from_input, hidden, cell, weight, bias):
    hidden = from_input.addmm_(hidden, weight).tanh_()  # in its place: else a kernel more would copy it
    return hidden, None, (hidden,)


def _elman_back(grads, t, grad_cell, kept):
    to_both = aten.tanh_backward(grads[t + 1], *kept)
    return to_both, to_both, None


def _gru_step(from_input, hidden, cell, weight, bias):
    hidden, workspace = aten._thnn_fused_gru_cell(from_input, torch.addmm(bias, hidden, weight), hidden)
    return hidden, None, (workspace,)


def _gru_back(grads, t, grad_cell, kept):
    to_input, to_hidden, straight, *_ = aten._thnn_fused_gru_cell_backward(grads[t + 1], *kept, False)
    grads[t].add_(straight)
    return to_input, to_hidden, None


def _lstm_step(from_input, hidden, cell, weight, bias):
    hidden, after, workspace = aten._thnn_fused_lstm_cell(from_input, hidden @ weight, cell)
    return hidden, after, (cell, after, workspace)


def _lstm_back(grads, t, grad_cell, kept):
    to_both, grad_cell, _ = aten._thnn_fused_lstm_cell_backward_impl(grads[t + 1], grad_cell, *kept, False)
    return to_both, to_both, grad_cell


_CELLS = {
    1: _Cell(_both_at_once, _elman_step, _elman_back),
    3: _Cell(lambda *biases: biases, _gru_step, _gru_back),
    4: _Cell(_both_at_once, _lstm_step, _lstm_back),
}
