"""How different the words still are after so many blocks, and what gradient is left, with any part switched off.

Blocks at the start of training, spread as torch's own layers are; drawn by NumPy, so the same on every machine.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from ...words import draw

WORDS, WIDTH, HEADS, DEEPEST = 32, 32, 4, 600
LARGEST = torch.finfo(torch.float32).max  # beyond this a net overflows; here it is computed in float64
SMALLEST = torch.finfo(torch.float32).tiny  # below this a net has zeros, and a processor computes slowly


class Parts(NamedTuple):
    """Which parts a block has. norm: "after" the sum (2017), "before" each part (today), "none"."""

    attention: bool = True
    feed_forward: bool = True
    residual: bool = True
    norm: str = "after"


def spread(width):
    """{name: (shape, standard deviation)} of a block's weights, as torch.nn.TransformerEncoderLayer starts them."""
    hidden, third = 4 * width, (1 / (3 * width)) ** 0.5
    return {
        "project": ((3 * width, width), (1 / (2 * width)) ** 0.5),  # W_Q, W_K and W_V in one: Glorot's start
        "join": ((width, width), third),
        "up": ((hidden, width), third),
        "up_bias": ((hidden,), third),
        "down": ((width, hidden), third / 2),
        "down_bias": ((width,), third / 2),
    }


@functools.lru_cache(maxsize=8)
def weights(width=WIDTH, depth=DEEPEST, seed=0, gain=1.0, added=1.0):
    """[{name: weight} of each block] in float64. gain multiplies all of them; added: what the residual adds."""
    stream = np.random.RandomState(seed)  # NumPy promises that its stream never changes
    stacked = {
        name: torch.from_numpy(gain * size * stream.standard_normal((depth, *shape)))
        for name, (shape, size) in spread(width).items()
    }
    for name in ("join", "down", "down_bias"):
        stacked[name] *= added
    return [dict(zip(stacked, of_one, strict=True)) for of_one in zip(*stacked.values(), strict=True)]


def block(words, w, parts, heads=HEADS):
    """One block over words (T, D); w: its weights by name."""
    T, D = words.shape

    def attend(words):
        projected = F.linear(words, w["project"]).view(T, 3, heads, D // heads)
        query, key, value = projected.permute(1, 2, 0, 3)[:, None]  # (1, H, T, D/H) each
        mixed = F.scaled_dot_product_attention(query, key, value)[0]  # (H, T, D/H)
        return F.linear(mixed.transpose(0, 1).reshape(T, D), w["join"])

    def feed_forward(words):
        return F.linear(F.relu(F.linear(words, w["up"], w["up_bias"])), w["down"], w["down_bias"])

    for part, present in ((attend, parts.attention), (feed_forward, parts.feed_forward)):
        if present:
            words = sublayer(words, part, parts)
    return words


def sublayer(words, part, parts):
    """One part with its residual and its LayerNorm, if the block has them."""
    changed = part(F.layer_norm(words, words.shape[-1:]) if parts.norm == "before" else words)
    words = words + changed if parts.residual else changed
    return F.layer_norm(words, words.shape[-1:]) if parts.norm == "after" else words


def difference_left(words):
    """‖X − mean over the words‖ / ‖X‖ of words (…, T, D): 0 if all words are alike (Dong et al. 2021)."""
    apart, size = (words - words.mean(dim=-2, keepdim=True)).norm().item(), words.norm().item()
    return apart / size if size else 0.0


def order_says(order, left):
    """Whether the names in order stand by what is left of each, most first; else the first pair that does not.

    >>> order_says(["2017", "today"], {"2017": 0.01, "today": 0.46})
    'Your order puts 2017 before today, and 1 % is left of the one, 46 % of the other.'
    """
    if not order:
        return "No order of yours yet."
    if sorted(map(str, order)) != sorted(left):
        return f"my_order holds each of these once: {', '.join(map(repr, left))}; given: {order}."
    for first, second in itertools.pairwise(order):
        if left[first] < left[second]:
            shares = f"{left[first]:.0%} is left of the one, {left[second]:.0%} of the other".replace("%", " %")
            return f"Your order puts {first} before {second}, and {shares}."
    return "Your order is right."


class Depths(NamedTuple):
    """After 1, 2 … blocks, as far as the numbers fit float32: the difference left, and the size (rms) of a number."""

    left: list[float]
    sizes: list[float]


@functools.cache
def through(parts, T=WORDS, width=WIDTH, depth=DEEPEST, seed=0, gain=1.0, added=1.0):
    """Random words through so many blocks: `Depths`."""
    words, depths = draw(T, width, seed=1000 + seed), Depths([], [])
    with torch.no_grad():
        for of_one in weights(width, depth, seed, gain, added):
            words = block(words, of_one, parts)
            size = words.square().mean().sqrt().item()
            if not size < LARGEST:
                break
            if size < SMALLEST:
                words, size = torch.zeros_like(words), 0.0
            depths.left.append(difference_left(words))
            depths.sizes.append(size)
    return depths


@functools.cache
def gradient(parts, depth, T=WORDS, width=WIDTH, seed=0):
    """The length of the gradient to W_Q and W_K of the middle one of `depth` blocks.

    Of a random mean of the outputs, Σ output · noise of unit noise, to weights of random blocks.
    """
    words, of_all = draw(T, width, seed=1000 + seed), weights(width, depth, seed)
    middle = {name: weight.clone().requires_grad_() for name, weight in of_all[depth // 2].items()}
    for place, of_one in enumerate(of_all):
        words = block(words, middle if place == depth // 2 else of_one, parts)
    (slope,) = torch.autograd.grad((words * draw(T, width, seed=2000 + seed)).sum(), [middle["project"]])
    return slope[: 2 * width].norm().item()
