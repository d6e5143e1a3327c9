"""Lesson 07: Six blocks."""
