"""helpers.ops.recurrence: the loop defines each layer; every method, and torch's own modules, are held against it."""

import math

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from layers import each_layer, weights_of
from tensors import EXACT, largest, normal
from torch import nn
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from helpers import elman, gru, lstm
from helpers.ops.recurrence import METHODS

DRAWN = hypothesis.settings(max_examples=20)
MODULES = {elman: nn.RNN, gru: nn.GRU, lstm: nn.LSTM}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def definition(layer, inputs, weights, hidden, cell):
    """One sequence in Python's own numbers: inputs (T, Din) and states (D) as lists. Returns the hidden states."""
    weight_ih, weight_hh, bias_ih, bias_hh = (weight.tolist() for weight in weights)
    D, states = len(hidden), []
    for x in inputs:
        from_x = [
            b + math.fsum(w * v for w, v in zip(row, x, strict=True)) for row, b in zip(weight_ih, bias_ih, strict=True)
        ]
        from_h = [
            b + math.fsum(w * v for w, v in zip(row, hidden, strict=True))
            for row, b in zip(weight_hh, bias_hh, strict=True)
        ]
        both = [a + b for a, b in zip(from_x, from_h, strict=True)]
        if layer is elman:
            hidden = [math.tanh(total) for total in both]
        elif layer is gru:
            reset, update = [sigmoid(total) for total in both[:D]], [sigmoid(total) for total in both[D : 2 * D]]
            new = [math.tanh(from_x[2 * D + i] + reset[i] * from_h[2 * D + i]) for i in range(D)]
            hidden = [(1 - update[i]) * new[i] + update[i] * hidden[i] for i in range(D)]
        else:
            enter, forget, new, leave = (both[i * D : (i + 1) * D] for i in range(4))
            cell = [sigmoid(forget[i]) * cell[i] + sigmoid(enter[i]) * math.tanh(new[i]) for i in range(D)]
            hidden = [sigmoid(leave[i]) * math.tanh(cell[i]) for i in range(D)]
        states.append(hidden)
    return torch.tensor(states, dtype=torch.float64)


@st.composite
def calls(draw):
    """(layer, inputs, weights, keywords): any sizes, with or without biases and initial states, strided or not."""
    layer = draw(st.sampled_from([elman, gru, lstm]))
    B, T, width, D = (
        draw(st.sampled_from([1, 2, 5])),
        draw(st.sampled_from([1, 2, 7, 65])),
        *draw(st.tuples(*[st.sampled_from([1, 3, 8])] * 2)),
    )
    inputs, weights = normal(B, T, width), weights_of(layer, width, D)
    for bias in (2, 3):
        if draw(st.booleans()):
            weights[bias] = None
    keywords = {}
    for seed, name in enumerate(("hidden", "cell") if layer is lstm else ("hidden",)):
        if draw(st.booleans()):
            keywords[name] = normal(B, D, seed=20 + seed)
    if draw(st.booleans()):
        inputs = normal(T, width, B).permute(2, 0, 1)
        weights[:2] = [weight.T.contiguous().T for weight in weights[:2]]
        keywords = {name: state.T.contiguous().T for name, state in keywords.items()}
    return layer, inputs, weights, keywords


@DRAWN
@hypothesis.given(calls())
def test_every_method_gives_the_loops_numbers_in_float64(call):
    layer, inputs, weights, keywords = call
    loop = layer(inputs, *weights, **keywords, method="loop")
    assert loop.shape == (*inputs.shape[:2], weights[1].shape[1])
    for method in METHODS:
        assert largest(layer(inputs, *weights, **keywords, method=method), loop) < EXACT, method


@DRAWN
@hypothesis.given(calls())
def test_nothing_is_written_into_the_inputs(call):
    layer, inputs, weights, keywords = call
    tensors = [tensor for tensor in (inputs, *weights, *keywords.values()) if tensor is not None]
    copies = [tensor.clone() for tensor in tensors]
    for method in METHODS:
        layer(inputs, *weights, **keywords, method=method)
    assert all(map(torch.equal, copies, tensors))


@each_layer
@pytest.mark.parametrize("T", [1, 4])
def test_it_is_the_recurrence_in_pythons_own_numbers(layer, T):
    inputs, weights = normal(1, T, 3), weights_of(layer, 3, 2)
    states = {"hidden": normal(1, 2, seed=1), "cell": normal(1, 2, seed=2)}
    by_hand = definition(layer, inputs[0].tolist(), weights, states["hidden"][0].tolist(), states["cell"][0].tolist())
    states = states if layer is lstm else {"hidden": states["hidden"]}
    for method in METHODS:
        assert largest(layer(inputs, *weights, **states, method=method)[0], by_hand) < EXACT


@each_layer
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("bias", [True, False], ids=["biases", "no biases"])
@pytest.mark.parametrize("grad", [True, False], ids=["grad", "no_grad"])
def test_it_equals_torchs_own_module_from_that_modules_weights(layer, dtype, bias, grad):
    torch.manual_seed(0)
    module = MODULES[layer](5, 4, bias=bias, batch_first=True, dtype=dtype)
    inputs, hidden, cell = (
        normal(3, 9, 5, dtype=dtype),
        normal(3, 4, seed=1, dtype=dtype),
        normal(3, 4, seed=2, dtype=dtype),
    )
    tolerance = EXACT if dtype is torch.float64 else 1e-6
    states = {"hidden": hidden, "cell": cell} if layer is lstm else {"hidden": hidden}
    with torch.set_grad_enabled(grad):
        plain, _ = module(inputs)
        started, _ = module(inputs, (hidden[None], cell[None]) if layer is lstm else hidden[None])
        for method in METHODS:
            result = layer(inputs, *module.all_weights[0], method=method)
            assert result.dtype == dtype
            assert result.requires_grad == grad
            assert largest(result.detach(), plain.detach()) < tolerance
            later = layer(inputs, *module.all_weights[0], **states, method=method)
            assert largest(later.detach(), started.detach()) < tolerance


@each_layer
def test_gradients_agree_between_the_methods_and_with_torchs_module(layer):
    torch.manual_seed(1)
    module = MODULES[layer](3, 4, batch_first=True, dtype=torch.float64)
    inputs, hidden = normal(2, 12, 3).requires_grad_(), normal(2, 4, seed=1).requires_grad_()
    towards = normal(2, 12, 4, seed=3)
    wanted = [inputs, hidden, *module.all_weights[0]]
    start = (hidden[None], torch.zeros(1, 2, 4, dtype=torch.float64)) if layer is lstm else hidden[None]
    reference = torch.autograd.grad((module(inputs, start)[0] * towards).sum(), wanted)
    for method in METHODS:
        states = layer(inputs, *module.all_weights[0], hidden=hidden, method=method)
        gradients = torch.autograd.grad((states * towards).sum(), wanted)
        assert all(largest(a, b) < EXACT for a, b in zip(gradients, reference, strict=True)), method


@each_layer
def test_gradients_pass_gradcheck(layer):
    tensors = [tensor.requires_grad_() for tensor in (normal(1, 3, 2), *weights_of(layer, 2, 2), normal(1, 2, seed=5))]
    for method in ("loop", "torch"):
        assert gradcheck(lambda *t, by=method: layer(*t[:5], hidden=t[5], method=by), tensors)


@each_layer
def test_the_first_outputs_do_not_notice_later_inputs(layer):
    inputs, weights = normal(2, 10, 3), weights_of(layer, 3, 4)
    for method in METHODS:
        whole = layer(inputs, *weights, method=method)
        for cut in (1, 5, 9):
            assert largest(layer(inputs[:, :cut], *weights, method=method), whole[:, :cut]) < EXACT
        moved = inputs.clone()
        moved[:, 6] += 1.0
        changed = (layer(moved, *weights, method=method) != whole).any(dim=2)
        assert not changed[:, :6].any()
        assert changed[:, 6:].all()


@pytest.mark.parametrize("layer", [elman, gru], ids=["elman", "gru"])
def test_the_second_half_goes_on_from_the_first_halfs_last_state(layer):
    inputs, weights = normal(2, 10, 3), weights_of(layer, 3, 4)
    for method in METHODS:
        whole = layer(inputs, *weights, method=method)
        second = layer(inputs[:, 4:], *weights, hidden=whole[:, 3], method=method)
        assert largest(second, whole[:, 4:]) < EXACT


@each_layer
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_every_method_keeps_the_dtype_and_stays_near_float64(layer, dtype):
    inputs, weights = normal(2, 20, 5, dtype=dtype), weights_of(layer, 5, 4, dtype=dtype)
    oracle = layer(inputs.double(), *(weight.double() for weight in weights), method="loop")
    for method in METHODS:
        result = layer(inputs, *weights, method=method)
        assert result.dtype == dtype
        assert largest(result, oracle) < 20 * torch.finfo(dtype).eps


def test_one_bias_stands_for_the_sum_of_both():
    for layer in (elman, lstm):
        inputs, (weight_ih, weight_hh, bias_ih, bias_hh) = normal(2, 6, 3), weights_of(layer, 3, 4)
        for method in METHODS:
            together = layer(inputs, weight_ih, weight_hh, bias_hh=bias_ih + bias_hh, method=method)
            apart = layer(inputs, weight_ih, weight_hh, bias_ih, bias_hh, method=method)
            assert largest(together, apart) < EXACT


@each_layer
def test_no_state_is_a_state_of_zeros(layer):
    inputs, weights, zeros = normal(2, 3, 3), weights_of(layer, 3, 4), torch.zeros(2, 4, dtype=torch.float64)
    states = {"hidden": zeros, "cell": zeros} if layer is lstm else {"hidden": zeros}
    for method in METHODS:
        assert torch.equal(layer(inputs, *weights, **states, method=method), layer(inputs, *weights, method=method))


class Products(TorchDispatchMode):
    """Counts the products of matrices that are run, whatever their size."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function.overloadpacket.__name__ in ("mm", "bmm", "addmm")
        return function(*args, **kwargs or {})


@each_layer
@pytest.mark.parametrize(("method", "products"), [("loop", 2 * 7), ("hoisted", 1 + 7)])
def test_hoisted_multiplies_all_inputs_at_once(layer, method, products):
    with Products() as counted:
        layer(normal(2, 7, 3), *weights_of(layer, 3, 4), method=method)
    assert counted.count == products
