"""Lesson 05: attention in eight lines, a test that can fail, the scale, and a head set by hand."""

import math

import torch

from helpers import attention, attention_weights

from ...exercises import Exercise, close, require


def _random(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def check_attention(student):
    generator = torch.Generator().manual_seed(51)
    for T, D in ((3, 5), (6, 16), (1, 2)):
        query, key, value = (_random(generator, T, D) for _ in range(3))
        found = student.tensor(query, key, value, shape=(T, D), meaning="one row of width D for each query")
        expected = attention(query, key, value, method="naive")
        if close(found, expected):
            continue
        require(
            D == 16 or not close(found, attention(query, key, value, scale=0.25)),
            "the scale is right only for D = 16: take the width from query.shape[-1], not from the notebook's D.",
        )
        unscaled = attention(query, key, value, scale=1.0)
        require(
            not close(found, unscaled), "the scores are not divided by √D: with long vectors the softmax saturates."
        )
        twice = attention(query, key, value, scale=1 / D)
        require(not close(found, twice), "the scores are divided by D; the square root is missing.")
        scores = query @ key.T / math.sqrt(D)
        require(
            not close(found, scores.softmax(0) @ value),
            "the softmax runs over the queries (each column sums to 1). Each query's weights must sum to 1: dim=-1.",
        )
        require(
            not close(found, scores @ value),
            "the softmax is missing: the scores themselves multiply the values, and they can be negative.",
        )
        require(
            not close(found, scores.softmax(-1).T @ value),
            "the weights are transposed before they meet the values: row i must hold what query i reads.",
        )
        require(
            not close(found, scores.T.softmax(-1) @ value),
            "the scores are key @ query.T: there row i holds what key i gets. Queries are the rows: query @ key.T.",
        )
        require(
            not close(found, scores.softmax(-1) @ key),
            "the weights multiply the keys. Keys are what is compared; values are what is handed over.",
        )
        gap = (found - expected).abs().max().item()
        require(
            False,
            f"for {T} words of width {D} the output is off by up to {gap:.2g}. Compare each step with the loop above: "
            "scores, scale, softmax over the keys, weighted sum of the values.",
        )
    # More keys than queries, and values of their own width: the formula does not mind.
    query, key, value = _random(generator, 2, 4), _random(generator, 5, 4), _random(generator, 5, 3)
    found = student.tensor(query, key, value, shape=(2, 3), meaning="2 queries read 5 values of width 3")
    require(close(found, attention(query, key, value)), "with 2 queries and 5 keys it is wrong: is T used for both?")


def check_row_test(student):
    generator = torch.Generator().manual_seed(52)
    scores = _random(generator, 6, 6)
    right, columns = scores.softmax(-1), scores.softmax(0)

    def says(weights):
        answer = student(weights)
        if isinstance(answer, torch.Tensor):
            require(answer.numel() == 1, "is_attention must give one answer, True or False, not one for each entry.")
        return bool(answer)

    require(
        says(right) or not says(columns),
        "it accepts softmax(scores, dim=0) and refuses softmax(scores, dim=-1): you sum over the queries. Sum over the "
        "keys, dim=-1.",
    )
    require(
        says(right),
        "it refuses good weights, softmax(scores, dim=-1). Rounding leaves row sums like 0.9999999: allow a little.",
    )
    require(says(torch.eye(4)), "it refuses the identity, where every word reads only itself. That is allowed.")
    require(
        says(_random(generator, 2, 5).softmax(-1)),
        "it refuses weights of 2 queries over 5 keys. A weight matrix need not be square.",
    )
    require(
        says(torch.softmax(torch.randn(4, 300, generator=generator), -1)),
        "it refuses float32 weights over 300 keys: their sums miss 1 by about 1e-7. Allow 1e-5, say.",
    )
    require(
        not says(columns),
        "it accepts softmax(scores, dim=0), the mistake that it should catch. There the columns sum to 1: sum over the "
        "keys, dim=-1.",
    )
    require(not says(torch.full((3, 3), 0.5)), "it accepts rows that sum to 1.5. Each row must sum to 1.")
    require(
        not says(torch.tensor([[1.5, -0.5], [0.5, 0.5]])),
        "it accepts a weight of −0.5. Rows can sum to 1 and still hold negative weights: ask for weights ≥ 0 too.",
    )
    wrong_rows = torch.tensor([[0.9, 0.3], [0.1, 0.7]])
    require(
        not says(wrong_rows),
        "it accepts rows that sum to 1.2 and 0.8. Every single row must sum to 1, not the rows on average.",
    )


def check_scale(student):
    cases = [(5, 1.0, 1.0), (64, 1.0, 1.0), (64, 2.0, 0.5), (256, 3.0, 1.0), (100, 0.1, 0.2)]
    for width, query_std, key_std in cases:
        found = float(student.tensor(width, query_std, key_std, shape=(), meaning="one number"))
        spread = math.sqrt(width) * query_std * key_std * abs(found)
        given = f"width {width}, standard deviations {query_std:g} and {key_std:g}"
        require(found > 0, f"for {given} the scale is {found:g}; a scale is positive.")
        if abs(spread - 1) < 0.02:
            continue
        require(
            not math.isclose(found, math.sqrt(width) * query_std * key_std, rel_tol=0.02),
            f"for {given} this is the spread of q·k itself. The scale multiplies it to 1: take one over it.",
        )
        require(
            not math.isclose(found, 1 / width, rel_tol=0.02),
            "1/D divides by the variance of q·k. What must become 1 is the standard deviation: its square root.",
        )
        require(
            not math.isclose(found, 1 / math.sqrt(width), rel_tol=0.02),
            f"1/√D is right for entries of standard deviation 1. For {given} the scores keep a spread of {spread:.3g}.",
        )
        variance = width * query_std**2 * key_std**2
        require(
            not math.isclose(found, 1 / variance, rel_tol=0.02),
            "this divides by the variance of q·k. Divide by its standard deviation, the square root of it.",
        )
        require(False, f"for {given} the scaled scores have standard deviation {spread:.3g}, not 1.")


def check_previous_head(student):
    generator = torch.Generator().manual_seed(54)
    for T in (4, 7):
        # A word's vector: 5 numbers that say which word, then T numbers that say where (one-hot).
        words = torch.cat([_random(generator, T, 5), torch.eye(T, dtype=torch.float64)], dim=1)
        answer = student(T)
        require(
            isinstance(answer, (tuple, list)) and len(answer) == 2,
            "two matrices are needed: return W_Q, W_K.",
        )
        W_Q, W_K = (torch.as_tensor(matrix).detach().to(torch.float64) for matrix in answer)
        for name, matrix in (("W_Q", W_Q), ("W_K", W_K)):
            require(
                matrix.ndim == 2 and matrix.shape[0] == 5 + T,
                f"{name} has shape {tuple(matrix.shape)}; it must take vectors of width 5 + T = {5 + T} (its rows).",
            )
        require(
            W_Q.shape[1] == W_K.shape[1],
            f"queries have width {W_Q.shape[1]} and keys {W_K.shape[1]}; a dot product needs them equal.",
        )
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
            "each word reads the next one. The shift goes the other way: try the transposed matrix.",
        )
        least = min(weights[i, i - 1].item() for i in range(1, T))
        if all(reads[i] == i - 1 for i in range(1, T)):
            require(
                least > 0.9,
                f"the right word is read most, but with only {least:.0%} of the weight. Larger scores make the softmax "
                "sharper: multiply a matrix by 10, say.",
            )
        wrong = next((i for i in range(1, T) if reads[i] != i - 1), None)
        if wrong is not None:
            require(
                False,
                f"with {T} words, word {wrong + 1} reads word {reads[wrong] + 1} most instead of word {wrong}. Use only the "
                "last T entries, which say where a word stands; the first five say which word it is.",
            )


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
        function="score_scale",
        repeatable=False,
        task="Find the scale that gives the scores standard deviation 1, for queries and keys of any spread.",
        hints=(
            "q·k is a sum of D products. What is the variance of one product of two independent numbers of mean 0?",
            "One product has variance query_std² · key_std²; variances of independent terms add.",
            "The variance of q·k is D · query_std² · key_std². The scale is one over its square root.",
        ),
        check=check_scale,
    ),
    Exercise(
        id="4",
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
