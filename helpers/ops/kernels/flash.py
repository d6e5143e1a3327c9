"""Attention whose scores never leave the chip, in Triton: Dao 2023, FlashAttention-2, algorithms 1 and 2.

Forward and gradient of the query: a program holds one block of queries and walks over the keys. Gradients of key and
value: a program holds one block of keys and walks over the queries. No two programs write the same number, so every run
gives the same bits. Each walk has two parts: blocks in which every query sees every key, and the edge, which is masked.

A GPU computes exponentials as powers of two, and so does this file: the scale comes multiplied by log₂ e, and level is
log₂ Σ 2^score.

Only helpers.ops.attention calls this file, with arguments that it has checked.
"""

import functools
import math
import os

import torch
import triton
import triton.language as tl

from ..modes import batch_first, signed
from ..online import ONCE
from . import chip

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@triton.jit
def _load_rows(
    matrix, rows, T, WIDTH: tl.constexpr, PADDED: tl.constexpr, DOT: tl.constexpr, INSIDE: tl.constexpr = False
):
    """These rows of a (T, WIDTH) matrix, with zeros around it, in the dtype that products take; INSIDE: all below T."""
    columns = tl.arange(0, PADDED)[None, :]
    pointers = matrix + rows[:, None] * WIDTH + columns
    if INSIDE and WIDTH == PADDED:  # a mask would be 4 to 7 % of the instructions of a walk
        return tl.load(pointers).to(DOT)
    inside = columns < WIDTH if INSIDE else (rows[:, None] < T) & (columns < WIDTH)
    return tl.load(pointers, mask=inside, other=0.0).to(DOT)


@triton.jit
def _store_rows(matrix, rows, T, WIDTH: tl.constexpr, PADDED: tl.constexpr, tile):
    columns = tl.arange(0, PADDED)[None, :]
    inside = (rows[:, None] < T) & (columns < WIDTH)
    tl.store(matrix + rows[:, None] * WIDTH + columns, tile.to(matrix.dtype.element_ty), mask=inside)


@triton.jit
def _visible(queries, keys, Tq, Tk, IS_CAUSAL: tl.constexpr):
    """Where a query may look; the last query is aligned with the last key."""
    return keys <= queries + Tk - Tq if IS_CAUSAL else keys < Tk


@triton.jit
def _keys_of(first, Tq, Tk, QUERIES: tl.constexpr, KEYS: tl.constexpr, IS_CAUSAL: tl.constexpr):
    """For the block of queries from `first` on: where its edge begins, and the end of the keys that it sees."""
    if IS_CAUSAL:
        return (first + Tk - Tq + 1) // KEYS * KEYS, tl.minimum(first + Tk - Tq + QUERIES, Tk)
    else:
        return Tk // KEYS * KEYS, Tk


@triton.jit
def _forward(
    query, key, value, output, level, Tq, Tk, scale,
    D: tl.constexpr, DV: tl.constexpr, PADDED: tl.constexpr, PADDED_V: tl.constexpr, DOT: tl.constexpr,
    IS_CAUSAL: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(Tq, QUERIES)
    head = (tl.program_id(0) // blocks).to(tl.int64)  # B·H·T·D may pass 2³¹
    first = (blocks - 1 - tl.program_id(0) % blocks) * QUERIES  # the late queries see the most keys: they start first
    queries = first + tl.arange(0, QUERIES)
    q = _load_rows(query + head * Tq * D, queries, Tq, D, PADDED, DOT)
    key += head * Tk * D
    value += head * Tk * DV

    largest = tl.full((QUERIES,), -float("inf"), tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    mixed = tl.zeros((QUERIES, PADDED_V), tl.float32)
    edge, end = _keys_of(first, Tq, Tk, QUERIES, KEYS, IS_CAUSAL)
    for MASKED in tl.static_range(2):
        for start in range(edge * MASKED, end if MASKED else edge, KEYS):
            keys = start + tl.arange(0, KEYS)
            scores = tl.dot(q, tl.trans(_load_rows(key, keys, Tk, D, PADDED, DOT, not MASKED)), input_precision="ieee")
            if MASKED:
                scores = tl.where(_visible(queries[:, None], keys[None, :], Tq, Tk, IS_CAUSAL), scores, -float("inf"))
            larger = tl.maximum(largest, tl.max(scores, 1) * scale)
            weights = tl.exp2(scores * scale - larger[:, None])
            shrink = tl.exp2(largest - larger)
            total = total * shrink + tl.sum(weights, 1)
            v = _load_rows(value, keys, Tk, DV, PADDED_V, DOT, not MASKED)
            mixed = tl.dot(weights.to(DOT), v, mixed * shrink[:, None], input_precision="ieee")
            largest = larger
    _store_rows(output + head * Tq * DV, queries, Tq, DV, PADDED_V, mixed / total[:, None])
    tl.store(level + head * Tq + queries, largest + tl.log2(total), mask=queries < Tq)


@triton.jit
def _backward_query(
    query, key, value, output, grad_output, level, shared, grad_query, Tq, Tk, scale,
    D: tl.constexpr, DV: tl.constexpr, PADDED: tl.constexpr, PADDED_V: tl.constexpr, DOT: tl.constexpr,
    IS_CAUSAL: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(Tq, QUERIES)
    head = (tl.program_id(0) // blocks).to(tl.int64)
    first = (blocks - 1 - tl.program_id(0) % blocks) * QUERIES
    queries = first + tl.arange(0, QUERIES)
    q = _load_rows(query + head * Tq * D, queries, Tq, D, PADDED, DOT)
    g = _load_rows(grad_output + head * Tq * DV, queries, Tq, DV, PADDED_V, DOT)
    o = _load_rows(output + head * Tq * DV, queries, Tq, DV, PADDED_V, tl.float32)
    key += head * Tk * D
    value += head * Tk * DV
    height = tl.load(level + head * Tq + queries, mask=queries < Tq, other=0.0)
    common = tl.sum(g.to(tl.float32) * o, 1)  # what softmax takes from every slope of a row; _backward_key reads it too
    tl.store(shared + head * Tq + queries, common, mask=queries < Tq)

    grad = tl.zeros((QUERIES, PADDED), tl.float32)
    edge, end = _keys_of(first, Tq, Tk, QUERIES, KEYS, IS_CAUSAL)
    for MASKED in tl.static_range(2):
        for start in range(edge * MASKED, end if MASKED else edge, KEYS):
            keys = start + tl.arange(0, KEYS)
            k = _load_rows(key, keys, Tk, D, PADDED, DOT, not MASKED)
            v = _load_rows(value, keys, Tk, DV, PADDED_V, DOT, not MASKED)
            weights = tl.exp2(tl.dot(q, tl.trans(k), input_precision="ieee") * scale - height[:, None])
            if MASKED:
                weights = tl.where(_visible(queries[:, None], keys[None, :], Tq, Tk, IS_CAUSAL), weights, 0.0)
            slopes = weights * (tl.dot(g, tl.trans(v), input_precision="ieee") - common[:, None])
            grad = tl.dot(slopes.to(DOT), k, grad, input_precision="ieee")
    _store_rows(grad_query + head * Tq * D, queries, Tq, D, PADDED, grad * (scale * 0.6931471805599453))  # ln 2


@triton.jit
def _backward_key(
    query, key, value, grad_output, level, shared, grad_key, grad_value, Tq, Tk, scale,
    D: tl.constexpr, DV: tl.constexpr, PADDED: tl.constexpr, PADDED_V: tl.constexpr, DOT: tl.constexpr,
    IS_CAUSAL: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(Tk, KEYS)
    head = (tl.program_id(0) // blocks).to(tl.int64)
    first = tl.program_id(0) % blocks * KEYS  # the early keys are seen by the most queries
    keys = first + tl.arange(0, KEYS)
    k = _load_rows(key + head * Tk * D, keys, Tk, D, PADDED, DOT)
    v = _load_rows(value + head * Tk * DV, keys, Tk, DV, PADDED_V, DOT)
    query += head * Tq * D
    grad_output += head * Tq * DV
    level += head * Tq
    shared += head * Tq

    grad_k = tl.zeros((KEYS, PADDED), tl.float32)
    grad_v = tl.zeros((KEYS, PADDED_V), tl.float32)
    begin, clear = 0, 0
    if IS_CAUSAL:  # the first query that sees the first of these keys, and the first block that sees the last
        begin = tl.maximum(first - (Tk - Tq), 0) // QUERIES * QUERIES
        clear = tl.cdiv(tl.maximum(first + KEYS - 1 - (Tk - Tq), 0), QUERIES) * QUERIES
    for MASKED in tl.static_range(2):
        for start in range(begin if MASKED else clear, tl.minimum(clear, Tq) if MASKED else Tq, QUERIES):
            queries = start + tl.arange(0, QUERIES)
            q = _load_rows(query, queries, Tq, D, PADDED, DOT)
            g = _load_rows(grad_output, queries, Tq, DV, PADDED_V, DOT)
            height = tl.load(level + queries, mask=queries < Tq, other=0.0)
            common = tl.load(shared + queries, mask=queries < Tq, other=0.0)
            # All tiles are (keys, queries), so no product has to be transposed. Beyond the last query g and common are
            # 0; beyond the last key the rows may hold anything, since they are not stored.
            weights = tl.exp2(tl.dot(k, tl.trans(q), input_precision="ieee") * scale - height[None, :])
            if MASKED:
                weights = tl.where(_visible(queries[None, :], keys[:, None], Tq, Tk, IS_CAUSAL), weights, 0.0)
            grad_v = tl.dot(weights.to(DOT), g, grad_v, input_precision="ieee")
            slopes = weights * (tl.dot(v, tl.trans(g), input_precision="ieee") - common[None, :])
            grad_k = tl.dot(slopes.to(DOT), q, grad_k, input_precision="ieee")
    _store_rows(grad_key + head * Tk * D, keys, Tk, D, PADDED, grad_k * (scale * 0.6931471805599453))
    _store_rows(grad_value + head * Tk * DV, keys, Tk, DV, PADDED_V, grad_v)


@functools.cache
def settings(kernel, dtype, D, Dv, is_causal, capability):
    """The compile-time arguments of `kernel`: sizes, and blocks that fit a GPU of this capability.

    In 16 bits they are those of torch's FlexAttention (torch/_inductor/template_heuristics), except forward on an H100
    or H200. Measured on an H200 at T = 4096 and 16384: at D = 64 these reached 0.90 and 0.90 of cuDNN's speed, 4 warps
    instead of 8 reached 0.81 and 0.83; at D = 128 these reached 0.76 and 0.78, 128 queries and 8 warps 0.73 and 0.76.
    Compiled for it, the loop without a mask had 9.2 and 11.3 instructions a score then; since its loads have no mask
    either, 8.8 and 10.7 (with tensor descriptors for key and value it would be 9.2 and 10.1). Two thirds are the
    products and the softmax itself: an fma, an exponential, a maximum, a sum, half a conversion, and the shrinking of
    the output.
    """
    PADDED, PADDED_V = (max(16, triton.next_power_of_2(width)) for width in (D, Dv))
    wide, large = max(PADDED, PADDED_V) > 64, capability[0] in (9, 10)
    if dtype == torch.float32 or capability < (8, 0):  # no tensor cores
        queries, keys, warps, stages = (16, 32, 4, 1) if wide else (32, 32, 8, 1)
    elif kernel is _forward and large:
        queries, keys, warps, stages = (64, 64, 4, 3) if wide else (128, 64, 8, 3)
    elif kernel is _forward:
        queries, keys, warps = 128, 64, 8 if wide else 4
        stages = 3 if capability == (8, 0) else 2  # the others have 99 KiB of shared memory
    elif large:
        queries, keys, warps, stages = (128, 64, 8, 3) if kernel is _backward_query else (64, 128, 8, 3)
    else:
        queries, keys, warps, stages = 64, 64, 4, 2
    dot = {torch.float32: tl.float32, torch.float16: tl.float16, torch.bfloat16: tl.bfloat16}[dtype]
    if capability < (8, 0) or INTERPRETED:  # the interpreter reads the bits of a bfloat16 as a whole number
        dot = tl.float32
    sizes = {"D": D, "DV": Dv, "PADDED": PADDED, "PADDED_V": PADDED_V, "DOT": dot, "IS_CAUSAL": is_causal}
    return sizes | {"QUERIES": queries, "KEYS": keys, "num_warps": warps, "num_stages": stages}


def flash_attention(query, key, value, is_causal, scale):
    """query (N, Tq, D), key (N, Tk, D), value (N, Tk, Dv) → (N, Tq, Dv); scale above 0."""
    tensors = (tensor.contiguous() for tensor in (query, key, value))
    return _Flash.apply(*tensors, is_causal, scale * math.log2(math.e))[0]


class _Flash(torch.autograd.Function):
    """The output, and for backward the level of each query."""

    @staticmethod
    @signed
    def forward(query, key, value, is_causal, scale):
        output = query.new_empty(*query.shape[:2], value.shape[-1])
        level = query.new_empty(query.shape[:2], dtype=torch.float32)
        _launch(_forward, (query, key, value, output, level), is_causal, scale)
        return output, level

    @staticmethod
    def setup_context(ctx, inputs, output):
        query, key, value, ctx.is_causal, ctx.scale = inputs
        result, level = output
        ctx.mark_non_differentiable(level)
        ctx.save_for_backward(query, key, value, result, level)

    @staticmethod
    def backward(ctx, grad_output, _):
        return *_FlashGradient.apply(*ctx.saved_tensors, grad_output, ctx.is_causal, ctx.scale), None, None

    @staticmethod
    def vmap(info, dims, query, key, value, is_causal, scale):
        flat = _flattened(info, dims[:3], (query, key, value))
        return tuple(part.unflatten(0, (info.batch_size, -1)) for part in _Flash.apply(*flat, is_causal, scale)), (0, 0)

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError(ONCE.format("flash", "forward mode"))


class _FlashGradient(torch.autograd.Function):
    """The gradients of query, key and value."""

    @staticmethod
    @signed
    def forward(query, key, value, output, level, grad_output, is_causal, scale):
        grad_output, shared = grad_output.contiguous(), torch.empty_like(level)
        grad_query, grad_key, grad_value = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
        tensors = (query, key, value, output, grad_output, level, shared, grad_query)
        _launch(_backward_query, tensors, is_causal, scale)
        tensors = (query, key, value, grad_output, level, shared, grad_key, grad_value)
        _launch(_backward_key, tensors, is_causal, scale)
        return grad_query, grad_key, grad_value

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise NotImplementedError(ONCE.format("flash", "second derivatives"))

    @staticmethod
    def vmap(info, dims, *arguments):
        *tensors, is_causal, scale = arguments
        gradients = _FlashGradient.apply(*_flattened(info, dims[:6], tensors), is_causal, scale)
        return tuple(part.unflatten(0, (info.batch_size, -1)) for part in gradients), (0, 0, 0)

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError(ONCE.format("flash", "forward mode"))


def _flattened(info, dims, tensors):
    """The axis of vmap and N as one axis: the kernels know no other."""
    return [tensor.flatten(0, 1).contiguous() for tensor in batch_first(info.batch_size, dims, tensors)]


def _launch(kernel, tensors, is_causal, scale):
    """Start a kernel with a program for each block of queries, or of keys, of each of the N."""
    query, key, value = tensors[:3]
    capability = chip(query.device).capability
    constants = settings(kernel, query.dtype, query.shape[-1], value.shape[-1], is_causal, capability)
    N, Tq, Tk = query.shape[0], query.shape[1], key.shape[1]
    blocks = triton.cdiv(Tk, constants["KEYS"]) if kernel is _backward_key else triton.cdiv(Tq, constants["QUERIES"])
    with torch.cuda.device_of(query):
        kernel[(N * blocks,)](*tensors, Tq, Tk, scale, **constants)
