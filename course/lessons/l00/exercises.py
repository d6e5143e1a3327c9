"""Lesson 00: a tolerance, a stop-watch, and a claim that can lose."""

import math
import random

import numpy as np
import torch

from ...exercises import Exercise, number, require
from .pretend import ClockworkGPU

TERMS = 1_000_000


def tree_sum(terms):
    """The sum of a float32 array in pairs, pairs of pairs and so on, as torch adds: the same on every machine."""
    while len(terms) > 1:
        terms = np.append(terms, np.float32(0)) if len(terms) % 2 else terms
        terms = terms[::2] + terms[1::2]
    return float(terms[0])


def check_tolerance(student):
    state = np.random.RandomState(1)
    positive = np.abs(state.standard_normal(TERMS)).astype(np.float32)
    half = positive[: TERMS // 2]
    cancelling = state.permutation(np.concatenate([half, -half]))
    few = positive[:1000]
    cases = [
        ("a million numbers around 1", positive, ""),
        ("a million numbers around 0.000001", positive * np.float32(1e-6), "scale"),
        ("a million numbers around 1,000,000", positive * np.float32(1e6), "scale"),
        ("a million numbers, half of them negative, whose sum is 0", cancelling, "cancelling"),
        ("a thousand numbers around 1", few, "few"),
    ]
    for label, terms, kind in cases:
        sums = [tree_sum(order) for order in (terms, terms[::-1], state.permutation(terms))]
        rounding, largest = max(sums) - min(sums), float(np.abs(terms).max())
        size = float(np.abs(terms).sum(dtype=np.float64))
        found = number(student(torch.from_numpy(terms.copy())))
        require(math.isfinite(found) and found >= 0, f"the tolerance is {found:g} for {label}; it must be 0 or more.")
        if rounding <= found < largest:
            continue
        given = f"For {label}, two right sums differ by {rounding:.1g}, and you accept {found:.1g}"
        require(
            found != 0, f"0 asks for equality to the last bit. For {label}, two right sums differ by {rounding:.1g}."
        )
        if found < rounding:
            require(
                kind != "cancelling",
                f"{given}. The tolerance follows the sum, which can be 0 by chance; rounding follows the size of the "
                "terms. Take the sum of their absolute values.",
            )
            require(kind != "scale", f"{given}. A fixed number cannot fit: rounding grows with the numbers.")
            require(
                found > 1e-9 * size,
                f"{given}. That is far too tight: float32 keeps about 7 digits of a sum of {size:,.0f}.",
            )
            require(False, f"{given}: too tight.")
        given = f"For {label}, a sum that forgets its largest term is off by {largest:.1g}, and you accept {found:.1g}"
        require(kind != "scale", f"{given}. A fixed number cannot fit: the tolerance must shrink with the numbers.")
        require(
            found < 0.01 * size,
            f"{given}: far too loose. If this is n · eps · Σ|x|, that worst case needs every rounding to go the same way.",
        )
        require(False, f"{given}: too loose.")


def check_stopwatch(student):
    chooser = random.Random(2)
    for _ in range(3):
        kernel = chooser.randint(60, 300)
        device = ClockworkGPU(kernel, launch=10, compile=5 * kernel, hiccup=4 * kernel, busy=3 * kernel, wobble=0.03)
        found = number(student(device, _product))
        # The median, the fastest, or a run without its launch are all good readings.
        near = 0.95 * kernel <= found <= 1.05 * kernel + 15
        _require_timed(
            device, found, near, kernel, f"On a device where a run takes about {kernel} µs, you find {found:.0f}"
        )


def _product():
    raise RuntimeError("this work runs on the device: hand it over with device.launch(work).")


def _require_timed(device, found, near, kernel, given):
    """Name the first mistake of a stop-watch from what the device has seen."""
    require(device.runs, "nothing was launched. The work starts with device.launch(work).")
    require(
        len(device.readings) >= 2,
        f"the device's clock was read {len(device.readings)} times, and a duration needs two readings. This device keeps "
        "its own time: use device.clock() for both.",
    )
    (before, idle_at_start), (after, idle_at_stop) = device.readings[0], device.readings[-1]
    timed = after - before
    require(timed > 0, "nothing was launched between the first reading of the clock and the last.")
    stops = "a reading was taken while the device was still at work. Before you stop: device.synchronise()."
    require(idle_at_stop, f"{given} µs: {stops}")
    if near:
        require(timed >= 3, f"{given} µs, from one run. That was luck: take several, and their median.")
        return
    middle = all(idle for _, idle in device.readings[1::2])
    require(middle, f"{given} µs: {stops}")
    require(
        idle_at_start,
        f"{given} µs: the watch was started while the device was still busy, with somebody's earlier work or with your "
        "own warm-up. Before you start: device.synchronise().",
    )
    runs = [end - start for start, end in device.runs]
    total = sum(runs[before:after])
    require(
        timed == 1 or not math.isclose(found, total, rel_tol=0.2),
        f"{given} µs: that is the time of all {timed} runs together. One run is asked for.",
    )
    require(
        before > 0 or timed > 1,
        f"{given} µs: the first run of a work takes longer (a real device compiles and allocates). Launch it once and "
        "wait, before the watch starts.",
    )
    require(
        timed > 2,
        f"{given} µs from {'one run' if timed == 1 else 'two runs'}, and some runs are held up by a hiccup. One run is no "
        "measurement: take several, and their median.",
    )
    require(
        not math.isclose(found, total / timed, rel_tol=0.1),
        f"{given} µs: that is the mean, and a hiccup or a first run pulls it up. The median does not mind.",
    )
    require(found < max(runs[before:after]), f"{given} µs: that is the slowest run. The median is the middle one.")
    require(False, f"{given} µs. Warm up, wait, start, launch, wait, stop; several times, and the median.")


def check_fair(student):
    chooser = random.Random(3)
    words = ("faster", "slower", "undecided")

    def says(transformer, rnn):
        answer = student(transformer, rnn)
        require(
            isinstance(answer, str) and answer.strip().lower() in words,
            f'it returned {answer!r:.40}; the three answers are "faster", "slower" and "undecided".',
        )
        return answer.strip().lower()

    for unit in (1.0, 1e-3, 60.0):
        about = {
            "device": chooser.choice(["laptop", "H200"]),
            "task": chooser.choice(["train", "write"]),
            "parameters": chooser.randint(1, 9) * 10**6,
            "words": chooser.choice([64, 512, 4096]),
        }
        quick = about | {"seconds": [unit * second for second in (1.02, 1.00, 1.07, 1.01, 1.04)]}
        slow = about | {"seconds": [unit * second for second in (1.61, 1.52, 1.50, 1.55, 1.58)]}
        require(
            says(quick, slow) != "slower",
            "the Transformer needs 1 s and the RNN 1.5 s, and it says slower. Fewer seconds are faster.",
        )
        require(
            says(quick, slow) == "faster",
            "five runs each, all alike but for the model, 1 s against 1.5 s: that is settled, and it says undecided.",
        )
        require(
            says(slow, quick) != "faster",
            "the Transformer needs 1.5 s, the RNN 1 s, and it still says faster. A claim that cannot lose is not tested.",
        )
        require(
            says(slow, quick) == "slower",
            "the Transformer needs 1.5 s, the RNN 1 s, five runs each, all else alike: it lost, and must be told so.",
        )
        once = [side | {"seconds": side["seconds"][:1]} for side in (quick, slow)]
        require(
            says(*once) == "undecided",
            "one run each, and it decides. One run is no measurement: ask for three at least.",
        )
        require(
            says(quick, slow | {"seconds": slow["seconds"][:2]}) == "undecided",
            "five runs of one and two of the other, and it decides. Ask for three at least, of each.",
        )
        three = [side | {"seconds": side["seconds"][:3]} for side in (quick, slow)]
        require(says(*three) == "faster", "three runs each, far apart, and it does not decide. Three are enough here.")
        wide = about | {"seconds": [unit * second for second in (1.0, 1.2, 1.4, 1.6, 1.8)]}
        shifted = about | {"seconds": [unit * second for second in (1.1, 1.3, 1.5, 1.7, 1.9)]}
        for pair in ((wide, shifted), (shifted, wide)):
            require(
                says(*pair) == "undecided",
                "1.0 to 1.8 s against 1.1 to 1.9 s, and it decides. The ranges overlap: run it again and the other may "
                "win. Compare the slowest run of one with the fastest of the other.",
            )
        others = {
            "device": ("another device", "A fast machine makes any model fast"),
            "task": ("read", "Training and writing are two questions, with two answers"),
            "parameters": (about["parameters"] // 3, "A smaller model has less to do"),
            "words": (about["words"] // 4, "A shorter text has less to do, and by how much is the very question"),
        }
        for name, (other, why) in others.items():
            for pair in ((quick | {name: other}, slow), (slow, quick | {name: other})):
                require(
                    says(*pair) == "undecided",
                    f"the two differ in “{name}”, and it decides. {why}: this tells nothing about the architecture.",
                )


EXERCISES = [
    Exercise(
        id="1",
        function="tolerance",
        repeatable=False,
        task="Find how far two right float32 sums of the same numbers may differ.",
        hints=(
            "float32 keeps about 7 digits. Seven digits of what? Try numbers around 1,000,000, and numbers that cancel.",
            "Each addition is off by at most a share of torch.finfo(torch.float32).eps of what it adds up to.",
            "Multiply eps by the sum of the absolute values, numbers.abs().sum(). The worst case would be n times that.",
        ),
        check=check_tolerance,
    ),
    Exercise(
        id="2",
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
        id="3",
        function="verdict",
        task="Turn “Transformers are faster” into a test that can be lost, and that knows when it cannot tell.",
        hints=(
            "Which of the five entries may differ between the two, if the difference is to come from the architecture?",
            "First what makes it undecided: an entry that differs, fewer than three runs of either, ranges that overlap.",
            "Ranges do not overlap if max(transformer['seconds']) < min(rnn['seconds']), or the other way round.",
        ),
        check=check_fair,
    ),
]
