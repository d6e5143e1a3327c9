"""Lesson 02: the longest chain, the wavefront, the crossing, the depth of a tree."""

import math
import random

from helpers import cost, span_of
from helpers.counting import rounds as graphs

from ...exercises import Exercise, plural, require, shown


class WatchedGraph(dict):
    """A graph that counts how often somebody looks up what a node waits for."""

    lookups = 0

    def __getitem__(self, node):
        self.lookups += 1
        return super().__getitem__(node)


def _random_graph(rng, size):
    """A random graph whose nodes are not listed in the order of computing."""
    names = [f"n{i}" for i in range(size)]
    graph = {name: rng.sample(names[:i], min(i, rng.randint(0, 3))) for i, name in enumerate(names)}
    listed = list(graph)
    rng.shuffle(listed)
    return {name: graph[name] for name in listed}


def _ladder(layers):
    """Every node waits for both of the layer below: 2 ** layers paths, 2 * layers nodes."""
    return {
        (layer, side): [(layer - 1, 0), (layer - 1, 1)] if layer else [] for layer in range(layers) for side in (0, 1)
    }


def _graphs_to_ask():
    """{what it is: a graph}, the smallest first."""
    rng = random.Random(21)
    return {
        "one node that waits for nothing": {"a": []},
        "three nodes in a chain": {"a": [], "b": ["a"], "c": ["b"]},
        "three nodes that do not wait for one another": {"a": [], "b": [], "c": []},
        "a graph in which c waits for a and for b, and b waits for a": {"a": [], "b": ["a"], "c": ["a", "b"]},
        "a chain that is listed backwards (a graph has no order of its own)": {"c": ["b"], "b": ["a"], "a": []},
        "attention over six words": graphs.attention(6),
        "a random graph of 8 nodes": _random_graph(rng, 8),
        "a random graph of 30 nodes": _random_graph(rng, 30),
    }


def check_span(student):
    for label, graph in _graphs_to_ask().items():
        levels = student.number(graph, on=label)
        if levels != span_of(graph):
            _name_the_chain(student, label, graph, levels)
    lookups = []
    for layers in (8, 10):
        ladder = WatchedGraph(_ladder(layers))
        levels = student.number(ladder, on=f"a ladder of {layers} layers, each node of which waits for both below")
        require(
            levels == layers,
            f"for a ladder of {layers} layers the longest chain has {layers} nodes, you find {levels:g}.",
        )
        lookups.append(ladder.lookups)
    if lookups[1] > 3 * lookups[0]:  # two layers more are four times as many chains, and a quarter more nodes
        return (
            f"On a ladder of 10 layers you look {lookups[1]:,} times at {len(ladder)} nodes, once for each chain. With 40 "
            "layers it would not end: keep the level of each node in a dict."
        )
    return None


def _name_the_chain(student, label, graph, levels):
    right = span_of(graph)
    example = f" Your answer for {shown(graph)} is {levels:g}." if len(graph) <= 4 else ""
    renamed = {f"{node}_": [f"{other}_" for other in needed] for node, needed in graph.items()}
    require(
        student.number(renamed, on=label) != right,
        f"for {label}: wrong, and right once the nodes have names that you have not seen before. Something is kept from one "
        f"call to the next: a dict that is made outside the function, or as the default of an argument.{example}",
    )
    require(
        len(graph) > 1 or levels != 0,
        f"for {label}: one too few. Count the nodes on the chain, not the arrows.{example}",
    )
    require(
        levels != len(graph),
        f"for {label}: that is the number of nodes, the work. Nodes that do not wait overlap.{example}",
    )
    require(
        False,
        f"for {label}: the longest chain has {plural(right, 'node')}, you find {levels:g}. A node waits for all in its list.{example}",
    )


def check_wavefront(student):
    for T, layers in ((1, 1), (6, 1), (1, 5), (3, 12), (6, 4), (100, 8)):
        setting = f"{plural(layers, 'layer')} over {plural(T, 'word')}"
        steps, right = student.number(T, layers, on=setting), T + layers - 1
        if steps == right:
            continue
        require(
            steps != T * layers,
            f"{setting}: {steps:g} is layer by layer. A layer may start when the one below has done its first word.",
        )
        require(
            steps != T + layers,
            f"{setting}: one too many. Count the steps of the last state, starting at 1: how many moves up and to the right "
            "lead to it?",
        )
        require(
            steps != max(T, layers),
            f"{setting}: {steps:g} would let a layer work on a word before the layer below has it.",
        )
        require(steps != T, f"{setting}: {steps:g} is what one layer takes. The top layer starts later.")
        require(
            False,
            f"{setting}: {plural(right, 'step')}, you find {steps:g}. Draw the grid and write into each cell the step in which "
            "it can be ready.",
        )


LIMIT = 200


def _spans_to_compare():
    """[(what they are, the recurrent span, the other one, the largest T < LIMIT where the recurrent is shorter)]"""

    def constant(T):
        return 100

    def jumping(T):
        return 40 if T <= 16 else 70  # as ⌈log₂ T⌉ does

    def elman(T):
        return cost.elman(T, 512, 6).span

    def transformer(T):
        return cost.transformer(T, 512, 8, 6).span

    return [
        ("a span of 10 T against one of 100", lambda T: 10 * T, constant, 9),
        ("a span of 3 T against one that jumps from 40 to 70 after T = 16", lambda T: 3 * T, jumping, 23),
        ("a span that is shorter for all T", lambda T: T, lambda T: 1000, LIMIT - 1),
        ("a recurrent span that is longer from the start", lambda T: 10 * T + 200, constant, 0),
        ("six Elman layers against six blocks, width 512", elman, transformer, 55),
    ]


def check_crossing(student):
    for label, recurrent, blocks, right in _spans_to_compare():
        length = student.number(recurrent, blocks, LIMIT, on=label)
        if length != right:
            _name_the_crossing(label, recurrent, blocks, length, right)


def _name_the_crossing(label, recurrent, blocks, length, right):
    require(length == int(length) and length >= 0, f"{label}: {length:g} is no number of words.")
    require(
        length < LIMIT, f"{label}: T = {length:g} is not below the limit, {LIMIT}. The largest T to try is limit − 1."
    )
    longer = [t for t in range(1, LIMIT) if recurrent(t) > blocks(t)]
    require(
        length != max(longer, default=0) or length == 0,
        f"{label}: T = {length:g} is the largest at which the recurrent span is the longer one. Turn the comparison round.",
    )
    require(
        length == 0 or recurrent(int(length)) < blocks(int(length)),
        f"{label}: you find T = {length:g}. There the recurrent span is {recurrent(int(length)):g} against {blocks(int(length)):g}, and not "
        "shorter.",
    )
    gap = any(recurrent(t) >= blocks(t) for t in range(int(length) + 1, right))
    again = " In between it is not shorter for a while, since the other span jumps: look at all T." if gap else ""
    require(
        False,
        f"{label}: you find T = {length:g}, and at T = {right} the recurrent span is still shorter, {recurrent(right):g} against "
        f"{blocks(right):g}.{again}",
    )


def _halvings(n):
    """'6 → 3 → 2 → 1': how many terms are left after each level."""
    left = [n]
    while left[-1] > 1:
        left.append((left[-1] + 1) // 2)
    return " → ".join(f"{terms:,}" for terms in left)


def check_tree(student):
    # 6 before 5: there the natural logarithm, rounded up, is not the same as log2, rounded.
    for n in (1, 2, 3, 4, 6, 5, 9, 16, 1000, 1024, 1025):
        levels, right = student.number(n), cost.add_up(n).span
        if levels == right:
            continue
        terms = plural(n, "term")
        require(
            not math.isclose(levels, math.log2(n)),
            f"{terms}: {levels:g} is the logarithm itself. A level is whole, and a term that is left over needs one: round up.",
        )
        require(levels == int(levels), f"{terms}: {levels:g} levels? A level is whole.")
        require(
            n > 1, f"1 term: you find {plural(levels, 'level')}. One term is the sum already, with no level at all."
        )
        require(
            levels != n - 1,
            f"{terms}: {levels:g} is one addition after the other. In a tree, pairs are added in the same level.",
        )
        tree = f"{terms}: you find {plural(levels, 'level')}, and {_halvings(n)} is {plural(right, 'level')}."
        require(
            n in (3, 5) or levels != math.ceil(math.log(n)),
            f"{tree} {levels:g} is the natural logarithm, rounded up. Each level leaves half: math.log2.",
        )
        require(
            levels > right or n not in (3, 5),
            f"{tree} A term that is left over needs a level of its own: round up, not down.",
        )
        require(False, f"{tree} Each level leaves half of the terms.")


EXERCISES = [
    Exercise(
        id="1",
        function="tree_levels",
        task="Say how many levels a sum of n terms takes as a tree of pairs.",
        hints=(
            "With 8 terms: 4 pairs, then 2, then 1. With 5: two pairs and one left over make 3.",
            "Each level leaves half of the terms, rounded up.",
            "A loop does it: while n > 1: n = (n + 1) // 2. Count how often. It is log₂ n, rounded up.",
        ),
        check=check_tree,
    ),
    Exercise(
        id="2",
        function="crossing",
        task="Find the largest T at which the recurrent span is the shorter one.",
        hints=(
            "Try every T from 1 to limit − 1. The two spans may cross more than once, since ⌈log₂ T⌉ jumps.",
            "Collect the T for which recurrent(T) < blocks(T). Which of them is asked for?",
            "max((T for T in range(1, limit) if …), default=0)",
        ),
        check=check_crossing,
    ),
    Exercise(
        id="3",
        function="longest_chain",
        task="Write the function behind every span of this lesson: the longest chain of a graph, in nodes.",
        hints=(
            "A node is ready one level after the last of the nodes it waits for.",
            "level(node) = 1 + the largest level among graph[node], or 1 if it waits for nothing. A recursive function does it, "
            "if it remembers the levels it has found.",
            "Keep the levels in a dict, or a node's level is computed again for each chain to it, and there may be 2⁴⁰. "
            "max(..., default=0) covers the empty list.",
        ),
        check=check_span,
    ),
    Exercise(
        id="4",
        function="wavefront_steps",
        task="Say in how many steps a stack of recurrent layers is done.",
        hints=(
            "Which two states does the state of layer l at word t wait for?",
            "It is ready in step t + l − 1: one step more for each move to a later word and for each move to a higher layer.",
            "The last state is that of layer L at word T.",
        ),
        check=check_wavefront,
    ),
]
