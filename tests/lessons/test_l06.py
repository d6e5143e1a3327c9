"""Lesson 06: what the figure says of a mask is what attention does; the layers of an exercise; the two questions."""

import re

import pytest
import torch

from course.catalogue import lessons
from course.exercises import judge
from course.lessons.l06 import decisions, figures, letters
from course.lessons.l06.parts import MATRICES, causal_layers, sinusoids_at
from course.models.positions import sinusoids
from course.words import draw


def attend(words, mask, depth):
    """Attention with a painted mask, added to its input, in float64."""
    for W_Q, W_K, W_V in MATRICES[:depth]:
        scores = (words @ W_Q @ (words @ W_K).T / 4).masked_fill(~mask, -torch.inf)
        words = words + scores.softmax(dim=1) @ (words @ W_V)
    return words


@pytest.mark.parametrize("name", figures.MASKS.pictures)
@pytest.mark.parametrize("depth", figures.DEPTHS)
def test_who_reaches_whom_is_what_attention_does(name, depth):
    mask = torch.tensor(figures.MASKS.pictures[name])
    reached, is_nan = figures.reach(mask.tolist(), depth)
    text = 0.1 * draw(6, 16, seed=1)  # small, so that no weight is rounded to 0
    outputs = attend(text, mask, depth)
    assert torch.equal(outputs.isnan().any(dim=1), is_nan)
    for j in range(6):
        moved = text.clone()
        moved[j] += 0.1
        changed = (attend(moved, mask, depth) - outputs).abs().amax(dim=1) > 0
        assert torch.equal(changed[~is_nan], reached[~is_nan, j]), f"word {j + 1}"


def test_one_wrong_cell_leaks_more_in_two_layers():
    """The notebook sends readers to find one."""
    mask = [list(row) for row in figures.CAUSAL]
    mask[0][3] = True
    assert figures.who_reaches_whom(mask).text.startswith(
        "Figure: The future leaks: 1, 5, 6 pairs in 1, 2 and 6 layers"
    )


@pytest.mark.parametrize("place", range(13))
def test_the_layers_of_the_exercise_leak_as_they_are_called(place):
    layer = causal_layers()[place]
    words = draw(layer.T, layer.D, seed=3)
    jacobian = torch.autograd.functional.jacobian(layer.function, words).abs().amax(dim=(1, 3))  # (T, T)
    assert (jacobian.triu(1).max() > 1e-6).item() == layer.leaks
    assert layer.function(words.float()).dtype == torch.float32


def test_the_list_of_layers_is_tested_whole():
    assert len(causal_layers()) == 13


def test_places_that_are_counted_are_those_of_the_models():
    assert torch.allclose(sinusoids_at(torch.arange(9.0), 16), sinusoids(9, 16))


class Recorder(torch.nn.Module):
    """Remembers what it is asked, and gives each letter the same score."""

    def forward(self, inputs, may_read):
        self.inputs, self.may_read = inputs, may_read
        return torch.zeros(*inputs.shape, letters.HIDDEN + 1)


def batch():
    return letters.batches(torch.Generator().manual_seed(1))


def test_what_is_asked_for_is_never_in_view():
    model, (text, hide) = Recorder(), batch()
    letters.hidden_letter_loss(model, (text, hide))
    assert (model.inputs[hide] == letters.HIDDEN).all()
    assert torch.equal(model.inputs[~hide], text[:, :-1][~hide])
    letters.next_letter_loss(model, (text, hide))
    assert torch.equal(model.inputs, text[:, :-1])
    assert torch.equal(model.may_read, torch.ones(letters.T, letters.T).tril().bool())


def test_the_mask_off_by_one_shows_each_letter_the_next_one():
    model = Recorder()
    letters.leaking_loss(model, batch())
    assert model.may_read.diagonal(1).all()
    assert not model.may_read.triu(2).any()


def test_the_masked_model_does_not_see_the_letter_in_the_middle():
    model = Recorder()
    letters.loss_in_the_middle(model, "masked")
    assert (model.inputs[:, letters.MIDDLE] == letters.HIDDEN).all()
    assert (model.inputs[:, letters.MIDDLE + 1 :] != letters.HIDDEN).all()


def test_the_same_seed_teaches_the_same():
    first, second = (letters.teach("masked", steps=3, seed=1) for _ in range(2))
    assert first.curve == second.curve


def test_the_formulas_beside_the_lines_are_those_of_the_counts():
    counted = decisions.counts()
    names = {
        "blocks, reading: 13": ("reading_rounds", lambda T: 13),
        "blocks, writing: 13·T": ("writing_rounds", lambda T: 13 * T),
        "RNN, reading: T + 2": ("rnn_reading_rounds", lambda T: T + 2),
        "RNN, writing: 3·T": ("rnn_writing_rounds", lambda T: 3 * T),
    }
    lines = {
        label.split(":")[0]: dict(zip(decisions.WORDS, counted[key], strict=True)) for label, (key, _) in names.items()
    }
    picture = figures.reading_and_writing(lines).json
    ends = {note["text"]: note["y"] for note in picture["layout"]["annotations"]}
    for trace, (label, (key, formula)) in zip(picture["data"], names.items(), strict=True):
        assert trace["y"] == counted[key] == [formula(T) for T in decisions.WORDS]
        assert 10 ** ends[label] == pytest.approx(formula(600), rel=1e-3)


@pytest.mark.parametrize("name", figures.MASKS.pictures)
def test_a_cross_is_drawn_for_each_leak_and_none_in_a_row_of_nothing(name):
    page = figures.who_reaches_whom(figures.MASKS.pictures[name])
    leaks = [int(n) for n in re.findall(r"reached by, (\d+) in the future", page.text)]
    assert page.html.count("<path") == sum(leaks)
    assert page.html.count(">0/0</text>") == page.text.split("\n", 1)[1].count("0/0")


def test_the_remark_on_two_texts_names_the_smaller_gap_first():
    (exercise, answer) = (lessons()["06"].exercises["4"], lessons()["06"].answers.of("4")[0])
    gaps = re.findall(r"[0-9.]+(?= to | apart)", judge(exercise, answer).sentence)
    assert gaps == ["0.16", "0.29"]
