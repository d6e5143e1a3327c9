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


@also_right("1")
def stop_watch_the_fastest(device, work):
    return min(_times(device, work, runs=20))


@also_right("1")
def stop_watch_without_warm_up(device, work):
    return statistics.median(_times(device, work, runs=15, warm_ups=0))


@also_right("1")
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


@also_right("1")
def stop_watch_in_a_hurry(device, work):
    times = []
    for _ in range(15):
        start = device.clock()
        device.launch(work)
        device.clock()
        device.synchronise()
        times.append(device.clock() - start)
    return statistics.median(times)


@wrong("1", "Warm up, wait, start, launch, wait, stop")
def half_of_the_median(device, work):
    return statistics.median(_times(device, work)) / 2


@wrong("1", "the device's clock was read 1 time, and")
def reads_once(device, work):
    device.launch(work)
    device.synchronise()
    return device.clock()


@wrong("1", "while the device was still at work")
def careless(device, work):
    start = device.clock()
    device.launch(work)
    return device.clock() - start


@wrong("1", "the watch was started while the device was still busy")
def waits_at_the_end(device, work):
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("1", "the watch was started while the device was still busy")
def warm_up_not_waited_for(device, work):
    device.launch(work)
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("1", "the first run of a work takes longer")
def no_warm_up(device, work):
    device.synchronise()
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("1", "When run 3 of 3 is held up")
def one_lucky_run(device, work):
    device.launch(work)
    device.launch(work)
    device.synchronise()
    start = device.clock()
    device.launch(work)
    device.synchronise()
    return device.clock() - start


@wrong("1", "that is the mean, and one hiccup pulls it up")
def mean(device, work):
    device.launch(work)
    device.synchronise()
    start = device.clock()
    for _ in range(10):
        device.launch(work)
    device.synchronise()
    return (device.clock() - start) / 10


@wrong("1", "all 10 runs together")
def not_divided(device, work):
    return 10 * mean(device, work)


@wrong("1", "that is the slowest run alone")
def slowest(device, work):
    return max(_times(device, work))


@wrong("1", "The median is the middle one once the times are sorted")
def forgets_to_sort(device, work):
    return _times(device, work)[4]


@wrong("1", "When run 11 of 11 is held up by a hiccup")
def the_last_after_two_warm_ups(device, work):
    return _times(device, work, warm_ups=2)[-1]


@wrong("1", "The first run, which takes longer, is among your 3 times too")
def median_of_three_without_warm_up(device, work):
    return statistics.median(_times(device, work, runs=3, warm_ups=0))


@wrong("1", "Take several runs, and their median")
def middle_of_the_range(device, work):
    times = _times(device, work)
    return (min(times) + max(times)) / 2


@wrong("1", "that is the mean, and the first run pulls it up")
def mean_without_warm_up(device, work):
    return statistics.mean(_times(device, work, warm_ups=0))


@wrong("1", "that is the mean, and one hiccup pulls it up")
def mean_of_all_but_the_first(device, work):
    return statistics.mean(_times(device, work, runs=10, warm_ups=0)[1:])


@wrong("1", "and the median in microseconds")
def starts_once(device, work):
    device.launch(work)
    device.synchronise()
    start, times = device.clock(), []
    for _ in range(9):
        device.launch(work)
        device.synchronise()
        times.append(device.clock() - start)
    return statistics.median(times)


@wrong("1", "This device keeps its own time")
def by_the_wall(device, work):
    start = time.perf_counter()
    device.launch(work)
    device.synchronise()
    return 1e6 * (time.perf_counter() - start)


@wrong("1", "nothing was launched")
def remembered(device, work):
    return 130


@wrong("1", "hand it over with device.launch(work)")
def calls_the_work(device, work):
    start = device.clock()
    work()
    return device.clock() - start


@wrong("1", "nothing was launched between")
def times_nothing(device, work):
    device.launch(work)
    device.synchronise()
    start = device.clock()
    return device.clock() - start


@reference("2")
def verdict(transformer, rnn):
    if any(transformer[name] != rnn[name] for name in ("device", "task", "work", "words")):
        return "undecided"  # something else than the architecture differs
    ours, theirs = transformer["seconds"], rnn["seconds"]
    if min(len(ours), len(theirs)) < 5:
        return "undecided"
    if max(ours) < min(theirs):
        return "faster"
    return "slower" if min(ours) > max(theirs) else "undecided"


@also_right("2")
def verdict_by_removal(transformer, rnn):
    a, b = dict(transformer), dict(rnn)
    x, y = np.array(a.pop("seconds")), np.array(b.pop("seconds"))
    if a != b or len(x) < 5 or len(y) < 5:
        return "undecided"
    return "faster" if x.max() < y.min() else "slower" if y.max() < x.min() else "undecided"


@also_right("2")
def verdict_by_quantiles(transformer, rnn):
    same = all(transformer[name] == rnn[name] for name in transformer if name != "seconds")
    if not same or len(transformer["seconds"]) < 5 or len(rnn["seconds"]) < 5:
        return "undecided"
    (low, high), (other_low, other_high) = (np.quantile(side["seconds"], [0.2, 0.8]) for side in (transformer, rnn))
    if high < other_low:
        return "faster"
    return "slower" if other_high < low else "undecided"


def _means(transformer, rnn):
    return "faster" if np.mean(transformer["seconds"]) < np.mean(rnn["seconds"]) else "slower"


@wrong("2", "1 run of the Transformer against 1 of the RNN, and it decides")
def means_alone(transformer, rnn):
    return _means(transformer, rnn)


@wrong("2", "The ranges overlap")
def medians(transformer, rnn):
    return _means(transformer, rnn) if min(len(transformer["seconds"]), len(rnn["seconds"])) > 4 else "undecided"


@wrong("2", "A claim that cannot lose")
def always_faster(transformer, rnn):
    return "faster"


@wrong("2", "it lost, and must be told so")
def never_slower(transformer, rnn):
    return "faster" if max(transformer["seconds"]) < min(rnn["seconds"]) else "undecided"


@wrong("2", "Fewer seconds are faster")
def upside_down(transformer, rnn):
    return _means(rnn, transformer)


@wrong("2", "that is settled")
def never_decides(transformer, rnn):
    return "undecided"


@wrong("2", "1 run of the Transformer against 5 of the RNN, and it decides")
def asks_for_five_of_one(transformer, rnn):
    if len(rnn["seconds"]) < 5:
        return "undecided"
    return verdict(*(side | {"seconds": side["seconds"] * 5} for side in (transformer, rnn)))


@wrong("2", "3 runs of the Transformer against 3 of the RNN, and it decides")
def asks_for_three(transformer, rnn):
    if min(len(transformer["seconds"]), len(rnn["seconds"])) < 3:
        return "undecided"
    return verdict(*(side | {"seconds": side["seconds"] * 2} for side in (transformer, rnn)))


@wrong("2", "5 runs of the Transformer against 1 of the RNN, and it decides")
def asks_for_five_of_the_other(transformer, rnn):
    if len(transformer["seconds"]) < 5:
        return "undecided"
    return verdict(*(side | {"seconds": side["seconds"] * 5} for side in (transformer, rnn)))


@wrong("2", "4 runs of the Transformer against 5 of the RNN, and it decides")
def asks_for_four(transformer, rnn):
    if min(len(transformer["seconds"]), len(rnn["seconds"])) < 4:
        return "undecided"
    return verdict(*(side | {"seconds": side["seconds"] * 2} for side in (transformer, rnn)))


@wrong("2", "1.1 to 1.9 s against 1 to 1.8 s, and it decides")
def slower_by_the_fastest(transformer, rnn):
    answer = verdict(transformer, rnn)
    alike = verdict(transformer | {"seconds": [1] * 5}, rnn | {"seconds": [2] * 5}) == "faster"
    enough = min(len(transformer["seconds"]), len(rnn["seconds"])) >= 5
    return "slower" if alike and enough and min(transformer["seconds"]) > min(rnn["seconds"]) else answer


@wrong("2", "that is settled, and it says undecided")
def asks_for_a_tenth_of_a_second(transformer, rnn):
    apart = abs(np.mean(transformer["seconds"]) - np.mean(rnn["seconds"]))
    return verdict(transformer, rnn) if apart > 0.1 else "undecided"


@wrong("2", "the two differ in “words”")
def sees_only_longer_texts(transformer, rnn):
    shorter = {"words": max(transformer["words"], rnn["words"])} if transformer["words"] < rnn["words"] else {}
    return verdict(transformer, rnn) if not shorter else verdict(transformer | shorter, rnn | shorter)


@wrong("2", "the two differ in “words”")
def sees_only_shorter_texts(transformer, rnn):
    longer = {"words": transformer["words"]} if transformer["words"] > rnn["words"] else {}
    return verdict(transformer, rnn | longer)


@wrong("2", "The ranges overlap")
def means_a_fifth_apart(transformer, rnn):
    ratio = np.mean(transformer["seconds"]) / np.mean(rnn["seconds"])
    alike = all(transformer[name] == rnn[name] for name in transformer if name != "seconds")
    if not alike or min(len(transformer["seconds"]), len(rnn["seconds"])) < 5 or 0.8 < ratio < 1.25:
        return "undecided"
    return "faster" if ratio < 1 else "slower"


@wrong("2", "that is settled, and it says undecided")
def compares_by_identity(transformer, rnn):
    if any(transformer[name] is not rnn[name] for name in ("device", "task", "work", "words")):
        return "undecided"
    return verdict(transformer, rnn)


def _without(ignored):
    def attempt(transformer, rnn):
        blind = {ignored: None}
        return verdict(transformer | blind, rnn | blind)

    return attempt


wrong("2", "the two differ in “device”", _without("device"))
wrong("2", "the two differ in “task”", _without("task"))
wrong("2", "the two differ in “work”", _without("work"))
wrong("2", "the two differ in “words”", _without("words"))


@wrong("2", "the answers are")
def true_or_false(transformer, rnn):
    return max(transformer["seconds"]) < min(rnn["seconds"])


@wrong("2", "returned None for 1 to 1.07 s of the Transformer against 1.5 to 1.61 s of the RNN. Is a return missing?")
def none_for_undecided(transformer, rnn):
    return {"faster": "faster", "slower": "slower"}.get(verdict(rnn, rnn))


@reference("3")
def looks_different(n):
    from math import comb

    return 2 / comb(2 * n, n)  # of all orders of n A's and n B's, two keep them apart


@also_right("3")
def looks_different_by_factorials(n):
    return 2 * math.factorial(n) ** 2 / math.factorial(2 * n)


@also_right("3")
def looks_different_by_drawing(n):
    times = torch.rand(200_000, 2, n, generator=torch.Generator().manual_seed(n))
    low, high = times.amin(2), times.amax(2)
    return ((high[:, 0] < low[:, 1]) | (high[:, 1] < low[:, 0])).double().mean()


@wrong("3", "one way round only")
def looks_different_one_way(n):
    return 1 / math.comb(2 * n, n)


@wrong("3", "two single times always lie apart, so it is 1")
def a_coin_a_run(n):
    return 0.5**n


@wrong("3", "how often they do not")
def ranges_overlap(n):
    return 1 - 2 / math.comb(2 * n, n)


@wrong("3", "All orders of the 2n times are equally likely")
def coin_for_each_time(n):
    return 0.5 ** (2 * n - 1)


@wrong("3", "A share of cases lies between 0 and 1")
def number_of_orders(n):
    return math.comb(2 * n, n)


@wrong("3", "two single times always lie apart")
def never_with_one_run(n):
    return 0.0 if n == 1 else 2 / math.comb(2 * n, n)


@wrong("3", "count those in which the 2 of one program come first")
def one_in_n_factorial(n):
    return 1 / math.factorial(n)


@wrong("3", "count those in which the 5 of one program come first")
def one_in_ten(n):
    return {1: 1, 2: 1 / 3}.get(n, 0.1)


@wrong("3", "a number is needed")
def share_in_words(n):
    return "one in ten"
