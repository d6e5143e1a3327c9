"""Training for lessons: one loop (seconds or steps, a seed, a curve, an interrupt), made tasks, and the corpus."""
