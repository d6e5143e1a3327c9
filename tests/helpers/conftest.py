"""For the tests of helpers, which also run where there is nothing but torch and pytest (python tests/gpu.py)."""

import importlib.util

import pytest
from threads import one_thread  # noqa: F401

HYPOTHESIS = importlib.util.find_spec("hypothesis") is not None


def pytest_ignore_collect(collection_path):
    """Files that draw their examples with hypothesis are left out where it is missing; none of them is a GPU's."""
    if HYPOTHESIS or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    return "import hypothesis" in text or "from hypothesis" in text or None


def pytest_collection_modifyitems(items):
    """What needs a GPU is skipped without one."""
    import torch  # here: this file is read before the conftest.py above has set OMP_NUM_THREADS

    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no GPU: python tests/gpu.py runs these where there is one"))


@pytest.fixture
def unaided(monkeypatch):
    """Each method by itself: where its result is not finite, the loop that defines it is not asked."""
    from helpers.ops import attention, decoding, linear_attention, min_gru, scan  # here: as torch above

    for module in (attention, decoding, linear_attention, min_gru, scan):
        monkeypatch.setattr(module, "shows_non_finite", lambda _: False)
