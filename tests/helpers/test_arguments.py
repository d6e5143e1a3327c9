"""helpers.arguments: one sentence for every way in which arguments can disagree, with a remedy that works."""

import re

import numpy as np
import pytest
import torch
from tensors import largest, normal
from torch.nn.utils.rnn import pack_sequence

from helpers import elman, gru, linear_recurrence, lstm
from helpers.arguments import refuse, require_sizes, require_tensors

SPEC = {"inputs": "B T Din", "weight": "3·D Din", "hidden": "[B D]"}
GOOD = {"inputs": (2, 5, 4), "weight": (9, 4), "hidden": (2, 3)}
LAYER = {"inputs": "B T Din", "weight_ih": "3·D Din", "weight_hh": "3·D D"}
GOOD_LAYER = {"inputs": (2, 5, 4), "weight_ih": (9, 4), "weight_hh": (9, 3)}
HEADS = {"query": "… Tq D", "key": "… Tk D", "one": "… 1"}
GOOD_HEADS = {"query": (2, 3, 7, 4), "key": (2, 3, 5, 4), "one": (2, 3, 1)}
BAD = [
    (
        SPEC,
        {"inputs": (5, 4), "hidden": None},
        "inputs has 2 instead of 3 axes; add the missing one, as inputs[None] does",
    ),
    (SPEC, {"inputs": (5, 4)}, "inputs has 2 instead of 3 axes; add the missing one"),
    (
        SPEC,
        {"inputs": (5, 4), "hidden": (3,)},
        "inputs has 2 instead of 3 axes; add the missing one, as inputs[None] and hidden[None] do",
    ),
    (SPEC, {"hidden": (1, 2, 3)}, "hidden has 3 instead of 2 axes; drop one, as hidden.squeeze(0) does"),
    (SPEC, {"hidden": (2, 2, 3)}, "hidden has 3 instead of 2 axes; drop one"),
    (SPEC, {"inputs": (2, 0, 4)}, "inputs is empty, as T is 0; give at least 1"),
    (SPEC, {"inputs": (0, 5, 4)}, "inputs is empty, as B is 0; give at least 1"),
    (SPEC, {"weight": (9, 5)}, "Din is 4 in inputs and 5 in weight; make them agree"),
    (SPEC, {"weight": (4, 9)}, "weight has 4 for 3·D, no multiple of 3; try weight.T"),
    (SPEC, {"weight": (8, 4)}, "weight has 8 for 3·D, no multiple of 3; use the state of this layer"),
    (SPEC, {"hidden": (2, 9)}, "D is 3 in weight and 9 in hidden; use the state of this layer"),
    (SPEC, {"hidden": (3, 2)}, "B is 2 in inputs and 3 in hidden; try hidden.T"),
    (
        LAYER,
        {"weight_ih": (4, 9), "weight_hh": (3, 9)},
        "weight_ih has 4 for 3·D, no multiple of 3; try weight_ih.T and weight_hh.T",
    ),
    (HEADS, {"key": (2, 1, 5, 4)}, "… is (2, 3) in query and (2, 1) in key; make them agree"),
    (HEADS, {"key": (4,)}, "key has 1 instead of 2 or more axes; add the missing one"),
    (HEADS, {"key": (5, 4)}, "… is (2, 3) in query and () in key; make them agree"),
    (HEADS, {"query": (0, 3, 7, 4)}, "query is empty, as a leading axis is 0; give at least 1"),
    (HEADS, {"one": (2, 3, 2)}, "one has 2 for 1; make them agree"),
]


def zeros(shapes):
    return {name: None if shape is None else torch.zeros(shape) for name, shape in shapes.items()}


def test_what_fits_passes():
    require_tensors("f", SPEC, zeros(GOOD))
    require_tensors("f", SPEC, zeros(GOOD) | {"hidden": None})
    require_tensors("f", HEADS, zeros(GOOD_HEADS))
    require_tensors("f", HEADS, zeros({"query": (7, 4), "key": (5, 4), "one": (1,)}))


@pytest.mark.parametrize(("spec", "changed", "sentence"), BAD, ids=[sentence for *_, sentence in BAD])
def test_the_first_disagreement_is_named_with_what_to_do(spec, changed, sentence):
    good = {"hidden": GOOD, "weight_hh": GOOD_LAYER, "one": GOOD_HEADS}[list(spec)[-1]]
    with pytest.raises(ValueError, match="^f needs ") as raised:
        require_tensors("f", spec, zeros(good | changed), {"D": "use the state of this layer"})
    assert str(raised.value).endswith(f": {sentence}.")
    name, shape = next(iter(changed.items()))
    assert f"{name} {shape}" in str(raised.value)
    assert f"{name} ({spec[name].strip('[]').replace(' ', ', ')})" in str(raised.value)


@pytest.mark.parametrize(("spec", "changed", "sentence"), BAD, ids=[sentence for *_, sentence in BAD])
def test_shapes_fit_once_a_call_that_was_named_has_been_made(spec, changed, sentence):
    good = {"hidden": GOOD, "weight_hh": GOOD_LAYER, "one": GOOD_HEADS}[list(spec)[-1]]
    tensors = zeros(good | changed)
    for name, call in re.findall(r"(\w+)(\.squeeze\(\d\)|\[None\]|\.T\b)", sentence.partition("; ")[2]):
        tensors[name] = eval(f"tensor{call}", {"tensor": tensors[name]})
    if "[" in sentence or "." in sentence:
        require_tensors("f", spec, tensors)


def test_a_tensor_that_is_needed_cannot_be_none():
    with pytest.raises(TypeError, match=r"^f: weight is a NoneType; give a torch tensor of shape \(3·D, Din\)\.$"):
        require_tensors("f", SPEC, zeros(GOOD) | {"weight": None})


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"T": 0}, "T=0 was given: an empty time axis has no step to compute. Give T=1 or more."),
        ({"d": 0}, "d=0 was given: there is nothing to compute. Give d=1 or more."),
        ({"d": 6, "heads": 4}, "d=6 cannot be split into heads=4 of equal width. Give one of 1, 2, 3, 6 heads."),
    ],
)
def test_a_size_that_cannot_be_is_named_with_those_that_can(sizes, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        require_sizes(**sizes)


def test_a_refusal_names_the_method_the_reason_and_another_method():
    with pytest.raises(ValueError, match=r"^f's method 'fast' cannot do this here: too long; use 'slow'\.$"):
        refuse("f", "fast", "too long", "'slow'")


# Remedies, followed.

inputs, weight_ih, weight_hh = normal(2, 3, 5), normal(16, 5), normal(16, 4)
h, c = normal(1, 2, 4), normal(1, 2, 4, seed=1)
layer = {"inputs": inputs, "weight_ih": weight_ih, "weight_hh": weight_hh}
small = {name: tensor.float() for name, tensor in layer.items()}
FOLLOWED = {
    "an array": (lstm, layer | {"inputs": inputs.numpy()}),
    "a list of numbers": (lstm, small | {"inputs": inputs.float().tolist()}),
    "a list of tensors": (lstm, layer | {"inputs": list(inputs)}),
    "what torch's module returns": (lstm, layer | {"inputs": (inputs, (h, c))}),
    "a packed sequence": (lstm, layer | {"inputs": pack_sequence([inputs[0], inputs[1, :2]])}),
    "a nested tensor": (
        lstm,
        layer | {"inputs": torch.nested.nested_tensor([inputs[0], inputs[1, :2]], layout=torch.jagged)},
    ),
    "torch's pair of states": (lstm, layer | {"hidden": (h, c)}),
    "a pair of states": (lstm, layer | {"hidden": (h[0], c[0])}),
    "the state of torch's module": (lstm, layer | {"hidden": h}),
    "both states of torch's module": (lstm, layer | {"hidden": h, "cell": c}),
    "whole numbers": (lstm, small | {"inputs": inputs.long()}),
    "whole numbers beside float64": (lstm, layer | {"inputs": inputs.long()}),
    "truths": (linear_recurrence, {"decay": inputs > 0, "inputs": inputs}),
    "eight bits": (elman, {name: tensor[:4].to(torch.float8_e4m3fn) for name, tensor in small.items()}),
    "complex numbers that are real": (lstm, layer | {"inputs": inputs + 0j}),
    "one dtype differs": (lstm, layer | {"inputs": inputs.float()}),
    "two dtypes differ": (lstm, layer | {"hidden": h[0].half(), "cell": c[0].float()}),
    "no batch": (lstm, layer | {"inputs": inputs[0]}),
    "no batch anywhere": (linear_recurrence, {"decay": inputs[0], "inputs": inputs[0]}),
    "one decay a channel": (linear_recurrence, {"decay": inputs[0, 0], "inputs": inputs}),
    "weights transposed": (lstm, layer | {"weight_ih": weight_ih.T, "weight_hh": weight_hh.T}),
    "a state of a gru": (
        gru,
        {"inputs": inputs, "weight_ih": weight_ih[:12], "weight_hh": weight_hh[:12], "hidden": h},
    ),
}
CALL = re.compile(r"torch(?:\.\w+)+\([^()]*\)(?:\[0\])?|\w+(?:\.\w+\([^()]*\)|\[[\w, ]+\]|\.T\b|\.real\b|\.float\(\))")


@pytest.mark.parametrize("case", FOLLOWED)
def test_a_remedy_works_when_it_is_followed(case):
    """Every call that a sentence names is made, on the argument that it names, until the function is content."""
    function, arguments = FOLLOWED[case]
    arguments = dict(arguments)
    result, steps = outcome(function, arguments), 0
    while not isinstance(result, torch.Tensor):
        steps += 1
        assert steps <= 3, result
        arguments |= follow(result, arguments)
        result = outcome(function, arguments)
    assert steps


def outcome(function, arguments):
    """The result, or what the error says."""
    try:
        return function(**arguments)
    except (TypeError, ValueError) as error:
        return str(error)


def follow(sentence, arguments):
    """The arguments that the remedy at the end of a sentence makes of these."""
    remedy, names = sentence.rpartition("; ")[2], {"torch": torch} | arguments
    by_name = re.search(r"hidden=(\S+), cell=(\S+)\.$", remedy)
    if by_name:
        return {"hidden": eval(by_name[1], names), "cell": eval(by_name[2], names)}
    calls = re.findall(CALL, remedy)
    assert calls, sentence
    return {re.search(r"\b(inputs|decay|hidden|cell|weight_\w\w)\b", call)[1]: eval(call, names) for call in calls}


def test_the_remedy_for_torchs_pair_of_states_gives_torchs_numbers():
    module = torch.nn.LSTM(5, 4, batch_first=True, dtype=torch.float64)
    wanted, _ = module(inputs, (h, c))
    with pytest.raises(TypeError, match=r"give both by name, hidden=hidden\[0\]\[0\], cell=hidden\[1\]\[0\]\."):
        lstm(inputs, *module.all_weights[0], hidden=(h, c))
    assert largest(lstm(inputs, *module.all_weights[0], hidden=h[0], cell=c[0]), wanted) < 1e-12


@pytest.mark.parametrize(
    ("decay", "sentence"),
    [
        (0.9, "decay is a float; give a torch tensor of shape (B, T, D)."),
        (None, "decay is a NoneType; give a torch tensor of shape (B, T, D)."),
        ((inputs, inputs), "decay is a tuple of 2 tensors; give one of them, as decay[0] is."),
        (torch.nn.Linear(2, 2), "decay is a Linear; give a torch tensor of shape (B, T, D)."),
        (
            inputs + 1j,
            "decay holds torch.complex128, and only real numbers are taken; if all are real, give decay.real.",
        ),
        (inputs.to("meta"), "a tensor on meta holds no numbers, so make decay on cpu."),
    ],
    ids=["a number", "nothing", "a pair", "a module", "complex numbers", "another device"],
)
def test_where_no_call_is_sure_to_help_none_is_named(decay, sentence):
    with pytest.raises(TypeError, match="linear_recurrence: ") as raised:
        linear_recurrence(decay, inputs)
    assert str(raised.value).endswith(sentence)
    assert ".float()" not in str(raised.value)
    assert "torch.tensor(" not in str(raised.value)


def test_the_tensor_that_differs_is_the_one_to_change():
    with pytest.raises(TypeError, match=r"; make them agree, as inputs\.to\(weight_ih\.dtype\) does\.$"):
        lstm(**layer | {"inputs": inputs.float()})
    with pytest.raises(TypeError, match=r"as hidden\.to\(inputs\.dtype\) and cell\.to\(inputs\.dtype\) do\.$"):
        lstm(**layer | {"hidden": h[0].float(), "cell": c[0].half()})


def test_an_empty_list_and_an_array_of_words_do_not_break_the_sentence():
    for value in ([], (), np.array(["a"]), "a", {1: 2}):
        with pytest.raises(TypeError, match="linear_recurrence: decay is a"):
            linear_recurrence(value, inputs)
