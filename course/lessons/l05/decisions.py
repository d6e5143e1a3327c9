"""Lesson 05: what decides its computed statements. The numbers are computed in numbers.py."""

from ...ledger.decisions import ANSWERED, CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, UNANSWERED, Decisions
from . import numbers

WORDS = numbers.WORDS
CLEAR = 0.1  # a miss that is no rounding, for results of about 1

decisions = Decisions()


# ---- keys


@decisions.decides(
    "S0-17",
    numbers=numbers.keys,
    shows="the keys one by one and all keys in one product are equal to below 1e-12, for 6, 60 and 600 words; so are "
    "queries, keys and values from one product with the three matrices side by side.",
    refuted_by={"difference": 1e-3},
)
def one_product(difference):
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides(
    "S0-18",
    numbers=numbers.moved_parts,
    shows="one embedding moved changes the key of that word alone, among 6, 60 and 600; one column of the matrix moved "
    "changes one coordinate of the keys.",
    refuted_by={"keys_changed": [6, 60, 600], "coordinates_changed": 1},
)
def one_row_one_column(keys_changed, coordinates_changed):
    return HOLDS if set(keys_changed) == {1} and coordinates_changed == 1 else DOES_NOT_HOLD


@decisions.decides(
    "S0-22",
    numbers=numbers.exchanged_words,
    shows="two words exchanged before torch's own layer, their outputs are exchanged and no other changes, to below 1e-12, "
    "for 6, 60 and 600 words: position has no part in it.",
    refuted_by={"difference": 0.5},
)
def same_matrix_everywhere(difference):
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides(
    "S0-16",
    numbers=numbers.keys_above,
    shows="one word moved changes 1 key in the first layer, and all of 6, 60 and 600 in the second. After a LayerNorm a "
    "doubled word has the same key, and with a rotation the same word has another key at another place: neither is one "
    "matrix times the word.",
    refuted_by={
        "first_layer_keys_changed": [1, 1, 1],
        "second_layer_keys_changed": [1, 1, 1],
        "words": WORDS,
        "doubled_word_after_layer_norm": 1e-15,
        "same_word_at_another_place": 1.0,
    },
)
def keys_above_the_first_layer(
    first_layer_keys_changed,
    second_layer_keys_changed,
    words,
    doubled_word_after_layer_norm,
    same_word_at_another_place,
):
    if set(first_layer_keys_changed) != {1}:
        return DOES_NOT_HOLD
    not_one_matrix = doubled_word_after_layer_norm < ROUNDING and same_word_at_another_place > CLEAR
    return CONDITIONAL if second_layer_keys_changed == words and not_one_matrix else HOLDS


# ---- who depends on whom


@decisions.decides(
    "S0-05",
    numbers=numbers.dependence,
    shows="one word moved changes 1 output of the feed-forward layer and all outputs of attention, of 6, 60 and 600 words.",
    refuted_by={"feed_forward_changed": [6, 60, 600], "attention_changed": [6, 60, 600], "words": WORDS},
)
def lanes_interact(feed_forward_changed, attention_changed, words):
    return HOLDS if set(feed_forward_changed) == {1} and attention_changed == words else DOES_NOT_HOLD


@decisions.decides(
    "S0-07",
    numbers=numbers.dependence,
    shows="one output changes when any one key moves, and when any one value moves, of 6, 60 and 600 words.",
    refuted_by={"keys_needed": [1, 1, 1], "values_needed": [1, 1, 1], "words": WORDS},
)
def every_key_is_needed(keys_needed, values_needed, words):
    return HOLDS if keys_needed == values_needed == words else DOES_NOT_HOLD


@decisions.decides(
    "S0-08",
    numbers=numbers.dependence,
    shows="one word moved changes the outputs of all the others, of 6, 60 and 600 words.",
    refuted_by={"attention_changed": [1, 1, 1]},
)
def positions_depend(attention_changed):
    return HOLDS if min(attention_changed) > 1 else DOES_NOT_HOLD


@decisions.decides(
    "S0-15",
    numbers=numbers.read_by_word_3,
    shows="without a mask the output for word 3 depends on all words before it and after it, among 6, 60 and 600.",
    refuted_by={"earlier_words_read": [2, 2, 2], "later_words_read": [0, 0, 0]},
)
def before_and_after(earlier_words_read, later_words_read):
    return HOLDS if min(earlier_words_read) and min(later_words_read) else DOES_NOT_HOLD


# ---- who waits for whom


@decisions.decides(
    "S0-19",
    numbers=numbers.rounds,
    shows="every output depends on every word, and yet 6, 60 and 600 words take the same 4 rounds.",
    refuted_by={"attention_changed": [6, 60, 600], "attention_rounds": [4, 60, 600]},
)
def dependence_is_not_the_reason(attention_changed, attention_rounds):
    same = len(set(attention_rounds)) == 1
    return HOLDS if min(attention_changed) > 1 and same else DOES_NOT_HOLD


@decisions.decides(
    "S1-16",
    numbers=numbers.rounds,
    shows="queries made from the layer below take 4 rounds for 6, 60 and 600 words; where each query needs the output "
    "before it, as many queries take 24, 240 and 2,400.",
    refuted_by={"attention_rounds": [24, 240, 2400], "one_query_at_a_time_rounds": [24, 240, 2400], "words": WORDS},
)
def many_queries(attention_rounds, one_query_at_a_time_rounds, words):
    if attention_rounds[-1] >= words[-1]:
        return DOES_NOT_HOLD
    return CONDITIONAL if one_query_at_a_time_rounds[-1] >= words[-1] else HOLDS


@decisions.decides(
    "S3-17",
    numbers=numbers.rounds,
    shows="attention takes 4 rounds and the feed-forward layer 2, for 6 words as for 600.",
    refuted_by={"attention_rounds": [4, 60, 600], "feed_forward_rounds": [2, 2, 2]},
)
def all_tokens_together(attention_rounds, feed_forward_rounds):
    same = len(set(attention_rounds)) == len(set(feed_forward_rounds)) == 1
    return HOLDS if same else DOES_NOT_HOLD


# ---- is it linear


@decisions.decides(
    "S0-20",
    numbers=numbers.linearity,
    shows="attention clearly misses being additive in its words, small ones or large ones, and takes 4 rounds for 6, 60 "
    "and 600 of them all the same. It is additive in its values for fixed weights, as keys are in the words, to below "
    "1e-12; and a linear recurrence of 600 steps is a tree of 10 rounds.",
    refuted_by={
        "keys_miss": 1e-15,
        "attention_miss": 1e-15,
        "values_miss": 1e-15,
        "attention_rounds": [4, 4, 4],
        "tree_rounds": [3, 6, 10],
        "words": WORDS,
    },
)
def is_it_linear(keys_miss, attention_miss, values_miss, attention_rounds, tree_rounds, words):
    without_it = attention_miss > 1e-6 and len(set(attention_rounds)) == 1
    half_right = max(keys_miss, values_miss) < ROUNDING and tree_rounds[-1] < words[-1] / 10  # what the repair says
    return DOES_NOT_HOLD if without_it and half_right else HOLDS


# ---- scores, weights, outputs


@decisions.decides(
    "S3-20",
    numbers=numbers.forms,
    shows="softmax(Q Kᵀ / √d) V, the formula that the article leaves out, equals the loop to below 1e-12, for 6, 60 and "
    "600 words.",
    refuted_by={"difference": 0.1},
)
def missing_formula(difference):
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides(
    "S3-22",
    numbers=numbers.forms,
    shows="two products with a softmax between them equal the loop to below 1e-12; without the softmax they miss by more "
    "than 0.1, for 6, 60 and 600 words.",
    refuted_by={"difference": 1e-15, "without_softmax": 1e-15},
)
def softmax_stands_between(difference, without_softmax):
    if difference > ROUNDING:
        return DOES_NOT_HOLD
    return CONDITIONAL if without_softmax > CLEAR else HOLDS


@decisions.decides(
    "S1-19",
    numbers=numbers.forms,
    shows="with a query a row, softmax by rows agrees with the loop to below 1e-12, softmax by columns is off by more "
    "than 0.1, for 6, 60 and 600 words.",
    refuted_by={"difference": 1e-15, "by_columns": 1e-15},
)
def softmax_axis(difference, by_columns):
    return HOLDS if difference < ROUNDING and by_columns > CLEAR else DOES_NOT_HOLD


@decisions.decides(
    "S1-23",
    numbers=numbers.forms,
    shows="with a word a row, A·V equals the loop to below 1e-12, and Aᵀ·V misses by more than 0.1, for 6, 60 and 600 words.",
    refuted_by={"difference": 0.1, "transposed": 0.5},
)
def matrix_order(difference, transposed):
    return ANSWERED if difference < ROUNDING and transposed > CLEAR else UNANSWERED


@decisions.decides(
    "S1-18",
    numbers=numbers.matrices,
    shows="scores are T × T for one sentence with itself, and rectangular for 2 queries over 6 keys.",
    refuted_by={"self_shape": [6, 6], "cross_shape": [6, 6]},
)
def score_shape(self_shape, cross_shape):
    for_its_reason = cross_shape[0] != cross_shape[1]  # as many queries as keys, says the thread
    return HOLDS if self_shape[0] == self_shape[1] and for_its_reason else DOES_NOT_HOLD


@decisions.decides(
    "S2-12",
    numbers=numbers.matrices,
    shows="each row of weights sums to 1, the matrix is not symmetric, and another sentence gives another matrix.",
    refuted_by={"row_sum_error": 0.5, "asymmetry": 0.1, "changes_with_input": 0.5},
)
def affinity_matrix(row_sum_error, asymmetry, changes_with_input):
    rows_sum_to_one = row_sum_error < ROUNDING
    return HOLDS if rows_sum_to_one and asymmetry > 0.01 and changes_with_input > 0.01 else DOES_NOT_HOLD
