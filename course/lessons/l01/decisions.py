"""Lesson 01: the numbers of its computed statements, and what they decide. Sizes are 6, 60 and 600 words."""

import numpy as np
import torch

from helpers import elman, span_of
from helpers.counting import builders
from helpers.counting import rounds as graphs

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, Decisions
from ...models.tiny import random_words, tiny_rnn
from ...words import draw

WORDS = [6, 60, 600]

decisions = Decisions()


def random_net(T):
    """The lesson's net on T words drawn from its vocabulary: their vectors (T, 2), U and W."""
    _, _, U, W = tiny_rnn("man")
    return random_words(T), U, W


def by_the_loop(X, U, W, start=None):
    """All states (T, D), step by step."""
    return elman(X[None], U, W, hidden=start, method="loop")[0]


def largest(difference):
    """The largest absolute value, as a number of Python."""
    return difference.abs().max().item()


# ---- the step


def step_by_step():
    """Every state made from its word and the state before, against torch's kernel; and what if that state is moved."""
    differences, moves = [], []
    for T in WORDS:
        X, U, W = random_net(T)
        before, states = torch.zeros(2, dtype=torch.float64), []
        for x in X:
            before = torch.tanh(U @ x + W @ before)
            states.append(before)
        states = torch.stack(states)
        differences.append(largest(elman(X[None], U, W, method="torch")[0] - states))
        pushed = torch.tanh(X[1:] @ U.T + (states[:-1] + 0.1) @ W.T)
        moves.append((pushed - states[1:]).abs().amax(dim=1).min().item())
    return {"difference": max(differences), "next_state_moves": min(moves)}


@decisions.decides(
    "S3-12",
    numbers=step_by_step,
    shows="6, 60 and 600 states, each made from its word and the state before it, equal torch's own RNN to below 1e-12, "
    "and a state moved by 0.1 moves the next one.",
    refuted_by={"difference": 0.1, "next_state_moves": 0.05},
)
def made_from_word_and_state(difference, next_state_moves):
    return HOLDS if difference < ROUNDING and next_state_moves > ROUNDING else DOES_NOT_HOLD


# ---- waiting


def waiting():
    """Rounds until the last state is ready, as the recurrence is written; a state without the one before."""
    X, U, W = random_net(WORDS[-1])
    alone = torch.tanh(X @ U.T)  # every state as if the one before it were 0
    return {
        "rounds": [span_of(graphs.recurrent(T)) for T in WORDS],
        "words": WORDS,
        "error_without_the_state_before": (alone - by_the_loop(X, U, W))[1:].abs().amax(dim=1).median().item(),
    }


@decisions.decides(
    "S0-12",
    numbers=waiting,
    shows="as it is written, the recurrence takes as many rounds as there are words, 6, 60 and 600; computed without the "
    "state before, half of all states are off by more than 0.1.",
    refuted_by={"rounds": [1, 1, 1], "words": WORDS, "error_without_the_state_before": 0.5},
)
def word_after_word(rounds, words, error_without_the_state_before):
    return HOLDS if rounds == words and error_without_the_state_before > 0.1 else DOES_NOT_HOLD


def rounds_to_mend(X, U, W):
    """Guess all states as 0, compute all of them from the guesses, and again: rounds until all are right to 1e-12."""
    states, guess = by_the_loop(X, U, W), torch.zeros(len(X), len(W), dtype=X.dtype)
    from_words, first = X @ U.T, torch.zeros(1, len(W), dtype=X.dtype)
    for round_number in range(1, len(X) + 1):
        guess = torch.tanh(from_words + torch.cat([first, guess[:-1]]) @ W.T)
        if largest(guess - states) < ROUNDING:
            return round_number
    return len(X) + 1


def mending():
    """Rounds of guessing and mending: where words are loud the lesson's net forgets; where they are quiet, and W is 1.5
    times as large, it remembers."""
    _, U, W = random_net(1)
    return {
        "words": WORDS,
        "rounds_to_mend": [rounds_to_mend(*random_net(T)) for T in WORDS],
        "rounds_where_it_is_remembered": [rounds_to_mend(0.1 * random_words(T), U, 1.5 * W) for T in WORDS],
    }


@decisions.decides(
    "S0-03",
    numbers=mending,
    shows="guessed all at once and mended in parallel, the states of 600 words are right after fewer than 100 rounds in "
    "a net that forgets, and after more than 500 in one that remembers.",
    refuted_by={"words": WORDS, "rounds_to_mend": WORDS, "rounds_where_it_is_remembered": WORDS},
)
def waits_as_long_as_it_remembers(words, rounds_to_mend, rounds_where_it_is_remembered):
    if rounds_to_mend[-1] > words[-1] / 6:
        return HOLDS
    return CONDITIONAL if rounds_where_it_is_remembered[-1] > 5 * words[-1] / 6 else DOES_NOT_HOLD


# ---- what feeds back


def fed_back():
    """The two nets with outputs: what a teacher spares, in rounds and in numbers, and what an output can carry."""
    X, U, W = random_net(WORDS[-1])
    V, from_output = draw(4, 2, seed=1), draw(2, 4, seed=2)
    truth = torch.eye(4, dtype=torch.float64)[np.random.RandomState(3).randint(4, size=len(X))]
    taught = torch.cat([torch.zeros(1, 4, dtype=torch.float64), truth[:-1]])
    one_by_one = torch.stack([V @ torch.tanh(U @ x + from_output @ y) for x, y in zip(X, taught, strict=True)])
    at_once = torch.tanh(X @ U.T + taught @ from_output.T) @ V.T
    own, carried = torch.zeros(4, dtype=torch.float64), []
    for x in X:  # the output is all that it feeds back, and from it the state can be had again
        carried.append(torch.tanh(U @ x + W @ torch.linalg.pinv(V) @ own))
        own = V @ carried[-1]
    with_teacher = [
        [span_of(graphs.recurrent_with_outputs(T, fed, teacher_forcing=True)) for T in WORDS]
        for fed in ("output", "hidden")
    ]
    return {
        "forced_difference": largest(at_once - one_by_one),
        "forced_rounds": with_teacher[0],
        "hidden_rounds": with_teacher[1],
        "words": WORDS,
        "states_from_outputs_differ": largest(torch.stack(carried) - by_the_loop(X, U, W)),
    }


@decisions.decides(
    "S0-13",
    numbers=fed_back,
    shows="with true outputs fed back, all steps at once equal the loop to below 1e-12, in 2 rounds for 6, 60 and 600 "
    "words; a net that feeds back its hidden state takes more rounds than words, teacher or not. An output that is free "
    "and wide enough carries the whole state, to below 1e-12.",
    refuted_by={
        "forced_difference": 1e-15,
        "forced_rounds": [7, 61, 601],
        "hidden_rounds": [7, 61, 601],
        "words": WORDS,
        "states_from_outputs_differ": 1e-15,
    },
)
def and_or(forced_difference, forced_rounds, hidden_rounds, words, states_from_outputs_differ):
    if forced_difference > ROUNDING or forced_rounds[-1] >= words[-1]:
        return HOLDS  # it would not matter which of the two feeds back
    waits = all(rounds > T for rounds, T in zip(hidden_rounds, words, strict=True))
    return CONDITIONAL if waits and states_from_outputs_differ < ROUNDING else DOES_NOT_HOLD


# ---- one step, and the way through the state


def layers_between():
    """tanh in a row from the first word to the last state, and products of two computed numbers in one step."""
    words = [1, *WORDS]
    steps = {"elman": builders.elman(1, 2), "lstm": builders.lstm(1, 2)}
    # work counts the products with a weight
    gates = {f"{name}_gate_products": graph.count("multiply") - graph.work for name, (graph, _) in steps.items()}
    return gates | {"words": words, "elman_tanh": [builders.elman(T, 2)[0].span(counting="tanh") for T in words]}


@decisions.decides(
    "S0-21",
    numbers=layers_between,
    shows="from the first word to the last state of an Elman net stand as many tanh in a row as there are words, 1, 6, 60 "
    "and 600; an LSTM step also has products in which neither number is a weight, an Elman step has none.",
    refuted_by={"words": [1, 6], "elman_tanh": [1, 6], "elman_gate_products": 0, "lstm_gate_products": 0},
)
def affine_then_squashed(words, elman_tanh, elman_gate_products, lstm_gate_products):
    if elman_tanh != words or elman_gate_products > 0:
        return DOES_NOT_HOLD
    return CONDITIONAL if lstm_gate_products > 0 else HOLDS


def through_the_state():
    """How many words move the last state when they are moved, and the second half computed from one state alone."""
    reach, resumed = [], []
    for T in WORDS:
        X, U, W = random_net(T)
        moved = X.repeat(T, 1, 1)  # one text a row, each with another word moved
        moved[range(T), range(T)] += 1.0
        last = elman(moved, U, W, method="torch")[:, -1]
        reach.append((last != elman(X[None], U, W, method="torch")[:, -1]).any(dim=1).sum().item())
        states, half = by_the_loop(X, U, W), T // 2
        resumed.append(largest(by_the_loop(X[half:], U, W, start=states[half - 1 : half]) - states[half:]))
    return {"words_that_reach_the_last_state": reach, "words": WORDS, "difference_when_resumed": max(resumed)}


@decisions.decides(
    "S1-25",
    numbers=through_the_state,
    shows="moving any of 6 or of 60 words moves the last state, and the state in the middle alone leads to the same "
    "states after it, to below 1e-12; of 600 words fewer than 100 still reach the last state.",
    refuted_by={"words_that_reach_the_last_state": [1, 1, 1], "words": WORDS, "difference_when_resumed": 1e-16},
)
def access_through_the_state(words_that_reach_the_last_state, words, difference_when_resumed):
    all_reach = words_that_reach_the_last_state[:2] == words[:2]
    forgets = words_that_reach_the_last_state[2] < 100
    return HOLDS if all_reach and forgets and difference_when_resumed < ROUNDING else DOES_NOT_HOLD
