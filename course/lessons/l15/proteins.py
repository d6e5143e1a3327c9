"""Lesson 15: who is in contact through whom. Chains are planted, their links are seen, and all pairs are asked.

It has the idea of AlphaFold 2's table of pairs, and nothing of a protein's chemistry.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.transformer import Blocks
from ...models.triangle import PairNet
from ...show.watching import watch_in_notebook
from ...training import Training, train

N, CHAINS, B = 16, 4, 32  # residues and chains of a protein, proteins of a batch
WIDTH, DECAY, MOST_ROUNDS = 16, 0.01, 4
LONGER, MIXED = 48, (8, 12, 16, 20, 24)  # residues that are asked; that are trained on, where the sizes are mixed


def planted(lengths: Sequence[int]) -> Tensor:
    """Chains of these lengths, one after the other: how far apart two residues are along their chain, (N, N) int64.

    0 for a residue itself, -1 where two are in different chains.

    >>> planted([3, 1]).tolist()
    [[0, 1, 2, -1], [1, 0, 1, -1], [2, 1, 0, -1], [-1, -1, -1, 0]]
    """
    place = torch.arange(sum(lengths))
    chain = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    apart = (place[:, None] - place).abs()
    return torch.where(chain[:, None] == chain, apart, -1)


def proteins(count: int, residues: int = N, seed: int = 0) -> Tensor:
    """Four chains, of lengths drawn evenly, their residues in random order: (count, N, N) int64, see planted.

    >>> apart = proteins(3)
    >>> apart.shape, bool((apart == 1).sum() == 3 * 2 * 12)  # 16 residues in 4 chains have 12 links
    (torch.Size([3, 16, 16]), True)
    """
    numbers = np.random.RandomState(seed)
    tables = []
    for _ in range(count):
        cuts = np.sort(numbers.choice(residues - 1, CHAINS - 1, replace=False)) + 1
        apart = planted(np.diff([0, *cuts, residues]).tolist())
        order = torch.from_numpy(numbers.permutation(residues))
        tables.append(apart[order][:, order])
    return torch.stack(tables)


def links(apart: Tensor) -> Tensor:
    """What is seen of proteins (…, N, N): 1.0 where two residues are neighbours along a chain, else 0.0."""
    return (apart == 1).float()


def contacts(apart: Tensor) -> Tensor:
    """What is asked: True where two different residues stand in one chain."""
    return apart > 0


def squared(seen: Tensor, rounds: int) -> Tensor:
    """The exact step, run so often: two residues are found as soon as both are found with a third one. (…, N, N) bool.

    >>> seen = links(planted([9]))  # one chain: 8 pairs are 1 apart, 7 are 2 apart, …
    >>> [int(squared(seen, rounds).sum()) // 2 for rounds in (0, 1, 2, 3)]
    [8, 15, 26, 36]
    """
    itself = torch.eye(seen.shape[-1])
    pairs = ((seen + itself) > 0).float()
    for _ in range(rounds):
        pairs = (pairs @ pairs > 0).float()  # through any third residue, itself among them
    return (pairs - itself) > 0


def f1(predicted: Tensor, asked: Tensor) -> float:
    """2 · right / (predicted + asked), over all pairs together: 1 if no pair is missing and none too many."""
    right = (predicted & asked).sum()
    return (2 * right / (predicted.sum() + asked.sum())).item()


class Ordinary(nn.Module):
    """An ordinary Transformer over residues: a residue is its row of links. One weight-tied pair of blocks, repeated.

    A pair's score is the product of its residues' vectors.
    """

    def __init__(self, width: int = 48, layers: int = 2, heads: int = 4):
        super().__init__()
        self.embed = nn.Linear(N, width)
        self.places = nn.Parameter(torch.randn(N, width))  # who one is, to be named in another's row
        self.blocks = Blocks(layers, width, heads)
        self.asking, self.answering = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, seen: Tensor, rounds: int) -> Tensor:
        """links (B, N, N) to a score for each pair, (B, N, N)."""
        residues = self.embed(seen) + self.places  # (B, N, D)
        for _ in range(rounds):
            residues = self.blocks(residues)
        scores = self.asking(residues) @ self.answering(residues).transpose(1, 2)
        return (scores + scores.transpose(1, 2)) / residues.shape[-1] ** 0.5


MODELS = {  # what is trained, on which numbers of residues, in how many steps, at which rate
    # "ordinary" was first run 340 steps at 5e-3, where two of three seeds did not learn; those runs were replaced
    "triangle": (lambda: PairNet(WIDTH), (N,), 300, 5e-3),
    "triangle, mixed sizes": (lambda: PairNet(WIDTH), MIXED, 300, 5e-3),
    "ordinary": (Ordinary, (N,), 500, 2e-3),
}


@cache
def known(residues: int = N) -> Tensor:
    """1,500 proteins to train on."""
    return proteins(1500, residues, seed=1)


@cache
def unseen(residues: int = N) -> Tensor:
    """300 others, or 60 longer ones."""
    return proteins(300 if residues <= N else 60, residues, seed=2)


@cache
def run(name: str = "triangle", seed: int = 0) -> Training:
    """Train one of MODELS, with 1 to 4 rounds drawn for each batch. What was trained is kept."""
    make, sizes, steps, rate = MODELS[name]

    def batches(generator):
        residues = sizes[int(torch.randint(len(sizes), (), generator=generator))]
        apart = known(residues)[torch.randint(1500, (B,), generator=generator)]
        rounds = int(torch.randint(1, MOST_ROUNDS + 1, (), generator=generator))
        return links(apart), contacts(apart).float(), rounds

    watch = watch_in_notebook(f"{steps} steps", name)
    return train(make, batches, loss, steps=steps, seed=seed, lr=rate, decay=DECAY, watch=watch)


def loss(model: nn.Module, batch: tuple[Tensor, Tensor, int]) -> Tensor:
    """The cross-entropy of "same chain, or not", in nats a pair."""
    seen, asked, rounds = batch
    return F.binary_cross_entropy_with_logits(model(seen, rounds), asked)


@torch.no_grad()
def predicted(model: nn.Module, seen: Tensor, rounds: int) -> Tensor:
    """The pairs that a model finds, (B, N, N) bool, none with itself."""
    where = next(model.parameters()).device
    scores = torch.cat([model(part, rounds) for part in seen.to(where).split(100)]).cpu()
    return (scores > 0) & ~torch.eye(seen.shape[-1], dtype=torch.bool)


def by_round(find: Callable, residues: int = N, most: int = MOST_ROUNDS) -> list[float]:
    """F1 after 1, 2, … rounds on proteins not trained on; find: from (links, rounds) to pairs (B, N, N) bool."""
    apart = unseen(residues)
    return [f1(find(links(apart), rounds), contacts(apart)) for rounds in range(1, most + 1)]


@cache
def of_squaring(residues: int = N, most: int = MOST_ROUNDS) -> list[float]:
    """F1 of the exact step, by round."""
    return by_round(squared, residues, most)


def of(model: nn.Module, residues: int = N, most: int = MOST_ROUNDS) -> list[float]:
    """F1 of a model, by round."""
    return by_round(lambda seen, rounds: predicted(model, seen, rounds), residues, most)


def from_squaring(model: nn.Module) -> float:
    """The largest difference of F1 from the exact step's, at 16 residues, after 1 to 4 rounds."""
    return max(abs(ours - exact) for ours, exact in zip(of(model), of_squaring(), strict=True))


def recall(model: nn.Module, rounds: int) -> dict[int, float]:
    """{links apart: share of such pairs that a model finds}, on proteins of 16 residues not trained on."""
    apart = unseen()
    pairs = predicted(model, links(apart), rounds)
    return {distance: pairs[apart == distance].float().mean().item() for distance in range(1, int(apart.max()) + 1)}


def reach(shares: dict[int, float]) -> int:
    """Up to how many links apart 99 % are found, of {links apart: share found}.

    >>> reach({1: 1.0, 2: 0.995, 3: 0.4, 4: 1.0})
    2
    """
    return next((distance - 1 for distance, share in shares.items() if share < 0.99), max(shares))
