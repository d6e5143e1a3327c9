"""Lesson 01: Hidden states."""
