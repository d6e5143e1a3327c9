"""NaN and infinity: every method of helpers.ops gives what the loop gives, and what no query sees changes nothing."""

import math

import pytest
import torch
from tensors import normal, with_gradients
from test_modes import CASES

from helpers import attention, attention_weights, decode_attention, linear_recurrence
from helpers.ops import attention as softmax
from helpers.ops import decoding
from helpers.ops.modes import shows_non_finite

each_number = pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
METHODS = ("loop", "naive", "online", "sdpa", "auto")


def same(result, expected):
    return torch.allclose(result, expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@each_number
def test_a_number_that_is_not_finite_shows_and_a_sum_that_is_too_large_does_not(number):
    result = torch.full((2, 3), 3e38)
    assert not shows_non_finite(result)
    assert not shows_non_finite(result.half().fill_(60000))
    result[1, 1] = number
    assert shows_non_finite(result)
    result[0, 0] = -number
    assert shows_non_finite(result.requires_grad_())


@each_number
@pytest.mark.parametrize(
    "case", [case for name, case in CASES.items() if "newton" not in name and "weights" not in name]
)
def test_every_method_gives_what_the_loop_gives(case, number):
    """One number amid each tensor, one after the other."""
    for place in range(len(case.tensors)):
        tensors = [tensor.clone() for tensor in case.tensors]
        tensors[place].view(-1)[tensors[place].numel() * 3 // 4] = number  # in the second sequence, half way
        assert same(case.run(*tensors), case.run(*tensors, method=case.definition)), place


@pytest.fixture(params=["looks", "does not look"])
def looking(request, monkeypatch):
    """Once as on a CPU, where a result is looked at, and once as on a GPU, where it is not."""
    if request.param == "does not look":
        monkeypatch.setattr(softmax, "shows_non_finite", lambda _: False)


@each_number
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("only_keys", [False, True], ids=["keys and values", "keys"])
def test_a_key_that_the_mask_hides_from_all_queries_changes_no_output_and_no_gradient(
    method, number, only_keys, looking
):
    query, key, value = (normal(2, 3, 5, 4, seed=seed) for seed in range(3))
    mask = torch.tensor([True, True, False, True, False])  # the third and the fifth key are padding
    upstream = normal(2, 3, 5, 4, seed=3)
    plain = with_gradients(attention, (query, key, value), upstream, mask=mask, method=method)
    key[..., ~mask, :] = number
    if not only_keys:
        value[..., ~mask, 1:] = number
    padded = with_gradients(attention, (query, key, value), upstream, mask=mask, method=method)
    assert all(map(same, padded, plain))
    assert torch.equal(attention_weights(query, key, mask=mask)[..., ~mask], torch.zeros(2, 3, 5, 2).double())


@each_number
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by_mask", [False, True], ids=["is_causal", "mask"])
def test_a_later_value_reaches_no_earlier_query(method, number, by_mask):
    query, key, value = (normal(300, 4, seed=seed) for seed in range(3))
    keywords = {"mask": torch.ones(300, 300).tril().bool()} if by_mask else {"is_causal": True}
    plain = attention(query, key, value, method=method, **keywords)
    key[290], value[295, 2] = number, number
    output = attention(query, key, value, method=method, **keywords)
    assert same(output[:290], plain[:290])
    assert not output[295:, 2].isfinite().any()


@pytest.mark.parametrize("method", METHODS)
def test_an_earlier_query_has_a_finite_gradient_when_the_last_word_is_not_finite(method):
    tensors = [normal(6, 4, seed=seed) for seed in range(3)]
    for tensor in tensors:
        tensor[-1] = math.nan
    _, *slopes = with_gradients(attention, tensors, is_causal=True, method=method)
    _, *expected = with_gradients(attention, tensors, is_causal=True, method="loop")
    assert all(map(same, slopes, expected))
    assert expected[0][:-1].isfinite().all()


@each_number
@pytest.mark.parametrize(("method", "looks"), [("naive", True), ("naive", False), ("sdpa", True), ("auto", True)])
def test_what_lies_beyond_the_length_of_each_sequence_changes_no_output_and_no_gradient(
    method, looks, number, monkeypatch
):
    """Torch's kernel needs finite numbers there where the result is not looked at, as the docstring says."""
    if not looks:
        monkeypatch.setattr(decoding, "shows_non_finite", lambda _: False)
    query, key, value = normal(2, 3, 1, 4), normal(2, 3, 6, 4, seed=1), normal(2, 3, 6, 4, seed=2)
    lengths = torch.tensor([2, 5])
    plain = with_gradients(decode_attention, (query, key, value), length=lengths, method=method)
    for tensor in (key, value):  # the keys alone, then both
        for sequence, length in enumerate(lengths):
            tensor[sequence, :, length:] = number
        padded = with_gradients(decode_attention, (query, key, value), length=lengths, method=method)
        assert all(map(same, padded, plain))


@pytest.mark.parametrize("method", ["hillis_steele", "blelloch", "chunked", "auto"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_decays_whose_product_passes_the_largest_number_are_left_to_the_loop(method, reverse):
    """The state is 0 where the decays are large, and the product of two of them is infinite."""
    decay, inputs = torch.full((1, 40, 2), 0.5).double(), torch.ones(1, 40, 2).double()
    decay[:, 10:14], inputs[:, 8:15] = 1e300, 0
    decay[:, 8], decay[:, 14] = 0, 0
    loop = linear_recurrence(decay, inputs, reverse=reverse, method="loop")
    assert loop.isfinite().all()
    assert same(linear_recurrence(decay, inputs, reverse=reverse, method=method), loop)
