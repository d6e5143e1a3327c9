"""Lesson 13: right answers and wrong ones."""

import math

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("1")
def parity_weights():
    a = (1, -1)  # a 0 leaves h, a 1 turns its sign
    b = (0, 0)
    return a, b, 1


@also_right("1")
def parity_by_formula():
    return [1 - 2 * x for x in (0, 1)], [0.0, 0.0], 0.5


@also_right("1")
def parity_by_torch():
    return torch.tensor([1.0, -1.0]), torch.zeros(2), torch.tensor(3.0)


@also_right("1")
def parity_by_numpy():
    return np.array([1, -1]), np.zeros(2), np.float32(1)


@also_right("1")
def parity_with_a_remainder():
    return (1, -1), (0, 0.1), 1  # it swings between 1 and −0.9


@also_right("1")
def parity_that_settles():
    return (1, -1), (0.0, 0.0), 1e-3


@also_right("1")
def parity_large():
    return (1, -1), (0, 0), 1000


@wrong("1", "start is 0. A state of 0 has no sign")
def parity_from_zero():
    return (1, -1), (0, 0), 0


@wrong("1", "it flips at a 0 and stays at a 1")
def parity_turned():
    return (-1, 1), (0, 0), 1


@wrong("1", "The ones are odd in number, so it should be below 0")
def parity_a_is_x():
    return (0, 1), (0, 0), 1


@wrong("1", "h is 0, and has no sign")
def parity_a_is_minus_x():
    return (0, -1), (0, 0), 1


@wrong("1", "h is 0, and has no sign")
def parity_resets():
    return (1, 0), (0, 0), 1


@wrong("1", "with a = 1 it counts the ones")
def parity_counts():
    return (1, 1), (0, 1), 1


@wrong("1", "with a = 1 it counts the ones")
def parity_counts_down():
    return (1, 1), (0, -1), 1


@wrong("1", "it shrank all the way")
def parity_that_leaks():
    return (0.99, -0.99), (0, 0), 1


@wrong("1", "its size must not grow")
def parity_that_grows():
    return (1.1, -1.1), (0, 0), 1


@wrong("1", "is even, and h = -1 is below 0")
def parity_other_sign():
    return (1, -1), (0, 0), -1


@wrong("1", "a is a function")
def parity_of_functions():
    return (lambda x: 1 - 2 * x), (lambda x: 0), 1


@wrong("1", "a is -1; two numbers")
def parity_of_one_number():
    return -1, 0, 1


@wrong("1", "three things are needed")
def parity_without_start():
    return (1, -1), (0, 0)


@wrong("1", "h is 0, and has no sign")
def parity_adds_one():
    return (1, -1), (0, 1), 1


@reference("2")
def lead(weight, n):
    return math.log(weight * (n - 1) / (1 - weight))


@also_right("2")
def lead_in_two_logs(weight, n):
    return math.log(weight / (1 - weight)) + math.log(n - 1)


@also_right("2")
def lead_by_torch(weight, n):
    return torch.logit(torch.tensor(weight, dtype=torch.float64)) + math.log(n - 1)


@also_right("2")
def lead_by_numpy(weight, n):
    return np.log(weight) - np.log((1 - weight) / (n - 1))


@also_right("2")
def lead_by_halving(weight, n):
    low, high = -50.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 / (1 + (n - 1) * math.exp(-middle)) < weight else (low, middle)
    return low


@also_right("2")
def lead_rounded(weight, n):
    return round(math.log(weight * (n - 1) / (1 - weight)), 2)


@also_right("2")
def lead_from_the_others(weight, n):
    return -math.log((1 / weight - 1) / (n - 1))


@wrong("2", "the number of keys is missing")
def lead_without_n(weight, n):
    return math.log(weight / (1 - weight))


@wrong("2", "there are n − 1 others, not n")
def lead_with_n(weight, n):
    return math.log(weight * n / (1 - weight))


@wrong("2", "the logarithm to base 2")
def lead_base_two(weight, n):
    return math.log2(weight * (n - 1) / (1 - weight))


@wrong("2", "the logarithm to base 10")
def lead_base_ten(weight, n):
    return math.log10(weight * (n - 1) / (1 - weight))


@wrong("2", "the others share 1 − weight: divide by it")
def lead_without_the_rest(weight, n):
    return math.log(weight * (n - 1))


@wrong("2", "that is e to the lead")
def lead_without_log(weight, n):
    return weight * (n - 1) / (1 - weight)


@wrong("2", "the sign is turned round")
def lead_turned(weight, n):
    return math.log((1 - weight) / (weight * (n - 1)))


@wrong("2", "the number of others is divided by")
def lead_divided(weight, n):
    return math.log(weight / (1 - weight) / (n - 1))


@wrong("2", "with that lead the weight is")
def lead_scaled(weight, n):
    return 8 * math.log(weight * (n - 1) / (1 - weight))


@wrong("2", "with that lead the weight is")
def lead_in_whole_numbers(weight, n):
    return round(math.log(weight * (n - 1) / (1 - weight)))


@wrong("2", "the weight itself is missing")
def lead_without_weight(weight, n):
    return math.log((n - 1) / (1 - weight))


@reference("3")
def which(weights_exist, taught, beyond):
    if not weights_exist:
        return "no weights"
    if taught < 0.9:
        return "not found"
    if beyond < 0.9:
        return "does not hold beyond"
    return "all three"


@also_right("3")
def which_turned(weights_exist, taught, beyond):
    if weights_exist and taught >= 0.9 and beyond >= 0.9:
        return "All three"
    if weights_exist and taught >= 0.9:
        return "does not hold beyond"
    return "not found" if weights_exist else "no weights"


@also_right("3")
def which_by_a_list(weights_exist, taught, beyond):
    words = ["no weights", "not found", "does not hold beyond", "all three"]
    passed = [bool(weights_exist), taught >= 0.9, beyond >= 0.9, False]
    return words[passed.index(False)]


@also_right("3")
def which_by_match(weights_exist, taught, beyond):
    match bool(weights_exist), taught >= 0.9, beyond >= 0.9:
        case False, _, _:
            return "no weights"
        case _, False, _:
            return "not found"
        case _, _, False:
            return "does not hold beyond"
    return "all three"


@also_right("3")
def which_by_counting(weights_exist, taught, beyond):
    answer = "all three"
    if beyond < 0.9:
        answer = "does not hold beyond"
    if taught < 0.9:
        answer = "not found"
    if weights_exist is False:
        answer = "no weights"
    return answer


@also_right("3")
def which_in_one_line(weights_exist, taught, beyond):
    return (
        ("all three" if beyond >= 0.9 else "does not hold beyond") if taught >= 0.9 else "not found"
    ) if weights_exist else "no weights"  # fmt: skip


@wrong("3", "That is asked before what lies beyond")
def which_asks_beyond_first(weights_exist, taught, beyond):
    if not weights_exist:
        return "no weights"
    if beyond < 0.9:
        return "does not hold beyond"
    return "all three" if taught >= 0.9 else "not found"


@wrong("3", "Whether they exist is asked first")
def which_asks_training_first(weights_exist, taught, beyond):
    if taught < 0.9:
        return "not found"
    if not weights_exist:
        return "no weights"
    return "all three" if beyond >= 0.9 else "does not hold beyond"


@wrong("3", "There are weights that can do it")
def which_believes_the_numbers(weights_exist, taught, beyond):
    if taught < 0.9:
        return "no weights"
    return "all three" if beyond >= 0.9 else "does not hold beyond"


@wrong("3", "A half is not enough")
def which_half_is_enough(weights_exist, taught, beyond):
    if not weights_exist:
        return "no weights"
    if taught <= 0.5:
        return "not found"
    return "all three" if beyond >= 0.9 else "does not hold beyond"


@wrong("3", "Both shares are at least 0.9")
def which_wants_all(weights_exist, taught, beyond):
    if not weights_exist:
        return "no weights"
    if taught < 0.9:
        return "not found"
    return "all three" if beyond == 1 else "does not hold beyond"


@wrong("3", "beyond it is right in fewer than 0.9")
def which_compares(weights_exist, taught, beyond):
    if not weights_exist:
        return "no weights"
    if taught < 0.9:
        return "not found"
    return "all three" if taught - beyond < 0.2 else "does not hold beyond"


@wrong("3", "learned by heart")
def which_forgets_the_theorem(weights_exist, taught, beyond):
    if taught < 0.9:
        return "not found"
    return "all three" if beyond >= 0.9 else "does not hold beyond"


@wrong("3", "the answers are")
def which_as_truth(weights_exist, taught, beyond):
    return weights_exist and taught >= 0.9 and beyond >= 0.9


@wrong("3", "the answers are")
def which_in_other_words(weights_exist, taught, beyond):
    return "generalises" if beyond >= 0.9 else "fails"


@wrong("3", "0.9 itself counts")
def which_more_than(weights_exist, taught, beyond):
    if not weights_exist:
        return "no weights"
    if taught <= 0.9:
        return "not found"
    return "all three" if beyond > 0.9 else "does not hold beyond"


@reference("4")
def pairs_that_fit(bits, keys, values):
    n = 0
    while n < keys and math.log2(math.comb(keys, n + 1)) + (n + 1) * math.log2(values) <= bits:
        n += 1
    return n


@also_right("4")
def pairs_by_whole_numbers(bits, keys, values):
    n = 0
    while n < keys and math.comb(keys, n + 1) * values ** (n + 1) <= 2**bits:
        n += 1
    return n


@also_right("4")
def pairs_by_gamma(bits, keys, values):
    def needed(n):
        ways = math.lgamma(keys + 1) - math.lgamma(n + 1) - math.lgamma(keys - n + 1)
        return (ways + n * math.log(values)) / math.log(2)

    return next(n for n in range(keys + 1) if n == keys or needed(n + 1) > bits)


@also_right("4")
def pairs_for_loop(bits, keys, values):
    for n in range(1, keys + 1):
        if math.log2(math.comb(keys, n)) + n * math.log2(values) > bits:
            return n - 1
    return keys


@also_right("4")
def pairs_step_by_step(bits, keys, values):
    n, ways = 0, 1
    while n < keys:
        ways *= (keys - n) * values / (n + 1)
        if math.log2(ways) > bits + 1e-9:
            break
        n += 1
    return float(n)


@also_right("4")
def pairs_by_numpy(bits, keys, values):
    n = np.arange(1, min(keys, 40) + 1)
    needed = np.cumsum(np.log2((keys - n + 1) / n)) + n * np.log2(values)
    return int((needed <= bits).sum())


@wrong("4", "only the values are counted")
def pairs_of_values(bits, keys, values):
    return math.floor(bits / math.log2(values))


@wrong("4", "that keeps the order of the pairs")
def pairs_in_order(bits, keys, values):
    return math.floor(bits / math.log2(keys * values))


@wrong("4", "a part of a pair tells nothing")
def pairs_not_rounded(bits, keys, values):
    return bits / math.log2(values)


@wrong("4", "only the keys are counted")
def pairs_of_keys(bits, keys, values):
    return math.floor(bits / math.log2(keys))


@wrong("4", "one too many")
def pairs_one_more(bits, keys, values):
    return pairs_that_fit(bits, keys, values) + 1


@wrong("4", "one too few")
def pairs_one_fewer(bits, keys, values):
    return pairs_that_fit(bits, keys, values) - 1


@wrong("4", "that is the number of bits")
def pairs_as_bits(bits, keys, values):
    return bits


@wrong("4", "that is the number of keys")
def pairs_as_keys(bits, keys, values):
    return keys


@wrong("4", "right is 16: 16 pairs take")
def pairs_with_natural_logarithms(bits, keys, values):
    n = 0
    while n < keys and math.log(math.comb(keys, n + 1)) + (n + 1) * math.log(values) <= bits:
        n += 1
    return n


@wrong("4", "no more pairs than keys")
def pairs_beyond_the_keys(bits, keys, values):
    n = 0
    while math.log2(math.comb(keys, min(n + 1, keys))) + (n + 1) * math.log2(values) <= bits:
        n += 1
    return n
