"""Lesson 11: the model that writes, the student's own of lesson 09 or a small one taught here; two counted drafts."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...models.language import language_model
from ...training import store, train
from ...training.corpus import Text, help_text, next_letter_loss, windows
from .speculation import chance_to_accept, instead, overlap

KEPT = "race Transformer"  # the name under which lesson 09 stores its Transformer
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


def unseen(text: Text) -> Tensor:
    """Windows of the test text, (windows, T)."""
    return text.test.unfold(0, T, T)[:ASKED]


@torch.no_grad()
def own_writing(model: nn.Module, text: Text, seed: int = 0) -> Tensor:
    """As many windows that the model wrote itself, each after a few letters of the test text, (windows, T)."""
    random, tokens = torch.Generator().manual_seed(seed), unseen(text)[:, :SKIPPED]
    caches, new = model.new_caches(T), tokens
    while tokens.shape[1] < T:
        chances = model(new, caches=caches)[:, -1].softmax(dim=-1)
        new = torch.multinomial(chances, 1, generator=random)
        tokens = torch.cat([tokens, new], dim=1)
    return tokens


@torch.no_grad()
def acceptance(model: nn.Module, draft: Tensor, letters: Tensor) -> float:
    """The share of drafted letters that the model accepts along these letters (B, T): the mean of Σ min(p, q)."""
    p = model(letters).double().softmax(dim=-1)[:, SKIPPED:]
    return overlap(p, drafted(draft, letters)[:, SKIPPED - 1 :]).mean().item()


def bits_of_draft(draft: Tensor, text: Text) -> float:
    """What a draft loses on the unseen text, in bits a letter."""
    chances = drafted(draft, text.test[:-1])  # of every letter from the third on
    return -chances.gather(1, text.test[2:, None]).log2().mean().item()


class Written(NamedTuple):
    """What speculative writing came to. passes: of the target; accepted, drafted: letters of the draft."""

    tokens: Tensor
    passes: int
    accepted: int
    drafted: int


@torch.no_grad()
def speculate(
    model: nn.Module, draft: Tensor, tokens: Tensor, count: int, ahead: int, *, seed: int = 0, greedy: bool = False
) -> Written:
    """Tokens (1, T), T ≥ 2, and `count` more, distributed as the model alone writes them, in fewer passes.

    draft: counted chances. ahead: so many letters are drafted before a pass. greedy: both take their favourite.
    """
    random = torch.Generator().manual_seed(seed)
    end, passes, accepted = tokens.shape[1] + count, 0, 0
    caches = model.new_caches(end + ahead + 1)
    while tokens.shape[1] < end:
        guessed, q = _draft_ahead(draft, tokens, ahead, random, greedy)
        unread = guessed[:, caches[0].length :]
        p = _chances(model(unread, caches=caches)[0, -ahead - 1 :], greedy)  # one pass: ahead + 1 answers
        kept, new = _keep(p, q, guessed[0, tokens.shape[1] :], random)
        tokens = torch.cat([guessed[:, : tokens.shape[1] + kept], new[None]], dim=1)
        for cache in caches:
            cache.length = tokens.shape[1] - 1  # refused letters are forgotten; the new one is not read yet
        passes, accepted = passes + 1, accepted + kept
    return Written(tokens[:, :end], passes, accepted, passes * ahead)


def _chances(scores, greedy):
    """Scores (T, V) to chances; greedy: all on the favourite."""
    chances = scores.double().softmax(dim=-1)
    return nn.functional.one_hot(chances.argmax(dim=-1), chances.shape[-1]).double() if greedy else chances


def _draft_ahead(draft, tokens, ahead, random, greedy):
    """The tokens with `ahead` more of the draft, and what the draft said of each, (ahead, V)."""
    q = []
    for _ in range(ahead):
        q.append(_chances(drafted(draft, tokens[0, -2:]).log(), greedy)[-1])
        tokens = torch.cat([tokens, torch.multinomial(q[-1], 1, generator=random)[None]], dim=1)
    return tokens, q


def _keep(p, q, words, random):
    """How many of the drafted words stay, and the one that follows them, (1,)."""
    for place, word in enumerate(words.tolist()):
        if torch.rand((), generator=random) >= chance_to_accept(p[place], q[place])[word]:
            return place, torch.multinomial(instead(p[place], q[place]), 1, generator=random)
    return len(words), torch.multinomial(p[-1], 1, generator=random)


def letters_per_pass(model: nn.Module, draft: Tensor, text: Text, ahead: int, texts: int = 8) -> float:
    """Letters that one pass of the target gives, over several texts no longer than it was taught on."""
    starts = unseen(text)[:texts, :SKIPPED]
    written = [speculate(model, draft, start[None], T - SKIPPED, ahead, seed=n) for n, start in enumerate(starts)]
    return texts * (T - SKIPPED) / sum(each.passes for each in written)
