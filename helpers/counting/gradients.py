"""The way back: reverse-mode differentiation of a graph that was built, appended to the same graph.

What counts is forward and backward together, since this is what training does. Every node sends back to its operands
what its own gradient is worth to them; where several nodes read one number, what they send back is added up in a
balanced tree, in the order in which the readers were made. A change of sign is free, because it only makes a
subtraction of an addition.

Linnainmaa, BIT 16(2), 1976; Griewank and Walther, "Evaluating derivatives", 2nd edition 2008, chapter 3.
"""

from collections import defaultdict, deque

import numpy as np
from numpy.typing import ArrayLike

from .functions import logistic, positive_feature, rectified, shifted
from .graph import GIVEN, LIMIT, Graph, Traced, join


def backward(outputs: Traced, gradient: ArrayLike | None = None) -> dict[str, Traced]:
    """{name: the gradient of a loss} for every weight and input of the graph that made the outputs.

    gradient: that of the loss with respect to the outputs, of their shape. Unless it is given the loss is half the sum
    of their squares, whose gradient is the outputs themselves: it adds no operation, and is ready when they are. A
    gradient that is given is a constant, there from the start.
    The nodes that this takes are appended to outputs.graph, so its span, work and operations are those of forward and
    backward from then on. A leaf that no output depends on has zeros. Raises ValueError for another shape, for an
    operation whose derivative is not known, and where the graph would grow beyond LIMIT nodes.

    >>> from helpers import builders
    >>> graph, states = builders.elman(T=6, d=8)
    >>> forward = graph.span(), graph.work
    >>> gradients = backward(states)
    >>> forward, (graph.span(), graph.work), gradients["hidden"].shape
    ((42, 768), (79, 2240), (1, 8, 8))
    """
    graph = outputs.graph
    if 4 * len(graph) > LIMIT:
        raise ValueError(
            f"{len(graph):,} nodes were built, and some three times as many would be; at most {LIMIT:,} fit. "
            "Build a smaller graph."
        )
    arriving = _Arriving(graph)
    arriving.add(outputs.nodes, _gradient_of_outputs(outputs, gradient))
    for block in reversed(list(graph.blocks)):
        nodes, gradients = arriving.take(block.start)
        if len(nodes) == 0:
            continue
        with graph.place(f"back through {block.place or block.operation}"):
            _send_back(block, nodes - block.start, gradients, arriving)
    return _gradients_of_leaves(graph, *arriving.take(GIVEN))


def _gradient_of_outputs(outputs, gradient):
    if gradient is None:
        return outputs
    array = np.asarray(gradient, dtype=np.float64)
    if array.shape != outputs.shape:
        raise ValueError(f"gradient has shape {array.shape}; expected that of the outputs, {outputs.shape}.")
    return Traced(outputs.graph, array)


class _Arriving:
    """What has been sent back to each block, and to the leaves, which are together under GIVEN."""

    def __init__(self, graph: Graph):
        self.graph, self.starts = graph, [block.start for block in graph.blocks]
        # {start of a block: [(ids, terms)]}, in the order in which the readers were made
        self.parts = defaultdict(deque)

    def add(self, ids, terms):
        """Send `terms` to the numbers `ids`, two arrays of one shape; a constant, GIVEN, gets nothing."""
        ids = ids.reshape(-1)
        wanted = np.flatnonzero(ids != GIVEN)
        ids, terms = ids[wanted], terms.reshape(-1)[wanted]
        to_leaf = ids < GIVEN
        if to_leaf.any():
            self.parts[GIVEN].appendleft((ids[to_leaf], terms[to_leaf]))
            ids, terms = ids[~to_leaf], terms[~to_leaf]
        blocks = np.searchsorted(self.starts, ids, side="right") - 1
        for block in np.unique(blocks):
            here = blocks == block
            self.parts[self.starts[block]].appendleft((ids[here], terms[here]))

    def take(self, start):
        """(ids, gradients): the numbers of a block that something was sent to, and what arrived, added up."""
        parts = self.parts.pop(start, ())
        if not parts:
            return np.zeros(0, dtype=np.int32), Traced(self.graph, np.zeros(0))
        ids, terms = np.concatenate([part[0] for part in parts]), join([part[1] for part in parts])
        order = np.argsort(ids, kind="stable")
        return _add_up(ids[order], terms[order])


def _add_up(ids, terms):
    """(ids, sums): the terms of each id, which stand side by side, as balanced trees of adjacent pairs."""
    while True:
        same_as_next = np.append(ids[1:] == ids[:-1], False)
        if not same_as_next.any():
            return ids, terms
        first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))  # where the terms of each id begin
        position = np.arange(len(ids)) - np.repeat(first, np.diff(np.append(first, len(ids))))
        is_left = position % 2 == 0
        left = np.flatnonzero(is_left & same_as_next)
        sums = terms[left] + terms[left + 1]
        values, nodes = terms.values.copy(), terms.nodes.copy()
        values[left], nodes[left] = sums.values, sums.nodes
        ids, terms = ids[is_left], Traced(terms.graph, values[is_left], nodes[is_left])


def _send_back(block, at, gradients, arriving):
    """Send on what the nodes `at` of a block, positions in it, are worth to their operands; gradients: (nodes,)."""
    if block.function not in DERIVATIVES:
        raise ValueError(f"No derivative is known for the operation {block.operation!r}, so there is no way back.")
    for operand_ids, derivative in zip((block.left, block.right), DERIVATIVES[block.function], strict=True):
        if derivative is None:
            continue
        ids = _flat(operand_ids, block.shape)[at]
        wanted = np.flatnonzero(ids != GIVEN)
        if len(wanted):
            arriving.add(ids[wanted], derivative(_Nodes(block, at[wanted], gradients[wanted])))


class _Nodes:
    """Some nodes of a block, with their gradients, operands and results, (nodes,) each."""

    def __init__(self, block, at, gradient):
        self.gradient, self.multiply_add, graph = gradient, block.multiply_add, gradient.graph
        if block.values is not None:
            left, right, result = (_flat(array, block.shape)[at] for array in block.values)
            self.left = Traced(graph, left, _flat(block.left, block.shape)[at])
            self.right = Traced(graph, right, _flat(block.right, block.shape)[at])
            self.result = Traced(graph, result, np.asarray(block.start + at, dtype=np.int32))

    def gradient_times(self, factor):
        """A MAC where the node itself is one: sent back from a product, it is a product of another sum."""
        graph = self.gradient.graph
        return graph.apply("multiply", np.multiply, self.gradient, factor, multiply_add=self.multiply_add)


def _flat(array, shape):
    return np.broadcast_to(array, shape).reshape(-1)


def _negative(x):
    return Traced(x.graph, -x.values, x.nodes)  # free


def _unchanged(nodes):
    return nodes.gradient


def _negated(nodes):
    return _negative(nodes.gradient)


def _times_right(nodes):
    return nodes.gradient_times(nodes.right)


def _times_left(nodes):
    return nodes.gradient_times(nodes.left)


def _to_dividend(nodes):
    return nodes.gradient / nodes.right


def _to_divisor(nodes):
    return _negative(nodes.gradient_times(nodes.result / nodes.right))


def _to_square(nodes):
    return nodes.gradient_times(nodes.left * 2.0)


def _to_root(nodes):
    return nodes.gradient_times(nodes.gradient.graph.apply("divide", np.divide, 0.5, nodes.result))


def _to_exponent(nodes):
    return nodes.gradient_times(nodes.result)


def _to_tanh(nodes):
    return nodes.gradient_times(1.0 - nodes.result.map("square", np.square))


def _to_sigmoid(nodes):
    return nodes.gradient_times(nodes.result - nodes.result.map("square", np.square))


def _to_relu(nodes):
    return nodes.gradient.map("select", _where_positive, nodes.result)


def _to_elu_plus_one(nodes):
    return nodes.gradient_times(nodes.result.map("select", _at_most_one))


def _where_positive(gradient, result):
    return np.where(result > 0, gradient, 0.0)


def _at_most_one(result):
    return np.minimum(result, 1.0)


# {what computed the nodes: (what the left operand gets, what the right one gets)}
DERIVATIVES = {
    np.add: (_unchanged, _unchanged),
    np.subtract: (_unchanged, _negated),
    shifted: (_unchanged, None),
    np.multiply: (_times_right, _times_left),
    np.divide: (_to_dividend, _to_divisor),
    np.square: (_to_square, None),
    np.sqrt: (_to_root, None),
    np.exp: (_to_exponent, None),
    np.tanh: (_to_tanh, None),
    logistic: (_to_sigmoid, None),
    rectified: (_to_relu, None),
    positive_feature: (_to_elu_plus_one, None),
}


def _gradients_of_leaves(graph, ids, sums):
    """{name: gradient} from what arrived at the leaves, sorted by id; zeros where nothing did."""
    gradients = {}
    for name, leaf in graph.leaves.items():
        values, nodes = np.zeros(leaf.values.size), np.full(leaf.values.size, GIVEN, dtype=np.int32)
        own = np.flatnonzero((ids <= leaf.nodes.max()) & (ids >= leaf.nodes.min()))
        position = leaf.nodes.max() - ids[own]
        values[position], nodes[position] = sums.values[own], sums.nodes[own]
        gradients[name] = Traced(graph, values.reshape(leaf.shape), nodes.reshape(leaf.shape))
    return gradients
