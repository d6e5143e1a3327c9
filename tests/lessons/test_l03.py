"""Lesson 03: what its figures and its set-ups say of themselves."""

import math

import pytest
import torch

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
