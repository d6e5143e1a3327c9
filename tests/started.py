"""Counts the operations that a call starts: on a GPU each is a kernel, or a few. Needs torch alone."""

from collections import Counter
from contextlib import contextmanager

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# What computes nothing.
VIEWS = (".t.", "permute", "view", "transpose", "select", "slice", "unbind", "detach", "alias", "expand", "squeeze")


class Started(TorchDispatchMode):
    """While it is entered, `names` counts the operations that compute, by name, and `bytes` what they read and write;
    not those inside of `uncounted`."""

    paused = False

    def __init__(self):
        super().__init__()
        self.names = Counter()
        self.bytes = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        if not self.paused and not any(word in str(operation) for word in VIEWS):
            self.names[operation.overloadpacket.__name__] += 1
            self.bytes += sum(part.nbytes for part in tree_leaves((args, kwargs, result)) if isinstance(part, Tensor))
        return result


@contextmanager
def uncounted():
    """What runs here stands for the inside of a CUDA graph: the host does not start it."""
    Started.paused = True
    try:
        yield
    finally:
        Started.paused = False
