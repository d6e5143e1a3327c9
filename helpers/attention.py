"""Scaled dot-product attention, from the loop that defines it to torch's fused kernel.

Attention(Q, K, V) = softmax(Q Kᵀ / √D) V: Vaswani et al. 2017, equation 1.
"""

import math

import torch
import torch.nn.functional as F

from .arguments import choose_method, require_float, require_scale, shape

METHODS = ("auto", "loop", "naive", "sdpa")


def attention(query, key, value, *, is_causal=False, mask=None, scale=None, method="auto"):
    """Every query reads a weighted mean of the values; the weights are a softmax over the keys.

    query (…, Tq, D), key (…, Tk, D), value (…, Tk, Dv): floating point, one dtype, one device; the
    leading dimensions, usually (B, H), are equal. Returns (…, Tq, Dv).

    is_causal: query i sees the keys up to its own position. The last query is aligned with the last
        key, so a single query with a cache of Tk keys sees all of them (torch aligns the first ones).
    mask: boolean, broadcastable to (…, Tq, Tk), True where a query may look. Every query needs one key.
    scale: multiplies the scores; 1/√D unless given.
    method: "loop" (one query after the other, the definition), "naive" (two matrix products and the
        whole Tq × Tk score matrix), "sdpa" (torch's fused kernel), "auto" (sdpa).

    Work 2·Tq·Tk·D multiply–adds a head if Dv = D. Memory: naive stores Tq × Tk scores.
    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes that do not agree,
    an empty axis, an unknown method, a query that may look nowhere).
    """
    method = choose_method(method, METHODS, "attention")
    require_float("attention", query=query, key=key, value=value)
    allowed = _allowed("attention", is_causal, mask, query=query, key=key, value=value)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else require_scale("attention", scale)
    if method == "loop":
        return _loop(query, key, value, allowed, scale)
    if method == "naive":
        return _weights(query, key, allowed, scale) @ value
    # torch's own flag is quicker than a mask, and means the same when no key is cached.
    square = mask is None and is_causal and query.shape[-2] == key.shape[-2]
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=None if square else allowed, is_causal=square, scale=scale
    )


def attention_weights(query, key, *, is_causal=False, mask=None, scale=None):
    """The weights (…, Tq, Tk) that `attention` gives the values; every row sums to 1. Arguments as there."""
    require_float("attention_weights", query=query, key=key)
    allowed = _allowed("attention_weights", is_causal, mask, query=query, key=key)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else require_scale("attention_weights", scale)
    return _weights(query, key, allowed, scale)


def _loop(query, key, value, allowed, scale):
    rows = []
    for i in range(query.shape[-2]):
        scores = (key * query[..., i : i + 1, :]).sum(-1) * scale  # (…, Tk)
        if allowed is not None:
            scores = scores.masked_fill(~allowed[..., i, :], -math.inf)
        rows.append((scores.softmax(-1).unsqueeze(-1) * value).sum(-2))  # (…, Dv)
    return torch.stack(rows, dim=-2)


def _weights(query, key, allowed, scale):
    scores = query @ key.transpose(-2, -1) * scale  # (…, Tq, Tk)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    return scores.softmax(dim=-1)


def _allowed(function, is_causal, mask, **tensors):
    """Check the shapes; return the boolean mask (…, Tq, Tk), or None where every query sees every key."""
    given = ", ".join(f"{name} {shape(tensor)}" for name, tensor in tensors.items())
    query, key, value = tensors["query"], tensors["key"], tensors.get("value", tensors["key"])
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"{function} needs (…, T, D) tensors with two dimensions or more, got {given}; add them.")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"query and key must have the same width D, got {given}; project them to one width.")
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"every key needs one value, got {given}; make both from the same inputs.")
    if not query.shape[:-2] == key.shape[:-2] == value.shape[:-2]:
        raise ValueError(f"the leading dimensions (B, H) must be equal, got {given}; expand the smaller one.")
    if 0 in (*query.shape, *key.shape, *value.shape):
        raise ValueError(f"{function} over nothing is not defined, got {given}; leave the empty part out.")
    Tq, Tk = query.shape[-2], key.shape[-2]
    if is_causal and Tq > Tk:
        raise ValueError(
            f"is_causal needs at least as many keys as queries, got {given}: Tq = {Tq} and Tk = {Tk}; "
            "leave is_causal out, or drop the queries that no key belongs to."
        )
    allowed = None
    if is_causal:
        allowed = torch.ones(Tq, Tk, dtype=torch.bool, device=query.device).tril(diagonal=Tk - Tq)
    if mask is None:
        return allowed
    mask = _mask(mask, (*query.shape[:-2], Tq, Tk), query.device)
    allowed = mask if allowed is None else mask & allowed
    if not allowed.any(dim=-1).all():
        raise ValueError(
            f"the mask leaves a query of {given} with no key to look at; allow each query at least its own key."
        )
    return allowed


def _mask(mask, wanted, device):
    """The mask spread over every query, (…, Tq, Tk)."""
    if not isinstance(mask, torch.Tensor):
        raise TypeError(f"mask is a {type(mask).__name__}, not a torch tensor; use torch.tensor(mask).")
    if mask.dtype is not torch.bool:
        raise TypeError(f"mask holds {mask.dtype}; give booleans, True where a query may look (mask > 0, say).")
    if mask.device != device:
        raise TypeError(f"mask is on {mask.device}, query on {device}; bring them together with mask.to(query.device).")
    try:
        return mask.expand(wanted)
    except RuntimeError:
        raise ValueError(
            f"mask {shape(mask)} does not broadcast to {wanted}; give it (Tq, Tk) = {wanted[-2:]}."
        ) from None
