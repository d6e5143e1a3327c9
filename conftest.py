"""How pytest reads the lessons (pytest --nbval notebooks), with the course's own stack and with Colab's."""

import os
import re
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


def pytest_collection_modifyitems(items):
    for notebook in {item.parent for item in items if hasattr(item.parent, "skip_compare")}:
        notebook.skip_compare += NOT_COMPARED
    items.sort(key=lambda item: _lesson(item.nodeid) == "")  # lessons first, as they take longest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With --dist loadfile: what is tested of one lesson in one file stays together, and not all of the file."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class OneLessonOfAFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return super()._split_scope(nodeid) + _lesson(nodeid)

    return OneLessonOfAFile(config, log)


def _lesson(nodeid):
    """The name of the notebook that a test is about, as in "test_cards[05_self_attention]"; else ""."""
    name = re.search(r"\b\d\d_[a-z_]+", nodeid)
    return name[0] if name else ""


def pytest_terminal_summary(terminalreporter):
    """End with what was not run, and why."""
    reports = terminalreporter.stats.get("skipped", [])
    for reason, count in Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports).items():
        terminalreporter.write_line(f"Skipped {count}: {reason}")
