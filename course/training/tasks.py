"""Made tasks, drawn anew for each batch: to recall a word after others, to reverse letters, to keep count."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SYMBOLS, DISTRACTORS = 8, 8  # the words to recall are 0 … 7, those between are 8 … 15
QUESTION = SYMBOLS + DISTRACTORS  # "?", the last word
VOCABULARY = QUESTION + 1


def recall(lag: int, B: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One of 8 symbols, then `lag` words of 8 others, then "?": (tokens (B, lag + 2), the symbols (B,)). Chance: 1/8.

    >>> tokens, symbols = recall(3, 2, torch.Generator().manual_seed(0))
    >>> tokens.shape, torch.equal(tokens[:, 0], symbols), tokens[:, -1].tolist()
    (torch.Size([2, 5]), True, [16, 16])
    """
    symbols = torch.randint(SYMBOLS, (B, 1), generator=generator)
    between = torch.randint(SYMBOLS, QUESTION, (B, lag), generator=generator)
    question = torch.full((B, 1), QUESTION)
    return torch.cat([symbols, between, question], dim=1), symbols[:, 0]


def recall_batches(least: int = 1, most: int = 20, B: int = 64) -> Callable[[torch.Generator], tuple[Tensor, Tensor]]:
    """Batches for `train`: each has one lag, drawn evenly from least to most.

    >>> tokens, _ = recall_batches(5, 5)(torch.Generator())
    >>> tokens.shape
    torch.Size([64, 7])
    """

    def batches(generator):
        lag = int(torch.randint(least, most + 1, (), generator=generator))
        return recall(lag, B, generator)

    return batches


def answer_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The cross-entropy of what the model says after the last word, in nats."""
    tokens, symbols = batch
    return F.cross_entropy(model(tokens)[:, -1], symbols)


@torch.no_grad()
def recalled(model: nn.Module, lag: int, B: int = 256, seed: int = 1) -> float:
    """The share of B fresh texts after which the model names the symbol, 0 to 1."""
    tokens, symbols = recall(lag, B, torch.Generator().manual_seed(seed))
    where = next(model.parameters()).device
    named = model(tokens.to(where))[:, -1].argmax(dim=-1).cpu()
    return (named == symbols).float().mean().item()


LETTERS = 8  # of a string to reverse


def reversing_batches(
    least: int = 1, most: int = 30, B: int = 64
) -> Callable[[torch.Generator], tuple[Tensor, Tensor]]:
    """Batches for `train`: B strings of one length, drawn evenly from least to most, and the same strings reversed.

    >>> strings, reversed_ = reversing_batches(5, 5)(torch.Generator())
    >>> strings.shape, torch.equal(strings.flip(1), reversed_)
    (torch.Size([64, 5]), True)
    """

    def batches(generator):
        length = int(torch.randint(least, most + 1, (), generator=generator))
        strings = torch.randint(LETTERS, (B, length), generator=generator)
        return strings, strings.flip(1)

    return batches


def writing_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The cross-entropy of every letter, in nats, with the true letters before it fed back (teacher forcing)."""
    source, target = batch
    return F.cross_entropy(model(source, target).flatten(0, 1), target.flatten())


@torch.no_grad()
def reversed_right(model: nn.Module, T: int, B: int = 256, seed: int = 1) -> float:
    """The share of letters, of B fresh strings of T, that a `Seq2Seq` writes where they belong. Chance: 1/8.

    It runs free: each letter is fed back as it was written, right or wrong.
    """
    source = torch.randint(LETTERS, (B, T), generator=torch.Generator().manual_seed(seed))
    where = next(model.parameters()).device
    written, _ = model.write(source.to(where), T)
    return (written.cpu() == source.flip(1)).float().mean().item()


# ---- tasks that have to keep count: an answer at every place

SWAP, ROTATION = (1, 0, 2, 3, 4), (1, 2, 3, 4, 0)  # where the ball of each of five cups goes; they make all 120 orders


def parity_batches(least: int = 2, most: int = 16, B: int = 64) -> Callable[[torch.Generator], tuple[Tensor, Tensor]]:
    """Batches for `train`: bits (B, T) of one length, drawn evenly, and whether the ones so far are odd, (B, T).

    >>> bits, odd = parity_batches(4, 4, B=1)(torch.Generator().manual_seed(0))
    >>> bits.tolist(), odd.tolist()
    ([[1, 1, 0, 1]], [[1, 0, 0, 1]])
    """

    def batches(generator):
        bits = torch.randint(2, (B, _length(least, most, generator)), generator=generator)
        return bits, bits.cumsum(dim=1) % 2

    return batches


def cups_batches(least: int = 2, most: int = 16, B: int = 64) -> Callable[[torch.Generator], tuple[Tensor, Tensor]]:
    """Batches for `train`: moves (B, T), 0 swaps the first two of five cups and 1 rotates all; the ball's cup, (B, T).

    The ball begins in cup 0. The two moves make all 120 orders of the cups, so that following it takes a state.

    >>> moves, cups = cups_batches(3, 3, B=1)(torch.Generator().manual_seed(1))
    >>> moves.tolist(), cups.tolist()
    ([[1, 0, 0]], [[1, 0, 1]])
    """
    goes = torch.tensor([SWAP, ROTATION])

    def batches(generator):
        moves = torch.randint(2, (B, _length(least, most, generator)), generator=generator)
        cup, cups = torch.zeros(B, dtype=torch.int64), []
        for move in moves.unbind(1):
            cup = goes[move, cup]
            cups.append(cup)
        return moves, torch.stack(cups, dim=1)

    return batches


def _length(least, most, generator):
    return int(torch.randint(least, most + 1, (), generator=generator))


def loss_at_every_place(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The cross-entropy of the answers at all places, in nats."""
    tokens, answers = batch
    return F.cross_entropy(model(tokens).flatten(0, 1), answers.flatten())


@torch.no_grad()
def last_right(model: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    """The share of texts of a batch whose last answer is right, 0 to 1."""
    tokens, answers = batch
    return (model(tokens)[:, -1].argmax(dim=-1) == answers[:, -1]).double().mean().item()
