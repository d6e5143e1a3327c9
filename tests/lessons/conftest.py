"""The lessons run with the versions of Google Colab: the lowest that the course supports."""

import json

import pytest
from colab_like import VENV, missing
from execution import executed
from stored import ROOT


@pytest.fixture(scope="session")
def colabs(tmp_path_factory):
    """Where a kernel with Google Colab's versions is found."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("kernels")
    spec = {
        "argv": [str(VENV / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "env": {"PYTHONPATH": str(ROOT)},
        "display_name": "Colab",
        "language": "python",
    }
    (folder / "python3").mkdir()
    (folder / "python3" / "kernel.json").write_text(json.dumps(spec))
    return folder


@pytest.fixture
def lesson_run(notebook, colabs):
    """(notebook, report) of a lesson that is executed once for all tests."""
    run, _, report = executed(notebook, colabs)
    return run, report
