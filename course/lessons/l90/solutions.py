"""The course in ninety minutes: right answers and wrong ones."""

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("1")
def mend_once(inputs, guess, hidden, U, W):
    before = torch.cat([hidden[:, None], guess[:, :-1]], dim=1)  # (B, T, D), what stands before each word
    return torch.tanh(inputs @ U.T + before @ W.T)


@also_right("1")
def mends_in_a_copy(inputs, guess, hidden, U, W):
    before = guess.roll(1, dims=1)
    before[:, 0] = hidden
    return (inputs @ U.T + before @ W.T).tanh()


@also_right("1")
def mends_word_by_word(inputs, guess, hidden, U, W):
    states = []
    for t in range(inputs.shape[1]):
        before = guess[:, t - 1] if t > 0 else hidden
        states.append(torch.tanh(inputs[:, t] @ U.T + before @ W.T))
    return torch.stack(states, dim=1)


@also_right("1")
def mends_in_numpy(inputs, guess, hidden, U, W):
    inputs, guess, hidden, U, W = (each.numpy() for each in (inputs, guess, hidden, U, W))
    before = np.concatenate([hidden[:, None], guess[:, :-1]], axis=1)
    return np.tanh(inputs @ U.T + before @ W.T)


def _step(inputs, before, U, W):
    return torch.tanh(inputs @ U.T + before @ W.T)


def _before(guess, hidden):
    return torch.cat([hidden[:, None], guess[:, :-1]], dim=1)


@wrong("1", "each word steps from the guess for its own state")
def not_moved_on(inputs, guess, hidden, U, W):
    return _step(inputs, guess, U, W)


@wrong("1", "each word steps from the guess for the word after it")
def moved_the_other_way(inputs, guess, hidden, U, W):
    return _step(inputs, torch.cat([guess[:, 1:], hidden[:, None]], dim=1), U, W)


@wrong("1", "roll brings it round")
def rolled(inputs, guess, hidden, U, W):
    return _step(inputs, guess.roll(1, dims=1), U, W)


@wrong("1", "the first word starts from zeros")
def from_zeros(inputs, guess, hidden, U, W):
    return _step(inputs, _before(guess, torch.zeros_like(hidden)), U, W)


@wrong("1", "every word steps from hidden")
def all_from_hidden(inputs, guess, hidden, U, W):
    return _step(inputs, hidden[:, None], U, W)


@wrong("1", "from text to text")
def across_the_texts(inputs, guess, hidden, U, W):
    return _step(inputs, guess.roll(1, dims=0), U, W)


@wrong("1", "so each word has waited for the one before")
def waits(inputs, guess, hidden, U, W):
    states = []
    for t in range(inputs.shape[1]):
        hidden = torch.tanh(inputs[:, t] @ U.T + hidden @ W.T)
        states.append(hidden)
    return torch.stack(states, dim=1)


@wrong("1", "the tanh is missing")
def without_tanh(inputs, guess, hidden, U, W):
    return inputs @ U.T + _before(guess, hidden) @ W.T


@wrong("1", "this is the sigmoid")
def with_sigmoid(inputs, guess, hidden, U, W):
    return torch.sigmoid(without_tanh(inputs, guess, hidden, U, W))


@wrong("1", "no guess is used")
def words_alone(inputs, guess, hidden, U, W):
    return torch.tanh(inputs @ U.T)


@wrong("1", "the words are not used")
def guesses_alone(inputs, guess, hidden, U, W):
    return torch.tanh(_before(guess, hidden) @ W.T)


@wrong("1", "W must be transposed")
def not_transposed(inputs, guess, hidden, U, W):
    return _step(inputs, _before(guess, hidden), U, W.T)


@wrong("1", "no step is taken")
def moved_on_and_no_more(inputs, guess, hidden, U, W):
    return _before(guess, hidden)


@wrong("1", "mends_in_place changes its input guess")
def mends_in_place(inputs, guess, hidden, U, W):
    for t in range(inputs.shape[1] - 1, -1, -1):
        before = guess[:, t - 1] if t else hidden
        guess[:, t] = _step(inputs[:, t], before, U, W)
    return guess


@wrong("1", "the first word's state is wrong")
def first_word_left_out(inputs, guess, hidden, U, W):
    states = _step(inputs, _before(guess, hidden), U, W)
    return torch.cat([hidden[:, None], states[:, 1:]], dim=1)


@wrong("1", "the states are right up to word 2, and wrong from word 3 on")
def mends_two_words(inputs, guess, hidden, U, W):
    states = _step(inputs, _before(guess, hidden), U, W)
    return torch.cat([states[:, :2], guess[:, 2:]], dim=1)


@wrong("1", "where (2, 5, 4) is needed")
def returns_the_last_state(inputs, guess, hidden, U, W):
    return mend_once(inputs, guess, hidden, U, W)[:, -1]
