"""No test may touch the progress of whoever runs it."""

import pytest
from stored import NOTEBOOKS
from threads import one_thread  # noqa: F401


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """An empty state directory and a session that remembers nothing and has no lesson open."""
    from course import progress, session

    monkeypatch.setenv("COURSE_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(progress, "_session", {"predictions": {}, "passed": []})
    monkeypatch.setattr(progress, "_warned", set())
    monkeypatch.setattr(session, "current", None)
    return tmp_path


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
