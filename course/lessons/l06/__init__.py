"""Lesson 06: Order, masks, one pass."""
