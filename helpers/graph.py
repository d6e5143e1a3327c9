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

import functools
import heapq
import math
import operator
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from . import cost
from .cost import STANDARD, Accounting, check_sizes, check_word

__all__ = ["Accounting", "Graph", "Node", "Schedule", "Traced", "add_up", "attention", "combine", "dot", "elman", "gru"]
__all__ += ["join", "jordan", "linear", "linear_recurrence", "lstm", "sigmoid", "span_of", "transformer"]

GIVEN = -1  # the id of what costs nothing: inputs, weights, constants
LIMIT = 60_000_000  # nodes, at 12 to 20 bytes each while they are made
OPERATIONS = ("add", "subtract", "multiply", "divide", "square", "sqrt", "maximum", "exp", "tanh", "sigmoid", "relu")


class Node(NamedTuple):
    """One scalar operation on a path: the level at which it runs, what it does, where it belongs, its id."""

    level: int
    operation: str
    place: str
    node: int


class Block(NamedTuple):
    """The nodes that one array operation appended. first, second: (nodes,) ids of predecessors, GIVEN for none."""

    operation: str
    place: str
    first: np.ndarray
    second: np.ndarray


class Schedule(NamedTuple):
    """finished: (rounds,) operations done in each round; round_of: (nodes,) the round, from 0, in which each ran."""

    processors: int
    finished: np.ndarray
    round_of: np.ndarray

    @property
    def rounds(self):
        return len(self.finished)


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

    @property
    def operations(self):
        """The number of scalar operations, len(graph): the work of Brent's bound."""
        return len(self)

    @property
    def predecessors(self):
        """(nodes, 2) ids, GIVEN (−1) where there is none."""
        columns = [[np.zeros(0, np.int32)] + [getattr(b, side) for b in self._blocks] for side in ("first", "second")]
        return np.stack([np.concatenate(column) for column in columns], axis=1)

    @property
    def edges(self):
        """The number of dependencies of a node on a node."""
        return int((self.predecessors != GIVEN).sum())

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
        operands = [left] if right is None else [left, right]
        arrays = [operand.values if isinstance(operand, Traced) else np.asarray(operand) for operand in operands]
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        start, stop = len(self), len(self) + math.prod(shape)
        parents = [np.broadcast_to(np.int32(GIVEN), stop - start)] * 2
        for side, operand in enumerate(operands):
            if isinstance(operand, Traced):
                parents[side] = np.broadcast_to(operand.nodes, shape).ravel()
        if stop > start:
            self._blocks.append(Block(operation, self._place, *parents))
            self._starts.append(stop)
        return Traced(self, function(*arrays), np.arange(start, stop, dtype=np.int32).reshape(shape))

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
        (processors,) = check_sizes(processors=processors)
        parents, n = self.predecessors, len(self)
        child, parent = np.nonzero(parents != GIVEN)[0], parents[parents != GIVEN]
        children = child[np.argsort(parent, kind="stable")].tolist()
        ends = [0, *np.cumsum(np.bincount(parent, minlength=n)).tolist()]
        waiting = (parents != GIVEN).sum(axis=1).tolist()
        # One whole number that sorts by remaining path, then by id, is cheaper to compare than a tuple.
        keys = (np.arange(n) - self._remaining() * n).tolist()
        ready = [key for key, count in zip(keys, waiting, strict=True) if not count]
        heapq.heapify(ready)
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

    def _remaining(self):
        remaining = np.ones(len(self) + 1, dtype=np.int64)
        for start, block in zip(self._starts[-2::-1], self._blocks[::-1], strict=True):
            behind = remaining[start : start + len(block.first)] + 1
            np.maximum.at(remaining, block.first, behind)
            np.maximum.at(remaining, block.second, behind)
        return remaining[:-1]

    def _check(self, operation):
        if operation is not None and not any(block.operation == operation for block in self._blocks):
            check_word("operation", operation, (*OPERATIONS, "combine"))


def span_of(predecessors):
    """The longest path, in nodes, of a graph {node: [predecessors]}, or of a list of lists, whose nodes are 0, 1, ….

    Kahn's topological order (CACM 5(11), 1962): a node is done when all its predecessors are. Raises TypeError for
    what is no such graph, ValueError for a predecessor that is no node and for a cycle, which it names.
    """
    if isinstance(predecessors, list):
        predecessors = dict(enumerate(predecessors))
    if not isinstance(predecessors, Mapping):
        raise TypeError(f"A {type(predecessors).__name__} was given; expected a dict {{node: [predecessors]}}.")
    for node, before in predecessors.items():
        if isinstance(before, str) or not isinstance(before, Iterable):
            raise TypeError(f"The predecessors of {node!r} are {before!r}; expected a list, such as [{before!r}].")
    waits = {node: set(before) for node, before in predecessors.items()}
    followers = {node: [] for node in waits}
    for node, before in waits.items():
        for earlier in before:
            if earlier not in waits:
                raise ValueError(f"{node!r} waits for {earlier!r}, which is no node; add {earlier!r}: [] to the graph.")
            followers[earlier].append(node)
    missing = {node: len(before) for node, before in waits.items()}
    depth, queue = {}, deque(node for node in waits if not missing[node])
    while queue:
        node = queue.popleft()
        depth[node] = 1 + max((depth[earlier] for earlier in waits[node]), default=0)
        for follower in followers[node]:
            missing[follower] -= 1
            if not missing[follower]:
                queue.append(follower)
    if len(depth) < len(waits):
        # Each node left waits for another one left, so a walk back must come round.
        walk = [next(node for node in waits if node not in depth)]
        while walk[-1] not in walk[:-1]:
            walk.append(next(earlier for earlier in waits[walk[-1]] if earlier not in depth))
        cycle = " -> ".join(repr(node) for node in walk[walk.index(walk[-1]) :][::-1])
        raise ValueError(f"There is a cycle, {cycle}: each waits for the one before it, so none can start.")
    return max(depth.values(), default=0)


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

    def __add__(self, other):
        return self.graph.apply("add", np.add, self, other)

    def __sub__(self, other):
        return self.graph.apply("subtract", np.subtract, self, other)

    def __rsub__(self, other):
        return self.graph.apply("subtract", np.subtract, other, self)

    def __mul__(self, other):
        return self.graph.apply("multiply", np.multiply, self, other)

    def __truediv__(self, other):
        return self.graph.apply("divide", np.divide, self, other)

    def map(self, operation, function):
        """One operation on each number, such as map("tanh", np.tanh)."""
        return self.graph.apply(operation, function, self)

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


def elman(T, d, layers=1, *, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states): h_t = tanh(W h_{t−1} + U x_t + b) in `layers` layers, Elman 1990; states (T, d) of the last.

    The terms of the sum stand in the order h, x, bias. Nothing but true dependencies orders the cells, so that layers
    overlap in a wavefront of T + L − 1 steps. weights: {"input": (L, d, d), "hidden": (L, d, d), "bias": (L, d)}, or
    drawn from the seed, as inputs (T, d) are; graph.weights and graph.inputs have them.
    """
    return _recurrent(cost.elman, _elman_cell, 1, T, d, layers, accounting, seed, weights, inputs)


def lstm(T, d, layers=1, *, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states) as elman, with forget gate (Gers et al. 2000); weights "input", "hidden" (L, 4d, d), "bias"
    (L, 4d), gates in torch's order i, f, g, o."""
    return _recurrent(cost.lstm, _lstm_cell, 4, T, d, layers, accounting, seed, weights, inputs)


def gru(T, d, layers=1, *, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, states) as elman, reset after the product as in torch; weights "input", "hidden" (L, 3d, d), "bias"
    (L, 3d), gates in torch's order r, z, n, and "candidate_bias" (L, d), added to W h before r multiplies it."""
    return _recurrent(cost.gru, _gru_cell, 3, T, d, layers, accounting, seed, weights, inputs)


def jordan(T, d, *, teacher_forcing=False, accounting=STANDARD, seed=0, weights=None, inputs=None, targets=None):
    """(graph, outputs): h_t = tanh(W y_{t−1} + U x_t + b), y_t = V h_t, Jordan 1986; outputs (T, d).

    teacher_forcing: y_{t−1} is the true output, targets (T, d), an input like x, so that no step waits for another.
    weights: {"input": (d, d), "hidden": (d, d), "output": (d, d), "bias": (d,)}.
    """
    size = cost.jordan(T, d, accounting=accounting)
    if targets is not None and not teacher_forcing:
        raise ValueError(
            "targets were given but teacher_forcing is off, so nothing reads them; give one with the other."
        )
    shapes = {"input": (d, d), "hidden": (d, d), "output": (d, d)} | _biases(accounting, bias=(d,))
    graph, x, w = _begin(size, shapes, (T, d), seed, weights, inputs)
    if teacher_forcing:
        true = graph.inputs["targets"] = _take("targets", targets, (T, d), np.random.default_rng([seed, 1]))
    y, outputs = Traced(graph, np.zeros(d)), []
    for t in range(T):
        with graph.place(f"step {t}"):
            y = linear(*_elman_cell(x[t], (y,), w, accounting), w["output"])
        outputs.append(y[None])
        y = Traced(graph, true[t]) if teacher_forcing else y
    return graph, join(outputs)


def transformer(T, d, heads=1, layers=1, *, causal=False, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, outputs): pre-LayerNorm blocks, x + attention(norm(x)), then x + feed-forward(norm(x)) with ReLU and 4d.

    outputs (T, d). causal: token t reads tokens 0…t, and no score above the diagonal is computed. weights, with a
    first axis L: "query", "key", "value", "output" (d, d), "up" (4d, d), "down" (d, 4d), their "…_bias" (4d,) or (d,)
    as the accounting has them, "norm1_scale", "norm1_shift", "norm2_…" (d,); without L "final_scale", "final_shift".
    """
    size = cost.transformer(T, d, heads, layers, causal=causal, accounting=accounting)
    shapes = _attention_shapes(d, True, accounting) | {"up": (4 * d, d), "down": (d, 4 * d)}
    shapes |= {"norm2_scale": (d,), "norm2_shift": (d,)}
    shapes |= _biases(accounting, up_bias=(4 * d,), down_bias=(d,))
    shapes = {name: (layers, *shape) for name, shape in shapes.items()}
    final = {"final_scale": (d,), "final_shift": (d,)} if accounting.final_norm else {}
    graph, x, w = _begin(size, shapes | final, (T, d), seed, weights, inputs)
    for layer in range(layers):
        with graph.place(f"block {layer}"):
            of_layer = {name: w[name][layer] for name in shapes}
            x = _attention(x, of_layer, heads, causal, True, accounting)
            x = x + _feed_forward(_layer_norm(x, of_layer, "norm2", accounting), of_layer)
    return graph, _layer_norm(x, w, "final", accounting) if accounting.final_norm else x


def attention(T, d, heads=1, *, causal=False, residual=False, accounting=STANDARD, seed=0, weights=None, inputs=None):
    """(graph, outputs): one self-attention sub-layer (T, d) with its projections, Vaswani et al. 2017, section 3.2.

    residual: x + attention(norm(x)) instead of attention(x). causal, weights (without L): as in transformer.
    """
    size = cost.attention(T, d, heads, causal=causal, residual=residual, accounting=accounting)
    graph, x, w = _begin(size, _attention_shapes(d, residual, accounting), (T, d), seed, weights, inputs)
    return graph, _attention(x, w, heads, causal, residual, accounting)


def linear_recurrence(T, d=1, *, method="sequential", seed=0, decay=None, inputs=None):
    """(graph, states): h_t = a_t ⊙ h_{t−1} + b_t from a zero state, so h_1 = b_1; a = decay, b = inputs, all (T, d).

    method: "sequential", or a scan of pairs (a, b): "hillis_steele" (CACM 29(12), 1986), "brent_kung" (IEEE Trans.
    Computers C-31(3), 1982), "blelloch" (1990: exclusive, T a power of two, made inclusive by its total).
    graph.combines counts combines (steps of the loop), graph.span(counting="combine") the longest path in them.
    """
    graph, b, _ = _begin(cost.linear_recurrence(T, d, method=method), {}, (T, d), seed, None, inputs)
    graph.inputs["decay"] = _take("decay", decay, (T, d), np.random.default_rng([seed, 1]))
    decay = Traced(graph, graph.inputs["decay"])
    if method != "sequential":
        scan = {"hillis_steele": _hillis_steele, "brent_kung": _brent_kung, "blelloch": _blelloch}[method]
        return graph, scan(join([decay[None], b[None]]))[1]  # pairs (2, T, d)
    states = [b[:1]]
    for t in range(1, T):
        states.append(graph.apply("combine", np.add, decay[t : t + 1] * states[-1], b[t : t + 1]))
    graph.combines, graph.work = T - 1, (T - 1) * d
    return graph, join(states)


def combine(left, right):
    """Two affine steps as one, `left` first: (a, b), (a', b') to (a'a, a'b + b'); all (2, n, d). Associative.

    The product of the a and the sum are named "combine": every path through a combine meets exactly one of them.
    """
    graph = left.graph
    graph.combines += left.shape[1]
    graph.work += left.values.size
    decay = graph.apply("combine", np.multiply, right[0], left[0])
    return join([decay[None], graph.apply("combine", np.add, right[0] * left[1], right[1])[None]])


def add_up(n, *, method="tree", terms=None, seed=0):
    """(graph, total) of n terms (n,): method "tree", balanced, or "sequential", one after the other; total is ()."""
    graph, terms, _ = _begin(cost.add_up(n, method=method), {}, (n,), seed, None, terms)
    return graph, terms.reduce() if method == "tree" else functools.reduce(operator.add, terms)


def _hillis_steele(pairs):
    for step in (2**k for k in range((pairs.shape[1] - 1).bit_length())):
        pairs = join([pairs[:, :step], combine(pairs[:, :-step], pairs[:, step:])], axis=1)
    return pairs


def _brent_kung(pairs):
    T = pairs.shape[1]
    if T == 1:
        return pairs
    odd = _brent_kung(combine(pairs[:, 0 : T - 1 : 2], pairs[:, 1::2]))  # the prefixes that end at 1, 3, 5, …
    even = join([pairs[:, :1], combine(odd[:, : (T - 1) // 2], pairs[:, 2::2])], axis=1)
    return _interleave(even, odd)


def _blelloch(pairs):
    sums = [pairs]
    while sums[-1].shape[1] > 1:
        sums.append(combine(sums[-1][:, 0::2], sums[-1][:, 1::2]))
    total, d = sums.pop(), pairs.shape[2]
    before = Traced(pairs.graph, np.stack([np.ones((1, d)), np.zeros((1, d))]))  # h -> 1·h + 0: nothing before
    for level in reversed(sums):
        before = _interleave(before, combine(before, level[:, 0::2]))
    return join([before[:, 1:], total], axis=1)


def _interleave(even, odd):
    both, order = join([even, odd], axis=1), np.arange(even.shape[1] + odd.shape[1])
    return both[:, order // 2 + order % 2 * even.shape[1]]


def _recurrent(size, cell, gates, T, d, layers, accounting, seed, weights, inputs):
    size = size(T, d, layers, accounting=accounting)
    shapes = {"input": (layers, gates * d, d), "hidden": (layers, gates * d, d)}
    candidate = {"candidate_bias": (layers, d)} if cell is _gru_cell else {}
    shapes |= _biases(accounting, bias=(layers, gates * d), **candidate)
    graph, x, w = _begin(size, shapes, (T, d), seed, weights, inputs)
    zero = Traced(graph, np.zeros(d))
    for layer in range(layers):
        of_layer, state, outputs = {name: array[layer] for name, array in w.items()}, (zero, zero), []
        for t in range(T):
            with graph.place(f"layer {layer}, step {t}"):
                state = cell(x[t], state, of_layer, accounting)
            outputs.append(state[0][None])
        x = join(outputs)  # (T, d)
    return graph, x


def _elman_cell(x, state, w, accounting):
    return (_gates(x, state[0], w, accounting).map("tanh", np.tanh),)


def _lstm_cell(x, state, w, accounting):
    h, c = state
    i, f, g, o = _gates(x, h, w, accounting).reshape(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * g.map("tanh", np.tanh)
    return sigmoid(o) * c.map("tanh", np.tanh), c


def _gru_cell(x, state, w, accounting):
    h, d = state[0], x.shape[0]
    r, z = sigmoid(_gates(x, h, {name: array[: 2 * d] for name, array in w.items()}, accounting)).reshape(2, d)
    own = {name: array[-d:] for name, array in w.items()}
    from_h = linear(h, own["hidden"], own.get("candidate_bias"))
    n = (r * from_h + linear(x, own["input"], own.get("bias"))).map("tanh", np.tanh)
    return ((1 - z) * n + z * h,)


def _gates(x, h, w, accounting):
    if accounting.hoist:
        return dot((h, w["hidden"])) + linear(x, w["input"], w.get("bias"))
    return dot((h, w["hidden"]), (x, w["input"]), bias=w.get("bias"))


def _attention(x, w, heads, causal, residual, accounting):
    (T, d), skip = x.shape, x
    if residual:
        x = _layer_norm(x, w, "norm1", accounting)
    with x.graph.place("query, key, value"):
        projected = [linear(x, w[name], w.get(name + "_bias")) for name in ("query", "key", "value")]
    query, key, value = (p.reshape(T, heads, d // heads).transpose(1, 0, 2) for p in projected)  # (H, T, d_h)
    if causal and not accounting.additive_mask:
        seen = ((query[:, t : t + 1], key[:, : t + 1], value[:, : t + 1]) for t in range(T))
        read = join([_read(*row, None, accounting) for row in seen], axis=1)
    else:
        mask = np.triu(np.full((T, T), -np.inf), 1) if causal else np.zeros((T, T))
        read = _read(query, key, value, mask if accounting.additive_mask else None, accounting)
    with x.graph.place("output"):
        out = linear(read.transpose(1, 0, 2).reshape(T, d), w["output"], w.get("output_bias"))
        return out + skip if residual else out


def _read(query, key, value, mask, accounting):
    # query (H, n, d_h), key and value (H, T, d_h), mask (n, T): softmax(Q Kᵀ / √d_h + mask) V, (H, n, d_h)
    graph, late = query.graph, accounting.divide_last
    with graph.place("scores"):
        scores = dot((query[:, :, None], key[:, None])) * query.shape[-1] ** -0.5  # (H, n, T)
        scores = scores if mask is None else scores + mask
    with graph.place("softmax"):
        weights = (scores - scores.reduce("maximum", np.maximum)[..., None]).map("exp", np.exp)
        total = weights.reduce()[..., None]
        weights = weights if late else weights / total
    with graph.place("values"):
        read = dot((weights[:, :, None], value.transpose(0, 2, 1)[:, None]))
        return read / total if late else read


def _feed_forward(x, w):
    with x.graph.place("feed-forward"):
        wide = linear(x, w["up"], w.get("up_bias")).map("relu", lambda v: np.maximum(v, 0))  # (T, 4d)
        return linear(wide, w["down"], w.get("down_bias"))


def _layer_norm(x, w, name, accounting):
    with x.graph.place(f"LayerNorm {name}"):
        d, one_pass = x.shape[1], accounting.one_pass_variance
        mean = (x.reduce() / d)[:, None]
        centred = x - mean
        squares = (x if one_pass else centred).map("square", np.square).reduce() / d
        variance = squares[:, None] - mean.map("square", np.square) if one_pass else squares[:, None]
        normal = centred / (variance + 1e-5).map("sqrt", np.sqrt)
        return normal * w[f"{name}_scale"] + w[f"{name}_shift"]


def _biases(accounting, **shapes):
    return {} if accounting.biases == "nowhere" else shapes


def _attention_shapes(d, residual, accounting):
    shapes = dict.fromkeys(("query", "key", "value", "output"), (d, d))
    if accounting.biases == "everywhere":
        shapes |= {f"{name}_bias": (d,) for name in shapes}
    return shapes | (dict.fromkeys(("norm1_scale", "norm1_shift"), (d,)) if residual else {})


def _begin(size, shapes, inputs_shape, seed, weights, inputs):
    if size.operations > LIMIT:
        raise ValueError(
            f"This graph would have {size.operations:,} nodes; at most {LIMIT:,} fit. Give smaller sizes, or use "
            "helpers.cost, which has its work and span at any size."
        )
    weights = dict.fromkeys(shapes) if weights is None else weights
    if set(weights) != set(shapes):
        raise ValueError(f"weights has {', '.join(sorted(weights))}; expected {', '.join(sorted(shapes))}.")
    graph, random = Graph(), np.random.default_rng(seed)
    for name, shape in shapes.items():
        graph.weights[name] = _take(f"weights[{name!r}]", weights[name], shape, random)
    graph.inputs["inputs"] = _take("inputs", inputs, inputs_shape, random)
    return graph, Traced(graph, graph.inputs["inputs"]), graph.weights


def _take(name, given, shape, random):
    if given is None:
        return random.uniform(-1, 1, shape) / math.sqrt(shape[-1])
    try:
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as numbers ({error}); give a NumPy array of shape {shape}.") from error
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}. Reshape it, or change the sizes given.")
    return array
