"""Lesson 06: the causal mask, a test for leaks, a shift of positions, two texts that one layer cannot tell apart."""

from collections import Counter

import torch

from ...exercises import Exercise, close, kind, require
from ...words import draw, embed
from .parts import causal_layers, sinusoids_at

# ---- 1: the mask


def check_mask(student):
    for T in (3, 1, 7):
        mask = _bools(student(T), student.name, T)
        reads = torch.ones(T, T).tril().bool()
        if not torch.equal(mask, reads):
            _name_the_mask(mask, T)
            _name_the_first_wrong_pair(mask, reads, T)


def _bools(answer, name, T):
    needed = f"A tensor of True and False is needed, shape ({T}, {T})."
    try:
        mask = torch.as_tensor(answer)
    except Exception:
        mask = None
    require(mask is not None, f"{name} returned {kind(answer)} for T = {T}. {needed}")
    shape = tuple(mask.shape)
    require(
        shape in ((T, T), (T,), (1, T)),
        f"{name} returned shape {shape} for T = {T}. {needed}",
    )
    require(
        shape == (T, T),
        f"{name} returned one row, {shape}, for T = {T}: what one word may read. Each word has a row of its own. {needed}",
    )
    require(
        not mask.is_floating_point() or mask.isfinite().all(),
        f"{name} returned 0 and −∞, which are added to the scores, for T = {T}. Here True and False are asked: what may "
        "be read.",
    )
    require(
        mask.dtype == torch.bool,
        f"{name} returned numbers ({str(mask.dtype).removeprefix('torch.')}) for T = {T}. {needed} mask.bool() makes True "
        "of 1 and False of 0.",
    )
    return mask


def _name_the_mask(mask, T):
    ones = torch.ones(T, T, dtype=torch.bool)
    require(
        not torch.equal(mask, ones.triu(1)) or T == 1,
        f"for T = {T} True stands where reading is forbidden. Some functions of torch want it so, others as it is asked "
        "here: True where a word may read. ~mask turns one into the other.",
    )
    require(
        not torch.equal(mask, ones.tril(-1)),
        f"for T = {T} word 1 may read nothing at all: a softmax over no scores is 0/0, nan. A word may read itself.",
    )
    require(
        not torch.equal(mask, ones.tril(1)),
        f"for T = {T} each word may read the next one, which is what it has to guess. Training would look like a success.",
    )
    require(
        not torch.equal(mask, ones.triu()),
        f"for T = {T} each word reads itself and what comes after it. A row is a reader: row 1 must be the shortest.",
    )
    require(not mask.all() or T == 1, f"for T = {T} every word may read every word: nothing is hidden.")


def _name_the_first_wrong_pair(mask, reads, T):
    i, j = (mask != reads).nonzero()[0].tolist()
    says = "may" if mask[i, j] else "may not"
    why = "that lies in its future" if j > i else "that is itself" if i == j else "that comes before it"
    require(False, f"for T = {T} you say that word {i + 1} {says} read word {j + 1}, and {why}.")


# ---- 2: a test for leaks


def check_leaks(student):
    for layer in causal_layers():
        said = student.truth(layer.function, layer.T, layer.D, on=f"a layer where {layer.reads}, T = {layer.T}")
        place = f"with T = {layer.T}, D = {layer.D} you say {said} of a layer where {layer.reads}."
        require(said or not layer.leaks, f"{place} That is a leak. {layer.advice}")
        require(not said or layer.leaks, f"{place} That is no leak. {layer.advice}")


# ---- 3: a shift, from the vectors alone


def check_shifted(student):
    for positions, D, k in (
        ([0, 1, 2], 4, 1),
        ([0, 1, 2, 3, 4, 5, 6], 4, 2),
        ([5, 2, 40], 8, 3),
        ([9, 0, 300, 4, 1], 6, -2),
        ([3, 1], 10, 0),
        ([7, 8, 9, 10], 6, 50),
    ):
        there = torch.tensor(positions, dtype=torch.float64)
        encoding, right = sinusoids_at(there, D), sinusoids_at(there + k, D)
        place = f"the positions {', '.join(map(str, positions))}, D = {D}, k = {k}"
        meaning = "one vector for each that came in"
        answer = student.tensor(encoding, k, shape=encoding.shape, meaning=meaning, on=place)
        if close(answer, right):
            continue
        _name_the_guess(answer, encoding, D, k, place)
        _name_the_rotation(answer, encoding, there, D, k, place)
        _name_the_rows(answer, right, there, k, place)


def _name_the_guess(answer, encoding, D, k, place):
    one = torch.tensor([float(k)], dtype=torch.float64)
    require(
        not close(answer, encoding + sinusoids_at(one, D)),
        f"for {place} the vector of position k is added. Sines do not add up so: sin(a + b) is not sin a + sin b.",
    )
    require(not close(answer, encoding), f"for {place} the vectors come back as they were.")
    require(
        not any(close(answer, encoding.roll(shift, 0)) for shift in (k, -k)),
        f"for {place} the rows change places, and those at the end come back at the start. Turn each row by itself.",
    )
    from_zero = torch.arange(len(encoding), dtype=torch.float64) + k
    require(
        not close(answer, sinusoids_at(from_zero, D)),
        f"for {place} you give what is right if row 0 is position 0, row 1 position 1. Use the vectors that come in: these "
        "are of other positions.",
    )


def _name_the_rotation(answer, encoding, there, D, k, place):
    require(
        not close(answer, sinusoids_at(there - k, D)),
        f"for {place} each pair is turned the other way: these are the positions t − k. sin(a + b) = sin a cos b + cos a "
        "sin b, and the sine comes first in each pair.",
    )
    require(
        not close(answer, _turned(encoding, torch.full((D // 2,), float(k), dtype=torch.float64))),
        f"for {place} every pair is turned by k. Pair i turns by k · 10000^(−2i/D), each slower than the one before.",
    )
    speeds = 10_000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    require(
        not close(answer, _turned(encoding, torch.deg2rad(k * speeds))),
        f"for {place} the angle is taken in degrees. torch.sin and torch.cos want radians, as k · 10000^(−2i/D) is.",
    )
    require(
        not close(answer, _turned(encoding, k * speeds, halves=True)),
        f"for {place} number i is paired with number i + D/2. Here the pairs stand side by side: 0 and 1, 2 and 3, …",
    )
    slow = 10_000.0 ** (-torch.arange(D // 2, dtype=torch.float64) / D)
    require(
        not close(answer, _turned(encoding, k * slow)),
        f"for {place} pair i turns by k · 10000^(−i/D). The exponent is −2i/D, with i = 0, 1, …, D/2 − 1.",
    )


def _name_the_rows(answer, right, there, k, place):
    rows = [close(one, other) for one, other in zip(answer, right, strict=True)]
    near = [ok for ok, t in zip(rows, there.tolist(), strict=True) if t <= 3]
    require(
        not (near and all(near) and not all(rows)),
        f"for {place} only positions up to 3 are right. An angle found by arctan is known up to whole turns, and the first "
        "pair has gone half round by position 4. Turn the pairs without asking for t.",
    )
    require(
        not close(answer, torch.cat([right[:, 0::2], right[:, 1::2]], dim=1)),
        f"for {place} all sines stand first, and then all cosines. Each sine stands beside its cosine: 0 and 1, 2 and 3, …",
    )
    gap = (answer - right).abs().max().item()
    require(False, f"for {place} the vectors are off by up to {gap:.2g}.")


def _turned(encoding, angles, halves=False):
    """Each pair (sin, cos) of the rows turned forward by its angle; halves: pairs of i and i + D/2."""
    pairs = encoding.view(len(encoding), 2, -1) if halves else encoding.view(len(encoding), -1, 2).transpose(1, 2)
    sine, cosine = pairs.unbind(1)  # each (T, D/2)
    turned = [sine * angles.cos() + cosine * angles.sin(), cosine * angles.cos() - sine * angles.sin()]
    return torch.cat(turned, 1) if halves else torch.stack(turned, 2).flatten(1)


# ---- 4: two texts


def check_texts(student):
    answer = student()
    require(
        isinstance(answer, (tuple, list)) and len(answer) == 2,
        f"two_texts returned {kind(answer)}; two lists of words are needed: return one, other.",
    )
    one, other = (_words(text) for text in answer)
    require(one != other, "both texts are the same: no layer can tell them apart.")
    require(
        one[-1] == other[-1],
        f"the last words differ, {one[-1]!r} and {other[-1]!r}: one layer sees that at once, since the last output is made "
        "for the last word.",
    )
    _require_equal_shares(one, other)
    weights = [[draw(16, 16, seed=100 * net + n) / 4 for n in range(6)] for net in range(3)]
    gaps = [_last_gap(one, other, net) for net in weights]
    require(
        min(gaps) > 1e-6,
        "two layers cannot tell them apart either: every word in them is the same word, and so is what each one sees.",
    )
    return (
        f"One layer: the same to rounding; two layers: {min(gaps):.2g} to {max(gaps):.2g} apart, in three random nets."
    )


def _words(text):
    words = text.split() if isinstance(text, str) else text
    require(isinstance(words, (list, tuple)), f"a text is {kind(text)}; a list of words is needed.")
    for word in words:
        require(isinstance(word, str), f"a text holds {kind(word)}; a list of words is needed.")
        require(word.strip(), "a word has no letters.")
    require(len(words) > 0, "a text has no words.")
    return [*words]


def _require_equal_shares(one, other):
    """One layer sees what share each word has, and no more."""
    counts = Counter(one), Counter(other)
    for word in sorted(counts[0].keys() | counts[1].keys()):
        first, second = counts[0][word], counts[1][word]
        require(
            first * len(other) == second * len(one),
            f"{word!r} is {first} of {len(one)} words in one text and {second} of {len(other)} in the other: one layer "
            "sees that, since its output is a mean over the words.",
        )


def _last_gap(one, other, matrices):
    """How far the last outputs of two layers are apart."""
    last = []
    for words in (one, other):
        vectors = embed(words)
        for W_Q, W_K, W_V in (matrices[:3], matrices[3:]):
            scores = (vectors @ W_Q) @ (vectors @ W_K).T / 4
            hidden = torch.ones_like(scores).triu(1).bool()
            vectors = vectors + scores.masked_fill(hidden, -torch.inf).softmax(1) @ vectors @ W_V
        last.append(vectors[-1])
    return (last[0] - last[1]).abs().max().item()


EXERCISES = [
    Exercise(
        id="1",
        function="may_read",
        task="Write the causal mask: who may read whom.",
        hints=(
            "Row i is the reader, column j what is read. Which j may row 0 read, and which may row 1?",
            "Word i may read every j ≤ i, itself too. torch.arange(T) gives the numbers 0 to T − 1.",
            "torch.ones(T, T).tril() has ones on and below the diagonal; which type is asked?",
        ),
        check=check_mask,
    ),
    Exercise(
        id="2",
        function="leaks",
        task="Write a test that says whether any output of a layer depends on a later word.",
        hints=(
            "Draw random words. Move one of them, and compare all outputs before it with what they were.",
            "Move each word j in turn, from 1 on, all of its numbers; outputs 0 to j − 1 must not move, not by 0.00001.",
            "moved = words.clone(); moved[j] += 1; then (layer(moved)[:j] != layer(words)[:j]).any() for any j.",
        ),
        check=check_leaks,
        repeatable=False,
    ),
    Exercise(
        id="3",
        function="shifted",
        task="Turn the vectors of some positions into the vectors of the positions k later, without knowing which they are.",
        hints=(
            "sin(a + b) = sin a cos b + cos a sin b, and cos(a + b) = cos a cos b − sin a sin b. What are a and b here?",
            "encoding[:, 0::2] holds the sines, encoding[:, 1::2] the cosines; b = k · 10000^(−2i/D), one for each pair.",
            "New sines: sine * b.cos() + cosine * b.sin(). New cosines? Then put them side by side again, as they were.",
        ),
        check=check_shifted,
    ),
    Exercise(
        id="4",
        function="two_texts",
        task="Find two texts whose last output one causal layer cannot tell apart, and two layers can.",
        hints=(
            "One layer's last output is a mean over all words. What does a mean not see?",
            "The last word makes the query, so it has to stay in its place. Which words may change places?",
            "Three words are enough: the first two in both orders.",
        ),
        check=check_texts,
    ),
]
