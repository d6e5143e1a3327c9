"""Lesson 11: right answers and wrong ones."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from helpers import attention, decode_attention

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: a step with a cache


def _grown(x, keys, values, W_K, W_V):
    return torch.cat([keys, x @ W_K]), torch.cat([values, x @ W_V])


@reference("1")
def step(x, keys, values, W_Q, W_K, W_V):
    keys, values = torch.cat([keys, x @ W_K]), torch.cat([values, x @ W_V])  # one row more, the word's own
    weights = (x @ W_Q @ keys.T / keys.shape[1] ** 0.5).softmax(dim=-1)  # (1, t + 1)
    return weights @ values, keys, values


@also_right("1")
def step_by_attention(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    return attention(x @ W_Q, keys, values), keys, values


@also_right("1")
def step_by_torch(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    output = F.scaled_dot_product_attention((x @ W_Q)[None], keys[None], values[None])
    return [output[0], keys, values]


@also_right("1")
def step_by_decoding(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    output = decode_attention((x @ W_Q)[None, None], keys[None, None], values[None, None], length=len(keys))
    return output[0, 0], keys, values


@also_right("1")
def step_newest_first(x, keys, values, W_Q, W_K, W_V):
    keys, values = torch.cat([x @ W_K, keys]), torch.cat([x @ W_V, values])  # no positions: any order
    return attention(x @ W_Q, keys, values), keys, values


@also_right("1")
def step_by_a_loop(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    query = x[0] @ W_Q
    shares = [math.exp(float(query @ key) / len(query) ** 0.5) for key in keys]
    output = sum(share * value for share, value in zip(shares, values, strict=True)) / sum(shares)
    return output[None], keys, values


@also_right("1")
def step_in_numpy(x, keys, values, W_Q, W_K, W_V):
    x, keys, values, W_Q, W_K, W_V = (part.numpy() for part in (x, keys, values, W_Q, W_K, W_V))
    keys, values = np.vstack([keys, x @ W_K]), np.vstack([values, x @ W_V])
    weights = np.exp(x @ W_Q @ keys.T / math.sqrt(keys.shape[1]))
    return weights / weights.sum() @ values, keys, values


@wrong("1", "the output is 0: nothing is read")
def step_reads_first(x, keys, values, W_Q, W_K, W_V):
    output = (x @ W_Q @ keys.T / keys.shape[1] ** 0.5).softmax(-1) @ values
    return output, *_grown(x, keys, values, W_K, W_V)


@wrong("1", "the word reads those before it and not itself")
def step_reads_the_others(x, keys, values, W_Q, W_K, W_V):
    longer = _grown(x, keys, values, W_K, W_V)
    keys, values = (keys, values) if len(keys) else longer
    return attention(x @ W_Q, keys, values), *longer


@wrong("1", "the output is the first word's value")
def step_under_the_mask(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    output = F.scaled_dot_product_attention((x @ W_Q)[None], keys[None], values[None], is_causal=True)
    return output[0], keys, values


@wrong("1", "as many as went in")
def step_overwrites(x, keys, values, W_Q, W_K, W_V):
    keys, values = torch.cat([x @ W_K, keys[1:]]), torch.cat([x @ W_V, values[1:]])
    return attention(x @ W_Q, keys, values), keys, values


@wrong("1", "row 1 of keys is no longer there")
def step_scales_old_keys(x, keys, values, W_Q, W_K, W_V):
    keys, values = torch.cat([0.9 * keys, x @ W_K]), torch.cat([values, x @ W_V])
    return attention(x @ W_Q, keys, values), keys, values


@wrong("1", "old words go through the matrices again")
def step_projects_all_again(x, keys, values, W_Q, W_K, W_V):
    words = torch.cat([keys, x])  # the inputs are kept as if they were keys
    return attention(x @ W_Q, words @ W_K, words @ W_V), words, torch.cat([values, x @ W_V])


@wrong("1", "the scores are not divided by √D")
def step_without_the_scale(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    return (x @ W_Q @ keys.T).softmax(-1) @ values, keys, values


@wrong("1", "the root of how many keys there are")
def step_scales_by_the_length(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    return (x @ W_Q @ keys.T / len(keys) ** 0.5).softmax(-1) @ values, keys, values


@wrong("1", "all words are read alike")
def step_softmax_over_the_query(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    return (x @ W_Q @ keys.T / keys.shape[1] ** 0.5).softmax(0) @ values, keys, values


@wrong("1", "the scores are divided by D")
def step_without_the_root(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    return (x @ W_Q @ keys.T / keys.shape[1]).softmax(-1) @ values, keys, values


@wrong("1", "its key, x @ W_K, and its value")
def step_keeps_the_word_as_key(x, keys, values, W_Q, W_K, W_V):
    keys, values = torch.cat([keys, x]), torch.cat([values, x @ W_V])
    return attention(x @ W_Q, keys, values), keys, values


@wrong("1", "the output, the first of the three, has shape (1, 4)")
def step_returns_the_output_last(x, keys, values, W_Q, W_K, W_V):
    output, keys, values = step(x, keys, values, W_Q, W_K, W_V)
    return keys, values, output


@wrong("1", "the softmax is missing")
def step_without_the_softmax(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    return x @ W_Q @ keys.T / keys.shape[1] ** 0.5 @ values, keys, values


@wrong("1", "three are needed: return output, keys, values")
def step_returns_the_output(x, keys, values, W_Q, W_K, W_V):
    return step(x, keys, values, W_Q, W_K, W_V)[0]


@wrong("1", "Is a return missing?")
def step_prints(x, keys, values, W_Q, W_K, W_V):
    print(step(x, keys, values, W_Q, W_K, W_V))


@wrong("1", "the output, the first of the three, has shape (3,)")
def step_returns_a_vector(x, keys, values, W_Q, W_K, W_V):
    output, keys, values = step(x, keys, values, W_Q, W_K, W_V)
    return output[0], keys, values


@wrong("1", "keys has shape (1, 3)")
def step_confuses_keys_and_values(x, keys, values, W_Q, W_K, W_V):
    output, keys, values = step(x, keys, values, W_Q, W_K, W_V)
    return output, values, keys


@wrong("1", "the output is not that of attention over all words so far")
def step_asks_with_the_key(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    return attention(3 * x @ W_Q, keys, values), keys, values


@wrong("1", "wrong for word 2 of 3, and right for the words after it")
def step_wrong_at_two(x, keys, values, W_Q, W_K, W_V):
    output, longer_keys, longer_values = step(x, keys, values, W_Q, W_K, W_V)
    return output + (len(keys) == 1), longer_keys, longer_values


@wrong("1", "all words are read alike")
def step_reads_evenly(x, keys, values, W_Q, W_K, W_V):
    keys, values = _grown(x, keys, values, W_K, W_V)
    weights = (x @ W_Q @ keys.T).softmax(dim=0)  # over the one query: 1 for every key
    return weights @ values / len(keys), keys, values


# ---- 2: where scores are half of the work


@reference("2")
def context_where_attention_is_half(d, ffn):
    return (2 + ffn) * d  # 2·t·d = (4 + 2·ffn)·d²


@also_right("2")
def half_by_the_formula(d, ffn):
    return (4 * d**2 + 2 * ffn * d**2) / (2 * d)


@also_right("2")
def half_by_trying(d, ffn):
    return next(t for t in range(1, 100 * d) if 2 * t * d >= (4 + 2 * ffn) * d**2)


@also_right("2")
def half_by_shares(d, ffn):
    t = torch.arange(1, 10 * d, dtype=torch.float64)
    share = 2 * t * d / (2 * t * d + (4 + 2 * ffn) * d**2)
    return t[(share - 0.5).abs().argmin()]


@wrong("2", "the scores alone are as much as the rest there")
def half_without_the_values(d, ffn):
    return 2 * (2 + ffn) * d


@wrong("2", "are a third of the work")
def half_in_operations(d, ffn):
    return (2 + ffn) * d / 2


@wrong("2", "is as much as the feed-forward part")
def half_of_the_feed_forward(d, ffn):
    return ffn * d


@wrong("2", "is as much as the four projections")
def half_of_the_projections(d, ffn):
    return 2 * d


@wrong("2", "you count one matrix in the feed-forward part")
def half_of_one_matrix(d, ffn):
    return (4 + ffn) * d / 2


@wrong("2", "in units of d")
def half_without_the_width(d, ffn):
    return 2 + ffn


@wrong("2", "each score costs as much as a row of a matrix")
def half_at_the_width(d, ffn):
    return d


@wrong("2", "that is the work of all the rest")
def half_is_the_rest(d, ffn):
    return (4 + 2 * ffn) * d**2


@wrong("2", "true for ffn = 4, the usual choice")
def half_as_usual(d, ffn):
    return 6 * d


@wrong("2", "a number is needed")
def half_as_a_list(d, ffn):
    return [(2 + ffn) * d, ffn]


@wrong("2", "and the rest, (4 + 2·ffn)·d², is")
def half_with_two_projections(d, ffn):
    return (1 + ffn) * d


# ---- 3: bytes of a cache


@reference("3")
def cache_bytes(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * kv_heads * head_width * T * B * itemsize  # 2: a key and a value


@also_right("3")
def bytes_of_tensors(layers, heads, kv_heads, head_width, T, B, itemsize):
    one = torch.empty(B, kv_heads, T, head_width, dtype={2: torch.float16, 4: torch.float32}[itemsize])
    return sum(one.nbytes + one.nbytes for _ in range(layers))


@also_right("3")
def bytes_by_prod(layers, heads, kv_heads, head_width, T, B, itemsize):
    return math.prod((2, layers, kv_heads, head_width, T, B, itemsize))


@also_right("3")
def bytes_by_helpers(layers, heads, kv_heads, head_width, T, B, itemsize):
    from helpers import cost

    return cost.kv_cache(T, layers, kv_heads, head_width, B=B, itemsize=itemsize)


@wrong("3", "the keys alone, or the values alone")
def bytes_of_keys(layers, heads, kv_heads, head_width, T, B, itemsize):
    return layers * kv_heads * head_width * T * B * itemsize


@wrong("3", "a key and a value for each head")
def bytes_of_all_heads(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * heads * head_width * T * B * itemsize


@wrong("3", "a key as wide as the model")
def bytes_of_the_width(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * kv_heads * heads * head_width * T * B * itemsize


@wrong("3", "that is one text")
def bytes_of_one_text(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * kv_heads * head_width * T * itemsize


@wrong("3", "that is one layer")
def bytes_of_one_layer(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * kv_heads * head_width * T * B * itemsize


@wrong("3", "not how many bytes")
def numbers_kept(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * kv_heads * head_width * T * B


@wrong("3", "that is bits")
def bits_kept(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 16 * layers * kv_heads * head_width * T * B * itemsize


@wrong("3", "that is one word of T")
def bytes_of_one_word(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * kv_heads * head_width * B * itemsize


@wrong("3", "one number a key is counted")
def bytes_without_the_width(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * kv_heads * T * B * itemsize


@wrong("3", "There are kv_heads of each")
def bytes_of_one_head(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * head_width * T * B * itemsize


@wrong("3", "the keys alone, or the values alone, and of all heads")
def bytes_of_all_keys(layers, heads, kv_heads, head_width, T, B, itemsize):
    return layers * heads * head_width * T * B * itemsize


@wrong("3", "you find 0.001344 bytes, and there are 1,344,000")
def gigabytes(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 2 * layers * kv_heads * head_width * T * B * itemsize / 1e9


@wrong("3", "and there are 1,344,000")
def bytes_of_queries_too(layers, heads, kv_heads, head_width, T, B, itemsize):
    return 3 * layers * kv_heads * head_width * T * B * itemsize


# ---- 4: what to do with a draft


@reference("4")
def judge_draft(p, q):
    accept = (p / q).clamp(max=1)
    missing = (p - q).clamp(min=0)  # what the draft says too rarely
    return accept, missing / missing.sum() if missing.sum() > 0 else p


@also_right("4")
def draft_by_the_smaller(p, q):
    both = torch.minimum(p, q)
    left = p - both
    return both / q, left / left.sum() if left.sum() > 0 else torch.zeros_like(p)


@also_right("4")
def draft_word_by_word(p, q):
    accept = [min(1.0, float(a / b)) for a, b in zip(p, q, strict=True)]
    missing = [max(0.0, float(a - b)) for a, b in zip(p, q, strict=True)]
    return accept, [share / (sum(missing) or 1.0) for share in missing]


@also_right("4")
def draft_in_numpy(p, q):
    p, q = p.numpy(), q.numpy()
    missing = np.maximum(p - q, 0) + 1e-30  # no 0/0 where p is q
    return np.minimum(1, p / q), missing / missing.sum()


def _apart(p, q):
    size = (p - q).clamp(min=0)
    return size / size.sum() if size.sum() > 0 else p


@wrong("4", "a refused word is drawn from p")
def draft_from_p(p, q):
    return (p / q).clamp(max=1), p


@wrong("4", "a refused word is drawn from |p − q|")
def draft_from_the_size(p, q):
    size = (p - q).abs()
    return (p / q).clamp(max=1), size / size.sum() if size.sum() > 0 else p


@wrong("4", "a refused word is drawn from the draft again")
def draft_from_q(p, q):
    return (p / q).clamp(max=1), q


@wrong("4", "from what the draft says too often")
def draft_from_the_wrong_side(p, q):
    return (p / q).clamp(max=1), _apart(q, p)


@wrong("4", "Divide by the sum instead")
def draft_softened(p, q):
    return (p / q).clamp(max=1), (p - q).clamp(min=0).softmax(0)


@wrong("4", "Divide by the sum instead")
def draft_of_differences_softened(p, q):
    return (p / q).clamp(max=1), (p - q).softmax(0)


@wrong("4", "accept is 1 where p ≥ q and else 0")
def draft_all_or_nothing(p, q):
    return (p >= q).double(), _apart(p, q)


@wrong("4", "It is the other way round, p/q")
def draft_upside_down(p, q):
    return (q / p).clamp(max=1), _apart(p, q)


@wrong("4", "accept is p. How often a word was drafted")
def draft_with_chance_p(p, q):
    return p, p


@wrong("4", "accept is 1 for the target's favourite alone")
def draft_of_the_favourite(p, q):
    return (torch.arange(len(p)) == p.argmax()).double(), p


@wrong("4", "what comes out is the draft's text")
def draft_accepts_all(p, q):
    return torch.ones_like(p), p


@wrong("4", "of the drafts are accepted where")
def draft_refuses_all(p, q):
    return torch.zeros_like(p), p


@wrong("4", "It is a distribution: divide by the sum")
def draft_without_the_sum(p, q):
    return (p / q).clamp(max=1), (p - q).clamp(min=0)


@wrong("4", "it is a chance, from 0 to 1")
def draft_without_the_bound(p, q):
    return p / q, _apart(p, q)


@wrong("4", "A word that the draft says too often needs none: 0")
def draft_below_nothing(p, q):
    return (p / q).clamp(max=1), (p - q) / (p - q).clamp(min=0).sum()


@wrong("4", "otherwise, for p = q, four words of 1/4, holds numbers that are not finite")
def draft_of_nothing_over_nothing(p, q):
    missing = (p - q).clamp(min=0)
    return (p / q).clamp(max=1), missing / missing.sum()


@wrong("4", "two are needed: return accept, otherwise")
def draft_of_one(p, q):
    return (p / q).clamp(max=1)


@wrong("4", "accept has shape (1,)")
def draft_mean_chance(p, q):
    return torch.minimum(p, q).sum(0, keepdim=True), _apart(p, q)


@wrong("4", "otherwise is right and accept is not")
def draft_halved(p, q):
    return (p / q).clamp(max=1) / 2, _apart(p, q)


@wrong("4", "comes out with a chance that is up to")
def draft_evenly(p, q):
    return (p / q).clamp(max=1), torch.full_like(p, 1 / len(p))
