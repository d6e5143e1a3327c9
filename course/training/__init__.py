"""Training for lessons: one loop (steps or seconds, a seed, a curve, an interrupt), made tasks, and the corpus.

loop.py: `train`. tasks.py: words to recall, letters to reverse. corpus.py: Python's help topics, as a text.
What takes longer than a lesson may is declared as `Trained` in the lesson's trained.py, run by
`python -m course evidence`, and stored by course.results.trained.
"""

from .loop import Training, train

__all__ = ["Training", "train"]
