"""The figures, one module a lesson: pure functions from plain parameters to a Picture or a Page. They never measure."""

from .l01 import SENTENCES, state_walk
from .l02 import ACCOUNTINGS, STACKS, critical_paths, schedules, speed_up, wavefront
from .l05 import HEADS, attention_reads, reader_choices, who_waits
from .timings import time_against_length

__all__ = [
    "ACCOUNTINGS",
    "HEADS",
    "SENTENCES",
    "STACKS",
    "attention_reads",
    "critical_paths",
    "reader_choices",
    "schedules",
    "speed_up",
    "state_walk",
    "time_against_length",
    "wavefront",
    "who_waits",
]
