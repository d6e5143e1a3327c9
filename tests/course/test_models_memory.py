"""How long a net remembers: rounds of guess and mend, and the gradient over the words, against what is known."""

import math

import pytest
import torch

from course.models import GRU, LSTM, Elman, gradient_over, rounds_to_mend
from course.models.memory import states_of


def texts(T, width=3, seed=1):
    return torch.randn(T, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", [Elman, GRU, LSTM])
def test_states_are_those_of_the_layer(kind):
    layer, words = kind(3, 4).double(), texts(60)
    states, last = layer(words[None])
    ours = states_of(layer.step, words, layer.start(1))
    torch.testing.assert_close(ours[0], states[0])
    for part, end in zip(ours, last, strict=True):
        torch.testing.assert_close(part[-1:], end)


@pytest.mark.parametrize("kind", [Elman, GRU, LSTM])
def test_the_gradient_is_that_of_autograd(kind):
    """The largest singular value of the Jacobian of all steps at once."""
    layer, words = kind(3, 4).double(), texts(30)
    state = layer.step(words[:1], layer.start(1))

    def later(flat):
        parts = flat.reshape(layer.states, 1, -1).unbind(0)
        return torch.cat(layer(words[None, 1:21], tuple(parts), by_steps=True)[1], dim=1)[0]

    jacobian = torch.autograd.functional.jacobian(later, torch.cat(state, dim=1)[0].detach())
    expected = math.log10(torch.linalg.matrix_norm(jacobian, 2))
    assert gradient_over(layer, words, [20]) == [pytest.approx(expected)]


def test_a_gradient_far_below_what_float64_holds_is_a_number():
    layer = Elman(3, 4).double()
    (size,) = gradient_over(layer, texts(2500), [2400])
    assert -math.inf < size < -400


def test_a_gradient_of_exactly_nothing_is_minus_infinity():
    layer = Elman(3, 4).double()
    layer.from_state.weight.data.zero_()
    assert gradient_over(layer, texts(10), [1, 5]) == [-math.inf, -math.inf]


@pytest.mark.parametrize("lags", [[0], [10], [3, 12]])
def test_lags_that_the_text_does_not_have_are_refused(lags):
    with pytest.raises(ValueError, match="lags are from 1 to 9"):
        gradient_over(Elman(3, 4).double(), texts(10), lags)


def test_what_forgets_at_once_is_mended_in_one_round_and_what_keeps_all_in_as_many_as_there_are_words():
    zero = (torch.zeros(1, 3, dtype=torch.float64),)
    assert rounds_to_mend(lambda word, state: (word,), texts(50), zero) == 1
    assert rounds_to_mend(lambda word, state: (state[0] + word,), texts(50), zero) == 50


def test_a_wrong_start_makes_it_wait_for_the_states_that_remember_it():
    """The guess begins as the start; h = 2 only if it was 2 before: the truth is there at once."""
    two = (torch.full((1, 3), 2.0, dtype=torch.float64),)
    assert rounds_to_mend(lambda word, state: (state[0],), texts(50), two) == 1
