"""Lesson 11: speculative decoding (Leviathan et al. 2023, Chen et al. 2023), and four rules that look like it.

A small draft guesses some words, the target checks them in one pass. p: what the target says of each word of the
vocabulary, (V,); q: what the draft says.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor


def chance_to_accept(p: Tensor, q: Tensor) -> Tensor:
    """With which chance each drafted word stays: min(1, p/q) (Leviathan et al. 2023, section 2.3).

    >>> chance_to_accept(torch.tensor([0.6, 0.4]), torch.tensor([0.3, 0.7])).round(decimals=2)
    tensor([1.0000, 0.5700])
    """
    return torch.where(q > 0, p / q, 1.0).clamp(max=1)  # a word with q = 0 is never drafted


def instead(p: Tensor, q: Tensor) -> Tensor:
    """From what a refused word is drawn anew: what p has more than q, made to sum to one. Where p is q: p.

    >>> instead(torch.tensor([0.6, 0.4]), torch.tensor([0.3, 0.7]))
    tensor([1., 0.])
    """
    missing = (p - q).clamp(min=0)
    return missing / missing.sum() if missing.sum() > 0 else p


Rule = tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]  # (chance to accept, instead)
RULES: dict[str, Rule] = {
    "min(1, p/q), then p − q": (chance_to_accept, instead),
    "min(1, p/q), then p": (chance_to_accept, lambda p, q: p),
    "min(1, p/q), then |p − q|": (chance_to_accept, lambda p, q: (p - q).abs() / (p - q).abs().sum()),
    "if p ≥ q, then p − q": (lambda p, q: (p >= q).to(p), instead),
    "with chance p, then p": (lambda p, q: p, lambda p, q: p),
    "only the target's favourite": (lambda p, q: (torch.arange(len(p)) == p.argmax()).to(p), lambda p, q: p),
}
EXACT = next(iter(RULES))


def one_word(p: Tensor, q: Tensor, rule: Rule = RULES[EXACT]) -> Tensor:
    """The distribution of the word that comes out, (V,): drafted and accepted, or drawn instead."""
    accept, otherwise = rule
    stays = q * accept(p, q)
    return stays + (1 - stays.sum()) * otherwise(p, q)


def total_variation(p: Tensor, other: Tensor) -> float:
    """Half the sum of |p − other|: the largest difference of chances that any event can have."""
    return ((p - other).abs().sum() / 2).item()


def overlap(p: Tensor, q: Tensor) -> Tensor:
    """The chance that a drafted word is accepted: Σ min(p, q), over the last axis (Leviathan et al., section 3.2)."""
    return torch.minimum(p, q).sum(dim=-1)


Says = Callable[[tuple[int, ...]], Tensor]  # from the words so far to the chances of the next one


def texts(target: Says, draft: Says, length: int, ahead: int, rule: Rule = RULES[EXACT]) -> tuple[dict, float]:
    """All texts of `length` words with their chances, {words: chance}, and the passes of the target, on average.

    ahead: so many words are drafted before each pass. Everything is enumerated, nothing drawn.
    """
    chances, passes = [defaultdict(float) for _ in range(length + 1)], 0.0  # of the texts of each length
    chances[0][()] = 1.0
    for shorter in range(length):
        for words, chance in chances[shorter].items():
            passes += chance
            for more, share in _one_pass(target, draft, words, min(ahead, length - shorter), rule):
                longer = (words + more)[:length]
                chances[len(longer)][longer] += chance * share
    return dict(chances[length]), passes


def _one_pass(target, draft, words, ahead, rule) -> Iterator[tuple[tuple[int, ...], float]]:
    """Each way that one pass can end: (the words that it adds, the chance)."""
    p = target(words)
    if ahead == 0:  # all drafts were accepted: the pass has a word more to give
        yield from (((word,), share) for word, share in enumerate(p.tolist()))
        return
    accept, otherwise = rule
    stays = draft(words) * accept(p, draft(words))
    refused = (1 - stays.sum()) * otherwise(p, draft(words))
    yield from (((word,), share) for word, share in enumerate(refused.tolist()))
    for word, share in enumerate(stays.tolist()):
        for more, rest in _one_pass(target, draft, (*words, word), ahead - 1, rule):
            yield (word, *more), share * rest


def texts_of(target: Says, length: int) -> dict:
    """The same texts as the target alone writes them, word by word."""
    chances = {(): 1.0}
    for _ in range(length):
        chances = {
            (*words, word): chance * share
            for words, chance in chances.items()
            for word, share in enumerate(target(words).tolist())
        }
    return chances


def words_per_pass(alpha: float, ahead: int) -> float:
    """How many words one pass gives if each draft is accepted with chance α: (1 − α^(γ+1)) / (1 − α), equation 1.

    >>> words_per_pass(0.5, ahead=2)
    1.75
    """
    return sum(alpha**drafted for drafted in range(ahead + 1))
