"""helpers.recurrence: the loop defines each layer; every other method, and torch's own modules, are held against it."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from helpers import elman, gru, lstm
from helpers.ops import recurrence
from helpers.ops.recurrence import METHODS

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies as st  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
DRAWN = hypothesis.settings(max_examples=20, deadline=None, derandomize=True)
EXACT = 1e-12
GATES = {elman: 1, gru: 3, lstm: 4}
MODULES = {elman: nn.RNN, gru: nn.GRU, lstm: nn.LSTM}
each_layer = pytest.mark.parametrize("layer", GATES, ids=lambda layer: layer.__name__)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(dtype)


def largest(a, b):
    return (a.double() - b.double()).abs().max().item()


def weights_of(layer, width, D, dtype=torch.float64):
    rows = GATES[layer] * D
    shapes = ((rows, width), (rows, D), (rows,), (rows,))
    return [normal(*shape, seed=10 + i, dtype=dtype) / 2 for i, shape in enumerate(shapes)]


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
    kept = [tensor.clone() for tensor in tensors]
    for method in METHODS:
        layer(inputs, *weights, **keywords, method=method)
    assert all(map(torch.equal, kept, tensors))


@each_layer
@pytest.mark.parametrize("T", [1, 4])
def test_it_is_the_recurrence_in_pythons_own_numbers(layer, T):
    inputs, weights = normal(1, T, 3), weights_of(layer, 3, 2)
    states = {"hidden": normal(1, 2, seed=1), "cell": normal(1, 2, seed=2)}
    by_hand = definition(layer, inputs[0].tolist(), weights, states["hidden"][0].tolist(), states["cell"][0].tolist())
    given = states if layer is lstm else {"hidden": states["hidden"]}
    for method in METHODS:
        assert largest(layer(inputs, *weights, **given, method=method)[0], by_hand) < EXACT


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
        found = layer(inputs, *module.all_weights[0], hidden=hidden, method=method)
        gradients = torch.autograd.grad((found * towards).sum(), wanted)
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
        rest = layer(inputs[:, 4:], *weights, hidden=whole[:, 3], method=method)
        assert largest(rest, whole[:, 4:]) < EXACT


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
def test_a_zero_state_is_what_is_meant_by_no_state(layer):
    inputs, weights, zeros = normal(2, 3, 3), weights_of(layer, 3, 4), torch.zeros(2, 4, dtype=torch.float64)
    states = {"hidden": zeros, "cell": zeros} if layer is lstm else {"hidden": zeros}
    for method in METHODS:
        assert torch.equal(layer(inputs, *weights, **states, method=method), layer(inputs, *weights, method=method))


def bad_calls():
    """{what is wrong: (what to change in a good call to lstm, the error, words in it)}"""
    x, weight_ih, weight_hh, bias = normal(2, 3, 5), normal(16, 5), normal(16, 4), normal(16)
    return {
        "no batch": ({"inputs": x[0]}, ValueError, ["(B, T, Din)", "(3, 5)", "inputs[None]"]),
        "four dimensions": ({"inputs": x[None]}, ValueError, ["(B, T, Din)", "(1, 2, 3, 5)"]),
        "an empty time axis": ({"inputs": x[:, :0]}, ValueError, ["inputs is empty", "(2, 0, 5)"]),
        "an empty batch": ({"inputs": x[:0]}, ValueError, ["inputs is empty", "(0, 3, 5)"]),
        "no hidden width": (
            {"weight_hh": weight_hh[:0, :0], "weight_ih": weight_ih[:0]},
            ValueError,
            ["weight_hh", "(0, 0)"],
        ),
        "inputs of another width": (
            {"inputs": normal(2, 3, 4)},
            ValueError,
            ["(2, 3, 4)", "Din is 4 in inputs and 5 in weight_ih"],
        ),
        "weights transposed": ({"weight_hh": weight_hh.T}, ValueError, ["(4·D, D)", "(4, 16)", "try weight_hh.T"]),
        "weights of another layer": ({"weight_hh": normal(12, 4)}, ValueError, ["(4·D, D)", "(12, 4)"]),
        "weights with one dimension": ({"weight_hh": bias}, ValueError, ["(4·D, D)", "(16,)"]),
        "input weights transposed": (
            {"weight_ih": weight_ih.T},
            ValueError,
            ["weight_ih has 5 for 4·D, no multiple of 4", "try weight_ih.T"],
        ),
        "a short bias": ({"bias_ih": bias[:4]}, ValueError, ["bias_ih (4·D)", "bias_ih (4,)"]),
        "a bias that is a matrix": (
            {"bias_hh": bias[None]},
            ValueError,
            ["bias_hh (4·D)", "bias_hh (1, 16)", "bias_hh.squeeze(0)"],
        ),
        "a hidden state of torch's module": (
            {"hidden": normal(1, 2, 4)},
            ValueError,
            ["hidden (B, D)", "hidden (1, 2, 4)", "hidden.squeeze(0)"],
        ),
        "a hidden state of another batch": ({"hidden": normal(1, 4)}, ValueError, ["B is 2 in inputs and 1 in hidden"]),
        "a cell of another width": ({"cell": normal(2, 5)}, ValueError, ["D is 4 in weight_ih and 5 in cell"]),
        "whole numbers": ({"inputs": x.long()}, TypeError, ["inputs", "torch.int64", "inputs.float()"]),
        "eight bits": ({"inputs": x.to(torch.float8_e4m3fn)}, TypeError, ["float8", "inputs.float()"]),
        "mixed dtypes": (
            {"inputs": x.float()},
            TypeError,
            ["inputs torch.float32", "weight_ih torch.float64", ".to(dtype)"],
        ),
        "a state of another dtype": (
            {"hidden": normal(2, 4).float()},
            TypeError,
            ["hidden torch.float32", ".to(dtype)"],
        ),
        "mixed devices": (
            {"weight_hh": weight_hh.to("meta")},
            TypeError,
            ["weight_hh meta", "inputs cpu", ".to(device)"],
        ),
        "an array": ({"inputs": x.numpy()}, TypeError, ["inputs", "ndarray", "torch.tensor"]),
        "no inputs": ({"inputs": None}, TypeError, ["inputs", "NoneType"]),
        "no input weights": ({"weight_ih": None}, TypeError, ["weight_ih", "NoneType"]),
        "no recurrent weights": ({"weight_hh": None}, TypeError, ["weight_hh", "NoneType"]),
        "a bias that is a number": ({"bias_ih": 0.0}, TypeError, ["bias_ih", "float", "torch.tensor"]),
        "a state that is a pair": ({"hidden": (normal(2, 4), normal(2, 4))}, TypeError, ["hidden", "tuple"]),
    }


@pytest.mark.parametrize("case", bad_calls())
def test_bad_input_gets_a_sentence_before_any_work(case, monkeypatch):
    changed, kind, said = bad_calls()[case]
    good = {"inputs": normal(2, 3, 5), "weight_ih": normal(16, 5), "weight_hh": normal(16, 4)}
    monkeypatch.setattr(recurrence, "_lstm_step", lambda *_: pytest.fail("worked on bad input"))
    monkeypatch.setattr(torch, "lstm", lambda *_: pytest.fail("worked on bad input"))
    for method in METHODS:
        with pytest.raises(kind) as raised:
            lstm(**good | changed, method=method)
        assert type(raised.value) is kind
        assert str(raised.value).startswith("lstm")
        assert not [words for words in said if words not in str(raised.value)], raised.value
        assert "\n" not in str(raised.value)


def test_each_layer_says_its_own_name_and_number_of_gates():
    x = normal(2, 3, 5)
    with pytest.raises(ValueError, match=r"elman needs .*weight_hh \(D, D\).*\(8, 4\)"):
        elman(x, normal(8, 5), normal(8, 4))
    with pytest.raises(ValueError, match=r"gru needs .*weight_hh \(3·D, D\).*\(16, 4\)"):
        gru(x, normal(16, 5), normal(16, 4))


@each_layer
@pytest.mark.parametrize(("given", "meant"), [("lop", "loop"), ("hoist", "hoisted"), ("scan", None), (None, None)])
def test_an_unknown_method_names_the_others_and_the_nearest(layer, given, meant):
    with pytest.raises(ValueError, match=f"{layer.__name__}: method=") as raised:
        layer(None, None, None, method=given)
    assert all(repr(method) in str(raised.value) for method in METHODS)
    assert (f"Did you mean {meant!r}?" in str(raised.value)) == (meant is not None)
