"""The file that `python -m helpers.bench` writes: one JSON recording of one device.

    {"schema": 1, "date", "revision", "device": {...}, "driver", "cuda", "cudnn", "peers": {package: version},
     "quick", "finished", "proofs": {test: "passed", "skipped: why" or "failed: why"},
     "tests": {"passed": how many, "skipped": how many, "failed": {test: why}}, if more than the proofs were run,
     "points": {contest: {T: {label: {"median", "p20", "p80", "repeats", "method", "samples"}}}},
     "about": {contest: its shapes}, "measured": {"copy": B/s, "matmul": {dtype: FLOP/s}, "launch": s}}

Times are in seconds. In place of a time stand {"bytes": peak of memory}, {"out_of_memory": true} or {"error": why}.
What is not a number is null.
"""

import json
import math
import re
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

SCHEMA = 1
LARGEST = 100_000  # bytes of a recording; beyond, fewer raw samples are stored
ENTRIES = {"date": str, "device": dict, "proofs": dict, "about": dict, "points": dict}


def load(path: str | Path) -> dict:
    """The recording in a file, whole. Raises ValueError, which names the file, the place in it and what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        recording = json.loads(text, parse_constant=lambda name: None)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no recording (the file: {type(error).__name__}, {error})") from None
    if fault := _fault(recording):
        raise ValueError(f"{path} is no recording ({fault})")
    return recording


def save(path: Path, recording: dict) -> None:
    """Write all of it or nothing: the old file stays until the new one is whole.

    Numbers keep four digits. Of a recording beyond LARGEST bytes, each second raw sample is stored, or each fourth …
    """
    for every in (1, 2, 4, 8, 16):
        text = _text(recording, every)
        if len(text.encode()) <= LARGEST:
            break
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def begin(path: Path, heading: dict) -> dict:
    """The recording in `path` if it has this heading; else a new one, and what stood in the way is left aside."""
    obstacle = None
    if path.exists():
        try:
            recording = load(path)
        except ValueError as error:
            obstacle = str(error)
        else:
            changed = [name for name in heading if recording.get(name) != heading[name]]
            if not changed:
                print(f"{path} is continued.")
                return recording
            obstacle = f"{path} was recorded with another {', '.join(changed)} than this run has"
    if obstacle:
        aside = _unused(path)
        path.replace(aside)
        print(f"{obstacle}. It is kept as {aside}, and a new one is begun.")
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"date": date, "finished": False} | heading | {"proofs": {}, "points": {}, "about": {}}


def in_words(result: dict) -> str:
    """One result of a point, for people.

    >>> in_words({"median": 0.00341}), in_words({"bytes": 2**21}), in_words({"out_of_memory": True})
    ('3.41 ms', '2 MiB', '(out of memory)')
    """
    if "median" in result:
        return f"{result['median'] * 1e3:.4g} ms"
    if "bytes" in result:
        return f"{result['bytes'] / 2**20:.4g} MiB"
    return "(out of memory)" if "out_of_memory" in result else f"({result['error']})"


def _unused(path):
    """The first of path.1, path.2, … that is free."""
    for number in count(1):
        aside = path.with_name(f"{path.name}.{number}")
        if not aside.exists():
            return aside


def _text(recording, every):
    def fewer(entries):
        return {name: value[::every] if name == "samples" else value for name, value in entries.items()}

    rounded = json.loads(
        json.dumps(recording),
        parse_float=lambda digits: float(f"{float(digits):.4g}"),
        parse_constant=lambda name: None,
        object_hook=fewer,
    )
    text = json.dumps(rounded, indent=1, separators=(",", ":"), ensure_ascii=False)
    return re.sub(r"\n {3,}", "", text) + "\n"  # one line a contest


def _fault(recording):
    """The first thing that is wrong in a recording, as "place: what", or None."""
    if not isinstance(recording, dict):
        return f"the file: {recording!r:.40} instead of an object"
    if recording.get("schema") != SCHEMA:
        return f"its schema is {recording.get('schema')!r:.40} instead of {SCHEMA}"
    for name, kind in ENTRIES.items():
        if not isinstance(recording.get(name), kind):
            return f"{name}: {recording.get(name)!r:.40}"
    if not _is_date(recording["date"]):
        return f"date: {recording['date']!r:.40}"
    for name in ("name", "kind", "torch"):
        if not isinstance(recording["device"].get(name), str):
            return f"its device has no {name!r}"
    faults = (_contest_fault(contest, points) for contest, points in recording["points"].items())
    return next(filter(None, faults), None)


def _contest_fault(contest, points):
    if not isinstance(points, dict):
        return f"{contest}: {points!r:.40}"
    for T, results in points.items():
        fault = _point_fault(T, results)
        if fault:
            return f"{contest}, T = {T:.40}: {fault}"
    return None


def _point_fault(T, results):
    if not re.fullmatch(r"[1-9][0-9]{0,8}", T):
        return "no length"
    if not isinstance(results, dict):
        return f"{results!r:.40}"
    return next((f"{label}: {result!r:.80}" for label, result in results.items() if not _is_result(result)), None)


def _is_result(result):
    if not isinstance(result, dict):
        return False
    if "median" in result:
        times = [result.get(name) for name in ("p20", "median", "p80")]
        samples = result.get("samples", [])
        if not isinstance(samples, list) or not all(map(_is_number, times + samples)):
            return False
        low, middle, high = times
        return 0 < low <= middle <= high
    if "bytes" in result:
        return _is_number(result["bytes"])
    return result.get("out_of_memory") is True or isinstance(result.get("error"), str)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_date(text):
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
