"""Attention cut by time: queries stay where they are, keys and values go round a ring. Liu et al. 2023, Ring Attention.

What a worker has read is merged as in the online softmax, so the order in which blocks arrive does not matter.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..ops.online import merge
from .peers import Peers


class Ring(NamedTuple):
    """What one worker has of a ring: output (B, H, T/P, d_h); level (B, H, T/P, 1), the logarithm of the sum of each
    query's exponentials; pairs: how many (query, key) it scored in each turn."""

    output: Tensor
    level: Tensor
    pairs: list[int]


def own_positions(T: int, peers: Peers, is_striped: bool = False) -> Tensor:
    """The positions (T/P,) that this worker holds: neighbours, or every P-th one. Brandon et al. 2023, stripes.

    Raises ValueError unless P divides T.
    """
    if T % peers.size:
        raise ValueError(f"T = {T} words cannot be cut into {peers.size} equal parts; make T a multiple, by padding.")
    positions = torch.arange(T, device=peers.device)
    return positions[peers.rank :: peers.size] if is_striped else positions.chunk(peers.size)[peers.rank]


def ring_attention(
    peers: Peers, query: Tensor, key: Tensor, value: Tensor, is_causal: bool = False, is_striped: bool = False
) -> Ring:
    """Attention over all T positions, forward; each worker has the T/P of own_positions. P − 1 exchanges.

    query, key, value (B, H, T/P, d_h). A block of keys that comes after all own queries is skipped: an idle turn.
    """
    empty = query.new_zeros(*query.shape[:-1], 1)
    merged, pairs = (empty - math.inf, empty, torch.zeros_like(query)), []
    block = torch.stack([key, value])
    for turn in range(peers.size):
        seen = _seen(peers, turn, query.shape[-2], is_causal, is_striped)
        pairs.append(int(seen.sum()))
        if pairs[-1]:
            scores = _scores(query, block[0], seen)
            largest = scores.amax(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).min)
            weights = (scores - largest).exp()
            merged = merge(merged, (largest, weights.sum(-1, keepdim=True), weights @ block[1]))
        if turn < peers.size - 1:
            block = peers.rotate(block)
    largest, total, output = merged
    return Ring(output / total, largest + total.log(), pairs)


def ring_gradients(
    peers: Peers,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ring: Ring,
    grad: Tensor,
    is_causal: bool = False,
    is_striped: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of this worker's query, key and value; grad (B, H, T/P, d_h) is that of its output. P exchanges.

    Keys and values go round once more, and their gradients with them, which grow on the way and come home.
    """
    scale = query.shape[-1] ** -0.5
    common = (grad * ring.output).sum(-1, keepdim=True)  # what softmax takes from every slope of a row
    grad_query = torch.zeros_like(query)
    going = torch.stack([key, value, torch.zeros_like(key), torch.zeros_like(value)])
    for turn in range(peers.size):
        key, value, grad_key, grad_value = going
        seen = _seen(peers, turn, query.shape[-2], is_causal, is_striped)
        if seen.any():
            weights = (_scores(query, key, seen) - ring.level).exp()
            slopes = scale * weights * (grad @ value.mT - common)
            grad_query += slopes @ key
            grad_key += slopes.mT @ query
            grad_value += weights.mT @ grad
        going = peers.rotate(going)
    return grad_query, going[2], going[3]


def _seen(peers, turn, size, is_causal, is_striped):
    """(T/P, T/P): which own query reads which key of the block that is here in this turn."""
    mine = torch.arange(size, device=peers.device)
    owner = (peers.rank - turn) % peers.size
    if not is_causal:
        return torch.ones(size, size, dtype=torch.bool, device=peers.device)
    if is_striped:
        return mine[:, None] * peers.size + peers.rank >= mine * peers.size + owner
    return mine[:, None] + peers.rank * size >= mine + owner * size


def _scores(query, key, seen):
    return (query @ key.mT * query.shape[-1] ** -0.5).masked_fill(~seen, -math.inf)
