"""Lesson 09: equal weights, characters a second, the second from which one stays ahead, and what a lead is made of."""

import numpy as np

from ...exercises import Exercise, Wrong, in_float64, kind, number, require, shown


def lstm_weights(w):
    """All numbers of torch's LSTM layer that reads and writes w numbers: 8 matrices, 8 biases."""
    return 8 * w * w + 8 * w


def block_weights(d):
    """All numbers of a block: 12 d² in its matrices, 13 d in biases and LayerNorms (lesson 07)."""
    return 12 * d * d + 13 * d


def nearest_width(goal, weights=lstm_weights):
    """The width whose number of weights is nearest to a goal."""
    width = 1
    while weights(width + 1) <= goal:
        width += 1
    return min((width, width + 1), key=lambda w: abs(weights(w) - goal))


def check_width(student):
    for blocks, d in ((9, 40), (2, 96), (1, 70), (5, 8), (3, 52)):
        goal, setting = blocks * block_weights(d), f"{blocks} block{'s' * (blocks > 1)} of width {d}"
        width = student.number(blocks, d, on=setting)
        right = nearest_width(goal)
        if width == right:
            continue
        require(width > 0, f"for {setting} you find {width:g}. A width is a positive whole number.")
        for other, sentence in _other_widths(blocks, d, goal):
            require(width != other or other == right, f"for {setting} you find {width:g}. {sentence}")
        require(
            width == int(width),
            f"for {setting} you find {width:g}. A width is a whole number: take the one whose weights come nearest.",
        )
        _say_weights(setting, int(width), right, goal)


def _other_widths(blocks, d, goal):
    """[(a width that is typed by mistake, the sentence)]"""
    root = (goal / 8 + 0.25) ** 0.5 - 0.5
    return [
        (goal, "That is the number of weights. Which width gives an LSTM so many?"),
        (d, "That is the blocks' own width: equal widths are not equal weights."),
        (nearest_width(block_weights(d)), f"That is right for one block, and there are {blocks}."),
        (nearest_width(goal, lambda w: 4 * w * w), "That is what comes out with four matrices, on the state alone. There are four more, on the input."),
        (nearest_width(goal, lambda w: 2 * w * w + 2 * w), "That is an Elman layer: an LSTM has the same four times, for three gates and the candidate."),
        (nearest_width(goal, lambda w: 6 * w * w + 6 * w), "That is a GRU, which has three of each. An LSTM has four."),
        (nearest_width(goal, lambda w: 2 * (8 * w * w + 8 * w)), "That is right for two LSTM layers, one on the other; here is one."),
        (int(root), "That is the widest that has at most as many weights. One more comes nearer."),
        (int(root) + 1, "That is rounded up, or without the LSTM's biases, 8 w. One less comes nearer."),
        (nearest_width(blocks * 12 * d * d, lambda w: 8 * w * w), "That is what comes out without biases and LayerNorms. The LSTM has 8 w more, each block 13 d."),
        (nearest_width(blocks * 12 * d * d), "That is what comes out without the 13 d of each block."),
    ]  # fmt: skip


def _say_weights(setting, width, right, goal):
    raise Wrong(
        f"for {setting} you find {width}: an LSTM so wide has {lstm_weights(width):,} weights, the blocks have {goal:,}, "
        f"and another width, with {lstm_weights(right):,}, comes nearer."
    )


def check_rate(student):
    for B, T, updates, seconds in ((8, 128, 50, 10), (3, 7, 11, 0.5), (16, 64, 400, 9.0)):
        setting = f"{B} texts of {T}, {updates} updates in {seconds:g} s"
        rate = student.number(B, T, updates, seconds, on=setting)
        right = B * T * updates / seconds
        if abs(rate - right) <= 1e-6 * right:
            continue
        for value, sentence in _other_rates(B, T, updates, seconds):
            require(abs(rate - value) > 1e-6 * abs(value), f"for {setting} you find {rate:g}. {sentence}")
        require(False, f"for {setting} you find {rate:g}, and {B * T * updates:,} characters were read in all.")


def _other_rates(B, T, updates, seconds):
    """[(a number that is typed by mistake, the sentence)]"""
    right = B * T * updates / seconds
    return [
        (right / B, "The B texts of a batch are read side by side: each counts."),
        (right / T, "That counts texts. Each has T characters."),
        (right * seconds, "That is all characters of the run. How many in one second?"),
        (right / updates, "That is one update's characters over all the seconds. There were more updates."),
        (1 / right, "That is upside down: seconds a character."),
        (updates / seconds, "That is updates a second. How many characters does one update read?"),
        (seconds / updates, "That is seconds an update."),
        (int(right), "That is rounded to a whole number. Leave it as the division gives it."),
        (int(right) + 1, "That is rounded to a whole number. Leave it as the division gives it."),
        (right / 1000, "That is in thousands. Give characters."),
        (right * seconds**2, "It is multiplied by the seconds. A rate is divided by them."),
        ((B + T) * updates / seconds, "B and T are added. B texts of T characters are B · T."),
        (B * (T + 1) * updates / seconds, "The first character of a window is given and not guessed; the task counts T a text."),
    ]  # fmt: skip


# ---- who stays ahead

NEVER = "never"


def stays_below(a, b):
    """The reference: the first of b's seconds from which on all its points are below the curve a."""
    behind = [second for second, bits in b if bits >= np.interp(second, *zip(*a, strict=True))]
    later = [second for second, _ in b if not behind or second > behind[-1]]
    return later[0] if later else NEVER


CURVES = (  # (a, b, in words)
    (
        [(1, 4.0), (2, 3.0), (3, 2.5), (9, 2.0)],
        [(1, 4.5), (4, 2.9), (6, 2.45), (9, 1.9)],
        "two curves of four points",
    ),
    ([(1, 4.0), (10, 2.0)], [(1, 5.0), (5, 3.0), (8, 2.2), (10, 1.9)], "a straight line against four points"),
    (
        [(1, 4.0), (2, 3.5), (4, 3.0), (6, 2.6), (9, 2.0)],
        [(1, 3.9), (3, 3.6), (5, 2.7), (6, 2.8), (7, 2.3), (8, 2.1), (9, 1.8)],
        "two curves that cross three times",
    ),
    ([(1, 3.0), (9, 2.0)], [(1, 4.0), (3, 2.7), (9, 2.1)], "b ahead for a while, and behind at the end"),
    ([(1, 3.0), (4, 2.5), (9, 2.4)], [(1, 2.9), (2, 2.5), (9, 2.0)], "b ahead from the start"),
    ([(1, 3.0), (9, 2.0)], [(1, 4.0), (9, 2.0)], "two that meet in the last point"),
)


def check_stays(student):
    for a, b, setting in CURVES:
        answer = student([*a], [*b], on=setting)
        right = stays_below(a, b)
        if isinstance(answer, str):
            require(answer.strip().lower() == NEVER, f'for {setting} you return {shown(answer)}: a second, or "never".')
            require(right == NEVER, f"for {setting} you say never, and from {right} s on b stays below a.")
            continue
        is_infinite = isinstance(answer, float) and answer == np.inf
        require(not is_infinite, f'for {setting} you return infinity. If b is never ahead for good, return "never".')
        second = number(answer, f" for {setting}")
        if second == right:
            continue
        for value, sentence in _other_seconds(a, b):
            require(second != value, f"for {setting} you find {second:g}. {sentence}")
        require(right != NEVER, f'for {setting} you find {second:g}, and at its end b is not below a: that is "never".')
        require(False, f"for {setting} you find {second:g}, and it is {right} s: look at each of b's points.")


def _other_seconds(a, b):
    """[(a second that is returned by mistake, the sentence)]; those that are right here are left out."""
    right = stays_below(a, b)
    below = [bits < np.interp(second, *zip(*a, strict=True)) for second, bits in b]
    pairs = [x[1] > y[1] for x, y in zip(a, b, strict=False)]
    mistakes = []
    if any(below):
        mistakes.append((b[below.index(True)][0], "There b is below a for the first time, and not for good."))
        mistakes.append((below.index(True), "That is the place of a point, counted from 0, not its second."))
    if right != NEVER:
        mistakes.append(([second for second, _ in b].index(right), "That is the place of a point, not its second."))
    if any(pairs):
        mistakes.append(
            (b[pairs.index(True)][0], "Points of one place were compared; the two were measured at different seconds.")
        )
    after = [place for place in range(len(pairs)) if all(pairs[place:])]
    if after:
        mistakes.append(
            (b[after[0]][0], "Points of one place were compared; the two were measured at different seconds.")
        )
    for second, bits in b:
        of_a = np.interp(second, *zip(*a, strict=True))
        if bits >= of_a:
            sentence = f"There b has {bits:g} bits and a, read between its points, {of_a:.3g}: b is not below."
            mistakes.append((second, sentence))
    mistakes += [
        (a[-1][0], "That is the last second of all. " + ("It stays below earlier." if right != NEVER else "There b is not below.")),
        (0, 'There is no second 0 in the curves; if b is never ahead for good, return "never".'),
        (-1, 'If b is never ahead for good, return the text "never".'),
    ]  # fmt: skip
    return [(value, sentence) for value, sentence in mistakes if value != right]


# ---- what a lead is made of

LEADS = (
    ([(0, 6.0), (400, 2.0)], [(0, 6.0), (100, 3.0), (200, 2.5)]),
    ([(0, 6.0), (100, 4.0), (300, 2.6)], [(0, 6.0), (60, 5.0), (200, 3.9)]),
    ([(0, 6.0), (150, 2.4)], [(0, 6.0), (100, 3.5), (500, 2.9)]),
)


def parts_of(a, b):
    """The reference: (learning, speed) of a's lead over b."""
    common = min(a[-1][0], b[-1][0])
    learning = np.interp(common, *zip(*b, strict=True)) - np.interp(common, *zip(*a, strict=True))
    return float(learning), float(b[-1][1] - a[-1][1] - learning)


def check_lead(student):
    for a, b in LEADS:
        setting = f"a ending at {a[-1]} and b at {b[-1]}"
        answer = student([*a], [*b], on=setting)
        is_pair = isinstance(answer, (tuple, list)) or (hasattr(answer, "shape") and tuple(answer.shape) == (2,))
        require(is_pair and len(answer) == 2, f"two numbers are needed, learning and speed; this is {kind(answer)}.")
        learning, speed = in_float64([float(part) for part in answer], "the pair").tolist()
        right, lead = parts_of(a, b), b[-1][1] - a[-1][1]
        if max(abs(learning - right[0]), abs(speed - right[1])) < 1e-6:
            continue
        for (one, other), sentence in _other_parts(a, b):
            is_it = max(abs(learning - one), abs(speed - other)) < 1e-6
            require(not is_it, f"for {setting} you find {learning:.3g} and {speed:.3g}. {sentence}")
        require(
            abs(learning + speed - lead) < 1e-6,
            f"for {setting} the parts {learning:.3g} and {speed:.3g} add up to {learning + speed:.3g}, and the lead is "
            f"{lead:.3g}.",
        )
        require(False, f"for {setting} you find {learning:.3g} of learning; both have read {min(a[-1][0], b[-1][0])}.")


def _other_parts(a, b):
    """[(a pair that is typed by mistake, the sentence)]"""
    learning, speed = parts_of(a, b)
    common = min(a[-1][0], b[-1][0])
    nearest = [min(curve, key=lambda point: abs(point[0] - common))[1] for curve in (a, b)]
    points = nearest[1] - nearest[0]
    lead, first = learning + speed, b[1][1] - a[1][1]
    return [
        ((speed, learning), "The two are exchanged: learning first."),
        ((-learning, -speed), "The signs are turned: a lead of a is positive, since it has fewer bits."),
        ((lead, 0.0), "Both curves are read at their ends; but one has read more there. Learning is asked at equal characters."),
        ((0.0, lead), "All of it is called speed. At the characters that both have read the curves differ too."),
        ((learning, lead), "The second is the whole lead: take the learning away."),
        ((lead, speed), "The first is the whole lead: take the speed away."),
        ((points, lead - points), "The nearest measured points are taken. Between two points a curve is straight: np.interp."),
        ((first, lead - first), "The second points are compared, which were not measured at equal characters."),
        ((learning / lead, speed / lead), "These are shares of the lead. Give bits."),
    ]  # fmt: skip


EXERCISES = [
    Exercise(
        id="1",
        function="lstm_width",
        task="Find the width of one LSTM layer whose number of weights comes nearest to that of some Transformer blocks.",
        hints=(
            "First the goal: blocks · (12 d² + 13 d). Then: which w makes 8 w² + 8 w that large?",
            "Try widths: the first whose weights reach the goal, and the one before it. Which of the two is nearer?",
            "min(range(1, 20 * d), key=lambda w: abs(8 * w * w + 8 * w - goal)) finds it.",
        ),
        check=check_width,
    ),
    Exercise(
        id="2",
        function="characters_per_second",
        task="Say how many characters a second a training reads: B texts of T characters an update.",
        hints=(
            "How many characters does one update read?",
            "B texts of T characters each. Then: how many updates, and in how long?",
            "All characters are B · T · updates; a rate divides by the seconds.",
        ),
        check=check_rate,
    ),
    Exercise(
        id="3",
        function="stays_below",
        task="Find the first of b's seconds from which on all of b's points lie below the curve a; else the text \"never\".",
        hints=(
            "Curves can cross more than once: find the last of b's points that is not below a.",
            "a was measured at other seconds. np.interp(second, seconds_of_a, bits_of_a) reads it between two points.",
            "Walk through b; remember a second when b is below a and nothing is remembered, forget it when it is not.",
        ),
        check=check_stays,
    ),
    Exercise(
        id="4",
        function="lead_parts",
        task="Split a's lead over b at the end into what it owes to learning, at equal characters, and to speed.",
        hints=(
            "Both curves end at the same second, after different numbers of characters. Which number have both read?",
            "At that number, read both curves (np.interp): b's bits less a's are the part of learning.",
            "The whole lead is b's last bits less a's. What learning does not explain is speed.",
        ),
        check=check_lead,
    ),
]
