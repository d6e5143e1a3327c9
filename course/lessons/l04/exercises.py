"""Lesson 04: additive scores, how sharp a score has to be, a test for reading backwards, and a lookup set by hand."""

import math

import torch

from ...exercises import Exercise, close, in_float64, plural, require


def _random(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def check_scores(student):
    generator = torch.Generator().manual_seed(41)
    # As many queries as keys first, and square matrices: there more mistakes run, and can be named.
    for Tq, Tk, D, Dk, A in ((3, 3, 2, 2, 2), (1, 2, 3, 4, 5), (4, 2, 5, 3, 6), (2, 5, 3, 6, 4)):
        query, key = _random(generator, Tq, D), _random(generator, Tk, Dk)
        W_q, W_k, v = _random(generator, A, D), _random(generator, A, Dk), _random(generator, A)
        on = f"Tq = {Tq}, Tk = {Tk}, D = {D}, Dk = {Dk}, A = {A}"
        from_query, from_key = query @ W_q.T, key @ W_k.T
        expected = torch.tanh(from_query[:, None] + from_key) @ v
        arguments = (query, key, W_q, W_k, v)
        _name_the_shape(student(*arguments, on=on), expected, on)
        scores = student.tensor(*arguments, shape=(Tq, Tk), meaning="a row a query, a score for each key", on=on)
        if close(scores, expected):
            continue
        _name_the_tanh(scores, from_query, from_key, v)
        _name_the_end(scores, expected, from_query, from_key, v)
        if D == Dk == A:
            _name_the_matrices(scores, query, key, W_q, W_k, v)
        gap = (scores - expected).abs().max().item()
        require(
            False,
            f"for {on} the scores are off by up to {gap:.2g}. Score of query i and key j: v · tanh(W_q qᵢ + W_k kⱼ).",
        )


def _name_the_shape(answer, expected, on):
    Tq, Tk = expected.shape
    shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else None
    require(
        Tq != Tk or shape != (Tq,),
        f"for {on} only {plural(Tq, 'score')} come back, one for query i with key i. Every query meets every key: give the "
        "queries an axis of their own, [:, None], before you add.",
    )
    require(
        Tq == Tk or shape != (Tk, Tq),
        f"for {on} the scores stand as (Tk, Tq). Queries are the rows: (Tq, Tk).",
    )
    require(
        shape != (Tq, Tk, 1), f"for {on} the shape is {shape}: one axis too many. v is a vector: … @ v takes it away."
    )


def _name_the_tanh(scores, from_query, from_key, v):
    pushed = from_query[:, None] + from_key
    require(
        not close(scores, pushed @ v),
        "the tanh is missing. Then a query adds the same number to all its scores, and the softmax forgets it: all queries "
        "would read alike.",
    )
    require(not close(scores, torch.tanh(pushed @ v)), "the tanh comes after v. It belongs before: v · tanh(…).")
    apart = torch.tanh(from_query)[:, None] + torch.tanh(from_key)
    require(not close(scores, apart @ v), "two tanh are added. Add query and key first, then take one tanh of the sum.")


def _name_the_end(scores, expected, from_query, from_key, v):
    pushed = torch.tanh(from_query[:, None] + from_key)
    require(
        not close(scores, expected.softmax(-1)), "these are weights: the softmax is taken already. Return the scores."
    )
    require(
        not close(scores, expected / len(v) ** 0.5),
        "the scores are divided by √A. The additive score has no scale; that belongs to the dot product.",
    )
    require(not close(scores, pushed.sum(-1)), "v is missing: the A numbers of a pair are added up as they are.")
    require(
        len(scores) != scores.shape[1] or not close(scores, expected.T),
        "the scores are transposed: row i holds what query i finds, one score a key.",
    )
    require(
        not close(scores, from_query @ from_key.T),
        "this is a dot product of query and key. The additive score adds the two, and then takes tanh.",
    )


def _name_the_matrices(scores, query, key, W_q, W_k, v):
    """Mistakes that only square matrices let pass."""

    def scored(left, right):
        return torch.tanh((query @ left)[:, None] + key @ right) @ v

    require(
        not any(close(scores, scored(*pair)) for pair in ((W_q, W_k.T), (W_q.T, W_k), (W_q, W_k))),
        "a matrix must be transposed here. W_q @ q becomes query @ W_q.T when the queries are rows; square matrices do not "
        "complain.",
    )
    require(not close(scores, scored(W_k.T, W_q.T)), "W_q and W_k are exchanged: W_q meets the query, W_k the key.")


# ---- how sharp


def check_sharpness(student):
    for n, share in ((2, 0.99), (4, 0.25), (6, 0.99), (3, 0.9), (60, 0.99), (600, 0.99), (600, 0.5)):
        gap, right = student.number(n, share), math.log(share * (n - 1) / (1 - share))
        if abs(gap - right) < 1e-4 * max(1.0, abs(right)):
            continue
        on = f"n = {n}, share = {share}"
        _name_the_logarithm(gap, right, on)
        _name_the_others(gap, n, share, on)
        reached = 1 / (1 + (n - 1) * math.exp(-max(min(gap, 700), -700)))
        require(False, f"for {on} you find {gap:.6g}; a key whose score is that much higher gets {reached:.4%}.")


def _name_the_logarithm(gap, right, on):
    ratio = math.exp(right)
    require(
        abs(gap - ratio) > 1e-4 * ratio,
        f"for {on} you find {gap:.4g}: so many times as large must exp(score) be. How much larger is then the score?",
    )
    for base, name in ((10, "logarithm to base 10"), (2, "logarithm to base 2")):
        require(
            abs(gap - right / math.log(base)) > 1e-4,
            f"for {on} this is the {name}. The softmax takes exp: use the natural one, math.log.",
        )
    require(
        abs(gap + right) > 1e-4,
        f"for {on} you find {gap:.4g}: the sign is turned. A key that gets more than its equal part needs a higher score.",
    )


def _name_the_others(gap, n, share, on):
    odds = share / (1 - share)
    slips = {
        f"you find {gap:.4g}, which is right for two keys. Here {n - 1} others share the rest.": odds,
        f"you find {gap:.4g}: all {n} keys are counted as the others. They are n − 1.": odds * n,
        f"you find {gap:.4g}: the share itself is missing above the line. It is (share / (1 − share)) · (n − 1).": (
            (n - 1) / (1 - share)
        ),
        f"you find {gap:.4g}: the others have 1 − share together, and each a part of it. The n − 1 belongs above the line.": (
            odds / (n - 1)
        ),
    }
    for sentence, ratio in slips.items():
        require(abs(gap - math.log(ratio)) > 1e-4, f"for {on} {sentence}")


# ---- reads backwards


SOFT = [[0.3, 0.3, 0.4], [0.3, 0.4, 0.3], [0.4, 0.3, 0.3]]
ONE_ROW_WRONG = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.4, 0.5, 0.1]]
FIRST_ROW_WRONG = [[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
COLUMNS_DIFFER = [[0.05, 0.45, 0.5], [0.3, 0.4, 0.3], [0.6, 0.2, 0.2]]
ONLY_COLUMNS = [[0.1, 0.5, 0.4], [0.1, 0.6, 0.3], [0.8, 0.1, 0.1]]


def check_backwards(student):
    def accepts(rows):
        return student.truth(torch.tensor(rows), on=str(rows))

    forwards, backwards = [[0.9, 0.1], [0.2, 0.8]], [[0.1, 0.9], [0.8, 0.2]]
    require(
        not (accepts(forwards) and not accepts(backwards)),
        f"it accepts {forwards}, where output 1 reads letter 1, and refuses {backwards}. The mirror of letter i is letter "
        "T + 1 − i: the other diagonal.",
    )
    require(accepts(backwards), f"it refuses {backwards}: output 1 reads letter 2 most, and output 2 letter 1.")
    require(not accepts(forwards), f"it accepts {forwards}, where each output reads its own letter most.")
    require(
        accepts(SOFT),
        f"it refuses {SOFT}. Every output reads its mirror most, if only with 0.4: “most” is larger than the others, and "
        "not more than half.",
    )
    require(
        accepts(COLUMNS_DIFFER) or not accepts(ONLY_COLUMNS),
        f"it accepts {ONLY_COLUMNS}, where output 1 reads letter 2 most, and refuses {COLUMNS_DIFFER}, where each reads its "
        "mirror. You look along the columns; what one output reads is a row.",
    )
    for rows, sentence in (
        (ONE_ROW_WRONG, "output 3 reads letter 2 most, and should read letter 1. All outputs count."),
        (FIRST_ROW_WRONG, "output 1 reads letter 2 most, and should read letter 3. All outputs count."),
    ):
        require(not accepts(rows), f"it accepts {rows}: {sentence}")
    require(
        accepts(COLUMNS_DIFFER),
        f"it refuses {COLUMNS_DIFFER}. The largest of each row lies on the mirror; that is all.",
    )
    for T in (1, 4, 7):
        weights = (3 * torch.eye(T)).flip(0).softmax(-1)
        require(
            student.truth(weights, on=f"T = {T}"), f"it refuses weights of {plural(T, 'output')} that read backwards."
        )
        if T > 1:
            require(
                not student.truth(weights.roll(1, dims=1), on=f"T = {T}"),
                f"with {T} letters it accepts outputs that each read the letter after their mirror.",
            )
    nearly = (9 * torch.eye(100)).flip(0).softmax(-1)
    nearly[49] = nearly[48]
    require(
        not student.truth(nearly, on="T = 100"),
        "with 100 letters it accepts outputs of which 99 read their mirror, and one the letter beside it. All outputs count.",
    )


# ---- a lookup set by hand


def check_mirror(student):
    for T in (2, 6, 60, 600):
        queries, keys = _two_lists(student(T), T)
        weights = (queries @ keys.T).softmax(-1)
        mirror = weights.flip(1).diagonal()
        if mirror.min() > 0.9:
            continue
        on = f"with T = {T}"
        reads = weights.argmax(-1)
        places = torch.arange(T)
        require(
            (weights - 1 / T).abs().max() > 1e-6, f"{on} every output reads all letters alike: all scores are equal."
        )
        require(
            not torch.equal(reads, places),
            f"{on} output i reads letter i. The mirror is letter T + 1 − i: turn the queries, or the keys, around.",
        )
        _name_the_twins(keys, on)
        _name_the_tie(queries, keys, on)
        wrong = (reads != places.flip(0)).nonzero().flatten().tolist()
        if wrong:
            i = wrong[0]
            require(
                False,
                f"{on} output {i + 1} reads letter {reads[i] + 1} most, with {weights[i, reads[i]]:.0%} of the weight, "
                f"instead of letter {T - i}.",
            )
        require(
            False,
            f"{on} each output reads its mirror most, but one gives it only {mirror.min():.0%}. {_sharper(queries, keys)}",
        )


def _two_lists(answer, T):
    require(
        isinstance(answer, (tuple, list)) and len(answer) == 2,
        "two tensors are needed: return queries, keys.",
    )
    both = [in_float64(numbers, name) for numbers, name in zip(answer, ("queries", "keys"), strict=True)]
    for numbers, name in zip(both, ("queries", "keys"), strict=True):
        shape = tuple(numbers.shape)
        require(
            shape != (T, T) or T == 2,
            f"{name} have shape {shape}: a number for each letter. Two numbers a place are enough, however many letters.",
        )
        require(shape == (T, 2), f"{name} have shape {shape}; {T} places with two numbers each are ({T}, 2).")
    return both


def _name_the_twins(keys, on):
    """Two places with one key cannot be told apart."""
    near = torch.cdist(keys, keys) + torch.eye(len(keys)) * 1e9
    closest = int(near.argmin())
    one, other = sorted((closest // len(keys) + 1, closest % len(keys) + 1))
    require(near.min() > 1e-9, f"{on} letters {one} and {other} have the same key: no query can tell them apart.")


def _name_the_tie(queries, keys, on):
    """A query that scores its mirror as high as another letter, and none higher: no factor sharpens that."""
    scores = queries @ keys.T
    mirror = scores.flip(1).diagonal()
    others = scores.flip(1).masked_fill(torch.eye(len(keys), dtype=torch.bool), -torch.inf).flip(1)
    ties = (others.amax(1) - mirror).abs() <= 1e-12 * scores.abs().amax()
    if ties.any():
        i = int(ties.nonzero()[0])
        require(
            False,
            f"{on} output {i + 1} gives letters {len(keys) - i} and {int(others[i].argmax()) + 1} one and the same score, "
            f"and should prefer letter {len(keys) - i}: larger numbers do not change that.",
        )


def _sharper(queries, keys):
    factor = 10
    while factor < 1e15 and (factor * queries @ keys.T).softmax(-1).flip(1).diagonal().min() < 0.9:
        factor *= 10
    return f"Larger scores are sharper: multiply the queries by {factor:,} here, and by more for more letters."


EXERCISES = [
    Exercise(
        id="1",
        function="additive_scores",
        task="Write the additive scores of all queries with all keys, before the softmax.",
        hints=(
            "For one query and one key it is v · tanh(W_q q + W_k k). Here they are rows: query @ W_q.T is (Tq, A).",
            "Every query meets every key, so the sum has three axes: (Tq, 1, A) + (1, Tk, A) is (Tq, Tk, A).",
            "torch.tanh((query @ W_q.T)[:, None] + key @ W_k.T), and then a product that takes the last axis away.",
        ),
        check=check_scores,
    ),
    Exercise(
        id="2",
        function="sharpness",
        task="Say by how much the score of one key must exceed all others, which are equal, so that it gets this share.",
        hints=(
            "Let the others have score 0, so exp gives 1 for each. The one key has score g. What is its share?",
            "share = exp(g) / (exp(g) + n − 1). Solve for exp(g).",
            "exp(g) = share · (n − 1) / (1 − share). One call of math.log is left.",
        ),
        check=check_sharpness,
    ),
    Exercise(
        id="3",
        function="reads_backwards",
        task="Write a test that says whether every output reads its mirror letter most.",
        hints=(
            "A row is one output. Where in the row is the largest weight? argmax says.",
            "Output 0 should read letter T − 1, output 1 letter T − 2, and so on. Compare all of them.",
            "weights.argmax(dim=-1) beside torch.arange(T).flip(0): are they equal everywhere?",
        ),
        check=check_backwards,
    ),
    Exercise(
        id="4",
        function="mirror",
        task="Give each output a query and each letter a key of two numbers, so that attention reverses any string.",
        hints=(
            "Put the keys on a circle, one place after the other. Which query finds a given place?",
            "The dot product with a vector that points to a place is largest there. Neighbours get close: be sharp enough.",
            "angle = 2 π j / T; key (cos, sin); query of output i: the key of T − 1 − i, times a number that grows like T².",
        ),
        check=check_mirror,
    ),
]
