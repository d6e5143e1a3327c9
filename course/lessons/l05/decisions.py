"""Lesson 05: what decides its computed claims."""

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, QUESTION, ROUNDING, Decisions

decisions = Decisions()


@decisions.decides("S0-05", refuted_by={"feed_forward_changed": 6, "attention_changed": 6, "words": 6})
def lanes_interact(feed_forward_changed, attention_changed, words):
    """one word moved changes 1 output of the feed-forward layer and all outputs of attention."""
    return HOLDS if feed_forward_changed == 1 and attention_changed == words else DOES_NOT_HOLD


@decisions.decides("S0-07", refuted_by={"keys_needed": 1, "values_needed": 1, "words": 6})
def every_key_is_needed(keys_needed, values_needed, words):
    """one output changes when any one key moves, and when any one value moves."""
    return HOLDS if keys_needed == values_needed == words else DOES_NOT_HOLD


@decisions.decides("S0-08", refuted_by={"attention_changed": 1})
def positions_depend(attention_changed):
    """moving one word changes the outputs of others."""
    return HOLDS if attention_changed > 1 else DOES_NOT_HOLD


@decisions.decides("S0-15", refuted_by={"later_words_read": 3, "later_words_read_causal": 3})
def later_words(later_words_read, later_words_read_causal):
    """word 3 reads all 3 later words without a mask, and none of them with the causal mask."""
    if later_words_read and not later_words_read_causal:
        return CONDITIONAL
    return HOLDS if later_words_read else DOES_NOT_HOLD


@decisions.decides("S0-16", refuted_by={"first_layer_keys_changed": 1, "second_layer_keys_changed": 1})
def keys_above_the_first_layer(first_layer_keys_changed, second_layer_keys_changed):
    """moving one word changes 1 key in the first layer, and all 6 in the second."""
    if first_layer_keys_changed == 1:
        return CONDITIONAL if second_layer_keys_changed > 1 else HOLDS
    return DOES_NOT_HOLD


@decisions.decides("S0-17", refuted_by={"difference": 1e-3})
def one_product(difference):
    """the keys one by one and all keys in one product are equal to below 1e-12."""
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides("S0-18", refuted_by={"keys_changed": 6, "coordinates_changed": 16})
def one_row_one_column(keys_changed, coordinates_changed):
    """moving one embedding changes the key of that word alone; moving one column of the matrix changes one coordinate of
    the keys."""
    return HOLDS if keys_changed == coordinates_changed == 1 else DOES_NOT_HOLD


@decisions.decides("S0-19", refuted_by={"attention_changed": 1, "rounds_short": 4, "rounds_long": 64})
def dependence_is_not_the_reason(attention_changed, rounds_short, rounds_long):
    """every output depends on every word, and yet 6 words and 60 words take the same 4 rounds."""
    return HOLDS if attention_changed > 1 and rounds_short == rounds_long else DOES_NOT_HOLD


@decisions.decides("S0-20", refuted_by={"keys_error": 1e-15, "attention_error": 1e-15, "feed_forward_rounds": 2})
def is_it_linear(keys_error, attention_error, feed_forward_rounds):
    """keys are additive to below 1e-12; attention misses by more than a tenth; a non-linear feed-forward layer needs
    two rounds however long the sentence is."""
    return DOES_NOT_HOLD if keys_error < ROUNDING and attention_error > 0.1 and feed_forward_rounds == 2 else HOLDS


@decisions.decides("S0-22", refuted_by={"difference": 0.5})
def same_matrix_everywhere(difference):
    """two words exchanged, their keys are exchanged, to below 1e-12: position has no part in it."""
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides("S1-15", refuted_by={"asymmetry": 0.8, "prefer_themselves": 1, "words": 6})
def no_projections(asymmetry, prefer_themselves, words):
    """without projections the scores are symmetric and every unit-length word reads itself most."""
    return DOES_NOT_HOLD if asymmetry < ROUNDING and prefer_themselves == words else HOLDS


@decisions.decides("S1-16", refuted_by={"attention_rounds": 64, "one_query_at_a_time_rounds": 64, "words": 16})
def many_queries(attention_rounds, one_query_at_a_time_rounds, words):
    """queries made from the layer below take 4 rounds; where each query needs the output before it, as many queries
    take more rounds than there are words."""
    if attention_rounds < words <= one_query_at_a_time_rounds:
        return CONDITIONAL
    return HOLDS if attention_rounds < words else DOES_NOT_HOLD


@decisions.decides("S1-17", refuted_by={"query_equals_key": True, "joined_difference": 0.0})
def why_self(query_equals_key, joined_difference):
    """query and key differ, and one product makes query, key and value from the same words, to below 1e-12."""
    return DOES_NOT_HOLD if joined_difference < ROUNDING and not query_equals_key else HOLDS


@decisions.decides("S1-18", refuted_by={"self_shape": [6, 6], "cross_shape": [6, 6]})
def score_shape(self_shape, cross_shape):
    """scores are T × T for one sentence with itself, and rectangular for 2 queries over 6 keys."""
    square = self_shape[0] == self_shape[1]
    return CONDITIONAL if square and cross_shape[0] != cross_shape[1] else HOLDS if square else DOES_NOT_HOLD


@decisions.decides("S1-19", refuted_by={"by_rows": 0.4, "by_columns": 0.4})
def softmax_axis(by_rows, by_columns):
    """with a query a row, softmax by rows agrees with the loop to below 1e-12, softmax by columns is off by more than
    0.1."""
    if by_rows < ROUNDING:
        return CONDITIONAL if by_columns > 0.1 else HOLDS
    return DOES_NOT_HOLD


@decisions.decides("S1-20", refuted_by={"one_head": 0.3, "two_heads_without_join": 0.0})
def output_is_product(one_head, two_heads_without_join):
    """A·V is the output of one head to below 1e-12; a layer of two heads also needs W_O."""
    if one_head < ROUNDING:
        return CONDITIONAL if two_heads_without_join > 0.01 else HOLDS
    return DOES_NOT_HOLD


@decisions.decides("S1-23", refuted_by={"product": 0.1, "transposed_product": 0.1})
def matrix_order(product, transposed_product):
    """with a word a row, A·V equals the loop to below 1e-12, and Aᵀ·V misses by more than 0.1."""
    return QUESTION if product < ROUNDING and transposed_product > 0.1 else DOES_NOT_HOLD


@decisions.decides("S2-12", refuted_by={"row_sum_error": 0.5, "asymmetry": 0.1, "changes_with_input": 0.5})
def affinity_matrix(row_sum_error, asymmetry, changes_with_input):
    """each row of weights sums to 1, the matrix is not symmetric, and another sentence gives another matrix."""
    rows = row_sum_error < ROUNDING
    return HOLDS if rows and asymmetry > 0.01 and changes_with_input > 0.01 else DOES_NOT_HOLD


@decisions.decides("S3-17", refuted_by={"attention_rounds": 64, "feed_forward_rounds": 2, "words": 60})
def all_tokens_together(attention_rounds, feed_forward_rounds, words):
    """attention takes 4 rounds and the feed-forward layer 2, for 60 words."""
    return HOLDS if attention_rounds < words and feed_forward_rounds < words else DOES_NOT_HOLD


@decisions.decides("S3-20", refuted_by={"difference": 0.1})
def missing_formula(difference):
    """softmax(Q Kᵀ / √d) V, the formula the article leaves out, equals the loop to below 1e-12."""
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides("S3-21", refuted_by={"difference": 0.1})
def all_projections_together(difference):
    """queries, keys and values from one product with the joined matrix equal those word by word to below 1e-12."""
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides("S3-22", refuted_by={"difference": 1e-15, "without_softmax": 1e-15})
def softmax_stands_between(difference, without_softmax):
    """two products with a softmax between them equal the loop to below 1e-12; without the softmax they miss by more
    than 0.1."""
    if difference < ROUNDING:
        return CONDITIONAL if without_softmax > 0.1 else HOLDS
    return DOES_NOT_HOLD
