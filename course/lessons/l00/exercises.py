"""Lesson 00: a stop-watch, a claim that can lose, and what chance does to it."""

import json
import math
import random
import statistics

from ...exercises import Exercise, plural, require
from .pretend import ClockworkGPU


def check_stopwatch(student):
    chooser = random.Random(2)
    for _ in range(3):
        job = chooser.randint(60, 300)
        device, found = _timed(student, job)
        require(device.runs, "nothing was launched. The work starts with device.launch(work).")
        require(
            len(device.readings) > 1,
            f"the device's clock was read {plural(len(device.readings), 'time')}, and a duration needs two readings. This device "
            "keeps its own time: use device.clock() for both.",
        )
        _read_while_idle(device, job, found)
        if not _is_near(found, job):
            _name_what_was_timed(device, job, found)
    first, last = device.readings[0][0], device.readings[-1][0]
    _survives_a_hiccup(student, job, range(first, last))
    if first == 0:
        return (
            "Your first run, which takes longer, lies between two readings of the clock. If it is among your times, the "
            "median forgives it, and a mean would not."
        )
    return None


def _timed(student, job, held_up=()):
    """A device after the student has timed a run of `job` µs on it, and what they have found."""
    device = ClockworkGPU(
        job, launch=10, compile=5 * job, busy=3 * job, wobble=0.03, hiccup=4 * job, held_up=frozenset(held_up)
    )
    return device, student.number(device, _product, on=f"a device on which a run takes about {job} µs")


def _product():
    raise RuntimeError("this work runs on the device: hand it over with device.launch(work).")


def _is_near(found, job):
    """The median, the fastest, or a run without its launch are all good readings."""
    return 0.95 * job <= found <= 1.05 * job + 15


def _read_while_idle(device, job, found):
    (before, idle_at_start), (after, idle_at_stop) = device.readings[0], device.readings[-1]
    require(after > before, "nothing was launched between the first reading of the clock and the last.")
    differs = f"On a device on which a run takes about {job} µs you find {found:,.0f} µs:"
    busy_at_stop = not idle_at_stop or (not _is_near(found, job) and not all(idle for _, idle in device.readings[1::2]))
    require(
        not busy_at_stop,
        f"{differs} a reading was taken while the device was still at work. Before you stop: device.synchronise().",
    )
    require(
        idle_at_start or _is_near(found, job),
        f"{differs} the watch was started while the device was still busy, with somebody's earlier work or with your "
        "own warm-up. Before you start: device.synchronise().",
    )


def _name_what_was_timed(device, job, found):
    """What a wrong number is, as far as the device's books can tell."""
    before, after = device.readings[0][0], device.readings[-1][0]
    durations = [end - start for start, end in device.runs[before:after]]
    differs = f"On a device on which a run takes about {job} µs you find {found:,.0f} µs"
    require(
        len(durations) == 1 or not math.isclose(found, sum(durations), rel_tol=0.2),
        f"{differs}: that is the time of all {len(durations)} runs together. One run is asked for.",
    )
    require(
        before > 0 or len(durations) > 1,
        f"{differs}: the first run of a work takes longer (a real device compiles and allocates). Launch it once and "
        "wait, before the watch starts.",
    )
    require(
        not math.isclose(found, sum(durations) / len(durations), rel_tol=0.1),
        f"{differs}: that is the mean, and the first run pulls it up. Launch once and wait before the watch starts.",
    )
    require(
        False, f"{differs}. Warm up, wait, start, launch, wait, stop; several times, and the median in microseconds."
    )


def _survives_a_hiccup(student, job, timed):
    """One run that is held up, wherever it falls, must not change the answer."""
    places = {*timed[:: max(1, len(timed) // 40)], timed[len(timed) // 2], timed[-1]}
    for place in sorted(places):
        device, found = _timed(student, job, held_up=[place])
        if _is_near(found, job):
            continue
        differs = (
            f"A run takes about {job} µs. When run {place + 1} of {len(device.runs)} is held up by a hiccup, you find "
            f"{found:,.0f} µs"
        )
        require(len(timed) > 1, f"{differs}, from one run. One run is no measurement: take several, and their median.")
        durations = [end - start for start, end in device.runs[timed.start : timed.stop]]
        means = (statistics.mean(durations), statistics.mean(durations[1:] or durations))  # the first may be left out
        require(
            not any(math.isclose(found, mean, rel_tol=0.1) for mean in means),
            f"{differs}: that is the mean, and one hiccup pulls it up. The median does not mind.",
        )
        require(
            not math.isclose(found, max(durations), rel_tol=0.05),
            f"{differs}: that is the slowest run alone. The median is the middle one once the times are sorted.",
        )
        require(
            timed.start > 0,
            f"{differs}. The first run, which takes longer, is among your {len(timed)} times too: launch once and wait before "
            "you start the watch.",
        )
        require(False, f"{differs}. Take several runs, and their median.")


WORDS = ("faster", "slower", "undecided")


def check_fair(student):
    chooser = random.Random(3)
    for unit in (1.0, 1e-3, 60.0):
        setting = {
            "device": chooser.choice(["laptop", "H200"]),
            "task": chooser.choice(["train", "write"]),
            "work": chooser.randint(1, 9) * 10**9,
            "words": chooser.choice([512, 4096]),
        }

        def timed(*seconds, setting=setting, unit=unit):
            return setting | {"seconds": [unit * second for second in seconds]}

        def says(transformer, rnn):
            # Equal values in objects of their own, so that `is` is no comparison.
            sides = (json.loads(json.dumps(side)) for side in (transformer, rnn))
            on = f"{_range(transformer)} of the Transformer against {_range(rnn)} of the RNN"
            return student.choice(*sides, options=WORDS, on=on)

        quick, slow = timed(1.02, 1.00, 1.07, 1.01, 1.04), timed(1.61, 1.52, 1.50, 1.55, 1.58)
        _decides(says, quick, slow)
        _asks_for_several_runs(says, quick, slow)
        _sees_that_ranges_overlap(says, timed(1.0, 1.2, 1.4, 1.6, 1.8), timed(1.1, 1.3, 1.5, 1.7, 1.9))
        _sees_that_ranges_overlap(says, timed(1.0, 1.0, 1.0, 2.0, 2.0), timed(1.1, 1.9, 2.1, 2.1, 2.1))
        _refuses_other_differences(says, quick, slow)


def _range(side):
    return f"{min(side['seconds']):.3g} to {max(side['seconds']):.3g} s"


def _decides(says, quick, slow):
    sides = f"the Transformer needs {_range(quick)}, the RNN {_range(slow)}"
    require(says(quick, slow) != "slower", f"{sides}, and it says slower. Fewer seconds are faster.")
    require(
        says(quick, slow) == "faster",
        f"{sides}, five runs each, all alike but for the model: that is settled, and it says undecided.",
    )
    sides = f"the Transformer needs {_range(slow)}, the RNN {_range(quick)}"
    require(
        says(slow, quick) != "faster", f"{sides}, and it still says faster. A claim that cannot lose is not tested."
    )
    require(says(slow, quick) == "slower", f"{sides}, five runs each, all else alike: it lost, and must be told so.")


def _asks_for_several_runs(says, quick, slow):
    for runs, other_runs in ((1, 1), (1, 5), (5, 1), (3, 3), (4, 5), (5, 4)):
        few = quick | {"seconds": quick["seconds"][:runs]}, slow | {"seconds": slow["seconds"][:other_runs]}
        require(
            says(*few) == "undecided",
            f"{plural(runs, 'run')} of the Transformer against {other_runs} of the RNN, and it decides. By chance two equal "
            f"programs look different in {_how_often(runs, other_runs)}: ask for five at least, of each.",
        )


def _how_often(runs, other_runs):
    """In how many races all runs of one of two equal programs come before all of the other's, in words."""
    races = math.comb(runs + other_runs, runs) // 2  # of as many orders as the binomial says, two
    return "every such race" if races == 1 else f"one of {races} such races"


def _sees_that_ranges_overlap(says, one, other):
    for pair in ((one, other), (other, one)):
        require(
            says(*pair) == "undecided",
            f"{_range(pair[0])} against {_range(pair[1])}, and it decides. The ranges overlap: run it again and the other "
            "may win. Compare the slowest run of one with the fastest of the other.",
        )


def _refuses_other_differences(says, quick, slow):
    others = {
        "device": ("another device", "A fast machine makes any model fast"),
        "task": ("read", "Training and writing are two questions, with two answers"),
        "work": (quick["work"] // 3, "Whoever has less to do is done earlier"),
        "words": (quick["words"] // 4, "A shorter text has less to do, and by how much is the very question"),
    }
    for name, (other, why) in others.items():
        for pair in ((quick | {name: other}, slow), (slow, quick | {name: other})):
            require(
                says(*pair) == "undecided",
                f"the two differ in “{name}”, and it decides. {why}: this tells nothing about the architecture.",
            )


def check_looks_different(student):
    for n in (2, 3, 1, 5, 8):
        right = 2 / math.comb(2 * n, n)
        share = student.number(n)
        if abs(share - right) <= max(0.25 * right, 0.006):  # a simulation of some thousand races is near enough
            continue
        answer = f"for {plural(n, 'run')} each you say {share:.3g}. "
        require(0 <= share <= 1, answer + "A share of cases lies between 0 and 1.")
        require(
            n == 1 or abs(share - right / 2) > 0.1 * right,
            answer + "That is one way round only: either of the two may be the one below.",
        )
        require(
            n == 1 or abs(share - (1 - right)) > 0.01,
            answer + "That is how often the ranges do overlap; the question is how often they do not.",
        )
        require(
            n == 1 or abs(share - 0.5 ** (2 * n - 1)) > 0.1 * 0.5 ** (2 * n - 1),
            answer + "Each time with chance one half: but the times of one program are not drawn one against one. All "
            "orders of the 2n times are equally likely.",
        )
        if n == 1:
            require(False, answer + "One time each: two single times always lie apart, so it is 1.")
        require(
            False,
            answer
            + f"Of the orders in which {2 * n} times can come, count those in which the {n} of one program come first.",
        )


EXERCISES = [
    Exercise(
        id="1",
        function="stop_watch",
        repeatable=False,
        task="Write a stop-watch that finds how long one run takes on a device that works later.",
        hints=(
            "Four mistakes: it does not wait at the end, it does not wait at the start, no warm-up, one run only.",
            "Launch once and synchronise. Then, several times: read the clock, launch, synchronise, read the clock.",
            "Collect the differences in a list, sort it, and return the one in the middle: times[len(times) // 2].",
        ),
        check=check_stopwatch,
    ),
    Exercise(
        id="2",
        function="verdict",
        task="Turn “Transformers are faster” into a test that can be lost, and that knows when it cannot tell.",
        hints=(
            "Which of the five entries may differ between the two, if the difference is to come from the architecture?",
            "First what makes it undecided: an entry that differs, fewer than five runs of either, ranges that overlap.",
            "Ranges do not overlap if max(transformer['seconds']) < min(rnn['seconds']), or the other way round.",
        ),
        check=check_fair,
    ),
    Exercise(
        id="3",
        function="looks_different",
        repeatable=False,
        task="Find how often two equal programs look different, n runs each.",
        hints=(
            "Sort all 2n times. In how many orders of A and B do all A stand before all B, or all B before all A?",
            "There are (2n choose n) orders of n A's and n B's, all equally likely; two of them keep the ranges apart.",
            "2 / comb(2 * n, n), after from math import comb. Or draw: many times, two lists of n random numbers, and count.",
        ),
        check=check_looks_different,
    ),
]
