"""Lesson 09: right answers and wrong ones."""

import bisect
import itertools
import math

import numpy as np
import torch

from ...exercises.answers import Answers
from .exercises import nearest_width

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


def wrongs(exercise_id, sentences):
    for sentence, answer in sentences.items():
        wrong(exercise_id, sentence, answer)


# ---- 1: the width of an LSTM


@reference("1")
def lstm_width(blocks, d):
    goal = blocks * (12 * d * d + 13 * d)
    return min(range(1, 20 * d), key=lambda w: abs(8 * w * w + 8 * w - goal))


@also_right("1")
def width_by_walking(blocks, d):
    goal, w = blocks * (12 * d**2 + 13 * d), 1
    while 8 * w * (w + 1) < goal:
        w += 1
    return w if 8 * w * (w + 1) - goal < goal - 8 * w * (w - 1) else w - 1


@also_right("1")
def width_by_root(blocks, d):
    goal = blocks * d * (12 * d + 13)
    root = (math.sqrt(1 + goal / 2) - 1) / 2
    return min((math.floor(root), math.ceil(root)), key=lambda w: abs(8 * w * (w + 1) - goal))


@also_right("1")
def width_in_numpy(blocks, d):
    widths = np.arange(1, 20 * d)
    return widths[np.abs(8 * widths**2 + 8 * widths - blocks * (12 * d**2 + 13 * d)).argmin()]


@also_right("1")
def width_in_torch(blocks, d):
    widths = torch.arange(1, 20 * d)
    return widths[(8 * widths**2 + 8 * widths - blocks * (12 * d**2 + 13 * d)).abs().argmin()]


@also_right("1")
def width_by_halving(blocks, d):
    goal = blocks * (12 * d * d + 13 * d)
    w = bisect.bisect_left(range(20 * d), goal, key=lambda w: 8 * w * w + 8 * w)
    return w if abs(8 * w * w + 8 * w - goal) <= abs(8 * (w - 1) * w - goal) else w - 1


@also_right("1")
def width_as_float(blocks, d):
    return float(lstm_width(blocks, d))


def blocks_and(d, blocks):
    return blocks * (12 * d * d + 13 * d)


def exact(blocks, d):
    return (blocks_and(d, blocks) / 8 + 0.25) ** 0.5 - 0.5


wrongs(
    "1",
    {
        "equal widths are not equal weights": lambda blocks, d: d,
        "right for one block": lambda blocks, d: lstm_width(1, d),
        "on the state alone": lambda blocks, d: nearest_width(blocks_and(d, blocks), lambda w: 4 * w * w),
        "an Elman layer": lambda blocks, d: nearest_width(blocks_and(d, blocks), lambda w: 2 * w * w + 2 * w),
        "a GRU": lambda blocks, d: nearest_width(blocks_and(d, blocks), lambda w: 6 * w * w + 6 * w),
        "the widest that has at most": lambda blocks, d: int(exact(blocks, d)),
        "That is rounded up": lambda blocks, d: math.ceil(exact(blocks, d)),
        "without the LSTM's biases": lambda blocks, d: round((blocks_and(d, blocks) / 8) ** 0.5),
        "A width is a whole number": exact,
        "the number of weights. Which width": lambda blocks, d: blocks_and(d, blocks),
        "without biases and LayerNorms": lambda blocks, d: round((1.5 * blocks) ** 0.5 * d),
        "A width is a positive whole number": lambda blocks, d: -lstm_width(blocks, d),
        "comes nearer": lambda blocks, d: lstm_width(blocks, d) + 2,
        "Is a return missing": lambda blocks, d: None,
        "a number is needed": lambda blocks, d: [lstm_width(blocks, d), d],
    },
)


# ---- 2: characters a second


@reference("2")
def characters_per_second(B, T, updates, seconds):
    return B * T * updates / seconds


answers.also_right("2", lambda B, T, updates, seconds: updates / seconds * (B * T))
answers.also_right("2", lambda B, T, updates, seconds: np.float64(B) * T * updates / seconds)
answers.also_right("2", lambda B, T, updates, seconds: torch.ones(B, T, dtype=torch.float64).sum() * updates / seconds)
answers.also_right("2", lambda B, T, updates, seconds: sum(B * T for _ in range(updates)) / seconds)
answers.also_right("2", lambda B, T, updates, seconds: math.prod([B, T, updates, 1 / seconds]))


@also_right("2")
def by_the_update(B, T, updates, seconds):
    each = seconds / updates
    return B * T / each


wrongs(
    "2",
    {
        "side by side": lambda B, T, updates, seconds: T * updates / seconds,
        "That counts texts": lambda B, T, updates, seconds: B * updates / seconds,
        "all characters of the run": lambda B, T, updates, seconds: B * T * updates,
        "There were more updates": lambda B, T, updates, seconds: B * T / seconds,
        "upside down": lambda B, T, updates, seconds: seconds / (B * T * updates),
        "updates a second": lambda B, T, updates, seconds: updates / seconds,
        "seconds an update": lambda B, T, updates, seconds: seconds / updates,
        "in thousands": lambda B, T, updates, seconds: B * T * updates / seconds / 1000,
        "A rate is divided": lambda B, T, updates, seconds: B * T * updates * seconds,
        "B and T are added": lambda B, T, updates, seconds: (B + T) * updates / seconds,
        "is given and not guessed": lambda B, T, updates, seconds: B * (T + 1) * updates / seconds,
        "rounded to a whole number": lambda B, T, updates, seconds: B * T * updates // seconds,
        "That is rounded": lambda B, T, updates, seconds: math.ceil(B * T * updates / seconds),
        "characters were read in all": lambda B, T, updates, seconds: B * T * (updates - 1) / seconds,
        "Is a return missing": lambda B, T, updates, seconds: print(B * T * updates / seconds),
    },
)


# ---- 3: from when on one stays ahead


@reference("3")
def stays_below(a, b):
    import numpy as np

    seconds_a, bits_a = [second for second, _ in a], [bits for _, bits in a]
    since = None
    for second, bits in b:
        if bits >= np.interp(second, seconds_a, bits_a):
            since = None
        elif since is None:
            since = second
    return "never" if since is None else since


@also_right("3")
def from_the_end(a, b):
    answer = "never"
    for second, bits in reversed(b):
        if not bits < np.interp(second, [x for x, _ in a], [y for _, y in a]):
            break
        answer = second
    return answer


@also_right("3")
def in_arrays(a, b):
    a, b = np.array(a), np.array(b)
    below = b[:, 1] < np.interp(b[:, 0], a[:, 0], a[:, 1])
    stays = np.logical_and.accumulate(below[::-1])[::-1]
    return b[stays.argmax(), 0] if stays.any() else "never"


@also_right("3")
def by_all(a, b):
    xs, ys = zip(*a, strict=True)
    for place in range(len(b)):
        if all(bits < np.interp(second, xs, ys) for second, bits in b[place:]):
            return b[place][0]
    return "Never"


@also_right("3")
def after_the_last(a, b):
    line = np.interp([x for x, _ in b], *zip(*a, strict=True))
    behind = [i for i, (_, bits) in enumerate(b) if bits >= line[i]]
    if not behind:
        return b[0][0]
    return b[behind[-1] + 1][0] if behind[-1] + 1 < len(b) else "never"


@also_right("3")
def by_hand(a, b):
    def at(second):
        for (x0, y0), (x1, y1) in itertools.pairwise(a):
            if x0 <= second <= x1:
                return y0 + (y1 - y0) * (second - x0) / (x1 - x0)
        return a[-1][1]

    stays = [second for place, (second, _) in enumerate(b) if all(y < at(x) - 1e-12 for x, y in b[place:])]
    return stays[0] if stays else "never"


def _below(a, b):
    return [bits < np.interp(second, *zip(*a, strict=True)) for second, bits in b]


wrongs(
    "3",
    {
        "for the first time, and not for good": lambda a, b: next(
            (x for (x, _), y in zip(b, _below(a, b), strict=True) if y), "never"
        ),
        "Points of one place were compared": lambda a, b: next(
            (
                b[i][0]
                for i in range(min(len(a), len(b)))
                if all(y[1] < x[1] for x, y in list(zip(a, b, strict=False))[i:])
            ),
            "never",
        ),
        "the place of a point": lambda a, b: [x for x, _ in b].index(stays_below(a, b)),
        "That is the last second of all": lambda a, b: a[-1][0],
        "There is no second 0": lambda a, b: 0 if stays_below(a, b) == "never" else stays_below(a, b),
        'return the text "never"': lambda a, b: -1 if stays_below(a, b) == "never" else stays_below(a, b),
        "There b has 2.45 bits and a, read between its points, 2.25: b is not below": lambda a, b: [
            (x, below) for (x, _), below in zip(b, _below(a, b), strict=True) if not below
        ][-1][0],
        "you return infinity": lambda a, b: math.inf if stays_below(a, b) == "never" else stays_below(a, b),
        "you say never": lambda a, b: "never",
        'a second, or "never"': lambda a, b: "no" if stays_below(a, b) == "never" else stays_below(a, b),
        "Is a return missing": lambda a, b: None if stays_below(a, b) == "never" else stays_below(a, b),
        "look at each of b's points": lambda a, b: 4.5,
        'that is "never"': lambda a, b: 6.5 if stays_below(a, b) == "never" else stays_below(a, b),
        "a number is needed": lambda a, b: [stays_below(a, b)],
    },
)


# ---- 4: what a lead is made of


@reference("4")
def lead_parts(a, b):
    import numpy as np

    common = min(a[-1][0], b[-1][0])
    at_a, at_b = (np.interp(common, [x for x, _ in curve], [y for _, y in curve]) for curve in (a, b))
    learning = at_b - at_a
    return learning, b[-1][1] - a[-1][1] - learning


@also_right("4")
def as_list(a, b):
    return [float(part) for part in lead_parts(a, b)]


@also_right("4")
def as_tensor(a, b):
    return torch.tensor(lead_parts(a, b))


@also_right("4")
def as_array(a, b):
    return np.array(lead_parts(a, b))


@also_right("4")
def by_arrays(a, b):
    a, b = np.array(a, dtype=float), np.array(b, dtype=float)
    n = min(a[-1, 0], b[-1, 0])
    at_a, at_b = np.interp(n, a[:, 0], a[:, 1]), np.interp(n, b[:, 0], b[:, 1])
    return at_b - at_a, (at_a - a[-1, 1]) - (at_b - b[-1, 1])


@also_right("4")
def by_cases(a, b):
    lead = b[-1][1] - a[-1][1]
    if a[-1][0] > b[-1][0]:
        learning = b[-1][1] - np.interp(b[-1][0], *zip(*a, strict=True))
    else:
        learning = np.interp(a[-1][0], *zip(*b, strict=True)) - a[-1][1]
    return learning, lead - learning


@also_right("4")
def by_speed_first(a, b):
    read_a, read_b = a[-1][0], b[-1][0]
    n = min(read_a, read_b)
    speed = (np.interp(n, *zip(*a, strict=True)) - a[-1][1]) - (np.interp(n, *zip(*b, strict=False)) - b[-1][1])
    return b[-1][1] - a[-1][1] - speed, speed


def _lead(a, b):
    return b[-1][1] - a[-1][1]


wrongs(
    "4",
    {
        "exchanged": lambda a, b: lead_parts(a, b)[::-1],
        "signs are turned": lambda a, b: lead_parts(b, a),
        "one has read more there": lambda a, b: (_lead(a, b), 0.0),
        "All of it is called speed": lambda a, b: (0.0, _lead(a, b)),
        "The second is the whole lead": lambda a, b: (lead_parts(a, b)[0], _lead(a, b)),
        "The first is the whole lead": lambda a, b: (_lead(a, b), lead_parts(a, b)[1]),
        "The second points are compared": lambda a, b: (b[1][1] - a[1][1], _lead(a, b) - b[1][1] + a[1][1]),
        "shares of the lead": lambda a, b: [part / _lead(a, b) for part in lead_parts(a, b)],
        "add up to": lambda a, b: (lead_parts(a, b)[0], 1.0),
        "of learning; both have read": lambda a, b: (0.9, _lead(a, b) - 0.9),
        "two numbers are needed": lambda a, b: _lead(a, b),
        "Is a return missing": lambda a, b: print(lead_parts(a, b)),
    },
)
