"""Every function of helpers.ops under autocast, torch.compile, torch.func, on the meta device, differentiated twice.

What holds for each of its methods: the loop's numbers come back, or one sentence names the method that gives them.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from tensors import EXACT, largest, normal, with_gradients

from helpers import (
    attention,
    attention_weights,
    decode_attention,
    elman,
    gru,
    linear_attention,
    linear_recurrence,
    lstm,
    min_gru,
    newton_recurrence,
)


class Case(NamedTuple):
    """One method of one function: call(method, *tensors), and the tensors; the method that defines it."""

    call: Callable
    tensors: tuple
    method: str
    definition: str

    def run(self, *tensors, method=None):
        return self.call(method or self.method, *tensors)


MASK = torch.tensor([[True, False, True, True], [True, True, False, True], [False, True, True, True]])


def causal(method, query, key, value):
    return attention(query, key, value, is_causal=True, method=method)


def masked(method, query, key, value):
    return attention(query, key, value, mask=MASK.to(query.device), method=method)


def weights(_, query, key):
    return attention_weights(query, key, is_causal=True)


def decode(method, query, key, value):
    return decode_attention(query, key, value, torch.tensor([2, 4], device=query.device), method=method)


def linear(method, query, key, value):
    return linear_attention(query, key, value, method=method)


def scan(method, decay, inputs, hidden):
    return linear_recurrence(decay.sigmoid(), inputs, hidden=hidden, method=method)


def backwards(method, decay, inputs, hidden):
    return linear_recurrence(decay.sigmoid(), inputs, hidden=hidden, reverse=True, method=method)


def gated(method, inputs, weight_gate, weight_hidden, bias_gate, bias_hidden):
    return min_gru(inputs, weight_gate, weight_hidden, bias_gate, bias_hidden, positive=True, method=method)


def recurrent(layer):
    def call(method, *tensors):
        return layer(*tensors[:5], hidden=tensors[5], method=method)

    return call


def newton(method, *tensors):
    if method == "loop":
        return elman(*tensors, method="loop")
    return newton_recurrence(*tensors, jacobian=method, tolerance=1e-6 if tensors[0].dtype == torch.float32 else 1e-14)[
        0
    ]


def draw(*shapes, dtype=torch.float64):
    return tuple(normal(*shape, seed=seed, dtype=dtype) / 2 for seed, shape in enumerate(shapes))


def cases(dtype=torch.float64):
    heads = draw((2, 3, 4), (2, 4, 4), (2, 4, 5), dtype=dtype)
    long = draw((2, 70, 4), (2, 70, 4), (2, 70, 5), dtype=dtype)
    caches = draw((2, 3, 1, 4), (2, 3, 4, 4), (2, 3, 4, 5), dtype=dtype)
    steps = draw((2, 20, 3), (2, 20, 3), (2, 3), dtype=dtype)
    gates = draw((2, 20, 4), (3, 4), (3, 4), (3,), (3,), dtype=dtype)
    table = [
        ("causal", causal, heads, "loop", ("loop", "naive", "online", "sdpa", "auto")),
        ("masked", masked, heads, "loop", ("loop", "naive", "online", "sdpa", "auto")),
        ("weights", weights, heads[:2], "loop", ("loop",)),
        ("decode", decode, caches, "naive", ("naive", "sdpa", "auto")),
        ("linear", linear, long, "recurrent", ("recurrent", "parallel", "chunked", "auto")),
        ("scan", scan, steps, "loop", ("loop", "hillis_steele", "blelloch", "chunked", "auto")),
        ("backwards", backwards, steps, "loop", ("loop", "hillis_steele", "blelloch", "chunked", "auto")),
        ("min_gru", gated, gates, "loop", ("loop", "scan", "log", "auto")),
        ("newton", newton, draw((2, 9, 4), (3, 4), (3, 3), (3,), dtype=dtype), "loop", ("dense", "diagonal")),
    ]
    for layer, rows in ((elman, 3), (gru, 9), (lstm, 12)):
        tensors = draw((2, 6, 4), (rows, 4), (rows, 3), (rows,), (rows,), (2, 3), dtype=dtype)
        table.append((layer.__name__, recurrent(layer), tensors, "loop", ("loop", "hoisted", "torch", "auto")))
    return {
        f"{name}-{method}": Case(call, tensors, method, definition)
        for name, call, tensors, definition, methods in table
        for method in methods
    }


CASES = cases()
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def names_a_method(error):
    """Whether an error is one sentence that says what to use instead."""
    return re.search(r"\buse (method )?('\w+'|elman)", str(error)) and "\n" not in str(error)


def outcome(function, *arguments):
    """(the result, None), or (None, the error)."""
    try:
        return function(*arguments), None
    except (TypeError, ValueError, RuntimeError) as error:
        return None, error


# torch.autocast.


@pytest.mark.parametrize("name", CASES)
def test_autocast_changes_no_number_and_no_dtype(name):
    case = cases(torch.float32)[name]
    tensors = [tensor.requires_grad_() for tensor in case.tensors]
    plain = case.run(*tensors)
    with torch.autocast("cpu", torch.bfloat16):
        inside = case.run(*tensors)
        assert (tensors[0] @ tensors[0].mT).dtype == torch.bfloat16, "and goes on where it was"
    assert inside.dtype == torch.float32
    assert torch.equal(inside, plain)
    slopes = [torch.autograd.grad(result.square().sum(), tensors) for result in (inside, plain)]
    assert all(map(torch.equal, *slopes))


@pytest.mark.parametrize("name", ["causal-online", "masked-online", "scan-chunked", "newton-dense"])
def test_gradients_of_our_own_keep_float32_when_they_are_asked_for_under_autocast(name):
    case = cases(torch.float32)[name]
    plain = with_gradients(case.run, case.tensors)
    with torch.autocast("cpu", torch.bfloat16):
        result = case.run(*(leaves := [tensor.detach().requires_grad_() for tensor in case.tensors]))
        slopes = torch.autograd.grad(result.sum(), leaves[-1:])
    assert largest(slopes[0], plain[-1]) < 1e-6


def test_a_report_of_newtons_method_is_true_under_autocast():
    tensors = [tensor.float() for tensor in CASES["newton-dense"].tensors]
    for jacobian in ("dense", "diagonal"):
        with torch.autocast("cpu", torch.bfloat16):
            states, report = newton_recurrence(*tensors, jacobian=jacobian)
        assert report.converged
        assert report.difference == largest(states, elman(*tensors, method="loop")) < 1e-5


# torch.compile.


@pytest.mark.filterwarnings("ignore")  # it speaks of every call that it leaves to Python
@pytest.mark.parametrize("name", ["causal-online", "scan-chunked", "newton-dense"])
def test_a_caller_that_torch_compiles_gets_the_same_numbers(name):
    case = CASES[name]
    compiled = torch.compile(case.run, backend="eager")  # traced, and without a compiler for C
    results = [with_gradients(run, case.tensors) for run in (case.run, compiled)]
    assert all(largest(a, b) < EXACT for a, b in zip(*results, strict=True))


# torch.func.


@each_case
def test_the_gradient_of_torch_func_is_that_of_autograd(case):
    places = tuple(range(len(case.tensors)))
    slopes = torch.func.grad(lambda *tensors: case.run(*tensors).square().sum(), argnums=places)(*case.tensors)
    result = case.run(*case.tensors, method=case.definition)
    _, *expected = with_gradients(case.run, case.tensors, 2 * result, method=case.definition)
    assert all(largest(a, b) < 1e-11 for a, b in zip(slopes, expected, strict=True))


@each_case
@pytest.mark.parametrize("which", ["all", "first", "last"])
def test_vmap_gives_what_each_call_alone_gives_or_names_the_method_that_does(case, which):
    places = {"all": range(len(case.tensors)), "first": [0], "last": [len(case.tensors) - 1]}[which]
    dims = tuple(1 if place in places else None for place in range(len(case.tensors)))
    stacked = [
        torch.stack([tensor, -tensor, tensor + 0.1], dim=1) if place in places else tensor
        for place, tensor in enumerate(case.tensors)
    ]
    results, error = outcome(torch.func.vmap(case.run, in_dims=dims), *stacked)
    if case.method in ("torch", "dense", "diagonal"):
        assert names_a_method(error)
        return
    for i, result in enumerate(results):
        alone = [tensor.select(1, i) if place in places else tensor for place, tensor in enumerate(stacked)]
        assert largest(result, case.run(*alone, method=case.definition)) < EXACT


@each_case
def test_the_gradients_of_single_samples_are_those_of_each_call_alone(case):
    def loss(first, *others):
        return case.run(first, *others).square().sum()

    batch = torch.stack([case.tensors[0], -case.tensors[0]])
    dims = (0, *[None] * (len(case.tensors) - 1))
    slopes, error = outcome(torch.func.vmap(torch.func.grad(loss), in_dims=dims), batch, *case.tensors[1:])
    if case.method in ("torch", "dense", "diagonal"):
        assert names_a_method(error)
        return
    for first, slope in zip(batch, slopes, strict=True):
        assert largest(slope, torch.func.grad(loss)(first, *case.tensors[1:])) < EXACT


@each_case
def test_gradients_of_many_directions_at_once_are_those_of_one_after_the_other(case):
    first = case.tensors[0].clone().requires_grad_()
    result = case.run(first, *case.tensors[1:])

    def slope(direction):
        return torch.autograd.grad(result, first, direction, retain_graph=True)[0]

    directions = torch.stack([torch.ones_like(result), result.detach()])
    for direction, together in zip(directions, torch.func.vmap(slope)(directions), strict=True):
        assert largest(together, slope(direction)) < EXACT


@pytest.mark.parametrize("case", [case for name, case in CASES.items() if name != "min_gru-log"])
def test_forward_mode_gives_the_loops_numbers_or_names_the_method_that_does(case):
    first, others = case.tensors[0], case.tensors[1:]

    def slope(method):
        return torch.func.jvp(lambda x: case.run(x, *others, method=method), (first,), (first.cos(),))[1]

    result, error = outcome(slope, case.method)
    if error and case.method in ("sdpa", "auto", "torch"):
        assert "forward AD" in str(error), "torch's kernels speak for themselves"
    elif error:
        assert names_a_method(error)
    else:
        assert largest(result, slope(case.definition)) < 1e-11


# Second derivatives.


@each_case
def test_second_derivatives_are_the_loops_or_one_sentence_names_the_method_that_has_them(case):
    """The first gradient is mixed with another term, as in a gradient penalty: there a lost part is not seen."""

    def penalty(method):
        tensors = [tensor.clone().requires_grad_() for tensor in case.tensors]
        total = case.run(*tensors, method=method).sum() + sum(tensor.pow(3).sum() for tensor in tensors)
        slopes = torch.autograd.grad(total, tensors, create_graph=True)
        return torch.autograd.grad(sum(slope.square().sum() for slope in slopes), tensors)

    second, error = outcome(penalty, case.method)
    if error and case.method in ("sdpa", "auto"):
        assert "derivative" in str(error), "torch's kernels speak for themselves"
    elif error:
        assert names_a_method(error)
        assert case.method == "online"
    else:
        assert all(largest(a, b) < 1e-10 for a, b in zip(second, penalty(case.definition), strict=True))


# The meta device.


@each_case
def test_on_the_meta_device_shapes_come_back_or_a_sentence(case):
    tensors = [tensor.to("meta") for tensor in case.tensors]
    result, error = outcome(case.run, *tensors)
    if case.method in ("dense", "diagonal"):
        assert names_a_method(error)
    else:
        assert result.is_meta
        assert result.shape == case.run(*case.tensors).shape
