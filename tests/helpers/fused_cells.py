"""torch's fused LSTM and GRU cells, which exist for GPUs alone, by plain operations on a CPU: what
aten/src/ATen/native/cuda/RNN.cu computes, argument for argument."""

from contextlib import contextmanager

import torch


@contextmanager
def fused_cells_for_a_cpu():
    """While it lasts, the four operations run on CPU tensors too."""
    library = torch.library.Library("aten", "IMPL")
    for name, function in OPERATIONS.items():
        library.impl(name, function, "CPU")
    try:
        yield
    finally:
        library._destroy()


def _lstm(input_gates, hidden_gates, cell, input_bias=None, hidden_bias=None):
    assert (input_bias, hidden_bias) == (None, None)
    gates = input_gates + hidden_gates
    enter, forget, new, leave = gates.chunk(4, dim=1)
    enter, forget, new, leave = enter.sigmoid(), forget.sigmoid(), new.tanh(), leave.sigmoid()
    after = forget * cell + enter * new
    return leave * after.tanh(), after, torch.cat([enter, forget, new, leave], dim=1)


def _lstm_back(grad, grad_after, cell, after, workspace, has_bias):
    assert not has_bias
    enter, forget, new, leave = workspace.chunk(4, dim=1)
    shown = after.tanh()
    to_after = grad * leave * (1 - shown**2)
    to_after = to_after if grad_after is None else to_after + grad_after
    gates = [to_after * new * enter * (1 - enter), to_after * cell * forget * (1 - forget)]
    gates += [to_after * enter * (1 - new**2), grad * shown * leave * (1 - leave)]
    return torch.cat(gates, dim=1), to_after * forget, torch.empty(0)


def _gru(input_gates, hidden_gates, hidden, input_bias=None, hidden_bias=None):
    assert (input_bias, hidden_bias) == (None, None)
    (x_reset, x_update, x_new), (h_reset, h_update, h_new) = (g.chunk(3, dim=1) for g in (input_gates, hidden_gates))
    reset, update = (x_reset + h_reset).sigmoid(), (x_update + h_update).sigmoid()
    new = (x_new + reset * h_new).tanh()
    return new + update * (hidden - new), torch.cat([reset, update, new, hidden, h_new], dim=1)


def _gru_back(grad, workspace, has_bias):
    assert not has_bias
    reset, update, new, hidden, h_new = workspace.chunk(5, dim=1)
    to_new = grad * (1 - update) * (1 - new**2)
    to_reset, to_update = to_new * h_new * reset * (1 - reset), grad * (hidden - new) * update * (1 - update)
    to_input, to_hidden = (torch.cat([to_reset, to_update, n], dim=1) for n in (to_new, to_new * reset))
    return to_input, to_hidden, grad * update, torch.empty(0), torch.empty(0)


OPERATIONS = {
    "_thnn_fused_lstm_cell": _lstm,
    "_thnn_fused_lstm_cell_backward_impl": _lstm_back,
    "_thnn_fused_gru_cell": _gru,
    "_thnn_fused_gru_cell_backward": _gru_back,
}
