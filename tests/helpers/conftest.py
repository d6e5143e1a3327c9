"""For the tests of helpers, which also run where there is nothing but torch and pytest (python tests/gpu.py)."""

import pytest
import torch
from threads import one_thread  # noqa: F401


def pytest_collection_modifyitems(items):
    """What needs a GPU is skipped without one."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no GPU: python tests/gpu.py runs these where there is one"))
