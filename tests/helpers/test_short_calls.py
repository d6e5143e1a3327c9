"""What stands around a short call: how many functions of Python are called, and that no check is lost by looking up."""

import sys

import pytest
import torch

from helpers import attention, elman, gru, linear_attention, linear_recurrence, lstm, min_gru
from helpers.ops.decoding import decode_attention

X = torch.ones(1, 2, 8, 4)
SEEN = torch.ones(8, 8, dtype=torch.bool)
INPUTS = torch.ones(1, 16, 4)
WEIGHT = torch.ones(4, 4)
# (the call, how many functions of Python it called before there was a look-up). Half of them is allowed.
CALLS = {
    "attention": (lambda: attention(X, X, X), 59),
    "attention, causal": (lambda: attention(X, X, X, is_causal=True), 58),
    "attention, mask": (lambda: attention(X, X, X, mask=SEEN), 86),
    "decode_attention": (lambda: decode_attention(X[:, :, :1], X, X, 8), 56),
    "linear_attention": (lambda: linear_attention(X, X, X), 52),
    "linear_recurrence, loop": (lambda: linear_recurrence(INPUTS, INPUTS, method="loop"), 37),
    "linear_recurrence": (lambda: linear_recurrence(INPUTS, INPUTS), 124),
    "min_gru": (lambda: min_gru(INPUTS, WEIGHT, WEIGHT), 154),
    "elman": (lambda: elman(INPUTS, WEIGHT, WEIGHT), 61),
    "lstm": (lambda: lstm(INPUTS, WEIGHT.repeat(4, 1), WEIGHT.repeat(4, 1)), 63),
}


def functions_called(call):
    """How many frames of Python one call enters, its own included."""
    count = 0

    def see(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        call()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", CALLS)
def test_a_call_like_one_before_enters_half_as_many_functions(name):
    call, before = CALLS[name]
    call()
    assert functions_called(call) <= before / 2


def test_what_has_fitted_once_does_not_let_pass_what_does_not_fit():
    attention(X, X, X)
    refused = {
        "the tensors differ in dtype": (X, X, X.double()),
        "the tensors differ in device": (X, X, X.to("meta")),
        "value holds torch.int64; use value.float()": (X, X, X.long()),
        "value holds torch.complex64": (X, X, X.to(torch.complex64)),
        "value is a nested tensor": (X, X, torch.nested.nested_tensor([X[0], X[0]], layout=torch.jagged)),
        "value is a ndarray": (X, X, X.numpy()),
        "value is a NoneType": (X, X, None),
        "Tk is 8 in key and 7 in value": (X, X, X[:, :, :7]),
        "value has 1 instead of 2 or more axes": (X, X, X[0, 0, 0]),
    }
    for _ in range(2):  # a refusal is not remembered either
        for sentence, tensors in refused.items():
            with pytest.raises((TypeError, ValueError)) as raised:
                attention(*tensors)
            assert sentence in str(raised.value)


def test_two_functions_that_need_other_shapes_do_not_share_an_answer():
    states = lstm(INPUTS, WEIGHT.repeat(4, 1), WEIGHT.repeat(4, 1))
    assert states.shape == (1, 16, 4)
    with pytest.raises(ValueError, match="gru needs"):
        gru(INPUTS, WEIGHT.repeat(4, 1), WEIGHT.repeat(4, 1))


def test_so_many_answers_are_kept_and_no_more(monkeypatch):
    from helpers import arguments

    monkeypatch.setattr(arguments, "MOST_SIGNATURES", 3)
    monkeypatch.setattr(arguments, "_FITTING", set())
    for T in range(1, 9):
        attention(*[torch.ones(T, 2)] * 3)
        assert 0 < len(arguments._FITTING) <= 3
