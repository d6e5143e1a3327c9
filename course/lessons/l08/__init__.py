"""Lesson 08: Why the hardware cares."""
