"""One small Transformer over letters, and two ways to teach it: what comes next, and what is hidden.

The two models differ in the mask and the question alone. Text: the help topics of this Python. Losses are in nats.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...models.transformer import LanguageModel
from ...training import train
from ...training.corpus import help_text, windows

T = 32  # letters that the model sees
WIDTH, HEADS, BLOCKS = 64, 4, 2
BATCH = 32
LEARNING_RATE, WARM_UP = 3e-3, 50
SHARE_HIDDEN = 0.15  # as Devlin et al. 2019
MIDDLE = T // 2  # the place of the letter that both models are asked for
ASKED = 2048  # windows of the test text
HIDDEN = len(help_text().alphabet)  # the number of the sign that hides a letter
EVEN = math.log(HIDDEN)  # nats of a guess that favours no letter
EVERYTHING = torch.ones(T, T, dtype=torch.bool)
CAUSAL = EVERYTHING.tril()
OFF_BY_ONE = EVERYTHING.tril(1)


def make_model() -> LanguageModel:
    """An untrained model for the letters of this Python's help topics, and for one sign more, which hides a letter."""
    return LanguageModel(HIDDEN + 1, WIDTH, BLOCKS, HEADS)


def batches(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch of the training text: windows (B, T + 1), and which of the first T letters to hide (B, T)."""
    letters = windows(help_text().train, T + 1, BATCH, generator)
    return letters, torch.rand(BATCH, T, generator=generator) < SHARE_HIDDEN


def next_letter_loss(model: LanguageModel, batch: tuple[Tensor, Tensor], may_read: Tensor = CAUSAL) -> Tensor:
    """Each letter guesses the next one: T losses a window."""
    letters, _ = batch
    return cross_entropy(model(letters[:, :-1], may_read).flatten(0, 1), letters[:, 1:].flatten())


def hidden_letter_loss(model: LanguageModel, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Some letters are hidden and guessed from both sides: 0.15 · T losses a window, on average."""
    letters, hide = batch
    letters = letters[:, :-1]
    return cross_entropy(model(letters.masked_fill(hide, HIDDEN), EVERYTHING)[hide], letters[hide])


def leaking_loss(model: LanguageModel, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The next letter, under a mask that is off by one: each letter may read the one that it has to guess."""
    return next_letter_loss(model, batch, OFF_BY_ONE)


def less_often_loss(model: LanguageModel, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The next letter, asked for at as many places as the masked model is: 0.15 · T losses a window, on average."""
    letters, ask = batch
    return cross_entropy(model(letters[:, :-1], CAUSAL)[ask], letters[:, 1:][ask])


LOSSES = {"causal": next_letter_loss, "masked": hidden_letter_loss}


def teach(kind: str, steps: int, seed: int = 0, loss=None):
    """A Training of the "causal" or the "masked" model; loss: another one instead."""
    return train(make_model, batches, loss or LOSSES[kind], steps=steps, seed=seed, lr=LEARNING_RATE, warm_up=WARM_UP)


@torch.no_grad()
def loss_in_the_middle(model: LanguageModel, kind: str) -> float:
    """The same question for both: a hidden letter in the middle of unseen text, in nats.

    The causal model sees the letters before it, the masked one those on both sides.
    """
    letters = windows(help_text().test, T, ASKED, torch.Generator().manual_seed(0))
    goal = letters[:, MIDDLE]
    if kind == "causal":
        scores = model(letters, CAUSAL)[:, MIDDLE - 1]
    else:
        letters = letters.clone()
        letters[:, MIDDLE] = HIDDEN
        scores = model(letters, EVERYTHING)[:, MIDDLE]
    return cross_entropy(scores, goal).item()


@torch.no_grad()
def loss_on_unseen_text(model: LanguageModel, may_read: Tensor = CAUSAL) -> float:
    """The next letter, over all places of unseen text, in nats."""
    letters = windows(help_text().test, T + 1, ASKED, torch.Generator().manual_seed(0))
    return next_letter_loss(model, (letters, None), may_read).item()
