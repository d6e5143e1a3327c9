"""Attention without ever holding all scores: read some keys, read some more, merge what both gave.

The softmax is kept as a triple that any two groups of keys can be merged into: Milakov and Gimelshein 2018. Backward
computes the scores again instead of keeping them: Dao et al. 2022, FlashAttention. helpers.ops.kernels.flash does the
same on the chip.
"""

import math

import torch
from torch import Tensor

from .modes import batch_first, in_given_dtype, signed

BLOCK = 256  # keys read at a time
# What a second or a forward-mode derivative is told.
ONCE = "attention's method {!r} has a first derivative by backward only; use method 'naive' for {}."

Group = tuple[Tensor, Tensor, Tensor]


def merge(left: Group, right: Group) -> Group:
    """Merge two groups of keys into one: the step of the online softmax. Milakov and Gimelshein 2018.

    left, right and the result are (m, ℓ, o) of a group: its largest score m (…, T, 1), ℓ (…, T, 1) = Σ exp(score − m),
    o (…, T, Dv) = Σ exp(score − m) · value. When all groups are joined, attention is o / ℓ. Their order does not
    matter, nor which two join first; a group without keys, (−∞, 0, 0), changes nothing.

    >>> one, two = ((torch.zeros(1, 1), torch.ones(1, 1), torch.full((1, 1), value)) for value in (3.0, 5.0))
    >>> _, total, output = merge(one, two)  # two keys with the score 0, and the values 3 and 5
    >>> output / total
    tensor([[4.]])
    """
    largest = torch.maximum(left[0], right[0])
    # With no key seen yet, largest is −∞, and −∞ − (−∞) is not a number; −∞ − (a finite number) rightly has exp 0.
    base = largest.clamp(min=torch.finfo(largest.dtype).min)
    shrink_left, shrink_right = (left[0] - base).exp(), (right[0] - base).exp()
    total = shrink_left * left[1] + shrink_right * right[1]
    return largest, total, shrink_left * left[2] + shrink_right * right[2]


def online_attention(
    query: Tensor, key: Tensor, value: Tensor, is_causal: bool, mask: Tensor | None, scale: float
) -> Tensor:
    """Attention block by block of keys, in float32 (float64 stays). Arguments as helpers.attention has checked them."""
    return _Online.apply(query, key, value, mask, is_causal, scale)[0]


def future(Tq: int, Tk: int, offset: int, device: torch.device) -> Tensor:
    """(Tq, Tk): True where the key comes after the query; query 0 stands where key `offset` does.

    >>> future(2, 3, 1, "cpu")
    tensor([[False, False,  True],
            [False, False, False]])
    """
    return torch.ones(Tq, Tk, dtype=torch.bool, device=device).triu(diagonal=offset + 1)


def _blocks(query, key, is_causal, mask):
    """One block of keys after the other: (the queries that see any of it, its keys, their scores (…, Tq, BLOCK)).

    query as wide as scores should be; of keys and values, in 16 bits, one block at a time is made so wide.
    """
    Tq, Tk = query.shape[-2], key.shape[-2]
    for start in range(0, Tk, BLOCK):
        first = max(0, start - (Tk - Tq)) if is_causal else 0
        queries, keys = slice(first, Tq), slice(start, min(start + BLOCK, Tk))
        scores = query[..., queries, :] @ key[..., keys, :].to(query.dtype).mT
        if mask is not None:
            scores.masked_fill_(~mask[..., queries, keys], -math.inf)
        elif is_causal:
            corner = scores[..., :BLOCK, :]  # the later queries see the whole block
            corner.masked_fill_(future(*corner.shape[-2:], first + Tk - Tq - start, query.device), -math.inf)
        yield queries, keys, scores


class _Online(torch.autograd.Function):
    """The output, and for backward the level of each query: the logarithm of the sum of its exponentials."""

    @staticmethod
    @signed
    @in_given_dtype
    def forward(query, key, value, mask, is_causal, scale):
        wide = torch.promote_types(query.dtype, torch.float32)
        q = query.to(wide) * scale
        zeros = q.new_zeros(*q.shape[:-1], 1)
        merged = (zeros - math.inf, zeros, zeros.expand(*q.shape[:-1], value.shape[-1]).clone())
        for queries, keys, scores in _blocks(q, key, is_causal, mask):
            largest = scores.amax(-1, keepdim=True)
            weights = scores.sub_(largest.clamp(min=torch.finfo(wide).min)).exp_()  # (…, Tq, BLOCK)
            block = (largest, weights.sum(-1, keepdim=True), weights @ value[..., keys, :].to(wide))
            before = tuple(part[..., queries, :] for part in merged)
            for part, new in zip(merged, merge(before, block), strict=True):
                part[..., queries, :] = new
        largest, total, output = merged
        return output.div_(total).to(query.dtype), largest + total.log()

    @staticmethod
    def setup_context(ctx, inputs, output):
        query, key, value, mask, ctx.is_causal, ctx.scale = inputs
        result, level = output
        ctx.mark_non_differentiable(level)
        ctx.save_for_backward(query, key, value, mask, result, level)

    @staticmethod
    def backward(ctx, grad, _):
        return *_OnlineGradient.apply(*ctx.saved_tensors, grad, ctx.is_causal, ctx.scale), None, None, None

    @staticmethod
    def vmap(info, dims, query, key, value, mask, is_causal, scale):
        tensors = batch_first(info.batch_size, dims[:4], (query, key, value, mask))
        return _Online.apply(*tensors, is_causal, scale), (0, 0)

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError(ONCE.format("online", "forward mode"))


class _OnlineGradient(torch.autograd.Function):
    """The gradients of query, key and value."""

    @staticmethod
    @signed
    @in_given_dtype
    def forward(query, key, value, mask, output, level, grad, is_causal, scale):
        wide = level.dtype
        q, grad = query.to(wide) * scale, grad.to(wide)
        grad_query, grad_key, grad_value = (torch.zeros_like(part, dtype=wide) for part in (query, key, value))
        common = (grad * output).sum(-1, keepdim=True)  # what softmax takes from every slope of a row
        for queries, keys, scores in _blocks(q, key, is_causal, mask):
            weights = scores.sub_(level[..., queries, :]).exp_()
            grad_value[..., keys, :] = weights.mT @ grad[..., queries, :]
            slopes = weights.mul_(grad[..., queries, :] @ value[..., keys, :].to(wide).mT - common[..., queries, :])
            grad_query[..., queries, :] += slopes @ key[..., keys, :].to(wide)
            grad_key[..., keys, :] = slopes.mT @ q[..., queries, :]
        return tuple(part.to(query.dtype) for part in (grad_query.mul_(scale), grad_key, grad_value))

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise NotImplementedError(ONCE.format("online", "second derivatives"))

    @staticmethod
    def vmap(info, dims, *arguments):
        *tensors, is_causal, scale = arguments
        tensors = batch_first(info.batch_size, dims[:7], tensors)
        return _OnlineGradient.apply(*tensors, is_causal, scale), (0, 0, 0)

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError(ONCE.format("online", "forward mode"))
