"""tests/gpu.py: every test once, in several processes, whatever the tests do to theirs."""

import json

import gpu
import pytest

TESTS = """
import os
import pytest

@pytest.mark.gpu
@pytest.mark.parametrize("method", ["a", "b"])
@pytest.mark.parametrize("number", range(3))
def test_passes(method, number):
    pass

@pytest.mark.gpu
def test_fails():
    assert 1 == 2

@pytest.mark.gpu
def test_ends_its_process():
    os._exit(7)

@pytest.mark.gpu
def test_skips():
    pytest.skip("not here")

def test_needs_no_gpu():
    assert False, "not to be run"

@pytest.mark.gpu
@pytest.mark.test_all
def test_takes_long():
    assert False, "not to be run"
"""


@pytest.fixture
def run(tmp_path, capsys):
    """A function that runs the command on these tests; returns its exit status and what it printed."""
    (tmp_path / "test_some.py").write_text(TESTS)

    def run(*options):
        return gpu.main(["--folder", str(tmp_path), "--processes", "2", *options]), capsys.readouterr().out

    return run


def test_each_test_is_run_once_and_one_that_ends_its_process_has_failed(run):
    status, text = run("--device", "cpu", "--json", "--processes", "1")
    outcomes = [item for line in text.splitlines() for item in json.loads(line).items()]
    assert status == 0
    assert len(outcomes) == len(dict(outcomes)) == 10
    outcomes = {name.rpartition("::")[2]: outcome for name, outcome in outcomes}
    passed = {name for name, outcome in outcomes.items() if outcome == "passed"}
    assert passed == {f"test_passes[{number}-{method}]" for number in range(3) for method in "ab"} | {"every test ran"}
    assert outcomes["test_skips"] == "skipped: not here"
    assert outcomes["test_fails"].startswith("failed: assert 1 == 2")
    assert outcomes["test_ends_its_process"] == "failed: its process ended with status 7"


def test_the_summary_counts_and_a_failure_is_the_exit_status(run, tmp_path):
    (tmp_path / "test_unreadable.py").write_text("import no_such_module")
    status, text = run("--device", "cpu", "--only", "fails")
    assert status == 1
    assert "test_fails: failed: assert 1 == 2" in text
    assert "test_unreadable.py: failed: " in text
    assert "No module named 'no_such_module'" in text


def test_what_is_not_run_in_time_is_counted(run):
    status, text = run("--device", "cpu", "--limit", "0")
    assert status == 1
    assert "no test was found" in text


def test_without_a_gpu_nothing_is_run(run, monkeypatch):
    monkeypatch.setattr(gpu, "_gpu", lambda: False)
    assert run() == (0, "no GPU: 9 tests skipped\n")


def test_tests_that_share_a_reference_go_to_one_process_and_no_process_is_idle():
    queue = gpu.Queue(["a1", "b1", "a2", "a3"], ["a", "b", "a", "a"])
    first, own = queue.next([])
    second, other = queue.next([])
    assert (first, second) == ("a1", "b1")
    assert queue.next(own)[0] == "a2"
    assert queue.next(other)[0] == "a3", "its own group is done: it helps with the other"
    assert queue.next(own)[0] is None
    assert queue.left() == 0
