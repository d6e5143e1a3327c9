"""Lesson 11: the model that writes, the student's own of lesson 09 or a small one taught here; two counted drafts."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...models.language import language_model
from ...training import store, train
from ...training.corpus import Text, help_text, next_letter_loss, windows
from .speculation import overlap

KEPT = "lesson 09"  # the name under which lesson 09 stores its Transformer
SHAPE = {"kind": "Transformer", "width": 96, "layers": 2}
T, BATCH = 64, 16
LEARNING_RATE, WARM_UP = 4e-3, 20
STEPS = 200
PRIOR = 1.0  # how many sightings a draft lends to the shorter memory
SKIPPED, ASKED = 8, 200  # letters at the start of a window that are not asked about; windows


class Writer(NamedTuple):
    """A model and the text whose letters it writes."""

    model: nn.Module
    text: Text
    origin: str


def teach(steps: int = STEPS, seed: int = 0):
    """A Training of a small Transformer on the letters of Python's help topics, in lower case."""
    text = help_text()
    return train(
        lambda: language_model(vocabulary=len(text.alphabet), **SHAPE),
        lambda generator: windows(text.train, T + 1, BATCH, generator),
        next_letter_loss,
        steps=steps,
        seed=seed,
        lr=LEARNING_RATE,
        warm_up=WARM_UP,
    )


def find_writer() -> Writer:
    """The student's Transformer of lesson 09; where there is none that reads this Python's help, one taught here."""
    text, stored = help_text(lower=False), store.load(KEPT, language_model)
    if stored and stored.about.get("alphabet") == text.alphabet:
        return Writer(stored.model, text, "your Transformer of lesson 09")
    return Writer(teach().model, help_text(), f"a small Transformer, taught here for {STEPS} steps")


@torch.no_grad()
def write(says: Callable[[Tensor], Tensor], tokens: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Tokens (1, T) and `count` more, each drawn from what the model says after those before it.

    says: from the tokens that it has not seen yet, (1, 1 or more), to their scores.
    """
    scores = says(tokens)
    for left in range(count, 0, -1):
        new = torch.multinomial(scores[:, -1].softmax(dim=-1), 1, generator=generator)  # (1, 1)
        tokens = torch.cat([tokens, new], dim=1)
        if left > 1:
            scores = says(new)
    return tokens


def counted(order: int, text: Text) -> Tensor:
    """A draft: chances of a letter after the order − 1 letters before it, counted in the training text, (V, …, V).

    What was seen rarely leans on the shorter memory (Jelinek & Mercer 1980, with a weight for each count).
    """
    V, places = len(text.alphabet), len(text.train) - order + 1
    number = torch.zeros(places, dtype=torch.int64)  # of each group of letters
    for step in range(order):
        number = number * V + text.train[step : step + places]
    counts = number.bincount(minlength=V**order).reshape([V] * order).double()
    shorter = counted(order - 1, text) if order > 1 else torch.full((V,), 1 / V, dtype=torch.float64)
    return (counts + PRIOR * shorter) / (counts.sum(dim=-1, keepdim=True) + PRIOR)


def drafted(draft: Tensor, letters: Tensor) -> Tensor:
    """What a counted draft says after each of the letters (…, T), from the second on: (…, T − 1, V)."""
    if draft.ndim == 2:
        return draft[letters[..., 1:]]
    return draft[letters[..., :-1], letters[..., 1:]]


@torch.no_grad()
def acceptance(model: nn.Module, draft: Tensor, text: Text) -> float:
    """The share of drafted letters that the model accepts on unseen text: Σ min(p, q), the mean over its places."""
    letters = text.test.unfold(0, T, T)[:ASKED]
    p = model(letters).double().softmax(dim=-1)[:, SKIPPED:]
    return overlap(p, drafted(draft, letters)[:, SKIPPED - 1 :]).mean().item()


def bits_of_draft(draft: Tensor, text: Text) -> float:
    """What a draft loses on the unseen text, in bits a letter."""
    chances = drafted(draft, text.test[:-1])  # of every letter from the third on
    return -chances.gather(1, text.test[2:, None]).log2().mean().item()
