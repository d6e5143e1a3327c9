"""Attention without ever holding all scores: read some keys, read some more, merge what both said.

The softmax is kept as a triple that any two groups of keys can be merged into: Milakov and Gimelshein 2018. Backward
computes the scores again instead of keeping them: Dao et al. 2022, FlashAttention. helpers.kernels.flash does the same
on the chip.
"""

import math

import torch
from torch.autograd.function import once_differentiable

BLOCK = 256  # keys read at a time


def merge(left, right):
    """Join what two groups of keys have to say: the step of the online softmax. Milakov and Gimelshein 2018.

    left, right and the result are (m, ℓ, o) of a group: its largest score m (…, T, 1), ℓ (…, T, 1) = Σ exp(score − m),
    o (…, T, Dv) = Σ exp(score − m) · value. When all groups are joined, attention is o / ℓ. Their order does not
    matter, nor which two join first; a group without keys, (−∞, 0, 0), changes nothing.
    """
    largest = torch.maximum(left[0], right[0])
    # Who has seen no key has largest −∞, and −∞ − (−∞) is not a number; −∞ − (a finite number) rightly has exp 0.
    base = largest.clamp(min=torch.finfo(largest.dtype).min)
    shrink_left, shrink_right = (left[0] - base).exp(), (right[0] - base).exp()
    return largest, *(shrink_left * a + shrink_right * b for a, b in zip(left[1:], right[1:], strict=True))


def _blocks(query, key, is_causal, mask):
    """One block of keys after the other: (the queries that see any of it, its keys, their scores (…, Tq, BLOCK))."""
    Tq, Tk = query.shape[-2], key.shape[-2]
    for start in range(0, Tk, BLOCK):
        first = max(0, start - (Tk - Tq)) if is_causal else 0
        queries, keys = slice(first, Tq), slice(start, min(start + BLOCK, Tk))
        scores = query[..., queries, :] @ key[..., keys, :].mT
        if mask is not None:
            scores.masked_fill_(~mask[..., queries, keys], -math.inf)
        elif is_causal:
            corner = scores[..., :BLOCK, :]  # the later queries see the whole block
            corner.masked_fill_(future(*corner.shape[-2:], first + Tk - Tq - start, query.device), -math.inf)
        yield queries, keys, scores


def _as_it_is(function):
    """`function` where autocast would compute in 16 bits what is promised in float32."""
    return torch.autocast("cpu", enabled=False)(torch.autocast("cuda", enabled=False)(function))


class Online(torch.autograd.Function):
    """Attention block by block of keys, in float32 (float64 stays). Arguments as helpers.attention has checked them."""

    @staticmethod
    @_as_it_is
    def forward(ctx, query, key, value, is_causal, mask, scale):
        wide = torch.promote_types(query.dtype, torch.float32)
        q, k, v = (tensor.to(wide) for tensor in (query, key, value))
        zeros = q.new_zeros(*q.shape[:-1], 1)
        seen = (zeros - math.inf, zeros, zeros.expand(*q.shape[:-1], v.shape[-1]).clone())
        for queries, keys, scores in _blocks(q * scale, k, is_causal, mask):
            largest = scores.amax(-1, keepdim=True)
            weights = scores.sub_(largest.clamp(min=torch.finfo(wide).min)).exp_()  # (…, Tq, BLOCK)
            block = (largest, weights.sum(-1, keepdim=True), weights @ v[..., keys, :])
            for whole, merged in zip(seen, merge([part[..., queries, :] for part in seen], block), strict=True):
                whole[..., queries, :] = merged
        largest, total, output = seen
        output /= total
        ctx.save_for_backward(query, key, value, mask, output, largest + total.log())
        ctx.is_causal, ctx.scale = is_causal, scale
        return output.to(query.dtype)

    @staticmethod
    @once_differentiable
    @_as_it_is
    def backward(ctx, grad_output):
        query, key, value, mask, output, level = ctx.saved_tensors
        q, k, v, grad = (tensor.to(output.dtype) for tensor in (query, key, value, grad_output))
        grad_query, grad_key, grad_value = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        common = (grad * output).sum(-1, keepdim=True)  # what softmax takes from every slope of a row
        for queries, keys, scores in _blocks(q * ctx.scale, k, ctx.is_causal, mask):
            weights = scores.sub_(level[..., queries, :]).exp_()
            grad_value[..., keys, :] = weights.mT @ grad[..., queries, :]
            slopes = weights.mul_(grad[..., queries, :] @ v[..., keys, :].mT - common[..., queries, :])
            grad_query[..., queries, :] += slopes @ k[..., keys, :]
            grad_key[..., keys, :] = slopes.mT @ q[..., queries, :]
        grads = (grad_query * ctx.scale, grad_key * ctx.scale, grad_value)
        return *(tensor.to(query.dtype) for tensor in grads), None, None, None


def future(Tq, Tk, offset, device):
    """(Tq, Tk): True where the key comes after the query; query 0 stands where key `offset` does."""
    return torch.ones(Tq, Tk, dtype=torch.bool, device=device).triu(diagonal=offset + 1)
