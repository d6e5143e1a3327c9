"""The figures, one module a lesson: pure functions from plain parameters to a Picture or a Page. They never measure."""

from .l05 import HEADS, attention_reads, reader_choices, who_waits
from .timings import time_against_length

__all__ = ["HEADS", "attention_reads", "reader_choices", "time_against_length", "who_waits"]
