"""Lesson 03: the numbers of its computed statements, and what they decide."""

import itertools

import torch

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, Decisions

decisions = Decisions()


def a_cell_alone():
    """What a constant forget gate leaves of a cell after 100 steps, and how far a cell that is held shut has moved."""
    open_gate, shut_gate = torch.sigmoid(torch.tensor([120.0, -120.0], dtype=torch.float64)).tolist()
    cell = start = 0.3
    for step in range(100_000):
        cell = open_gate * cell + shut_gate * (-1) ** step
    return {
        "left_by_a_gate_of_bias_1": (torch.sigmoid(torch.tensor(1.0, dtype=torch.float64)) ** 100).item(),
        "moved_where_it_is_held": abs(cell - start),
    }


@decisions.decides(
    "S1-26",
    numbers=a_cell_alone,
    shows="with its forget gate at σ(1) less than 10⁻¹³ of a cell is left after 100 words; with that gate at 1 and the "
    "input gate at 0 the cell is the same after 100,000.",
    refuted_by={"left_by_a_gate_of_bias_1": 2.5e-14, "moved_where_it_is_held": 0.2},
)
def fades_if_it_leaks(left_by_a_gate_of_bias_1, moved_where_it_is_held):
    if left_by_a_gate_of_bias_1 > 0.5:
        return DOES_NOT_HOLD
    return CONDITIONAL if moved_where_it_is_held == 0 else HOLDS


BITS = 4  # two numbers of four values each
TEXTS = [1, 2, 3, 4, 5]  # lengths: 8 to 32,768 texts of 8 words


def states_that_there_are():
    """All texts of 1 to 5 words through a net whose state is two numbers of two bits: how many states they end in."""
    from ...models.tiny import VECTORS, tiny_rnn

    _, _, U, W = tiny_rnn("man")
    vectors = torch.tensor(list(VECTORS.values()), dtype=torch.float64)
    texts, states = [], []
    for length in TEXTS:
        words = torch.tensor(list(itertools.product(range(len(vectors)), repeat=length)))  # (8^length, length)
        state = torch.zeros(len(words), 2, dtype=torch.float64)
        for word in words.unbind(1):
            state = torch.tanh(vectors[word] @ U.T + state @ W.T)
            state = ((2 * state + 2).floor().clamp(0, 3) - 1.5) / 2  # one of −0.75, −0.25, 0.25, 0.75
        texts.append(len(words))
        states.append(len(state.unique(dim=0)))
    return {"texts": texts, "states": states, "most": 2**BITS}


@decisions.decides(
    "S1-28",
    numbers=states_that_there_are,
    shows="in a state of 4 bits all texts of five words, 32,768 of 8 words, end in at most 16 states, and most of what "
    "they were is lost.",
    refuted_by={"texts": [8, 64], "states": [8, 64], "most": 16},
)
def bounded(texts, states, most):
    return HOLDS if max(states) <= most < texts[-1] else DOES_NOT_HOLD
