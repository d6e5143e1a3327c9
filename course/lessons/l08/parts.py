"""Lesson 08: what bytes and waits cost, counted; what was recorded on an H200; and lines of a kernel to read."""

import functools
import textwrap
from pathlib import Path

import torch

import helpers.ops.kernels
from helpers import compare, cost, device, lstm
from helpers.measuring.recording import load
from helpers.measuring.timing import Comparison
from helpers.ops.kernels import unavailable

from ...results.recordings import SHIPPED, find_recordings
from ...words import draw

TEXTS, WORDS = 16, 1024  # of the recorded LSTMs that this lesson looks at
WIDTHS = (64, 128, 768)  # of the recorded LSTM layers
BYTES_OF_OUTPUT = 8 * 8192 * 64 * 2  # of the contest of attention's memory: 8 heads, 8,192 words, 64 numbers of 2 bytes


def product_intensity(rows: int, D: int, itemsize: int = 2) -> float:
    """Operations for each byte that (rows, D) @ (D, D) moves at the least: every number once, of `itemsize` bytes.

    >>> [round(product_intensity(rows, D=512)) for rows in (16, 160, 1600, 16384)]
    [15, 98, 221, 252]
    """
    return 2 * rows * D * D / (itemsize * (rows * D + D * D + rows * D))


# ---- recorded on the H200


@functools.cache
def recorded_abilities() -> dict:
    """Copy (B/s), matmul (FLOP/s, by dtype) and launch (s) of the recorded H200.

    >>> can = recorded_abilities()
    >>> round(can["matmul"]["float16"] / can["copy"])  # the ridge, in operations a byte
    162
    """
    return load(SHIPPED / "nvidia-h200.json")["measured"]


def recorded(contest: str, T: int) -> dict[str, float]:
    """{kernel: seconds} of a contest at T words, on the H200; without those that could not run.

    >>> sorted(recorded("lstm D=768", 1024))
    ['graph', 'hoisted', 'loop', 'nn', 'torch']
    """
    recording = next(one for one in find_recordings(contest) if "H200" in one.device)
    return {kernel: time.median for kernel, time in recording.points[T].items() if not time.out_of_memory}


def recorded_peaks(T: int) -> dict[str, int]:
    """{kernel: bytes} that attention held at its worst moment, beyond its inputs; 8 heads of 64, bfloat16, on the H200.

    >>> recorded_peaks(8192)["auto"]
    8390144
    """
    points = load(SHIPPED / "nvidia-h200.json")["points"]["attention, memory"][str(T)]
    return {kernel: result["bytes"] for kernel, result in points.items() if "bytes" in result}


def attention_shares() -> tuple[float, float]:
    """What fused attention reached of a large product's rate on the H200: reading, and in a step of decoding.

    Reading: 64 heads of 64, 4,096 words, causal. Decoding: 4 texts, 32 heads of 128, one word after 32,768.

    >>> [round(share, 3) for share in attention_shares()]
    [0.601, 0.006]
    """
    rate = recorded_abilities()["matmul"]["bfloat16"]
    reading = (
        4 * 64 * 64 * 4096**2 / 2 / recorded("attention D=64", 4096)["auto"]
    )  # a causal kernel does half the square
    writing = 4 * 4 * 32 * 128 * 32768 / recorded("decode_attention", 32768)["auto"]
    return reading / rate, writing / rate


def recorded_cpu() -> dict[str, float]:
    """{kernel: seconds} of an LSTM layer, 8 texts of 1,024 words, 256 wide, float32, on the recorded two cores."""
    recording = next(one for one in find_recordings("lstm") if one.kind == "cpu")
    return {kernel: time.median for kernel, time in recording.points[1024].items()}


def step_time(D: int) -> float:
    """Seconds of a step of the recorded LSTM layer of width D, 16 texts, in cuDNN."""
    return recorded(f"lstm D={D}", WORDS)["torch"] / WORDS


def operations_of_a_step(B: int, D: int) -> int:
    """Additions and multiplications of one LSTM step's products, for B texts."""
    return 2 * cost.lstm(1, D, B=B).work


def busy_shares() -> tuple[float, float]:
    """What an LSTM layer reached of a large product's rate, as recorded: on two CPU cores, and on the H200.

    8 texts, 256 wide, float32; 16 texts, 768 wide, float16; 1,024 words each, in the library's one call.

    >>> [round(share, 2) for share in busy_shares()]
    [0.84, 0.11]
    """
    two_cores = load(SHIPPED / "amd-epyc-2-cores.json")["measured"]["matmul"]["float32"]
    cpu = operations_of_a_step(8, 256) * WORDS / recorded_cpu()["torch"] / two_cores
    gpu = operations_of_a_step(TEXTS, 768) / step_time(768) / recorded_abilities()["matmul"]["float16"]
    return cpu, gpu


# ---- the ladder of one recurrence


def time_the_ladder(B: int = 8, T: int = 128, D: int = 256, budget: float = 4.0) -> Comparison:
    """One LSTM layer in every form that this device has, forward, on one CPU thread or on the GPU; equal results."""
    where = device()
    D = min(D, 128) if where.type == "cuda" else D  # weights that our own kernel keeps on the chip
    inputs = draw(B * T, D, seed=1).float().view(B, T, D).to(where)
    forms = ["loop", "hoisted", "torch"]
    if where.type == "cuda":
        forms += ["graph"] if unavailable(inputs) else ["graph", "fused"]  # without triton, say, no kernel of ours
    weights = [draw(4 * D, D, seed=seed).float().to(where) / D**0.5 for seed in (2, 3)]
    functions = {form: functools.partial(_without_gradient, lstm, inputs, *weights, method=form) for form in forms}
    return compare(functions, device=where, threads=1, budget=budget, repeats=9)


@torch.no_grad()
def _without_gradient(function, *arguments, **options):
    return function(*arguments, **options)


# ---- a kernel, read in pieces


def kernel_lines(first: str, last: str, file: str = "flash.py") -> str:
    """The lines of a kernel's file from the one that begins with `first` to the next that begins with `last`.

    >>> print(kernel_lines("largest = tl.full", "mixed = tl.zeros"))
    largest = tl.full((QUERIES,), -float("inf"), tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    mixed = tl.zeros((QUERIES, PADDED_V), tl.float32)
    """
    lines = (Path(helpers.ops.kernels.__file__).parent / file).read_text(encoding="utf-8").splitlines()
    begin = next(place for place, line in enumerate(lines) if line.strip().startswith(first))
    end = next(place for place in range(begin, len(lines)) if lines[place].strip().startswith(last))
    return textwrap.dedent("\n".join(lines[begin : end + 1]))
