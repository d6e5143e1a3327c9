"""Lesson 15: Python's own modules, letter by letter. Counted letters, and nets that read as long as they may."""

import functools
import math
import platform
import sysconfig
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...models.language import language_model
from ...show.watching import watch_in_notebook
from ...training import Training, train
from ...training.corpus import EVERY, Text, next_letter_loss, windows

LEAST, MOST = 2000, 2_000_000  # letters of a module that is read; of the training text
PIECES = 300  # of the test: of each the last 64 letters are guessed, 19,200 in all
T, B, RATE, WARM_UP = 128, 16, 3e-3, 20
MODELS = {  # the steps take about the same time on one core
    "Transformer": (lambda letters: language_model("Transformer", letters, width=96, layers=2), 360),
    "LSTM": (lambda letters: language_model("LSTM", letters, width=160), 600),
}
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # 96 signs
CONTEXT = 4  # letters that the counts look back


@functools.cache
def program_text() -> Text:
    """The modules at the top of Python's library: every tenth for the test. Other versions of Python have other ones.

    >>> text = program_text()
    >>> text.decode(text.encode("import os")), bool(len(text.train) > len(text.test) > 100_000)
    ('import os', True)
    """
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    modules = [_plain(path.read_text(encoding="utf-8", errors="replace")) for path in files]
    modules = [module for module in modules if len(module) > LEAST]
    test = "".join(modules[EVERY - 1 :: EVERY])
    train_ = "".join(module for place, module in enumerate(modules) if place % EVERY != EVERY - 1)[:MOST]
    parts = (torch.from_numpy(np.frombuffer(part.encode(), dtype=np.uint8).copy()) for part in (train_, test))
    numbers = torch.zeros(128, dtype=torch.int64)
    numbers[torch.tensor([ord(letter) for letter in ALPHABET])] = torch.arange(len(ALPHABET))
    return Text(
        ALPHABET, *(numbers[part.long()] for part in parts), f"the modules of Python {platform.python_version()}"
    )


def _plain(module):
    """Tabs as blanks, and a question mark for what is no ASCII."""
    return "".join(letter if letter == "\n" or " " <= letter <= "~" else "?" for letter in module.expandtabs(4))


class Counted:
    """Letters by counting: what followed the same four letters, mixed with what followed the same three, and so on.

    A context that was followed by many different letters trusts the shorter one more (Witten & Bell 1991).

    >>> counted = Counted(torch.tensor([0, 1, 2] * 5), letters=3)
    >>> counted.next_letter(torch.tensor([0, 1, 2, 0, 1])).argmax().item()
    2
    """

    def __init__(self, text: Tensor, letters: int, context: int = CONTEXT):
        self.letters, self.context, self.tables = letters, context, []
        pieces = text.unfold(0, context + 1, 1)
        for k in range(context + 1):
            whole, times = self._codes(pieces, k).unique(return_counts=True)  # k letters and what followed
            before, which = torch.unique_consecutive(whole // letters, return_inverse=True)
            totals = torch.zeros(len(before), dtype=torch.int64).index_add_(0, which, times)
            self.tables.append((whole, times, before, totals, which.bincount()))

    def _codes(self, pieces, k):
        """The last k + 1 letters of each piece (…, context + 1) as one number."""
        powers = self.letters ** torch.arange(k, -1, -1)
        return (pieces[..., -k - 1 :] * powers).sum(-1)

    def chance(self, pieces: Tensor) -> Tensor:
        """Of the last letter of each piece (N, context + 1), after the letters before it: (N,) in float64."""
        chance = torch.full((len(pieces),), 1 / self.letters, dtype=torch.float64)
        for k, (whole, times, before, totals, different) in enumerate(self.tables):
            codes = self._codes(pieces, k)
            often, seen, others = (
                _at(whole, times, codes),
                _at(before, totals, codes // self.letters),
                _at(before, different, codes // self.letters),
            )
            chance = torch.where(seen > 0, (often + others * chance) / (seen + others).clamp(min=1), chance)
        return chance

    def next_letter(self, text: Tensor) -> Tensor:
        """The chance of every letter after a text of four letters or more: (letters,)."""
        before = text[-self.context :].expand(self.letters, -1)
        return self.chance(torch.cat([before, torch.arange(self.letters)[:, None]], dim=1))

    def bits(self) -> float:
        """What it loses on the test, bits a letter."""
        wanted = asked().unfold(1, self.context + 1, 1)[:, -T // 2 :]  # (300, 64, context + 1)
        return -self.chance(wanted.flatten(0, 1)).log2().mean().item()


def _at(keys, values, wanted):
    """The value of each wanted key, 0 where there is none; keys are sorted."""
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == wanted, values[place], 0)


@functools.cache
def counted() -> Counted:
    """Counted letters of the training text."""
    text = program_text()
    return Counted(text.train, len(text.alphabet))


def completed(line: str, count: int = 40) -> str:
    """What counted letters write after a line of code, always the likeliest letter; ValueError for fewer than four.

    >>> completed("    retur", 1)
    'n'
    """
    if len(line) < CONTEXT:
        raise ValueError(f"Begin with {CONTEXT} letters or more; these are {len(line)}.")
    text = program_text()
    letters = text.encode(line)
    for _ in range(count):
        letters = torch.cat([letters, counted().next_letter(letters).argmax()[None]])
    return text.decode(letters[len(line) :])


def run(name: str, seed: int = 0, steps: int | None = None) -> Training:
    """Train one of MODELS on windows of 128 letters."""
    text, (make, usual) = program_text(), MODELS[name]
    steps = steps or usual
    watch = watch_in_notebook(f"{steps} steps", name)

    def batches(generator):
        return windows(text.train, T + 1, B, generator)

    start = functools.partial(make, len(text.alphabet))
    return train(start, batches, next_letter_loss, steps=steps, seed=seed, lr=RATE, warm_up=WARM_UP, watch=watch)


@functools.cache
def asked() -> Tensor:
    """Pieces of the test (300, 129), evenly spread; their last 64 letters are guessed."""
    pieces = program_text().test.unfold(0, T + 1, T + 1)
    return pieces[torch.linspace(0, len(pieces) - 1, PIECES).long()]


@torch.no_grad()
def bits(model: nn.Module) -> float:
    """What a model loses on the test, bits a letter, each after 64 letters or more."""
    pieces = asked().to(next(model.parameters()).device)
    scores = model(pieces[:, :-1])[:, -T // 2 :].flatten(0, 1)
    return nn.functional.cross_entropy(scores, pieces[:, -T // 2 :].flatten()).item() / math.log(2)
