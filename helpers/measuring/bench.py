"""The command `python -m helpers.bench --out FILE`: proves every kernel, times it beside its peers, records it."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from functools import partial
from hashlib import sha1
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import torch

from . import contests, goals
from .abilities import measure
from .calls import is_out_of_memory, synchronise
from .device import describe, device
from .memory import peak_memory
from .recording import SCHEMA, begin, in_words, save
from .timing import compare

ROOT = Path(__file__).resolve().parents[2]
PROOFS = "test_on_device.py"
ALL_RAN = "every test ran"  # the entry among the proofs that says so
PEERS = ("accelerated-scan", "flash-linear-attention", "triton")  # as a package index calls them
STORED = ("median", "p20", "p80", "repeats", "method", "samples")  # of a Timing
DESCRIPTION = """Prove every kernel on this device, time it beside its peers, and record it.

FILE is one JSON recording, written anew after every point: a run that was cut off goes on where it stopped when the
same command is given again. It is meant to take under ten minutes on a GPU, and takes one on a CPU. It needs torch and
NumPy alone; pytest for the proofs; triton and the peers of helpers.measuring.contests where they are installed. A
recording of another device or of another revision is left aside under another name and a new one begun; so is a file
that is damaged."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 1 if a kernel gave wrong numbers, 130 if it was cut off, else 0."""
    options = _options(arguments)
    place = device("cpu" if options.cpu else None)
    recording = begin(options.out, heading(place, options.quick, options.revision))
    print(describe(place).sentence(), flush=True)
    try:
        prove(recording, place, options)
        time_all(recording, place, options)
    except (KeyboardInterrupt, RuntimeError) as error:  # the latter of a GPU that a kernel has left unusable
        reason = f" ({_one_line(error)})" if str(error) else ""
        print(f"Cut off{reason}. The same command goes on with what {options.out} has not got yet.")
        return 130
    if not options.only:
        recording["finished"] = True
    save(options.out, recording)
    tests = recording["proofs"] | recording.get("tests", {}).get("failed", {})
    wrong = [f"{test} {outcome}" for test, outcome in tests.items() if outcome.startswith("failed")]
    counts = Counter(outcome.partition(":")[0] for outcome in recording["proofs"].values())
    summary = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    print(*table(recording["points"]), "", *wrong, f"Proofs: {summary}.", sep="\n")
    return 1 if wrong else 0


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m helpers.bench", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the recording, made or continued")
    parser.add_argument("--cpu", action="store_true", help="measure the CPU even where there is a GPU")
    parser.add_argument("--quick", action="store_true", help="float32 and the shortest lengths, to try the command")
    parser.add_argument("--only", default="", metavar="WORD", help="proofs and contests whose names contain this")
    parser.add_argument("--tests", action="store_true", help="run all tests that need a GPU, the proofs among them")
    parser.add_argument("--revision", help="the git revision, where this copy has no .git")
    options = parser.parse_args(arguments)
    if options.out.is_dir() or not options.out.parent.is_dir():
        parser.error(f"--out {options.out} must be a file, in a folder that is there; make the folder first.")
    return options


def heading(place: torch.device, quick: bool, revision: str | None) -> dict:
    """What a recording has to agree in with another, to be continued by it."""
    driver = output_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    entries = {
        "schema": SCHEMA,
        "revision": revision or _revision(),
        "quick": quick,
        "device": asdict(describe(place)),
        "driver": driver.partition("\n")[0],
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "peers": {name: _installed(name) for name in PEERS},
    }
    return json.loads(json.dumps(entries))  # with lists for tuples, as the file will have them


def _installed(package):
    """Its version, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _revision():
    """The commit's hash; where files differ from it, a + and a digest of the difference: every change begins anew."""
    git = ("git", "-C", str(ROOT))
    revision = output_of(*git, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+")
    if revision.endswith("+"):
        revision += sha1(output_of(*git, "diff", "HEAD").encode()).hexdigest()[:8]
    return revision


def output_of(*command: str) -> str:
    """What a program prints; nothing where it is not installed, or fails. No shell reads the command.

    >>> output_of("no-such-program", "with ' and spaces")
    ''
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def prove(recording: dict, place: torch.device, options: argparse.Namespace) -> None:
    """Have tests/helpers/test_on_device.py prove every kernel, in processes of its own, which a kernel may end."""
    proofs, runner = recording["proofs"], ROOT / "tests" / "gpu.py"
    if not runner.exists() or not find_spec("pytest"):
        proofs[ALL_RAN] = f"skipped: nothing is proven without {runner} and pytest"
        print(proofs[ALL_RAN], flush=True)
        return
    whole = options.tests and not ("tests" in recording and proofs.get(ALL_RAN) == "passed")
    proofs[ALL_RAN] = "failed: something ended them before"
    words = [options.only, "float32" if options.quick else ""]
    proven = [test for test, outcome in proofs.items() if not outcome.startswith("failed")]
    command = [sys.executable, str(runner), "--json", "--device", place.type, "--limit", "1200"]
    command += ["--only", *words, "--done", *proven] + ([] if whole else ["--file", PROOFS])
    if whole:
        recording["tests"] = {"passed": 0, "skipped": 0, "failed": {}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        for line in process.stdout:  # {test: outcome}
            ((test, outcome),) = json.loads(line).items()
            if ".py" in test and PROOFS not in test:
                _count(recording["tests"], test, outcome)
            else:
                proofs[test] = outcome
            save(options.out, recording)


def _count(tests, name, outcome):
    """Of the many that pass, how many is enough."""
    word = outcome.partition(":")[0]
    if word == "failed":
        tests["failed"][name] = outcome
    else:
        tests[word] += 1


def time_all(recording: dict, place: torch.device, options: argparse.Namespace) -> None:
    """Measure the device, and every point that the recording does not have yet."""
    if not options.quick and "measured" not in recording:
        abilities = measure(place)
        recording["measured"] = {
            "copy": abilities.copy.median,
            "matmul": {dtype: rate.median for dtype, rate in abilities.matmul.items()},
            "launch": abilities.launch.median,
        }
    plan = _plan(place, options)
    for number, (contest, T) in enumerate(plan, 1):
        recording["about"][contest.name] = contest.about
        points = recording["points"].setdefault(contest.name, {})
        if str(T) not in points:
            budget, threads = 0.2 if options.quick else 1.5, torch.get_num_threads()  # those that the file names
            points[str(T)] = results = point(contest, T, place, budget, threads)
            save(options.out, recording)
            times = ", ".join(f"{label} {in_words(result)}" for label, result in results.items())
            print(
                f"[{number} of {len(plan)}] {contest.title} ({contest.name}), {contest.over} = {T}: {times}", flush=True
            )
            synchronise(place)  # raises if a kernel has left the GPU unusable for this process


def _plan(place, options):
    """The points, in order: (contest, T)."""
    listed = [contest for contest in contests.CONTESTS[place.type].values() if options.only in contest.name]
    if place.type == "cuda" and not describe(place).bf16:  # a T4
        listed = [replace(contest, dtype=contest.dtype.replace("bfloat16", "float16")) for contest in listed]
    return [(contest, T) for contest in listed for T in (contest.lengths[:1] if options.quick else contest.lengths)]


def point(
    contest: contests.Contest, T: int, place: torch.device, budget: float, threads: int | None = None
) -> dict[str, dict]:
    """{label: result} of one T, all functions taking turns; in place of the result of one that fails, the reason.

    threads: of a CPU; unless given, no more than other programs leave cores, as in `helpers.compare`.
    """
    failures = {}

    def guarded(label, function):
        try:
            return function()
        except Exception as error:
            failures[label] = _failure(error)
            raise MemoryError from None  # after which compare and peak_memory go on with the others

    torch.manual_seed(T)
    try:
        functions = contest.functions(T, place)
        calls = {label: partial(guarded, label, function) for label, function in functions.items()}
        results = _peaks(calls, place) if contest.unit == "B" else _times(calls, place, budget, threads)
    except Exception as error:
        return {"make": _failure(error)}
    return {label: {"out_of_memory": True} for label in calls} | results | failures


def _peaks(calls, place):
    peaks = {label: peak_memory(call, device=place) for label, call in calls.items()}
    return {label: {"bytes": peak} for label, peak in peaks.items() if peak < float("inf")}


def _times(calls, place, budget, threads):
    timings = compare(calls, device=place, threads=threads, budget=budget, repeats=20)
    return {
        label: {name: getattr(timing, name) for name in STORED} for label, timing in timings.items() if timing.repeats
    }


def _failure(error):
    if is_out_of_memory(error):
        return {"out_of_memory": True}
    return {"error": f"{type(error).__name__}: {_one_line(error)}"[:200]}


def _one_line(error):
    return " ".join(str(error).split())


def table(points: dict) -> list[str]:
    """The lines of the table that compares the points of a recording with the goals."""
    title = "Goals: the peer's time over ours (of a memory contest its bytes), at least so much at every T."
    return ["", title, "", *(f"{goal!s:104}{goal.verdict(points.get(goal.contest, {}))}" for goal in goals.GOALS)]


if __name__ == "__main__":
    sys.exit(main())
