"""Lesson 14: Counting the cost."""
