"""helpers.openmp: what is set before torch is loaded, and what is left as the user has it."""

import dataclasses
import os
import subprocess
import sys

import pytest
import torch

from helpers import describe, openmp


def test_it_is_set_before_torch_is_loaded_also_in_processes_that_are_started():
    child = "import os, torch, helpers; print(os.environ['GOMP_SPINCOUNT'], helpers.openmp.TOO_LATE)"
    program = f"import subprocess, sys, helpers; subprocess.run([sys.executable, '-c', {child!r}])"
    program += "; print(helpers.openmp.TOO_LATE)"
    clean = {name: value for name, value in os.environ.items() if name not in openmp.OF_THE_USER}
    done = subprocess.run([sys.executable, "-uc", program], env=clean, capture_output=True, text=True)
    assert done.stdout.split() == ["1000", "False", "False"]


@pytest.mark.parametrize(
    ("loaded", "environment", "too_late", "spins"),
    [
        (False, {}, False, "1000"),
        (True, {}, True, "1000"),
        (True, {"GOMP_SPINCOUNT": "7"}, False, "7"),
        (True, {"OMP_WAIT_POLICY": "ACTIVE"}, False, None),
    ],
)
def test_what_the_user_has_set_is_left_and_what_came_too_late_is_known(
    monkeypatch, loaded, environment, too_late, spins
):
    environment = dict(environment)
    monkeypatch.setattr(openmp.os, "environ", environment)
    monkeypatch.setattr(openmp.sys, "modules", {"torch": None} if loaded else {})
    assert openmp.let_threads_sleep() is too_late
    assert environment.get("GOMP_SPINCOUNT") == spins


@pytest.mark.parametrize(("threads", "spins", "sentences"), [(2, True, 1), (1, True, 0), (2, False, 0)])
def test_the_device_says_when_it_came_too_late(threads, spins, sentences):
    device = dataclasses.replace(describe("cpu"), threads=threads, spins=spins)
    assert device.sentence().count("torch was loaded before the course") == sentences


def test_the_tests_themselves_run_on_one_thread():
    """The root's conftest.py sets it; a conftest.py below that imports torch would come first."""
    assert torch.get_num_threads() == 1
