"""Attention while a text is written: one new query a sequence, against a cache of keys and values of fixed length."""

import math
import operator

import torch
import torch.nn.functional as F

from ..arguments import require_tensors, require_word, shape
from .attention import pinned

METHODS = ("auto", "naive", "sdpa")
SPEC = {"query": "B H 1 D", "key_cache": "B H T D", "value_cache": "B H T Dv"}
REMEDIES = {"H": "repeat the cache's heads with repeat_interleave(…, dim=1)"}
REMEDIES |= {"1": "give one query a sequence, or use attention(…, is_causal=True) for several"}


def decode_attention(query, key_cache, value_cache, length, *, method="auto"):
    """`attention` of one query to the first `length` keys of a cache. Returns (B, H, 1, Dv).

    query (B, H, 1, D), key_cache (B, H, T, D), value_cache (B, H, T, Dv): floating point, one dtype, one device.
    length: how many entries hold something, 1 to T: a whole number for all sequences, or integers (B,), one a sequence.
        With (B,) nothing depends on the number of keys but a mask: no new shapes, one CUDA graph for all steps. Then
        what lies beyond `length` must be finite, as zeros are; and a GPU's lengths are not looked at, which would mean
        to wait for it.
    method: "naive" (two products), "sdpa" (torch's fused kernel, never cuDNN's), "auto" (sdpa). Both have a gradient.

    Work 2·length·D multiply–adds a head, for as many numbers read from the cache: memory's speed decides.
    Raises TypeError (not floating point, dtypes or devices differ, no integers), ValueError (shapes that do not agree,
    a length out of range, an unknown method).
    """
    method = require_word("decode_attention: method", method, METHODS)
    given = {"query": query, "key_cache": key_cache, "value_cache": value_cache}
    require_tensors("decode_attention", SPEC, given, REMEDIES)
    length = _length(length, query, key_cache.shape[2])
    key, value, allowed = key_cache, value_cache, None
    if isinstance(length, int):
        key, value = key[:, :, :length], value[:, :, :length]
    else:
        allowed = (torch.arange(key.shape[2], device=key.device) < length[:, None])[:, None, None]  # (B, 1, 1, T)
    if method == "naive":
        scores = (query / math.sqrt(query.shape[-1])) @ key.mT  # (B, H, 1, T)
        return (scores if allowed is None else scores.masked_fill(~allowed, -math.inf)).softmax(-1) @ value
    with pinned(query):
        return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)


def _length(length, query, T):
    """The length as an int, or as an integer tensor (B,)."""
    B, whole = query.shape[0], isinstance(length, torch.Tensor) and not length.is_floating_point()
    if not whole or length.dtype == torch.bool or not length.ndim:
        try:
            length = operator.index(None if isinstance(length, bool) else length)
        except TypeError:  # a fraction, a truth, a list
            raise TypeError(f"length is {length!r}; give a whole number from 1 to {T}, or {B} in a tensor.") from None
    elif length.shape != (B,):
        raise ValueError(f"length is {shape(length)}, and there are B = {B} sequences; give one number, or ({B},).")
    elif length.device != query.device:
        raise TypeError(f"length is on {length.device}, query on {query.device}; use length.to(query.device).")
    elif length.device.type != "cpu":
        return length
    given = [length] if isinstance(length, int) else length.tolist()
    if not all(1 <= n <= T for n in given):
        raise ValueError(f"length is {length}, and the cache has T = {T}; give numbers from 1 to {T}.")
    return length
