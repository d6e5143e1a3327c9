"""Lesson 05: the numbers of its computed statements, and what they decide.

Six words are the lesson's sentence; 60 and 600 are random vectors. Rounds are counted as helpers.counting counts them.
"""

import torch
from torch.nn.functional import layer_norm

from helpers import attention, attention_weights, builders, span_of
from helpers.counting import rounds as graphs

from ...ledger.decisions import ANSWERED, CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, UNANSWERED, Decisions
from ...models import changed_by
from ...words import SENTENCE, draw, embed, split_words

WORDS = [6, 60, 600]
D = 16
W_Q, W_K, W_V = (draw(D, D, seed=seed) for seed in (1, 2, 3))
CLEAR = 0.1  # a miss that is no rounding, for results of about 1

decisions = Decisions()


def text(T):
    """(T, 16): the lesson's six words, or random vectors of the same length, about 1."""
    return embed(split_words(SENTENCE)) if T == 6 else draw(T, D, seed=T) / D**0.5


def attend(X, is_causal=False):
    """One head of self-attention with its projections."""
    return attention(X @ W_Q, X @ W_K, X @ W_V, is_causal=is_causal)


def by_the_loop(X):
    """The same, query by query."""
    Q, K, V = X @ W_Q, X @ W_K, X @ W_V
    return torch.stack([(K @ q / D**0.5).softmax(dim=0) @ V for q in Q])


def largest(difference):
    """The largest absolute value, as a number of Python."""
    return difference.abs().max().item()


def how_many(changes):
    """How many of these absolute changes are more than rounding."""
    return int((changes > ROUNDING).sum())


# ---- keys


def keys():
    """Keys word by word and all at once, for three sizes, with queries and values from one product beside them."""
    differences = []
    for T in WORDS:
        X = text(T)
        joined = X @ torch.cat([W_Q, W_K, W_V], dim=1)
        one_by_one = torch.stack([torch.cat([x @ W_Q, x @ W_K, x @ W_V]) for x in X])
        differences += [largest(X @ W_K - one_by_one[:, D : 2 * D]), largest(joined - one_by_one)]
    return {"difference": max(differences)}


@decisions.decides(
    "S0-17",
    numbers=keys,
    shows="the keys one by one and all keys in one product are equal to below 1e-12, for 6, 60 and 600 words; so are "
    "queries, keys and values from one product with the three matrices side by side.",
    refuted_by={"difference": 1e-3},
)
def one_product(difference):
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


def moved_parts():
    """How many keys, and how many coordinates of them, change when one word, or one column of the matrix, moves."""
    X, pushed = text(60), W_K.clone()
    pushed[:, 0] += 1.0
    return {
        "keys_changed": [how_many(changed_by(lambda x: x @ W_K, text(T), 2)) for T in WORDS],
        "coordinates_changed": how_many((X @ pushed - X @ W_K).abs().amax(dim=0)),
    }


@decisions.decides(
    "S0-18",
    numbers=moved_parts,
    shows="one embedding moved changes the key of that word alone, among 6, 60 and 600; one column of the matrix moved "
    "changes one coordinate of the keys.",
    refuted_by={"keys_changed": [6, 60, 600], "coordinates_changed": 16},
)
def one_row_one_column(keys_changed, coordinates_changed):
    return HOLDS if set(keys_changed) == {1} and coordinates_changed == 1 else DOES_NOT_HOLD


def exchanged_words():
    """Two words exchanged: are the keys exchanged as well?"""
    differences = []
    for T in WORDS:
        order = [0, 2, 1, *range(3, T)]
        differences.append(largest(text(T)[order] @ W_K - (text(T) @ W_K)[order]))
    return {"difference": max(differences)}


@decisions.decides(
    "S0-22",
    numbers=exchanged_words,
    shows="two words exchanged, their keys are exchanged, to below 1e-12: position has no part in it.",
    refuted_by={"difference": 0.5},
)
def same_matrix_everywhere(difference):
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


def rotated(key, position):
    """A key turned by its position, a pair of coordinates by an angle of its own: rotary encoding, Su et al. 2021."""
    angle = position * 10_000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    even, odd = key[0::2], key[1::2]
    return torch.cat([even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos()])


def keys_above():
    """Keys that one moved word changes, in the first layer and in the second; and what undoes "one fixed matrix"."""
    word = text(6)[1]
    normed = [layer_norm(size * word, [D], eps=0.0) @ W_K for size in (1.0, 2.0)]
    return {
        "first_layer_keys_changed": [how_many(changed_by(lambda x: x @ W_K, text(T), 2)) for T in WORDS],
        "second_layer_keys_changed": [how_many(changed_by(lambda x: attend(x) @ W_K, text(T), 2)) for T in WORDS],
        "words": WORDS,
        "doubled_word_after_layer_norm": largest(normed[1] - normed[0]),
        "same_word_at_another_place": largest(rotated(word @ W_K, 1) - rotated(word @ W_K, 5)),
    }


@decisions.decides(
    "S0-16",
    numbers=keys_above,
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


def dependence():
    """How many outputs one moved word changes, and what one output needs."""

    def feed_forward(x):
        return (x @ W_K).relu() @ W_V

    needed = {"keys_needed": [], "values_needed": []}
    for T in WORDS:
        q, K, V = text(T)[2:3] @ W_Q, text(T) @ W_K, text(T) @ W_V
        push = torch.eye(T, dtype=K.dtype)[:, :, None]  # row t moves the vector of word t alone
        once = attention(q, K, V)
        many = q.expand(T, 1, D)
        needed["keys_needed"].append(
            how_many((attention(many, K + push, V.expand(T, T, D)) - once).abs().amax(dim=(1, 2)))
        )
        needed["values_needed"].append(
            how_many((attention(many, K.expand(T, T, D), V + push) - once).abs().amax(dim=(1, 2)))
        )
    return needed | {
        "words": WORDS,
        "feed_forward_changed": [how_many(changed_by(feed_forward, text(T), 2)) for T in WORDS],
        "attention_changed": [how_many(changed_by(attend, text(T), 2)) for T in WORDS],
    }


@decisions.decides(
    "S0-05",
    numbers=dependence,
    shows="one word moved changes 1 output of the feed-forward layer and all outputs of attention, of 6, 60 and 600 words.",
    refuted_by={"feed_forward_changed": [6, 60, 600], "attention_changed": [6, 60, 600], "words": WORDS},
)
def lanes_interact(feed_forward_changed, attention_changed, words):
    return HOLDS if set(feed_forward_changed) == {1} and attention_changed == words else DOES_NOT_HOLD


@decisions.decides(
    "S0-07",
    numbers=dependence,
    shows="one output changes when any one key moves, and when any one value moves, of 6, 60 and 600 words.",
    refuted_by={"keys_needed": [1, 1, 1], "values_needed": [1, 1, 1], "words": WORDS},
)
def every_key_is_needed(keys_needed, values_needed, words):
    return HOLDS if keys_needed == values_needed == words else DOES_NOT_HOLD


@decisions.decides(
    "S0-08",
    numbers=dependence,
    shows="one word moved changes the outputs of all the others, of 6, 60 and 600 words.",
    refuted_by={"attention_changed": [1, 1, 1]},
)
def positions_depend(attention_changed):
    return HOLDS if min(attention_changed) > 1 else DOES_NOT_HOLD


def later_words():
    """How many of the words after word 3 its output reads, without a mask and with one."""
    counts = {"later_words_read": [], "later_words_read_causal": []}
    for T in WORDS:
        for name, is_causal in zip(counts, (False, True), strict=True):
            X = text(T).clone().requires_grad_()
            (by_word,) = torch.autograd.grad(attend(X, is_causal)[2].sum(), X)
            counts[name].append(how_many(by_word[3:].abs().amax(dim=1)))
    return counts


@decisions.decides(
    "S0-15",
    numbers=later_words,
    shows="word 3 reads all later words without a mask, 3, 57 and 597 of them, and none of them with the causal mask.",
    refuted_by={"later_words_read": [3, 57, 597], "later_words_read_causal": [3, 57, 597]},
)
def before_and_after(later_words_read, later_words_read_causal):
    if not min(later_words_read):
        return DOES_NOT_HOLD
    return HOLDS if max(later_words_read_causal) else CONDITIONAL


# ---- who waits for whom


def rounds():
    """Rounds for 6, 60 and 600 words."""
    return {
        "words": WORDS,
        "attention_changed": dependence()["attention_changed"],
        "attention_rounds": [span_of(graphs.attention(T)) for T in WORDS],
        "feed_forward_rounds": [span_of(graphs.feed_forward(T)) for T in WORDS],
        "one_query_at_a_time_rounds": [span_of(graphs.attention_one_query_at_a_time(T)) for T in WORDS],
    }


@decisions.decides(
    "S0-19",
    numbers=rounds,
    shows="every output depends on every word, and yet 6, 60 and 600 words take the same 4 rounds.",
    refuted_by={"attention_changed": [6, 60, 600], "attention_rounds": [4, 60, 600]},
)
def dependence_is_not_the_reason(attention_changed, attention_rounds):
    same = len(set(attention_rounds)) == 1
    return HOLDS if min(attention_changed) > 1 and same else DOES_NOT_HOLD


@decisions.decides(
    "S1-16",
    numbers=rounds,
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
    numbers=rounds,
    shows="attention takes 4 rounds and the feed-forward layer 2, for 6 words as for 600.",
    refuted_by={"attention_rounds": [4, 60, 600], "feed_forward_rounds": [2, 2, 2]},
)
def all_tokens_together(attention_rounds, feed_forward_rounds):
    same = len(set(attention_rounds)) == len(set(feed_forward_rounds)) == 1
    return HOLDS if same else DOES_NOT_HOLD


# ---- is it linear


def misses(function, first, second):
    """By how much f(a + b) misses f(a) + f(b), relative to f(a + b)."""
    together = function(first + second)
    return ((together - function(first) - function(second)).norm() / together.norm()).item()


def linearity():
    """What is additive in attention, what it waits for, and what linear steps of a recurrence make possible."""
    in_words, in_values, in_keys = [], [], []
    for T in WORDS:
        A, B = text(T), draw(T, D, seed=11) / 4
        weights = attention_weights(A @ W_Q, A @ W_K)
        in_keys.append(misses(lambda x: x @ W_K, A, B))
        in_words.append(misses(attend, A, B))
        in_values.append(misses(lambda x, weights=weights: weights @ (x @ W_V), A, B))
    return {
        "words": WORDS,
        "attention_rounds": [span_of(graphs.attention(T)) for T in WORDS],
        "keys_miss": max(in_keys),
        "attention_miss": min(in_words),
        "values_miss": max(in_values),
        "tree_rounds": [
            builders.linear_recurrence(T, method="hillis_steele")[0].span(counting="combine") for T in WORDS
        ],
    }


@decisions.decides(
    "S0-20",
    numbers=linearity,
    shows="attention is not additive in its words, by a clear miss, and takes the same rounds for 6, 60 and 600 of them: "
    "it is not linearity that spares the waiting. (For fixed weights it is additive in its values, to below 1e-12, and "
    "so are the keys in the words.) A linear recurrence of 600 steps is a tree of 10 rounds: linear suffices there.",
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


def forms():
    """The matrix form against the loop, and what happens with one thing changed."""
    differences, without, columns, transposed = [], [], [], []
    for T in WORDS:
        X = text(T)
        scores, V, right = X @ W_Q @ (X @ W_K).T / D**0.5, X @ W_V, by_the_loop(X)
        A = scores.softmax(dim=1)
        differences.append(largest(A @ V - right))
        without.append(largest(scores @ V - right))
        columns.append(largest(scores.softmax(dim=0) @ V - right))
        transposed.append(largest(A.T @ V - right))
    return {
        "difference": max(differences),
        "without_softmax": min(without),
        "by_columns": min(columns),
        "transposed": min(transposed),
    }


@decisions.decides(
    "S3-20",
    numbers=forms,
    shows="softmax(Q Kᵀ / √d) V, the formula that the article leaves out, equals the loop to below 1e-12, for 6, 60 and "
    "600 words.",
    refuted_by={"difference": 0.1},
)
def missing_formula(difference):
    return HOLDS if difference < ROUNDING else DOES_NOT_HOLD


@decisions.decides(
    "S3-22",
    numbers=forms,
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
    numbers=forms,
    shows="with a query a row, softmax by rows agrees with the loop to below 1e-12, softmax by columns is off by more "
    "than 0.1, for 6, 60 and 600 words.",
    refuted_by={"difference": 0.4, "by_columns": 0.4},
)
def softmax_axis(difference, by_columns):
    if difference > ROUNDING:
        return DOES_NOT_HOLD
    return CONDITIONAL if by_columns > CLEAR else HOLDS


@decisions.decides(
    "S1-23",
    numbers=forms,
    shows="with a word a row, A·V equals the loop to below 1e-12, and Aᵀ·V misses by more than 0.1, for 6, 60 and 600 words.",
    refuted_by={"difference": 0.1, "transposed": 0.1},
)
def matrix_order(difference, transposed):
    return ANSWERED if difference < ROUNDING and transposed > CLEAR else UNANSWERED


def matrices():
    """Shapes and properties of the matrix of weights."""
    X, other = text(6), embed(split_words("man eats dog and dog sleeps"))
    A, B = (attention_weights(x @ W_Q, x @ W_K) for x in (X, other))
    return {
        "self_shape": list(A.shape),
        "cross_shape": list(attention_weights(X[:2] @ W_Q, X @ W_K).shape),
        "row_sum_error": max(largest(attention_weights(text(T) @ W_Q, text(T) @ W_K).sum(dim=1) - 1) for T in WORDS),
        "asymmetry": largest(A - A.T),
        "changes_with_input": largest(A - B),
    }


@decisions.decides(
    "S1-18",
    numbers=matrices,
    shows="scores are T × T for one sentence with itself, and rectangular for 2 queries over 6 keys.",
    refuted_by={"self_shape": [6, 6], "cross_shape": [6, 6]},
)
def score_shape(self_shape, cross_shape):
    if self_shape[0] != self_shape[1]:
        return DOES_NOT_HOLD
    return CONDITIONAL if cross_shape[0] != cross_shape[1] else HOLDS


@decisions.decides(
    "S2-12",
    numbers=matrices,
    shows="each row of weights sums to 1, the matrix is not symmetric, and another sentence gives another matrix.",
    refuted_by={"row_sum_error": 0.5, "asymmetry": 0.1, "changes_with_input": 0.5},
)
def affinity_matrix(row_sum_error, asymmetry, changes_with_input):
    rows_sum_to_one = row_sum_error < ROUNDING
    return HOLDS if rows_sum_to_one and asymmetry > 0.01 and changes_with_input > 0.01 else DOES_NOT_HOLD
