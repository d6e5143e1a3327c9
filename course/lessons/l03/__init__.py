"""Lesson 03: Fading memory."""
