"""A fixture for tests that compute much of little. Needs torch and pytest alone."""

import pytest


@pytest.fixture
def one_thread():
    """torch on one thread: small products do not gain by two, and wait for each other where a core is busy."""
    import torch  # here: a conftest.py imports this module, before the one above has set OMP_NUM_THREADS

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
