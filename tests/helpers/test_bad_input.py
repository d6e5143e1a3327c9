"""Bad input to the functions of helpers.ops: one sentence, with the shapes and a remedy, before any work."""

import inspect
import math

import numpy as np
import pytest
import torch
from tensors import normal
from torch.utils._python_dispatch import TorchDispatchMode

from helpers import (
    attention,
    attention_backend,
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
from helpers.ops import attention as softmax
from helpers.ops import decoding, recurrence, scan
from helpers.ops import linear_attention as linear
from helpers.ops import min_gru as gated

x, heads = normal(2, 3, 4), normal(2, 3, 3, 5)
query, cache = normal(2, 3, 1, 4), normal(2, 3, 7, 4)
inputs, weight_ih, weight_hh, state = normal(2, 3, 5), normal(16, 5), normal(16, 4), normal(2, 4)
GOOD = {
    attention: {"query": x, "key": x, "value": x},
    attention_weights: {"query": x, "key": x},
    attention_backend: {"query": x, "key": x, "value": x},
    decode_attention: {"query": query, "key_cache": cache, "value_cache": normal(2, 3, 7, 5), "length": 3},
    linear_attention: {"query": heads, "key": heads, "value": heads[..., :3]},
    linear_recurrence: {"decay": x, "inputs": x, "hidden": x[:, 0]},
    min_gru: {"inputs": inputs, "weight_gate": normal(4, 5), "weight_hidden": normal(4, 5), "hidden": state},
    elman: {"inputs": inputs, "weight_ih": weight_ih[:4], "weight_hh": weight_hh[:4]},
    gru: {"inputs": inputs, "weight_ih": weight_ih[:12], "weight_hh": weight_hh[:12]},
    lstm: {"inputs": inputs, "weight_ih": weight_ih, "weight_hh": weight_hh, "hidden": state, "cell": state},
    newton_recurrence: {"inputs": inputs, "weight_ih": weight_ih[:4], "weight_hh": weight_hh[:4], "hidden": state},
}
METHODS = {
    attention: softmax.METHODS,
    decode_attention: decoding.METHODS,
    linear_attention: linear.METHODS,
    linear_recurrence: scan.METHODS,
    min_gru: gated.METHODS,
    **dict.fromkeys((elman, gru, lstm), recurrence.METHODS + recurrence.ON_GPU),
}
SHAPES = [
    (attention, {"query": x[0, 0]}, ["(4,)", "query has 1 instead of 2 or more axes"]),
    (attention, {"key": normal(2, 3, 5)}, ["D is 4 in query and 5 in key", "(2, 3, 4)", "(2, 3, 5)", "project"]),
    (attention, {"value": x[:, :2]}, ["every key needs one value", "(2, 2, 4)"]),
    (attention, {"key": x[:1], "value": x[:1]}, ["… is (2,) in query and (1,) in key", "(1, 3, 4)", "repeat"]),
    (attention, {"key": x[0], "value": x[0]}, ["… is (2,) in query and () in key", "(3, 4)", "repeat"]),
    (attention, {"query": x[:, :0]}, ["query is empty, as Tq is 0; give at least 1", "(2, 0, 4)"]),
    (attention, {"key": x[:, :0], "value": x[:, :0]}, ["key is empty, as Tk is 0", "(2, 0, 4)"]),
    (attention, {"query": x[..., :0], "key": x[..., :0]}, ["query is empty, as D is 0", "(2, 3, 0)"]),
    (attention, {"query": x[:0], "key": x[:0], "value": x[:0]}, ["query is empty, as a leading axis is 0"]),
    (attention, {"key": x[:, :2], "value": x[:, :2], "is_causal": True}, ["Tq = 3", "Tk = 2", "(2, 2, 4)", "leave"]),
    (attention_weights, {"key": normal(2, 3, 5)}, ["attention_weights needs", "D is 4 in query and 5 in key"]),
    (attention_backend, {"key": x[..., :2]}, ["attention_backend needs", "D is 4 in query and 2 in key; project"]),
    (attention_backend, {"key": x[:, :2], "value": x[:, :2], "is_causal": True}, ["Tq = 3"]),
    (decode_attention, {"query": query[0], "key_cache": cache[0]}, ["(B, H, 1, D)", "(3, 1, 4)", "axes"]),
    (decode_attention, {"query": cache}, ["(2, 3, 7, 4)", "is_causal=True"]),
    (decode_attention, {"query": query[:, :1]}, ["H is 1 in query and 3 in key_cache", "repeat_interleave"]),
    (decode_attention, {"value_cache": cache[:, :, :5]}, ["T is 7 in key_cache and 5 in value_cache"]),
    (decode_attention, {"query": query[..., :3]}, ["(2, 3, 1, 3)", "D is 3 in query and 4 in key_cache"]),
    (
        decode_attention,
        {"key_cache": cache[:, :, :0], "value_cache": cache[:, :, :0]},
        ["key_cache is empty, as T is 0"],
    ),
    (linear_attention, {"query": heads[:, :, :2]}, ["one key for each query", "is_causal=False, or as many keys"]),
    (linear_attention, {"query": heads[:, :1]}, ["… is (2, 1) in query and (2, 3) in key; give all", "(2, 1, 3, 5)"]),
    (linear_recurrence, {"decay": x[0], "inputs": x[0], "hidden": None}, ["inputs[None] and decay[None]"]),
    (linear_recurrence, {"decay": x[0, 0]}, ["decay (4,)", "(2, 3, 4)", "decay.expand_as(inputs)"]),
    (linear_recurrence, {"decay": x[:, 1:]}, ["decay (2, 2, 4)", "give each input a decay of its own"]),
    (linear_recurrence, {"hidden": x[None, :, 0]}, ["hidden (B, D)", "hidden (1, 2, 4)", "hidden.squeeze(0)"]),
    (linear_recurrence, {"decay": x[:, :0], "inputs": x[:, :0]}, ["inputs is empty, as T is 0"]),
    (min_gru, {"weight_gate": normal(5, 4)}, ["Din is 5 in inputs and 4 in weight_gate", "try weight_gate.T"]),
    (min_gru, {"bias_gate": state[0, :1]}, ["D is 4 in weight_gate and 1 in bias_gate"]),
    (min_gru, {"bias_hidden": weight_hh[:4]}, ["bias_hidden (D)", "bias_hidden (4, 4)", "drop one"]),
    (elman, {"weight_hh": normal(8, 4)}, ["elman needs", "weight_hh (D, D)", "(8, 4)"]),
    (gru, {"weight_hh": normal(16, 4)}, ["gru needs", "weight_hh (3·D, D)", "(16, 4)"]),
    (lstm, {"inputs": inputs[0]}, ["lstm needs", "(B, T, Din)", "(3, 5)"]),
    (lstm, {"inputs": inputs[None]}, ["(1, 2, 3, 5)", "drop one, as inputs.squeeze(0) does"]),
    (lstm, {"weight_ih": weight_ih.T}, ["weight_ih has 5 for 4·D, no multiple of 4", "try weight_ih.T"]),
    (lstm, {"weight_hh": weight_hh[0]}, ["(4·D, D)", "(4,)", "1 instead of 2 axes"]),
    (lstm, {"bias_ih": state[0]}, ["bias_ih (4·D)", "bias_ih (4,)"]),
    (lstm, {"hidden": state[None], "cell": state[None]}, ["hidden.squeeze(0) and cell.squeeze(0) do"]),
    (lstm, {"cell": normal(2, 5)}, ["D is 4 in weight_ih and 5 in cell"]),
    (newton_recurrence, {"weight_hh": normal(16, 4)}, ["weight_hh (D, D)", "(16, 4)"]),
    (newton_recurrence, {"bias": state}, ["bias (D)", "bias (2, 4)", "drop one"]),
]
ones = torch.ones(3, 3)
VALUES = [
    (attention, {"mask": [[True] * 3] * 3}, TypeError, ["mask is list", "True where", "torch.tensor(mask)"]),
    (attention, {"mask": np.ones((3, 3), bool)}, TypeError, ["mask is ndarray", "torch.tensor(mask)"]),
    (attention, {"mask": ones.bool().to("meta")}, TypeError, ["meta", "cpu", "mask.to(query.device)"]),
    (attention, {"mask": torch.ones(3, 4).bool()}, ValueError, ["(3, 4)", "(2, 3, 3)", "(Tq, Tk)"]),
    (attention, {"mask": torch.ones(1, 2, 3, 3).bool()}, ValueError, ["(1, 2, 3, 3)", "(2, 3, 3)"]),
    (attention, {"mask": torch.tensor([[True], [False], [True]])}, ValueError, ["(2, 3, 4)", "no key", "allow"]),
    (attention, {"mask": ones.triu(1).bool(), "is_causal": True}, ValueError, ["no key", "allow"]),
    (attention, {"scale": "0.5"}, ValueError, ["scale is '0.5'", "one finite number"]),
    (attention, {"scale": torch.tensor(0.5)}, ValueError, ["scale is tensor(0.5000)", "one finite number"]),
    (attention, {"scale": math.nan}, ValueError, ["scale is nan", "leave it out"]),
    (attention, {"scale": math.inf}, ValueError, ["scale is inf", "leave it out"]),
    (decode_attention, {"length": 0}, ValueError, ["length is 0", "T = 7", "1 to 7"]),
    (decode_attention, {"length": 8}, ValueError, ["length is 8", "T = 7"]),
    (decode_attention, {"length": torch.tensor([3, 8])}, ValueError, ["3, 8", "1 to 7"]),
    (decode_attention, {"length": torch.tensor([0, 3])}, ValueError, ["0, 3", "1 to 7"]),
    (decode_attention, {"length": torch.tensor([3, 4, 5])}, ValueError, ["(3,)", "B = 2"]),
    (decode_attention, {"length": torch.ones(2, device="meta").long()}, TypeError, ["meta", "length.to(query.device)"]),
    (linear_attention, {"feature": 1.0}, TypeError, ["feature is a float", "torch.exp"]),
    (linear_attention, {"feature": lambda x: x.sum(-1)}, ValueError, ["feature made (2, 3, 3)", "last dimension"]),
    (linear_attention, {"feature": lambda x: x[..., :0]}, ValueError, ["feature made (2, 3, 3, 0)", "last dimension"]),
    (linear_attention, {"feature": lambda x: 1}, ValueError, ["feature made a int", "must return a tensor"]),
    (min_gru, {"positive": False, "method": "log"}, ValueError, ["without positive=True", "'scan'"]),
    (min_gru, {"hidden": -state.abs(), "method": "log"}, ValueError, ["hidden above 0, got -", "or use 'scan'"]),
    (min_gru, {"hidden": torch.zeros(2, 4).double(), "method": "log"}, ValueError, ["hidden above 0, got 0"]),
    (
        newton_recurrence,
        {name: x.half() for name, x in GOOD[newton_recurrence].items()},
        TypeError,
        ["float16", ".float()"],
    ),
    (newton_recurrence, {"jacobian": "diag"}, ValueError, ["'dense', 'diagonal'", "mean 'diagonal'?"]),
    (newton_recurrence, {"tolerance": -1.0}, ValueError, ["tolerance=-1.0", "1e-10"]),
    (newton_recurrence, {"tolerance": math.nan}, ValueError, ["tolerance=nan"]),
    (newton_recurrence, {"tolerance": "small"}, ValueError, ["'small'"]),
    (newton_recurrence, {"most": 0}, ValueError, ["most=0", "most=1 or more"]),
    (newton_recurrence, {"most": 2.5}, TypeError, ["most=2.5"]),
    (newton_recurrence, {"most": torch.tensor(2.5)}, TypeError, ["most=tensor(2.5000)", "whole number"]),
    (newton_recurrence, {"most": np.array([2, 3])}, TypeError, ["most=array([2, 3])", "whole number"]),
]
NO_LENGTHS = (3.0, torch.tensor([3.0, 4.0]), torch.tensor(3.5), True, np.True_, torch.ones(2).bool(), None, [3, 4])
for length in (*NO_LENGTHS, np.array([3, 4]), np.array(3.5)):
    VALUES.append(
        (decode_attention, {"length": length}, TypeError, [f"length is {length!r}", "whole number from 1 to 7"])
    )
KINDS = [
    (lambda tensor: tensor.long(), ["torch.int64", "{}.to(torch.float64)"]),
    (lambda tensor: tensor.float(), ["{} torch.float32", ".dtype) do"]),
    (lambda tensor: tensor.to("meta"), ["{} meta", "holds no numbers"]),
    (lambda tensor: tensor.numpy(), ["{} is a ndarray", "torch.tensor({})"]),
]


class NoWork(TorchDispatchMode):
    """Fails at the first operation of those that the functions are for."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name in ("mm", "bmm", "addmm", "mul", "addcmul", "exp", "tanh", "sigmoid", "_softmax") or "scaled" in name:
            pytest.fail(f"{name} was computed of bad input")
        return function(*args, **kwargs or {})


def refused(function, error, words, **arguments):
    """Call the function with each of its methods, and hold what it says against what it should."""
    methods = [arguments["method"]] if "method" in arguments else METHODS.get(function, [None])
    for method in methods:
        keywords = GOOD[function] | arguments | ({"method": method} if method else {})
        with NoWork(), pytest.raises(error) as raised:
            function(**keywords)
        assert type(raised.value) is error
        assert [part for part in words if part not in str(raised.value)] == [], raised.value
        assert "\n" not in str(raised.value)
        assert str(raised.value).endswith((".", "?"))


def named(row):
    return f"{row[0].__name__} {' '.join(row[1])} {row[-1][0]}"


@pytest.mark.parametrize("row", SHAPES, ids=named)
def test_shapes_that_disagree_are_named_with_what_to_do(row):
    function, changed, words = row
    refused(function, ValueError, words, **changed)


@pytest.mark.parametrize("row", VALUES, ids=named)
def test_a_value_that_cannot_be_is_shown_with_what_can(row):
    function, changed, error, words = row
    refused(function, error, words, **changed)


@pytest.mark.parametrize("function", GOOD, ids=lambda function: function.__name__)
def test_every_tensor_has_to_be_a_tensor_of_the_dtype_and_on_the_device_of_the_others(function):
    for name, tensor in GOOD[function].items():
        if not isinstance(tensor, torch.Tensor):
            continue
        for change, words in KINDS:
            if len(GOOD[function]) > 2 or ".dtype) do" not in words:  # of two tensors neither is the odd one
                refused(function, TypeError, [part.format(name) for part in words], **{name: change(tensor)})
        if inspect.signature(function).parameters[name].default is inspect.Parameter.empty:
            refused(function, TypeError, [f"{name} is a NoneType"], **{name: None})


@pytest.mark.parametrize(
    ("function", "word", "nearest"),
    [
        (attention, "spda", "sdpa"),
        (attention, "Loop", "loop"),
        (attention, "", None),
        (attention, 3, None),
        (decode_attention, "spda", "sdpa"),
        (linear_attention, "chunk", "chunked"),
        (linear_recurrence, "hillis", "hillis_steele"),
        (linear_recurrence, "cudnn", None),
        (min_gru, "logs", "log"),
        (elman, "fuse", "fused"),
        (gru, "hoist", "hoisted"),
        (lstm, None, None),
    ],
)
def test_an_unknown_method_names_the_others_and_the_nearest(function, word, nearest):
    with pytest.raises(ValueError, match=f"^{function.__name__}: method={word!r} is unknown; it is one of ") as raised:
        function(**GOOD[function] | {"method": word})
    assert all(repr(method) in str(raised.value) for method in METHODS[function])
    assert (f"Did you mean {nearest!r}?" in str(raised.value)) == (nearest is not None)


# Masks of numbers, whose remedy depends on what they hold.

allowed = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 1, 1]])
additive = torch.zeros(3, 3).masked_fill(allowed == 0, -math.inf)


@pytest.mark.parametrize(
    ("mask", "remedy"),
    [
        (allowed, "mask == 1"),
        (allowed.float(), "mask == 1"),
        (allowed.to(torch.uint8), "mask == 1"),
        (1 - allowed, "mask == 0"),
        (additive, "mask == 0"),
        (additive.double().clamp_min(-1e9), "mask == 0"),
        (additive.half().clamp_min(-65504), "mask == 0"),
    ],
    ids=["whole", "float", "bytes", "1 forbids", "added", "added, finite", "added, 16 bits"],
)
def test_the_remedy_for_a_mask_of_numbers_gives_the_mask_that_was_meant(mask, remedy):
    with pytest.raises(TypeError, match=f"mask is {mask.dtype}; give a tensor of booleans.*{remedy}"):
        attention(x, x, x, mask=mask)
    followed = eval(remedy, {"mask": mask})
    assert torch.equal(attention(x, x, x, mask=followed), attention(x, x, x, is_causal=True))


def test_a_mask_of_0_and_1_is_told_of_both_conventions_and_one_of_other_numbers_of_none():
    with pytest.raises(
        TypeError, match=r": mask == 1 if 1 stands where it may, mask == 0 if 1 stands where it may not\."
    ):
        attention(x, x, x, mask=allowed)
    for mask in (normal(3, 3), allowed + 1):
        with pytest.raises(TypeError, match=r"booleans, True where a query may look\.$"):
            attention(x, x, x, mask=mask)
