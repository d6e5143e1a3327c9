"""Lesson 03: what its figures and its set-ups say of themselves."""

import math

import pytest
import torch
from decided import assert_decides

from course.catalogue import lessons
from course.exercises import judge
from course.ledger.decisions import DOES_NOT_HOLD, HOLDS
from course.lessons.l03 import figures, nets
from course.models import LSTM, Elman


def memory(recall, rate, rounds):
    return nets.Memory([recall] * len(nets.LAGS), [rate * lag for lag in nets.LAGS], rounds)


def test_the_figure_says_what_the_nets_did_and_not_more():
    before = memory(0.125, -0.36, 19)
    told = figures.gone({"Elman RNN": (before, memory(1.0, -0.1, 600)), "LSTM": (before, memory(1.0, 0.0, 600))}).text
    assert told.startswith("Figure: The gradient is gone, the word is not")
    untold = figures.gone({"Elman RNN": (before, before), "LSTM": (before, before)}).text
    assert "is not" not in untold.splitlines()[0]
    assert "recalls no more than by guessing before the teaching and no more than by guessing after" in untold


@pytest.mark.parametrize("keep", figures.KEEP)
@pytest.mark.parametrize("let_in", figures.LET_IN)
def test_the_levels_are_those_of_the_steps(keep, let_in):
    cell, square = 0.0, 0.0
    for n in range(1, 301):
        cell, square = keep * cell + let_in, keep**2 * square + let_in**2
        assert figures.level(keep, let_in, n) == pytest.approx(cell)
        assert figures.mixed_level(keep, let_in, n) == pytest.approx(math.sqrt(square))


def test_gates_are_set_as_they_are_called():
    """Without what the weights add, the step keeps and lets in the shares that were asked for."""
    net = nets.with_gates(keep=0.9, let_in=0.2)
    for weight in (net.layer.from_input.weight, net.layer.from_state.weight):
        weight.data.zero_()
    net.layer.from_input.bias.data[2 * nets.BATH_WIDTH :] = 100.0  # the candidate is 1
    cell = torch.full((1, nets.BATH_WIDTH), 3.0, dtype=torch.float64)
    _, after = net.layer.step(torch.zeros(1, nets.BATH_WIDTH).double(), (torch.zeros_like(cell), cell))
    torch.testing.assert_close(after, torch.full_like(cell, 0.9 * 3 + 0.2))


@pytest.mark.parametrize("kind", [Elman, LSTM])
def test_one_reading_recalls_as_one_reading_a_lag(kind):
    """The question asked on the way does not disturb the reading."""
    net, lags = nets.fresh(kind, seed=3), [1, 4, 9]
    together = nets.recalled_after(net, lags)
    tokens, symbols = nets.recall(9, 128, torch.Generator().manual_seed(1))
    for lag, share in zip(lags, together, strict=True):
        text = torch.cat([tokens[:, : lag + 1], tokens[:, -1:]], dim=1)
        assert share == (net(text)[:, -1].argmax(dim=1) == symbols).double().mean().item()


def test_another_word_is_of_the_same_sort():
    text = torch.tensor([7, 15, 8])
    assert [nets.exchanged(text, place)[place].item() for place in range(3)] == [0, 8, 9]


def test_what_was_before_the_teaching_is_drawn_as_before():
    before, after = memory(0.125, -0.36, 19), memory(1.0, -0.1, 600)
    picture = figures.gone({"Elman RNN": (before, after), "LSTM": (before, after)})
    drawn = {}
    for trace in picture.json["data"]:
        drawn.setdefault(trace["name"], []).append(trace)
    recall, gradient = drawn["LSTM, before"]
    assert recall["y"][-1] == 12.5
    assert gradient["y"][-1] == pytest.approx(-0.36 * 3000)
    assert recall["line"]["dash"] == "dot"
    assert drawn["LSTM, after"][0]["y"][-1] == 100
    notes = [note["text"] for note in picture.json["layout"]["annotations"]]
    assert sum("19 rounds before, 600 after" in note for note in notes) == 2
    shapes = picture.json["layout"]["shapes"]
    assert [shape["y0"] for shape in shapes if shape.get("y0") == shape.get("y1")] == [12.5, 12.5]  # guessing
    assert {(shape["x0"], shape["x1"]) for shape in shapes if shape["type"] == "rect"} == {(1, 20)}
    assert "more than 500 after" in picture.text
    assert "fewer than 100 rounds before" in picture.text


def test_a_net_that_keeps_its_gradient_is_not_said_to_have_lost_it():
    before, after = memory(0.125, -0.36, 99), memory(1.0, -0.01, 300)
    picture = figures.gone({"Elman RNN": (before, after), "LSTM": (before, after)})
    assert "gone" not in picture.text.splitlines()[0]
    assert "between 10⁻⁵⁰ and 10⁻²⁰ after" in picture.text
    assert "fewer than 100 rounds before and 100 to 500 after" in picture.text


def test_the_frame_stands_on_the_share_that_the_text_says():
    picture = figures.bath(0.9, 0.01)
    grid = next(trace for trace in picture.json["data"] if trace["type"] == "heatmap")
    frame = next(shape for shape in picture.json["layout"]["shapes"] if shape["type"] == "rect")
    column, row = round(frame["x0"] + 0.5), round(frame["y0"] + 0.5)
    assert (figures.KEEP[row], figures.LET_IN[column]) == (0.9, 0.01)
    assert f"LSTMs recalled {grid['z'][row][column]:.0%}" in picture.text
    runs = figures.trained.load("03")["lstm-with-open-gates"]["runs"].values()
    place = figures.KEEP.index(0.99) * 4 + figures.LET_IN.index(0.01)
    shares = [run["curve"][place][1] for run in runs]
    keeps_all = [run["curve"][3 * 4 + 0][1] for run in runs]  # 0.999 and 0.5
    assert grid["z"][3][0] == pytest.approx(sum(keeps_all) / len(keeps_all), rel=1e-4)
    assert grid["z"][2][2] == pytest.approx(sum(shares) / len(shares), rel=1e-4)
    assert [run["outcome"] for run in runs] == shares  # the result that is stored is that of 0.99 and 0.01


def test_the_line_of_the_words_that_all_put_1_in_is_the_solid_one():
    picture = figures.bath(1.0, 0.5)
    solid, dashed = picture.json["data"][:2]
    assert (solid["line"]["dash"], dashed["line"]["dash"]) == ("solid", "dash")
    assert solid["y"][-1] == 500
    assert dashed["y"][-1] == pytest.approx(0.5 * math.sqrt(1000), rel=1e-2)
    assert any(math.tanh(shape["y0"]) == pytest.approx(0.99, abs=1e-4) for shape in picture.json["layout"]["shapes"])
    empty = "empty: a line at 0"
    noted = [[note["text"] for note in figures.bath(0.9, part).json["layout"]["annotations"]] for part in (0.0, 0.5)]
    assert [empty in notes for notes in noted] == [True, False]


def test_a_nudge_is_as_large_as_it_is_called():
    net = nets.fresh(Elman)
    assert nets.apart_after_a_nudge(net, 1e-3, 0) == pytest.approx(1e-3)


def test_a_net_that_never_mends_waits_for_all_600_words(monkeypatch):
    asked = []
    monkeypatch.setattr(nets, "rounds_to_mend", lambda step, words, start: asked.append(len(words)))
    monkeypatch.setattr(nets, "recalled_after", lambda net, lags: [])
    monkeypatch.setattr(nets, "gradient_over", lambda layer, words, lags: [len(words)])
    remembered = nets.memory_of(nets.fresh(Elman))
    assert (asked, remembered.rounds) == ([600], 600)
    assert remembered.gradient == [max(nets.LAGS) + 1]


def test_bits_are_those_of_a_net_that_knows_and_of_one_that_guesses():
    class Answers(torch.nn.Module):
        """The scores of the 8 letters: all equal, or the right one far ahead."""

        def __init__(self, knows):
            super().__init__()
            self.knows = knows

        def forward(self, tokens):
            scores = torch.zeros(*tokens.shape, 8)
            asked = tokens[:, -1] - 8
            scores[range(len(tokens)), -1, tokens[range(len(tokens)), asked]] = 50.0 * self.knows
            return scores

    assert nets.bits_kept(Answers(knows=0)) == pytest.approx(0, abs=1e-4)
    assert nets.bits_kept(Answers(knows=1)) == pytest.approx(48, abs=1e-4)
    assert nets.bits_kept(Answers(knows=-1)) == 0


def test_a_latch_is_told_its_gradient_and_the_bound():
    row = lessons()["03"]
    sentence = judge(row.exercises["4"], row.answers.of("4")[0]).sentence
    assert sentence.endswith("the gradient over 1,000 words is 10^−1,398 at most; the bound, w^1000, is 10^477.")


CASES = [
    ("S1-26", {"moved_where_it_is_held": 1e-9}, HOLDS),
    ("S1-26", {"left_by_a_gate_of_bias_1": 0.9}, DOES_NOT_HOLD),
    ("S1-28", {"states": [8, 64]}, DOES_NOT_HOLD),
    ("S1-28", {"texts": [8, 16]}, DOES_NOT_HOLD),
]


@pytest.mark.parametrize(("claim", "changed", "outcome"), CASES, ids=lambda part: str(part)[:40])
def test_one_number_that_comes_out_otherwise_changes_the_verdict(claim, changed, outcome):
    assert_decides("03", claim, changed, outcome)
