"""Lesson 12: Recurrences that parallelise."""
