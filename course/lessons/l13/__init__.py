"""Lesson 13: What is lost, what is gained."""
