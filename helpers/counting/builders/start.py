"""How every builder begins: its size is checked, its weights and inputs are taken or drawn."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..cost import Accounting, Cost
from ..graph import LIMIT, Graph, Traced

ATTENTION_BIASES = ("query_bias", "key_bias", "value_bias", "output_bias")

Shapes = dict[str, tuple[int, ...]]
Built = tuple[Graph, Traced]


def start(
    expected: Cost,
    accounting: Accounting,
    seed: int,
    weight_shapes: Shapes,
    weights: Mapping[str, ArrayLike] | None,
    inputs: dict[str, tuple[ArrayLike | None, tuple[int, ...]]],
) -> tuple[Graph, dict[str, Traced], list[Traced]]:
    """(graph, weights, inputs) of a new graph: what is given, checked, or drawn from the seed.

    expected: what the graph will cost. weight_shapes: of all weights, with every bias that there may be; the accounting
    says which biases there are. inputs: {name: (values or None, shape)}, returned in this order.
    """
    if expected.operations > LIMIT:
        raise ValueError(
            f"The graph would have {expected.operations:,} nodes; at most {LIMIT:,} fit. helpers.cost counts graphs of "
            "any size; give smaller sizes to build one."
        )
    shapes = {name: shape for name, shape in weight_shapes.items() if _is_used(name, accounting)}
    weights = dict.fromkeys(shapes) if weights is None else weights
    if set(weights) != set(shapes):
        raise ValueError(f"weights has {', '.join(sorted(weights))}; expected {', '.join(sorted(shapes))}.")
    graph, random = Graph(), np.random.default_rng(seed)
    graph.weights = {
        name: _numbers(f"weights[{name!r}]", weights[name], shape, random) for name, shape in shapes.items()
    }
    graph.inputs = {name: _numbers(name, values, shape, random) for name, (values, shape) in inputs.items()}
    traced_weights = {name: graph.leaf(name, array) for name, array in graph.weights.items()}
    return graph, traced_weights, [graph.leaf(name, array) for name, array in graph.inputs.items()]


def _is_used(name, accounting):
    if not name.endswith("bias") or accounting.biases == "everywhere":
        return True
    return accounting.biases == "ffn" and name not in ATTENTION_BIASES


def _numbers(name, values, shape, random):
    if values is None:
        return random.uniform(-1, 1, shape) / np.sqrt(shape[-1])
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as numbers ({error}); give a NumPy array of shape {shape}.") from error
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}. Reshape it, or change the sizes given.")
    return array
