"""Lesson 10: what is split, how long a pipeline waits, what a sum sends, and who works when in a causal ring."""

from ...exercises import Exercise, kind, number, require, shown

# ---- 1: bytes

SUMS = ((1000, 8, 4), (600, 8, 2), (5600, 2, 7), (12, 8, 3))


def check_sent(student):
    for n, itemsize, P in SUMS:
        place = f"{n:,} numbers of {itemsize} bytes among {P} workers"
        answer, right = student.number(n, itemsize, P, on=place), 2 * (P - 1) * n * itemsize / P
        if abs(answer - right) <= 1e-6 * right:
            continue
        _name_the_bytes(answer, n, itemsize, P, place)
        require(
            False,
            f"for {place} each sends {right:,.0f} bytes, you find {answer:,.0f}. 2(P − 1) turns, and in each of them one piece "
            "of n/P numbers.",
        )


def _name_the_bytes(answer, n, itemsize, P, place):
    size = n * itemsize
    known = {
        2 * (P - 1) * size: "that is what all workers send together. Asked is one of them",
        (P - 1)
        * size
        / P: "that is the first half, after which each worker has the sum of one piece. The sums have to go "
        "round once more",
        (P - 1)
        * size: "that is a worker that sends all its numbers to every other one. On the ring a worker sends pieces of "
        "n/P numbers",
        2
        * size: "that is what it comes to for very many workers. A worker has a piece less to send each time it goes round",
        size: "that is all numbers once",
        P * size: "that is all numbers once for every worker",
        2 * (P - 1) * n / P: "that counts numbers. Each has itemsize bytes",
        16 * (P - 1) * size / P: "that is eight times as much: bits. Bytes are asked",
        2 * (P - 1): "that is the number of messages. Each carries a piece of n/P numbers of itemsize bytes",
    }
    for wrong, sentence in known.items():
        require(abs(answer - wrong) > 1e-6 * wrong, f"for {place} you find {answer:,.0f}: {sentence}.")


# ---- 2: a pipeline's idle share

PIPELINES = ((5, 7), (4, 8), (2, 1), (8, 3), (40, 8))  # 5, 7: each mistake gives another number


def check_idle(student):
    for P, M in PIPELINES:
        place = f"{P} workers and {M} piece{'s' * (M > 1)}"
        answer, right = student.number(P, M, on=place), (P - 1) / (M + P - 1)
        if abs(answer - right) <= 1e-6:
            continue
        _name_the_share(answer, P, M, place)
        require(
            False,
            f"for {place} the workers are idle for {P - 1} of {M + P - 1} turns, a share of {right:.4f}; you find {answer:.4g}.",
        )


def _name_the_share(answer, P, M, place):
    known = {
        (P - 1)
        / M: f"that compares the {P - 1} idle turns with the {M} busy ones. It is published like this too (Narayanan "
        "et al. 2021); asked is the share of all turns",
        M / (M + P - 1): "that is the share in which a worker is busy",
        (P - 1)
        / (
            M + P
        ): f"you divide by {M + P} turns, one too many: the last worker finishes its last piece in turn {M + P - 1}",
        P / (M + P - 1): "one idle turn too many: the last worker starts in turn P, after P − 1",
        100 * (P - 1) / (M + P - 1): "that is per cent. A share lies between 0 and 1",
        P - 1: "that is the number of idle turns. Divide by all turns",
        (P - 1) / P: "that is right for one piece, and does not become less with more of them",
        (M - 1) / (M + P - 1): "P and M have changed places",
        P / M: "that is workers by pieces. Count the idle turns of one worker, and all turns",
        1 / M: "that leaves out how many workers there are",
        1 / P: "that leaves out how many pieces there are",
    }
    for wrong, sentence in known.items():
        require(abs(answer - wrong) > 1e-6, f"for {place} you find {answer:.4g}: {sentence}.")


# ---- 3: what is split

NAMES = ("data", "tensor", "pipeline", "sequence")
LAYERS = {"embedding": {0, 1, 2, 3}, "layer 1": {0, 1, 2, 3}, "layer 2": {0, 1, 2, 3}}


def _worker(examples=range(8), words=range(100), weights=None):
    return {
        "examples": set(examples),
        "words": set(words),
        "weights": {k: set(v) for k, v in (weights or LAYERS).items()},
    }


def workers_to_name():
    """[(what it is, four workers or two, the name)]; a layer's weights are the numbers of the columns that are held."""
    columns = [{name: {worker} for name in LAYERS} for worker in range(4)]
    shared = [{"embedding": {0, 1, 2, 3}, f"layer {layer}": {0, 1, 2, 3}} for layer in (1, 2)]
    heads = [{"embedding": {0, 1, 2, 3}, "layer 1": half, "layer 2": half} for half in ({0, 1}, {2, 3})]
    return [
        (
            "four workers with all weights and two of eight examples each",
            [_worker(range(2 * n, 2 * n + 2)) for n in range(4)],
            "data",
        ),
        (
            "four workers with one column of each layer's weights",
            [_worker(weights=weights) for weights in columns],
            "tensor",
        ),
        (
            "two workers with one layer each",
            [_worker(weights={f"layer {layer}": range(4)}) for layer in (1, 2)],
            "pipeline",
        ),
        (
            "four workers with 25 of 100 words each",
            [_worker(words=range(25 * n, 25 * n + 25)) for n in range(4)],
            "sequence",
        ),
        (
            "two workers that share the embedding and have one layer each",
            [_worker(weights=w) for w in shared],
            "pipeline",
        ),
        (
            "two workers that share the embedding and have half of each layer",
            [_worker(weights=w) for w in heads],
            "tensor",
        ),
        (
            "three workers with all weights and 4, 2 and 2 of eight examples",
            [_worker(part) for part in (range(4), range(4, 6), range(6, 8))],
            "data",
        ),
        (
            "four workers, the proposal of the thread: a batch of 32 as 4 × 8, four copies of one net",
            [_worker(range(8 * n, 8 * n + 8)) for n in range(4)],
            "data",
        ),
    ]


def check_name(student):
    for place, workers, right in workers_to_name():
        answer = student.choice(workers, options=NAMES, on=place)
        if answer == right:
            continue
        require(
            right != "data",
            f'for {place} you say "{answer}". All hold the same weights and read all words of their examples: only the examples '
            "differ.",
        )
        require(
            right != "sequence",
            f'for {place} you say "{answer}". Examples and weights are the same on all; what differs are the words.',
        )
        require(
            right != "pipeline",
            f'for {place} you say "{answer}". No layer but a shared one is on two workers: they hold whole layers, different '
            "ones.",
        )
        require(
            False,
            f'for {place} you say "{answer}". Every worker has every layer, and of some layers only its own columns.',
        )


# ---- 4: the causal ring

RINGS = ((8, 4), (12, 3), (6, 2), (5, 1), (20, 4))


def pairs(T, P, rank, striped):
    """[(query, key) pairs in each turn], counted one by one."""
    held = [[t for t in range(T) if (t % P if striped else t * P // T) == worker] for worker in range(P)]
    blocks = [held[(rank - turn) % P] for turn in range(P)]
    return [sum(key <= query for query in held[rank] for key in block) for block in blocks]


def check_pairs(student):
    for T, P in RINGS:
        for striped in (False, True):
            for rank in range(P):
                _check_ring(student, T, P, rank, striped)
    return "Neighbours: the slowest worker of each turn scores a whole block in all turns but one. Stripes: hardly half of it."


def _check_ring(student, T, P, rank, striped):
    place = f"T = {T}, P = {P}, worker {rank}, {'stripes' if striped else 'neighbours'}"
    answer, right = student(T, P, rank, striped, on=place), pairs(T, P, rank, striped)
    require(
        isinstance(answer, (list, tuple)), f"for {place} a list is needed, a number a turn, and this is {kind(answer)}."
    )
    answer = [
        number(value, f", how many pairs are scored, for turn {turn} of {place}") for turn, value in enumerate(answer)
    ]
    answer = [int(value) if value == value // 1 else value for value in answer]
    if answer == right:
        return
    require(len(answer) == P, f"for {place} you give {len(answer)} numbers; there are {P} turns.")
    c = T // P
    own = c * (c + 1) // 2
    known = {
        tuple(pairs(T, P, rank, not striped)): "that is right for the other way to hold words",
        (c * c,) * P: "every query reads every key. In a causal ring a query reads its own position and earlier ones",
        tuple(sorted(right)): "the numbers are right, and in another order. Turn 0 is the worker's own block",
        tuple(
            right[:1] + right[:0:-1]
        ): "the blocks arrive the other way round: in turn n the one of worker rank − n is here",
        tuple(value - c * (turn == 0) for turn, value in enumerate(right)): "a query reads its own key too",
        (own, *[c * c] * (P - 1)): "blocks that come after all own words are read, and are to be skipped: a pair "
        "counts if key <= query",
        (c * c, *right[1:]): "the first turn is the worker's own block, in which half of the pairs look ahead",
    }
    for wrong, sentence in known.items():
        require(tuple(answer) != wrong, f"for {place} you give {shown(answer)}: {sentence}.")
    require(False, f"for {place} the pairs are {shown(right)}, you give {shown(answer)}.")


EXERCISES = [
    Exercise(
        id="1",
        function="sent_by_each",
        task="Say how many bytes one worker sends while P workers sum n numbers on a ring.",
        hints=(
            "How many turns are there, and how many numbers go in one of them?",
            "P − 1 turns until each piece is summed, P − 1 more until everybody has all sums; a piece has n/P numbers.",
            "2 · (P − 1) · n/P numbers, and each has itemsize bytes.",
        ),
        check=check_sent,
    ),
    Exercise(
        id="2",
        function="idle",
        task="Say for which share of the time the workers of a pipeline wait: P workers, M pieces, all as long.",
        hints=(
            "Draw it for P = 2 and M = 3, a row for each worker. How many turns are there, and how many has each row to do?",
            "The last worker starts after P − 1 turns and then has M to do. Every row is as long as that.",
            "M + P − 1 turns, of which each worker works in M. The others, divided by all.",
        ),
        check=check_idle,
    ),
    Exercise(
        id="3",
        function="name",
        task='Name what is split, from what each worker holds: "data", "tensor", "pipeline" or "sequence".',
        hints=(
            "Compare what the workers hold, one thing after the other: examples, words, weights. Which differs?",
            "If only weights differ: do they have the same layers? The keys of the dict tell; some layer may be shared.",
            'Different examples: "data". Else different words: "sequence". Else different keys: "pipeline". Else "tensor".',
        ),
        check=check_name,
    ),
    Exercise(
        id="4",
        function="pairs",
        task="Count the (query, key) pairs that one worker of a causal ring scores in each turn.",
        hints=(
            "Which positions has worker r? Neighbours: r·T/P and the next ones. Stripes: r, r + P, r + 2P, …",
            "In turn n the keys of worker (rank − n) % P are here. A pair counts if the key is not later than the query.",
            "For each turn: sum(key <= query for query in own for key in block).",
        ),
        check=check_pairs,
    ),
]
