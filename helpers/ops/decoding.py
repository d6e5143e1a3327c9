"""Attention while a text is written: one new query a sequence, against a cache of keys and values of fixed length."""

import math
import operator

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import is_whole, require_tensors, require_word, shape
from .attention import attention, cudnn_off_for_one_query
from .modes import has_numbers, in_given_dtype, shows_non_finite

METHODS = ("auto", "naive", "sdpa")
SPEC = {"query": "B H 1 D", "key_cache": "B H T D", "value_cache": "B H T Dv"}
REMEDIES = {
    "H": "repeat the cache's heads with repeat_interleave(…, dim=1)",
    "1": "give one query a sequence, or use attention(…, is_causal=True) for several",
}


@in_given_dtype
def decode_attention(
    query: Tensor, key_cache: Tensor, value_cache: Tensor, length: int | Tensor, *, method: str = "auto"
) -> Tensor:
    """`attention` of one query to the first `length` keys of a cache. Returns (B, H, 1, Dv).

    query (B, H, 1, D), key_cache (B, H, T, D), value_cache (B, H, T, Dv): floating point, one dtype, one device.
    length: how many entries hold something, 1 to T: a whole number for all sequences, or integers (B,), one a sequence.
        With (B,) nothing depends on the number of keys but a mask: no new shapes, one CUDA graph for all steps. Then a
        GPU's lengths are not looked at, which would mean to wait for it; and what lies beyond `length` must be finite
        for a GPU's "sdpa", as zeros are.
    method: "naive" (two products), "sdpa" (torch's fused kernel, never cuDNN's), "auto" (sdpa). Both have a gradient;
        "naive" has a second one.

    Work 2·length·D multiply–adds a head, for as many numbers read from the cache: memory's speed decides.
    Raises TypeError (not floating point, dtypes or devices differ, no integers), ValueError (shapes that do not agree,
    a length out of range, an unknown method).

    >>> query, cache = torch.ones(1, 1, 1, 2), torch.tensor([1.0, 2.0, 9.0, 9.0]).expand(2, 4).T.expand(1, 1, 4, 2)
    >>> decode_attention(query, torch.zeros(1, 1, 4, 2), cache, length=2)
    tensor([[[[1.5000, 1.5000]]]])
    """
    method = require_word("decode_attention: method", method, METHODS)
    tensors = {"query": query, "key_cache": key_cache, "value_cache": value_cache}
    require_tensors("decode_attention", SPEC, tensors, REMEDIES)
    length = _require_length(length, query, key_cache.shape[2])
    key, value, allowed = key_cache, value_cache, None
    if isinstance(length, int):
        key, value = key[:, :, :length], value[:, :, :length]
    else:
        allowed = (torch.arange(key.shape[2], device=key.device) < length[:, None])[:, None, None]  # (B, 1, 1, T)
    if method == "naive" and allowed is not None:
        key, value = key.masked_fill(~allowed.mT, 0), value.masked_fill(~allowed.mT, 0)
    if method == "naive":
        scores = (query / math.sqrt(query.shape[-1])) @ key.mT  # (B, H, 1, T)
        output = (scores if allowed is None else scores.masked_fill(~allowed, -math.inf)).softmax(-1) @ value
    else:
        with cudnn_off_for_one_query(query):
            output = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    if shows_non_finite(output):
        return attention(query, key, value, mask=allowed, method="loop")
    return output


def _require_length(length, query, T):
    """The length as an int, or as an integer tensor (B,)."""
    B = query.shape[0]
    if isinstance(length, Tensor) and length.ndim and _is_whole(length):
        if length.shape != (B,):
            raise ValueError(f"length is {shape(length)}, and there are B = {B} sequences; give one number, or ({B},).")
        if length.device != query.device:
            raise TypeError(f"length is on {length.device}, query on {query.device}; use length.to(query.device).")
        in_range = length.is_cuda or not has_numbers(length) or ((length >= 1) & (length <= T)).all()
    elif _is_whole(length):
        length = operator.index(length)
        in_range = 1 <= length <= T
    else:
        raise TypeError(f"length is {length!r}; give a whole number from 1 to {T}, or {B} of them in a tensor.")
    if not in_range:
        raise ValueError(f"length is {length}, and the cache has T = {T}; give numbers from 1 to {T}.")
    return length


def _is_whole(length):
    """Whether this is a whole number, or a tensor of them; one number alone must be there to be read."""
    if isinstance(length, Tensor):
        whole = not (length.is_floating_point() or length.is_complex() or length.dtype == torch.bool)
        return whole and (length.ndim > 0 or has_numbers(length))
    return is_whole(length)
