"""The course in ninety minutes."""
