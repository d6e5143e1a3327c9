"""helpers.decode: one query against a cache is attention to its valid part; what lies beyond is not read."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from helpers import attention
from helpers.ops.decoding import METHODS, decode_attention

RMS = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 5e-3}
each_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(autouse=True)
def one_thread():
    """Small products do not gain by a second thread, and wait for it where a core is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(dtype)


def largest(a, b):
    return (a.double() - b.double()).abs().max().item()


def caches(B=2, H=3, T=7, D=4, Dv=5, dtype=torch.float64):
    shapes = ((1, D), (T, D), (T, Dv))
    return [normal(B, H, *shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes)]


def by_hand(query, key, value, lengths):
    """Each sequence alone, its own keys cut out, by the loop in float64."""
    alone = [
        attention(query[b].double(), key[b, :, :length].double(), value[b, :, :length].double(), method="loop")
        for b, length in enumerate(lengths)
    ]
    return torch.stack(alone)


@each_method
@pytest.mark.parametrize("T", [1, 2, 63, 64, 65, 1000, 4097])
def test_it_is_attention_to_the_valid_keys(method, T):
    tensors = caches(T=T)
    for length in {1, (T + 1) // 2, T}:
        truth = by_hand(*tensors, [length] * 2)
        for given in (
            length,
            torch.tensor(length),
            np.int64(length),
            torch.tensor([length, length], dtype=torch.int32),
        ):
            output = decode_attention(*tensors, given, method=method)
            assert output.shape == (2, 3, 1, 5)
            assert largest(output, truth) < 1e-12
    lengths = torch.tensor([T, (T + 1) // 2])
    assert largest(decode_attention(*tensors, lengths, method=method), by_hand(*tensors, lengths)) < 1e-12


@each_method
@pytest.mark.parametrize("dtype", RMS, ids=str)
def test_errors_stay_within_twice_those_of_plain_torch(method, dtype):
    tensors = caches(T=300, D=33, Dv=33, dtype=dtype)
    for length in (300, 129, torch.tensor([7, 300])):
        lengths = [length] * 2 if isinstance(length, int) else length
        truth, plain = by_hand(*tensors, lengths), decode_attention(*tensors, length, method="naive")
        output = decode_attention(*tensors, length, method=method)
        assert output.dtype == dtype
        assert largest(output, truth) <= 2 * largest(plain, truth) + 1e-6
        bound = 8e-3 if method == "naive" and dtype == torch.bfloat16 else RMS[dtype]  # plain torch rounds the scores
        assert (output - truth).pow(2).mean().sqrt() < bound * truth.pow(2).mean().sqrt()


@each_method
def test_what_lies_beyond_the_length_changes_nothing(method):
    query, key, value = caches()
    before = {length: decode_attention(query, key, value, length, method=method) for length in (1, 4)}
    each = decode_attention(query, key, value, torch.tensor([1, 4]), method=method)
    assert largest(each, torch.stack([before[1][0], before[4][1]])) < 1e-12
    key[:, :, 4:], value[:, :, 4:] = 1e4, -1e4
    assert largest(decode_attention(query, key, value, torch.tensor([1, 4]), method=method), each) < 1e-12
    key[:, :, 4:], value[:, :, 4:] = (
        math.nan,
        math.nan,
    )  # memory that nobody has written; one length for all cuts it off
    assert all(torch.equal(decode_attention(query, key, value, n, method=method), before[n]) for n in (1, 4))


@each_method
def test_a_loop_over_a_cache_is_causal_attention(method):
    B, H, T, D = 2, 3, 9, 4
    query, key, value = (normal(B, H, T, D, seed=seed) for seed in range(3))
    cache_k, cache_v = torch.zeros(2, B, H, T + 3, D, dtype=torch.float64)
    rows = []
    for t in range(T):
        cache_k[:, :, t], cache_v[:, :, t] = key[:, :, t], value[:, :, t]
        rows.append(decode_attention(query[:, :, t : t + 1], cache_k, cache_v, t + 1, method=method))
    assert largest(torch.cat(rows, dim=2), attention(query, key, value, is_causal=True, method="loop")) < 1e-12


@each_method
def test_gradients_pass_gradcheck(method):
    tensors = [tensor.requires_grad_() for tensor in caches(T=5, D=3, Dv=3)]
    for length in (3, torch.tensor([5, 2])):
        assert gradcheck(lambda *qkv, n=length: decode_attention(*qkv, n, method=method), tensors)


@each_method
def test_strided_caches_and_inputs_left_as_they_were(method):
    tensors = [normal(2, 7, 3, 4, seed=seed).transpose(1, 2) for seed in range(3)]
    query, kept = tensors[0][:, :, :1], [tensor.clone() for tensor in tensors]
    output = decode_attention(query, *tensors[1:], torch.tensor([3, 7]), method=method)
    assert largest(output, by_hand(query, *tensors[1:], [3, 7])) < 1e-12
    assert all(map(torch.equal, tensors, kept))


def test_cudnn_is_never_asked(monkeypatch):
    fused, seen = torch.nn.functional.scaled_dot_product_attention, []

    def noting(*tensors, **keywords):
        flags = torch.backends.cuda
        seen.append(
            (
                flags.cudnn_sdp_enabled(),
                flags.flash_sdp_enabled(),
                flags.mem_efficient_sdp_enabled(),
                flags.math_sdp_enabled(),
            )
        )
        return fused(*tensors, **keywords)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", noting)
    decode_attention(*caches(), 3)
    assert seen == [(False, True, True, True)]
    assert torch.backends.cuda.cudnn_sdp_enabled()


query, key, value = caches()
elsewhere = torch.ones(2, device="meta").long()
BAD = {
    "an unknown method": ((query, key, value, 3), {"method": "spda"}, ValueError, ["'spda'", "'sdpa'"]),
    "three dimensions": ((query[0], key[0], value[0], 3), {}, ValueError, ["(B, H, 1, D)", "(3, 1, 4)"]),
    "several queries": ((key, key, value, 3), {}, ValueError, ["(2, 3, 7, 4)", "is_causal=True"]),
    "heads differ": (
        (query[:, :1], key, value, 3),
        {},
        ValueError,
        ["(2, 1, 1, 4)", "H is 1 in query and 3 in key_cache"],
    ),
    "caches differ": (
        (query, key, value[:, :, :5], 3),
        {},
        ValueError,
        ["(2, 3, 5, 5)", "T is 7 in key_cache and 5 in value_cache"],
    ),
    "widths differ": (
        (query[..., :3], key, value, 3),
        {},
        ValueError,
        ["(2, 3, 1, 3)", "D is 3 in query and 4 in key_cache"],
    ),
    "an empty cache": (
        (query, key[:, :, :0], value[:, :, :0], 1),
        {},
        ValueError,
        ["(2, 3, 0, 4)", "key_cache is empty"],
    ),
    "dtypes differ": ((query, key.float(), value, 3), {}, TypeError, ["key_cache torch.float32", ".to(dtype)"]),
    "devices differ": ((query, key.to("meta"), value, 3), {}, TypeError, ["meta", ".to(device)"]),
    "whole numbers": ((query, key.long(), value, 3), {}, TypeError, ["key_cache", "int64"]),
    "length 0": ((query, key, value, 0), {}, ValueError, ["length is 0", "T = 7", "1 to 7"]),
    "too long": ((query, key, value, 8), {}, ValueError, ["length is 8", "T = 7"]),
    "too long for one": ((query, key, value, torch.tensor([3, 8])), {}, ValueError, ["3, 8", "1 to 7"]),
    "a fraction": ((query, key, value, 3.0), {}, TypeError, ["3.0", "whole number"]),
    "fractions": ((query, key, value, torch.tensor([3.0, 4.0])), {}, TypeError, ["3., 4.", "whole number"]),
    "one fraction": ((query, key, value, torch.tensor(3.5)), {}, TypeError, ["3.5", "whole number"]),
    "a truth": ((query, key, value, True), {}, TypeError, ["True", "whole number"]),
    "a mask": ((query, key, value, torch.ones(2).bool()), {}, TypeError, ["True", "whole number"]),
    "none": ((query, key, value, None), {}, TypeError, ["None", "whole number"]),
    "a list": ((query, key, value, [3, 4]), {}, TypeError, ["[3, 4]", "2 in a tensor"]),
    "too many lengths": ((query, key, value, torch.tensor([3, 4, 5])), {}, ValueError, ["(3,)", "B = 2"]),
    "lengths elsewhere": ((query, key, value, elsewhere), {}, TypeError, ["meta", "length.to"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_a_sentence_before_any_work(case, monkeypatch):
    arguments, keywords, kind, said = BAD[case]
    monkeypatch.setattr("torch.nn.functional.scaled_dot_product_attention", lambda *_, **__: pytest.fail("worked"))
    with pytest.raises(kind) as raised:
        decode_attention(*arguments, **keywords)
    assert type(raised.value) is kind
    assert not [words for words in said if words not in str(raised.value)], raised.value
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith((".", "?"))
