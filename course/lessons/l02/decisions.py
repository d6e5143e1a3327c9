"""Lesson 02: the numbers of its computed statements, and what they decide.

Spans are in levels of scalar operations, rounds in products with their function, both as helpers.counting counts them.
"""

import numpy as np

from helpers import builders, cost, newton_recurrence, span_of
from helpers.counting import rounds as graphs
from helpers.counting.graph import Graph, Traced, linear

from ...ledger.decisions import ANSWERED, CONDITIONAL, DOES_NOT_HOLD, HOLDS, UNANSWERED, Decisions
from ...models.tiny import random_words, tiny_rnn

WORDS = [6, 60, 600]
SHORT, LONG = 64, 1024  # growth is measured between these, at the width of the Transformer of 2017
WIDTH, HEADS, LAYERS = 512, 8, 6

decisions = Decisions()


# ---- one recurrent layer, and a stack


def recurrent_layers():
    """Graphs of Elman layers of width 8: the tanh in a row, and how many operations share a level."""
    layers = [builders.elman(T, 8)[0] for T in WORDS]
    return {
        "words": WORDS,
        "steps": [graph.span(counting="tanh") for graph in layers],
        "operations_a_level": min(graph.operations / graph.span() for graph in layers),
        "layers": 4,
        "stacked_steps": [builders.elman(T, 2, layers=4)[0].span(counting="tanh") for T in WORDS],
    }


@decisions.decides(
    "S2-18",
    numbers=recurrent_layers,
    shows="the longest chain of an Elman layer passes through one tanh for each word, for 6, 60 and 600 words.",
    refuted_by={"steps": [1, 1, 1], "words": WORDS},
)
def a_tanh_for_each_word(steps, words):
    return HOLDS if steps == words else DOES_NOT_HOLD


@decisions.decides(
    "S3-13",
    numbers=recurrent_layers,
    shows="the chain of one layer is as long as the sentence, 6, 60 and 600 steps; yet inside it dozens of operations "
    "share a level, and 4 stacked layers take T + 3 steps, not 4 T.",
    refuted_by={
        "words": WORDS,
        "steps": WORDS,
        "operations_a_level": 1.0,
        "layers": 4,
        "stacked_steps": [24, 240, 2400],
    },
)
def strictly_sequential(words, steps, operations_a_level, layers, stacked_steps):
    if steps != words:
        return DOES_NOT_HOLD
    overlap = all(stacked < layers * T for stacked, T in zip(stacked_steps, words, strict=True))
    return CONDITIONAL if operations_a_level > 1 and overlap else HOLDS


def globally():
    """What is parallel along the whole sequence: a linear recurrence as a tree, Newton's method on lesson 01's net."""
    methods = {"tree_rounds": "hillis_steele", "loop_rounds": "sequential"}
    counted = {
        name: [builders.linear_recurrence(T, method=method)[0].span(counting="combine") for T in WORDS]
        for name, method in methods.items()
    }
    iterations = []
    for T in WORDS:
        X, (_, _, U, W) = random_words(T), tiny_rnn("man")
        _, report = newton_recurrence(X[None], U, W)
        iterations.append(report.iterations if report.converged else T)
    return recurrent_layers() | counted | {"newton_iterations": iterations}


@decisions.decides(
    "S2-19",
    numbers=globally,
    shows="an Elman layer is parallel inside a step and takes a step a word. But a linear recurrence over 600 words is a "
    "tree of 10 rounds where the loop has 599, and Newton's method solves lesson 01's net of 600 words in fewer than 10 "
    "iterations.",
    refuted_by={
        "words": WORDS,
        "steps": WORDS,
        "operations_a_level": 50.0,
        "tree_rounds": [5, 59, 599],
        "loop_rounds": [5, 59, 599],
        "newton_iterations": WORDS,
    },
)
def local_not_global(words, steps, operations_a_level, tree_rounds, loop_rounds, newton_iterations):
    if steps != words or operations_a_level <= 1:
        return DOES_NOT_HOLD
    return CONDITIONAL if tree_rounds[-1] < loop_rounds[-1] / 10 and newton_iterations[-1] < words[-1] / 10 else HOLDS


# ---- products and sums


def products():
    """Levels of a product of 6, 60 and 600 words with a matrix of width 8."""
    graph_of = {T: Graph() for T in WORDS}
    for T, graph in graph_of.items():
        linear(Traced(graph, np.ones((T, 8))), np.ones((8, 8)))
    return {"levels": [graph.span() for graph in graph_of.values()], "levels_of_a_sum": cost.add_up(8).span}


@decisions.decides(
    "S0-18",
    numbers=products,
    shows="a product with a matrix of width 8 has one level of multiplications and three of additions, for 6 words, for "
    "60 and for 600.",
    refuted_by={"levels": [4, 40, 400], "levels_of_a_sum": 3},
)
def matrix_product(levels, levels_of_a_sum):
    return HOLDS if set(levels) == {1 + levels_of_a_sum} else DOES_NOT_HOLD


def sums():
    """Levels of a sum of 1,000 terms."""
    methods = {"tree_levels": "tree", "one_by_one_levels": "sequential"}
    return {name: builders.add_up(1000, method=method)[0].span() for name, method in methods.items()}


@decisions.decides(
    "S0-23",
    numbers=sums,
    shows="a sum of 1,000 terms depends on all of them, and takes 10 levels as a tree where one after the other takes 999.",
    refuted_by={"tree_levels": 999, "one_by_one_levels": 999},
)
def reduction(tree_levels, one_by_one_levels):
    return DOES_NOT_HOLD if tree_levels < one_by_one_levels / 10 else HOLDS


# ---- blocks


def model_of_2017():
    """Attention sub-layers on the longest chain, in the encoder alone and in the whole model, six blocks each."""
    encoder = {f"encoder {n}": [f"encoder {n - 1}"] if n > 1 else [] for n in range(1, 7)}
    model = dict(encoder)
    for n in range(1, 7):
        model[f"decoder {n}, own words"] = [f"decoder {n - 1}, encoder's"] if n > 1 else []
        model[f"decoder {n}, encoder's"] = [f"decoder {n}, own words", "encoder 6"]
    return {"encoder_points": span_of(encoder), "model_points": span_of(model)}


@decisions.decides(
    "S0-10",
    numbers=model_of_2017,
    shows="6 attention sub-layers lie on the longest chain of the encoder, 17 on that of the whole model.",
    refuted_by={"encoder_points": 1, "model_points": 1},
)
def mixing_points(encoder_points, model_points):
    return HOLDS if model_points >= encoder_points >= 6 else DOES_NOT_HOLD


def rounds_of_attention():
    """Rounds of one layer for 6, 60 and 600 words: attention, and an RNN step by step."""
    return {
        "words": WORDS,
        "attention_rounds": [span_of(graphs.attention(T)) for T in WORDS],
        "recurrent_rounds": [span_of(graphs.recurrent(T)) for T in WORDS],
    }


@decisions.decides(
    "S3-07",
    numbers=rounds_of_attention,
    shows="an attention layer takes 4 rounds for 6 words, for 60 and for 600, one after the other; an RNN, step by step, "
    "takes one a word.",
    refuted_by={"words": WORDS, "attention_rounds": [4, 60, 600], "recurrent_rounds": WORDS},
)
def all_at_once(words, attention_rounds, recurrent_rounds):
    if len(set(attention_rounds)) > 1 or recurrent_rounds != words:
        return DOES_NOT_HOLD
    return CONDITIONAL if attention_rounds[-1] > 1 else HOLDS


def six_words():
    """Levels for the article's sentence of six words, at width 512."""
    return {
        "attention": cost.attention(6, WIDTH, heads=HEADS, residual=True).span,
        "block": cost.transformer(6, WIDTH, heads=HEADS).span,
        "six_blocks": cost.transformer(6, WIDTH, heads=HEADS, layers=LAYERS).span,
        "six_recurrent_layers": cost.elman(6, WIDTH, layers=LAYERS).span,
    }


@decisions.decides(
    "S3-09",
    numbers=six_words,
    shows="for these six words at width 512 attention with LayerNorm and residual is a chain of 69 levels, one block of "
    "122, six blocks of 732; six Elman layers of 143.",
    refuted_by={"attention": 1, "block": 1, "six_blocks": 1, "six_recurrent_layers": 143},
)
def single_step(attention, block, six_blocks, six_recurrent_layers):
    return CONDITIONAL if 1 < attention < block < six_blocks and six_recurrent_layers < six_blocks else HOLDS


def one_layer():
    """One attention layer, forward and backward: how its work and its longest chain grow, 64 to 1,024 words."""
    short, long = (cost.trained(cost.attention, T, WIDTH, heads=HEADS) for T in (SHORT, LONG))
    return {"layer_path_growth": long.span / short.span, "layer_work_growth": long.work / short.work}


@decisions.decides(
    "S1-21",
    numbers=one_layer,
    shows="from 64 to 1,024 words the work of an attention layer, 512 wide, forward and backward, grows 30 times, its "
    "longest chain by less than a quarter.",
    refuted_by={"layer_path_growth": 16.0, "layer_work_growth": 30.0},
)
def nothing_recursive(layer_path_growth, layer_work_growth):
    return HOLDS if layer_path_growth < 1.25 and layer_work_growth > 16 else DOES_NOT_HOLD


# ---- growth


def growth():
    """Six blocks and six Elman layers, forward and backward: how their counts grow, 64 to 1,024 words."""
    blocks = [cost.trained(cost.transformer, T, WIDTH, heads=HEADS, layers=LAYERS) for T in (SHORT, LONG)]
    recurrent = [cost.trained(cost.elman, T, WIDTH, layers=LAYERS) for T in (SHORT, LONG)]

    def grows(stack, field):
        short, long = (getattr(counted, field) for counted in stack)
        return long / short

    return {
        "path_growth": grows(blocks, "span"),
        "work_growth": grows(blocks, "work"),
        "recurrent_path_growth": grows(recurrent, "span"),
        "transformer_growth": grows(blocks, "average_parallelism"),
        "recurrent_growth": grows(recurrent, "average_parallelism"),
    }


@decisions.decides(
    "S0-11",
    numbers=growth,
    shows="from 64 to 1,024 words, forward and backward, the longest chain of six blocks, 512 wide, grows by less than a tenth "
    "and the work for each level more than tenfold; in six recurrent layers the work for each level grows by less than a tenth.",
    # Work for each level alone decides nothing: where attention writes word by word, it grows and so does the chain.
    refuted_by={"path_growth": 23.0, "recurrent_growth": 1.08, "transformer_growth": 11.0},
)
def why_parallelisable(path_growth, recurrent_growth, transformer_growth):
    grows = path_growth < 1.1 and transformer_growth > 10
    return ANSWERED if grows and recurrent_growth < 1.1 else UNANSWERED


@decisions.decides(
    "S3-11",
    numbers=growth,
    shows="from 64 to 1,024 words, forward and backward, the longest chain of six blocks, 512 wide, grows by less than a tenth "
    "while their work grows more than 16 times; that of six recurrent layers grows more than tenfold.",
    refuted_by={"path_growth": 16.0, "work_growth": 16.0, "recurrent_path_growth": 15.0},
)
def what_scales(path_growth, work_growth, recurrent_path_growth):
    return CONDITIONAL if path_growth < 1.1 and work_growth > 16 and recurrent_path_growth > 10 else DOES_NOT_HOLD
