"""Lesson 10: Many devices."""
