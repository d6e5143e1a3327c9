"""No test may touch the progress of whoever runs it."""

import pytest


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """An empty state directory and a session that remembers nothing."""
    from course import progress

    monkeypatch.setenv("COURSE_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(progress, "_session", {"predictions": {}, "passed": []})
    monkeypatch.setattr(progress, "_warned", set())
    return tmp_path
