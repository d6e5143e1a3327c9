"""Lesson 05: Self-attention."""
