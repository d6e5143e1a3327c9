"""Lesson 06: one question to the causal and the masked model, early and late; and a causal model that is asked less."""

from ...results.trained import Run, Trained
from .letters import less_often_loss, loss_in_the_middle, teach

EARLY, LATE = 400, 2000  # passes


def _lead(winner, other, steps, seed):
    """By how many nats the winner guesses the middle letter better; the curve is that of its training."""
    runs = {kind: teach(kind, steps, seed) for kind in (winner, other)}
    loss = {kind: loss_in_the_middle(run.model, kind) for kind, run in runs.items()}
    return Run(loss[other] - loss[winner], runs[winner].curve)


def _cost_of_asking_less(seed):
    """By how many nats a causal model guesses the middle letter worse if it is asked at 15 % of its places."""
    often, less = teach("causal", EARLY, seed), teach("causal", EARLY, seed, less_often_loss)
    loss = [loss_in_the_middle(run.model, "causal") for run in (often, less)]
    return Run(loss[1] - loss[0], less.curve)


TRAINED = [
    Trained(
        name="causal-first",
        task=f"After {EARLY} passes the causal model, seeing one side, guesses a middle letter better than the masked one.",
        measure="nats ahead",
        run=lambda seed: _lead("causal", "masked", EARLY, seed),
        threshold=0.1,
        baseline=0.0,
    ),
    Trained(
        name="masked-later",
        task=f"After {LATE} passes the masked model, seeing both sides, guesses it better than the causal one.",
        measure="nats ahead",
        run=lambda seed: _lead("masked", "causal", LATE, seed),
        threshold=0.1,
        baseline=0.0,
    ),
    Trained(
        name="asked-less",
        task=f"After {EARLY} passes a causal model that is asked at 15 % of its places is behind one asked at all.",
        measure="nats behind",
        run=_cost_of_asking_less,
        threshold=0.2,
        baseline=0.0,
    ),
]
