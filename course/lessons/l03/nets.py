"""What lesson 03 trains and measures: nets that recall a word, LSTMs with their gates set, letters and bits."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ...models import GRU, LSTM, Elman, Recurrent, gradient_over, rounds_to_mend
from ...training import Training, train
from ...training.corpus import help_text, windows
from ...training.tasks import QUESTION, SYMBOLS, VOCABULARY, answer_loss, recall, recall_batches

WIDTH = 32
LAGS = (1, 3, 10, 20, 30, 100, 300, 1000, 3000)  # words between the word and the question
SETTINGS = {Elman: (1500, 3e-3), LSTM: (400, 1e-2), GRU: (400, 1e-2)}  # steps, lr

ANIMALS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]
WORDS = [*ANIMALS, "a", "at", "in", "it", "of", "on", "the", "to", "?"]  # what tasks.recall calls 0 to 16


def spelled(tokens: torch.Tensor) -> str:
    """A text of tasks.recall as words.

    >>> spelled(torch.tensor([3, 8, 14, 16]))
    'dog a the ?'
    """
    return " ".join(WORDS[token] for token in tokens)


def untrained(kind: type) -> Callable[[], Recurrent]:
    """A function that makes a net of 32 units with its start, in float64, as `train` wants it."""
    return lambda: Recurrent(VOCABULARY, WIDTH, kind, answers=SYMBOLS).double()


def fresh(kind: type, seed: int = 0) -> Recurrent:
    """The net that training begins from under this seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return untrained(kind)()


def taught(kind: type, seed: int, least: int = 1, most: int = 20, steps: int | None = None) -> Training:
    """A training on lags from least to most, with the settings of the lesson."""
    usual, lr = SETTINGS[kind]
    return train(untrained(kind), recall_batches(least, most), answer_loss, steps=steps or usual, lr=lr, seed=seed)


@torch.no_grad()
def recalled_after(net: Recurrent, lags: Sequence[int], B: int = 128, seed: int = 1) -> list[float]:
    """The share of B texts whose word is named when "?" comes after so many others, for each lag, in one reading."""
    tokens, symbols = recall(max(lags), B, torch.Generator().manual_seed(seed))
    question, state, shares, read = torch.full((B,), QUESTION), None, [], 0
    for lag in lags:
        _, state = net.layer(net.embed(tokens[:, read : lag + 1]), state)
        read = lag + 1
        hidden, *_ = net.layer.step(net.embed(question), state)
        shares.append((net.out(hidden).argmax(dim=1) == symbols).double().mean().item())
    return shares


def one_text(T: int, seed: int = 2) -> torch.Tensor:
    """One text of the task without its question: a word to keep and T − 1 others, (T,)."""
    return recall(T - 1, 1, torch.Generator().manual_seed(seed))[0][0, :-1]


def exchanged(text: torch.Tensor, place: int) -> torch.Tensor:
    """The same text (T,) with another word at this place: another animal for an animal, else another of the others."""
    other = text.clone()
    other[place] = (text[place] + 1) % SYMBOLS + SYMBOLS * (text[place] >= SYMBOLS)
    return other


@torch.no_grad()
def apart_after_a_nudge(net: Recurrent, size: float, words: int) -> float:
    """How far apart two states are after so many words, of which one was moved by `size` after the first word."""
    first, *others = net.embed(one_text(words + 1))
    state = net.layer.step(first[None], net.layer.start(1))
    direction = torch.ones_like(state[0]) / WIDTH**0.5
    pair = tuple(torch.cat([part, part + size * direction]) for part in state)  # (2, D) each
    for word in others:
        pair = net.layer.step(word.expand(2, -1), pair)
    return (pair[0][0] - pair[0][1]).norm().item()


class Memory(NamedTuple):
    """recall: at each of LAGS, 0 to 1. gradient: log₁₀, at each of LAGS. rounds: of guess and mend, for 600 words."""

    recall: list[float]
    gradient: list[float]
    rounds: int


def memory_of(net: Recurrent) -> Memory:
    """What a net holds, how much of a gradient comes through, and how long its states wait."""
    words = net.embed(one_text(max(LAGS) + 1)).detach()
    rounds = rounds_to_mend(net.layer.step, words[:600], net.layer.start(1))
    return Memory(recalled_after(net, LAGS), gradient_over(net.layer, words, LAGS), rounds or 600)


# ---- LSTMs with their gates set before they are taught

BATH_LAG, BATH_STEPS, BATH_WIDTH = 100, 400, 16
KEEP = (0.5, 0.9, 0.99, 0.999)
LET_IN = (0.5, 0.1, 0.01, 0.001)


def logit(share: float) -> float:
    """The bias that opens a gate so far: σ(logit(share)) = share.

    >>> round(logit(0.5), 3), round(logit(0.99), 3)
    (0.0, 4.595)
    """
    return math.log(share / (1 - share))


def with_gates(keep: float, let_in: float) -> Recurrent:
    """An LSTM whose forget and input gates start at these shares, for any word, but for what its weights add."""
    net = Recurrent(VOCABULARY, BATH_WIDTH, LSTM, answers=SYMBOLS).double()
    with torch.no_grad():
        for place, share in ((0, let_in), (1, keep)):  # torch's order: i, f, g, o
            gate = slice(place * BATH_WIDTH, (place + 1) * BATH_WIDTH)
            net.layer.from_input.bias[gate] = logit(share)
            net.layer.from_state.bias[gate] = 0.0  # torch has two biases, which are added
    return net


def recalled_in_the_bath(keep: float, let_in: float, seed: int, steps: int = BATH_STEPS) -> float:
    """The share recalled after 100 words by an LSTM that was taught at 100 words alone, its gates set before."""
    run = train(
        lambda: with_gates(keep, let_in),
        recall_batches(BATH_LAG, BATH_LAG, B=32),
        answer_loss,
        steps=steps,
        lr=1e-2,
        seed=seed,
    )
    return recalled_after(run.model, [BATH_LAG], B=256)[0]


# ---- how many letters a text needs


def letter_loss(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of each next letter, in nats; batch (B, T)."""
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


@torch.no_grad()
def loss_when_it_sees(model: Recurrent, letters: int, B: int = 2000) -> float:
    """The loss, in nats, at letters of the test text of which only so many before them were read."""
    longest = windows(help_text().test, 201, B, torch.Generator().manual_seed(1))
    scores = model(longest[:, -1 - letters : -1])[:, -1]
    return F.cross_entropy(scores, longest[:, -1]).item()


def letter_model(seed: int) -> Recurrent:
    """An LSTM of 128 units, taught in windows of 64 letters of Python's help topics."""
    text = help_text()
    run = train(
        lambda: Recurrent(len(text.alphabet), 128, LSTM),
        lambda generator: windows(text.train, 65, 32, generator),
        letter_loss,
        steps=800,
        lr=5e-3,
        seed=seed,
    )
    return run.model


# ---- bits that are kept

LETTERS = 16  # letters of 8: 48 bits


def letters_then_question(B: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """16 letters of 8, then "which was number i?": (tokens (B, 17), the letter (B,))."""
    letters = torch.randint(8, (B, LETTERS), generator=generator)
    asked = torch.randint(LETTERS, (B, 1), generator=generator)
    return torch.cat([letters, 8 + asked], dim=1), letters.gather(1, asked)[:, 0]


@torch.no_grad()
def bits_kept(model: Recurrent) -> float:
    """At least so many of the 48 bits the net's answers show that it has: 16 · (3 − its loss in bits), not below 0."""
    loss = answer_loss(model, letters_then_question(4000, torch.Generator().manual_seed(1))).item()
    return max(0.0, LETTERS * (3 - loss / math.log(2)))


def keeper_of_letters(seed: int) -> Recurrent:
    """An LSTM of 64 units, taught for 800 steps to keep 16 letters."""
    run = train(
        lambda: Recurrent(8 + LETTERS, 64, LSTM, answers=8),
        lambda generator: letters_then_question(128, generator),
        answer_loss,
        steps=800,
        lr=5e-3,
        seed=seed,
    )
    return run.model
