"""Lesson 06: the numbers of its computed statements, and what they decide. Sizes are 6, 60 and 600 words."""

import numpy as np
import torch

from helpers import elman, span_of
from helpers.counting import rounds as graphs

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, Decisions
from ...words import draw
from .parts import MATRICES, WIDTH, read, sinusoids_at

WORDS = [6, 60, 600]
CLEAR = 0.1  # a difference that is no rounding, of outputs of about 1

decisions = Decisions()


# ---- rounds


def counts():
    """Rounds of two blocks and of an RNN of two layers, for a text that is known and for one that is being written."""

    def rounds(graph, *arguments, **options):
        return [span_of(graph(T, *arguments, **options)) for T in WORDS]

    return {
        "words": WORDS,
        "reading_rounds": rounds(graphs.transformer),
        "unmasked_rounds": rounds(graphs.transformer, causal=False),
        "writing_rounds": rounds(graphs.transformer, writes=True),
        "rnn_reading_rounds": rounds(graphs.recurrent_with_outputs, layers=2),
        "rnn_writing_rounds": rounds(graphs.recurrent_with_outputs, "both", layers=2),
    }


def _flat(rounds):
    return len(set(rounds)) == 1


def _grows(rounds, words):
    return all(count >= T for count, T in zip(rounds, words, strict=True))


@decisions.decides(
    "S1-06",
    numbers=counts,
    shows="two blocks and their output take 13 rounds to read 6, 60 and 600 words, with the mask and without; to write "
    "them they take 13 rounds a word, and an RNN of two layers 3.",
    refuted_by={
        "words": WORDS,
        "reading_rounds": [78, 780, 7800],
        "unmasked_rounds": [78, 780, 7800],
        "writing_rounds": [78, 780, 7800],
    },
)
def no_waiting_along_the_text(words, reading_rounds, unmasked_rounds, writing_rounds):
    if not (_flat(reading_rounds) and _flat(unmasked_rounds)):
        return DOES_NOT_HOLD
    return CONDITIONAL if _grows(writing_rounds, words) else HOLDS


@decisions.decides(
    "S1-09",
    numbers=counts,
    shows="reading takes two blocks 13 rounds for 6, 60 and 600 words, and an RNN of two layers 8, 62 and 602; writing "
    "takes the blocks 78, 780 and 7,800.",
    refuted_by={
        "words": WORDS,
        "reading_rounds": [8, 62, 602],
        "writing_rounds": [78, 780, 7800],
        "rnn_reading_rounds": [8, 62, 602],
    },
)
def whole_sequence_at_once(words, reading_rounds, writing_rounds, rnn_reading_rounds):
    if not _flat(reading_rounds) or not _grows(rnn_reading_rounds, words):
        return DOES_NOT_HOLD
    return CONDITIONAL if _grows(writing_rounds, words) else HOLDS


@decisions.decides(
    "S1-16",
    numbers=counts,
    shows="with as many queries in both, two blocks take 13 rounds to read 600 words, where the queries come from the "
    "layer below, and 7,800 to write them, where each word's queries need the output before.",
    refuted_by={"words": WORDS, "reading_rounds": [13, 13, 13], "writing_rounds": [13, 13, 13]},
)
def many_queries(words, reading_rounds, writing_rounds):
    if not _flat(reading_rounds):
        return DOES_NOT_HOLD
    return CONDITIONAL if _grows(writing_rounds, words) else HOLDS


@decisions.decides(
    "S3-28",
    numbers=counts,
    shows="with the causal mask and without it 6, 60 and 600 words are read in the same 13 rounds; written, where each "
    "word goes in once it has come out, they take 78, 780 and 7,800.",
    refuted_by={
        "words": WORDS,
        "reading_rounds": [78, 780, 7800],
        "unmasked_rounds": [13, 13, 13],
        "writing_rounds": [78, 780, 7800],
    },
)
def one_by_one_because_of_causality(words, reading_rounds, unmasked_rounds, writing_rounds):
    if not _grows(writing_rounds, words):
        return DOES_NOT_HOLD
    mask_costs_nothing = reading_rounds == unmasked_rounds and _flat(reading_rounds)
    return CONDITIONAL if mask_costs_nothing else HOLDS


# ---- one pass and its prefixes


def _misses(model):
    """How far one pass is from the passes over all prefixes, for each number of words."""
    gaps = []
    for T in WORDS:
        text = draw(T, WIDTH, seed=T)
        last = torch.stack([model(text[:t])[-1] for t in range(1, T + 1)])
        gaps.append((model(text) - last).abs().max().item())
    return gaps


def prefixes():
    """One pass against the prefixes: masked, not masked, and an RNN; with the rounds beside them."""
    return {
        "masked_misses": _misses(read),
        "unmasked_misses": _misses(lambda text: read(text, causal=False)),
        "rnn_misses": _misses(lambda text: elman(text[None], *MATRICES[0][:2])[0]),
        "words": WORDS,
        "reading_rounds": counts()["reading_rounds"],
        "rnn_reading_rounds": counts()["rnn_reading_rounds"],
    }


@decisions.decides(
    "S3-25",
    numbers=prefixes,
    shows="an RNN's pass over 6, 60 and 600 words gives the answers of all their prefixes, to below 1e-12, as a masked "
    "pass of attention does; where every word sees all positions, it misses them clearly.",
    refuted_by={"rnn_misses": [1.0, 1.0, 1.0], "unmasked_misses": [0.0, 0.0, 0.0], "masked_misses": [0.0, 0.0, 0.0]},
)
def because_it_sees_all(rnn_misses, unmasked_misses, masked_misses):
    others_can = max(*rnn_misses, *masked_misses) < ROUNDING
    return DOES_NOT_HOLD if others_can and min(unmasked_misses) > CLEAR else HOLDS


@decisions.decides(
    "S3-24",
    numbers=prefixes,
    shows="one masked pass over 6, 60 and 600 words equals the passes over all prefixes, to below 1e-12, in 13 rounds; an "
    "RNN's pass equals them too, in 8, 62 and 602.",
    refuted_by={
        "masked_misses": [1.0, 1.0, 1.0],
        "rnn_misses": [0.0, 0.0, 0.0],
        "reading_rounds": [13, 13, 13],
    },
)
def one_batch_operation(masked_misses, rnn_misses, reading_rounds):
    if max(masked_misses) > ROUNDING or not _flat(reading_rounds):
        return DOES_NOT_HOLD
    return CONDITIONAL if max(rnn_misses) < ROUNDING else HOLDS


@decisions.decides(
    "S3-48",
    numbers=prefixes,
    shows="with the true words given, a decoder reads 6, 60 and 600 of them in 13 rounds, and equals its prefixes to below "
    "1e-12; without the mask it misses them clearly.",
    refuted_by={"masked_misses": [1.0, 1.0, 1.0], "unmasked_misses": [1.0, 1.0, 1.0], "reading_rounds": [13, 13, 13]},
)
def encoders_and_decoders(masked_misses, unmasked_misses, reading_rounds):
    if max(masked_misses) > ROUNDING or not _flat(reading_rounds):
        return DOES_NOT_HOLD
    return CONDITIONAL if min(unmasked_misses) > CLEAR else HOLDS


# ---- who reads whom, and in which order


def pairs():
    """The share of all pairs of words that a causal mask lets be read, in per cent."""
    return {"causal_share": [100 * torch.ones(T, T).tril().mean().item() for T in WORDS]}


@decisions.decides(
    "S3-19",
    numbers=pairs,
    shows="a causal mask lets 58.3, 50.8 and 50.1 % of all pairs be read, among 6, 60 and 600 words: each word reads "
    "itself and those before.",
    refuted_by={"causal_share": [100.0, 100.0, 100.0]},
)
def to_all_the_others(causal_share):
    return CONDITIONAL if max(causal_share) < 100 else HOLDS


def order():
    """How far the last output moves, relative to its size, when all words before it are shuffled, 10 times."""

    def moved(model, T):
        text, far = draw(T, WIDTH, seed=T), []
        for seed in range(10):
            shuffled = [*np.random.RandomState(seed).permutation(T - 1), T - 1]
            if shuffled != list(range(T)):
                far.append(((model(text[shuffled]) - model(text))[-1].norm() / model(text)[-1].norm()).item())
        return far

    def with_places(text):
        return read(text + sinusoids_at(torch.arange(len(text), dtype=text.dtype), WIDTH), 1, causal=False)

    models = {
        "no_mask_moves": (lambda text: read(text, 2, causal=False), max),
        "one_layer_moves": (lambda text: read(text, 1), max),
        "two_layers_move": (lambda text: read(text, 2), min),
        "positions_move": (with_places, min),
    }
    return {name: choose(choose(moved(model, T)) for T in WORDS) for name, (model, choose) in models.items()}


@decisions.decides(
    "S1-07",
    numbers=order,
    shows="shuffling all words before the last moves the last output of attention without positions by nothing, to below "
    "1e-12, without a mask or in one causal layer; in two causal layers, or with positions, it moves it.",
    refuted_by={"no_mask_moves": 0.5, "one_layer_moves": 0.5, "two_layers_move": 0.5, "positions_move": 0.5},
)
def in_place_of_recursion(no_mask_moves, one_layer_moves, two_layers_move, positions_move):
    if min(two_layers_move, positions_move) < 1e-4:
        return DOES_NOT_HOLD
    return CONDITIONAL if max(no_mask_moves, one_layer_moves) < ROUNDING else HOLDS
