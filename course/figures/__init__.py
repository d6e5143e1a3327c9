"""The figures, one module a lesson: pure functions from plain parameters to a Picture or a Page. They never measure."""

from .l00 import LEDGER_CONTROLS, browse_ledger, this_machine, two_stopwatches
from .l01 import SENTENCES, state_walk
from .l02 import ACCOUNTINGS, STACKS, critical_paths, schedules, speed_up, wavefront
from .l05 import PROJECTIONS, attention_reads, reader_choices, who_waits
from .timings import time_against_length

__all__ = [
    "ACCOUNTINGS",
    "LEDGER_CONTROLS",
    "PROJECTIONS",
    "SENTENCES",
    "STACKS",
    "attention_reads",
    "browse_ledger",
    "critical_paths",
    "reader_choices",
    "schedules",
    "speed_up",
    "state_walk",
    "this_machine",
    "time_against_length",
    "two_stopwatches",
    "wavefront",
    "who_waits",
]
