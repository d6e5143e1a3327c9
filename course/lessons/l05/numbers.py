"""Lesson 05: the numbers that its decisions rest on.

Six words are the lesson's sentence; 60 and 600 are random vectors. Rounds are counted as helpers.counting counts them.
"""

import torch
from torch.nn.functional import layer_norm

from helpers import attention, attention_weights, builders, span_of
from helpers.counting import rounds as graphs

from ...ledger.decisions import ROUNDING
from ...models import changed_by
from ...words import SENTENCE, draw, embed, split_words

WORDS = [6, 60, 600]
D = 16
W_Q, W_K, W_V = (draw(D, D, seed=seed) for seed in (1, 2, 3))


def text(T):
    """(T, 16): the lesson's six words, or random vectors of the same length, about 1."""
    return embed(split_words(SENTENCE)) if T == 6 else draw(T, D, seed=T) / D**0.5


def attend(X):
    """One head of self-attention with its projections."""
    return attention(X @ W_Q, X @ W_K, X @ W_V)


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


def moved_parts():
    """How many keys, and how many coordinates of them, change when one word, or one column of the matrix, moves."""
    X, pushed = text(60), W_K.clone()
    pushed[:, 0] += 1.0
    return {
        "keys_changed": [how_many(changed_by(lambda x: x @ W_K, text(T), 2)) for T in WORDS],
        "coordinates_changed": how_many((X @ pushed - X @ W_K).abs().amax(dim=0)),
    }


def exchanged_words():
    """Two words exchanged before torch's own layer: are its outputs exchanged as well, and nothing else?"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = torch.nn.MultiheadAttention(D, num_heads=1, bias=False, batch_first=True).double()
    differences = []
    for T in WORDS:
        X, order = text(T), [0, 2, 1, *range(3, T)]
        before, after = (layer(words[None], words[None], words[None])[0][0].detach() for words in (X, X[order]))
        differences.append(largest(after - before[order]))
    return {"difference": max(differences)}


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


def read_by_word_3():
    """How many of the words before word 3, and of those after it, its output depends on."""
    counts = {"earlier_words_read": [], "later_words_read": []}
    for T in WORDS:
        X = text(T).clone().requires_grad_()
        (by_word,) = torch.autograd.grad(attend(X)[2].sum(), X)
        changes = by_word.abs().amax(dim=1)
        counts["earlier_words_read"].append(how_many(changes[:2]))
        counts["later_words_read"].append(how_many(changes[3:]))
    return counts


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
        in_words += [misses(attend, size * A, size * B) for size in (0.01, 0.1, 1.0, 10.0)]
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
