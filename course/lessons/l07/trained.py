"""Lesson 07: six blocks trained with one part missing. The thresholds stood here before a seed ran."""

from ...results.trained import Run, Trained
from . import ablation

LEARNS, LEARNS_NOTHING = 2.9, 3.1  # nats a letter; counting letters has 3.21


def _trained(name, key, threshold, at_least):
    def run(seed):
        result = ablation.run(name, seed)
        return Run(ablation.test_loss(result.model), result.curve)

    return Trained(
        name=key,
        task=f"Six blocks ({name}) guess the next letter of Python's help topics after {ablation.STEPS} steps.",
        measure="nats a letter on the test",
        run=run,
        threshold=threshold,
        at_least=at_least,
        baseline=ablation.LETTERS,
    )


TRAINED = [
    _trained("whole", "whole", LEARNS, at_least=False),
    _trained("whole, as in 2017", "whole-2017", LEARNS, at_least=False),
    _trained("no residual", "no-residual", LEARNS_NOTHING, at_least=True),
    _trained("no LayerNorm", "no-layer-norm", LEARNS, at_least=False),
    _trained("no attention", "no-attention", LEARNS, at_least=False),
    _trained("no feed-forward", "no-feed-forward", LEARNS, at_least=False),
    _trained("no 1/√D", "no-scale", LEARNS, at_least=False),
]
