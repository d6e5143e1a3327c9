"""minGRU as a layer beside those of cells.py: its gate sees the word alone, so its steps are linear in the state."""

import torch
from torch import Tensor, nn

from helpers import min_gru


class MinGRU(nn.Module):
    """h' = (1 − z) h + z n, with z = σ(W_z x + b_z) and n = W_n x + b_n: Feng et al. 2024, without their appendix B.

    Called as the layers of cells.py are, and it starts as they do.

    >>> states, (last,) = MinGRU(5, 4)(torch.ones(2, 3, 5))
    >>> states.shape, torch.equal(states[:, -1], last)
    (torch.Size([2, 3, 4]), True)
    """

    states = 1

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.width = width
        self.gate, self.new = nn.Linear(inputs, width), nn.Linear(inputs, width)
        for weight in self.parameters():
            nn.init.uniform_(weight, -(width**-0.5), width**-0.5)

    def start(self, B: int) -> tuple[Tensor]:
        """The state before the first word: zeros."""
        return (self.gate.weight.new_zeros(B, self.width),)

    def step(self, word: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
        """word (B, Din) and state ((B, D),) to the next state."""
        (hidden,) = state
        gate = torch.sigmoid(self.gate(word))
        return ((1 - gate) * hidden + gate * self.new(word),)

    def forward(
        self, inputs: Tensor, state: tuple[Tensor] | None = None, method: str = "auto"
    ) -> tuple[Tensor, tuple[Tensor]]:
        """inputs (B, T, Din); returns all h (B, T, D), and the last state. method: of helpers.min_gru, "loop" say."""
        weights = self.gate.weight, self.new.weight, self.gate.bias, self.new.bias
        hidden = min_gru(inputs, *weights, hidden=None if state is None else state[0], method=method)
        return hidden, (hidden[:, -1],)
