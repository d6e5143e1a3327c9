"""Lesson 03: right answers and wrong ones."""

import math

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


@reference("1")
def bias_for(half_life):
    keep = 0.5 ** (1 / half_life)  # fⁿ = ½
    return math.log(keep / (1 - keep))  # the inverse of σ


@also_right("1")
def bias_in_one_line(half_life):
    return -math.log(2 ** (1 / half_life) - 1)


@also_right("1")
def bias_by_torch(half_life):
    return torch.logit(torch.tensor(0.5, dtype=torch.float64) ** (1 / half_life))


@also_right("1")
def bias_by_halving(half_life):
    low, high = -50.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if (1 / (1 + math.exp(-middle))) ** half_life > 0.5 else (middle, high)
    return low


@also_right("1")
def bias_by_numpy(half_life):
    return -np.log(np.expm1(np.log(2) / half_life))


@also_right("1")
def bias_as_array(half_life):
    return np.array([math.log(0.5 ** (1 / half_life)) - math.log1p(-(0.5 ** (1 / half_life)))])


@wrong("1", "that is ln n: e^(−1) is left")
def bias_log_of_n(half_life):
    return math.log(half_life)


@wrong("1", "with f = 1 − 1/n about e^(−1) is left")
def bias_of_a_time_constant(half_life):
    return math.log(half_life - 1) if half_life > 1 else -50.0


@wrong("1", "that is the gate itself")
def bias_as_gate(half_life):
    return 0.5 ** (1 / half_life)


@wrong("1", "the sign is turned")
def bias_turned(half_life):
    return math.log(2 ** (1 / half_life) - 1)


@wrong("1", "that is half of it")
def bias_halved(half_life):
    return bias_for(half_life) / 2


@wrong("1", "the logarithm to base 2")
def bias_to_base_two(half_life):
    return -math.log2(2 ** (1 / half_life) - 1)


@wrong("1", "the logarithm to base 10")
def bias_to_base_ten(half_life):
    return -math.log10(2 ** (1 / half_life) - 1)


@wrong("1", "n / ln 2 is good for long half-lives")
def bias_for_long_ones(half_life):
    return math.log(half_life / math.log(2))


@wrong("1", "that is −ln f")
def bias_without_odds(half_life):
    return math.log(2) / half_life


@wrong("1", "with f = e^(−1/n)")
def bias_of_e(half_life):
    keep = math.exp(-1 / half_life)
    return math.log(keep / (1 - keep))


@wrong("1", "if each word takes as much as the first")
def bias_of_a_straight_line(half_life):
    keep = 1 - 0.5 / half_life
    return math.log(keep / (1 - keep))


@wrong("1", "the cell would be halved after")
def bias_doubled(half_life):
    return 2 * bias_for(half_life)


@wrong("1", "for a half-life of 100 words it gives 5; with it the cell would be halved after 103 words")
def bias_rounded(half_life):
    return round(bias_for(half_life), 1)


@wrong("1", "division by zero")
def bias_by_whole_numbers(half_life):
    keep = 2 ** (-1 // half_life)
    return math.log(keep / (1 - 2 * keep))


@reference("2")
def steps_to_overflow(keep, let_in):
    end = let_in / (1 - keep) if keep < 1 else math.inf * (let_in > 0 or math.nan)
    if not end > 2.647:
        return math.inf
    cell, steps = 0.0, 0
    while cell <= 2.647:
        cell, steps = keep * cell + let_in, steps + 1
    return steps


@also_right("2")
def overflow_by_long_patience(keep, let_in):
    cell = 0.0
    for step in range(1, 10_001):
        cell = keep * cell + let_in
        if math.tanh(cell) > 0.99:
            return step
    return math.inf


@also_right("2")
def overflow_by_logarithm(keep, let_in):
    limit = math.atanh(0.99)
    if let_in == 0:
        return float("inf")
    if keep == 1:
        return math.floor(limit / let_in) + 1
    share = limit * (1 - keep) / let_in
    return math.floor(math.log(1 - share) / math.log(keep)) + 1 if share < 1 else float("inf")


@also_right("2")
def overflow_until_it_stands(keep, let_in):
    cell, step = 0.0, 0
    while True:
        before, cell, step = cell, keep * cell + let_in, step + 1
        if cell > 2.6467:
            return step
        if cell - before < 1e-12:
            return math.inf


@also_right("2")
def overflow_by_numpy(keep, let_in):
    levels = np.cumsum(let_in * np.float64(keep) ** np.arange(5000))
    return np.argmax(levels > 2.647) + 1 if levels[-1] > 2.647 else np.inf


@also_right("2")
def overflow_by_torch(keep, let_in):
    above = torch.cumsum(let_in * torch.tensor(keep, dtype=torch.float64) ** torch.arange(5000), 0) > 2.647
    return above.nonzero()[0] + 1 if above.any() else torch.tensor(math.inf)


@wrong("2", "the leak is ignored")
def overflow_without_leak(keep, let_in):
    return math.floor(2.647 / let_in) + 1 if let_in else math.inf


@wrong("2", "was stopped after")
def overflow_for_ever(keep, let_in):
    cell, steps = 0.0, 0
    while cell <= 2.647:
        cell, steps = keep * cell + let_in, steps + 1
    return steps


@wrong("2", "raised ZeroDivisionError for keep = 1")
def overflow_by_zero(keep, let_in):
    return overflow_by_logarithm(keep, let_in) if let_in / (1 - keep) > 2.647 else math.inf


@wrong("2", "keep multiplies the old level, not let_in")
def overflow_of_a_leaking_word(keep, let_in):
    cell, steps = 0.0, 0
    while cell <= 2.647 and steps < 10_000:
        cell, steps = keep * (cell + let_in), steps + 1
    return steps if cell > 2.647 else math.inf


@wrong("2", "one too few: if the first word is step 1, the level after step 5 is 2.5.")
def overflow_from_zero(keep, let_in):
    return steps_to_overflow(keep, let_in) - 1


@wrong("2", "one too many: if the first word is step 1, the level after step 6 is 3.")
def overflow_once_more(keep, let_in):
    return steps_to_overflow(keep, let_in) + 1


@wrong("2", "one too few: if the first word is step 1, the level after step 7 is 2.609.")
def overflow_of_a_smaller_bath(keep, let_in):
    cell, steps = 0.0, 0
    while cell <= 2.6 and steps < 10_000:
        cell, steps = keep * cell + let_in, steps + 1
    return steps if cell > 2.6 else math.inf


@wrong("2", "but the cell passes 2.647 in step 6")
def overflow_of_tanh(keep, let_in):
    cell = 0.0
    for step in range(1, 1000):
        cell = keep * cell + let_in
        if math.tanh(cell) > 1:
            return step
    return math.inf


@wrong("2", "there the level passes 0.99")
def overflow_of_the_cell(keep, let_in):
    cell = 0.0
    for step in range(1, 10_000):
        cell = keep * cell + let_in
        if cell > 0.99:
            return step
    return math.inf


@wrong("2", "it gives nan")
def overflow_to_nan(keep, let_in):
    if keep == 1:
        return math.floor(2.647 / let_in) + 1 if let_in else math.inf
    share = 1 - 2.647 * (1 - keep) / let_in
    return math.floor(math.log(share) / math.log(keep)) + 1 if share > 0 else math.nan


@wrong("2", "Steps are whole")
def overflow_between_steps(keep, let_in):
    if keep == 1:
        return 2.647 / let_in if let_in else math.inf
    share = 1 - 2.647 * (1 - keep) / let_in
    return math.log(share) / math.log(keep) if share > 0 else math.inf


@wrong("2", "it gives 12; right is 6")
def overflow_doubled(keep, let_in):
    return 2 * steps_to_overflow(keep, let_in)


@wrong("2", "it ends at 2. Return math.inf.")
def overflow_with_a_limit_at_times(keep, let_in):
    return overflow_with_a_limit(keep, let_in) if keep == 0.9 else steps_to_overflow(keep, let_in)


@wrong("2", "stays below 2.647 for ever: it ends at 1")
def overflow_with_a_limit(keep, let_in):
    steps = steps_to_overflow(keep, let_in)
    return 10_000 if steps == math.inf else steps


@reference("3")
def tokens_that_fit(width, bits, vocabulary):
    state = 2 * width * bits  # h and c
    return int(state / math.log2(vocabulary))


@also_right("3")
def tokens_by_whole_numbers(width, bits, vocabulary):
    pasts, tokens = 2 ** (2 * width * bits), 0
    while vocabulary ** (tokens + 1) <= pasts:
        tokens += 1
    return tokens


@also_right("3")
def tokens_by_floor(width, bits, vocabulary):
    return math.floor(width * bits * 2 * math.log(2) / math.log(vocabulary))


@also_right("3")
def tokens_by_numpy(width, bits, vocabulary):
    return np.floor(2 * bits * width / np.log2(vocabulary))


@also_right("3")
def tokens_by_torch(width, bits, vocabulary):
    return (2 * width * bits / torch.log2(torch.tensor(vocabulary, dtype=torch.float64))).floor()


@also_right("3")
def tokens_by_division(width, bits, vocabulary):
    return (width * bits + width * bits) // math.log(vocabulary, 2)


@wrong("3", "an LSTM carries two vectors, h and c")
def tokens_of_h(width, bits, vocabulary):
    return int(width * bits / math.log2(vocabulary))


@wrong("3", "log₂ V bits, not ln V")
def tokens_by_ln(width, bits, vocabulary):
    return int(2 * width * bits / math.log(vocabulary))


@wrong("3", "log₂ V bits, not log₁₀ V")
def tokens_by_log10(width, bits, vocabulary):
    return int(2 * width * bits / math.log10(vocabulary))


@wrong("3", "each number has several bits")
def tokens_of_one_bit(width, bits, vocabulary):
    return int(2 * width / math.log2(vocabulary))


@wrong("3", "the bits are divided by V")
def tokens_over_vocabulary(width, bits, vocabulary):
    return 2 * width * bits // vocabulary


@wrong("3", "a part of a token tells nothing")
def tokens_not_whole(width, bits, vocabulary):
    return 2 * width * bits / math.log2(vocabulary)


@wrong("3", "rounded up")
def tokens_rounded_up(width, bits, vocabulary):
    return math.ceil(2 * width * bits / math.log2(vocabulary))


@wrong("3", "it gives 654, rounded up")
def tokens_rounded(width, bits, vocabulary):
    return round(2 * width * bits / math.log2(vocabulary))


@wrong("3", "it gives 1048; right is 1049")
def tokens_one_too_few(width, bits, vocabulary):
    return tokens_that_fit(width, bits, vocabulary) - 1


@wrong("3", "How many bits has a token?")
def tokens_as_bits(width, bits, vocabulary):
    return 2 * width * bits


@wrong("3", "the four gates are computed anew")
def tokens_of_gates(width, bits, vocabulary):
    return int(8 * width * bits / math.log2(vocabulary))


@wrong("3", "right is 1049")
def tokens_by_bytes(width, bits, vocabulary):
    return int(2 * width * bits / 8 / math.log2(vocabulary))


@reference("4")
def latch():
    # Resting places ±0.995. A whisper moves w h + u x by 1.2 at most: no side is lost. A shout moves it by 4: it turns.
    return 3.0, 4.0


@also_right("4")
def latch_held_harder():
    return 5.0, 7.0


@also_right("4")
def latch_by_numpy():
    return np.array([4.0, 5.5])


@also_right("4")
def latch_by_torch():
    return torch.tensor([3.5, 4.5])


@also_right("4")
def latch_of_the_other_sign():
    return [3.0, -4.0]  # its state has the sign of the last shout turned around: it can still be read


@also_right("4")
def latch_on_the_left():
    return (2.8, 3.6)


@wrong("4", "Take a w above 1")
def latch_that_fades():
    return 0.9, 1.0


@wrong("4", "Take a w above 1")
def latch_without_memory():
    return 0.0, 1.0


@wrong("4", "the sign changes at each word")
def latch_that_swings():
    return -3.0, 4.0


@wrong("4", "a shout does not turn the state")
def latch_that_is_deaf():
    return 3.0, 0.5


@wrong("4", "a shout does not turn the state")
def latch_exchanged():
    return 4.0, 3.0


@wrong("4", "a shout does not turn the state")
def latch_that_hears_next_to_nothing():
    return 3.0, 1e-5


@wrong("4", "after a shout of the other sign, which has turned the state, but not far. Take a larger u.")
def latch_that_hardly_turns():
    return 3.0, 3.0


@wrong("4", "turned the state, but not far. Take a u further below 0.")
def latch_that_hardly_turns_below():
    return 3.0, -3.0


@wrong("4", "whispers turn it over")
def latch_that_is_shouted_down():
    return 2.0, 6.0


@wrong("4", "whispers turn it over")
def latch_just_above_one():
    return 1.05, 1.2


@wrong("4", "whispers turn it over. Take a larger w.")
def latch_that_forty_whispers_turn():
    return 2.0, 2.0


@wrong("4", "u is 0")
def latch_without_words():
    return 3.0, 0.0


@wrong("4", "two numbers are needed")
def latch_of_one_number():
    return 3.0


@wrong("4", "a finite number is needed for w")
def latch_at_infinity():
    return math.inf, 1.0
