"""A cache of keys and values changes what is computed again, and not one score."""

import pytest
import torch
from tensors import largest

from course.models.cache import Cache
from course.models.transformer import LanguageModel

NEAR = 1e-12
POSITIONS = ["rotation", "bias", "sinusoids", None]


def model_with(positions, layers=2, **options):
    """In float64, no weight at a start that hides a mistake."""
    torch.manual_seed(0)
    model = LanguageModel(11, 12, layers, 3, positions=positions, **options).double().eval()
    for weight in model.parameters():
        weight.data += torch.randn_like(weight) / 5
    return model


def in_pieces(model, tokens, pieces):
    """The scores of all tokens, read in pieces of these lengths with a cache."""
    caches = model.new_caches(sum(pieces))
    return torch.cat([model(piece, caches=caches) for piece in tokens.split(pieces, dim=1)], dim=1)


def tokens_of(B=2, T=90):
    return torch.randint(11, (B, T), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("pieces", [[1] * 90, [90], [80, 1, 1, 1, 7], [1, 5, 84]])
@torch.no_grad()
def test_reading_in_pieces_equals_one_pass(positions, pieces):
    model, tokens = model_with(positions), tokens_of()
    assert largest(in_pieces(model, tokens, pieces), model(tokens)) < NEAR


@torch.no_grad()
def test_words_can_be_taken_back():
    model, tokens = model_with("rotation"), tokens_of(T=9)
    caches = model.new_caches(9)
    model(tokens[:, :6].flip(1), caches=caches)
    for cache in caches:
        cache.length = 0
    model(tokens[:, :6], caches=caches)
    assert largest(model(tokens[:, 6:], caches=caches), model(tokens)[:, 6:]) < NEAR


@pytest.mark.parametrize(("layers", "is_right"), [(1, True), (2, False)])
@torch.no_grad()
def test_without_the_causal_mask_a_cache_is_right_for_one_layer_only(layers, is_right):
    model, tokens = model_with("rotation", layers, is_causal=False), tokens_of(T=20)
    gap = largest(in_pieces(model, tokens, [19, 1])[:, -1], model(tokens)[:, -1])
    assert gap < NEAR if is_right else gap > 1e-3


def test_a_cache_takes_the_dtype_and_the_bytes_of_what_is_put_in():
    cache = Cache(7)
    assert cache.bytes == 0
    cache.append(*[torch.ones(3, 2, 4, 5, dtype=torch.float64)] * 2)
    assert (cache.key.dtype, cache.bytes) == (torch.float64, 2 * 3 * 2 * 7 * 5 * 8)


def test_a_full_cache_and_another_batch_say_so():
    cache = Cache(4)
    cache.append(*[torch.ones(3, 2, 4, 5)] * 2)
    with pytest.raises(ValueError, match="room for 4 words"):
        cache.append(*[torch.ones(3, 2, 1, 5)] * 2)
    with pytest.raises(ValueError, match="holds 3 texts, and these are 2"):
        cache.append(*[torch.ones(2, 2, 1, 5)] * 2)
