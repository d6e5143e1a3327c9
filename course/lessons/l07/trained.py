"""Lesson 07: six blocks trained with one part missing. The thresholds stood here before a seed of them ran.

24 blocks took over the thresholds of six.
"""

from ...results.trained import Run, Trained
from . import ablation

LEARNS, LEARNS_NOTHING = 2.9, 3.1  # nats a letter; counting letters has 3.21


def _trained(name, key, threshold, at_least, steps=ablation.STEPS):
    blocks = name if name in ablation.DEEP_MODELS else f"Six blocks ({name})"

    def run(seed):
        result = ablation.run(name, seed, steps)
        return Run(ablation.test_loss(result.model), result.curve)

    return Trained(
        name=key,
        task=f"{blocks} guess the next letter of Python's help topics after {steps} steps.",
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
    _trained("24 blocks of today", "deep", LEARNS, at_least=False, steps=ablation.STEPS_OF_DEEP),
    _trained("24 blocks as of 2017", "deep-2017", LEARNS_NOTHING, at_least=True, steps=ablation.STEPS_OF_DEEP),
]
