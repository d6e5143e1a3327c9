"""How long torch's threads wait for each other before they sleep: set before torch is loaded, or it is too late.

The threads of OpenMP, which split a product among the cores, spin while they wait for each other. libgomp's default is
300,000 turns: on a machine whose cores others use too, a thread then spins away the time that another thread needs to
finish its share. With one of two cores kept busy, an LSTM of 7 ms took 1.4 s; with 1,000 turns it takes 20 ms, and 8 ms
on a quiet machine. The libraries of macOS and Windows call it KMP_BLOCKTIME, in ms: 200 unless set.
"""

import os
import sys

SETTINGS = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"}
OF_THE_USER = ("OMP_WAIT_POLICY", *SETTINGS)  # a word on the same matter, which we leave as it is


def let_threads_sleep() -> bool:
    """Set it for this process and those that it starts, unless the user has; returns whether torch was there before."""
    if any(name in os.environ for name in OF_THE_USER):
        return False
    too_late = "torch" in sys.modules
    os.environ.update(SETTINGS)
    return too_late


TOO_LATE = let_threads_sleep()
