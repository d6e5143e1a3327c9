"""Where the tests of Triton's kernels run: on a GPU, or in Triton's interpreter, on a CPU.

The interpreter must be chosen before triton is first imported, by TRITON_INTERPRET=1 (make test-kernels does), and a
process that has it cannot compile. Needs torch, NumPy and pytest alone.
"""

import importlib.util
import os
from importlib.metadata import version

import numpy as np
import pytest
import torch

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if torch.cuda.is_available() and not INTERPRETED else "cpu"
compiles = pytest.mark.skipif(INTERPRETED, reason="the interpreter does not compile")


def runs(test):
    """Mark a test of a kernel: it is run on a GPU, or in the interpreter's process."""
    if not INTERPRETED:
        return pytest.mark.gpu(test)
    reason = "triton before 3.7 interprets no loop with NumPy from 2.4 on"
    return pytest.mark.skipif(not _interprets_loops(), reason=reason)(test)


def _interprets_loops():
    if importlib.util.find_spec("triton") is None:
        return False
    return version("triton") >= "3.7" or tuple(map(int, np.__version__.split(".")[:2])) < (2, 4)
