"""Attention and recurrences: each with the loop that defines it and the fast forms beside it, chosen by `method`."""
