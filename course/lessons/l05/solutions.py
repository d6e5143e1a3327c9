"""Lesson 05: right answers and wrong ones."""

import math

import torch
import torch.nn.functional as F

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("1")
def my_attention(query, key, value):
    scores = query @ key.T / query.shape[-1] ** 0.5  # (Tq, Tk): row i belongs to query i
    return scores.softmax(dim=-1) @ value  # (Tq, Dv)


@also_right("1")
def attention_by_loop(query, key, value):
    rows = []
    for q in query.float():
        weights = torch.softmax(key.float() @ q / math.sqrt(len(q)), dim=0)
        rows.append(weights @ value.float())
    return torch.stack(rows)


@also_right("1")
def attention_by_torch(query, key, value):
    return F.scaled_dot_product_attention(query[None], key[None], value[None])[0].contiguous()


@also_right("1")
def attention_by_exponentials(query, key, value):
    e = torch.exp(torch.einsum("id,jd->ij", query, key) / query.shape[1] ** 0.5)
    return torch.einsum("ij,jv->iv", e, value) / e.sum(1, keepdim=True)


@wrong("1", "not divided by √D")
def no_scale(query, key, value):
    return (query @ key.T).softmax(-1) @ value


@wrong("1", "the square root is missing")
def scale_without_root(query, key, value):
    return (query @ key.T / query.shape[-1]).softmax(-1) @ value


@wrong("1", "which is right for the words above. Here the width is 5")
def scale_of_the_notebook(query, key, value):
    return (query @ key.T / 3**0.5).softmax(-1) @ value


@wrong("1", "where queries and keys have width 4")
def scale_by_the_width_of_values(query, key, value):
    return (query @ key.T / value.shape[-1] ** 0.5).softmax(-1) @ value


@wrong("1", "the scores are divided by √T, the root of the number of words, 4")
def scale_by_words(query, key, value):
    return (query @ key.T / len(query) ** 0.5).softmax(-1) @ value


@wrong("1", "the scores are multiplied by √D")
def scale_upside_down(query, key, value):
    return (query @ key.T * query.shape[-1] ** 0.5).softmax(-1) @ value


@wrong("1", "the weights are transposed before they meet the values")
def weights_transposed(query, key, value):
    return (query @ key.T / query.shape[-1] ** 0.5).softmax(-1).T @ value


@wrong("1", "for 4 words of width 5 the output is off by up to 0.61")
def mean_of_the_values(query, key, value):
    return value.mean(0).expand(len(query), -1)


@wrong("1", "the softmax runs over the queries")
def softmax_over_queries(query, key, value):
    return (query @ key.T / query.shape[-1] ** 0.5).softmax(0) @ value


@wrong("1", "the softmax is missing")
def no_softmax(query, key, value):
    return query @ key.T / query.shape[-1] ** 0.5 @ value


@wrong("1", "Queries are the rows: query @ key.T")
def rows_are_keys(query, key, value):
    return (key @ query.T / query.shape[-1] ** 0.5).softmax(-1) @ value


@wrong("1", "the weights multiply the keys")
def reads_keys(query, key, value):
    return (query @ key.T / query.shape[-1] ** 0.5).softmax(-1) @ key


@wrong("1", "returned shape (1, 1) where (1, 2) is needed for 1 word of width 2")
def only_weights(query, key, value):
    return (query @ key.T / query.shape[-1] ** 0.5).softmax(-1)


@wrong("1", "Is a return missing?")
def forgot_return(query, key, value):
    (query @ key.T / query.shape[-1] ** 0.5).softmax(-1) @ value


@wrong("1", "right where there are as many keys as queries, and off by up to 1.1 for 2 queries")
def one_length(query, key, value):
    scores = query @ key[: len(query)].T / query.shape[-1] ** 0.5
    return scores.softmax(-1) @ value[: len(query)]


@wrong("1", "in your line")
def wrong_matrix_order(query, key, value):
    return (query @ key / query.shape[-1] ** 0.5).softmax(-1) @ value


@wrong("1", "changes its input query")
def scales_in_place(query, key, value):
    query /= query.shape[-1] ** 0.5
    return (query @ key.T).softmax(-1) @ value


@reference("2")
def is_attention(weights):
    sums = weights.sum(dim=-1)  # over the keys
    return bool((weights >= 0).all() and (sums - 1).abs().max() < 1e-5)


@also_right("2")
def is_attention_by_loop(weights):
    return all(abs(sum(row) - 1) < 1e-4 and min(row) >= 0 for row in weights.tolist())


@also_right("2")
def is_attention_by_allclose(weights):
    return (
        torch.allclose(weights.sum(1), torch.ones(len(weights), dtype=weights.dtype), atol=1e-5) & (weights >= 0).all()
    )


@wrong("2", "torch.ones_like(sums) has the type of sums")
def compares_two_types(weights):
    return torch.allclose(weights.sum(dim=-1), torch.ones(len(weights))) and bool((weights >= 0).all())


@wrong("2", "it accepts softmax(scores, dim=0)")
def both_axes_pass(weights):
    return bool((weights >= 0).all() and abs(weights.sum() - weights.shape[0]) < 1e-4)


@wrong("2", "you sum over the queries")
def sums_columns(weights):
    return bool((weights >= 0).all() and (weights.sum(dim=0) - 1).abs().max() < 1e-5)


@wrong("2", "it refuses [[0.5, 0.5], [0.25, 0.75]]")
def wants_the_whole_to_sum_to_one(weights):
    return bool((weights >= 0).all() and abs(weights.sum() - 1) < 1e-4)


@wrong("2", "it refuses the identity")
def wants_every_weight_positive(weights):
    return bool((weights > 0).all() and (weights.sum(dim=-1) - 1).abs().max() < 1e-5)


@wrong("2", "it accepts rows that sum to 1.5")
def wants_at_least_one(weights):
    return bool((weights >= 0).all() and (weights.sum(dim=-1) > 1 - 1e-5).all())


@wrong("2", "it accepts rows that sum to 0.9")
def forgets_abs(weights):
    return bool((weights >= 0).all() and (weights.sum(dim=-1) - 1 < 1e-5).all())


@wrong("2", "it accepts softmax(scores, dim=0)")
def on_average(weights):
    return bool((weights >= 0).all() and abs(weights.sum(dim=-1).mean() - 1) < 1e-5)


@wrong("2", "the first row sums to 1, and the second to 1.2")
def returns_in_the_first_turn(weights):
    for row in weights:
        return bool((row >= 0).all() and abs(row.sum() - 1) < 1e-5)


@wrong("2", "the last row sums to 1, and the first to 1.2")
def keeps_the_last_turn(weights):
    for row in weights:
        passes = bool((row >= 0).all() and abs(row.sum() - 1) < 1e-5)
    return passes


@wrong("2", "the first row sums to 1, and the second to 1.2")
def the_smallest_sum(weights):
    return bool((weights >= 0).all() and abs(weights.sum(dim=-1).min() - 1) < 1e-5)


@wrong("2", "it accepts rows that sum to 1.01 and 0.99")
def too_much_room(weights):
    return bool((weights >= 0).all() and (weights.sum(dim=-1) - 1).abs().max() < 0.1)


@wrong("2", "it accepts [0.8, 0.7, −0.5]")
def wants_weights_below_one(weights):
    return bool((weights <= 1).all() and (weights.sum(dim=-1) - 1).abs().max() < 1e-5)


@wrong("2", "True or False is needed for [[0.5, 0.5], [0.25, 0.75]], and in_words returned a str: 'yes'")
def in_words(weights):
    return "yes" if is_attention(weights) else "no"


@wrong("2", "returned a generator, which holds no answer yet")
def never_looks(weights):
    return (abs(sum(row) - 1) < 1e-4 for row in weights.tolist())


@wrong("2", "it refuses softmax(scores, dim=-1) of 6 queries over 6 keys")
def adds_two_columns(weights):
    return bool((weights >= 0).all() and (weights[:, 0] + weights[:, 1] - 1).abs().max() < 1e-5)


@wrong("2", "Rounding leaves row sums")
def exact_sums(weights):
    return bool((weights >= 0).all() and (weights.sum(dim=-1) * (1 + 1e-15) == 1).all())


@wrong("2", "it accepts a weight of −0.5")
def negative_weights_pass(weights):
    return bool((weights.sum(dim=-1) - 1).abs().max() < 1e-5)


@wrong("2", "it accepts softmax(scores, dim=0)")
def only_positive(weights):
    return bool((weights >= 0).all() and (weights <= 1).all())


@wrong("2", "that sum to 1 but for rounding")
def rounds_by_luck(weights):
    return weights.sum() == len(weights)


@wrong("2", "need not be square")
def wants_square(weights):
    return weights.shape[0] == weights.shape[1] and is_attention(weights)


@wrong("2", "not one for each entry")
def answers_each_entry(weights):
    return weights >= 0


@wrong("2", "their sums miss 1 by about 1e-7")
def far_too_strict(weights):
    return bool((weights >= 0).all() and (weights.sum(dim=-1) - 1).abs().max() < 1e-9)


@reference("3")
def previous_word_head(T):
    W_Q = torch.zeros(5 + T, T)
    W_K = torch.zeros(5 + T, T)
    W_K[5:] = torch.eye(T)  # the key of position j points along axis j
    W_Q[5:] = 30 * torch.eye(T).roll(-1, dims=1)  # the query of position i points along axis i − 1
    return W_Q, W_K


@also_right("3")
def shifted_keys(T):
    W_Q, W_K = torch.zeros(5 + T, 5 + T), torch.zeros(5 + T, 5 + T)
    for position in range(T):
        W_Q[5 + position, position] = 20.0
        W_K[5 + position, (position + 1) % T] = 20.0
    return W_Q, W_K


@also_right("3")
def as_arrays(T):
    W_Q, W_K = previous_word_head(T)
    return [W_Q.double().numpy(), 2 * W_K.double().numpy()]


@also_right("3")
def a_first_word_that_asks_for_nothing(T):
    W_Q, W_K = previous_word_head(T)
    return torch.cat([torch.zeros(6, T), W_Q[6:]]), W_K


@wrong("3", "each word reads itself")
def reads_itself(T):
    W_K = torch.zeros(5 + T, T)
    W_K[5:] = torch.eye(T)
    return 30 * W_K, W_K


@wrong("3", "each word reads the next one")
def reads_next(T):
    W_Q, W_K = previous_word_head(T)
    return W_K, W_Q


@wrong("3", "with only 35% of the weight. Larger scores make the softmax sharper: multiply W_Q by 30.")
def too_soft(T):
    W_Q, W_K = previous_word_head(T)
    return W_Q / 30, W_K


@wrong("3", "multiply W_Q by 100.")
def much_too_soft(T):
    W_Q, W_K = previous_word_head(T)
    return W_Q / 200, W_K


@wrong("3", "with only 35% of the weight")
def one_word_too_soft(T):
    W_Q, W_K = previous_word_head(T)
    W_Q[-1] /= 30
    return W_Q, W_K


@wrong("3", "with 4 words, word 2 reads word 2 most, with 33% of the weight, instead of word 1")
def turned_away(T):
    W_Q, W_K = previous_word_head(T)
    return -W_Q, W_K


@wrong("3", "every word reads all words alike")
def leaves_keys_at_zero(T):
    W_Q, W_K = previous_word_head(T)
    return W_Q, 0 * W_K


@wrong("3", "return W_Q, W_K")
def one_matrix(T):
    return previous_word_head(T)[0]


@wrong("3", "return W_Q, W_K")
def three_matrices(T):
    W_Q, W_K = previous_word_head(T)
    return W_Q, W_K, W_K


@wrong("3", "queries have width 4 and keys 5; a dot product needs them equal")
def keys_too_wide(T):
    W_Q, W_K = previous_word_head(T)
    return W_Q, torch.cat([W_K, W_K[:, :1]], dim=1)


@wrong("3", "W_Q is a list that cannot be read as a tensor of real numbers")
def uneven_rows(T):
    return [[1.0], [1.0, 2.0]], previous_word_head(T)[1]


@wrong("3", "W_Q holds numbers that are not finite")
def not_a_number(T):
    return torch.full((5 + T, T), torch.nan), torch.eye(5 + T)[:, :T]


@wrong("3", "with 4 words, word 2 reads word 4 most")
def reads_two_back(T):
    W_Q, W_K = previous_word_head(T)
    return W_Q.roll(-1, dims=1), W_K


@wrong("3", "it must take vectors of width 5 + T = 9 (its rows)")
def forgets_word_part(T):
    return 30 * torch.eye(T).roll(-1, dims=1), torch.eye(T)


@wrong("3", "The first five rows of W_Q or W_K are not 0")
def asks_by_one_number_of_the_word(T):
    W_Q, W_K = previous_word_head(T)
    W_Q[0, 0] = 1000.0
    return W_Q, W_K


@wrong("3", "The first five rows of W_Q or W_K are not 0")
def reads_words(T):
    generator = torch.Generator().manual_seed(0)
    return tuple(3 * torch.randn(5 + T, T, generator=generator) for _ in range(2))
