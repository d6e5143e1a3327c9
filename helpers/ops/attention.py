"""Scaled dot-product attention, from the loop that defines it to torch's fused kernel.

Attention(Q, K, V) = softmax(Q Kᵀ / √D) V: Vaswani et al. 2017, equation 1.
"""

import math
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend

from ..arguments import refuse, require_scale, require_tensors, require_word, shape
from ..limits import require_memory
from .kernels import unavailable
from .modes import has_numbers, in_given_dtype, shows_non_finite
from .online import future, online_attention

METHODS = ("auto", "loop", "naive", "online", "flash", "sdpa")
SPEC = {"query": "… Tq D", "key": "… Tk D", "value": "… Tk Dv"}
REMEDIES = {
    "…": "give all the same leading axes, as (B, H, T, D); repeat_interleave repeats heads",
    "D": "project query and key to one width",
    "Tk": "every key needs one value: make both from the same inputs",
}


@in_given_dtype
def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    is_causal: bool = False,
    mask: Tensor | None = None,
    scale: float | None = None,
    method: str = "auto",
) -> Tensor:
    """Every query reads a weighted mean of the values; the weights are a softmax over the keys.

    query (…, Tq, D), key (…, Tk, D), value (…, Tk, Dv): floating point, one dtype, one device; the
    leading dimensions, usually (B, H), are equal. Returns (…, Tq, Dv), computed in that dtype, under autocast too.

    is_causal: query i sees the keys up to its own position. The last query is aligned with the last
        key, so a single query with a cache of Tk keys sees all of them (torch aligns the first ones).
    mask: boolean, broadcastable to (…, Tq, Tk), True where a query may look. Every query needs one key.
    scale: multiplies the scores; 1/√D unless given.
    method: "loop" (one query after the other, the definition), "naive" (two matrix products and the
        whole Tq × Tk score matrix), "online" (naive, 256 keys at a time, merged as `merge` does; 16 bits
        are computed in float32), "flash" (the same in our Triton kernel: float32, float16 or bfloat16,
        D and Dv up to 128, no mask; an NVIDIA GPU of compute capability 8.0), "sdpa" (torch's fused
        kernel; `attention_backend` names it), "auto" (sdpa). All have a gradient.

    Second derivatives: by loop and naive; the others raise. torch.func's grad and vmap: by all.
    NaN and infinity reach a query only from keys and values that it sees. On a GPU that holds for the loop, and for
    keys that the mask hides from all queries; its other methods may spread what some queries see to the others.
    Work 2·Tq·Tk·D multiply–adds a head if Dv = D; online, flash and sdpa leave half of it out when causal.
    Memory: naive stores the Tq × Tk scores, online Tq × 256, forward and backward; flash and sdpa none.
    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes that do not agree,
    an empty axis, an unknown method or one that cannot do this here, a query that may look nowhere),
    MemoryError (naive, when the scores do not fit).

    >>> query, key = torch.tensor([[4.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> attention(query, key, value=torch.tensor([[1.0], [0.0]]), scale=1.0).round(decimals=2)
    tensor([[0.9800]])
    """
    method = require_word("attention: method", method, METHODS)
    mask, scale = _checked("attention", is_causal, mask, scale, query=query, key=key, value=value)
    if method == "loop":
        return _loop(query, key, value, is_causal, mask, scale)
    if mask is None:
        seen_key, seen_value = key, value
    else:
        seen_key, seen_value = _zero_where_unseen(mask, key), _zero_where_unseen(mask, value)
    if method == "naive":
        output = _weights(query, seen_key, is_causal, mask, scale) @ seen_value
    elif method == "online":
        output = online_attention(query, seen_key, seen_value, is_causal, mask, scale)
    else:
        fused = _flash if method == "flash" else _sdpa
        output = fused(query, seen_key, seen_value, is_causal, mask, scale)
    if shows_non_finite(output):
        return _loop(query, key, value, is_causal, mask, scale)
    return output


@in_given_dtype
def attention_weights(
    query: Tensor, key: Tensor, *, is_causal: bool = False, mask: Tensor | None = None, scale: float | None = None
) -> Tensor:
    """The weights (…, Tq, Tk) that `attention` gives the values; every row sums to 1. Arguments and errors as there.

    >>> query, key = torch.tensor([[4.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> attention_weights(query, key, scale=1.0).round(decimals=2)
    tensor([[0.9800, 0.0200]])
    """
    mask, scale = _checked("attention_weights", is_causal, mask, scale, query=query, key=key)
    key = key if mask is None else _zero_where_unseen(mask, key)
    return _weights(query, key, is_causal, mask, scale)


def attention_backend(
    query: Tensor, key: Tensor, value: Tensor, *, is_causal: bool = False, mask: Tensor | None = None
) -> str:
    """Which of torch's kernels `attention(…, method="sdpa")` would run here: name it beside every time.

    "flash" (FlashAttention-2), "cudnn", "efficient" (xFormers' kernel) or "math" (plain products) on a GPU, on a CPU
    "flash (CPU)" or "math". Torch is asked, with these very tensors, under the `sdpa_kernel` that is set around the
    call. Arguments and errors as `attention`.

    >>> x = torch.ones(1, 2, 8, 4)
    >>> attention_backend(x, x, x)
    'flash (CPU)'
    """
    mask, _ = _checked("attention_backend", is_causal, mask, None, query=query, key=key, value=value)
    *tensors, allowed, square = _sdpa_arguments(query, key, value, is_causal, mask)
    with cudnn_off_for_one_query(query):
        backend = SDPBackend(torch._fused_sdp_choice(*tensors, attn_mask=allowed, is_causal=square))
    name = backend.name.removesuffix("_ATTENTION").lower()
    return "flash (CPU)" if name == "flash" and query.device.type == "cpu" else name


# The methods. Where the mask is not None it leaves out the future already, if is_causal.


def _loop(query, key, value, is_causal, mask, scale):
    Tq, Tk = query.shape[-2], key.shape[-2]
    query = query * scale  # before the product, or scores of 16 bits may pass the largest number
    rows = []
    for i in range(Tq):
        end = Tk - Tq + i + 1 if is_causal else Tk
        keys, values = key[..., :end, :], value[..., :end, :]  # (…, end, D) and (…, end, Dv)
        allowed = None if mask is None else mask[..., i, :end].unsqueeze(-1)
        if allowed is not None:  # before the products: what stands there may be NaN
            keys, values = keys.masked_fill(~allowed, 0), values.masked_fill(~allowed, 0)
        scores = (keys * query[..., i : i + 1, :]).sum(-1, keepdim=True)  # (…, end, 1)
        if allowed is not None:
            scores = scores.masked_fill(~allowed, -math.inf)
        rows.append((scores.softmax(-2) * values).sum(-2))  # (…, Dv)
    return torch.stack(rows, dim=-2)


def _weights(query, key, is_causal, mask, scale):
    # The scores before and after the softmax, and twice the mask.
    needed = math.prod(query.shape[:-1]) * key.shape[-2] * (2 * query.element_size() + 2)
    scores_of = f"the scores of query {shape(query)} and key {shape(key)}"
    require_memory(scores_of, needed, query.device, "method 'online' or 'sdpa' of attention, or a shorter T")
    allowed = _allowed(query, key, is_causal, mask)
    scores = (query * scale) @ key.transpose(-2, -1)  # (…, Tq, Tk)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    return scores.softmax(dim=-1)


def _flash(query, key, value, is_causal, mask, scale):
    D, Dv = query.shape[-1], value.shape[-1]
    reason = None
    if mask is not None:
        reason = "it takes no mask"
    elif query.dtype == torch.float64:
        reason = f"it takes float32, float16 and bfloat16, not {query.dtype}"
    elif max(D, Dv) > 128:
        reason = f"it takes widths up to 128, not D = {D} and Dv = {Dv}"
    reason = reason or unavailable(query, capability=(8, 0))
    if reason:
        refuse("attention", "flash", reason, "'online' or 'sdpa'")
    from .kernels.flash import flash_attention  # here: it needs triton

    query, scale = _above_zero(query, scale)
    flat = (tensor.reshape(-1, *tensor.shape[-2:]) for tensor in (query, key, value))  # (B·H, T, D)
    return flash_attention(*flat, is_causal, scale).reshape(*query.shape[:-1], Dv)


def _sdpa(query, key, value, is_causal, mask, scale):
    query, scale = _above_zero(query, scale)
    *tensors, allowed, square = _sdpa_arguments(query, key, value, is_causal, mask)
    with cudnn_off_for_one_query(query):
        output = F.scaled_dot_product_attention(*tensors, attn_mask=allowed, is_causal=square, scale=scale)
    return output if query.ndim == 4 else output.reshape(*query.shape[:-1], value.shape[-1])


def _above_zero(query, scale):
    """Query and scale with the same product, scale above 0: fused kernels scale the largest score, not the smallest.

    With a scale of 0 or below torch 2.13 gives NaN on a CPU, when causal.
    """
    return (query, scale) if scale > 0 else (query * scale, 1.0)


def _sdpa_arguments(query, key, value, is_causal, mask):
    """query, key and value as (B, H, T, D), the mask or None, and whether torch's own causal flag means the same."""
    lead, Tq, Tk = query.shape[:-2], query.shape[-2], key.shape[-2]
    # Quicker than a mask; but torch aligns the first query with the first key. A single query sees all keys.
    square = is_causal and mask is None and Tq == Tk
    allowed = mask if square or Tq == 1 else _allowed(query, key, is_causal, mask)
    if len(lead) == 2:
        return query, key, value, allowed, square
    return *(_as_heads(tensor, lead) for tensor in (query, key, value, allowed)), square


def _as_heads(tensor, lead):
    """(…, T, D) as (B, H, T, D): with fewer dimensions, or more, torch falls back to plain products."""
    if tensor is None:
        return None
    return tensor.expand(*lead, *tensor.shape[-2:]).reshape(math.prod(lead), 1, *tensor.shape[-2:])


def cudnn_off_for_one_query(query):
    """A context without cuDNN if there is one query: cuDNN plans anew for each number of keys, 20 to 40 ms, and a cache
    grows with every step."""
    return _without_cudnn() if query.shape[-2] == 1 and torch.backends.cuda.cudnn_sdp_enabled() else nullcontext()


@contextmanager
def _without_cudnn():
    torch.backends.cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(True)


# Arguments and masks.


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
    if has_numbers(mask) and not mask.any(dim=-1).all():
        raise ValueError(f"the mask leaves one of the queries {shape(query)} no key to look at; allow each its own.")
    return mask, scale


def _allowed(query, key, is_causal, mask):
    """Where a query may look, (…, Tq, Tk), or None where every query sees every key."""
    Tq, Tk = query.shape[-2], key.shape[-2]
    return ~future(Tq, Tk, Tk - Tq, query.device) if is_causal and mask is None else mask


def _zero_where_unseen(mask, tensor):
    """Keys or values (…, Tk, D) with zeros where the mask hides them from all queries: NaN may stand there."""
    seen = mask.any(-2)  # (…, Tk)
    if has_numbers(seen) and seen.all():
        return tensor
    return tensor.masked_fill(~seen.unsqueeze(-1), 0)


def _spread(mask, wanted, device):
    """The mask as (…, Tq, Tk), with 1 for the leading axes that it does not tell apart: spread, it may not fit."""
    if not isinstance(mask, Tensor) or mask.dtype is not torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        remedy = _make_boolean(mask)
        raise TypeError(f"mask is {kind}; give a tensor of booleans, True where a query may look{remedy}.")
    if mask.device != device:
        raise TypeError(f"mask is on {mask.device}, query on {device}; bring them together with mask.to(query.device).")
    missing = len(wanted) - mask.ndim
    if missing < 0 or any(size not in (1, full) for size, full in zip(mask.shape, wanted[missing:], strict=True)):
        raise ValueError(f"mask {shape(mask)} does not broadcast to {wanted}; give (Tq, Tk) = {wanted[-2:]}.")
    mask = mask[(None,) * missing]
    return mask.expand(*mask.shape[:-2], *wanted[-2:])


def _make_boolean(mask):
    """How a mask of this kind becomes one of booleans, for the end of a sentence; "" where nothing is sure to."""
    if isinstance(mask, list | tuple | np.ndarray):
        return ": torch.tensor(mask)"
    if not isinstance(mask, Tensor) or not has_numbers(mask):
        return ""
    if mask.is_floating_point() and ((mask == 0) | (mask < -1e4)).all() and (mask < 0).any():
        return "; a mask of 0 and −∞ that is added to the scores becomes one by mask == 0"
    if ((mask == 0) | (mask == 1)).all():
        return ": mask == 1 if 1 stands where it may, mask == 0 if 1 stands where it may not"
    return ""
