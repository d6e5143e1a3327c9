"""The Transformer from parts equals torch's own modules with the same weights, in values and gradients."""

import pytest
import torch
from tensors import largest, normal, with_gradients
from torch import nn

from course.models.copying import like_torch
from course.models.positions import RelativeBias, rotated, sinusoids
from course.models.transformer import (
    Attention,
    Block,
    Blocks,
    Embedding,
    LanguageModel,
    Sublayer,
    Transformer,
    may_look_back,
)

NEAR = 1e-12
B, T, S, D, H = 2, 5, 7, 12, 3


def same(ours, theirs, tensors):
    """Two functions give the same value and the same gradients."""
    results, references = with_gradients(ours, tensors), with_gradients(theirs, tensors)
    assert max(largest(*pair) for pair in zip(results, references, strict=True)) < NEAR


def disturbed(module):
    """In float64 and eval mode, no weight at a start that hides a mistake (biases 0, norms 1)."""
    torch.manual_seed(0)
    for weight in module.double().parameters():
        weight.data += torch.randn_like(weight) / 5
    return module.eval()


@pytest.mark.parametrize("causal", [False, True])
def test_attention_equals_torchs(causal):
    theirs = disturbed(nn.MultiheadAttention(D, H, batch_first=True))
    ours, mask = like_torch(theirs), may_look_back(T) if causal else None
    same(
        lambda words: ours(words, None, mask),
        lambda words: theirs(words, words, words, attn_mask=None if mask is None else ~mask)[0],
        [normal(B, T, D)],
    )
    same(ours, lambda words, source: theirs(words, source, source)[0], [normal(B, T, D), normal(B, S, D, seed=1)])


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_block_equals_torchs(norm_first):
    theirs = disturbed(nn.TransformerEncoderLayer(D, H, 20, batch_first=True, norm_first=norm_first))
    ours = like_torch(theirs)
    same(ours, theirs, [normal(B, T, D)])
    same(
        lambda words: ours(words, may_look_back(T)),
        lambda words: theirs(words, src_mask=~may_look_back(T)),
        [normal(B, T, D)],
    )


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_decoder_block_equals_torchs(norm_first):
    theirs = disturbed(nn.TransformerDecoderLayer(D, H, 20, batch_first=True, norm_first=norm_first))
    ours = like_torch(theirs)
    same(
        lambda words, source: ours(words, may_look_back(T), source),
        lambda words, source: theirs(words, source, tgt_mask=~may_look_back(T)),
        [normal(B, T, D), normal(B, S, D, seed=1)],
    )


def test_weights_get_the_gradients_that_torchs_get():
    theirs = disturbed(nn.TransformerEncoderLayer(D, H, 20, batch_first=True))
    ours, upstream = like_torch(theirs), normal(B, T, D, seed=1)
    for module in (ours, theirs):
        (module(normal(B, T, D)) * upstream).sum().backward()
    attention, joined = ours.attention.part, theirs.self_attn
    stacked = torch.cat([attention.query.weight.grad, attention.key.weight.grad, attention.value.weight.grad])
    assert largest(stacked, joined.in_proj_weight.grad) < NEAR
    assert largest(ours.feed_forward.part.up.weight.grad, theirs.linear1.weight.grad) < NEAR
    assert largest(ours.attention.norm.weight.grad, theirs.norm1.weight.grad) < NEAR


def test_six_and_six_blocks_equal_torchs_transformer_with_its_two_final_norms():
    theirs = disturbed(nn.Transformer(D, 2, 6, 6, 20, batch_first=True))
    encoder, decoder = like_torch(theirs.encoder), like_torch(theirs.decoder)
    words, source = normal(B, T, D), normal(B, S, D, seed=1)
    expected = theirs(source, words, tgt_mask=~may_look_back(T))
    assert largest(decoder(words, may_look_back(T), encoder(source)), expected) < NEAR
    encoder.final = nn.Identity()
    assert largest(decoder(words, may_look_back(T), encoder(source)), expected) > 0.1


def test_what_is_copied_is_a_copy_and_what_cannot_be_is_told():
    theirs = nn.MultiheadAttention(D, H, batch_first=True)
    like_torch(theirs).query.weight.data.zero_()
    assert theirs.in_proj_weight.abs().min() > 0
    with pytest.raises(TypeError, match="not ReLU"):
        like_torch(nn.ReLU())


@pytest.mark.parametrize(
    "theirs",
    [
        nn.TransformerEncoderLayer(D, H, 20, activation="gelu"),
        nn.TransformerDecoderLayer(D, H, 20, bias=False),
        nn.MultiheadAttention(D, H, bias=False),
        nn.MultiheadAttention(D, H, kdim=8),
    ],
)
def test_what_our_parts_do_not_have_is_not_copied(theirs):
    with pytest.raises(TypeError, match="like_torch copies"):
        like_torch(theirs)


def test_the_eps_of_a_layer_norm_is_copied():
    theirs = disturbed(nn.TransformerEncoderLayer(D, H, 20, batch_first=True, layer_norm_eps=0.5))
    same(like_torch(theirs), theirs, [normal(B, T, D)])


@pytest.mark.parametrize(
    ("norm", "residual", "expected"),
    [
        ("before", True, lambda x, f, n: x + f(n(x))),
        ("after", True, lambda x, f, n: n(x + f(x))),
        (None, True, lambda x, f, n: x + f(x)),
        ("before", False, lambda x, f, n: f(n(x))),
        ("after", False, lambda x, f, n: n(f(x))),
        (None, False, lambda x, f, n: f(x)),
    ],
)
def test_each_part_can_be_missing(norm, residual, expected):
    part, words = nn.Linear(4, 4).double(), normal(B, T, 4)
    sublayer = Sublayer(part, 4, norm, residual).double()
    assert largest(sublayer(words), expected(words, part, nn.LayerNorm(4).double())) < NEAR
    with pytest.raises(ValueError, match="given: 'post'"):
        Sublayer(part, 4, "post")


@pytest.mark.parametrize("heads", [0, 5])
def test_heads_that_do_not_divide_the_width_are_told(heads):
    with pytest.raises(ValueError, match=f"width 12 cannot be split into {heads} equal heads"):
        Attention(12, heads)


@pytest.mark.parametrize("positions", ["bias", "rotation", "sinusoids"])
def test_with_positions_order_counts_and_without_it_does_not(positions):
    def moved(positions):
        torch.manual_seed(0)
        model = LanguageModel(9, D, 2, H, positions=positions, is_causal=False).double()
        for weight in model.parameters():  # the bias starts at 0
            weight.data += torch.randn_like(weight) / 5
        tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
        return largest(model(tokens)[:, -1], model(tokens[:, [2, 0, 1, 4, 3, 5]])[:, -1])

    assert moved(positions) > 1e-3
    assert moved(None) < NEAR


def test_a_causal_model_does_not_look_ahead_and_another_mask_replaces_its_own():
    model = LanguageModel(9, D, 2, H).double()
    tokens, other = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2, 3, 5]])
    assert torch.equal(model(tokens)[:, :3], model(other)[:, :3])
    everything = torch.ones(4, 4, dtype=torch.bool)
    assert not torch.equal(model(tokens, everything)[:, :3], model(other, everything)[:, :3])
    with pytest.raises(ValueError, match="given: 'learned'"):
        LanguageModel(9, D, 2, H, positions="learned")


def test_a_rotated_score_depends_on_the_distance_alone():
    query, key = normal(8), normal(8, seed=1)
    scores = rotated(query.expand(20, 8)) @ rotated(key.expand(20, 8)).T
    for distance in (-7, 0, 3):
        diagonal = scores.diagonal(-distance)
        assert largest(diagonal, diagonal[:1].expand_as(diagonal)) < NEAR
    assert largest(scores[0, 0], query @ key) < NEAR
    assert scores[3, 0] != scores[0, 3]
    assert largest(rotated(query.expand(20, 8)).norm(dim=-1), query.norm().expand(20)) < NEAR


def test_a_bias_is_a_number_for_each_distance_and_far_ones_share():
    bias = RelativeBias(heads=1, reach=2)
    bias.bias.data = torch.arange(5.0)[None]
    assert bias(4, 4)[0].tolist() == [[2, 1, 0, 0], [3, 2, 1, 0], [4, 3, 2, 1], [4, 4, 3, 2]]


@pytest.mark.parametrize("placed", [lambda: sinusoids(3, 5), lambda: rotated(torch.ones(3, 5))])
def test_positions_in_pairs_need_an_even_width(placed):
    with pytest.raises(ValueError, match="so the width is even; given: 5"):
        placed()


def test_sinusoids_are_the_papers():
    places, pairs = torch.arange(7.0, dtype=torch.float64)[:, None], torch.arange(4, dtype=torch.float64)
    angles = places / 10_000 ** (2 * pairs / 8)
    vectors = sinusoids(7, 8)
    assert largest(vectors[:, 0::2], angles.sin()) < 1e-6
    assert largest(vectors[:, 1::2], angles.cos()) < 1e-6


def test_the_whole_translator_reads_the_source_and_not_the_future():
    torch.manual_seed(0)
    model = Transformer(20, D, H, layers=2).double()
    source, target = torch.tensor([[1, 2, 3]]), torch.tensor([[4, 5, 6, 7]])
    scores = model(source, target)
    assert scores.shape == (1, 4, 20)
    assert torch.equal(model(source, torch.tensor([[4, 5, 6, 9]]))[:, :3], scores[:, :3])
    assert not torch.allclose(model(torch.tensor([[1, 2, 9]]), target), scores)


def test_the_papers_base_model_has_so_many_weights():
    """nn.Transformer's 44,140,544 without its two final norms, and 37,000 vectors of 512 numbers."""
    with torch.device("meta"):
        model = Transformer(vocabulary=37_000)
    assert sum(weight.numel() for weight in model.parameters()) == 63_082_496


def test_an_embedding_is_its_own_output():
    embedding = Embedding(9, 400)
    words = embedding(torch.arange(9)[None])
    assert words.std().item() == pytest.approx(1, rel=0.1)
    assert largest(embedding.scores(words)[0], 20 * embedding.weight @ embedding.weight.T) < 1e-4


@pytest.mark.parametrize("norm", ["before", "after"])
def test_a_model_is_saved_and_loaded_as_weights_alone(norm, tmp_path):
    first, second = (LanguageModel(9, D, 2, H, norm=norm) for _ in range(2))
    torch.save(first.state_dict(), tmp_path / "model.pt")
    second.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    tokens = torch.arange(8).view(2, 4)
    assert torch.equal(first(tokens), second(tokens))


def test_blocks_are_six_times_a_block():
    one, six = Block(D, H), Blocks(6, D, H, final=False)
    count = [sum(weight.numel() for weight in module.parameters()) for module in (one, six)]
    assert count[1] == 6 * count[0]
    assert isinstance(Blocks(1, D, H).final, nn.LayerNorm)
