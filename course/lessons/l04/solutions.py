"""Lesson 04: right answers and wrong ones."""

import math

import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("1")
def additive_scores(query, key, W_q, W_k, v):
    pairs = (query @ W_q.T)[:, None] + key @ W_k.T  # (Tq, 1, A) + (Tk, A) = (Tq, Tk, A)
    return torch.tanh(pairs) @ v  # (Tq, Tk)


@also_right("1")
def scores_by_two_loops(query, key, W_q, W_k, v):
    return [[float(v @ torch.tanh(W_q @ q + W_k @ k)) for k in key] for q in query]


@also_right("1")
def scores_query_by_query(query, key, W_q, W_k, v):
    return torch.stack([torch.tanh(W_q @ q + key @ W_k.T) @ v for q in query])


@also_right("1")
def scores_by_einsum(query, key, W_q, W_k, v):
    from_query = torch.einsum("qd,ad->qa", query, W_q)
    pairs = from_query.unsqueeze(1) + torch.einsum("kd,ad->ka", key, W_k).unsqueeze(0)
    return torch.einsum("qka,a->qk", pairs.tanh(), v)


@also_right("1")
def scores_from_pairs_side_by_side(query, key, W_q, W_k, v):
    Tq, Tk = len(query), len(key)
    pairs = torch.cat([query[:, None].expand(-1, Tk, -1), key[None].expand(Tq, -1, -1)], dim=-1)
    return torch.tanh(pairs @ torch.cat([W_q, W_k], dim=1).T) @ v


@also_right("1")
def scores_in_float32_with_numpy(query, key, W_q, W_k, v):
    return scores_query_by_query(*(part.float() for part in (query, key, W_q, W_k, v))).numpy()


@wrong("1", "the tanh is missing")
def scores_without_tanh(query, key, W_q, W_k, v):
    return ((query @ W_q.T)[:, None] + key @ W_k.T) @ v


@wrong("1", "the tanh comes after v")
def scores_with_tanh_outside(query, key, W_q, W_k, v):
    return torch.tanh(scores_without_tanh(query, key, W_q, W_k, v))


@wrong("1", "two tanh are added")
def scores_with_two_tanh(query, key, W_q, W_k, v):
    return (torch.tanh(query @ W_q.T)[:, None] + torch.tanh(key @ W_k.T)) @ v


@wrong("1", "the softmax is taken already")
def scores_as_weights(query, key, W_q, W_k, v):
    return additive_scores(query, key, W_q, W_k, v).softmax(dim=-1)


@wrong("1", "the scores are transposed")
def scores_transposed(query, key, W_q, W_k, v):
    scores = additive_scores(query, key, W_q, W_k, v)
    return scores.T if len(query) == len(key) else scores


@wrong("1", "the scores stand as (Tk, Tq)")
def scores_key_by_query(query, key, W_q, W_k, v):
    scores = additive_scores(query, key, W_q, W_k, v)
    return scores if len(query) == len(key) else scores.T


@wrong("1", "only 3 scores come back, one for query i with key i")
def scores_without_the_new_axis(query, key, W_q, W_k, v):
    return torch.tanh(query @ W_q.T + key @ W_k.T) @ v


@wrong("1", "divided by √A")
def scores_divided(query, key, W_q, W_k, v):
    return additive_scores(query, key, W_q, W_k, v) / len(v) ** 0.5


@wrong("1", "v is missing")
def scores_without_v(query, key, W_q, W_k, v):
    return torch.tanh((query @ W_q.T)[:, None] + key @ W_k.T).sum(dim=-1)


@wrong("1", "this is a dot product")
def scores_by_dot_product(query, key, W_q, W_k, v):
    return query @ W_q.T @ (key @ W_k.T).T


@wrong("1", "a matrix must be transposed here")
def scores_not_transposed(query, key, W_q, W_k, v):
    return torch.tanh((query @ W_q)[:, None] + key @ W_k) @ v


@wrong("1", "W_q and W_k are exchanged")
def scores_exchanged(query, key, W_q, W_k, v):
    return torch.tanh((query @ W_k.T)[:, None] + key @ W_q.T) @ v


@wrong("1", "one axis too many")
def scores_with_v_as_a_column(query, key, W_q, W_k, v):
    return torch.tanh((query @ W_q.T)[:, None] + key @ W_k.T) @ v[:, None]


@wrong("1", "the scores are off by up to 1.1. ")
def scores_of_the_difference(query, key, W_q, W_k, v):
    return torch.tanh((query @ W_q.T)[:, None] - key @ W_k.T) @ v


@reference("2")
def sharpness(n, share):
    return math.log(share * (n - 1) / (1 - share))  # share = e^g / (e^g + n − 1), solved for g


@also_right("2")
def sharpness_by_two_logarithms(n, share):
    return math.log(n - 1) + math.log(share) - math.log(1 - share)


@also_right("2")
def sharpness_by_torch(n, share):
    return torch.logit(torch.tensor(share, dtype=torch.float64)) + torch.tensor(n - 1.0).log()


@also_right("2")
def sharpness_in_float32(n, share):
    return torch.log(torch.tensor(share * (n - 1) / (1 - share)))


@also_right("2")
def sharpness_by_halving(n, share):
    low, high = -50.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        if 1 / (1 + (n - 1) * math.exp(-middle)) < share:
            low = middle
        else:
            high = middle
    return low


@also_right("2")
def sharpness_of_the_rest(n, share):
    each_other = (1 - share) / (n - 1)
    return math.log(share) - math.log(each_other)


@wrong("2", "which is right for two keys")
def sharpness_of_two(n, share):
    return math.log(share / (1 - share))


@wrong("2", "all 2 keys are counted as the others")
def sharpness_with_n(n, share):
    return math.log(share * n / (1 - share))


@wrong("2", "this is the logarithm to base 10")
def sharpness_base_ten(n, share):
    return math.log10(share * (n - 1) / (1 - share))


@wrong("2", "this is the logarithm to base 2")
def sharpness_base_two(n, share):
    return math.log2(share * (n - 1) / (1 - share))


@wrong("2", "so many times as large must exp(score) be")
def sharpness_without_logarithm(n, share):
    return share * (n - 1) / (1 - share)


@wrong("2", "the sign is turned")
def sharpness_turned(n, share):
    return math.log((1 - share) / (share * (n - 1)))


@wrong("2", "the share itself is missing above the line")
def sharpness_without_share(n, share):
    return math.log((n - 1) / (1 - share))


@wrong("2", "The n − 1 belongs above the line")
def sharpness_divided(n, share):
    return math.log(share / (1 - share) / (n - 1))


@wrong("2", "you find 4.6; a key whose score is that much higher gets 99.0048%")
def sharpness_rounded(n, share):
    return round(math.log(share * (n - 1) / (1 - share)), 2)


@wrong("2", "a key whose score is that much higher gets")
def sharpness_as_the_share(n, share):
    return share * n


@reference("3")
def reads_backwards(weights):
    mirror = torch.arange(len(weights)).flip(0)
    return torch.equal(weights.argmax(dim=-1), mirror)


@also_right("3")
def backwards_by_a_loop(weights):
    T = len(weights)
    return all(max(range(T), key=lambda j: weights[i][j]) == T - 1 - i for i in range(T))


@also_right("3")
def backwards_by_turning(weights):
    turned = weights.flip(-1)
    return (turned.diagonal() >= turned.amax(dim=-1)).all()


@also_right("3")
def backwards_with_numpy(weights):
    rows = weights.numpy()
    return bool((rows.argmax(axis=1) == list(range(len(rows)))[::-1]).all())


@also_right("3")
def backwards_by_sorting(weights):
    return weights.sort(dim=-1, descending=True).indices[:, 0].flip(0).tolist() == list(range(len(weights)))


@also_right("3")
def backwards_as_a_number(weights):
    return int((weights.argmax(-1) + torch.arange(len(weights)) == len(weights) - 1).all())


@wrong("3", "where output 1 reads letter 1, and refuses")
def backwards_on_the_main_diagonal(weights):
    return (weights.argmax(dim=-1) == torch.arange(len(weights))).all()


@wrong("3", "it refuses [[0.1, 0.9], [0.8, 0.2]]")
def backwards_exactly(weights):
    return torch.equal(weights, torch.eye(len(weights)).flip(0))


@wrong("3", "it refuses [[0.3, 0.3, 0.4]")
def backwards_by_more_than_half(weights):
    return (weights.flip(-1).diagonal() > 0.5).all()


@wrong("3", "output 3 reads letter 2 most, and should read letter 1")
def backwards_by_the_first_row(weights):
    return weights[0].argmax() == len(weights) - 1


@wrong("3", "output 1 reads letter 2 most, and should read letter 3")
def backwards_by_the_last_row(weights):
    return weights[-1].argmax() == 0


@wrong("3", "output 3 reads letter 2 most, and should read letter 1")
def backwards_on_average(weights):
    return weights.flip(-1).diagonal().mean() > 0.35


@wrong("3", "output 3 reads letter 2 most, and should read letter 1")
def backwards_by_more_than_an_equal_part(weights):
    return (weights.flip(-1).diagonal() >= 1 / len(weights)).all()


@wrong("3", "output 3 reads letter 2 most, and should read letter 1")
def backwards_by_any(weights):
    return (weights.argmax(dim=-1) == torch.arange(len(weights)).flip(0)).any()


@wrong("3", "You look along the columns")
def backwards_by_columns(weights):
    return (weights.argmax(dim=0) == torch.arange(len(weights)).flip(0)).all()


@wrong("3", "The largest of each row lies on the mirror; that is all")
def backwards_by_columns_and_rows(weights):
    return reads_backwards(weights) and reads_backwards(weights.T)


@wrong("3", "not one for each entry")
def backwards_one_by_one(weights):
    return weights.argmax(dim=-1) == torch.arange(len(weights)).flip(0)


@wrong("3", "it accepts [[0.9, 0.1], [0.2, 0.8]]")
def backwards_always(weights):
    return True


@wrong("3", "it accepts outputs that each read the letter after their mirror")
def backwards_for_two_and_three(weights):
    return len(weights) > 3 or reads_backwards(weights)


@wrong("3", "99 read their mirror, and one the letter beside it")
def backwards_nearly_all(weights):
    return (weights.argmax(dim=-1) == torch.arange(len(weights)).flip(0)).float().mean() > 0.9


@wrong("3", "it refuses weights of 1 output")
def backwards_from_two_letters_on(weights):
    return len(weights) > 1 and reads_backwards(weights)


@reference("4")
def mirror(T):
    angle = 2 * math.pi * torch.arange(T, dtype=torch.float64) / T
    keys = torch.stack([angle.cos(), angle.sin()], dim=1)  # one place after the other on a circle
    return T**2 * keys.flip(0), keys  # neighbours' scores differ by some 20, at any T


@also_right("4")
def mirror_by_a_parabola(T):
    # The score 2 m j − j² is largest at j = m.
    place = torch.arange(T, dtype=torch.float64)
    keys = torch.stack([place, -(place**2)], dim=1)
    queries = torch.stack([2 * place.flip(0), torch.ones(T)], dim=1)
    return 5 * queries, keys


@also_right("4")
def mirror_on_half_a_circle(T):
    angle = math.pi * (torch.arange(T, dtype=torch.float64) + 0.5) / T
    keys = torch.stack([angle.sin(), angle.cos()], dim=1)
    return 4 * T**2 * keys.flip(0), keys


@also_right("4")
def mirror_by_turned_keys(T):
    queries, keys = mirror(T)
    return queries.flip(0), keys.flip(0)


@also_right("4")
def mirror_with_numpy(T):
    queries, keys = mirror(T)
    return queries.numpy(), (keys * 2).numpy()


@also_right("4")
def mirror_in_lists(T):
    queries, keys = mirror(T)
    return [queries.tolist(), keys.tolist()]


@wrong("4", "every output reads all letters alike")
def mirror_of_zeros(T):
    return torch.zeros(T, 2), torch.zeros(T, 2)


@wrong("4", "output i reads letter i")
def mirror_forwards(T):
    queries, keys = mirror(T)
    return queries.flip(0), keys


@wrong("4", "letters 1 and 6 have the same key")
def mirror_with_ends_that_meet(T):
    angle = 2 * math.pi * torch.arange(T, dtype=torch.float64) / (T - 1 if T > 2 else T)
    keys = torch.stack([angle.cos(), angle.sin()], dim=1)
    return T**2 * keys.flip(0), keys


@wrong("4", "multiply the queries by 10 here, and by more for more letters")
def mirror_too_soft(T):
    queries, keys = mirror(T)
    return queries / T**2, keys


@wrong("4", "but one gives it only 13%. Larger scores are sharper: multiply the queries by 100 here")
def mirror_of_one_sharpness(T):
    queries, keys = mirror(T)
    return 1000 * queries / T**2, keys


@wrong("4", "output 1 reads letter 1 most")
def mirror_off_by_one(T):
    queries, keys = mirror(T)
    return queries.roll(int(T > 2), dims=0), keys


@wrong("4", "with T = 6 output 2 reads letter 6 most")
def mirror_by_one_number(T):
    place = torch.arange(1.0, T + 1)
    keys = torch.stack([place, torch.ones(T)], dim=1)
    return 30 * keys.flip(0) - torch.tensor([105.0, 0.0]) * (T > 2) - torch.tensor([45.0, 0]) * (T == 2), keys


@wrong("4", "letters 1 and 2 one and the same score, and should prefer letter 1:")
def mirror_by_place_and_one(T):
    place = torch.arange(T, dtype=torch.float64)
    return torch.stack([place.flip(0), torch.ones(T)], dim=1), torch.stack([place, torch.ones(T)], dim=1)


@wrong("4", "a number for each letter")
def mirror_by_one_hot(T):
    return 30 * torch.eye(T).flip(0), torch.eye(T)


@wrong("4", "places with two numbers each are")
def mirror_of_columns(T):
    queries, keys = mirror(T)
    return (queries, keys) if T == 2 else (queries.T, keys.T)


@wrong("4", "two tensors are needed")
def mirror_of_one_tensor(T):
    return mirror(T)[0]
