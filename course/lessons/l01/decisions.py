"""Lesson 01: what decides its computed claims."""

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, Decisions

decisions = Decisions()


@decisions.decides("S0-02", refuted_by={"difference": 0.1})
def made_from_word_and_state(difference):
    """three states computed by hand, each from its word and the state before, equal torch's nn.RNN kernel to below
    1e-12."""
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides("S0-12", refuted_by={"rounds": 2, "right_after_one_round": 6, "words": 6})
def one_after_another(rounds, right_after_one_round, words):
    """six words take six rounds; when all states are computed at once from guesses, fewer than six are right."""
    return HOLDS if rounds == words and right_after_one_round < words else DOES_NOT_HOLD


@decisions.decides(
    "S0-13", refuted_by={"forced_difference": 1e-15, "forced_rounds": 12, "hidden_rounds": 7, "words": 6}
)
def and_or(forced_difference, forced_rounds, hidden_rounds, words):
    """with true outputs fed back, all steps at once equal the loop to below 1e-12, in fewer rounds than words; a net
    that feeds back its hidden state takes more rounds than words, teacher or not."""
    if forced_difference < ROUNDING and forced_rounds < words:
        return CONDITIONAL if hidden_rounds > words else DOES_NOT_HOLD
    return HOLDS


@decisions.decides("S0-14", refuted_by={"round_of_first": 1, "round_of_second": 1, "error_without_first": 0.0})
def second_waits_for_first(round_of_first, round_of_second, error_without_first):
    """the second state is ready a round after the first, and computed without the first it is off by more than
    0.1."""
    return HOLDS if round_of_second > round_of_first and error_without_first > 0.1 else DOES_NOT_HOLD


@decisions.decides(
    "S0-21", refuted_by={"elman_tanh": 3, "stack_tanh": 3, "elman_gate_products": 0, "lstm_gate_products": 0}
)
def affine_then_squashed(elman_tanh, stack_tanh, elman_gate_products, lstm_gate_products):
    """on the longest chain of one step stands one tanh in an Elman net and three in a stack of three; an LSTM step
    also has products in which neither number is a weight, an Elman step has none."""
    if elman_gate_products > 0:
        return DOES_NOT_HOLD
    return CONDITIONAL if elman_tanh == 1 and stack_tanh > 1 and lstm_gate_products > 0 else HOLDS


@decisions.decides("S1-05", refuted_by={"next_state_moved": 0.0, "error_without_state": 0.0})
def from_the_state_before(next_state_moved, error_without_state):
    """moving h₃ moves h₄, and with a zero in the place of h₃ state 4 is off by more than 0.1."""
    return HOLDS if next_state_moved > ROUNDING and error_without_state > 0.1 else DOES_NOT_HOLD


@decisions.decides("S1-08", refuted_by={"hidden_rounds": 61, "forced_rounds": 120, "words": 60})
def all_the_way_back(hidden_rounds, forced_rounds, words):
    """60 words take more than 60 rounds where the hidden state feeds back, and 2 where only the output does and the
    true one is given."""
    if hidden_rounds <= words:
        return DOES_NOT_HOLD
    return CONDITIONAL if forced_rounds < words else HOLDS


@decisions.decides("S1-25", refuted_by={"last_state_moved": 0.0, "difference_when_resumed": 1e-16})
def through_the_state(last_state_moved, difference_when_resumed):
    """moving word 1 moves state 6; and given only h₃, words 4 to 6 lead to the same states to below 1e-12."""
    return HOLDS if last_state_moved > ROUNDING and difference_when_resumed < ROUNDING else DOES_NOT_HOLD


@decisions.decides("S3-08", refuted_by={"ready": [1, 1, 1, 1, 1, 1]})
def each_waits(ready):
    """each of the six states is ready one round after the one before it."""
    return HOLDS if ready == list(range(1, len(ready) + 1)) else DOES_NOT_HOLD


@decisions.decides("S3-12", refuted_by={"difference": 0.1, "rounds": 6, "words": 6})
def the_trace(difference, rounds, words):
    """the sentence traced word by word equals torch's nn.RNN kernel to below 1e-12, and takes six rounds."""
    return HOLDS if difference < ROUNDING and rounds == words else DOES_NOT_HOLD
