"""Lesson 04: From one vector to a lookup."""
