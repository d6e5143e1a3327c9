"""Lesson 00: right answers and wrong ones."""

import math
import statistics
import time

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("1")
def tolerance(numbers):
    eps = torch.finfo(torch.float32).eps  # 1.2e-7: the share that one rounding may lose
    return eps * numbers.abs().sum()


@also_right("1")
def bound_of_a_tree(numbers):
    levels = math.ceil(math.log2(len(numbers)))  # each number is rounded once on each level
    return levels * torch.finfo(torch.float32).eps * numbers.abs().double().sum().item()


@also_right("1")
def from_the_mistake(numbers):
    return float(numbers.abs().median()) / 2  # half of what a forgotten number of ordinary size would leave


@also_right("1")
def by_trial(numbers):
    orders = [numbers, numbers.sort().values, numbers[torch.randperm(len(numbers))]]
    sums = [float(order.sum()) for order in orders]
    return 10 * (max(sums) - min(sums)) + 1e-7 * float(numbers.abs().sum())


@wrong("1", "far too tight. float32 keeps about 7 digits")
def for_float64(numbers):
    return 1e-12


@wrong("1", "You accept 1e-07 for numbers of every size")
def eps_alone(numbers):
    return torch.finfo(torch.float32).eps


@wrong("1", "0 asks for equality to the last bit")
def exact(numbers):
    return 0


@wrong("1", "You accept 1 for numbers of every size, and rounding grows with the numbers")
def fixed(numbers):
    return 1.0


@wrong("1", "Take the sum of their absolute values")
def share_of_the_sum(numbers):
    return 1e-6 * abs(numbers.sum())


@wrong("1", "n · eps · Σ|x| is the worst case")
def worst_case(numbers):
    return len(numbers) * torch.finfo(torch.float32).eps * numbers.abs().sum()


@wrong("1", "a sum that forgets one of them is off by about 0.6, and you accept 0.8: too loose")
def one_in_a_thousand(numbers):
    return 1e-3 * numbers.abs().sum()


@wrong("1", "it must be 0 or more")
def negative(numbers):
    return -1e-6 * numbers.abs().sum()


@wrong("1", "and you accept 8e-06: too tight")
def tenth_of_a_rounding(numbers):
    return 1e-8 * numbers.abs().sum()


@wrong("1", "a sum that forgets one of them is off by about 0.6, and you accept 4")
def just_below_the_largest(numbers):
    return 0.99 * numbers.abs().max()


@wrong("1", "For 100,000 numbers around 1 and one of 10,000, a sum that forgets one of them")
def by_number_and_largest(numbers):
    return 1e-7 * numbers.abs().max() * len(numbers)


@wrong("1", "a finite number is needed for 1,000 numbers around 1, and this is nan")
def not_a_number(numbers):
    return float("nan")


@reference("2")
def stop_watch(device, work):
    device.launch(work)  # warm-up
    device.synchronise()  # and whatever was in the queue
    times = []
    for _ in range(9):
        start = device.clock()
        device.launch(work)
        device.synchronise()
        times.append(device.clock() - start)
    return sorted(times)[len(times) // 2]


def _times(device, work, runs=9, warm_ups=1):
    for _ in range(warm_ups):
        device.launch(work)
    device.synchronise()
    times = []
    for _ in range(runs):
        start = device.clock()
        device.launch(work)
        device.synchronise()
        times.append(device.clock() - start)
    return times


@also_right("2")
def stop_watch_the_fastest(device, work):
    return min(_times(device, work, runs=20))


@also_right("2")
def stop_watch_without_warm_up(device, work):
    return statistics.median(_times(device, work, runs=15, warm_ups=0))


@also_right("2")
def stop_watch_that_asks(device, work):
    times = []
    for _ in range(8):
        while not device.idle():
            pass
        start = device.clock()
        device.launch(work)
        while not device.idle():
            pass
        times.append(device.clock() - start)
    return statistics.median(times[1:])


@wrong("2", "while the device was still at work")
def careless(device, work):
    start = device.clock()
    device.launch(work)
    return device.clock() - start


@wrong("2", "the watch was started while the device was still busy")
def waits_at_the_end(device, work):
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("2", "the watch was started while the device was still busy")
def warm_up_not_waited_for(device, work):
    device.launch(work)
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("2", "the first run of a work takes longer")
def no_warm_up(device, work):
    device.synchronise()
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("2", "When run 3 of 3 is held up")
def one_lucky_run(device, work):
    device.launch(work)
    device.launch(work)
    device.synchronise()
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("2", "that is the mean, and one hiccup pulls it up")
def mean(device, work):
    device.launch(work)
    device.synchronise()
    start = device.clock()
    for _ in range(10):
        device.launch(work)
    device.synchronise()
    return (device.clock() - start) / 10


@wrong("2", "all 10 runs together")
def not_divided(device, work):
    return 10 * mean(device, work)


@wrong("2", "that is the slowest run alone")
def slowest(device, work):
    return max(_times(device, work))


@wrong("2", "The median is the middle one once the times are sorted")
def forgets_to_sort(device, work):
    return _times(device, work)[4]


@wrong("2", "When run 11 of 11 is held up by a hiccup")
def the_last_after_two_warm_ups(device, work):
    return _times(device, work, warm_ups=2)[-1]


@wrong("2", "The first run, which takes longer, is among your 3 times too")
def median_of_three_without_warm_up(device, work):
    return statistics.median(_times(device, work, runs=3, warm_ups=0))


@wrong("2", "Take several runs, and their median")
def middle_of_the_range(device, work):
    times = _times(device, work)
    return (min(times) + max(times)) / 2


@wrong("2", "that is the mean, and the first run pulls it up")
def mean_without_warm_up(device, work):
    return statistics.mean(_times(device, work, warm_ups=0))


@wrong("2", "and the median in microseconds")
def starts_once(device, work):
    device.launch(work)
    device.synchronise()
    start, times = device.clock(), []
    for _ in range(9):
        device.launch(work)
        device.synchronise()
        times.append(device.clock() - start)
    return statistics.median(times)


@wrong("2", "This device keeps its own time")
def by_the_wall(device, work):
    start = time.perf_counter()
    device.launch(work)
    device.synchronise()
    return 1e6 * (time.perf_counter() - start)


@wrong("2", "nothing was launched")
def remembered(device, work):
    return 130


@wrong("2", "hand it over with device.launch(work)")
def calls_the_work(device, work):
    start = device.clock()
    work()
    return device.clock() - start


@wrong("2", "nothing was launched between")
def times_nothing(device, work):
    device.launch(work)
    device.synchronise()
    start = device.clock()
    return device.clock() - start


@reference("3")
def verdict(transformer, rnn):
    if any(transformer[name] != rnn[name] for name in ("device", "task", "parameters", "words")):
        return "undecided"  # something else than the architecture differs
    ours, theirs = transformer["seconds"], rnn["seconds"]
    if min(len(ours), len(theirs)) < 3:
        return "undecided"
    if max(ours) < min(theirs):
        return "faster"
    return "slower" if min(ours) > max(theirs) else "undecided"


@also_right("3")
def verdict_by_removal(transformer, rnn):
    a, b = dict(transformer), dict(rnn)
    x, y = np.array(a.pop("seconds")), np.array(b.pop("seconds"))
    if a != b or len(x) < 3 or len(y) < 3:
        return "undecided"
    return "faster" if x.max() < y.min() else "slower" if y.max() < x.min() else "undecided"


@also_right("3")
def verdict_by_quantiles(transformer, rnn):
    same = all(transformer[name] == rnn[name] for name in transformer if name != "seconds")
    if not same or len(transformer["seconds"]) < 3 or len(rnn["seconds"]) < 3:
        return "undecided"
    (low, high), (other_low, other_high) = (np.quantile(side["seconds"], [0.2, 0.8]) for side in (transformer, rnn))
    if high < other_low:
        return "faster"
    return "slower" if other_high < low else "undecided"


def _means(transformer, rnn):
    return "faster" if np.mean(transformer["seconds"]) < np.mean(rnn["seconds"]) else "slower"


@wrong("3", "1 run of the Transformer against 1 of the RNN, and it decides")
def means_alone(transformer, rnn):
    return _means(transformer, rnn)


@wrong("3", "The ranges overlap")
def medians(transformer, rnn):
    return _means(transformer, rnn) if min(len(transformer["seconds"]), len(rnn["seconds"])) > 2 else "undecided"


@wrong("3", "A claim that cannot lose")
def always_faster(transformer, rnn):
    return "faster"


@wrong("3", "it lost, and must be told so")
def never_slower(transformer, rnn):
    return "faster" if max(transformer["seconds"]) < min(rnn["seconds"]) else "undecided"


@wrong("3", "Fewer seconds are faster")
def upside_down(transformer, rnn):
    return _means(rnn, transformer)


@wrong("3", "that is settled")
def never_decides(transformer, rnn):
    return "undecided"


@wrong("3", "1 run of the Transformer against 5 of the RNN, and it decides")
def asks_for_three_of_one(transformer, rnn):
    if len(rnn["seconds"]) < 3:
        return "undecided"
    return verdict(*(side | {"seconds": side["seconds"] * 3} for side in (transformer, rnn)))


@wrong("3", "2 runs of the Transformer against 2 of the RNN, and it decides")
def asks_for_two(transformer, rnn):
    if min(len(transformer["seconds"]), len(rnn["seconds"])) < 2:
        return "undecided"
    return verdict(*(side | {"seconds": side["seconds"] * 2} for side in (transformer, rnn)))


@wrong("3", "The ranges overlap")
def means_a_fifth_apart(transformer, rnn):
    ratio = np.mean(transformer["seconds"]) / np.mean(rnn["seconds"])
    alike = all(transformer[name] == rnn[name] for name in transformer if name != "seconds")
    if not alike or min(len(transformer["seconds"]), len(rnn["seconds"])) < 3 or 0.8 < ratio < 1.25:
        return "undecided"
    return "faster" if ratio < 1 else "slower"


@wrong("3", "that is settled, and it says undecided")
def compares_by_identity(transformer, rnn):
    if any(transformer[name] is not rnn[name] for name in ("device", "task", "parameters", "words")):
        return "undecided"
    return verdict(transformer, rnn)


def _without(ignored):
    def attempt(transformer, rnn):
        blind = {ignored: None}
        return verdict(transformer | blind, rnn | blind)

    return attempt


wrong("3", "the two differ in “device”", _without("device"))
wrong("3", "the two differ in “task”", _without("task"))
wrong("3", "the two differ in “parameters”", _without("parameters"))
wrong("3", "the two differ in “words”", _without("words"))


@wrong("3", "the answers are")
def true_or_false(transformer, rnn):
    return max(transformer["seconds"]) < min(rnn["seconds"])


@wrong("3", "returned None for 1 to 1.07 s of the Transformer against 1.5 to 1.61 s of the RNN. Is a return missing?")
def none_for_undecided(transformer, rnn):
    return {"faster": "faster", "slower": "slower"}.get(verdict(rnn, rnn))
