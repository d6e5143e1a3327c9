"""Processes that compute together: started, heard, and ended whatever happens."""

import json
import math
import os
import socket
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import workers

from helpers.distributed import WorkerError, launch, launcher

ROOT = Path(__file__).parents[2]
PATIENCE = 200  # seconds for a busy machine; nothing here waits so long unless it fails


@contextmanager
def port():
    """A port that workers connect to, and stay connected to for as long as they live."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        yield server


def arrivals(server, count):
    """The connections of that many workers."""
    connections = [server.accept()[0] for _ in range(count)]
    for connection in connections:
        connection.settimeout(PATIENCE)
        assert connection.recv(4) == b"here"
    return connections


def ended(connection):
    """Wait until the process at the other end has ended: the system then closes its connection."""
    with connection:
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:  # how Windows says it
            return True


def answer(client, asked):
    """What a kernel answers to one message."""
    while True:
        reply = client.get_shell_msg(timeout=PATIENCE)
        if reply["parent_header"]["msg_id"] == asked:
            return reply["content"]


def test_each_worker_computes_on_one_thread_from_one_seed_in_a_process_of_its_own(tmp_path, monkeypatch):
    strange = tmp_path / "a student's folder: 100% torch"
    strange.mkdir()
    for name in ("torch", "helpers", "pickle"):  # files that must not hide the real ones
        (strange / f"{name}.py").write_text("raise RuntimeError('a student wrote this')")
    monkeypatch.chdir(strange)
    first, second = launch(workers.describe, 2, "word")
    assert first[:4] == (0, 2, "word", 1)
    assert second[:4] == (1, 2, "word", 1)
    assert first[4] == second[4]
    assert len({first[5], second[5], os.getpid()}) == 3


def test_sums_and_joins_are_torchs_and_the_bytes_are_counted():
    size, count = 10, 3  # 10 numbers in pieces of 4, 3, 3
    results = launch(workers.collect, count, size)
    assert all(right for right, *_ in results)
    assert [rotated for _, rotated, *_ in results] == [2, 0, 1]
    reducing, gathering, rotating = zip(*(result[2:] for result in results), strict=True)
    assert sum(sent.bytes for sent in reducing) == 2 * (count - 1) * size * 8
    assert {(sent.exchanges, sent.messages) for sent in reducing} == {(1, 2 * (count - 1))}
    assert {tuple(sent) for sent in gathering} == {(1, count - 1, (count - 1) * size * 8)}
    assert {tuple(sent) for sent in rotating} == {(1, 1, size * 8)}


def test_a_worker_that_raises_gives_its_own_error_in_one_line():
    with pytest.raises(WorkerError, match=r"^Worker 1 of 2 raised ValueError: the loss is nan$") as error:
        launch(workers.fail, 2, "raise")
    assert "workers.py" in error.value.traceback
    assert error.value._render_traceback_() == ["Worker 1 of 2 raised ValueError: the loss is nan"]


def test_a_worker_that_dies_without_a_word_is_named_and_not_the_one_that_misses_it():
    with pytest.raises(WorkerError, match=r"^Worker 1 of 2 died with exit code 7; the others were ended\.$"):
        launch(workers.fail, 2, "die")


def test_what_takes_too_long_is_ended_with_a_sentence():
    with (
        port() as server,
        pytest.raises(WorkerError, match=r"^2 of 2 workers had not finished after 2 s and were ended"),
    ):
        launch(workers.hold, 2, server.getsockname()[1], limit=2)


@pytest.mark.parametrize(
    ("second", "sentence"),
    [(9, "^Worker 0 of 2 raised RuntimeError: refused$"), (11, "^2 of 2 workers had not finished")],
)
def test_an_error_after_the_deadline_is_not_the_cause(tmp_path, second, sentence):
    (tmp_path / "0.error").write_text(
        json.dumps({"time": second, "sentence": "RuntimeError: refused", "traceback": ""})
    )
    (tmp_path / "1.hangs").write_text('  File "ring.py", line 12 in turn\n')
    workers = []
    for rank in range(2):
        worker = launcher._Worker.__new__(launcher._Worker)
        worker.folder, worker.rank, worker.process = tmp_path, rank, SimpleNamespace(poll=lambda: 1)
        workers.append(worker)
    with pytest.raises(WorkerError, match=sentence):
        launcher._require_success(workers, limit=2, deadline=10)


def test_the_sentence_names_the_line_that_hangs(tmp_path):
    worker = launcher._Worker.__new__(launcher._Worker)
    worker.folder, worker.rank = tmp_path, 0
    assert launcher._place(worker) == "was still starting"
    torch_file = os.path.join("site", "torch", "distributed.py")
    (tmp_path / "0.hangs").write_text(f'  File "{torch_file}", line 9 in recv\n  File "ring.py", line 12 in turn\n')
    assert launcher._place(worker) == "was in turn (ring.py, line 12)"


@pytest.mark.parametrize(
    ("status", "output", "sentence"),
    [
        (7, "", "with exit code 7"),
        (-11, "first\nSegmentation fault\n", "by signal 11 (Segmentation fault)"),
        (-9, "", "by signal 9, as it does when the system is out of memory"),
    ],
)
def test_how_a_worker_died_is_said(status, output, sentence):
    assert launcher._how(SimpleNamespace(status=status, read=lambda kind: output)) == sentence


def test_workers_end_when_their_parent_is_killed():
    program = "import sys, workers; from helpers.distributed import launch; launch(workers.hold, 2, int(sys.argv[1]))"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    with port() as server:
        command = [sys.executable, "-c", program, str(server.getsockname()[1])]
        with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}) as parent:
            connections = arrivals(server, 2)
            parent.kill()
        assert all(ended(connection) for connection in connections)


def test_workers_end_when_a_cell_of_a_notebook_is_interrupted():
    manager = pytest.importorskip("jupyter_client.manager")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    kernel, client = manager.start_new_kernel(
        kernel_name="python3", startup_timeout=PATIENCE, env=os.environ | {"PYTHONPATH": paths}
    )
    try:
        with port() as server:
            cell = f"""
                import workers
                from helpers.distributed import launch
                launch(workers.hold, 2, {server.getsockname()[1]})
            """
            # Else a kernel refuses what comes in the moment after an error.
            asked = client.execute(textwrap.dedent(cell), stop_on_error=False)
            connections = arrivals(server, 2)
            kernel.interrupt_kernel()
            assert answer(client, asked)["ename"] == "KeyboardInterrupt"
            assert all(ended(connection) for connection in connections)
        assert client.execute_interactive("1 + 1", timeout=PATIENCE, output_hook=id)["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("function", "processes", "options", "error", "sentence"),
    [
        (lambda peers: 1, 2, {}, TypeError, "write it in a .py file beside the notebook"),
        (workers.describe, 0, {}, ValueError, "processes is 0; give a whole number from 1 to 64"),
        (workers.describe, 2.0, {}, ValueError, "processes is 2.0"),
        (workers.describe, 2, {"limit": 0}, ValueError, "limit is 0; give a number of seconds above 0"),
        (workers.describe, 2, {"limit": math.inf}, ValueError, "limit is inf; .* at most 604800"),
        (workers.describe, 2, {"backend": "glo"}, ValueError, "Did you mean 'gloo'"),
        (workers.describe, 65, {}, ValueError, "processes is 65; give a whole number from 1 to 64"),
        (workers.describe, 64, {"backend": "nccl"}, ValueError, "needs a GPU a worker, 64; here are .*'gloo'"),
    ],
)
def test_what_cannot_be_started_is_said_before_anything_is(function, processes, options, error, sentence, monkeypatch):
    monkeypatch.setattr(launcher, "_Worker", SimpleNamespace)  # starting one would fail
    with pytest.raises(error, match=sentence):
        launch(function, processes, "word", **options)
