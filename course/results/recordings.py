"""Measurements on other devices, one JSON file a device, as `python -m helpers.bench` writes them.

A damaged file, or a folder without recordings, is named once, in one sentence, and left out: the lesson goes on.
"""

import functools
import math
import statistics
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.measuring.contests import model_of
from helpers.measuring.quantity import FEW
from helpers.measuring.recording import load

from ..errors import CourseError, nearest

SHIPPED = Path(__file__).parent / "kernels"


@dataclass(frozen=True)
class Time:
    """The time of one kernel in seconds: median, 20 and 80 % quantile; NaN where the memory did not suffice."""

    median: float = math.nan
    p20: float = math.nan
    p80: float = math.nan
    out_of_memory: bool = False


@dataclass(frozen=True)
class Recording:
    """One contest of helpers.measuring.contests, as it was timed on one device.

    device: its name in words, kind "cpu" or "cuda"; about: what was computed, in which shapes.
    points: {T: {kernel: Time}}; a kernel that could not run there is missing.
    revision: the commit of the course that was timed, None if not known.
    cautions: what one should know before trusting it, in words; mostly nothing.
    """

    contest: str
    about: str
    points: dict[int, dict[str, Time]]
    device: str
    kind: str
    when: datetime
    torch: str
    triton: str | None
    revision: str | None = None
    cautions: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """ "recorded 2026-11-25 (incomplete): NVIDIA T4"."""
        cautions = f" ({', '.join(self.cautions)})" if self.cautions else ""
        return f"recorded {self.when.date().isoformat()}{cautions}: {self.device}"

    @property
    def versions(self) -> str:
        """ "torch 2.13.0, triton 3.7.1, revision 17750d8"."""
        triton = f"triton {self.triton}" if self.triton else "no triton"
        revision = f", revision {self.revision[:7]}" if self.revision else ""
        return f"torch {self.torch}, {triton}{revision}"


def find_recordings(contest: str, *others: str, also: str | Path | Iterable[str | Path] = ()) -> tuple[Recording, ...]:
    """The recordings of a contest, the newest last; empty where nothing is recorded.

    contest: a name of helpers.measuring.contests, such as "lstm D=128".
    others: what to take from a device that has not recorded it: find_recordings("lstm D=128", "lstm") takes a CPU's
        smaller "lstm" beside a GPU's.
    also: recordings of your own beside those that come with the course: a file, a folder, or a list of these.
    Raises CourseError, with the names that there are, if all recordings are whole and none has such a contest.

    >>> find_recordings("lstm D=128", "lstm")[-1].label.partition(" ")[0]
    'recorded'
    """
    devices, damaged = [], False
    for path in _files(also):
        try:
            devices.append(_recordings(load(path)))
        except ValueError as error:
            damaged = True
            _say_once(textwrap.shorten(str(error), len(str(path)) + 200, placeholder=" …") + "; it is left out.")
    chosen = [_first(recordings, (contest, *others)) for recordings in devices]
    chosen = [recording for recording in chosen if recording]
    if not chosen and devices and not damaged:
        names = sorted(set().union(*devices))
        raise CourseError(
            f"No times of the contest {contest!r} are recorded.{nearest(contest, names)} There are: {'; '.join(names)}."
        )
    return tuple(sorted(chosen, key=lambda recording: recording.when))


def _first(recordings, names):
    """The recording of the first of these contests that a device has, or None."""
    return next((recordings[name] for name in names if name in recordings), None)


def _files(also):
    """Each file once, those of the course first."""
    places = [also] if isinstance(also, (str, Path)) else list(also)
    files = {path.resolve(): path for path in sorted(SHIPPED.glob("*.json"))}
    for path in (Path(place).expanduser() for place in places):
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            _say_once(f"The folder {path} holds no recording (*.json).")
        files |= {file.resolve(): file for file in inside}
    return list(files.values())


def _recordings(file):
    """{contest: Recording} of one file, those that hold times."""
    device, revision = file["device"], file.get("revision")
    when = datetime.fromisoformat(file["date"])
    cautions = _cautions(file)
    return {
        name: Recording(
            contest=name,
            about=str(file["about"].get(name, "")),
            points=_points(points),
            device=_in_words(device),
            kind=device["kind"],
            when=when if when.tzinfo else when.replace(tzinfo=UTC),
            torch=device["torch"].partition("+")[0],
            triton=device.get("triton"),
            revision=revision if isinstance(revision, str) else None,
            cautions=(*cautions, *_cautions_of_contest(name, points, file["proofs"])),
        )
        for name, points in file["points"].items()
        if not any("bytes" in result for results in points.values() for result in results.values())
    }


def _points(points):
    """{T: {kernel: Time}}, the shortest first; what could not run is missing."""
    return {
        int(T): {kernel: _time(result) for kernel, result in points[T].items() if "error" not in result}
        for T in sorted(points, key=int)
    }


def _time(result):
    if "median" in result:
        return Time(result["median"], result["p20"], result["p80"])
    return Time(out_of_memory=True)


def _in_words(device):
    cores = device.get("cores")
    if device["kind"] != "cpu" or not isinstance(cores, int):
        return device["name"]
    return f"{device['name']}, {cores} CPU core{'s' * (cores != 1)}"


def _cautions(file):
    """What makes all times of a file doubtful."""
    revision = file.get("revision")
    cautions = []
    if file.get("quick"):
        cautions.append("quick")
    if file.get("finished") is not True:
        cautions.append("incomplete")
    if not isinstance(revision, str):
        cautions.append("of an unknown revision")
    elif "+" in revision:
        cautions.append("with changed files")
    return cautions


def _cautions_of_contest(contest, points, proofs):
    """What makes the times of one contest doubtful: kernels that gave wrong numbers, a budget for few repeats."""
    cautions = []
    # A proof's name is "elman-cudnn-float32", or "attention, causal-flash-float16".
    models = [test.partition("-")[0].partition(",")[0] for test, outcome in proofs.items() if _failed(outcome)]
    if wrong := models.count(model_of(contest)):
        cautions.append(f"{wrong} proof{'s' * (wrong != 1)} failed")
    repeats = [result["repeats"] for results in points.values() for result in results.values() if "repeats" in result]
    if repeats and statistics.median(repeats) < FEW:
        cautions.append("few repeats")
    return cautions


def _failed(outcome):
    return str(outcome).startswith("failed")


@functools.cache  # once in a kernel
def _say_once(sentence):
    print(sentence)
