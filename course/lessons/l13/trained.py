"""What lesson 13 trains in three seeds. The thresholds stood here before a seed of them ran.

A curve is (length, share right): it is what the figure of the three tasks draws.
"""

import functools

import torch

from ...models import LSTM, Elman
from ...results.trained import Run, Trained
from . import lookup, nets

GUESSING = {"parity": 0.5, "cups": 0.2, "pairs": 1 / 16}
LONG = 10_000


def _by_place(answer, task, T=LONG, B=128):
    shares = nets.right_by_place(answer, task, T, B)
    return dict(nets.at(shares))


def _judged(shares, place):
    return Run(shares[place], list(shares.items()))


def _recurrent(teach, task, place):
    def run(seed):
        return _judged(_by_place(teach(seed).model, task), place)

    return run


@functools.cache
def _reader(task, seed, length=8, steps=None):
    """Two results are read from one training: the end of what was taught, and what lies beyond."""
    return _by_place(nets.taught_reader(task, seed, length, steps).model, task, T=128, B=256)


def _reads(task, place, length=8, steps=None):
    return lambda seed: _judged(_reader(task, seed, length, steps), place)


def _writes(task):
    def run(seed):
        model = nets.taught_writer(task, seed).model
        return _judged(_by_place(lambda tokens: nets.write(model, tokens), task, T=1000, B=64), 1000)

    return run


_turning = functools.cache(nets.taught_to_turn)
_cups = functools.cache(functools.partial(nets.taught_cups, Elman))
AFTER = (1, 5, 10, 30, 99)


def _turns_at(place):
    return lambda seed: _judged(_by_place(_turning(seed).model, "cups"), place)


def _rounds(seed):
    net = _turning(seed).model
    return _judged(_by_place(lambda moves: nets.cups_of_rounded(net, moves), "cups"), LONG)


def _push_elman(seed):
    net = _cups(seed).model
    off = nets.left_of_a_push(nets.recurrent_step(net), torch.zeros(1, nets.WIDTH), AFTER)
    return Run(off[2], list(zip(AFTER, off, strict=True)))


def _push_turning(seed):
    net = _turning(seed).model
    off = nets.left_of_a_push(nets.turning_step(net), net.start(1).detach(), AFTER)
    return Run(off[-1], list(zip(AFTER, off, strict=True)))


def _pairs(how):
    def run(seed):
        model = lookup.taught_pairs(how, seed).model
        return _judged({n: lookup.looked_up(model, 256, 16, n)[0] for n in lookup.PAIRS}, 256)

    return run


def _few_pairs(width):
    def run(seed):
        model = lookup.taught_few_pairs(width, seed).model
        return _judged({n: lookup.looked_up(model, 16, 8, n, B=256)[0] for n in (2, 4, 8)}, 8)

    return run


@functools.cache
def _largest(seed):
    model = lookup.taught_largest(seed).model
    return {n: lookup.named(model, n)[0] for n in lookup.NUMBERS}


def _bits(name, words, run, threshold, at_least=True):
    return Trained(name, words, "share right", run, threshold, GUESSING["parity"], at_least)


def _ball(name, words, run, threshold, at_least=True):
    return Trained(name, words, "share right", run, threshold, GUESSING["cups"], at_least)


def _parity(kind, steps=nets.PARITY_STEPS):
    return lambda seed: nets.taught_parity(kind, seed, steps)


_01, _signed, _start, _slope = nets.GATES.values()
ON_8 = "taught parity on 8 bits"
TO_16 = "taught to follow five cups on 2 to 16 moves"

TRAINED = [
    _bits("elman-parity", f"An Elman net, {ON_8}, asked for 1,000.", _recurrent(_parity(Elman), "parity", 1000), 0.99),
    _bits(
        "elman-parity-16",
        "An Elman net, taught parity on 2 to 16 bits, asked for 1,000.",
        _recurrent(lambda seed: nets.taught_parity(Elman, seed, least=2, most=16), "parity", 1000),
        0.99,
    ),
    _bits("lstm-parity", f"An LSTM, {ON_8}, asked for 1,000.", _recurrent(_parity(LSTM), "parity", 1000), 0.99),
    _bits(
        "gates-0-1-parity",
        f"A scan with gates between 0 and 1, {ON_8} for 1,500 steps, asked for 8.",
        _recurrent(_parity(_01, 1500), "parity", 8),
        0.6,
        at_least=False,
    ),
    _bits(
        "signed-parity",
        f"A scan with gates between −1 and 1, {ON_8}, asked for 1,000.",
        _recurrent(_parity(_signed, nets.GATE_STEPS), "parity", 1000),
        0.65,
        at_least=False,
    ),
    _bits(
        "signed-start-parity",
        f"The same with a learned first state, {ON_8}, asked for 10,000.",
        _recurrent(_parity(_start, nets.GATE_STEPS), "parity", LONG),
        0.65,
        at_least=False,
    ),
    _bits(
        "signed-start-slope-parity",
        f"The same with a learned first state and three times the slope, {ON_8}, asked for 10,000.",
        _recurrent(_parity(_slope, nets.GATE_STEPS), "parity", LONG),
        0.99,
    ),
    _bits("reader-parity", f"A Transformer of two layers, {ON_8}, asked for 8.", _reads("parity", 8), 0.9),
    _bits(
        "reader-parity-beyond",
        f"A Transformer of two layers, {ON_8}, asked for 12.",
        _reads("parity", 12),
        0.65,
        at_least=False,
    ),
    _bits(
        "reader-parity-16",
        "A Transformer of two layers, taught parity on 16 bits for 1,000 steps, asked for 16.",
        _reads("parity", 16, 16, 1000),
        0.9,
    ),
    _bits(
        "reader-parity-16-beyond",
        "A Transformer of two layers, taught parity on 16 bits for 1,000 steps, asked for 20.",
        _reads("parity", 20, 16, 1000),
        0.65,
        at_least=False,
    ),
    _bits(
        "writer-parity",
        "The Transformer that is given its last answer, taught parity on 2 to 16 bits, writing 1,000 by itself.",
        _writes("parity"),
        0.99,
    ),
    _ball("elman-cups", f"An Elman net, {TO_16}, asked for 1,000.", _recurrent(_cups, "cups", 1000), 0.99),
    _ball(
        "elman-cups-8",
        "An Elman net, taught to follow five cups on 8 moves, asked for 1,000.",
        _recurrent(lambda seed: nets.taught_cups(Elman, seed, least=8, most=8), "cups", 1000),
        0.99,
    ),
    _ball(
        "lstm-cups",
        f"An LSTM, {TO_16}, asked for 1,000.",
        _recurrent(lambda seed: nets.taught_cups(LSTM, seed), "cups", 1000),
        0.99,
    ),
    _ball(
        "signed-cups",
        f"A scan with gates between −1 and 1, {TO_16}, asked for 16.",
        _recurrent(lambda seed: nets.taught_cups(_slope, seed), "cups", 16),
        0.5,
        at_least=False,
    ),
    _ball("turning-cups", f"A net of orthogonal matrices, {TO_16}, asked for 16.", _turns_at(16), 0.99),
    _ball(
        "turning-cups-beyond",
        f"A net of orthogonal matrices, {TO_16}, asked for 10,000.",
        _turns_at(LONG),
        0.5,
        at_least=False,
    ),
    _ball("turning-rounded", f"The same, put on the nearest of five states after every move, {TO_16}, asked for 10,000.",
          _rounds, 0.99),
    _ball("reader-cups", "A Transformer of two layers, taught to follow five cups on 8 moves, asked for 8.",
          _reads("cups", 8), 0.9),
    _ball(
        "reader-cups-beyond",
        "A Transformer of two layers, taught to follow five cups on 8 moves, asked for 12.",
        _reads("cups", 12),
        0.35,
        at_least=False,
    ),
    _ball(
        "writer-cups",
        "The Transformer that is given its last answer, taught to follow five cups on 2 to 16 moves, writing 1,000.",
        _writes("cups"),
        0.99,
    ),
    Trained("elman-mends", f"An Elman net, {TO_16}: its state pushed by 0.1 of its length, ten moves later.",
            "share that it is off", _push_elman, 0.001, 0.1, at_least=False),
    Trained("turning-keeps", f"A net of orthogonal matrices, {TO_16}: pushed by 0.1 of its length, 99 moves later.",
            "share that it is off", _push_turning, 0.09, 0.1),
]  # fmt: skip
TO_32 = "taught to look up 1 to 32 pairs (256 keys, 16 values), asked among 256."
TRAINED += [
    Trained("attention-pairs", f"Attention, {TO_32}", "share right", _pairs("attention"), 0.8, GUESSING["pairs"]),
    Trained("linear-pairs", f"Linear attention, {TO_32}", "share right", _pairs("linear"), 0.5, GUESSING["pairs"],
            at_least=False),
    Trained("lstm-pairs", f"An LSTM, {TO_32}", "share right", _pairs("LSTM"), 0.2, GUESSING["pairs"], at_least=False),
    Trained("scan-pairs", f"A scan with gates between −1 and 1, {TO_32}", "share right", _pairs("scan"), 0.2,
            GUESSING["pairs"], at_least=False),
    Trained("lstm-16-few-pairs", "An LSTM 16 wide, taught to recall 1 to 8 pairs (16 keys, 8 values), asked among 8.",
            "share right", _few_pairs(16), 0.6, 0.125, at_least=False),
    Trained("lstm-64-few-pairs", "An LSTM 64 wide, taught to recall 1 to 8 pairs (16 keys, 8 values), asked among 8.",
            "share right", _few_pairs(64), 0.8, 0.125),
    Trained("largest-16", "Attention, taught to name the colour of the largest of 2 to 16 numbers, asked among 16.",
            "share right", lambda seed: _judged(_largest(seed), 16), 0.95, 0.125),
    Trained("largest-4096", "Attention, taught to name the colour of the largest of 2 to 16 numbers, among 4,096.",
            "share right", lambda seed: _judged(_largest(seed), 4096), 0.4, 0.125, at_least=False),
]  # fmt: skip
