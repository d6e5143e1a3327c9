"""The machine that counts: dependency graphs built from the real computation, and their span.

The arithmetic of a network runs here on *traced arrays*: float64 numbers, each with the id of the graph node that made
it. A scalar operation appends one node with at most two predecessors; a sum of n terms is a balanced tree of adjacent
pairs, an odd one carried up. So the graph also computes: that its numbers equal torch's is the proof that it is the
graph of the real computation. A node runs one level after its latest predecessor, the rule of helpers.counting.

    >>> graph = Graph()
    >>> x, w = Traced(graph, [1.0, 2.0]), Traced(graph, [0.5, 0.25])
    >>> total = (x * w).reduce().map("tanh", np.tanh)
    >>> graph.operations, graph.span()                  # two products, one addition, one tanh
    (4, 3)

helpers.builders has the networks that it counts, helpers.cost their work and span in closed form. Work and span:
Blelloch, "Programming parallel algorithms", CACM 39(3), 1996.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import require_word
from .functions import logistic, positive_feature, rectified, shifted
from .scheduling import Schedule, greedy_schedule

GIVEN = -1  # the id of a constant: it costs nothing and nothing waits for it; a leaf, a weight or an input, is below it
LIMIT = 60_000_000  # nodes, at some 12 bytes each
OPERATIONS = (
    "add",
    "subtract",
    "multiply",
    "divide",
    "square",
    "sqrt",
    "maximum",
    "exp",
    "tanh",
    "sigmoid",
    "relu",
    "elu + 1",
    "absolute",
    "select",
    "combine",
)
# The way back through these asks for no number, only for who was added to whom.
WITHOUT_VALUES = (np.add, np.subtract, shifted)


class Node(NamedTuple):
    """One scalar operation on a chain: the level at which it runs, what it does, where it belongs, and its id."""

    level: int
    operation: str
    place: str
    node: int


@dataclass(frozen=True, slots=True)
class Block:
    """The nodes that one array operation appended, numbered from `start` in the order of its result.

    function: what computed them. left, right: ids of the operands, of shapes that broadcast to `shape`; GIVEN for a
    constant and where there is no second operand. values: the numbers of left, right and result, where the way back
    needs them. multiply_add: whether each node is one MAC of a product or a recurrence.
    """

    start: int
    shape: tuple[int, ...]
    operation: str
    place: str
    function: Callable
    left: np.ndarray
    right: np.ndarray
    values: tuple | None
    multiply_add: bool

    def __len__(self):
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def first(self) -> np.ndarray:
        """(nodes,) the predecessor on the left of each node, GIVEN where it is no node."""
        return self._predecessors(self.left)

    @property
    def second(self) -> np.ndarray:
        """(nodes,) the predecessor on the right of each node, GIVEN where it is no node."""
        return self._predecessors(self.right)

    def _predecessors(self, ids):
        return np.maximum(np.broadcast_to(ids, self.shape), GIVEN).reshape(-1)


class Graph:
    """A dependency graph of scalar operations, numbered in the order in which they were made.

    weights, inputs: {name: array} of the numbers that it was built on. dots: how many results of dot products there
    are. combines: how many combines of a scan, a channel.

    >>> from helpers import builders
    >>> graph, states = builders.elman(T=6, d=4)        # The mat rested on the floor
    >>> graph.span(), graph.span(counting="tanh")       # 36 levels; 6 tanh, the steps that the last word waits for
    (36, 6)
    >>> graph.levels()[states.nodes][:, 0].tolist()     # the level at which each state is ready
    [6, 12, 18, 24, 30, 36]
    >>> graph.schedule(processors=4).ticks              # with four processors instead of as many as you like
    102
    """

    def __init__(self):
        self.dots = self.combines = 0
        self.weights, self.inputs = {}, {}
        self.blocks, self.leaves = [], {}
        self._starts, self._place, self._leaf_numbers = [0], "", 0

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def operations(self) -> int:
        """The number of scalar operations, len(graph): the work of Brent's bound."""
        return len(self)

    @property
    def work(self) -> int:
        """The number of multiply–adds (MAC) in products and recurrences."""
        return sum(len(block) for block in self.blocks if block.multiply_add)

    @property
    def predecessors(self) -> np.ndarray:
        """(nodes, 2) ids, GIVEN (−1) where there is none."""
        nowhere = [np.zeros(0, np.int32)]
        first = np.concatenate(nowhere + [block.first for block in self.blocks])
        second = np.concatenate(nowhere + [block.second for block in self.blocks])
        return np.stack([first, second], axis=1)

    @property
    def edges(self) -> int:
        """The number of dependencies of a node on a node."""
        return int((self.predecessors != GIVEN).sum())

    def as_dict(self) -> dict[int, list[int]]:
        """{node: [predecessors]}, as helpers.span_of takes it; for small graphs.

        >>> from helpers import builders
        >>> builders.add_up(4)[0].as_dict()
        {0: [], 1: [], 2: [0, 1]}
        """
        return {node: [p for p in pair if p != GIVEN] for node, pair in enumerate(self.predecessors.tolist())}

    def count(self, operation: str) -> int:
        """How many nodes do `operation`, for example "tanh". Raises ValueError for an unknown one."""
        self._check(operation)
        return sum(len(block) for block in self.blocks if block.operation == operation)

    @contextmanager
    def place(self, name: str) -> Iterator[None]:
        """Say where the nodes made inside belong, for critical_path; places nest."""
        outer, self._place = self._place, f"{self._place}, {name}" if self._place else name
        try:
            yield
        finally:
            self._place = outer

    def leaf(self, name: str, values: ArrayLike) -> "Traced":
        """Numbers that the graph starts from, such as weights: they are free, ready at level 0, and have a gradient."""
        if name in self.leaves:
            raise ValueError(f"There is a leaf {name!r} already, and gradients go by name; give this one another name.")
        values = np.asarray(values, dtype=np.float64)
        ids = GIVEN - 1 - np.arange(self._leaf_numbers, self._leaf_numbers + values.size, dtype=np.int32)
        self._leaf_numbers += values.size
        self.leaves[name] = Traced(self, values, ids.reshape(values.shape))
        return self.leaves[name]

    def apply(
        self,
        operation: str,
        function: Callable,
        left: "Traced | ArrayLike",
        right: "Traced | ArrayLike | None" = None,
        *,
        multiply_add: bool = False,
    ) -> "Traced":
        """Run `function` on one or two arrays, which broadcast, and append one node for each scalar of the result.

        multiply_add: whether each node counts as work, one MAC of a product or a recurrence. Raises ValueError for an
        array of another graph.
        """
        operands = [left] if right is None else [left, right]
        _require_one_graph(self, operands)
        numbers = [np.asarray(x.values if isinstance(x, Traced) else x, dtype=np.float64) for x in operands]
        shape, start = np.broadcast_shapes(*(array.shape for array in numbers)), len(self)
        nodes = np.arange(start, start + np.prod(shape, dtype=np.int64), dtype=np.int32).reshape(shape)
        result = Traced(self, function(*numbers), nodes)
        ids = [x.nodes if isinstance(x, Traced) else np.int32(GIVEN) for x in operands]
        values = None if function in WITHOUT_VALUES else (numbers[0], numbers[-1], result.values)
        block = Block(
            start,
            shape,
            operation,
            self._place,
            function,
            ids[0],
            ids[1] if right is not None else np.int32(GIVEN),
            values,
            multiply_add,
        )
        self.blocks.append(block)
        self._starts.append(start + nodes.size)
        return result

    def levels(self, counting: str | None = None) -> np.ndarray:
        """(nodes,) the level at which each node runs: the longest chain that ends in it, itself included.

        A topological order is needed, and the order of making is one: a node is made after its predecessors.
        counting: an operation; only its nodes count then. Raises ValueError for an unknown one.
        """
        self._check(counting)
        # One entry more than there are nodes: the id GIVEN, −1, reads it, and it stays 0.
        levels = np.zeros(len(self) + 1, dtype=np.int32)
        for block in self.blocks:
            latest = np.maximum(levels[block.first], levels[block.second])
            levels[block.start : block.start + len(latest)] = latest + (counting in (None, block.operation))
        return levels[:-1]

    def span(self, counting: str | None = None) -> int:
        """The longest chain, in levels; with `counting`, in nodes of that operation."""
        return int(self.levels(counting).max(initial=0))

    def critical_path(self, counting: str | None = None) -> list[Node]:
        """One longest chain as a list of Node, in the order of time.

        >>> from helpers import builders
        >>> [node.operation for node in builders.elman(T=1, d=2)[0].critical_path()]
        ['multiply', 'add', 'add', 'add', 'tanh']
        """
        levels, path = self.levels(counting), []
        node = int(levels.argmax()) if len(self) else GIVEN
        while node != GIVEN:
            block = self.blocks[bisect_right(self._starts, node) - 1]
            path.append(Node(int(levels[node]), block.operation, block.place, node))
            parents = (int(block.first[node - block.start]), int(block.second[node - block.start]))
            node = max((p for p in parents if p != GIVEN), key=levels.__getitem__, default=GIVEN)
        return path[::-1]

    def remaining(self) -> np.ndarray:
        """(nodes,) the longest chain that starts at each node, itself included."""
        # One entry more than there are nodes: the id GIVEN, −1, writes to it, and nothing reads it.
        remaining = np.ones(len(self) + 1, dtype=np.int64)
        for block in reversed(self.blocks):
            behind = remaining[block.start : block.start + len(block)] + 1
            np.maximum.at(remaining, block.first, behind)
            np.maximum.at(remaining, block.second, behind)
        return remaining[:-1]

    def schedule(self, processors: int) -> Schedule:
        """A greedy list schedule: each tick runs up to `processors` ready nodes, the longest remaining chain first.

        max(operations/P, span) <= ticks <= operations/P + span holds for any greedy order (Brent, J. ACM 21(2),
        1974). About a second per million nodes. Raises TypeError or ValueError unless processors is 1 or more.
        """
        return greedy_schedule(self.predecessors, self.remaining(), processors)

    def _check(self, operation):
        if operation is not None and not any(block.operation == operation for block in self.blocks):
            require_word("operation", operation, OPERATIONS)


class Traced:
    """Numbers and the nodes that made them: values float64, nodes int32 of the same shape.

    A number that no node made has the id GIVEN, −1, or a smaller one if it belongs to a leaf of the graph. Arrays of
    numbers, and numbers, can stand on either side of a traced array in + − × ÷; they are constants.

    >>> x = Traced(Graph(), [1.0, 2.0])
    >>> y = 1 - (x + 1) * x / 2
    >>> y.values.tolist(), y.nodes.tolist(), y.graph.span()
    ([0.0, -2.0], [6, 7], 4)
    """

    __array_ufunc__ = None  # so that `array * traced` asks this class and not numpy

    def __init__(self, graph: Graph, values: ArrayLike, nodes: np.ndarray | None = None):
        self.graph, self.values = graph, np.asarray(values, dtype=np.float64)
        self.nodes = np.full(self.values.shape, GIVEN, dtype=np.int32) if nodes is None else nodes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self.values.shape

    def __getitem__(self, key):
        return Traced(self.graph, self.values[key], self.nodes[key])

    def reshape(self, *shape: int) -> "Traced":
        """The same numbers in another shape, at no cost."""
        return Traced(self.graph, self.values.reshape(shape), self.nodes.reshape(shape))

    def transpose(self, *axes: int) -> "Traced":
        """The same numbers with the axes in another order, at no cost."""
        return Traced(self.graph, self.values.transpose(axes), self.nodes.transpose(axes))

    def map(self, operation: str, function: Callable, other: "Traced | ArrayLike | None" = None) -> "Traced":
        """One operation on each number, such as map("tanh", np.tanh), or on each and its partner in `other`."""
        return self.graph.apply(operation, function, self, other)

    def __add__(self, other):
        return self.map("add", np.add, other)

    __radd__ = __add__

    def __sub__(self, other):
        return self.map("subtract", np.subtract, other)

    def __rsub__(self, other):
        return self.graph.apply("subtract", np.subtract, other, self)

    def __mul__(self, other):
        return self.map("multiply", np.multiply, other)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self.map("divide", np.divide, other)

    def __rtruediv__(self, other):
        return self.graph.apply("divide", np.divide, other, self)

    def reduce(self, operation: str = "add", function: Callable = np.add) -> "Traced":
        """(…, n) to (…) by a balanced tree over the last axis, ⌈log₂ n⌉ levels."""
        terms = self
        while (n := terms.shape[-1]) > 1:
            pairs = self.graph.apply(operation, function, terms[..., 0 : n - 1 : 2], terms[..., 1::2])
            terms = join([pairs, terms[..., n - 1 :]], axis=-1) if n % 2 else pairs
        return terms[..., 0]


def join(parts: Sequence[Traced], axis: int = 0) -> Traced:
    """Concatenate traced arrays of one graph, at no cost."""
    _require_one_graph(parts[0].graph, parts)
    values = np.concatenate([part.values for part in parts], axis)
    return Traced(parts[0].graph, values, np.concatenate([part.nodes for part in parts], axis))


def _require_one_graph(graph, arrays):
    if any(array.graph is not graph for array in arrays if isinstance(array, Traced)):
        raise ValueError("Arrays of two graphs were given; make both on one Graph, where each node has its own number.")


def dot(*factors: tuple[Traced, Traced | ArrayLike], bias: Traced | ArrayLike | None = None) -> Traced:
    """One sum over the last axis of all products, and of the bias after them.

    factors: pairs (x, weight) of shapes that broadcast to (…, n), each with its own n; bias (…); the result is (…).

    >>> graph = Graph()
    >>> x, h = Traced(graph, [1.0, 2.0]), Traced(graph, [3.0])
    >>> dot((h, np.ones((2, 1))), (x, np.eye(2)), bias=np.ones(2)).values.tolist()
    [5.0, 6.0]
    >>> graph.work, graph.span()                        # 2·(1 + 2) products; 1 level for them and 2 for 4 terms
    (6, 3)
    """
    graph = factors[0][0].graph
    terms = [graph.apply("multiply", np.multiply, x, weight, multiply_add=True) for x, weight in factors]
    if bias is not None:
        bias = bias if isinstance(bias, Traced) else Traced(graph, bias)
        terms.append(bias[..., None])
    result = join(terms, axis=-1).reduce()
    graph.dots += result.values.size
    return result


def linear(x: Traced, weight: Traced | ArrayLike, bias: Traced | ArrayLike | None = None) -> Traced:
    """x (…, n), weight (m, n), bias (m,), added to the finished sum: (…, m), as torch's F.linear.

    >>> keys = linear(Traced(Graph(), np.ones((6, 8))), np.ones((4, 8)))
    >>> keys.shape, keys.graph.work, keys.graph.span()
    ((6, 4), 192, 4)
    """
    result = dot((x[..., None, :], weight))
    return result if bias is None else result + bias


def sigmoid(x: Traced) -> Traced:
    """1 / (1 + exp(−x)), one operation, as exp or tanh is."""
    return x.map("sigmoid", logistic)


def relu(x: Traced) -> Traced:
    """max(x, 0), one operation."""
    return x.map("relu", rectified)


def elu_plus_one(x: Traced) -> Traced:
    """elu(x) + 1, the positive features of linear attention, one operation."""
    return x.map("elu + 1", positive_feature)
