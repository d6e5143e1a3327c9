"""`python -m helpers.bench --out FILE`: proves every kernel on this device, times it beside its peers, records it.

FILE is one JSON recording, written anew after every point, so that a run that was cut off goes on where it stopped when
the same command is given again. It takes under ten minutes on a GPU, two on a CPU, and needs torch alone: triton and
the peers of helpers.contests where they are installed. A recording of another device, or of another revision, is left
aside under another name and a new one begun; so is a file that is damaged.

    {"schema": 1, "date", "revision", "device": {...}, "driver", "cuda", "cudnn", "quick", "finished",
     "proofs": {subject: {method: {"largest", "rms", "passed"} or {"refused"} or {"error"}}},
     "points": {contest: {T: {label: {"median", "p20", "p80", "repeats", "method", "samples"}}}},
     "about": {contest: its shapes}, "measured": {"copy": B/s, "matmul": {dtype: FLOP/s}, "launch": s}}

Times are in seconds; in place of a time stand {"bytes": peak of memory}, {"out_of_memory": true} or {"error": why}.
What is not a number is null.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import torch

from .contests import GOALS, contests
from .device import describe, measure
from .device import device as choose_device
from .proof import LENGTHS, RMS, SUBJECTS, prove
from .timing import _is_out_of_memory, _synchronise, compare, peak_memory

SCHEMA = 1
LARGEST = 100_000  # bytes of a recording; beyond, fewer raw samples are kept
HEAD = {"schema": int, "date": str, "device": dict, "proofs": dict, "points": dict, "about": dict}
SAME = ("schema", "device", "driver", "cuda", "cudnn", "revision", "quick")


def main(arguments=None):
    """Run the command; returns its exit status: 1 if a kernel gave wrong numbers, else 0."""
    parser = argparse.ArgumentParser(prog="python -m helpers.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the recording, made or continued")
    parser.add_argument("--cpu", action="store_true", help="measure the CPU even where there is a GPU")
    parser.add_argument("--quick", action="store_true", help="the shortest lengths alone, to try the command")
    parser.add_argument("--only", default="", help="contests whose names contain this")
    parser.add_argument("--revision", help="the git revision, where this copy has no .git")
    options = parser.parse_args(arguments)
    if not options.out.parent.is_dir():
        parser.error(f"{options.out.parent} is no folder; make it first, or give another --out.")
    where = choose_device("cpu" if options.cpu else None)
    recording = begin(options.out, heading(where, options.quick, options.revision))
    print(describe(where).sentence(), flush=True)
    try:
        _prove(recording, where, options)
        _measure(recording, where, options)
    except KeyboardInterrupt:
        print(f"Cut off. {options.out} holds what was measured; the same command goes on from there.")
        return 130
    recording["finished"] = not options.only
    save(options.out, recording)
    wrong = [
        f"{subject}, {method}"
        for subject, methods in recording["proofs"].items()
        for method, proof in methods.items()
        if _verdict(proof) not in ("right", "refused")
    ]
    print(*table(recording), sep="\n")
    print(f"WRONG NUMBERS or an error: {'; '.join(wrong)}" if wrong else "Every method that ran gave right numbers.")
    return 1 if wrong else 0


def heading(where, quick, revision):
    """A recording with nothing in it yet."""
    about = {"schema": SCHEMA, "date": datetime.now(UTC).isoformat(timespec="seconds")}
    about |= {"revision": revision or _revision(), "device": asdict(describe(where)), "driver": _driver(where)}
    about |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "quick": quick, "finished": False}
    return json.loads(json.dumps(about | {"proofs": {}, "points": {}, "about": {}}))


def begin(path, fresh):
    """The recording in `path` if it can be continued; else `fresh`, and what stood in the way is left aside."""
    if not path.exists():
        return fresh
    try:
        found = load(path)
    except ValueError as error:
        why = str(error)
    else:
        changed = [name for name in SAME if found.get(name) != fresh[name]]
        if not changed:
            print(f"{path} is continued.")
            return found
        why = f"{path} was recorded with another {', '.join(changed)}"
    aside = next(name for n in range(1, 1000) if not (name := path.with_name(f"{path.name}.{n}")).exists())
    os.replace(path, aside)
    print(f"{why}. It is left aside as {aside}.")
    return fresh


def load(path):
    """The recording in a file. Raises ValueError, which names the file and what is wrong with it."""
    try:
        recording = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a recording ({error})") from None
    if not isinstance(recording, dict) or recording.get("schema") != SCHEMA:
        raise ValueError(f"{path} is no recording of schema {SCHEMA}")
    for name, kind in HEAD.items():
        if not isinstance(recording.get(name), kind):
            raise ValueError(f"{path} is no recording: {name!r} is missing or no {kind.__name__}")
    for contest, points in recording["points"].items():
        for T, results in points.items() if isinstance(points, dict) else [("?", None)]:
            if not T.isdigit() or not isinstance(results, dict) or not all(map(_is_result, results.values())):
                raise ValueError(f"{path} is no recording: the point {contest!r}, T={T}, is none")
    return recording


def _is_result(result):
    if not isinstance(result, dict):
        return False
    if "median" in result:
        samples = result.get("samples")
        return _is_number(result["median"]) and isinstance(samples, list) and all(map(_is_number, samples))
    said = isinstance(result.get("error"), str)
    return said or _is_number(result.get("bytes")) or result.get("out_of_memory") is True


def _is_number(number):
    return type(number) in (int, float) and math.isfinite(number)


def save(path, recording):
    """Write all of it or nothing: the old file stays until the new one is whole."""
    for keep in (20, 10, 5, 2):
        lines = [f"{json.dumps(name)}: {_json(part, keep)}" for name, part in recording.items() if name != "points"]
        points = [f" {json.dumps(contest)}: {_json(part, keep)}" for contest, part in recording["points"].items()]
        text = "{\n" + ",\n".join([*lines, '"points": {\n' + ",\n".join(points) + "\n}"]) + "\n}\n"
        if len(text.encode()) <= LARGEST:
            break
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _json(part, keep):
    return json.dumps(_plain(part, keep), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(part, keep):
    """Numbers with four digits, null for what is none; at most `keep` samples, evenly spread."""
    if isinstance(part, dict):
        return {str(name): _plain(value, keep) for name, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value, keep) for value in part[:: max(1, math.ceil(len(part) / keep))]]
    if isinstance(part, float):
        return float(f"{part:.4g}") if math.isfinite(part) else None
    return part


def _prove(recording, where, options):
    lengths = LENGTHS[:2] if options.quick or where.type == "cpu" else LENGTHS
    for name, subject in SUBJECTS.items():
        for dtype in RMS:
            key = f"{name}, {str(dtype).removeprefix('torch.')}"
            if key in recording["proofs"] or options.only not in name:
                continue
            recording["proofs"][key] = prove(subject, dtype, where, lengths)
            save(options.out, recording)
            said = ", ".join(f"{method} {_verdict(proof)}" for method, proof in recording["proofs"][key].items())
            print(f"proof of {key}: {said}", flush=True)
            _require_alive(where, f"the proof of {key}")


def _verdict(proof):
    if "error" in proof:
        return f"failed ({proof['error']})"
    return "refused" if "refused" in proof else "right" if proof["passed"] else "WRONG"


def _measure(recording, where, options):
    if not options.quick and "measured" not in recording:
        found = measure(where)
        rates = {dtype: rate.median for dtype, rate in found.matmul.items()}
        recording["measured"] = {"copy": found.copy.median, "matmul": rates, "launch": found.launch.median}
    wanted = [contest for contest in contests(where) if options.only in contest.name]
    plan = [(contest, T) for contest in wanted for T in (contest.values[:1] if options.quick else contest.values)]
    for number, (contest, T) in enumerate(plan, 1):
        points = recording["points"].setdefault(contest.name, {})
        recording["about"][contest.name] = contest.about
        if str(T) in points:
            continue
        start = time.perf_counter()
        points[str(T)] = point(contest, T, where, budget=0.2 if options.quick else 1.5)
        save(options.out, recording)
        said = ", ".join(f"{label} {_said(result)}" for label, result in points[str(T)].items())
        seconds = time.perf_counter() - start
        print(f"[{number}/{len(plan)}, {seconds:.0f} s] {contest.name}, T = {T}: {said}", flush=True)
        _require_alive(where, f"{contest.name}, T = {T}")


def point(contest, T, where, budget):
    """{label: result} of one T, all functions taking turns; what fails is left out of them, and says why."""
    torch.manual_seed(T)
    results = {}
    try:
        functions = contest.functions(T)
    except Exception as error:
        return {"make": _failed(error, where)}
    for label, function in functions.items():
        try:
            function()
            _synchronise(where)  # a GPU says what went wrong only when it is waited for
        except Exception as error:
            results[label] = _failed(error, where)
    functions = {label: function for label, function in functions.items() if label not in results}
    try:
        if contest.unit == "B":
            return results | {label: _bytes(peak_memory(fn, device=where)) for label, fn in functions.items()}
        timings = compare(functions, device=where, budget=budget, repeats=20) if functions else {}
    except Exception as error:
        return results | {label: _failed(error, where) for label in functions}
    return {label: _seconds(timing) for label, timing in timings.items()} | results


def _bytes(peak):
    return {"bytes": peak} if math.isfinite(peak) else {"out_of_memory": True}


def _seconds(timing):
    about = ("median", "p20", "p80", "repeats", "method", "samples")
    return {"out_of_memory": True} if timing.out_of_memory else {name: getattr(timing, name) for name in about}


def _failed(error, where):
    memory = _is_out_of_memory(error)
    if where.type == "cuda" and memory:
        torch.cuda.empty_cache()
    return {"out_of_memory": True} if memory else {"error": _sentence(error)}


def _sentence(error):
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]:.160}"


def _require_alive(where, after):
    """A kernel that wrote where it must not leaves a GPU that refuses every call of this process."""
    if where.type == "cuda":
        try:
            _synchronise(where)
        except Exception as error:
            raise SystemExit(
                f"The GPU stopped working after {after} ({_sentence(error)}). That is recorded; "
                "give the same command again, and it goes on behind this point."
            ) from None


def _said(result):
    if "median" in result:
        return f"{result['median'] * 1e3:.4g} ms"
    if "bytes" in result:
        return f"{result['bytes'] / 2**20:.4g} MiB"
    return "out of memory" if "out_of_memory" in result else f"({result['error']})"


def table(recording):
    """The lines of the table that compares the recording with the goals."""
    kind = recording["device"]["kind"]
    lines = ["", f"{'goal: at least this ratio of peer to ours':76}{'goal':>6}  found"]
    for device, goals in GOALS.items():
        for goal in goals:
            label = f"{device}  {goal.contest}: {' or '.join(goal.peers)} / {goal.ours}"
            points = recording["points"].get(goal.contest, {}) if device == kind else {}
            ratios = {int(T): ratio(results, goal) for T, results in points.items() if int(T) >= goal.start}
            lines.append(f"{label:76}{goal.least:6.2f}  {_outcome(ratios, goal.least)}")
    return lines


def ratio(results, goal):
    """The smallest of the peers over ours; None where ours, or every peer, was not measured."""
    ours = _value(results.get(goal.ours, {}))
    peers = [value for value in (_value(results.get(peer, {})) for peer in goal.peers) if value]
    return min(peers) / ours if ours and peers else None


def _value(result):
    return result.get("median", result.get("bytes"))


def _outcome(ratios, least):
    found = {T: number for T, number in ratios.items() if number is not None}
    if not found:
        return "not measured"
    T = min(found, key=found.get)
    missing = ", ".join(str(T) for T in ratios if T not in found)
    verdict = f"{found[T]:.2f} at T = {T}, the least: {'reached' if found[T] >= least else 'missed'}"
    return f"{verdict}; not measured at T = {missing}" if missing else verdict


def _revision():
    """The git revision of this copy, with a + if files differ from it; None without git."""
    try:
        run = {"cwd": Path(__file__).parent, "capture_output": True, "text": True, "check": True}
        revision = subprocess.run(["git", "rev-parse", "HEAD"], **run).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain"], **run).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return revision + "+" * bool(changed)


def _driver(where):
    if where.type != "cuda":
        return None
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


if __name__ == "__main__":
    sys.exit(main())
