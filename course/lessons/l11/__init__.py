"""Lesson 11: Generating."""
