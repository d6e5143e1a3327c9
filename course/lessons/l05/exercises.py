"""Lesson 05: attention in eight lines, a test that can fail, and a head set by hand."""

import math

import torch

from helpers import attention, attention_weights

from ...exercises import Exercise, Wrong, close, in_float64, plural, require


def _random(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def check_attention(student):
    generator = torch.Generator().manual_seed(51)
    for T, D in ((1, 2), (4, 5), (6, 16)):
        query, key, value = (_random(generator, T, D) for _ in range(3))
        sizes = f"{plural(T, 'word')} of width {D}"
        output = student.tensor(query, key, value, shape=(T, D), meaning="one row of width D for each query", on=sizes)
        expected = attention(query, key, value, method="naive")
        if close(output, expected):
            continue
        _name_the_scale(output, query, key, value)
        _name_the_step(output, query, key, value)
        gap = (output - expected).abs().max().item()
        require(
            False,
            f"for {sizes} the output is off by up to {gap:.2g}. Compare each step with the loop above: scores, scale, "
            "softmax over the keys, weighted sum of the values.",
        )
    # More keys than queries, and values of their own width: the formula does not mind.
    query, key, value = _random(generator, 2, 4), _random(generator, 5, 4), _random(generator, 5, 3)
    sizes = "2 queries of width 4 over 5 keys, with values of width 3"
    output = student.tensor(query, key, value, shape=(2, 3), meaning="2 queries read 5 values of width 3", on=sizes)
    require(
        not close(output, attention(query, key, value, scale=3**-0.5)),
        f"for {sizes} the scores are divided by √3, where queries and keys have width 4. Divide by the root of their width, "
        "query.shape[-1].",
    )
    gap = (output - attention(query, key, value)).abs().max().item()
    require(gap < 1e-4, f"right where there are as many keys as queries, and off by up to {gap:.2g} for {sizes}.")


def _name_the_scale(output, query, key, value):
    T, D = query.shape

    def scaled(scale):
        return attention(query, key, value, scale=scale)

    require(
        not close(output, scaled(3**-0.5)),
        f"the scores are divided by √3, which is right for the words above. Here the width is {D}: take it from "
        "query.shape[-1].",
    )
    require(
        not close(output, scaled(1.0)), "the scores are not divided by √D: with long vectors the softmax saturates."
    )
    require(not close(output, scaled(1 / D)), "the scores are divided by D; the square root is missing.")
    require(
        not close(output, scaled(T**-0.5)),
        f"the scores are divided by √T, the root of the number of words, {T}. A score is a sum over the width: divide by √D.",
    )
    require(not close(output, scaled(math.sqrt(D))), "the scores are multiplied by √D. Divide by it.")


def _name_the_step(output, query, key, value):
    scores = query @ key.T / math.sqrt(query.shape[-1])
    require(
        not close(output, scores.softmax(0) @ value),
        "the softmax runs over the queries (each column sums to 1). Each query's weights must sum to 1: dim=-1.",
    )
    require(
        not close(output, scores @ value),
        "the softmax is missing: the scores themselves multiply the values, and they can be negative.",
    )
    require(
        not close(output, scores.softmax(-1).T @ value),
        "the weights are transposed before they meet the values: row i must hold what query i reads.",
    )
    require(
        not close(output, scores.T.softmax(-1) @ value),
        "the scores are key @ query.T: there row i holds what key i gets. Queries are the rows: query @ key.T.",
    )
    require(
        not close(output, scores.softmax(-1) @ key),
        "the weights multiply the keys. Keys are what is compared; values are what is handed over.",
    )


def check_row_test(student):
    generator = torch.Generator().manual_seed(52)
    scores = _random(generator, 6, 6)
    _accepts_weights(student, generator, scores)
    _refuses_wrong_sums(student, scores)
    _refuses_negative_weights(student)


def _truth(student, weights, on):
    """The student's True or False; where torch refuses to compare two types of numbers, with what helps."""
    try:
        return student.truth(weights, on=on)
    except Wrong as wrong:
        if "did not match" not in str(wrong):
            raise
        advice = "Weights come in float32 and in float64: torch.ones_like(sums) has the type of sums."
        raise Wrong(f"{wrong}\n{advice}") from None


def _accepts(student, rows):
    return _truth(student, torch.tensor(rows), on=str(rows))


def _accepts_softmax(student, scores, dim):
    return _truth(student, scores.softmax(dim), on=f"softmax(scores, dim={dim}), scores {tuple(scores.shape)}")


def _accepts_weights(student, generator, scores):
    accepts_exact = _accepts(student, [[0.5, 0.5], [0.25, 0.75]])
    accepts_rounded = _accepts_softmax(student, scores, -1)
    require(
        accepts_exact or accepts_rounded or not _accepts_softmax(student, scores, 0),
        "it accepts softmax(scores, dim=0) and refuses softmax(scores, dim=-1): you sum over the queries. Sum over the "
        "keys, dim=-1.",
    )
    require(
        accepts_exact,
        "it refuses [[0.5, 0.5], [0.25, 0.75]]. No weight is negative and each row sums to 1: these are weights of two "
        "queries.",
    )
    if not accepts_rounded:
        # As large as the scores, and these rows sum to 1 in every digit.
        halves = [[2.0 ** -min(1 + (i + j) % 6, 5) for j in range(6)] for i in range(6)]
        require(
            not _accepts(student, halves),
            "it refuses softmax(scores, dim=-1), and accepts rows that sum to 1 in every digit. Rounding leaves row sums "
            "like 0.9999999: allow a little.",
        )
        require(False, "it refuses softmax(scores, dim=-1) of 6 queries over 6 keys.")
    require(
        student.truth(torch.eye(4), on="the identity"),
        "it refuses the identity, where every word reads only itself. That is allowed.",
    )
    if not _accepts_softmax(student, _random(generator, 2, 5), -1):
        require(
            not _accepts(student, [[0.5, 0.25, 0.125, 0.0625, 0.0625]] * 2),  # these sum to 1 in every digit
            "it refuses weights of 2 queries over 5 keys that sum to 1 but for rounding. Allow a little, row by row.",
        )
        require(False, "it refuses weights of 2 queries over 5 keys. A weight matrix need not be square.")
    require(
        _accepts_softmax(student, torch.randn(4, 300, generator=generator), -1),
        "it refuses float32 weights over 300 keys: their sums miss 1 by about 1e-7. Allow 1e-5, say.",
    )


def _refuses_wrong_sums(student, scores):
    require(
        not _accepts_softmax(student, scores, 0),
        "it accepts softmax(scores, dim=0), the mistake that it should catch. There the columns sum to 1, and the rows do "
        "not.",
    )
    require(not _accepts(student, [[0.5, 0.5, 0.5]] * 3), "it accepts rows that sum to 1.5. Each row must sum to 1.")
    require(
        not _accepts(student, [[0.5, 0.5], [0.9, 0.3]]),
        "it accepts [[0.5, 0.5], [0.9, 0.3]]: the first row sums to 1, and the second to 1.2. All rows count.",
    )
    require(
        not _accepts(student, [[0.9, 0.3], [0.5, 0.5]]),
        "it accepts [[0.9, 0.3], [0.5, 0.5]]: the last row sums to 1, and the first to 1.2. All rows count.",
    )
    require(
        not _accepts(student, [[0.5, 0.4], [0.3, 0.6]]),
        "it accepts rows that sum to 0.9: too little is wrong too. The distance to 1 is (sum - 1).abs().",
    )
    require(
        not _accepts(student, [[0.51, 0.5], [0.49, 0.5]]),
        "it accepts rows that sum to 1.01 and 0.99. Rounding misses 1 by 1e-7 or so: allow 1e-5, say.",
    )


def _refuses_negative_weights(student):
    require(
        not _accepts(student, [[1.5, -0.5], [0.5, 0.5]]),
        "it accepts a weight of −0.5. Rows can sum to 1 and still hold negative weights: ask for weights ≥ 0 too.",
    )
    require(
        not _accepts(student, [[0.8, 0.7, -0.5], [0.2, 0.3, 0.5]]),
        "it accepts [0.8, 0.7, −0.5], a row of weights that are all below 1. One is negative: ask for weights ≥ 0.",
    )


def check_previous_head(student):
    generator = torch.Generator().manual_seed(54)
    for T in (4, 7):
        # A word's vector: 5 numbers that say which word, then T numbers that say where (one-hot).
        words = torch.cat([_random(generator, T, 5), torch.eye(T, dtype=torch.float64)], dim=1)
        W_Q, W_K = _two_matrices(student(T), T)
        weights = attention_weights(words @ W_Q, words @ W_K)
        require(
            weights.std(dim=-1).max() > 1e-6,
            "every word reads all words alike: W_Q or W_K is still zero, or gives all words the same vector.",
        )
        reads = weights.argmax(dim=-1).tolist()
        require(
            not all(reads[i] == i for i in range(1, T)),
            "each word reads itself. Query and key of a word must differ: shift one of them by a position.",
        )
        require(
            not all(reads[i] == i + 1 for i in range(T - 1)),
            "each word reads the next one. The shift goes the other way: exchange W_Q and W_K.",
        )
        _name_the_first_wrong_word(reads, weights, T, W_Q, W_K)
        least = min(weights[i, i - 1].item() for i in range(1, T))
        require(
            least > 0.9,
            f"with {T} words the word before is read most, but with only {least:.0%} of the weight. Larger scores make the "
            f"softmax sharper: multiply W_Q by {_sharpening(words, W_Q, W_K)}.",
        )


def _two_matrices(answer, T):
    require(isinstance(answer, (tuple, list)) and len(answer) == 2, "two matrices are needed: return W_Q, W_K.")
    W_Q, W_K = (in_float64(matrix, name) for name, matrix in zip(("W_Q", "W_K"), answer, strict=True))
    for name, matrix in (("W_Q", W_Q), ("W_K", W_K)):
        require(
            matrix.ndim == 2 and matrix.shape[0] == 5 + T,
            f"{name} has shape {tuple(matrix.shape)}; it must take vectors of width 5 + T = {5 + T} (its rows).",
        )
    require(
        W_Q.shape[1] == W_K.shape[1],
        f"queries have width {W_Q.shape[1]} and keys {W_K.shape[1]}; a dot product needs them equal.",
    )
    return W_Q, W_K


def _name_the_first_wrong_word(reads, weights, T, W_Q, W_K):
    wrong = next((i for i in range(1, T) if reads[i] != i - 1), None)
    if wrong is None:
        return
    reading = (
        f"with {T} words, word {wrong + 1} reads word {reads[wrong] + 1} most, with {weights[wrong].max():.0%} of the weight, "
        f"instead of word {wrong}."
    )
    uses_words = bool(W_Q[:5].any() or W_K[:5].any())
    require(
        not uses_words,
        f"{reading} The first five rows of W_Q or W_K are not 0, so that it matters which word stands where. Only the last "
        "T say where it stands.",
    )
    require(False, reading)


def _sharpening(words, W_Q, W_K):
    """The smallest of 10, 30, 100, … with which the word before gets more than 0.99 of the weight."""
    factor = 10
    while True:
        weights = attention_weights(words @ (factor * W_Q), words @ W_K)
        if weights.diagonal(-1).min() > 0.99 or factor > 1e6:
            return f"{factor:,}"
        factor = factor * 3 if str(factor)[0] == "1" else factor // 3 * 10


EXERCISES = [
    Exercise(
        id="1",
        function="my_attention",
        task="Write scaled dot-product attention; eight lines are plenty.",
        hints=(
            "Four steps, in the order of the loop above: scores, scale, softmax, weighted sum. Write the shape of each.",
            "All scores at once are query @ key.T, shape (Tq, Tk). Row i belongs to query i.",
            "weights = (query @ key.T / query.shape[-1] ** 0.5).softmax(dim=…), then weights @ value. Which dim are the keys?",
        ),
        check=check_attention,
    ),
    Exercise(
        id="2",
        function="is_attention",
        task="Write a test that a weight matrix with the softmax over the wrong axis does not pass.",
        hints=(
            "What is true of softmax(scores, dim=-1) whatever the scores are, and not of softmax(scores, dim=0)?",
            "Two properties: no weight is negative, and each query's weights sum to 1. Along which axis do you sum?",
            "(weights >= 0).all() and, with a little room for rounding, (weights.sum(dim=-1) - 1).abs().max() < 1e-5.",
        ),
        check=check_row_test,
    ),
    Exercise(
        id="3",
        function="previous_word_head",
        task="Set W_Q and W_K by hand so that each word reads the word before it.",
        hints=(
            "A score is large where query and key point the same way. Let a key say where its word stands.",
            "Key of position j: the one-hot vector j. Query of position i: the one-hot vector i − 1. The word part is not used.",
            "W_K[5:] = torch.eye(T), and W_Q[5:] = 30 * torch.eye(T) with its columns rolled by one: .roll(±1, dims=1).",
        ),
        check=check_previous_head,
    ),
]
