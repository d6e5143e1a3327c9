"""One small Transformer over letters, and two ways to teach it: what comes next, and what is hidden.

The two models differ in the mask and the question alone. Text: the help topics of this Python. Losses are in nats.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from ...training import train
from ...training.corpus import help_text, windows

T = 32  # letters that the model sees
WIDTH, HEADS, BLOCKS = 64, 4, 2
BATCH = 32
LEARNING_RATE, WARM_UP = 3e-3, 50
SHARE_HIDDEN = 0.15  # as Devlin et al. 2019
MIDDLE = T // 2  # the place of the letter that both models are asked for
ASKED = 2048  # windows of the test text
EVEN = math.log(len(help_text().alphabet))  # nats of a guess that favours no letter
EVERYTHING = torch.ones(T, T, dtype=torch.bool)
CAUSAL = EVERYTHING.tril()
OFF_BY_ONE = EVERYTHING.tril(1)


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a LayerNorm and added to its input: (B, T, D) to (B, T, D).

    Each head learns one number for each distance between two letters, which is added to the score (Shaw et al. 2018
    and T5 have variants of it).
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.join = nn.Linear(width, width, bias=False)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.by_distance = nn.Parameter(torch.zeros(heads, 2 * T - 1))

    def forward(self, inputs: Tensor, may_read: Tensor) -> Tensor:
        """inputs (B, T, D), may_read (T, T) of True and False; returns (B, T, D)."""
        B, length, D = inputs.shape
        query, key, value = (
            part.view(B, length, self.heads, -1).transpose(1, 2)  # (B, H, T, D/H)
            for part in self.project(self.first_norm(inputs)).chunk(3, dim=-1)
        )
        place = torch.arange(length, device=inputs.device)
        bias = self.by_distance[:, place[:, None] - place + T - 1]  # (H, T, T)
        mixed = scaled_dot_product_attention(query, key, value, bias.masked_fill(~may_read, -torch.inf))
        inputs = inputs + self.join(mixed.transpose(1, 2).reshape(B, length, D))
        return inputs + self.feed_forward(self.second_norm(inputs))


class LetterModel(nn.Module):
    """Letters (B, T) as numbers to scores for each letter of the alphabet, (B, T, V); one number more is “hidden”."""

    def __init__(self, letters: int):
        super().__init__()
        self.hidden_letter = letters
        self.embed = nn.Embedding(letters + 1, WIDTH)
        self.blocks = nn.ModuleList(Block(WIDTH, HEADS) for _ in range(BLOCKS))
        self.norm, self.score = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, letters)

    def forward(self, letters: Tensor, may_read: Tensor) -> Tensor:
        """letters (B, T), may_read (T, T) of True and False; returns (B, T, V)."""
        vectors = self.embed(letters)
        for block in self.blocks:
            vectors = block(vectors, may_read.to(vectors.device))
        return self.score(self.norm(vectors))


def make_model() -> LetterModel:
    """An untrained model for the letters of this Python's help topics."""
    return LetterModel(len(help_text().alphabet))


def batches(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch of the training text: windows (B, T + 1), and which of the first T letters to hide (B, T)."""
    letters = windows(help_text().train, T + 1, BATCH, generator)
    return letters, torch.rand(BATCH, T, generator=generator) < SHARE_HIDDEN


def next_letter_loss(model: LetterModel, batch: tuple[Tensor, Tensor], may_read: Tensor = CAUSAL) -> Tensor:
    """Each letter guesses the next one: T losses a window."""
    letters, _ = batch
    return cross_entropy(model(letters[:, :-1], may_read).flatten(0, 1), letters[:, 1:].flatten())


def hidden_letter_loss(model: LetterModel, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Some letters are hidden and guessed from both sides: 0.15 · T losses a window, on average."""
    letters, hide = batch
    letters = letters[:, :-1]
    return cross_entropy(model(letters.masked_fill(hide, model.hidden_letter), EVERYTHING)[hide], letters[hide])


def leaking_loss(model: LetterModel, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The next letter, under a mask that is off by one: each letter may read the one that it has to guess."""
    return next_letter_loss(model, batch, OFF_BY_ONE)


LOSSES = {"causal": next_letter_loss, "masked": hidden_letter_loss}


def teach(kind: str, steps: int, seed: int = 0, loss=None):
    """A Training of the "causal" or the "masked" model; loss: another one instead."""
    return train(make_model, batches, loss or LOSSES[kind], steps=steps, seed=seed, lr=LEARNING_RATE, warm_up=WARM_UP)


@torch.no_grad()
def loss_in_the_middle(model: LetterModel, kind: str) -> float:
    """The same question for both: a hidden letter in the middle of unseen text, in nats.

    The causal model sees the letters before it, the masked one those on both sides.
    """
    letters = windows(help_text().test, T, ASKED, torch.Generator().manual_seed(0))
    goal = letters[:, MIDDLE]
    if kind == "causal":
        scores = model(letters, CAUSAL)[:, MIDDLE - 1]
    else:
        letters = letters.clone()
        letters[:, MIDDLE] = model.hidden_letter
        scores = model(letters, EVERYTHING)[:, MIDDLE]
    return cross_entropy(scores, goal).item()


@torch.no_grad()
def loss_on_unseen_text(model: LetterModel, may_read: Tensor = CAUSAL) -> float:
    """The next letter, over all places of unseen text, in nats."""
    letters = windows(help_text().test, T + 1, ASKED, torch.Generator().manual_seed(0))
    return next_letter_loss(model, (letters, None), may_read).item()
