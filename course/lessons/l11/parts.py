"""Lesson 11: small models with random weights in float64: what a cache keeps, and what a bidirectional mask changes."""

import functools

import torch
from torch import Tensor

from ...models.transformer import LanguageModel

VOCABULARY, WIDTH, HEADS = 50, 16, 4
SHARPER = 3.0  # random models guess nearly evenly; scores are times this


def random_model(layers: int = 2, *, causal: bool = True, positions: str = "rotation", seed: int = 0) -> LanguageModel:
    """An untrained model in float64. Its learned bias, which starts at 0, is random too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LanguageModel(VOCABULARY, WIDTH, layers, HEADS, positions=positions, is_causal=causal).double().eval()
        for block in model.blocks.blocks:
            if positions == "bias":
                torch.nn.init.normal_(block.attention.part.bias.bias)
    return model


def random_words(T: int, B: int = 1) -> Tensor:
    """Words (B, T)."""
    return torch.randint(VOCABULARY, (B, T), generator=torch.Generator().manual_seed(T))


@torch.no_grad()
def keys_move(T: int, *, causal: bool = True, layer: int = 1) -> float:
    """How far the keys of T words move, in a layer counted from 0, once another word stands behind them."""
    model, words = random_model(causal=causal), random_words(T + 1)
    before, after = model.new_caches(T + 1), model.new_caches(T + 1)
    model(words[:, :T], caches=before)
    model(words, caches=after)
    return (before[layer].key[:, :, :T] - after[layer].key[:, :, :T]).abs().max().item()


@torch.no_grad()
def misses(T: int, **options) -> float:
    """How far the last scores, read word by word with a cache, are from those of one pass over all T words."""
    model, words = random_model(**options), random_words(T)
    caches = model.new_caches(T)
    for word in words.split(1, dim=1):
        scores = model(word, caches=caches)
    return (scores[:, -1] - model(words)[:, -1]).abs().max().item()


def says(V: int, *, layers: int, seed: int):
    """A small Transformer that speaks V words: from the words so far, a tuple, to the chances of the next one, (V,)."""
    model = random_model(layers, seed=seed)
    start = VOCABULARY - 1  # stands before the first word

    @functools.cache
    @torch.no_grad()
    def chances(words: tuple[int, ...]) -> Tensor:
        scores = model(torch.tensor([[start, *words]]))[0, -1, :V]
        return (SHARPER * scores).softmax(dim=0)

    return chances
