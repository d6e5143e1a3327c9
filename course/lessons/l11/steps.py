"""Lesson 11: one more word, four ways: a pass, attention with a cache, an LSTM, linear attention; a block each."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from helpers.ops.linear_attention import elu_plus_one

from ...models.cache import Cache
from ...models.cells import LSTM
from ...models.transformer import Attention, Block, may_look_back

WIDTH, HEADS = 256, 8
WAYS = ("no cache", "cache", "LSTM", "linear attention")


def lstm_width(width: int) -> int:
    """The widest LSTM whose two matrices, 8·w², are no larger than those of a block, 12·D².

    >>> lstm_width(256)
    313
    """
    return int((1.5 * width**2) ** 0.5)


class State:
    """All that linear attention keeps: Σ φ(k) vᵀ and Σ φ(k), a sum over the words so far, however many."""

    def __init__(self, B: int, heads: int, width: int):
        self.values = torch.zeros(B, heads, width, width)  # (B, H, D/H, D/H)
        self.weights = torch.zeros(B, heads, 1, width)


class LinearAttention(Attention):
    """Attention with the weights φ(q)·φ(k), one word at a time (Katharopoulos et al. 2020, equations 18 to 20)."""

    def forward(self, word: Tensor, answering=None, mask=None, state: State | None = None) -> Tensor:
        """word (B, 1, D) to (B, 1, D); it goes into the state."""
        query, key, value = (self.split(part(word)) for part in (self.query, self.key, self.value))  # (B, H, 1, D/H)
        query, key = elu_plus_one(query), elu_plus_one(key)
        state.values = state.values + key.mT @ value
        state.weights = state.weights + key
        mixed = query @ state.values / (query * state.weights).sum(dim=-1, keepdim=True)
        return self.join(mixed.transpose(1, 2).flatten(2))  # (B, 1, D)


class FusedAttention(Attention):
    """Causal attention by torch's fused kernel, which does not write all T² scores to memory, as `Attention` does."""

    def forward(self, words: Tensor, answering=None, mask=None, cache: Cache | None = None) -> Tensor:
        """words (B, T, D) to (B, T, D): a whole text, or with a cache one word that reads all before it."""
        query, key, value = (self.split(part(words)) for part in (self.query, self.key, self.value))  # (B, H, T, D/H)
        if cache is not None:
            key, value = cache.append(key, value)
        mixed = scaled_dot_product_attention(query, key, value, is_causal=cache is None)
        return self.join(mixed.transpose(1, 2).flatten(2))


def linear_block(width: int = WIDTH, heads: int = HEADS) -> Block:
    """A block whose attention is linear."""
    block = Block(width, heads)
    block.attention.part = LinearAttention(width, heads)
    return block


@torch.no_grad()
def next_word(t: int, B: int = 1, width: int = WIDTH, heads: int = HEADS, fused: bool = False) -> dict:
    """Functions of nothing that compute the output of word t, after t − 1 others: {way: function}.

    Random words and weights: neither counts nor times depend on them. Each call takes the same step again. fused: by
    FusedAttention, which torch cannot count.
    """
    torch.manual_seed(0)
    words = torch.randn(B, t, width)
    block, linear, lstm = Block(width, heads), linear_block(width, heads), LSTM(lstm_width(width), lstm_width(width))
    if fused:
        block.attention.part = FusedAttention(width, heads)
    cache, state = Cache(t), State(B, heads, width // heads)
    cache.append(*torch.randn(2, B, heads, t - 1, width // heads).unbind())
    word, hidden = words[:, -1:], (torch.randn(B, lstm.width), torch.randn(B, lstm.width))
    one_more = torch.randn(B, lstm.width)

    def with_cache():
        cache.length = t - 1
        return block(word, None, None, cache)

    ways = {
        "no cache": lambda: block(words, None if fused else may_look_back(t))[:, -1:],
        "cache": with_cache,
        "LSTM": lambda: lstm.step(one_more, hidden),
        "linear attention": lambda: linear(word, None, None, state),
    }
    return {way: torch.no_grad()(call) for way, call in ways.items()}


def timed(t: int) -> dict:
    """What is timed: `next_word`, fused, and "LSTM reads": all t words in one call."""
    lstm = LSTM(lstm_width(WIDTH), lstm_width(WIDTH))
    words = torch.randn(1, t, lstm.width)
    return next_word(t, fused=True) | {"LSTM reads": torch.no_grad()(lambda: lstm(words))}


def multiply_adds(call) -> int:
    """The multiply–adds of all matrix products in one call, counted by torch as they run."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call()
    return counter.get_total_flops() // 2


def formula(way: str, t: int, width: int = WIDTH, heads: int = HEADS) -> int:
    """The same by hand: of one block, for word t."""
    projections = 12 * width**2
    return {
        "no cache": t * (projections + 2 * t * width),
        "cache": projections + 2 * t * width,
        "LSTM": 8 * lstm_width(width) ** 2,
        "linear attention": projections + 2 * width * (width // heads),
    }[way]


def numbers_kept(way: str, t: int, width: int = WIDTH, heads: int = HEADS) -> int:
    """How many numbers one block keeps of t words, to go on: what a pass without a cache keeps is the words' names."""
    return {
        "no cache": t,
        "cache": 2 * t * width,
        "LSTM": 2 * lstm_width(width),
        "linear attention": width * (width // heads) + width,
    }[way]


def parameters(module: nn.Module) -> int:
    """How many weights."""
    return sum(weight.numel() for weight in module.parameters())
