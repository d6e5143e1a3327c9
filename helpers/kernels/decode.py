"""One query against a long cache, in Triton: the cache is cut into parts that are read at the same time, then merged.

What binds it is bytes: every key and value is read once, for two multiply–adds a number. One program a head would leave
most of a GPU idle, so each part of the cache is a program of its own, which ends with a group (m, ℓ, o) of
helpers.online; a second kernel merges the groups. Dao et al. 2023, Flash-Decoding. Exponentials are powers of two.
"""

import math

import torch
import triton
import triton.language as tl

TILE = 2**14  # bytes of keys and values that a program reads at a time; three tiles are on their way


@triton.jit
def _read(
    query, key, value, length, largest, total, mixed, T, H, scale,
    D: tl.constexpr, DV: tl.constexpr, PADDED: tl.constexpr, PARTS: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    head, part = (tl.program_id(0) // PARTS).to(tl.int64), tl.program_id(0) % PARTS
    columns = tl.arange(0, PADDED)
    q = tl.load(query + head * D + columns, mask=columns < D, other=0.0).to(tl.float32) * scale
    seen = tl.minimum(tl.load(length + head // H), T).to(tl.int32)
    share = tl.cdiv(tl.cdiv(seen, PARTS), KEYS) * KEYS

    m = tl.full((), -float("inf"), tl.float32)
    l = tl.zeros((), tl.float32)
    o = tl.zeros((PADDED,), tl.float32)
    for start in tl.range(part * share, tl.minimum(part * share + share, seen), KEYS, num_stages=3):
        keys = start + tl.arange(0, KEYS)
        there = keys[:, None] < seen
        rows = head * T + keys[:, None]
        k = tl.load(key + rows * D + columns, mask=there & (columns < D), other=0.0).to(tl.float32)
        v = tl.load(value + rows * DV + columns, mask=there & (columns < DV), other=0.0).to(tl.float32)
        scores = tl.where(keys < seen, tl.sum(k * q[None, :], 1), -float("inf"))
        larger = tl.maximum(m, tl.max(scores, 0))
        weights, shrink = tl.exp2(scores - larger), tl.exp2(m - larger)
        l = l * shrink + tl.sum(weights, 0)
        o = o * shrink + tl.sum(weights[:, None] * v, 0)
        m = larger
    tl.store(largest + head * PARTS + part, m)
    tl.store(total + head * PARTS + part, l)
    tl.store(mixed + (head * PARTS + part) * DV + columns, o, mask=columns < DV)


@triton.jit
def _merge(largest, total, mixed, output, DV: tl.constexpr, PADDED: tl.constexpr, PARTS: tl.constexpr):
    head = tl.program_id(0).to(tl.int64)
    parts, columns = head * PARTS + tl.arange(0, PARTS), tl.arange(0, PADDED)
    m = tl.load(largest + parts)
    shrink = tl.exp2(m - tl.max(m, 0))  # 0 for a part without keys; the first part has one
    l = tl.sum(shrink * tl.load(total + parts), 0)
    o = tl.load(mixed + parts[:, None] * DV + columns, mask=(columns < DV)[None, :], other=0.0)
    answer = tl.sum(shrink[:, None] * o, 0) / l
    tl.store(output + head * DV + columns, answer.to(output.dtype.element_ty), mask=columns < DV)


def decode(query, key, value, length):
    """query (B, H, 1, D), key (B, H, T, D), value (B, H, T, Dv), contiguous; length (B,), 1 to T → (B, H, 1, Dv)."""
    (B, H, T, D), Dv = key.shape, value.shape[-1]
    on_gpu = query.device.type == "cuda"
    processors = torch.cuda.get_device_properties(query.device).multi_processor_count if on_gpu else 1
    PADDED = triton.next_power_of_2(max(D, Dv))
    KEYS = min(64, TILE // (2 * PADDED * key.element_size()))
    # Four programs a processor keep enough reads on their way; a part has at least four tiles.
    PARTS = triton.next_power_of_2(max(1, min(4 * processors // (B * H), T // (4 * KEYS), 64)))
    largest, total = query.new_empty(2, B, H, PARTS, dtype=torch.float32)
    mixed = query.new_empty(B, H, PARTS, Dv, dtype=torch.float32)
    output = query.new_empty(B, H, 1, Dv)
    scale = math.log2(math.e) / math.sqrt(D)
    with torch.cuda.device(query.device if on_gpu else -1):  # -1: as it is
        _read[(B * H * PARTS,)](
            query, key, value, length, largest, total, mixed, T, H, scale, D, Dv, PADDED, PARTS, KEYS
        )
        _merge[(B * H,)](largest, total, mixed, output, Dv, PADDED, PARTS)
    return output
