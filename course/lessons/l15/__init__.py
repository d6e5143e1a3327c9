"""Lesson 15: Beyond language."""
