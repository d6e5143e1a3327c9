"""How long a recurrent net remembers, from two sides: rounds of guess and mend, and the gradient over the words."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .cells import Layer

State = tuple[Tensor, ...]


@torch.no_grad()
def states_of(step: Callable[[Tensor, State], State], inputs: Tensor, start: State) -> State:
    """All states of one text, word after word: inputs (T, Din) and start, each part (1, D), to parts (T, D)."""
    states = [start]
    for word in inputs:
        states.append(step(word[None], states[-1]))
    return tuple(torch.cat(parts) for parts in zip(*states[1:], strict=True))


@torch.no_grad()
def rounds_to_mend(
    step: Callable[[Tensor, State], State], inputs: Tensor, start: State, within: float = 1e-6
) -> int | None:
    """Guess all states as `start`, take one step from each guess at once, and again: rounds until all are right.

    step: from words (T, Din) and the states before them, a tuple of (T, D), to the states after them, as a cell has it.
    inputs: (T, Din), one text. start: the state before the first word, a tuple of (1, D). within: how near is right.
    After T rounds all states are right but for rounding; None if they are not.

    >>> def remembers(word, state):
    ...     return (0.5 * state[0] + word,)
    >>> rounds_to_mend(remembers, torch.ones(600, 1), (torch.zeros(1, 1),), within=0.001)
    11
    """
    states = states_of(step, inputs, start)
    guess = tuple(part.expand(len(inputs), -1) for part in start)
    for round_number in range(1, len(inputs) + 1):
        before = (torch.cat([first, part[:-1]]) for first, part in zip(start, guess, strict=True))
        guess = step(inputs, tuple(before))
        if max((part - state).abs().max() for part, state in zip(guess, states, strict=True)) < within:
            return round_number
    return None


def gradient_over(layer: Layer, inputs: Tensor, lags: Sequence[int]) -> list[float]:
    """log₁₀ of how much a small change of the state after word 1 grows, at most, in the state so many words later.

    That is the largest singular value of the product of the steps' Jacobians, for the whole state: h, or h and c.
    inputs: (T, Din), one text of more than max(lags) words. Sizes are summed as logarithms: 10⁻³⁰⁸ is no end.
    −inf where a product is exactly 0. Raises ValueError for a lag that the text does not have.

    >>> layer = Layer(1, 1)
    >>> layer.step = lambda word, state: (0.5 * state[0] + word,)
    >>> [round(size, 2) for size in gradient_over(layer, torch.ones(2000, 1), [1, 10, 1900])]
    [-0.3, -3.01, -571.96]
    """
    if not 0 < min(lags) <= max(lags) < len(inputs):
        raise ValueError(f"lags are from 1 to {len(inputs) - 1} in a text of {len(inputs)} words; given: {list(lags)}.")
    inputs = inputs.detach()
    states = torch.cat(states_of(layer.step, inputs, layer.start(1)), dim=1)  # (T, D) of h, or (T, 2 D) of h and c

    def step(word, state):
        parts = state.reshape(layer.states, 1, -1).unbind(0)
        return torch.cat(layer.step(word[None], parts), dim=1)[0]

    jacobians = torch.vmap(torch.func.jacrev(step, argnums=1))
    product, size, sizes = torch.eye(states.shape[1], dtype=states.dtype, device=states.device), 0.0, {}
    for first in range(0, max(lags), 200):  # some at a time: all would need their own memory at once
        for place, jacobian in enumerate(jacobians(inputs[first + 1 :][:200], states[first:-1][:200]), first + 1):
            product = jacobian.detach() @ product
            length = product.norm().item()
            if not length:
                return [sizes.get(lag, -math.inf) for lag in lags]
            product, size = product / length, size + math.log10(length)
            if place in lags:
                sizes[place] = size + math.log10(torch.linalg.matrix_norm(product, 2).item())
    return [sizes[lag] for lag in lags]
