"""helpers.min_gru: the loop defines both models; the scan and the logarithms are held against it."""

import math

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from scans import RMS, each_dtype
from tensors import EXACT, largest, normal, relative
from torch.autograd import gradcheck

from helpers.ops import min_gru as gated
from helpers.ops.min_gru import METHODS, min_gru

pytestmark = pytest.mark.usefixtures("unaided")
DRAWN = hypothesis.settings(max_examples=25)
MODELS = [(method, positive) for positive in (False, True) for method in METHODS if positive or method != "log"]
each_model = pytest.mark.parametrize(("method", "positive"), MODELS)


def weights_of(width, D, dtype=torch.float64):
    shapes = ((D, width), (D, width), (D,), (D,))
    return [normal(*shape, seed=10 + i, dtype=dtype) for i, shape in enumerate(shapes)]


def definition(inputs, weights, hidden, positive):
    """One sequence in Python's own numbers."""
    weight_gate, weight_hidden, bias_gate, bias_hidden = (weight.tolist() for weight in weights)
    states = []
    for x in inputs:
        for i in range(len(hidden)):
            gate = bias_gate[i] + math.fsum(w * v for w, v in zip(weight_gate[i], x, strict=True))
            candidate = bias_hidden[i] + math.fsum(w * v for w, v in zip(weight_hidden[i], x, strict=True))
            if positive:
                candidate = candidate + 0.5 if candidate >= 0 else 1 / (1 + math.exp(-candidate))
            z = 1 / (1 + math.exp(-gate))
            hidden[i] = (1 - z) * hidden[i] + z * candidate
        states.append(list(hidden))
    return torch.tensor(states, dtype=torch.float64)


@st.composite
def calls(draw):
    """(inputs, weights, keywords): any sizes, with or without biases and an initial state, strided or not."""
    B, T = draw(st.sampled_from([1, 2, 5])), draw(st.sampled_from([1, 2, 17, 40]))
    width, D = draw(st.tuples(*[st.sampled_from([1, 3, 8])] * 2))
    inputs, weights = normal(B, T, width), weights_of(width, D)
    for bias in (2, 3):
        if draw(st.booleans()):
            weights[bias] = None
    keywords = {"hidden": normal(B, D, seed=20).abs()} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        inputs = normal(T, width, B).permute(2, 0, 1)
        weights[:2] = [weight.T.contiguous().T for weight in weights[:2]]
        keywords = {name: state.T.contiguous().T for name, state in keywords.items()}
    return inputs, weights, keywords


@DRAWN
@hypothesis.given(calls())
def test_every_method_gives_the_loops_numbers_in_float64(call):
    inputs, weights, keywords = call
    tensors = [tensor for tensor in (inputs, *weights, *keywords.values()) if tensor is not None]
    copies = [tensor.clone() for tensor in tensors]
    for method, positive in MODELS:
        loop = min_gru(inputs, *weights, **keywords, positive=positive, method="loop")
        assert loop.shape == (*inputs.shape[:2], len(weights[0]))
        states = min_gru(inputs, *weights, **keywords, positive=positive, method=method)
        assert largest(states, loop) < EXACT * (100 if method == "log" else 1), method
    assert all(map(torch.equal, copies, tensors))


@each_model
@pytest.mark.parametrize("T", [1, 20])
def test_it_is_the_paper_in_pythons_own_numbers(T, method, positive):
    inputs, weights, hidden = normal(1, T, 3), weights_of(3, 2), normal(1, 2, seed=1).abs()
    by_hand = definition(inputs[0].tolist(), weights, hidden[0].tolist(), positive)
    assert largest(min_gru(inputs, *weights, hidden=hidden, positive=positive, method=method)[0], by_hand) < 1e-11


@pytest.mark.parametrize(("method", "asked"), [("loop", "loop"), ("scan", "auto"), ("auto", "auto")])
def test_a_scan_is_no_loop(method, asked, monkeypatch):
    """Their numbers are the same, so only the call tells them apart."""
    methods, recurrence = [], gated.linear_recurrence

    def noting(*tensors, **keywords):
        methods.append(keywords["method"])
        return recurrence(*tensors, **keywords)

    monkeypatch.setattr(gated, "linear_recurrence", noting)
    min_gru(normal(1, 5, 3), *weights_of(3, 2), method=method)
    assert methods == [asked]


def test_log_is_the_positive_model_and_the_others_are_not_unless_asked():
    inputs, weights = normal(2, 30, 3), weights_of(3, 4)
    log = min_gru(inputs, *weights, method="log")
    assert log.min() > 0
    assert largest(log, min_gru(inputs, *weights, positive=True)) < 1e-11
    assert min_gru(inputs, *weights).min() < 0
    assert torch.equal(min_gru(inputs, *weights), min_gru(inputs, *weights, positive=False, method="scan"))


@each_dtype
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("sizes", [(2, 1, 3, 5), (1, 64, 5, 1), (2, 1000, 3, 3), (1, 4097, 2, 2)], ids=str)
def test_loop_and_scan_stay_near_float64(sizes, positive, dtype):
    B, T, width, D = sizes
    inputs, weights = normal(B, T, width, dtype=dtype), weights_of(width, D, dtype=dtype)
    hidden = normal(B, D, seed=3, dtype=dtype)
    exact = [x.double() for x in (inputs, *weights)]
    oracle = min_gru(*exact, hidden=hidden.double(), positive=positive, method="loop")
    for method in ("loop", "scan", "auto"):
        states = min_gru(inputs, *weights, hidden=hidden, positive=positive, method=method)
        assert states.dtype == dtype
        assert relative(states, oracle) < RMS[dtype], method


@pytest.mark.parametrize("T", [100, 1000, 4097, 16384])
def test_the_error_of_log_grows_with_time_and_that_of_the_scan_does_not(T):
    inputs, weights = normal(2, T, 8, dtype=torch.float32), weights_of(8, 6, dtype=torch.float32)
    weights[0], weights[1] = weights[0] / 2, weights[1] / 2
    exact = [x.double() for x in (inputs, *weights)]
    oracle = min_gru(*exact, positive=True, method="scan")
    assert relative(min_gru(inputs, *weights, method="log"), oracle) < 1e-6 + 5e-8 * T
    assert relative(min_gru(inputs, *weights, positive=True, method="scan"), oracle) < 3e-7
    for dtype in (torch.float16, torch.bfloat16):  # logarithms in float32 keep 16 bits as good as they are
        rounded = [x.to(dtype) for x in (inputs, *weights)]
        oracle = min_gru(*(x.double() for x in rounded), positive=True)
        assert relative(min_gru(*rounded, method="log"), oracle) < 5e-3


def test_the_gradient_of_log_loses_more_than_its_states_and_that_of_the_scan_nothing():
    """The docstring's numbers: the terms of ∂L/∂W_z are as large as A, and cancel."""
    inputs, weights = normal(2, 4096, 8), weights_of(8, 6)
    tensors = [inputs, weights[0] / 2, weights[1] / 2, weights[2], weights[3]]
    upstream = normal(2, 4096, 6, seed=6)

    def slope(method, dtype):
        leaves = [x.to(dtype).requires_grad_() for x in tensors]
        return torch.autograd.grad(min_gru(*leaves, positive=True, method=method), leaves, upstream.to(dtype))[1]

    oracle = slope("scan", torch.float64)
    assert relative(slope("scan", torch.float32), oracle) < 1e-5
    assert relative(slope("log", torch.float64), oracle) < 1e-8
    assert relative(slope("log", torch.float32), oracle) > 1e-3


@pytest.mark.parametrize("positive", [False, True])
def test_gradients_agree_between_the_methods(positive):
    tensors = [x.requires_grad_() for x in (normal(2, 40, 3), *weights_of(3, 4), normal(2, 4, seed=5).abs())]
    upstream = normal(2, 40, 4, seed=6)
    slopes = {}
    for method in [method for method, kind in MODELS if kind == positive]:
        states = min_gru(*tensors[:5], hidden=tensors[5], positive=positive, method=method)
        slopes[method] = torch.autograd.grad(states, tensors, upstream)
    for method, gradients in slopes.items():
        assert all(largest(*pair) < 1e-10 for pair in zip(gradients, slopes["loop"], strict=True)), method


@each_model
def test_gradients_pass_gradcheck(method, positive):
    tensors = [x.requires_grad_() for x in (normal(1, 4, 2), *weights_of(2, 3), normal(1, 3, seed=5).abs() + 0.1)]
    assert gradcheck(lambda *t: min_gru(*t[:5], hidden=t[5], positive=positive, method=method), tensors)


@each_model
def test_gates_that_are_shut_open_or_saturated_stay_finite(method, positive):
    inputs = torch.tensor([0.5, 40, -40, 300, -300, 0, 40, 40, -300] * 10)[None, :, None].requires_grad_()
    one = torch.ones(1, 1)
    states = min_gru(inputs, one, -one, positive=positive, method=method)
    oracle = min_gru(inputs.double(), one.double(), -one.double(), positive=positive, method="loop")
    assert relative(states, oracle) < (1e-3 if method == "log" else 1e-5)  # log's A is −12 000 at the end
    assert torch.autograd.grad(states.sum(), inputs)[0].isfinite().all()


@pytest.mark.parametrize("method", ["loop", "scan"])
def test_what_an_almost_open_gate_lets_stay_keeps_its_digits(method):
    """σ(−18) is 1.5·10⁻⁸, and 1 − σ(18) is 0 in float32."""
    gate, hidden = torch.tensor([[[18.0]], [[30.0]]]), torch.full((2, 1), 1e10)
    states = min_gru(gate, torch.ones(1, 1), torch.zeros(1, 1), hidden=hidden, method=method)
    expected = 1e10 / (1 + gate.double().exp())  # 152 and 0.00094
    assert ((states - expected).abs() < 1e-6 * expected).all()


@each_model
def test_the_first_outputs_do_not_notice_later_inputs_and_a_later_half_goes_on(method, positive):
    inputs, weights = normal(2, 40, 3), weights_of(3, 4)
    whole = min_gru(inputs, *weights, positive=positive, method=method)
    for cut in (1, 20, 39):
        assert largest(min_gru(inputs[:, :cut], *weights, positive=positive, method=method), whole[:, :cut]) < 1e-11
        later = min_gru(inputs[:, cut:], *weights, hidden=whole[:, cut - 1], positive=positive, method=method)
        assert largest(later, whole[:, cut:]) < 1e-11
    moved = inputs.clone()
    moved[:, 21] += 1.0
    changed = (min_gru(moved, *weights, positive=positive, method=method) != whole).any(dim=2)
    assert not changed[:, :21].any()
    assert changed[:, 21].all()
