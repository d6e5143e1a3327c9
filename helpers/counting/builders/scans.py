"""Recurrences that need not be a loop, as graphs: scans of linear steps, minGRU, Newton's method, and a plain sum."""

from collections.abc import Mapping
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike

from .. import cost
from ..cost import STANDARD, Accounting
from ..graph import Traced, join, linear, sigmoid
from .start import Built, start

Weights = Mapping[str, ArrayLike]


def linear_recurrence(
    T: int,
    d: int = 1,
    *,
    method: str = "sequential",
    chunk: int | None = None,
    seed: int = 0,
    decay: ArrayLike | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, states): h_t = a_t ⊙ h_{t−1} + b_t from a zero state, so h_1 = b_1; a = decay, b = inputs, all (T, d).

    method: "sequential", or a scan of pairs (a, b): "hillis_steele" (CACM 29(12), 1986), "brent_kung" (IEEE Trans.
    Computers C-31(3), 1982), "blelloch" (1990: exclusive, T a power of two, made inclusive by its total), "chunked"
    (loops in chunks of `chunk` steps, side by side, and one over their ends).
    graph.combines counts combines (steps of a loop), graph.span(counting="combine") the longest chain of them.

    >>> for method in ("sequential", "brent_kung"):
    ...     graph, states = linear_recurrence(1024, method=method)
    ...     print(graph.combines, graph.span(counting="combine"))
    1023 1023
    2036 18
    """
    expected = cost.linear_recurrence(T, d, method=method, chunk=chunk)
    arrays = {"inputs": (inputs, (T, d)), "decay": (decay, (T, d))}
    graph, _, (inputs, decay) = start(expected, STANDARD, seed, {}, None, arrays)
    return graph, _states(decay, inputs, method, chunk)


def min_gru(
    T: int,
    d: int,
    *,
    method: str = "sequential",
    chunk: int | None = None,
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, states): h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t, z = σ(W_z x + b_z), h̃ = W_h x + b_h; Feng et al. 2024.

    method, chunk: as linear_recurrence. weights: "input" (2d, d) and "bias" (2d,), W_z above W_h.

    >>> [min_gru(64, 4, method=method)[0].span() for method in ("sequential", "brent_kung")]
    [132, 26]
    """
    expected = cost.min_gru(T, d, method=method, chunk=chunk, accounting=accounting)
    shapes = {"input": (2 * d, d), "bias": (2 * d,)}
    graph, w, (x,) = start(expected, accounting, seed, shapes, weights, {"inputs": (inputs, (T, d))})
    gate, candidate = linear(x, w["input"], w.get("bias")).reshape(T, 2, d).transpose(1, 0, 2)
    gate = sigmoid(gate)
    return graph, _states(1 - gate, gate * candidate, method, chunk)


def newton(
    T: int,
    d: int,
    iterations: int,
    *,
    jacobian: str = "dense",
    accounting: Accounting = STANDARD,
    seed: int = 0,
    weights: Weights | None = None,
    inputs: ArrayLike | None = None,
) -> Built:
    """(graph, states): h_t = tanh(W h_{t−1} + U x_t + b) for all t at once by Newton's method, from the guess 0.

    jacobian: "dense", diag(1 − h²) W (Lim et al. 2024), or its "diagonal" (Gonzalez et al. 2024), d systems of width 1.
    An iteration changes nothing if no state misses its step: all wait for the largest miss, as the stop test makes
    them. weights: {"input": (d, d), "hidden": (d, d), "bias": (d,)}.

    >>> graph, states = newton(T=16, d=2, iterations=3)
    >>> graph.span(counting="tanh"), graph.span() == cost.newton(T=16, d=2, iterations=3).span
    (3, True)
    """
    expected = cost.newton(T, d, iterations, jacobian=jacobian, accounting=accounting)
    shapes = {"input": (d, d), "hidden": (d, d), "bias": (d,)}
    graph, w, (x,) = start(expected, accounting, seed, shapes, weights, {"inputs": (inputs, (T, d))})
    from_input = linear(x, w["input"], w.get("bias"))
    diagonal = w["hidden"][np.arange(d), np.arange(d)]
    # (S, d/S, d/S): one system of width d, or d systems of width 1
    blocks = w["hidden"][None] if jacobian == "dense" else diagonal[:, None, None]
    states = Traced(graph, np.zeros((T + 1, d)))  # from h_0 on
    for k in range(iterations):
        with graph.place(f"iteration {k}"):
            states = join([states[:1], states[1:] + _correction(states, from_input, w["hidden"], blocks)])
    return graph, states[1:]


def add_up(n: int, *, method: str = "tree", terms: ArrayLike | None = None, seed: int = 0) -> Built:
    """(graph, total) of n terms (n,): method "tree", balanced, or "sequential", one after the other; total is ().

    >>> [add_up(1000, method=method)[0].span() for method in ("sequential", "tree")]
    [999, 10]
    """
    expected = cost.add_up(n, method=method)
    graph, _, (terms,) = start(expected, STANDARD, seed, {}, None, {"terms": (terms, (n,))})
    return graph, terms.reduce() if method == "tree" else reduce(add, terms)


def combine(first: Traced, second: Traced) -> Traced:
    """Two affine steps as one: (a, b), then (a', b'), is (a'a, a'b + b'); all (2, n, d). Associative.

    The product of the a and the sum are named "combine": every chain through a combine meets exactly one of them.

    >>> from helpers.counting.graph import Graph
    >>> graph = Graph()
    >>> half, double = (Traced(graph, np.reshape(step, (2, 1, 1))) for step in ([0.5, 1.0], [2.0, 3.0]))
    >>> combine(half, double).values.ravel().tolist()             # 2 (h/2 + 1) + 3
    [1.0, 5.0]
    """
    graph = first.graph
    state = advance(first[1:], second)
    decay = graph.apply("combine", np.multiply, second[:1], first[:1], multiply_add=True)
    return join([decay, state])


def advance(state: Traced, step: Traced) -> Traced:
    """The next state a·h + b, (1, n, d), from a state h (1, n, d) and a step (a, b), (2, n, d)."""
    graph = state.graph
    graph.combines += state.shape[1]
    product = graph.apply("multiply", np.multiply, step[:1], state, multiply_add=True)
    return graph.apply("combine", np.add, product, step[1:])


def _states(decay, inputs, method, chunk):
    steps = join([decay[None], inputs[None]])  # (2, T, d)
    if method == "hillis_steele":
        return _hillis_steele(steps)[1]
    if method == "brent_kung":
        return _brent_kung(steps, combine, extend=combine)[1]
    if method == "blelloch":
        return _blelloch(steps)[1]
    return _chunked(steps, cost.chunk_length(steps.shape[1], method, chunk))[0]


def _chunked(steps, length):
    steps = [steps[:, t : t + 1] for t in range(steps.shape[1])]
    chunks = [steps[at : at + length] for at in range(0, len(steps), length)]
    totals = [reduce(combine, chunk) for chunk in chunks[:-1]]
    before = [None, *(_walk(totals) if totals else [])]  # the state before each chunk; None is a zero state
    walks = [_walk(chunk, state) for chunk, state in zip(chunks, before, strict=True)]
    return join([state for walk in walks for state in walk], axis=1)


def _walk(steps, state=None):
    """The states (1, 1, d) after each of the steps (2, 1, d); from a zero state, None, the first step is free."""
    states = [steps[0][1:] if state is None else advance(state, steps[0])]
    for step in steps[1:]:
        states.append(advance(states[-1], step))
    return states


def _hillis_steele(steps):
    reach = 1
    while reach < steps.shape[1]:
        steps = join([steps[:, :reach], combine(steps[:, :-reach], steps[:, reach:])], axis=1)
        reach *= 2
    return steps


def _brent_kung(steps, combine, extend, result=lambda step: step):
    """The combined steps up to each one; steps (…, T, …) on the second axis.

    combine(first, second): two steps as one, on the way up. extend(before, step): on the way down, where less than a
    whole step may be asked for: result(step) is the part that is.
    """
    T = steps.shape[1]
    if T == 1:
        return result(steps)
    pairs = combine(steps[:, 0 : T - 1 : 2], steps[:, 1::2])
    odd = _brent_kung(pairs, combine, extend, result)  # up to the steps 1, 3, 5, …
    even = join([result(steps[:, :1]), extend(odd[:, : (T - 1) // 2], steps[:, 2::2])], axis=1)
    return _interleave(even, odd)


def _blelloch(steps):
    levels = [steps]
    while levels[-1].shape[1] > 1:
        levels.append(combine(levels[-1][:, 0::2], levels[-1][:, 1::2]))
    total, d = levels.pop(), steps.shape[2]
    before = Traced(steps.graph, np.stack([np.ones((1, d)), np.zeros((1, d))]))  # h -> 1·h + 0: nothing before
    for level in reversed(levels):
        before = _interleave(before, combine(before, level[:, 0::2]))
    return join([before[:, 1:], total], axis=1)


def _interleave(even, odd):
    both, order = join([even, odd], axis=1), np.arange(even.shape[1] + odd.shape[1])
    return both[:, order // 2 + order % 2 * even.shape[1]]


def _correction(states, from_input, hidden, blocks):
    """What one iteration adds to the states h_1 to h_T: the solution of δ_t = A_t δ_{t−1} + miss_t, (T, d)."""
    stepped = (linear(states[:-1], hidden) + from_input).map("tanh", np.tanh)
    miss = stepped - states[1:]
    # The last state first: it is late, and at full depth in the tree then, whatever T and d are.
    largest = miss.map("absolute", np.abs).reshape(-1)[::-1].reduce("maximum", np.maximum)
    miss = miss.map("select", _unless_all_hit, largest)
    slope = _by_system(1 - stepped.map("square", np.square), blocks.shape[0])  # (S, T, d/S, 1)
    steps = join([slope * blocks[:, None], _by_system(miss, blocks.shape[0])], axis=-1)  # (S, T, d/S, d/S + 1): A | b
    solved = _brent_kung(steps, _combine_systems, extend=_advance_systems, result=_states_of_systems)
    return solved[..., 0].transpose(1, 0, 2).reshape(*miss.shape)


def _unless_all_hit(miss, largest):
    return np.where(largest > 0, miss, 0)


def _by_system(x, systems):
    return x.reshape(x.shape[0], systems, -1).transpose(1, 0, 2)[..., None]  # (T, d) to (S, T, d/S, 1)


def _combine_systems(first, second):
    """Affine steps (A | b), (S, n, w, w + 1): (A'A | A'b + b')."""
    product = linear(second[..., :-1], first.transpose(0, 1, 3, 2)[..., None, :, :])
    return join([product[..., :-1], product[..., -1:] + second[..., -1:]], axis=-1)


def _advance_systems(states, steps):
    """A h + b, (S, n, w, 1), from states (S, n, w, 1) and steps (A | b)."""
    return linear(steps[..., :-1], states.transpose(0, 1, 3, 2)[..., None, :, :]) + steps[..., -1:]


def _states_of_systems(steps):
    return steps[..., -1:]
