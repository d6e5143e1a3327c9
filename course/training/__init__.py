"""Training for lessons: one loop (seconds or steps, a seed, a curve, an interrupt), made tasks, and the corpus.

What a lesson trains live lives here as it comes. What takes longer is declared as `Trained` in the lesson's trained.py,
run by `python -m course evidence`, and stored by course.results.trained.
"""
