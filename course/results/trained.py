"""Trained results: runs that take longer than a lesson may, one JSON a lesson, stored with the threshold stated before.

A lesson declares what it trains in an optional module course/lessons/lNN/trained.py, whose TRAINED is a list of
`Trained`. `python -m course evidence` runs the seeds that are missing, and stores each as soon as it is done.
"""

import json
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch

from helpers import describe

from ..errors import CourseError, nearest

SCHEMA = 1
FOLDER = Path(__file__).parent / "trained"
MOST_POINTS = 100  # of a curve, in the file
POINT = re.compile(r"\[\s+([^\s\[\],]+),\s+([^\s\[\],]+)\s+\]")  # which stands in one line
STATED = ("task", "measure", "threshold", "at_least", "baseline")  # what may not change once a seed has run


@dataclass(frozen=True)
class Run:
    """What one seed came to. outcome: the number that is judged. curve: [(step, second or length asked, value)]."""

    outcome: float
    curve: list[tuple[float, float]] = ()


@dataclass(frozen=True)
class Trained:
    """One thing that a lesson trains, and what it takes to pass, stated before any seed has run.

    name: "elman-holds-a-word". task: one sentence. measure: what the outcome is, "share of words recalled". run: from a
    seed to a `Run`. threshold: an outcome passes from here on, or up to here if at_least is False. baseline: what
    guessing, or the simplest method, reaches. seeds: three at least, for a verdict.

    >>> coin = Trained("coin", "Guess a coin.", "share of right guesses", lambda seed: Run(0.5), 0.9, baseline=0.5)
    >>> coin.passes(0.95), coin.passes(0.5), coin.passes(float("nan"))
    (True, False, False)
    """

    name: str
    task: str
    measure: str
    run: Callable[[int], Run]
    threshold: float
    baseline: float
    at_least: bool = True
    seeds: tuple[int, ...] = (0, 1, 2)

    def passes(self, outcome: float) -> bool:
        """Whether this outcome meets the threshold; nan does not."""
        return outcome >= self.threshold if self.at_least else outcome <= self.threshold

    @property
    def stated(self) -> dict:
        """What is written down beforehand."""
        return {name: getattr(self, name) for name in STATED}


def place(lesson_id: str) -> Path:
    """The file with a lesson's trained results."""
    return FOLDER / f"{lesson_id}.json"


def load(lesson_id: str) -> dict:
    """{name: result} of a lesson, {} where nothing is stored. CourseError for a file that is damaged.

    A result holds what was stated, and "runs": {seed: {"outcome", "passed", "curve", "seconds", "date", "device",
    "versions"}}; an outcome that is not finite is None.
    """
    path = place(lesson_id)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        _check(stored)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CourseError(
            f"{path} holds no trained results that can be read ({error}). Restore it with git, or delete it and run "
            "make evidence, which trains again."
        ) from None
    return stored["results"]


def _check(stored):
    if stored["schema"] != SCHEMA:
        raise ValueError(f"its schema is {stored['schema']!r:.40}, not {SCHEMA}")
    for result in stored["results"].values():
        for name in STATED:
            _ = result[name]
        for seed, run in result["runs"].items():
            int(seed)
            if not isinstance(run["passed"], bool) or not isinstance(run["curve"], list):
                raise TypeError(f"seed {seed} says neither that it passed nor that it did not")
            if run["outcome"] is not None:
                float(run["outcome"])


def missing(lesson_id: str, record: Trained) -> list[int]:
    """The seeds that have not run yet. CourseError where something else was stated when the others ran."""
    result = load(lesson_id).get(record.name)
    if result is None:
        return list(record.seeds)
    for name, value in record.stated.items():
        if result[name] != value:
            raise CourseError(
                f"{record.name}, lesson {lesson_id}: {name} is {value!r} now, and was {result[name]!r} when its seeds "
                f"ran. What is stated beforehand stays: put {result[name]!r} back, or give the new one a name of its own."
            )
    return [seed for seed in record.seeds if str(seed) not in result["runs"]]


def train_missing(lesson_id: str, record: Trained) -> Iterator[tuple[int, dict]]:
    """Run the missing seeds and store each at once; yields (seed, what was stored). Interrupted, it resumes."""
    for seed in missing(lesson_id, record):
        start = time.perf_counter()
        run = record.run(seed)
        entry = _entry(record, run, time.perf_counter() - start)
        results = load(lesson_id)
        result = results.setdefault(record.name, {**record.stated, "runs": {}})
        result["runs"][str(seed)] = entry
        _write(lesson_id, results)
        yield seed, entry


def _entry(record, run, seconds):
    return {
        "outcome": _finite(run.outcome),
        "passed": record.passes(run.outcome),
        "curve": [[_finite(x), _finite(y)] for x, y in _thinned(run.curve)],
        "seconds": round(seconds, 1),
        "date": date.today().isoformat(),
        "device": describe().sentence(),
        "versions": {"torch": torch.__version__},
    }


def _thinned(curve):
    """At most MOST_POINTS points, evenly spread, the first and the last among them."""
    if len(curve) <= MOST_POINTS:
        return list(curve)
    return [curve[round(i * (len(curve) - 1) / (MOST_POINTS - 1))] for i in range(MOST_POINTS)]


def _finite(value):
    value = float(value)
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _write(lesson_id, results):
    """All of it or nothing: an interruption leaves the old file."""
    target = place(lesson_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema": SCHEMA, "results": results}, indent=1, sort_keys=True, allow_nan=False)
    text = POINT.sub(r"[\1, \2]", text)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, suffix=".new", delete=False, encoding="utf-8") as file:
        file.write(text + "\n")
    try:
        os.chmod(file.name, 0o644)  # a temporary file is its owner's alone
        os.replace(file.name, target)
    finally:
        Path(file.name).unlink(missing_ok=True)


# ---- for a card


def passed(record: dict) -> bool:
    """Whether a stored result has runs, and all of them passed."""
    return bool(record["runs"]) and all(run["passed"] for run in record["runs"].values())


def sentence(lesson_id: str, name: str) -> str:
    """A stored result in words, for a card beside the live seed; a lesson goes on without one that is damaged."""
    try:
        results = load(lesson_id)
    except CourseError as error:
        return str(error)
    if name not in results:
        return f"Stored runs: none yet of {name!r} (make evidence).{nearest(name, results)}"
    result = results[name]
    runs = [run for _, run in sorted(result["runs"].items(), key=lambda item: int(item[0]))]
    outcomes = ", ".join("nan" if run["outcome"] is None else f"{run['outcome']:.3g}" for run in runs)
    bound = "at least" if result["at_least"] else "at most"
    machine = runs[-1]["device"].partition(" with ")[0]  # without threads, triton and Python, which the file has
    return (
        f"Stored runs: {result['task']} {sum(run['passed'] for run in runs)} of {len(runs)} seeds pass: {result['measure']} "
        f"{outcomes}, where {bound} {result['threshold']:g} was asked beforehand and the baseline has "
        f"{result['baseline']:g} ({machine}, {runs[-1]['date']})."
    )
