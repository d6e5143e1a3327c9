"""Six blocks that learn to guess the next letter, whole or with one part missing, 200 steps each; and 24 blocks."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ...models.transformer import LanguageModel, may_look_back
from ...show.watching import watch_in_notebook
from ...training import Training, train
from ...training.corpus import help_text, windows
from .depth import difference_left

T, B, WIDTH, LAYERS, HEADS = 32, 16, 64, 6, 4
STEPS, RATE = 200, 2e-3
DEEP, STEPS_OF_DEEP = 24, 60
LETTERS = 3.21  # nats a letter, if one knows how often each letter comes (Python 3.11's topics)


class Missing(nn.Module):
    """A part that is not there: the words pass."""

    def forward(self, words, *_):
        """words (B, T, D), as they are."""
        return words


class Unscaled(nn.Module):
    """Queries as much larger as the scores will be divided by: the 1/√D is undone."""

    def __init__(self, query, heads):
        super().__init__()
        self.query, self.times = query, math.sqrt(query.out_features / heads)

    def forward(self, words):
        """words (B, T, D) to queries (B, T, D)."""
        return self.times * self.query(words)


def whole(layers=LAYERS, norm="before", **of_block):
    """Blocks over Python's help topics, letter by letter. Only those of today end with one more LayerNorm."""
    letters = len(help_text().alphabet)
    return LanguageModel(letters, WIDTH, layers, HEADS, norm=norm, final=norm == "before", **of_block)


def without(part):
    """Six blocks of today without "attention" or "feed_forward"."""
    model = whole()
    for block in model.blocks.blocks:
        setattr(block, part, Missing())
    return model


def unscaled():
    """Six blocks of today whose scores are not divided by the root of the head's width."""
    model = whole()
    for block in model.blocks.blocks:
        block.attention.part.query = Unscaled(block.attention.part.query, HEADS)
    return model


MODELS = {
    "whole": whole,
    "whole, as in 2017": lambda: whole(norm="after"),
    "no residual": lambda: whole(residual=False),
    "no LayerNorm": lambda: whole(norm=None),
    "no attention": lambda: without("attention"),
    "no feed-forward": lambda: without("feed_forward"),
    "no 1/√D": unscaled,
}
DEEP_MODELS = {
    "24 blocks of today": lambda: whole(DEEP),
    "24 blocks as of 2017": lambda: whole(DEEP, norm="after"),
}


def run(name: str, seed: int = 0, steps: int = STEPS) -> Training:
    """Train one of MODELS or DEEP_MODELS on windows of the help topics."""
    text, make = help_text(), (MODELS | DEEP_MODELS)[name]
    watch = watch_in_notebook(f"{steps} steps", name)

    def batches(generator):
        return windows(text.train, T + 1, B, generator)

    return train(make, batches, loss, steps=steps, seed=seed, lr=RATE, decay=0.01, watch=watch)


def loss(model: nn.Module, window: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of every next letter of windows (B, T + 1), in nats."""
    scores = model(window[:, :-1])  # (B, T, letters)
    return F.cross_entropy(scores.flatten(0, 1), window[:, 1:].flatten())


@torch.no_grad()
def test_loss(model: nn.Module) -> float:
    """Nats a letter on topics that were not trained on."""
    drawn = windows(help_text().test, T + 1, 200, torch.Generator().manual_seed(99))
    return loss(model, drawn.to(next(model.parameters()).device)).item()


@torch.no_grad()
def words_left(model: nn.Module) -> float:
    """How different the letters of a window still are after the last block: the mean of ‖X − mean‖ / ‖X‖."""
    drawn = windows(help_text().test, T, 50, torch.Generator().manual_seed(99)).to(next(model.parameters()).device)
    words = model.embedding(drawn)  # (B, T, D)
    for block in model.blocks.blocks:
        words = block(words, may_look_back(T).to(words.device))
    return sum(map(difference_left, words)) / len(words)


def counting_letters() -> float:
    """Nats a letter on the test, for one who knows how often each letter comes in the training text."""
    text = help_text()
    count = torch.bincount(text.train, minlength=len(text.alphabet)).double() + 1
    return -(count / count.sum()).log()[text.test].mean().item()
