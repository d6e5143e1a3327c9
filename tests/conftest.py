"""No test may touch the progress of whoever runs it."""

import pytest
from stored import NOTEBOOKS


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """An empty state directory and a session that remembers nothing."""
    from course import progress

    monkeypatch.setenv("COURSE_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(progress, "_session", {"predictions": {}, "passed": []})
    monkeypatch.setattr(progress, "_warned", set())
    return tmp_path


@pytest.fixture
def one_thread():
    """torch on one thread: small products do not gain by two, and wait for each other where a core is busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def shown(monkeypatch):
    """What the course has displayed: a list of {MIME type: content}, the newest last."""
    bundles = []

    def keep(what, raw=False):
        bundles.append(what if raw else what.bundle())

    for module in ("show.explorables", "predictions", "session"):
        monkeypatch.setattr(f"course.{module}.display", keep)
    return bundles


def pytest_generate_tests(metafunc):
    """A test that takes `notebook` runs once for each lesson."""
    if "notebook" in metafunc.fixturenames:
        metafunc.parametrize("notebook", NOTEBOOKS, ids=lambda stored: stored.path.stem, scope="session")
