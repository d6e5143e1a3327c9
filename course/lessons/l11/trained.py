"""Lesson 11: how often two counted drafts are accepted by a Transformer, taught for a short and for a longer time."""

import functools

from ...results.trained import Run, Trained
from ...training.corpus import bits_a_letter, help_text
from .writer import T, acceptance, counted, teach, unseen

SHORT, LONG = 200, 1000  # steps
taught = functools.cache(teach)  # what three measures ask for is trained once


def _trigram_ahead(seed):
    """By how much the trigram's acceptance is above the bigram's, by the target of 1,000 steps."""
    run, text = taught(LONG, seed), help_text()
    trigram, bigram = (acceptance(run.model, counted(order, text), unseen(text)) for order in (3, 2))
    return Run(trigram - bigram, run.curve)


def _taught_twice(seed, measure):
    """What the measure says of the target after 200 steps, less what it says after 1,000."""
    runs = [taught(steps, seed) for steps in (SHORT, LONG)]
    short, long = (measure(run.model) for run in runs)
    return Run(short - long, runs[1].curve)


def _accepted(model):
    return acceptance(model, counted(3, help_text()), unseen(help_text()))


def _bits(model):
    return bits_a_letter(model, help_text().test, T)


TRAINED = [
    Trained(
        name="trigram-ahead",
        task="A trigram draft is accepted more often than a bigram draft, by a Transformer of 1,000 steps.",
        measure="share of drafts ahead",
        run=_trigram_ahead,
        threshold=0.1,
        baseline=0.0,
    ),
    Trained(
        name="better-target",
        task="A Transformer guesses unseen text better after 1,000 steps than after 200.",
        measure="bits a letter less",
        run=lambda seed: _taught_twice(seed, _bits),
        threshold=0.3,
        baseline=0.0,
    ),
    Trained(
        name="better-target-refuses",
        task="The same trigram draft is accepted less often by the Transformer of 1,000 steps than by that of 200.",
        measure="share of drafts less",
        run=lambda seed: _taught_twice(seed, _accepted),
        threshold=0.03,
        baseline=0.0,
    ),
]
