"""Lesson 16: Verdict day."""
