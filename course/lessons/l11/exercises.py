"""Lesson 11: a step with a cache, where scores are half of the work, bytes of a cache, what to do with a draft."""

import math

import torch

from helpers import attention

from ...exercises import Exercise, Wrong, close, in_float64, kind, require
from .speculation import chance_to_accept, instead, overlap

# ---- 1: a step with a cache


def check_step(student):
    generator = torch.Generator().manual_seed(111)
    for T, D, Dv in ((3, 4, 3), (1, 2, 2), (12, 6, 5)):
        words = torch.randn(T, D, generator=generator, dtype=torch.float64)
        W_Q, W_K, W_V = (torch.randn(D, n, generator=generator, dtype=torch.float64) for n in (D, D, Dv))
        expected = attention(words @ W_Q, words @ W_K, words @ W_V, is_causal=True)
        keys, values, right_at_two = words.new_zeros(0, D), words.new_zeros(0, Dv), True
        for t in range(T):
            place = f"word {t + 1} of {T}, D = {D}" + (f", values {Dv} wide" if Dv != D else "")
            answer = student(words[t : t + 1], keys, values, W_Q, W_K, W_V, on=place)
            output, keys_after, values_after = _three(answer, student.name, place, t, D, Dv)
            _require_rows(student.name, place, t, keys, keys_after, values, values_after)
            # At word 2 those before it are the first word: two mistakes that only word 3 tells apart.
            if not close(output, expected[t : t + 1]) and t != 1:
                _name_the_step(output, words[: t + 1], (W_Q, W_K, W_V), place)
            if t == 1:
                right_at_two = close(output, expected[1:2])
            keys, values = keys_after, values_after
        require(right_at_two, f"the output is wrong for word 2 of {T}, and right for the words after it.")
    _require_little_work(student, words, (W_Q, W_K, W_V))


def _three(answer, name, place, t, D, Dv):
    """(output, keys, values) as float64 tensors of the right shapes."""
    require(
        isinstance(answer, (tuple, list)) and len(answer) == 3,
        f"{name} returned {kind(answer)} for {place}; three are needed: return output, keys, values.",
    )
    meanings = ("the output", "keys", "values")
    output, keys, values = (in_float64(part, meaning) for part, meaning in zip(answer, meanings, strict=True))
    require(
        tuple(output.shape) == (1, Dv),
        f"the output, the first of the three, has shape {tuple(output.shape)} for {place}; one row is needed, (1, {Dv}).",
    )
    for part, meaning, width in ((keys, "keys", D), (values, "values", Dv)):
        require(
            tuple(part.shape) != (t, width),
            f"{meaning} came back with {t} rows for {place}, as many as went in. One more is needed, the new word's, so that "
            "it and later words can read it.",
        )
        require(
            tuple(part.shape) == (t + 1, width),
            f"{meaning} has shape {tuple(part.shape)} for {place}; one row for each word so far is needed, ({t + 1}, "
            f"{width}).",
        )
    return output, keys, values


def _require_rows(name, place, t, keys, keys_after, values, values_after):
    """The rows that were there are still there, in any order, as far as they are stored as they came."""
    for before, after, meaning in ((keys, keys_after, "keys"), (values, values_after, "values")):
        lost = [row for row in range(t) if not any(close(before[row], other) for other in after)]
        require(
            not lost,
            f"for {place} row {lost[0] + 1 if lost else 0} of {meaning} is no longer there. {name} must keep all rows, and "
            "put one more to them.",
        )


def _name_the_step(output, words, matrices, place):
    W_Q, W_K, W_V = matrices
    query, key, value = words[-1:] @ W_Q, words @ W_K, words @ W_V
    require(
        len(words) > 1 or output.abs().max() > 0,
        f"for {place} the output is 0: nothing is read. Put the word's own key and value in first, then read.",
    )
    if len(words) > 1:
        require(
            not close(output, attention(query, key[:-1], value[:-1])),
            f"for {place} the word reads those before it and not itself. Put its key and value in first, then read.",
        )
        require(
            not close(output, value[:1]),
            f"for {place} the output is the first word's value: the query sees one key only. is_causal=True counts the "
            "queries from the first word, and here one query stands at the end. It may read all keys: leave it out.",
        )
        require(
            not any(close(output, alike) for alike in (value.mean(0, keepdim=True), value.sum(0, keepdim=True))),
            f"for {place} all words are read alike. The softmax of the scores is over the keys: dim=-1 of a row.",
        )
    require(
        not close(output, (query @ key.T).softmax(-1) @ value),
        f"for {place} the scores are not divided by √D.",
    )
    require(
        not close(output, (query @ key.T / W_Q.shape[1]).softmax(-1) @ value),
        f"for {place} the scores are divided by D. It is its root, √D.",
    )
    require(
        not close(output, (query @ key.T / math.sqrt(len(key))).softmax(-1) @ value),
        f"for {place} the scores are divided by the root of how many keys there are. It is √D, of how wide a key is.",
    )
    require(
        not close(output, query @ key.T / math.sqrt(W_Q.shape[1]) @ value),
        f"for {place} the softmax is missing: the scores themselves multiply the values.",
    )
    raise Wrong(
        f"for {place} the output is not that of attention over all words so far. The new word's query is x @ W_Q; its key, "
        "x @ W_K, and its value, x @ W_V, go below those that came in."
    )


def _require_little_work(student, words, matrices):
    """The answer is right; it must not multiply all words by the matrices again."""
    from .steps import multiply_adds

    T, D = words.shape
    keys, values = words.new_zeros(0, D), words.new_zeros(0, matrices[2].shape[1])
    place = f"word {T} of {T}, D = {D}"
    for t in range(T - 1):
        _, *kept = student(words[t : t + 1], keys, values, *matrices, on=place)
        keys, values = (in_float64(part, "what is kept") for part in kept)
    counts = multiply_adds(lambda: student(words[-1:], keys, values, *matrices, on=place))
    fewest = sum(matrix.numel() for matrix in matrices) + T * (D + matrices[2].shape[1])
    require(
        counts <= 1.5 * fewest,
        f"the outputs are right, and for {place} you multiply {counts:,} pairs of numbers where {fewest:,} are enough: old "
        "words go through the matrices again. Keep their keys and values, not the words.",
    )


# ---- 2: where scores are half of the work


def check_half(student):
    for d, ffn in ((64, 3), (64, 4), (512, 2)):
        t, right = student.number(d, ffn), (2 + ffn) * d
        place = f"for d = {d}, ffn = {ffn} you find {t:g}"
        if abs(t - right) < 0.5:
            continue
        rest = (4 + 2 * ffn) * d**2
        wrong = {
            2 * right: "the scores alone are as much as the rest there. The weighted sum of the values is t·d more.",
            right
            / 2: "there scores and sums, 2·t·d, are a third of the work. Do you count two operations a multiply–add in "
            "one place and one in the other?",
            ffn
            * d: "there 2·t·d is as much as the feed-forward part, 2·ffn·d². The four projections, 4·d², belong to the "
            "rest too.",
            2
            * d: "there 2·t·d is as much as the four projections, 4·d². The feed-forward part, 2·ffn·d², belongs to the "
            "rest too.",
            (4 + ffn) * d / 2: "you count one matrix in the feed-forward part, d × ffn·d. It has another, ffn·d × d.",
            2 + ffn: "that is in units of d. The answer is a number of words.",
            d: "there each score costs as much as a row of a matrix; 2·t·d is far below the rest still.",
            rest: "that is the work of all the rest, in multiply–adds. At how many words is 2·t·d as much?",
            6 * d: "true for ffn = 4, the usual choice. Here it is another.",
        }
        for value, sentence in wrong.items():
            require(not math.isclose(t, value, rel_tol=1e-6), f"{place}: {sentence}")
        raise Wrong(f"{place}. There 2·t·d is {2 * t * d:,.0f}, and the rest, (4 + 2·ffn)·d², is {rest:,}.")


# ---- 3: bytes of a cache


def check_bytes(student):
    for layers, heads, kv_heads, width, T, B, itemsize in ((5, 12, 3, 16, 100, 7, 4), (3, 8, 8, 10, 7, 1, 2)):
        sizes = (layers, heads, kv_heads, width, T, B, itemsize)
        given = "layers, heads, kv_heads, head_width, T, B, itemsize = " + ", ".join(map(str, sizes))
        count, right = student.number(*sizes, on=given), 2 * layers * kv_heads * width * T * B * itemsize
        if count == right:
            continue
        wrong = {
            right / 2: "that is the keys alone, or the values alone.",
            right
            * heads
            / kv_heads: "that is a key and a value for each head. Only kv_heads of them are kept; several heads "
            "read the same.",
            right / 2 * heads / kv_heads: "that is the keys alone, or the values alone, and of all heads.",
            right / kv_heads: "that is one key and one value. There are kv_heads of each.",
            right * heads: "that is a key as wide as the model for each head that is kept.",
            right / B: "that is one text. Each of B has a cache of its own.",
            right / layers: "that is one layer. Each has a cache of its own.",
            right / itemsize: "that is how many numbers are kept, not how many bytes.",
            right * 8: "that is bits.",
            right / T: "that is one word of T.",
            right / (B * T): "that is one word of one text.",
            right / width: "one number a key is counted; each has head_width of them.",
        }
        for value, sentence in wrong.items():
            require(count != value or value == right, f"for {given} you find {count:,.0f}: {sentence}")
        raise Wrong(
            f"for {given} you find {count:,.10g} bytes, and there are {right:,}. A word has 2 · kv_heads · head_width "
            "numbers in each layer."
        )
    return (
        "Each word of a 70-billion model with 80 layers keeps 0.33 MB in 16 bits, with 64 kv_heads instead of 8 2.6 MB."
    )


# ---- 4: what to do with a draft


def check_draft(student):
    pairs = [([0.5, 0.3, 0.2], [0.2, 0.2, 0.6]), ([0.6, 0.4], [0.3, 0.7]), ([0.25] * 4, [0.25] * 4)]
    generator = torch.Generator().manual_seed(114)
    for V in (5, 300):
        pairs.append([torch.randn(V, generator=generator, dtype=torch.float64).softmax(0).tolist() for _ in range(2)])
    for chances in pairs:
        p, q = (torch.tensor(part, dtype=torch.float64) for part in chances)
        V = len(p)
        place = f"p = {chances[0]}, q = {chances[1]}" if V <= 3 else f"{V} words"
        if V == 4:
            place = "p = q, four words of 1/4"
        accept, otherwise = _pair(student(p, q, on=place), student.name, place, V)
        stays = q * accept
        comes_out = stays + (1 - stays.sum()) * otherwise
        if not close(comes_out, p, 1e-6):
            _name_the_rule(accept, otherwise, p, q, place)
            apart = (comes_out - p).abs().max().item()
            raise Wrong(f"for {place} a word comes out with a chance that is up to {apart:.2g} off the target's.")
        require(
            stays.sum() > overlap(p, q) - 1e-6,
            f"for {place} what comes out is right, and {stays.sum():.0%} of the drafts are accepted where "
            f"{overlap(p, q):.0%} can be: each refusal wastes what was drafted after it.",
        )


def _pair(answer, name, place, V):
    """(chance to accept, what a refused word is drawn from), both (V,)."""
    require(
        isinstance(answer, (tuple, list)) and len(answer) == 2,
        f"{name} returned {kind(answer)} for {place}; two are needed: return accept, otherwise.",
    )
    accept, otherwise = (
        in_float64(part, f"{part_name}, for {place},")
        for part, part_name in zip(answer, ("accept", "otherwise"), strict=True)
    )
    for part, part_name in ((accept, "accept"), (otherwise, "otherwise")):
        require(
            tuple(part.shape) == (V,),
            f"{part_name} has shape {tuple(part.shape)} for {place}; one number for each word is needed, ({V},).",
        )
    require(
        bool((accept >= -1e-9).all() and (accept <= 1 + 1e-9).all()),
        f"for {place} accept has {accept.max():.3g} in it: it is a chance, from 0 to 1.",
    )
    require(
        bool((otherwise >= -1e-9).all()),
        f"for {place} otherwise has the chance {otherwise.min():.3g} in it. A word that the draft says too often needs none: 0.",
    )
    nothing_is_refused = accept.min() > 1 - 1e-9
    require(
        nothing_is_refused or abs(otherwise.sum() - 1) < 1e-6,
        f"for {place} otherwise sums to {otherwise.sum():.3g}. It is a distribution: divide by the sum.",
    )
    return accept, otherwise


def _name_the_rule(accept, otherwise, p, q, place):
    right, missing = chance_to_accept(p, q), instead(p, q)
    if close(accept, right, 1e-6):
        require(
            not close(otherwise, p, 1e-6),
            f"for {place} a refused word is drawn from p. Words that the draft says too rarely then come too rarely still: "
            "they are to get all that was refused.",
        )
        size = (p - q).abs()
        require(
            not close(otherwise, size / size.sum(), 1e-6),
            f"for {place} a refused word is drawn from |p − q|: so words that the draft says too often come again. Only where "
            "p is above q.",
        )
        require(not close(otherwise, q, 1e-6), f"for {place} a refused word is drawn from the draft again.")
        too_often = (q - p).clamp(min=0)
        require(
            not close(otherwise, too_often / too_often.sum(), 1e-6),
            f"for {place} a refused word is drawn from what the draft says too often. It is the other way round, p − q.",
        )
        softened = ((p - q).softmax(0), (p - q).clamp(min=0).softmax(0))
        require(
            not any(close(otherwise, soft, 1e-6) for soft in softened),
            f"for {place} a softmax has made a chance of every difference, also of 0. Divide by the sum instead.",
        )
    named = {
        "accept is 1 where p ≥ q and else 0. A word that the draft says a little too often is refused always; it should be "
        "refused as often as it is said too often.": (p >= q).double(),
        "accept is q/p: words that the draft says too rarely are refused. It is the other way round, p/q.": (
            q / p
        ).clamp(max=1),
        "accept is p. How often a word was drafted, q, must bear on it too.": p,
        "accept is 1 for the target's favourite alone. That is greedy writing, and not what p says.": (
            torch.arange(len(p)) == p.argmax()
        ).double(),
        "every draft is accepted: what comes out is the draft's text.": torch.ones_like(p),
    }
    for sentence, rule in named.items():
        require(not close(accept, rule, 1e-6) or close(rule, right, 1e-6), f"for {place} {sentence}")
    require(
        not close(otherwise, missing, 1e-6),
        f"for {place} otherwise is right and accept is not: a word is drafted with chance q, and may stay with p at most.",
    )


EXERCISES = [
    Exercise(
        "1",
        "Compute one word with a cache: put its key and value below the others, then let it read them all.",
        (
            "x is one row. Its query is x @ W_Q, and its key and value are as many rows: one each.",
            "keys = torch.cat([keys, x @ W_K]), the same for values; then scores of the one query with all keys.",
            "weights = (x @ W_Q @ keys.T / keys.shape[1] ** 0.5).softmax(-1); return weights @ values, keys, values.",
        ),
        check_step,
        function="step",
    ),
    Exercise(
        "2",
        "Find the number of words at which scores and weighted sums are half of a cached word's multiply–adds.",
        (
            "A block has four d × d projections, and a feed-forward part with two matrices of d × ffn·d.",
            "That is (4 + 2·ffn)·d² for one word. Scores with t keys: t·d; the weighted sum of t values: t·d.",
            "Half of the whole means: as much as the rest. Solve 2·t·d = (4 + 2·ffn)·d² for t.",
        ),
        check_half,
        function="context_where_attention_is_half",
    ),
    Exercise(
        "3",
        "Count the bytes of the caches of B texts of T words each.",
        (
            "What is kept of one word in one layer? A key and a value for each of kv_heads; heads does not matter.",
            "Each of them has head_width numbers, and a number has itemsize bytes.",
            "2 · layers · kv_heads · head_width numbers a word; times T words, B texts, itemsize bytes.",
        ),
        check_bytes,
        function="cache_bytes",
    ),
    Exercise(
        "4",
        "Give the chance to accept each word, and the distribution that a refused word is drawn from.",
        (
            "A word comes out with chance q · accept, plus what is refused in all, times otherwise. That has to be p.",
            "Where the draft says a word too rarely, accept it always; where too often, only p of q.",
            "accept = (p / q).clamp(max=1); otherwise is (p − q), 0 where that is negative, divided by its sum. Is the sum 0? "
            "Then nothing is ever refused, and p will do.",
        ),
        check_draft,
        function="judge_draft",
    ),
]
