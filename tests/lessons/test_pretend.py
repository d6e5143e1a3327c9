"""The stand-ins for a GPU behave as one does towards Python: work is handed over first, and done later."""

import threading

import pytest

from course.lessons.l00.pretend import ClockworkGPU, QueueGPU


def test_a_queue_returns_before_the_work_is_done():
    gpu, gate, done = QueueGPU(), threading.Event(), []
    assert gpu.idle()
    gpu.launch(gate.wait)
    gpu.launch(lambda: done.append(1))
    assert not gpu.idle()
    assert done == []
    gate.set()
    gpu.synchronise()
    assert gpu.idle()
    assert done == [1]


def test_a_clockwork_works_in_order_and_later():
    gpu = ClockworkGPU(job=120, launch=10)
    gpu.launch("product")
    gpu.launch("product")
    assert gpu.clock() == 20
    assert not gpu.idle()
    gpu.synchronise()
    assert gpu.clock() == 250
    assert gpu.runs == [(10, 130), (130, 250)]
    assert gpu.readings == [(2, False), (2, True)]


def test_short_jobs_leave_a_clockwork_idle():
    gpu = ClockworkGPU(job=2, launch=10)
    for _ in range(3):
        gpu.launch("product")
    assert gpu.runs == [(10, 12), (20, 22), (30, 32)]


@pytest.mark.parametrize(
    ("trouble", "runs"),
    [
        ({"compile": 500}, [600, 100, 100]),
        ({"hiccup": 300}, [100, 400, 100]),
        ({"wobble": 0.1}, [100, 107, 90]),
    ],
)
def test_what_may_trouble_a_clockwork(trouble, runs):
    gpu = ClockworkGPU(job=100, **trouble)
    for _ in range(3):
        gpu.launch("product")
    assert [end - start for start, end in gpu.runs] == pytest.approx(runs)


def test_earlier_work_is_done_first():
    gpu = ClockworkGPU(job=100, busy=1000)
    assert not gpu.idle()
    gpu.launch("product")
    gpu.synchronise()
    assert gpu.clock() == 1100


def test_a_clockwork_holds_up_the_runs_that_it_is_told_to():
    gpu = ClockworkGPU(job=100, hiccup=300, held_up={0, 2})
    for _ in range(4):
        gpu.launch("product")
    assert [end - start for start, end in gpu.runs] == [400, 100, 400, 100]


def test_a_loop_that_asks_whether_a_clockwork_is_idle_comes_to_an_end():
    gpu = ClockworkGPU(job=100, launch=0)
    gpu.launch("product")
    looks = 1
    while not gpu.idle():
        looks += 1
    assert looks == gpu.clock() == 100
