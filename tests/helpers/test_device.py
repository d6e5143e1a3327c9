"""helpers.measuring: what it says of a machine, this one and simulated ones; that nothing missing is an exception."""

import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch

from helpers.measuring import abilities
from helpers.measuring import device as module
from helpers.measuring.abilities import measure
from helpers.measuring.device import describe, device
from helpers.measuring.quantity import Quantity, readable


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def simulated_gpu(monkeypatch):
    """A machine with one GPU of the given name and compute capability, as far as `describe` asks."""

    def simulate(name, capability, memory=16 * 2**30):
        monkeypatch.setattr(module, "_no_gpu", lambda: None)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=memory))

    return simulate


def test_a_cpu_machine(no_gpu):
    description = describe()
    assert device() == torch.device("cpu")
    assert (description.kind, description.compute_capability, description.bf16, description.flash) == (
        "cpu",
        None,
        False,
        False,
    )
    assert description.threads == torch.get_num_threads()
    assert description.cores >= 1
    assert description.memory is None or description.memory > 2**28
    assert description.torch == str(torch.__version__)


def test_the_sentence_is_one_line_and_says_each_lack_once(no_gpu, monkeypatch):
    monkeypatch.setattr(module, "_triton_version", lambda: None)
    sentence = describe().sentence()
    assert "\n" not in sentence
    assert sentence.count("no GPU") == 1
    assert sentence.count("no triton") == 1
    assert f"torch {torch.__version__.split('+')[0]}" in sentence


def test_the_sentence_counts_and_leaves_out_a_memory_that_is_not_known(no_gpu):
    description = dataclasses.replace(describe(), name="CPU", cores=1, threads=2, memory=None)
    assert description.sentence().startswith("1 CPU core (CPU), no GPU; torch ")
    assert " with 2 threads, " in description.sentence()


def test_a_description_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        describe().threads = 1


@pytest.mark.parametrize(
    ("name", "capability", "modern"),
    [("Tesla T4", (7, 5), False), ("NVIDIA A100", (8, 0), True), ("NVIDIA H200", (9, 0), True)],
)
def test_bf16_and_flash_go_by_capability(simulated_gpu, monkeypatch, name, capability, modern):
    simulated_gpu(name, capability)
    # A T4 answers True here, because torch emulates bf16 on it: it must not be asked.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *args, **kwargs: pytest.fail("asked"))
    description = describe()
    assert (description.kind, description.name, description.compute_capability) == ("cuda", name, capability)
    assert description.bf16 is description.flash is modern
    sentence = description.sentence()
    assert f"{name} (16.0 GiB, compute capability {capability[0]}.{capability[1]}" in sentence
    assert ("without bf16 and FlashAttention" in sentence) is not modern
    assert "no GPU" not in sentence


def test_the_cpu_beside_a_gpu_can_be_asked_for(simulated_gpu):
    simulated_gpu("Tesla T4", (7, 5))
    assert device() == torch.device("cuda", 0)
    assert device("cuda") == torch.device("cuda", 0)
    assert device("cuda:1") == torch.device("cuda", 1)
    assert device("cpu") == torch.device("cpu")
    assert "GPU unused by request" in describe("cpu").sentence()


def test_an_apple_gpu_is_named_and_left_unused(no_gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device() == torch.device("cpu")
    assert "an Apple GPU (MPS) left unused" in describe().sentence()


def test_a_gpu_that_this_torch_cannot_use_is_named_and_left_unused(monkeypatch):
    def broken(*args, **kwargs):
        if str(kwargs.get("device", "")).startswith("cuda"):
            raise RuntimeError("CUDA error: no kernel image is available\nand a second line")
        return torch.zeros(1)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", broken)
    assert device() == torch.device("cpu")
    sentence = describe().sentence()
    assert "a GPU that cannot be used (CUDA error: no kernel image is available)" in sentence
    assert "second line" not in sentence


@pytest.mark.parametrize(("version", "old"), [("2.9.1", True), ("2.11.0+cu128", False), ("3.0.0a0+git1", False)])
def test_an_old_torch_is_said_not_raised(no_gpu, monkeypatch, version, old):
    monkeypatch.setattr(torch, "__version__", version)
    assert ("the course needs 2.11" in describe().sentence()) is old


@pytest.mark.parametrize("wanted", ["mps", "gpu", "cuda:x", 3, "meta"])
def test_a_device_that_the_course_does_not_use(wanted):
    with pytest.raises(ValueError, match="give 'cpu' or 'cuda'"):
        device(wanted)


def test_a_gpu_asked_for_where_there_is_none(no_gpu):
    for call in (device, describe, measure):
        with pytest.raises(ValueError, match="'cuda' was asked for, and there is no GPU; give 'cpu'"):
            call("cuda")


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "150000 100000\n"}, 2),  # one and a half
        ({"cpu.max": "6400000 100000\n"}, 8),  # more than the host has
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
    ],
    ids=str,
)
def test_a_container_counts_the_cores_that_it_is_granted(monkeypatch, tmp_path, files, cores):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(module, "CGROUP", tmp_path)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda process: range(8), raising=False)
    assert describe("cpu").cores == cores


def test_a_cpu_without_proc_has_a_name(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(module.Path, "read_text", missing)  # as on a Mac
    assert describe("cpu").name


@pytest.mark.parametrize(
    ("numbers", "unit", "text"),
    [
        ((3.412e-3, 3.3e-3, 3.62e-3), "s", "3.41 ms (3.30 to 3.62, n)"),
        ((34.12e-6, 33e-6, 36.2e-6), "s", "34.1 µs (33.0 to 36.2, n)"),
        ((9.9999, 5.3846, 18.571), "×", "10.0 × (5.4 to 18.6, n)"),
        ((999.9e-6, 900e-6, 1.1e-3), "s", "1.00 ms (0.90 to 1.10, n)"),
        ((1e-5, 1e-5, 1e-5), "s", "10.0 µs (10.0 to 10.0, n)"),
        ((2.0, 1.0, 30.0), "s", "2.00 s (1.00 to 30.00, n)"),
        ((43.83e9, 42.2e9, 44.03e9), "B/s", "43.8 GB/s (42.2 to 44.0, n)"),
        ((7.01e14, 6.9e14, 7.1e14), "FLOP/s", "701 TFLOP/s (690 to 710, n)"),
        ((12345.6, 12000.0, 13000.0), "×", "12346 × (12000 to 13000, n)"),
        ((0.0536, 0.0522, 0.0552), "×", "0.0536 × (0.0522 to 0.0552, n)"),
        ((0.0, 0.0, 0.0), "s", "0.00 ns (0.00 to 0.00, n)"),
        ((math.nan, math.nan, math.nan), "s", "out of memory (n)"),
    ],
)
def test_numbers_are_readable(numbers, unit, text):
    assert readable(*numbers, unit, "n") == text


def test_measure_counts_what_it_says_and_is_kept(monkeypatch):
    """With a time_call that answers 1 ms for everything: the counts, not the clock, are what can be tested."""
    calls = []

    def one_millisecond(fn, *args, **options):
        calls.append([tuple(arg.shape) for arg in args])
        fn(*args)
        return SimpleNamespace(median=1e-3, p20=0.8e-3, p80=1.25e-3, repeats=7)

    monkeypatch.setattr(abilities, "time_call", one_millisecond)
    monkeypatch.setattr(abilities, "_measured", {})
    monkeypatch.setattr(module, "cpu_memory", lambda: 2**28)  # a small machine gets small tensors
    measured = measure("cpu")
    assert calls == [[(2**22,)], [(1024, 1024), (1024, 1024)], []]
    assert measured.copy.median == pytest.approx(2 * 4 * 2**22 / 1e-3)  # read and written
    assert list(measured.matmul) == ["float32"]
    assert measured.matmul["float32"].median == pytest.approx(2 * 1024**3 / 1e-3)
    assert measured.launch.median == pytest.approx(1e-3 / 2000)
    for quantity in (measured.copy, *measured.matmul.values(), measured.launch):
        assert isinstance(quantity, Quantity)
        assert quantity.p20 < quantity.median < quantity.p80
    assert measure("cpu") is measured
    assert len(calls) == 3
    assert measure("cpu", refresh=True) is not measured
    assert len(calls) == 6


def test_measure_on_this_machine(monkeypatch):
    measured = measure("cpu")
    assert measured.device == describe("cpu")
    for quantity in (measured.copy, measured.matmul["float32"], measured.launch):
        assert 0 < quantity.p20 <= quantity.median <= quantity.p80
        assert quantity.repeats >= 1
    assert "\n" not in measured.sentence()
    assert "B/s" in measured.sentence()


def imaginary(make):
    """`make` with shapes and no memory, whatever the device: a GPU's sizes do not fit here."""
    return lambda *shape, device: make(*shape, device="meta")


@pytest.mark.parametrize(
    ("capability", "dtypes"),
    [((7, 5), ["float32", "float16"]), ((9, 0), ["float32", "float16", "bfloat16"])],
)
def test_a_gpu_multiplies_in_the_dtypes_it_has(simulated_gpu, monkeypatch, capability, dtypes):
    simulated_gpu("simulated", capability)
    answer = SimpleNamespace(median=1e-3, p20=1e-3, p80=1e-3, repeats=1)
    monkeypatch.setattr(abilities, "time_call", lambda fn, *args, **options: answer)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**20, 2**20))
    for name in ("ones", "randn", "zeros"):
        monkeypatch.setattr(torch, name, imaginary(getattr(torch, name)))
    monkeypatch.setattr(abilities, "_measured", {})
    assert list(measure().matmul) == dtypes


@pytest.mark.gpu
def test_a_real_gpu():
    description, measured = describe(), measure()
    assert description.kind == "cuda"
    assert description.bf16 is (torch.cuda.get_device_capability() >= (8, 0))
    assert list(measured.matmul)[:2] == ["float32", "float16"]
    for quantity in (measured.copy, *measured.matmul.values(), measured.launch):
        assert 0 < quantity.p20 <= quantity.median <= quantity.p80
