"""How pytest reads the lessons (pytest --nbval notebooks), with the course's own stack and with Colab's."""

import os
import shutil
import tempfile
from collections import Counter

import pytest

try:
    import hypothesis
except ModuleNotFoundError:  # where a GPU's tests run there may be torch and pytest alone
    pass
else:  # the same examples in each run, however long a busy machine takes for one
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("course", deadline=None, derandomize=True, suppress_health_check=slow)
    hypothesis.settings.load_profile("course")

# Pictures are compared by their text alternative; what is drawn or coloured may differ between plotly versions.
NOT_COMPARED = ("application/vnd.plotly.v1+json", "text/html")

# Without triton, which only Linux has, these cannot be imported, and they hold no examples.
collect_ignore = ["helpers/ops/kernels"]
# Nor do these: as modules with examples they would be imported twice, under one name.
collect_ignore_glob = ["*conftest.py"]


def pytest_configure(config):
    """Give the kernels an empty state directory: whoever runs the tests may have progress of their own."""
    state = tempfile.mkdtemp(prefix="course-")
    config.add_cleanup(lambda: shutil.rmtree(state, ignore_errors=True))
    os.environ["COURSE_STATE_DIR"] = state
    # On a busy machine two threads that wait for each other turn a millisecond into a minute. No compared output and no
    # test depends on how many there are.
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    for notebook in {item.parent for item in items if hasattr(item.parent, "skip_compare")}:
        notebook.skip_compare += NOT_COMPARED
    # Each kernel and each fixture of a module is started in one worker only; lessons come first, as they take longest.
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: _lesson(item) == "")


def _group(item):
    """The file of a test, and the lesson that it is about: what has to run in one process."""
    return f"{item.path.stem}{_lesson(item)}"


def _lesson(item):
    """ "-05" for a test of one lesson, "-" for a notebook's own cell, else ""."""
    if item.path.suffix == ".ipynb":
        return "-"
    values = item.callspec.params.values() if hasattr(item, "callspec") else []
    return next((f"-{value.lesson}" for value in values if hasattr(value, "lesson")), "")


def pytest_terminal_summary(terminalreporter):
    """End with what was not run, and why."""
    reports = terminalreporter.stats.get("skipped", [])
    for reason, count in Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports).items():
        terminalreporter.write_line(f"Skipped {count}: {reason}")
