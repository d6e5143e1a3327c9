"""helpers.device: what it says of a machine, this one and simulated ones, and that nothing missing is an exception."""

import dataclasses
import importlib
import math
from types import SimpleNamespace

import pytest
import torch

from helpers.measuring.device import Quantity, describe, device, measure, readable

# By name: `helpers` itself holds the function `device` where the module would be.
module = importlib.import_module("helpers.measuring.device")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


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
    about = describe()
    assert device() == torch.device("cpu")
    assert (about.kind, about.compute_capability, about.bf16, about.flash) == ("cpu", None, False, False)
    assert about.threads == torch.get_num_threads()
    assert about.cores >= 1
    assert about.memory is None or about.memory > 2**28
    assert about.torch == str(torch.__version__)


def test_the_sentence_is_one_line_and_says_each_lack_once(no_gpu, monkeypatch):
    monkeypatch.setattr(module, "_triton_version", lambda: None)
    sentence = describe().sentence()
    assert "\n" not in sentence
    assert sentence.count("no GPU") == 1
    assert sentence.count("no triton") == 1
    assert f"torch {torch.__version__.split('+')[0]}" in sentence


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
    about = describe()
    assert (about.kind, about.name, about.compute_capability) == ("cuda", name, capability)
    assert about.bf16 is about.flash is modern
    sentence = about.sentence()
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


def test_a_container_sees_its_own_limits(monkeypatch, tmp_path):
    class Files(type(tmp_path)):
        def __new__(cls, *parts):
            return type(tmp_path)(tmp_path, parts[-1])

    monkeypatch.setattr(module, "Path", Files)
    free = (module._cpu_cores(), module._cpu_memory())
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("2147483648\n")
    assert module._cpu_cores() == 1
    assert module._cpu_memory() in (2**31, None)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert (module._cpu_cores(), module._cpu_memory()) == free
    assert module._cpu_name()  # without /proc/cpuinfo, as on a Mac


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
    timing = importlib.import_module("helpers.timing")
    calls = []

    def one_millisecond(fn, *args, **options):
        calls.append([tuple(arg.shape) for arg in args])
        fn(*args)
        return SimpleNamespace(median=1e-3, p20=0.8e-3, p80=1.25e-3, repeats=7)

    monkeypatch.setattr(timing, "time_call", one_millisecond)
    monkeypatch.setattr(module, "_measured", {})
    monkeypatch.setattr(module, "_cpu_memory", lambda: 2**28)  # a small machine gets small tensors
    found = measure("cpu")
    assert calls == [[(2**22,)], [(1024, 1024), (1024, 1024)], []]
    assert found.copy.median == pytest.approx(2 * 4 * 2**22 / 1e-3)  # read and written
    assert list(found.matmul) == ["float32"]
    assert found.matmul["float32"].median == pytest.approx(2 * 1024**3 / 1e-3)
    assert found.launch.median == pytest.approx(1e-3 / 2000)
    for quantity in (found.copy, *found.matmul.values(), found.launch):
        assert isinstance(quantity, Quantity)
        assert quantity.p20 < quantity.median < quantity.p80
    assert measure("cpu") is found
    assert len(calls) == 3
    assert measure("cpu", refresh=True) is not found
    assert len(calls) == 6


def test_measure_on_this_machine(monkeypatch):
    found = measure("cpu")
    assert found.device == describe("cpu")
    for quantity in (found.copy, found.matmul["float32"], found.launch):
        assert 0 < quantity.p20 <= quantity.median <= quantity.p80
        assert quantity.repeats >= 1
    assert "\n" not in found.sentence()
    assert "B/s" in found.sentence()


def imaginary(make):
    """`make` with shapes and no memory, whatever the device: a GPU's sizes do not fit here."""
    return lambda *shape, device: make(*shape, device="meta")


@pytest.mark.parametrize(
    ("capability", "dtypes"),
    [((7, 5), ["float32", "float16"]), ((9, 0), ["float32", "float16", "bfloat16"])],
)
def test_a_gpu_multiplies_in_the_dtypes_it_has(simulated_gpu, monkeypatch, capability, dtypes):
    simulated_gpu("simulated", capability)
    timing = importlib.import_module("helpers.timing")
    answer = SimpleNamespace(median=1e-3, p20=1e-3, p80=1e-3, repeats=1)
    monkeypatch.setattr(timing, "time_call", lambda fn, *args, **options: answer)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**20, 2**20))
    for name in ("ones", "randn", "zeros"):
        monkeypatch.setattr(torch, name, imaginary(getattr(torch, name)))
    monkeypatch.setattr(module, "_measured", {})
    assert list(measure().matmul) == dtypes


@needs_gpu
def test_a_real_gpu():
    about, found = describe(), measure()
    assert about.kind == "cuda"
    assert about.bf16 is (torch.cuda.get_device_capability() >= (8, 0))
    assert 1e10 < found.copy.median < 2e13
    assert found.matmul["float16"].median > found.copy.median
    assert 1e-7 < found.launch.median < 1e-3
