"""Lesson 02: Work and span."""
