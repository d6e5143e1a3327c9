"""Timings made up for tests of their figure: live as helpers.sweep returns them, recorded as find_recordings does."""

from datetime import UTC, datetime
from types import SimpleNamespace

from course.results.recordings import Recording, Time

HERE = "2 CPU cores (a CPU of many words), 7.8 GiB, no GPU; torch 2.13.0 with 2 threads, no triton, Python 3.11.7"
H100 = "NVIDIA H100 80GB HBM3, compute capability 9.0"
LAYER = {"loop": 90, "hoisted": 70, "graph": 6, "nn": 2.3, "cudnn": 2.2, "fused": 1.6, "torch": 2.25}
ATTENTION = {"naive": 9, "online": 4, "flash": 0.3, "auto": 0.31, "sdpa flash": 0.32, "sdpa efficient": 0.5}
NASTY = '<script>alert(1)</script> <b onclick=x>bold</b> & "co"'


def timing(median, full=False):
    """A timing of so many ms, as helpers.sweep returns it."""
    return SimpleNamespace(median=median / 1e3, p20=0.9 * median / 1e3, p80=1.2 * median / 1e3, out_of_memory=full)


def here(kernels, speed=1.0, lengths=(64, 256, 1024)):
    """Live points, from {kernel: ms at T = 1000}."""
    return {T: {kernel: timing(T * ms * speed / 1e3) for kernel, ms in kernels.items()} for T in lengths}


def race(**milliseconds):
    """Live points at T = 10, 100, 1000 from {model: its three times}."""
    return {
        T: {name: timing(times[place]) for name, times in milliseconds.items()}
        for place, T in enumerate((10, 100, 1000))
    }


def elsewhere(kernels, device=H100, day=25, lengths=(256, 1024, 4096), full=(), absent=(), cautions=()):
    """A Recording, as find_recordings returns it, from {kernel: ms at T = 1000}."""
    points = {
        T: {
            kernel: Time(out_of_memory=True)
            if (T, kernel) in full
            else Time(T * ms / 1e6, T * ms / 1.1e6, T * ms / 9e5)
            for kernel, ms in kernels.items()
            if (T, kernel) not in absent
        }
        for T in lengths
    }
    return Recording(
        contest="lstm D=128",
        about="(16, T, 128) float16",
        points=points,
        device=device,
        kind="cuda",
        when=datetime(2026, 11, day, tzinfo=UTC),
        torch="2.13.0",
        triton="3.6.0",
        cautions=cautions,
    )


CASES = {
    "here alone": (here(LAYER), ()),
    "recorded alone": (None, [elsewhere(LAYER)]),
    "both": (here(LAYER), [elsewhere(LAYER)]),
    "three devices": (here(LAYER), [elsewhere(LAYER, "Tesla T4"), elsewhere(LAYER)]),
    "two batches here, and two devices": (
        {"1 sentence": here(LAYER), "8 sentences": here(LAYER, 8)},
        [elsewhere(LAYER, "Tesla T4"), elsewhere(LAYER)],
    ),
    "one length": (here(LAYER, lengths=[64]), [elsewhere(LAYER, lengths=[1])]),
    "equal times": (here(dict.fromkeys(LAYER, 1.0)), [elsewhere(dict.fromkeys(LAYER, 1.0))]),
    "names of the student's own": (
        here({"mine": 1, "mine too": 1.01, "a long name " * 6: 2, NASTY: 3}),
        [elsewhere(LAYER)],
    ),
    "a long name of a device": (
        here(LAYER),
        [elsewhere(LAYER, "a device of many words " * 4, cautions=("quick", "incomplete"))],
    ),
    "nothing": (None, ()),
    "empty points": ({}, []),
    "recorded, and nothing ran there": (None, [elsewhere({})]),
    "recorded at no length": (here(LAYER), [elsewhere(LAYER, lengths=())]),
    "other kernels chosen": (here(LAYER), [elsewhere(LAYER)], ["flash"]),
}
