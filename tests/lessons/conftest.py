"""The lessons run with this Python's packages, and with Google Colab's."""

import json

import pytest
from colab_like import VENV, missing
from execution import executed
from stored import ROOT


@pytest.fixture(scope="session", params=["here", pytest.param("Colab's versions", marks=pytest.mark.test_all)])
def kernels(request, tmp_path_factory):
    """Where the kernel that runs the lessons is found; None for this Python's own."""
    if request.param == "here":
        return None
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
def lesson_run(notebook, kernels):
    """(notebook, report) of a lesson that is executed once for all tests."""
    run, _, report = executed(notebook, kernels)
    return run, report
