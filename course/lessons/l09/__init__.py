"""Lesson 09: The training race."""
