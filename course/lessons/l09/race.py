"""The race of lesson 09: three language models with as many weights, one text, the same seconds on one core.

Losses are in bits a character, on topics that no model was trained on. The text is this Python's help, with capitals.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.language import language_model
from ...models.positions import rotated
from ...training.corpus import Text, bits_a_letter, help_text, next_letter_loss, windows
from ...training.turns import Racer, train_in_turns

T, B = 64, 16  # characters that a model sees, and texts: 1,024 characters an update
SIZES = {  # what makes each model: within one per cent of 233,000 weights
    "LSTM": {"kind": "LSTM", "width": 164, "layers": 1},
    "GRU": {"kind": "GRU", "width": 188, "layers": 1},
    "Transformer": {"kind": "Transformer", "width": 96, "layers": 2},
}
QUICK = {"LSTM": 1e-2, "GRU": 1e-2, "Transformer": 7e-3}  # learning rates, each the best of some in six seconds
HIGH = QUICK | {"GRU": 2e-2}
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


def products(name: str, length: int) -> int:
    """Multiply–adds a character, forward, in a text of this length; those of the embedding are left out.

    Attention is computed as it stands in course.models: all T scores, also those that the mask takes away.
    """
    width, layers = SIZES[name]["width"], SIZES[name]["layers"]
    if name == "Transformer":
        return layers * (12 * width**2 + 2 * length * width)
    return layers * {"LSTM": 8, "GRU": 6}[name] * width**2


# ---- what was learned, by second and by character


def by_character(racer: Racer) -> list[tuple[int, float]]:
    """[(characters read, bits)] at each of its points."""
    return [(step * T * B, bits) for _, step, bits in racer.points]


def lead(ahead: list[tuple[float, float]], behind: list[tuple[float, float]]) -> tuple[float, float]:
    """The lead of one curve of (characters, bits) at its end, in two parts that add up to it: (learning, speed).

    Learning: the lead at the characters that both have read. Speed: what the characters since then brought. Both curves
    end at the same second; between two points they are straight.
    """
    common = min(ahead[-1][0], behind[-1][0])
    at = [np.interp(common, *zip(*curve, strict=True)) for curve in (ahead, behind)]
    learning = at[1] - at[0]
    return float(learning), float(behind[-1][1] - ahead[-1][1] - learning)


def says(racers: dict[str, Racer]) -> str:
    """Whether this race ended as the text says: the Transformer last. (Who of the others is first, seeds decide.)"""
    ends = {name: racer.points[-1][2] for name, racer in racers.items()}
    last = max(ends, key=ends.get)
    stopped = " (It was interrupted: its curves end early.)" if any(r.interrupted for r in racers.values()) else ""
    if last == "Transformer":
        return f"As where this lesson was written: the Transformer is last at the end of the race.{stopped}"
    return (
        f"Here the {last} is last at the end of the race; where this lesson was written the Transformer was. Another "
        f"processor or another torch runs each model at its own speed: look at the characters a second.{stopped}"
    )


# ---- one update against the length of a text

AT_ONCE = 2048  # characters of an update, whatever the length: AT_ONCE / T texts
FUSED = "Transformer, fused"


def updates(length: int) -> dict:
    """{name: a function that computes the gradients of one batch}, AT_ONCE characters in texts of this length."""
    letters = windows(text().train, length + 1, AT_ONCE // length, torch.Generator().manual_seed(0))
    models = {name: make(name) for name in SIZES}
    models[FUSED] = fuse(make("Transformer"))
    return {name: _update(model, letters) for name, model in models.items()}


def fuse(model: nn.Module) -> nn.Module:
    """The Transformer, changed in place: its attention runs in torch's fused kernel, which stores no T² scores."""
    for block in model.blocks.blocks:
        block.attention.part.forward = functools.partial(_fused, block.attention.part)
    return model


def _fused(attention, asking, answering=None, mask=None, cache=None):
    """As `Attention.forward` computes it for words that read themselves, without a cache."""
    query, key, value = (attention.split(part(asking)) for part in (attention.query, attention.key, attention.value))
    mixed = F.scaled_dot_product_attention(rotated(query), rotated(key), value, attn_mask=mask)  # (B, H, T, D/H)
    return attention.join(mixed.transpose(1, 2).flatten(2))


def _update(model, letters):
    def update():
        model.zero_grad(set_to_none=True)
        next_letter_loss(model, letters).backward()

    return update


def speeds(points: dict) -> dict[str, dict[int, float]]:
    """{name: {length: characters a second}} of what `helpers.sweep(updates, lengths)` timed."""
    names = next(iter(points.values()))
    return {name: {length: AT_ONCE / point[name].median for length, point in points.items()} for name in names}


def loses_most(points: dict) -> str:
    """The model of the race whose speed at the longest texts is the smallest share of that at the shortest."""
    shortest, longest = min(points), max(points)
    return min(SIZES, key=lambda name: speeds(points)[name][longest] / speeds(points)[name][shortest])
