"""Dependency graphs built from the real computation, and their longest path.

The arithmetic of an RNN or a Transformer runs here on *traced arrays*: float64 numbers, each with the id of the graph
node that made it. A scalar operation appends one node with at most two predecessors; a sum of n terms is a balanced
tree of adjacent pairs, an odd one carried up. So the graph also computes, and that its numbers equal torch's is the
proof that it is the graph of the real computation. Where processors are unlimited a node runs one level after its
latest predecessor: the number of levels, the **span**, is a time that no hardware beats.

    graph, states = elman(T=6, d=4)          # The mat rested on the floor
    graph.span()                             # 36 levels: six steps of six
    graph.span(counting="tanh")              # 6: the steps that the last word waits for
    graph.levels()[states.nodes]             # (T, d): the level at which each number is ready

Work and span: Blelloch, "Programming parallel algorithms", CACM 39(3), 1996. helpers.cost has both in closed form.
Every builder raises TypeError for a size that is no whole number, ValueError for one below 1, sizes that do not agree,
weights of another shape, and a graph of more than LIMIT nodes, all before the work.
"""

import heapq
from bisect import bisect_right
from collections import namedtuple
from contextlib import contextmanager
from functools import partialmethod

import numpy as np

from ..arguments import require_sizes, require_word

GIVEN = -1  # the id of what costs nothing: inputs, weights, constants
LIMIT = 60_000_000  # nodes, at 12 to 20 bytes each while they are made
OPERATIONS = "add subtract multiply divide square sqrt maximum exp tanh sigmoid relu elu absolute select combine"


class Node(namedtuple("Node", "level operation place node")):
    """One scalar operation on a path: the level at which it runs, what it does, where it belongs, its id."""


class Block(namedtuple("Block", "operation place first second")):
    """The nodes that one array operation appended. first, second: (nodes,) ids of predecessors, GIVEN for none."""


class Schedule(namedtuple("Schedule", "processors finished round_of")):
    """finished: (rounds,) operations done in each round; round_of: (nodes,) the round, from 0, in which each ran."""

    rounds = property(lambda self: len(self.finished))


class Graph:
    """A dependency graph of scalar operations, numbered in the order in which they were made.

    len(graph), operations  scalar operations     work      multiply–adds (MAC) in products and recurrences
    edges                   dependencies          dots      results of dot products
    weights, inputs         {name: array}         combines  combines of a scan, a channel
    """

    def __init__(self):
        self.work = self.dots = self.combines = 0
        self.weights, self.inputs = {}, {}
        self._blocks, self._starts, self._place = [], [0], ""

    def __len__(self):
        return self._starts[-1]

    operations = property(__len__, doc="The number of scalar operations, len(graph): the work of Brent's bound.")

    @property
    def predecessors(self):
        """(nodes, 2) ids, GIVEN (−1) where there is none."""
        columns = [[np.zeros(0, np.int32)] + [getattr(b, side) for b in self._blocks] for side in ("first", "second")]
        return np.stack([np.concatenate(column) for column in columns], axis=1)

    edges = property(lambda self: int((self.predecessors != GIVEN).sum()), doc="Dependencies of a node on a node.")

    def as_dict(self):
        """{node: [predecessors]}, as span_of takes it; for small graphs."""
        return {node: [p for p in pair if p != GIVEN] for node, pair in enumerate(self.predecessors.tolist())}

    def count(self, operation):
        """How many nodes do `operation`, for example "tanh". Raises ValueError for an unknown one."""
        self._check(operation)
        return sum(len(block.first) for block in self._blocks if block.operation == operation)

    @contextmanager
    def place(self, name):
        """Say where the nodes made inside belong, for critical_path; places nest."""
        outer, self._place = self._place, f"{self._place}, {name}" if self._place else name
        try:
            yield
        finally:
            self._place = outer

    def apply(self, operation, function, left, right=None):
        """Run `function` on one or two arrays, which broadcast, and append one node for each scalar of the result."""
        arrays = [x.values if isinstance(x, Traced) else x for x in (left, right) if x is not None]
        both, start = np.broadcast(*arrays), len(self)
        nodes = np.arange(start, start + both.size, dtype=np.int32).reshape(both.shape)
        self._starts.append(start + both.size)
        # As a view where there is nothing to keep: −1 for every number would be as much memory as the nodes themselves.
        parents = (np.broadcast_to(getattr(x, "nodes", np.int32(GIVEN)), both.shape).reshape(-1) for x in (left, right))
        self._blocks.append(Block(operation, self._place, *parents))
        return Traced(self, function(*arrays), nodes)

    def levels(self, counting=None):
        """(nodes,) the level at which each node runs: the longest path that ends in it, itself included.

        A topological order is needed, and the order of making is one: a node is made after its predecessors.
        counting: an operation; only its nodes count then. Raises ValueError for an unknown one.
        """
        self._check(counting)
        # One entry more than there are nodes: the id GIVEN, −1, reads it, and it stays 0.
        levels = np.zeros(len(self) + 1, dtype=np.int32)
        for start, block in zip(self._starts, self._blocks, strict=False):
            latest = np.maximum(levels[block.first], levels[block.second])
            levels[start : start + len(latest)] = latest + (counting in (None, block.operation))
        return levels[:-1]

    def span(self, counting=None):
        """The longest path, in levels; with `counting`, in nodes of that operation."""
        return int(self.levels(counting).max(initial=0))

    def critical_path(self, counting=None):
        """One longest path as a list of Node, in the order of time."""
        levels, path = self.levels(counting), []
        node = int(levels.argmax()) if len(self) else GIVEN
        while node != GIVEN:
            index = bisect_right(self._starts, node) - 1
            block, offset = self._blocks[index], node - self._starts[index]
            path.append(Node(int(levels[node]), block.operation, block.place, node))
            parents = (int(block.first[offset]), int(block.second[offset]))
            node = max((p for p in parents if p != GIVEN), key=levels.__getitem__, default=GIVEN)
        return path[::-1]

    def schedule(self, processors):
        """A greedy list schedule: each round runs up to `processors` ready nodes, longest remaining path first.

        max(operations/P, span) <= rounds <= operations/P + span holds for any greedy order (Brent, J. ACM 21(2),
        1974). About a second per million nodes.
        """
        (processors,) = require_sizes(processors=processors)
        parents, n = self.predecessors, len(self)
        child, parent = np.nonzero(parents != GIVEN)[0], parents[parents != GIVEN]
        children = child[np.argsort(parent, kind="stable")].tolist()
        ends = [0, *np.cumsum(np.bincount(parent, minlength=n)).tolist()]
        waiting = (parents != GIVEN).sum(axis=1).tolist()
        remaining = np.ones(n + 1, dtype=np.int64)  # the longest path from a node on; the entry more is of GIVEN
        for start, block in zip(self._starts[-2::-1], self._blocks[::-1], strict=True):
            behind = remaining[start : start + len(block.first)] + 1
            np.maximum.at(remaining, block.first, behind)
            np.maximum.at(remaining, block.second, behind)
        # One whole number that sorts by remaining path, then by id, is cheaper to compare than a tuple.
        keys = (np.arange(n) - remaining[:-1] * n).tolist()
        ready = sorted(key for key, count in zip(keys, waiting, strict=True) if not count)  # a heap, too
        finished, round_of = [], np.zeros(n, dtype=np.int32)
        while ready:
            running = [heapq.heappop(ready) % n for _ in range(min(processors, len(ready)))]
            round_of[running] = len(finished)
            finished.append(len(running))
            for node in running:
                for follower in children[ends[node] : ends[node + 1]]:
                    waiting[follower] -= 1
                    if not waiting[follower]:
                        heapq.heappush(ready, keys[follower])
        return Schedule(processors, np.array(finished, dtype=np.int64), round_of)

    def _check(self, operation):
        if operation is not None and not any(block.operation == operation for block in self._blocks):
            require_word("operation", operation, OPERATIONS.split())


class Traced:
    """Numbers and the nodes that made them: values float64, nodes int32 of the same shape, GIVEN for an input."""

    __array_ufunc__ = None  # so that `array * traced` asks this class and not numpy

    def __init__(self, graph, values, nodes=None):
        self.graph, self.values = graph, np.asarray(values, dtype=np.float64)
        self.nodes = np.full(self.values.shape, GIVEN, dtype=np.int32) if nodes is None else nodes
        self.shape = self.values.shape

    def __getitem__(self, key):
        return Traced(self.graph, self.values[key], self.nodes[key])

    def reshape(self, *shape):
        return Traced(self.graph, self.values.reshape(shape), self.nodes.reshape(shape))

    def transpose(self, *axes):
        return Traced(self.graph, self.values.transpose(axes), self.nodes.transpose(axes))

    def map(self, operation, function, other=None):
        """One operation on each number, such as map("tanh", np.tanh), or on each and its partner in `other`."""
        return self.graph.apply(operation, function, self, other)

    __add__ = partialmethod(map, "add", np.add)
    __sub__ = partialmethod(map, "subtract", np.subtract)
    __mul__ = partialmethod(map, "multiply", np.multiply)
    __truediv__ = partialmethod(map, "divide", np.divide)

    def __rsub__(self, other):
        return self.graph.apply("subtract", np.subtract, other, self)

    def reduce(self, operation="add", function=np.add):
        """(…, n) to (…) by a balanced tree over the last axis, ⌈log₂ n⌉ levels."""
        terms = self
        while (n := terms.shape[-1]) > 1:
            pairs = self.graph.apply(operation, function, terms[..., 0 : n - 1 : 2], terms[..., 1::2])
            terms = join([pairs, terms[..., n - 1 :]], axis=-1) if n % 2 else pairs
        return terms[..., 0]


def join(parts, axis=0):
    """Concatenate traced arrays at no cost."""
    values = np.concatenate([part.values for part in parts], axis)
    return Traced(parts[0].graph, values, np.concatenate([part.nodes for part in parts], axis))


def dot(*factors, bias=None):
    """One sum over the last axis of all products and then the bias: pairs (x, weight) of shapes that broadcast to
    (…, n), bias (…), to (…)."""
    terms = [x * weight for x, weight in factors]
    graph = terms[0].graph
    graph.work += sum(products.values.size for products in terms)
    graph.dots += terms[0][..., 0].values.size
    return join(terms if bias is None else [*terms, Traced(graph, bias[..., None])], axis=-1).reduce()


def linear(x, weight, bias=None):
    """x (…, n), weight (m, n), bias (m,), added to the sum: (…, m)."""
    result = dot((x[..., None, :], weight))
    return result if bias is None else result + bias


def sigmoid(x):
    """One operation, as exp or tanh is."""
    return x.map("sigmoid", lambda v: 0.5 + 0.5 * np.tanh(v / 2))
