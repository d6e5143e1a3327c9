"""Lesson 15: a motif that comes back. Eight notes, eight others, the eight again; who writes the second time right?"""

import torch
from torch import Tensor, nn

from ...models.language import language_model
from ...models.transformer import LanguageModel
from ...show.watching import watch_in_notebook
from ...training import Training, train
from ...training.corpus import next_letter_loss

NOTES, MOTIF, GAP, LEAP, B = 15, 8, 8, 4, 32
RATE = 4e-3
MODELS = {  # some 59,000 weights each, and the steps; the recurrent ones take twice as many
    "Transformer": (lambda: LanguageModel(NOTES, width=48, layers=2, heads=4, positions="bias"), 350),
    "GRU": (lambda: language_model("GRU", NOTES, width=98), 700),
    "LSTM": (lambda: language_model("LSTM", NOTES, width=85), 700),
}


def pieces(count: int, generator: torch.Generator, gap: int = GAP) -> Tensor:
    """Notes from 0 to 14, (count, 8 + gap + 8): a walk by at most four notes a step, then its first eight again.

    >>> notes = pieces(2, torch.Generator().manual_seed(0))
    >>> notes.shape, torch.equal(notes[:, 16:], notes[:, :8])
    (torch.Size([2, 24]), True)
    """
    walk = [torch.randint(NOTES, (count,), generator=generator)]
    for step in torch.randint(-LEAP, LEAP + 1, (MOTIF + gap - 1, count), generator=generator):
        walk.append((walk[-1] + step).clamp(0, NOTES - 1))
    notes = torch.stack(walk, dim=1)
    return torch.cat([notes, notes[:, :MOTIF]], dim=1)


def run(name: str = "Transformer", seed: int = 0) -> Training:
    """Train one of MODELS to guess the next note."""
    make, steps = MODELS[name]
    watch = watch_in_notebook(f"{steps} steps", name)
    return train(
        make, lambda generator: pieces(B, generator), next_letter_loss, steps=steps, seed=seed, lr=RATE, watch=watch
    )


@torch.no_grad()
def share_right(model: nn.Module, count: int = 500, gap: int = GAP) -> float:
    """The share of the eight notes that come back which a model guesses, each after all true notes before it."""
    notes = pieces(count, torch.Generator().manual_seed(99), gap)
    named = model(notes[:, :-1].to(next(model.parameters()).device)).argmax(dim=-1).cpu()
    return (named[:, -MOTIF:] == notes[:, -MOTIF:]).float().mean().item()


def sixteen_before(notes: Tensor) -> Tensor:
    """The method without a model: notes (B, T) to a guess for each of the last eight, the note sixteen before it."""
    return notes[:, -MOTIF - 16 : -16]


def likeliest_next(notes: Tensor, known: Tensor) -> Tensor:
    """The other one: what most often followed the note before, in `known`; a guess for each of the last eight."""
    pairs = torch.zeros(NOTES, NOTES)
    pairs.index_put_((known[:, :-1].flatten(), known[:, 1:].flatten()), torch.tensor(1.0), accumulate=True)
    return pairs.argmax(dim=1)[notes[:, -MOTIF - 1 : -1]]
