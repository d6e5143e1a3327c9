"""Training for lessons: one loop (steps or seconds, a seed, a curve, an interrupt), races, made tasks, the corpus.

loop.py: `train`. turns.py: several models for the same time, in turns. store.py: the student's trained models, from one
lesson to another. tasks.py: words to recall, letters to reverse, counting. corpus.py: Python's help topics, as a text.
pictures.py: handwritten digits, which lie in digits/.
What takes longer than a lesson may is declared as `Trained` in the lesson's trained.py, run by
`python -m course evidence`, and stored by course.results.trained.
"""

from .loop import Training, train

__all__ = ["Training", "train"]
