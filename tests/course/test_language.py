"""Language models of every kind are called alike, read no later word, and a state can be carried on."""

import pytest
import torch

from course.models.language import RECURRENT, count_weights, language_model
from course.training.corpus import bits_a_letter

KINDS = ["Transformer", *RECURRENT]


@pytest.mark.parametrize("kind", KINDS)
def test_no_score_reads_a_later_word(kind):
    torch.manual_seed(0)
    model = language_model(kind, 20, 16, layers=2)
    tokens = torch.randint(20, (3, 9))
    changed = tokens.clone()
    changed[:, 5] = (tokens[:, 5] + 1) % 20
    before, after = model(tokens), model(changed)
    assert before.shape == (3, 9, 20)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_state_is_carried_on_through_every_layer(kind):
    torch.manual_seed(0)
    model = language_model(kind, 20, 16, layers=3)
    tokens = torch.randint(20, (2, 11))
    scores, states = model.read(tokens[:, :4])
    rest, _ = model.read(tokens[:, 4:], states)
    assert torch.allclose(torch.cat([scores, rest], dim=1), model(tokens), atol=1e-5)
    assert not torch.allclose(model(tokens[:, 4:]), rest, atol=1e-3)


def test_the_embedding_is_counted_once_as_it_goes_in_and_comes_out():
    assert count_weights(language_model("LSTM", 20, 16)) == 20 * 16 + 8 * 16 * 16 + 8 * 16


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="no language model 'RNN'; choose Transformer, Elman, GRU, LSTM"):
        language_model("RNN", 20, 16)


def test_bits_are_the_mean_over_every_guess_of_the_text():
    text = torch.arange(101) % 4
    knows = torch.nn.functional.one_hot((torch.arange(4) + 1) % 4, 4) * 100.0  # scores of what follows each letter
    assert bits_a_letter(lambda tokens: knows[tokens], text, T=10) == 0
    assert bits_a_letter(lambda tokens: knows[tokens] * 0, text, T=10, most=3) == 2
