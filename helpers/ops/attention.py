"""Scaled dot-product attention, from the loop that defines it to torch's fused kernel.

Attention(Q, K, V) = softmax(Q Kᵀ / √D) V: Vaswani et al. 2017, equation 1.
"""

import math
from contextlib import contextmanager, nullcontext

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend

from ..arguments import require_able, require_scale, require_tensors, require_word, shape
from ..limits import require_memory
from .kernels import unavailable
from .online import Online, future

METHODS = ("auto", "loop", "naive", "online", "flash", "sdpa")
SPEC = {"query": "… Tq D", "key": "… Tk D", "value": "… Tk Dv"}
REMEDIES = {
    "…": "give all as (B, H, T, D); repeat_interleave repeats heads",
    "D": "project query and key to one width",
    "Tk": "every key needs one value: make both from the same inputs",
}


def attention(query, key, value, *, is_causal=False, mask=None, scale=None, method="auto"):
    """Every query reads a weighted mean of the values; the weights are a softmax over the keys.

    query (…, Tq, D), key (…, Tk, D), value (…, Tk, Dv): floating point, one dtype, one device; the
    leading dimensions, usually (B, H), are equal. Returns (…, Tq, Dv).

    is_causal: query i sees the keys up to its own position. The last query is aligned with the last
        key, so a single query with a cache of Tk keys sees all of them (torch aligns the first ones).
    mask: boolean, broadcastable to (…, Tq, Tk), True where a query may look. Every query needs one key.
    scale: multiplies the scores; 1/√D unless given.
    method: "loop" (one query after the other, the definition), "naive" (two matrix products and the
        whole Tq × Tk score matrix), "online" (naive, 256 keys at a time, merged as `merge` does; 16 bits
        are computed in float32), "flash" (the same in our Triton kernel: float32, float16 or bfloat16,
        D and Dv up to 128, no mask; an NVIDIA GPU of compute capability 8.0), "sdpa" (torch's fused
        kernel; `attention_backend` names it), "auto" (sdpa). All have a gradient.

    Work 2·Tq·Tk·D multiply–adds a head if Dv = D; online, flash and sdpa leave half of it out when causal.
    Memory: naive stores the Tq × Tk scores, online Tq × 256, forward and backward; flash and sdpa none.
    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes that do not agree,
    an empty axis, an unknown method or one that cannot do this here, a query that may look nowhere),
    MemoryError (naive, when the scores do not fit).
    """
    method = require_word("attention: method", method, METHODS)
    mask, scale = _checked("attention", is_causal, mask, scale, query=query, key=key, value=value)
    if method == "loop":
        return _loop(query, key, value, _allowed(query, key, is_causal, mask), scale)
    if method == "naive":
        return _weights(query, key, is_causal, mask, scale) @ value
    if method == "online":
        return Online.apply(query, key, value, is_causal, mask, scale)
    if scale <= 0:  # the other two scale the largest score, not the smallest: torch 2.13 then gives NaN on a CPU
        query, scale = query * scale, 1.0
    fused = _flash if method == "flash" else _sdpa
    return fused(query, key, value, is_causal, mask, scale)


def attention_weights(query, key, *, is_causal=False, mask=None, scale=None):
    """The weights (…, Tq, Tk) that `attention` gives the values; every row sums to 1. Arguments as there."""
    mask, scale = _checked("attention_weights", is_causal, mask, scale, query=query, key=key)
    return _weights(query, key, is_causal, mask, scale)


def attention_backend(query, key, value, *, is_causal=False, mask=None):
    """Which of torch's kernels `attention(…, method="sdpa")` would run here: name it beside every time.

    "flash" (FlashAttention-2), "cudnn", "efficient" (xFormers' kernel) or "math" (plain products) on a GPU, on a CPU
    "flash (CPU)" or "math". Torch is asked, with these very tensors, under the `sdpa_kernel` that is set around the
    call. Arguments and errors as `attention`.
    """
    mask, _ = _checked("attention_backend", is_causal, mask, None, query=query, key=key, value=value)
    *tensors, allowed, square = _sdpa_arguments(query, key, value, is_causal, mask)
    with pinned(query):
        found = SDPBackend(torch._fused_sdp_choice(*tensors, attn_mask=allowed, is_causal=square))
    name = found.name.removesuffix("_ATTENTION").lower()
    return "flash (CPU)" if name == "flash" and query.device.type == "cpu" else name


def _loop(query, key, value, allowed, scale):
    rows, query = [], query * scale  # first, or scores of 16 bits may pass the largest number
    for i in range(query.shape[-2]):
        scores = (key * query[..., i : i + 1, :]).sum(-1)  # (…, Tk)
        if allowed is not None:
            scores = scores.masked_fill(~allowed[..., i, :], -math.inf)
        rows.append((scores.softmax(-1).unsqueeze(-1) * value).sum(-2))  # (…, Dv)
    return torch.stack(rows, dim=-2)


def _weights(query, key, is_causal, mask, scale):
    # The scores before and after the softmax, and twice the mask.
    needed = math.prod(query.shape[:-1]) * key.shape[-2] * (2 * query.element_size() + 2)
    what = f"the scores of query {shape(query)} and key {shape(key)}"
    require_memory(what, needed, query.device, "method 'online' or 'sdpa' of attention, or a shorter T")
    allowed = _allowed(query, key, is_causal, mask)
    scores = (query * scale) @ key.transpose(-2, -1)  # (…, Tq, Tk)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    return scores.softmax(dim=-1)


def _flash(query, key, value, is_causal, mask, scale):
    D, Dv = query.shape[-1], value.shape[-1]
    refused = {
        "it takes no mask": mask is not None,
        f"it takes float32, float16 and bfloat16, not {query.dtype}": query.dtype == torch.float64,
        f"it takes widths up to 128, not D = {D} and Dv = {Dv}": max(D, Dv) > 128,
        unavailable(query, capability=(8, 0)): True,
    }
    require_able("attention", "flash", "'online' or 'sdpa'", refused)
    from .kernels.flash import Flash  # here: it needs triton

    flat = (tensor.reshape(-1, *tensor.shape[-2:]).contiguous() for tensor in (query, key, value))  # (B·H, T, D)
    return Flash.apply(*flat, is_causal, scale).reshape(*query.shape[:-1], Dv)


def _sdpa(query, key, value, is_causal, mask, scale):
    *tensors, allowed, square = _sdpa_arguments(query, key, value, is_causal, mask)
    with pinned(query):
        output = F.scaled_dot_product_attention(*tensors, attn_mask=allowed, is_causal=square, scale=scale)
    return output.reshape(*query.shape[:-1], value.shape[-1])


def _sdpa_arguments(query, key, value, is_causal, mask):
    """query, key and value as (B, H, T, D), the mask or None, and whether torch's own causal flag means the same."""
    lead, Tq, Tk = query.shape[:-2], query.shape[-2], key.shape[-2]
    # Quicker than a mask; but torch aligns the first query with the first key. A single query sees all keys.
    square = is_causal and mask is None and Tq == Tk
    allowed = mask if square or Tq == 1 else _allowed(query, key, is_causal, mask)
    return *(_as_heads(tensor, lead) for tensor in (query, key, value, allowed)), square


def _as_heads(tensor, lead):
    """(…, T, D) as (B, H, T, D): with fewer dimensions, or more, torch falls back to plain products."""
    if tensor is None or len(lead) == 2:
        return tensor
    return tensor.expand(*lead, *tensor.shape[-2:]).reshape(math.prod(lead), 1, *tensor.shape[-2:])


def pinned(query):
    """For one query alone not cuDNN, which plans anew for each number of keys, 20 to 40 ms: a cache grows every step."""
    return _without_cudnn() if query.shape[-2] == 1 and torch.backends.cuda.cudnn_sdp_enabled() else nullcontext()


@contextmanager
def _without_cudnn():
    torch.backends.cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(True)


def _checked(function, is_causal, mask, scale, **tensors):
    """The mask spread over (…, Tq, Tk), minus the future if is_causal, None without one; and the scale."""
    require_tensors(function, SPEC, tensors, REMEDIES)
    query, key = tensors["query"], tensors["key"]
    Tq, Tk = query.shape[-2], key.shape[-2]
    if is_causal and Tq > Tk:
        raise ValueError(
            f"is_causal needs at least as many keys as queries, got query {shape(query)} and key {shape(key)}: "
            f"Tq = {Tq} and Tk = {Tk}; leave is_causal out, or drop the queries that no key belongs to."
        )
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else require_scale(function, scale)
    if mask is None:
        return None, scale
    mask = _spread(mask, (*query.shape[:-2], Tq, Tk), query.device)
    if is_causal:
        mask = mask & ~future(Tq, Tk, Tk - Tq, query.device)
    if not mask.any(dim=-1).all():
        raise ValueError(f"the mask leaves one of the queries {shape(query)} no key to look at; allow each its own.")
    return mask, scale


def _allowed(query, key, is_causal, mask):
    """Where a query may look, (…, Tq, Tk), or None where every query sees every key."""
    Tq, Tk = query.shape[-2], key.shape[-2]
    return ~future(Tq, Tk, Tk - Tq, query.device) if is_causal and mask is None else mask


def _spread(mask, wanted, device):
    """The mask as (…, Tq, Tk), with 1 for the leading axes that it does not tell apart: spread, it may not fit."""
    if getattr(mask, "dtype", None) is not torch.bool:
        kind = mask.dtype if isinstance(mask, torch.Tensor) else type(mask).__name__
        raise TypeError(
            f"mask is {kind}; give a torch.tensor of booleans, True where a query may look; of 0 and −∞, mask == 0."
        )
    if mask.device != device:
        raise TypeError(f"mask is on {mask.device}, query on {device}; bring them together with mask.to(query.device).")
    try:
        mask = mask[(None,) * (len(wanted) - mask.ndim)]
        mask.expand(wanted)
        return mask.expand(*mask.shape[:-2], *wanted[-2:])
    except RuntimeError:
        raise ValueError(f"mask {shape(mask)} does not broadcast to {wanted}; give (Tq, Tk) = {wanted[-2:]}.") from None
