"""`python -m helpers.bench --out FILE`: proves every kernel on this device, times it beside its peers, records it.

FILE is one JSON recording, written anew after every point, so that a run that was cut off goes on where it stopped when
the same command is given again. It is meant to take under ten minutes on a GPU, and takes one on a CPU, and needs torch and NumPy alone;
pytest for the proofs, triton and the peers of helpers.contests where they are installed. A recording of another device,
or of another revision, is left aside under another name and a new one begun; so is a file that is damaged.

    {"schema": 1, "date", "revision", "device": {...}, "driver", "cuda", "cudnn", "quick", "finished",
     "proofs": {test: "passed", "skipped: why" or "failed: why"},
     "points": {contest: {T: {label: {"median", "p20", "p80", "repeats", "method", "samples"}}}},
     "about": {contest: its shapes}, "measured": {"copy": B/s, "matmul": {dtype: FLOP/s}, "launch": s}}

Times are in seconds; in place of a time stand {"bytes": peak of memory}, {"out_of_memory": true} or {"error": why}.
What is not a number is null.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from hashlib import sha1
from importlib.util import find_spec
from pathlib import Path

import torch

from . import contests
from .abilities import measure
from .calls import is_out_of_memory, synchronise
from .device import describe, device
from .memory import peak_memory
from .timing import compare

SCHEMA = 1
LARGEST = 100_000  # bytes of a recording; beyond, fewer raw samples are kept
ROOT = Path(__file__).resolve().parents[2]


def main(arguments=None):
    """Run the command; returns its exit status: 1 if a kernel gave wrong numbers, else 0."""
    parser = argparse.ArgumentParser(prog="python -m helpers.bench", description=__doc__.split("\n\n    {")[0])
    parser.add_argument("--out", type=Path, required=True, help="the recording, made or continued")
    parser.add_argument("--cpu", action="store_true", help="measure the CPU even where there is a GPU")
    parser.add_argument("--quick", action="store_true", help="float32 and the shortest lengths, to try the command")
    parser.add_argument("--only", default="", help="proofs and contests whose names contain this")
    parser.add_argument("--revision", help="the git revision, where this copy has no .git")
    options = parser.parse_args(arguments)
    if options.out.is_dir() or not options.out.parent.is_dir():
        parser.error(f"--out {options.out} must be a file, in a folder that is there; make the folder first.")
    where = device("cpu" if options.cpu else None)
    recording = begin(options.out, heading(where, options.quick, options.revision))
    print(describe(where).sentence(), flush=True)
    try:
        prove(recording, where, options)
        time_all(recording, where, options)
    except (KeyboardInterrupt, RuntimeError) as error:  # the latter of a GPU that a kernel has left unusable
        said = f" ({' '.join(str(error).split())})" if str(error) else ""
        print(f"Cut off{said}. The same command goes on with what {options.out} has not got yet.")
        return 130
    recording["finished"] |= not options.only
    save(options.out, recording)
    wrong = [f"{test} {said}" for test, said in recording["proofs"].items() if said.startswith("failed")]
    counts = Counter(said.partition(":")[0] for said in recording["proofs"].values())
    counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    print(*table(recording["points"]), "", *wrong, f"Proofs: {counted}.", sep="\n")
    return 1 if wrong else 0


def heading(where, quick, revision):
    """What a recording has to agree in with another, to be continued by it."""
    # The hash of the commit, with a + if files differ from it.
    revision = revision or _said(f"git -C '{ROOT}' describe --always --abbrev=40 --exclude='*' --dirty=+")
    if revision.endswith("+"):  # and a digest of the difference, so that every change begins anew
        revision += sha1(_said(f"git -C '{ROOT}' diff HEAD").encode()).hexdigest()[:8]
    about = {"schema": SCHEMA, "revision": revision, "quick": quick, "device": asdict(describe(where))}
    about |= {"driver": _said("nvidia-smi --query-gpu=driver_version --format=csv,noheader").partition("\n")[0]}
    about |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return json.loads(json.dumps(about))  # with lists for tuples, as the file will have them


def _said(command):
    """What a program prints; nothing where it is not installed, or fails."""
    status, text = subprocess.getstatusoutput(command)
    return "" if status else text


def begin(path, head):
    """The recording in `path` if it can be continued; else a new one, and what stood in the way is left aside."""
    try:
        found = load(path)
        if changed := [name for name in head if found.get(name) != head[name]]:
            raise ValueError(f"{path} was recorded with another {', '.join(changed)} than this run has")
        print(f"{path} is continued.")
        return found
    except ValueError as error:
        if path.exists():
            aside = next(name for n in range(1, 1000) if not (name := path.with_name(f"{path.name}.{n}")).exists())
            path.replace(aside)
            print(f"{error}. It is kept as {aside}, and a new one is begun.")
    fresh = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "finished": False}
    return fresh | head | {"proofs": {}, "points": {}, "about": {}}


def load(path):
    """The recording in a file. Raises ValueError, which names the file, the place in it and what is wrong there."""
    place = "the file"
    try:
        recording = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=lambda name: None)
        for place, kind in {"date": str, "device": dict, "proofs": dict, "about": dict, "points": dict}.items():
            if recording["schema"] != SCHEMA or not isinstance(recording[place], kind):
                raise TypeError(f"{recording[place]!r:.40} in schema {recording['schema']!r:.40}")
        for contest, points in recording["points"].items():
            for T, results in points.items():
                place = f"{contest}, T = {T}"
                for result in results.values():
                    _words(result), int(T), sum(result.get("samples", ()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is no recording ({place}: {type(error).__name__}, {error})") from None
    return recording


def save(path, recording, every=1):
    """Write all of it or nothing: the old file stays until the new one is whole. Numbers keep four digits.

    every: of the raw samples so many are one too many for LARGEST, and only each second, fourth, … is kept.
    """
    rules = {"parse_float": lambda digits: float(f"{float(digits):.4g}"), "parse_constant": lambda name: None}
    rules["object_hook"] = lambda found: {name: x[::every] if name == "samples" else x for name, x in found.items()}
    text = json.dumps(json.loads(json.dumps(recording), **rules), indent=1, separators=(",", ":"), ensure_ascii=False)
    text = re.sub(r"\n {3,}", "", text) + "\n"  # one line a contest
    if len(text.encode()) > LARGEST and every < 16:
        return save(path, recording, 2 * every)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def prove(recording, where, options):
    """Have tests/test_on_device.py prove every kernel, in processes of its own, which a kernel may take with it."""
    proofs, tests = recording["proofs"], ROOT / "tests" / "helpers" / "test_on_device.py"
    if not tests.exists() or not find_spec("pytest"):
        proofs["every test ran"] = f"skipped: nothing is proven without {tests} and pytest"
        return print(proofs["every test ran"], flush=True)
    proofs["every test ran"] = "failed: something ended them before"
    words = [where.type, options.only, "float32" * options.quick]
    words += [test for test, said in proofs.items() if not said.startswith("failed")]
    with subprocess.Popen([sys.executable, tests, *words], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:  # {test: outcome}
            proofs.update(json.loads(line))
            save(options.out, recording)


def time_all(recording, where, options):
    """Measure the device, and every point that the recording does not have yet."""
    if not options.quick and "measured" not in recording:
        found = measure(where)
        rates = {dtype: rate.median for dtype, rate in found.matmul.items()}
        recording["measured"] = {"copy": found.copy.median, "matmul": rates, "launch": found.launch.median}
    listed, most = list(contests.CONTESTS[where.type].values()), 1 if options.quick else None
    if where.type == "cuda" and not describe(where).bf16:  # a T4
        listed = [contest._replace(dtype=contest.dtype.replace("bfloat16", "float16")) for contest in listed]
    plan = [(contest, T) for contest in listed if options.only in contest.name for T in contest.lengths[:most]]
    for number, (contest, T) in enumerate(plan, 1):
        recording["about"][contest.name] = contest.about
        points = recording["points"].setdefault(contest.name, {})
        if str(T) not in points:
            points[str(T)] = results = point(contest, T, where, budget=0.2 if options.quick else 1.5)
            save(options.out, recording)
            said = ", ".join(f"{label} {_words(result)}" for label, result in results.items())
            print(f"[{number} of {len(plan)}] {contest.name}, T = {T}: {said}", flush=True)
            synchronise(where)  # raises if a kernel has left the GPU unusable for this process


def point(contest, T, where, budget):
    """{label: result} of one T, all functions taking turns; of what fails, why."""
    failed = {}

    def guarded(label, function):
        try:
            return function()
        except Exception as error:
            failed[label] = _failure(error)
            raise MemoryError from None  # after which compare and peak_memory go on with the others

    torch.manual_seed(T)
    try:
        made = contest.functions(T, where)
        calls = {label: partial(guarded, label, function) for label, function in made.items()}
        if contest.name.endswith("memory"):
            peaks = {label: peak_memory(call, device=where) for label, call in calls.items()}
            found = {label: {"bytes": peak} for label, peak in peaks.items() if peak < float("inf")}
        else:
            timings = compare(calls, device=where, budget=budget, repeats=20)
            names = ("median", "p20", "p80", "repeats", "method", "samples")
            found = {label: {name: getattr(t, name) for name in names} for label, t in timings.items() if t.repeats}
    except Exception as error:
        return {"make": _failure(error)}
    return {label: {"out_of_memory": True} for label in calls} | found | failed


def _failure(error):
    said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return {"out_of_memory": True} if is_out_of_memory(error) else {"error": said}


def _words(result):
    """A result in words, or a TypeError or KeyError: then it is none."""
    if "median" in result:
        return f"{result['median'] * 1e3:.4g} ms"
    if "bytes" in result:
        return f"{result['bytes'] / 2**20:.4g} MiB"
    return "(out of memory)" if "out_of_memory" in result else f"({result['error']})"


def table(points):
    """The lines of the table that compares the points with the goals."""
    lines = ["", "Goals: the peer's time over ours (of a memory contest its bytes), at least so much at every T.", ""]
    for contest, goals in contests.GOALS.items():
        for goal in goals.split("; "):
            lines.append(f"{f'{contest}: {goal}':104}{verdict(goal, points.get(contest, {}))}")
    return lines


def verdict(goal, points):
    """ "reached: 1.2 at 1024, 1.3 at 4096", "missed: …" or "not measured", of {T: results}."""
    peers, ours, least, start = re.fullmatch(r"(.+) / (.+) ≥ ([\d.]+)(?: from (\d+))?", goal).groups(default="0")
    ratios = {}
    for T, results in points.items():
        value = {label: result.get("median") or result.get("bytes") for label, result in results.items()}
        theirs = [value[peer] for peer in peers.split(" or ") if value.get(peer)]
        if theirs and value.get(ours) and int(T) >= int(start):
            ratios[T] = min(theirs) / value[ours]
    each = ", ".join(f"{ratio:.3g} at {T}" for T, ratio in ratios.items())
    return f"{'reached' if min(ratios.values()) >= float(least) else 'missed'}: {each}" if ratios else "not measured"


if __name__ == "__main__":
    sys.exit(main())
