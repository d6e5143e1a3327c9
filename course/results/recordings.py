"""Measurements on other devices, one JSON file a device, as `python -m helpers.bench` writes them.

A file that is damaged, or no recording at all, is named once, in one sentence, and left out: the lesson goes on.
"""

import functools
import math
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.measuring.bench import SCHEMA, load

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
    """One contest of helpers.contests, as it was timed on one device.

    device: its name in words, kind "cpu" or "cuda"; about: what was computed, in which shapes.
    points: {T: {kernel: Time}}; a kernel that could not run there is missing.
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
    cautions: tuple[str, ...] = ()

    @property
    def label(self):
        """ "recorded 2026-11-25 (incomplete): NVIDIA T4"."""
        cautions = f" ({', '.join(self.cautions)})" if self.cautions else ""
        return f"recorded {self.when.date().isoformat()}{cautions}: {self.device}"

    @property
    def versions(self):
        """ "torch 2.13.0, triton 3.7.1"."""
        return f"torch {self.torch}, {f'triton {self.triton}' if self.triton else 'no triton'}"


def recorded(contest, *others, also=()):
    """The recordings of a contest, a tuple of `Recording`, the newest last; empty where nothing is recorded.

    contest: a name of helpers.contests, such as "lstm D=128". others: what to take from a device that has not recorded
    it: recorded("lstm D=128", "lstm") takes a CPU's smaller "lstm" beside a GPU's. also: recordings of your own beside those that come with the course: a
    file, a folder, or a list of these.
    Raises CourseError, with the names that there are, if all recordings are whole and none has such a contest.
    """
    wanted, opened, damaged = (contest, *others), [], False
    for path in _files(also):
        try:
            opened.append(_opened(path))
        except (ValueError, RecursionError) as error:
            damaged = True
            _say(f"{_named(path, error)}; it is left out.")
    found = [contests[name] for contests in opened if (name := next(filter(contests.__contains__, wanted), None))]
    if not found and opened and not damaged:
        there = sorted(set().union(*opened))
        raise CourseError(
            f"No times of the contest {contest!r} are recorded.{nearest(contest, there)} There are: {'; '.join(there)}."
        )
    return tuple(sorted(found, key=lambda recording: recording.when))


def _files(also):
    """Each file once, those of the course first."""
    given = [also] if isinstance(also, (str, Path)) else list(also)
    files = {path.resolve(): path for path in sorted(SHIPPED.glob("*.json"))}
    for path in (Path(place).expanduser() for place in given):
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            _say(f"The folder {path} holds no recording (*.json).")
        files |= {file.resolve(): file for file in inside}
    return list(files.values())


def _opened(path):
    """{contest: Recording} of one file, those that hold times. Raises ValueError, mostly with the file's name."""
    recording = load(path)
    device = recording["device"]
    if recording["schema"] != SCHEMA:
        raise ValueError(f"its schema is {recording['schema']!r:.40}, not {SCHEMA}")
    for name in ("name", "kind", "torch"):
        if not isinstance(device.get(name), str):
            raise ValueError(f"its device has no {name!r}")
    when = datetime.fromisoformat(recording["date"])
    common = {
        "device": _in_words(device),
        "kind": device["kind"],
        "when": when if when.tzinfo else when.replace(tzinfo=UTC),
        "torch": device["torch"].partition("+")[0],
        "triton": device.get("triton"),
        "cautions": tuple(_cautions(recording)),
    }
    return {
        name: Recording(name, str(recording["about"].get(name, "")), _points(name, points), **common)
        for name, points in recording["points"].items()
        if not any("bytes" in result for results in points.values() for result in results.values())
    }


def _points(contest, points):
    return {
        length: {
            kernel: _time(contest, T, kernel, result)
            for kernel, result in points[T].items()
            if "error" not in result  # it could not run there
        }
        for length, T in sorted((_length(contest, T), T) for T in points)
    }


def _length(contest, T):
    if not (T.isascii() and T.isdigit() and len(T) < 10 and int(T) > 0):
        raise ValueError(f"{contest!r} has the length {T!r:.40}")
    return int(T)


def _time(contest, T, kernel, result):
    if result.get("out_of_memory") is True:
        return Time(out_of_memory=True)
    low, middle, high = times = [result.get(name) for name in ("p20", "median", "p80")]
    if not all(type(time) in (int, float) and math.isfinite(time) for time in times) or not 0 < low <= middle <= high:
        raise ValueError(f"the times of {kernel!r} in {contest!r} at T = {T} are {low}, {middle}, {high}")
    return Time(middle, low, high)


def _in_words(device):
    cores = device.get("cores")
    if device["kind"] != "cpu" or not isinstance(cores, int):
        return device["name"]
    return f"{device['name']}, {cores} CPU core{'s' * (cores != 1)}"


def _cautions(recording):
    revision = recording.get("revision")
    if recording.get("quick"):
        yield "quick"
    if recording.get("finished") is not True:
        yield "incomplete"
    if not isinstance(revision, str):
        yield "of an unknown revision"
    elif "+" in revision:
        yield "with changed files"


def _named(path, error):
    """What is wrong, as the beginning of a sentence that names the file."""
    said = "it is nested too deep" if isinstance(error, RecursionError) else str(error).rstrip(".")
    said = said if str(path) in said else f"{path} is no recording of the course: {said}"
    return textwrap.shorten(said, len(str(path)) + 200, placeholder=" …")


@functools.cache  # once in a kernel
def _say(sentence):
    print(sentence)
