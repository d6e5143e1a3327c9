"""Several processes that compute together: start them, let them send each other tensors, and count what they send.

launch           run one function in P processes, and take back what each returns
Peers, Sent      what a worker knows of the others; what it has sent
splits           one computation cut by batch, width, layers, time
"""

from .launcher import WorkerError, launch
from .peers import Peers, Sent

__all__ = ["Peers", "Sent", "WorkerError", "launch"]
