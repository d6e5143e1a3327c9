"""Recurrent layers, each from its equations: Elman, GRU, LSTM. `step` is the definition, one word after the other.

Weights are in torch's layout: the gates of one product stand under each other, in torch's order, with torch's start.
"""

import torch
from torch import Tensor, nn


class Layer(nn.Module):
    """What the three have in common: (B, T, Din) to all states (B, T, D), and the last one to go on from.

    A state is a tuple of tensors (B, D): (h,), or (h, c) for the LSTM. A subclass has the number of its `gates`, the
    `kernel` that torch has for it, and its `step`.
    """

    gates, states, kernel = 1, 1, None

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.width = width
        self.from_input = nn.Linear(inputs, self.gates * width)  # U and its bias
        self.from_state = nn.Linear(width, self.gates * width)  # W and its bias: torch has two
        for weight in self.parameters():
            nn.init.uniform_(weight, -(width**-0.5), width**-0.5)

    def start(self, B: int) -> tuple[Tensor, ...]:
        """The state before the first word: zeros."""
        return tuple(self.from_input.weight.new_zeros(B, self.width) for _ in range(self.states))

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, ...] | None = None, by_steps: bool = False
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """inputs (B, T, Din); returns all h (B, T, D), and the last state.

        by_steps: call `step` T times, the definition, instead of torch's kernel, which is quicker and gives the same.
        """
        state = self.start(len(inputs)) if state is None else state
        if by_steps:
            hidden = []
            for word in inputs.unbind(1):  # (B, Din)
                state = self.step(word, state)
                hidden.append(state[0])
            return torch.stack(hidden, dim=1), state
        weights = [self.from_input.weight, self.from_state.weight, self.from_input.bias, self.from_state.bias]
        state = [part[None].contiguous() for part in state]  # (1, B, D): torch counts layers first
        before = state if self.states > 1 else state[0]
        # with biases, 1 layer, no dropout, whether it trains, one direction, batch first
        hidden, *last = self.kernel(inputs, before, weights, True, 1, 0.0, self.training, False, True)
        return hidden, tuple(part[0] for part in last)


class Elman(Layer):
    """h' = tanh(U x + W h + b): Elman 1990.

    >>> states, (last,) = Elman(5, 4)(torch.ones(2, 3, 5))
    >>> states.shape, torch.equal(states[:, -1], last)
    (torch.Size([2, 3, 4]), True)
    """

    kernel = staticmethod(torch.rnn_tanh)

    def step(self, word: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
        """word (B, Din) and state ((B, D),) to the next state."""
        (hidden,) = state
        return (torch.tanh(self.from_input(word) + self.from_state(hidden)),)


class GRU(Layer):
    """h' = (1 − z) n + z h, as torch.nn.GRU has it: its z keeps. Cho et al. 2014; the gates stand as r, z, n.

    >>> states, (last,) = GRU(5, 4)(torch.ones(2, 3, 5))
    >>> states.shape, last.shape
    (torch.Size([2, 3, 4]), torch.Size([2, 4]))
    """

    gates, kernel = 3, staticmethod(torch.gru)

    def step(self, word: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
        """word (B, Din) and state ((B, D),) to the next state."""
        (hidden,) = state
        reset_x, keep_x, new_x = self.from_input(word).chunk(3, dim=-1)  # (B, D) each
        reset_h, keep_h, new_h = self.from_state(hidden).chunk(3, dim=-1)
        reset = torch.sigmoid(reset_x + reset_h)
        keep = torch.sigmoid(keep_x + keep_h)
        new = torch.tanh(new_x + reset * new_h)
        return ((1 - keep) * new + keep * hidden,)


class LSTM(Layer):
    """c' = f c + i g and h' = o tanh(c'): Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.

    The gates stand as i, f, g, o.

    >>> states, (hidden, cell) = LSTM(5, 4)(torch.ones(2, 3, 5))
    >>> states.shape, cell.shape
    (torch.Size([2, 3, 4]), torch.Size([2, 4]))
    """

    gates, states, kernel = 4, 2, staticmethod(torch.lstm)

    def step(self, word: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """word (B, Din) and state ((B, D), (B, D)) to the next state."""
        hidden, cell = state
        let_in, keep, new, let_out = (self.from_input(word) + self.from_state(hidden)).chunk(4, dim=-1)  # (B, D) each
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(let_in) * torch.tanh(new)
        return torch.sigmoid(let_out) * torch.tanh(cell), cell


class Recurrent(nn.Module):
    """A net that reads: an embedding, one recurrent layer, one linear layer. The first two are D wide.

    kind: Elman, GRU or LSTM. answers: how many it chooses from; as many as words unless given.

    >>> net = Recurrent(vocabulary=17, width=32, kind=LSTM, answers=8)
    >>> net(torch.zeros(2, 6, dtype=torch.int64)).shape, sum(weight.numel() for weight in net.parameters())
    (torch.Size([2, 6, 8]), 9256)
    """

    def __init__(self, vocabulary: int, width: int, kind: type[Layer], answers: int | None = None):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.layer = kind(width, width)
        self.out = nn.Linear(width, answers or vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B, T); returns a score for each answer at every position, (B, T, answers)."""
        states, _ = self.layer(self.embed(tokens))  # (B, T, D)
        return self.out(states)
