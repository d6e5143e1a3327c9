"""What a student is told to have got at the end of Colab's set-up, with a GPU and without."""

import importlib

import pytest
import torch

from course.editions.arrival import arrived
from helpers import describe


@pytest.fixture
def t4(monkeypatch):
    """torch as it speaks of a Tesla T4."""
    properties = type("Properties", (), {"total_memory": 15_828_320_256})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: properties)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (7, 5))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)  # as it says there: emulated
    monkeypatch.setattr(importlib.import_module("helpers.measuring.device"), "_no_gpu", lambda: None)


@pytest.fixture(autouse=True)
def version(monkeypatch):
    """Every package is of version 1.0; this course may run from a clone that was never installed."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.0")


def test_three_lines_with_a_t4(t4, capsys):
    arrived("05", timed=2, seconds=3.4)
    device, versions, course = capsys.readouterr().out.splitlines()
    assert device.startswith("GPU: Tesla T4; its 2 timed cells show this machine. It has no bf16 and no FlashAttention")
    assert "numpy 1.0, plotly 1.0, ipywidgets 1.0." in versions
    assert course == "Course: rnn-to-attention 1.0, lesson 05, ready in 3 s."


@pytest.mark.parametrize(
    ("timed", "use"), [(0, "this lesson needs none"), (1, "its one timed cell shows"), (3, "its 3 timed")]
)
def test_three_lines_without_a_gpu(timed, use, capsys):
    arrived("05", timed=timed, seconds=0)
    device, _, _ = capsys.readouterr().out.splitlines()
    assert device.startswith("GPU: none")
    assert use in device


def test_a_t4_is_known_to_lack_what_it_lacks(t4):
    device = describe()
    assert (device.compute_capability, device.bf16, device.flash) == ((7, 5), False, False)
    assert "without bf16 and FlashAttention" in device.sentence()
