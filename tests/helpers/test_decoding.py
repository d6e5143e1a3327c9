"""helpers.decode_attention: one query against a cache is attention to its valid part; what lies beyond is not read."""

import numpy as np
import pytest
import torch
from tensors import EXACT, RMS, largest, normal, relative
from torch.autograd import gradcheck

from helpers import attention
from helpers.ops.decoding import METHODS, decode_attention

pytestmark = pytest.mark.usefixtures("unaided")
each_method = pytest.mark.parametrize("method", METHODS)


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
        for entries in (
            length,
            torch.tensor(length),
            np.int64(length),
            torch.tensor([length, length], dtype=torch.int32),
        ):
            output = decode_attention(*tensors, entries, method=method)
            assert output.shape == (2, 3, 1, 5)
            assert largest(output, truth) < EXACT
    lengths = torch.tensor([T, (T + 1) // 2])
    assert largest(decode_attention(*tensors, lengths, method=method), by_hand(*tensors, lengths)) < EXACT


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
        assert relative(output, truth) < bound


@each_method
def test_each_sequence_reads_as_much_as_its_own_length_says(method):
    query, key, value = caches()
    alone = {length: decode_attention(query, key, value, length, method=method) for length in (1, 4)}
    together = decode_attention(query, key, value, torch.tensor([1, 4]), method=method)
    assert largest(together, torch.stack([alone[1][0], alone[4][1]])) < EXACT
    key[:, :, 4:], value[:, :, 4:] = 1e4, -1e4
    assert largest(decode_attention(query, key, value, torch.tensor([1, 4]), method=method), together) < EXACT


@each_method
def test_a_loop_over_a_cache_is_causal_attention(method):
    B, H, T, D = 2, 3, 9, 4
    query, key, value = (normal(B, H, T, D, seed=seed) for seed in range(3))
    cache_k, cache_v = torch.zeros(2, B, H, T + 3, D, dtype=torch.float64)
    rows = []
    for t in range(T):
        cache_k[:, :, t], cache_v[:, :, t] = key[:, :, t], value[:, :, t]
        rows.append(decode_attention(query[:, :, t : t + 1], cache_k, cache_v, t + 1, method=method))
    assert largest(torch.cat(rows, dim=2), attention(query, key, value, is_causal=True, method="loop")) < EXACT


@each_method
def test_gradients_pass_gradcheck(method):
    tensors = [tensor.requires_grad_() for tensor in caches(T=5, D=3, Dv=3)]
    for length in (3, torch.tensor([5, 2])):
        assert gradcheck(lambda *qkv, n=length: decode_attention(*qkv, n, method=method), tensors)


@each_method
def test_strided_caches_are_read_and_left_as_they_were(method):
    tensors = [normal(2, 7, 3, 4, seed=seed).transpose(1, 2) for seed in range(3)]
    query, copies = tensors[0][:, :, :1], [tensor.clone() for tensor in tensors]
    output = decode_attention(query, *tensors[1:], torch.tensor([3, 7]), method=method)
    assert largest(output, by_hand(query, *tensors[1:], [3, 7])) < EXACT
    assert all(map(torch.equal, tensors, copies))


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
