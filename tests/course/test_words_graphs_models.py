"""Words to vectors, and the layers that lessons compare."""

import math

import pytest
import torch
from tensors import largest
from torch import nn

from course import words
from course.models import SelfAttention, changed_by, layers_to_time
from course.models.tiny import tiny_rnn
from course.words import MOST_LETTERS, MOST_WORDS, SENTENCE, draw, embed, split_words
from helpers import elman

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (SENTENCE, ["The", "mat", "rested", "on", "the", "floor"]),
        ("man eats dog", ["man", "eats", "dog"]),
        ("  one\t\n two  ", ["one", "two"]),
        ("Stop! (Really?) “Yes”… no; 50 %", ["Stop", "Really", "Yes", "no", "50"]),
        ("don't, l’été, two-layer, rock'n'roll", ["don't", "l’été", "two-layer", "rock'n'roll"]),
        ("'quoted' -dashed- a--b – c", ["quoted", "dashed", "a", "b", "c"]),
        ("snake_case 3.14", ["snake", "case", "3", "14"]),
        ("naïve cafe\u0301", ["naïve", "café"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("我 爱 猫", ["我", "爱", "猫"]),
        ("I ❤️ cats 🐈 👩‍👩‍👧", ["I", "cats"]),
        ("<b>bold</b> & co", ["b", "bold", "b", "co"]),
        ("\ud800 lone", ["lone"]),
    ],
)
def test_a_sentence_of_any_script_becomes_words(sentence, expected):
    assert split_words(sentence) == expected
    vectors = embed(expected)
    assert vectors.shape == (len(expected), 16)
    assert vectors.isfinite().all()


@pytest.mark.parametrize("sentence", ["", " ", "...", "—", "🙂", "'-'", "\ufe0f", "_", "\n", "<>", "ـ́"[1:]])
def test_a_sentence_of_no_words_gets_a_sentence(sentence):
    with pytest.raises(ValueError, match="Type a sentence of one word or more."):
        split_words(sentence)


@pytest.mark.parametrize("nothing", [[], ["mat", ""], ["<>"]])
def test_no_word_has_no_vector(nothing):
    with pytest.raises(ValueError, match="embed needs words, each with a letter or more; given: "):
        embed(nothing)


def test_long_sentences_and_long_words_are_cut():
    assert split_words(" ".join(f"w{n}" for n in range(40))) == [f"w{n}" for n in range(MOST_WORDS)]
    (cut,) = split_words("x" * 1_000_000)
    assert cut == "x" * (MOST_LETTERS - 1) + "…"
    assert split_words("y" * MOST_LETTERS) == ["y" * MOST_LETTERS]


def test_vectors_have_length_one_and_are_the_same_at_every_call():
    for width in (1, 2, 16, 33):
        vectors = embed(split_words(SENTENCE), width)
        assert vectors.shape == (6, width)
        assert vectors.dtype == torch.float64
        assert largest(vectors.norm(dim=1), torch.ones(6)) < 1e-12
    embed(["mat"])[0, 0] = 7.0
    words._letters.cache_clear()
    assert torch.equal(vectors, embed(split_words(SENTENCE), 33))


def test_vectors_are_those_that_the_notebooks_were_written_with():
    pinned = [-0.1491506573561633, -0.0768765364488739, 0.148246127930113]
    assert largest(embed(["mat"])[0, :3], torch.tensor(pinned, dtype=torch.float64)) < 1e-12


def test_words_that_share_letters_lie_close_and_order_does_not_matter():
    mat, mats, dog, tam = embed(["mat", "mats", "dog", "tam"])
    assert mat @ mats > 0.4
    assert mat @ mats > mat @ dog
    assert mat @ tam < 0.99
    assert largest(embed(["dog", "mat"])[1], mat) < 1e-15


def test_embedding_a_string_instead_of_a_list_is_told():
    with pytest.raises(TypeError, match="not the string 'The mat'; use split_words"):
        embed("The mat")


def test_draws_are_fixed_and_standard_normal():
    pinned = [1.764052345967664, 0.4001572083672233, 0.9787379841057392]
    assert torch.equal(draw(3), torch.tensor(pinned, dtype=torch.float64)), "numpy's RandomState(0), bit for bit"
    assert draw(2, 3, 4).shape == (2, 3, 4)
    assert torch.equal(draw(2, 2, seed=5), draw(2, 2, seed=5))
    assert not torch.equal(draw(4, seed=1), draw(4, seed=2))
    many = draw(100_000, seed=3)
    assert abs(many.mean()) < 0.02
    assert abs(many.std() - 1) < 0.02


@pytest.mark.parametrize("T", [1, 2, 9])
@pytest.mark.parametrize("heads", [1, 2, 8])
@pytest.mark.parametrize("is_causal", [False, True])
def test_self_attention_equals_torchs_module_with_the_same_weights(T, heads, is_causal):
    ours = SelfAttention(16, heads, is_causal).double()
    theirs = nn.MultiheadAttention(16, heads, bias=False, batch_first=True).double()
    theirs.in_proj_weight = ours.project.weight
    theirs.out_proj.weight = ours.join.weight
    inputs = draw(3, T, 16).requires_grad_()
    mask = nn.Transformer.generate_square_subsequent_mask(T, dtype=torch.float64) if is_causal else None
    reference, _ = theirs(inputs, inputs, inputs, attn_mask=mask)
    assert largest(ours(inputs), reference) < 1e-12
    gradients = [
        torch.autograd.grad((layer * draw(3, T, 16, seed=1)).sum(), inputs)[0] for layer in (ours(inputs), reference)
    ]
    assert largest(*gradients) < 1e-12


@pytest.mark.parametrize("heads", [0, 3, 17, -1])
def test_heads_that_do_not_divide_the_width_are_told(heads):
    with pytest.raises(ValueError, match=f"width 16 cannot be split into {heads} equal heads; choose a divisor of 16"):
        SelfAttention(16, heads)


def test_changed_by_finds_exactly_what_depends():
    inputs = draw(6, 4)
    before = inputs.clone()
    U, W = draw(4, 4, seed=1) / 4, draw(4, 4, seed=2) / 4
    layers = {
        "each its own": (lambda x: x @ U, lambda i, j: i == j),
        "the sum": (lambda x: x.sum(0, keepdim=True).expand(6, 4), lambda i, j: True),
        "the words before": (lambda x: elman(x[None], U, W)[0], lambda i, j: i >= j),
        "nothing": (torch.zeros_like, lambda i, j: False),
    }
    for layer, depends in layers.values():
        for position in range(6):
            moved = changed_by(layer, inputs, position)
            assert moved.shape == (6,)
            assert ((moved > 0) == torch.tensor([depends(i, position) for i in range(6)])).all()
    assert torch.equal(inputs, before)
    assert changed_by(lambda x: 3 * x, inputs, 2, size=0.5)[2].item() == pytest.approx(1.5)
    assert not changed_by(nn.Linear(4, 4).double(), inputs, 0).requires_grad


def test_layers_to_time_run_in_torchs_kernels_without_gradients():
    runners = layers_to_time(5, width=8, B=2, kinds=("attention", "Elman RNN", "LSTM", "GRU"))
    assert list(runners) == ["attention", "Elman RNN", "LSTM", "GRU"]
    for name, run in runners.items():
        result = run()
        states = result if name == "attention" else result[0]
        assert states.shape == (2, 5, 8)
        assert not states.requires_grad


def test_the_tiny_net_is_small_enough_for_pencil_and_paper():
    read, inputs, U, W = tiny_rnn("man eats dog")
    assert read == ["man", "eats", "dog"]
    state = [0.0, 0.0]
    for x, hidden in zip(inputs.tolist(), elman(inputs[None], U, W)[0].tolist(), strict=True):
        state = [math.tanh(sum(U[i, j].item() * x[j] + W[i, j].item() * state[j] for j in range(2))) for i in range(2)]
        assert hidden == pytest.approx(state, abs=1e-12)
    with pytest.raises(ValueError, match="given: cat"):
        tiny_rnn("cat eats dog")
    with pytest.raises(ValueError, match="given: no word"):
        tiny_rnn(" ")
