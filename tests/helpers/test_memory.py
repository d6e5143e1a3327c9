"""helpers.measuring.memory: known allocations, seen by torch's profiler or, where it is blind, by their tensors."""

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from helpers.measuring import memory
from helpers.measuring.memory import peak_memory

MIB = 2**20


@pytest.fixture(params=["as here", "a blind profiler"])
def profiler(request, monkeypatch):
    """Once with this torch's profiler, once with one that sees no memory of a CPU, as in some builds for CUDA."""
    if request.param == "a blind profiler":
        monkeypatch.setattr(memory, "_allocations", lambda call: call() and [])
    memory._profiler_is_blind.cache_clear()
    yield request.param
    memory._profiler_is_blind.cache_clear()


def test_it_sees_a_known_allocation(profiler):
    assert 64 * MIB <= peak_memory(torch.empty, 16 * MIB, device="cpu") <= 65 * MIB


def test_it_counts_what_is_alive_at_once(profiler):
    def one_after_the_other():
        for _ in range(4):
            torch.empty(4 * MIB)

    def all_at_once():
        return [torch.empty(4 * MIB) for _ in range(4)]

    assert 16 * MIB <= peak_memory(one_after_the_other, device="cpu") <= 33 * MIB
    assert 64 * MIB <= peak_memory(all_at_once, device="cpu") <= 65 * MIB


def test_it_does_not_count_the_inputs(profiler):
    inputs = torch.ones(16 * MIB)
    assert peak_memory(torch.sum, inputs) < MIB
    assert 64 * MIB <= peak_memory(torch.exp, inputs) <= 65 * MIB


def test_a_view_and_what_is_written_in_place_take_no_memory(profiler):
    inputs = torch.ones(4 * MIB)
    assert peak_memory(lambda x: x.view(2, -1).t()[1:].add_(1), inputs) < MIB


def test_it_counts_what_a_gradient_needs(profiler):
    inputs = torch.ones(4 * MIB, requires_grad=True)

    def forward_and_backward(x):
        return torch.autograd.grad(x.exp().sin().sum(), x)

    # Of 16 MiB each: exp, sin, and on the way back its expanded slope and the two products.
    assert 48 * MIB <= peak_memory(forward_and_backward, inputs) <= 81 * MIB


def test_what_is_not_there_is_infinite(profiler):
    assert peak_memory(torch.empty, 2**60, device="cpu") == math.inf


def test_inside_a_profiler_it_counts_and_leaves_the_profiler_what_it_has_seen():
    with torch.autograd.profiler.profile() as record:
        torch.ones(1).cos()
        assert peak_memory(torch.empty, 16 * MIB, device="cpu") == 64 * MIB
    assert "aten::cos" in {event.name for event in record.function_events}


def test_threads_that_count_at_once_do_not_end_the_process():
    def many(_):
        return peak_memory(lambda: [torch.empty(1024) for _ in range(1024)], device="cpu")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(many, range(16))) == [4 * MIB] * 16


def test_a_result_given_for_a_function():
    with pytest.raises(TypeError, match=r"peak_memory needs a function; given a tensor of shape \(2, 3\)\."):
        peak_memory(torch.ones(2, 3))


def test_it_writes_nothing_into_the_notebook():
    code = "import torch; from helpers import peak_memory; print(peak_memory(torch.empty, 2**20, device='cpu'))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (str(4 * MIB), "")


@pytest.mark.gpu
def test_a_real_gpu():
    assert 64 * MIB <= peak_memory(torch.empty_like, torch.empty(16 * MIB, device="cuda")) <= 66 * MIB
    assert 64 * MIB <= peak_memory(torch.empty, 16 * MIB, device="cpu") <= 65 * MIB, "with a build for CUDA"
