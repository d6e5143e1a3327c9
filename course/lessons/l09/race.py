"""The race of lesson 09: three language models with as many weights, one text, the same seconds on one core.

Losses are in bits a character, on topics that no model was trained on. The text is this Python's help, with capitals.
"""

import torch
from torch import Tensor, nn

from ...models.language import language_model
from ...training.corpus import Text, bits_a_letter, help_text, next_letter_loss, windows
from ...training.turns import Racer, train_in_turns

T, B = 64, 16  # characters that a model sees, and texts: 1,024 characters an update
SIZES = {  # what makes each model: within one per cent of 233,000 weights
    "LSTM": {"kind": "LSTM", "width": 164, "layers": 1},
    "GRU": {"kind": "GRU", "width": 188, "layers": 1},
    "Transformer": {"kind": "Transformer", "width": 96, "layers": 2},
}
HIGH = {"LSTM": 1e-2, "GRU": 2e-2, "Transformer": 7e-3}  # learning rates, the best in a sweep of six seconds
LOW = {"LSTM": 4e-3, "GRU": 1e-2, "Transformer": 3e-3}
START = {"LSTM": 1.0, "GRU": 1.0, "Transformer": 0.5}  # the embedding's size, as a share of what it has at its start
LIVE = 9.0  # seconds for each


def text() -> Text:
    """What all of them learn: the help topics of this Python, capitals kept."""
    return help_text(lower=False)


def recipe(name: str) -> dict:
    """The arguments of `language_model` that make the racer of this name."""
    return SIZES[name] | {"vocabulary": len(text().alphabet)}


def make(name: str) -> nn.Module:
    """The racer of this name, untrained.

    A block adds to its input, and one embedding goes in and comes out: a Transformer begins by guessing that each
    character is followed by itself. With half the embedding it is less sure, and after six seconds 0.3 bit better.
    """
    model = language_model(**recipe(name))
    with torch.no_grad():
        model.embedding.weight *= START[name]
    return model


def batches(generator) -> Tensor:
    """B windows of T + 1 characters of the training text, from random places."""
    return windows(text().train, T + 1, B, generator)


def bits(model: nn.Module, windows_asked: int | None = None) -> float:
    """Bits a character on the unseen topics; of all of them, or of so many windows of T."""
    return bits_a_letter(model, text().test, T, windows_asked)


def race(
    entries: dict[str, tuple[str, float]], seconds: float, at=(), seed: int = 0, watch=None, windows_asked=None
) -> dict[str, Racer]:
    """Train in turns. entries: {name: (model of SIZES, learning rate)}; measured in bits at the seconds `at`."""
    return train_in_turns(
        {name: lambda model=model: make(model) for name, (model, _) in entries.items()},
        batches,
        next_letter_loss,
        seconds=seconds,
        rates={name: rate for name, (_, rate) in entries.items()},
        measure=lambda model: bits(model, windows_asked),
        at=at,
        seed=seed,
        watch=watch,
    )
