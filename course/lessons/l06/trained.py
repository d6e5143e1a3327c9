"""Lesson 06: the same two questions to the causal and the masked model, early and late, three seeds each."""

from ...results.trained import Run, Trained
from .letters import loss_in_the_middle, teach

EARLY, LATE = 400, 2000  # passes


def _lead(winner, other, steps, seed):
    """By how many nats the winner guesses the middle letter better; the curve is that of its training."""
    runs = {kind: teach(kind, steps, seed) for kind in (winner, other)}
    loss = {kind: loss_in_the_middle(run.model, kind) for kind, run in runs.items()}
    return Run(loss[other] - loss[winner], runs[winner].curve)


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
]
