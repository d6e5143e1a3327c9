"""Lesson 02: the longest path, the wavefront, the crossing, the depth of a tree."""

import random

from helpers import cost, span_of
from helpers.counting import rounds as graphs

from ...exercises import Exercise, number, require


def _random_graph(rng, size):
    """A random graph whose nodes are not listed in the order of computing."""
    names = [f"n{i}" for i in range(size)]
    graph = {name: rng.sample(names[:i], min(i, rng.randint(0, 3))) for i, name in enumerate(names)}
    listed = list(graph)
    rng.shuffle(listed)
    return {name: graph[name] for name in listed}


def check_span(student):
    def ask(graph, about):
        found = number(student(graph))
        right = span_of(graph)
        if found == right:
            return
        edges = sum(map(len, graph.values()))
        shown = f" Your answer for {graph} is {found:g}." if len(graph) <= 4 else ""
        chain = edges == len(graph) - 1 == right - 1
        require(
            not chain or found != right - 1,
            f"{about}: one too few. Count the nodes on the path, not the arrows.{shown}",
        )
        require(
            len(graph) != 3 or edges != 3,
            f"{about}: c is third in line. A node waits for all in its list, the latest.{shown}",
        )
        require(
            found != len(graph),
            f"{about}: that is the number of nodes, the work. Nodes that do not wait overlap.{shown}",
        )
        require(found != edges, f"{about}: that is the number of arrows.{shown}")
        require(False, f"{about}: the longest path has {right} nodes, you found {found:g}.{shown}")

    ask({"a": []}, "One node that waits for nothing")
    ask({"a": [], "b": ["a"], "c": ["b"]}, "Three nodes in a chain")
    ask({"a": [], "b": [], "c": []}, "Three nodes that do not wait for one another")
    ask({"a": [], "b": ["a"], "c": ["a", "b"]}, "c waits for a and for b, and b waits for a")
    ask({"c": ["b"], "b": ["a"], "a": []}, "A chain listed backwards (a graph has no order of its own)")
    ask(graphs.attention(6), "Attention over six words")
    rng = random.Random(21)
    for size in (8, 30):
        ask(_random_graph(rng, size), f"A random graph of {size} nodes")
    # Every node waits for both of the layer below: 2**40 paths, but only 80 nodes.
    ladder = {
        (layer, side): [(layer - 1, 0), (layer - 1, 1)] if layer else [] for layer in range(40) for side in (0, 1)
    }
    ask(ladder, "A ladder of 40 layers")


def check_wavefront(student):
    for T, layers in ((1, 1), (6, 1), (1, 5), (3, 12), (6, 4), (100, 8)):
        found, right = number(student(T, layers)), T + layers - 1
        about = f"{layers} layer{'s' * (layers > 1)} over {T} word{'s' * (T > 1)}"
        if found == right:
            continue
        require(
            found != T * layers or T * layers == right,
            f"{about}: {found:g} is layer by layer. A layer may start when the one below has done its first word.",
        )
        require(
            found != T + layers,
            f"{about}: one too many. Count the steps of the last state, starting at 1: how many moves "
            "up and to the right lead to it?",
        )
        require(
            found != max(T, layers),
            f"{about}: {found:g} would let a layer work on a word before the layer below has it.",
        )
        require(found != T, f"{about}: {found:g} is what one layer takes. The top layer starts later.")
        require(
            False,
            f"{about}: {right} steps, you found {found:g}. Draw the grid and write into each cell the step in which it "
            "can be ready.",
        )


def check_crossing(student):
    def bumpy(T):
        return 40 if T <= 16 else 70  # a path that jumps, as ⌈log₂ T⌉ does

    cases = [
        ("a path of 10 T against one of 100", lambda T: 10 * T, lambda T: 100, 9),
        ("a path of 3 T against one that jumps from 40 to 70 after T = 16", lambda T: 3 * T, bumpy, 23),
        ("a path that is shorter for all T", lambda T: T, lambda T: 1000, 199),
        ("a recurrent path that is longer from the start", lambda T: 10 * T + 200, lambda T: 100, 0),
        (
            "six Elman layers against six blocks, width 512",
            lambda T: cost.elman(T, 512, 6).span,
            lambda T: cost.transformer(T, 512, 8, 6).span,
            55,
        ),
    ]
    for about, recurrent, blocks, right in cases:
        found = number(student(recurrent, blocks, 200))
        if found == right:
            continue
        require(
            found != right + 1, f"{about}: one too many. At T = {right + 1} the recurrent path is not shorter any more."
        )
        require(
            not (right == 23 and found == 13),
            f"{about}: you stop where it is first not shorter, at 13. The other path jumps later, and 3 T is shorter again "
            "up to 23. Look at all T.",
        )
        require(right != 199 or found != 200, f"{about}: T = 200 is the limit itself; the answer lies below it.")
        require(
            found != 199 and found != 200,
            f"{about}: {found:g} is the limit, not the crossing. Is the comparison turned round?",
        )
        require(right != 0, f"{about}: it is never shorter, so the answer is 0; you found {found:g}.")
        require(False, f"{about}: the recurrent path is shorter up to T = {right}, you found {found:g}.")


def check_tree(student):
    for n in (6, 16, 1, 2, 3, 4, 5, 9, 1000, 1024, 1025):
        found, right = number(student(n)), cost.add_up(n).span
        if found == right:
            continue
        require(
            found != n - 1,
            f"{n} terms: {found:g} is one addition after the other. In a tree, pairs are added in the same level.",
        )
        require(
            found != n // 2, f"{n} terms: {found:g} is the number of pairs in the first level. How many levels follow?"
        )
        require(found == int(found), f"{n} terms: {found:g} levels? A level is whole: round up.")
        require(
            found != right - 1,
            f"{n} terms: one too few. Round the logarithm to base 2 up, not down: a term left over needs a level of its own.",
        )
        require(
            found != right + 1,
            f"{n} terms: one too many. {n} terms need {right}; n.bit_length() is off at powers of two.",
        )
        require(
            False, f"{n} terms: {right} levels, you found {found:g}. Halve and round up until one is left; how often?"
        )


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
        function="wavefront_steps",
        task="Say in how many steps a stack of recurrent layers is done.",
        hints=(
            "Which two states does the state of layer l at word t wait for?",
            "It is ready in step t + l − 1: in the figure above, one more for each move to the right and for each move up.",
            "The last state is that of layer L at word T.",
        ),
        check=check_wavefront,
    ),
    Exercise(
        id="3",
        function="crossing",
        task="Find the largest T at which the recurrent path is the shorter one.",
        hints=(
            "Try every T from 1 to limit − 1. The two paths may cross more than once, since ⌈log₂ T⌉ jumps.",
            "Collect the T for which recurrent(T) < blocks(T). Which of them is asked for?",
            "max((T for T in range(1, limit) if …), default=0)",
        ),
        check=check_crossing,
    ),
    Exercise(
        id="4",
        function="longest_path",
        task="Write the function behind every span of this lesson: the longest path of a graph, in nodes.",
        hints=(
            "A node is ready one level after the last of the nodes it waits for.",
            "level(node) = 1 + the largest level among graph[node], or 1 if it waits for nothing. A recursive function does it, "
            "if it remembers the levels it has found.",
            "Keep the levels in a dict, or a node's level is computed again for each path to it, and there may be 2⁴⁰. "
            "max(..., default=0) covers the empty list.",
        ),
        check=check_span,
    ),
]
