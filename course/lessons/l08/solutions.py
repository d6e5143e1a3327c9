"""Lesson 08: right answers and wrong ones."""

import math

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: operations for each byte


@reference("1")
def intensity(rows, D, itemsize):
    operations = 2 * rows * D * D
    numbers = rows * D + D * D + rows * D  # come in, the matrix, go out
    return operations / (itemsize * numbers)


@also_right("1")
def intensity_cancelled(rows, D, itemsize):
    return 2 * rows * D / (itemsize * (2 * rows + D))


@also_right("1")
def intensity_by_counting_dots(rows, D, itemsize):
    operations = rows * D * (D + D - 1)  # D products and D − 1 sums each
    return (operations + rows * D) / itemsize / (D * (D + 2 * rows))


answers.also_right("1", lambda rows, D, itemsize: torch.tensor(2 * rows * D / (itemsize * (2 * rows + D))))
answers.also_right("1", lambda rows, D, itemsize: np.float32(2 / itemsize / (2 / D + 1 / rows)))
answers.also_right("1", lambda rows, D, itemsize: 1 / (itemsize * (1 / D + 1 / rows / 2)))

WRONG_INTENSITIES = {
    "A multiply–add is two operations": lambda rows, D, s: rows * D / (s * (2 * rows + D)),
    "You count D − 1 additions": lambda rows, D, s: rows * (2 * D - 1) / (s * (2 * rows + D)),
    "That is operations for each number": lambda rows, D, s: 2 * rows * D / (2 * rows + D),
    "That is bytes for each operation": lambda rows, D, s: s * (2 * rows + D) / (2 * rows * D),
    "Only the matrix is counted": lambda rows, D, s: 2 * rows / s,
    "The rows are counted once": lambda rows, D, s: 2 * rows * D / (s * (rows + D)),
    "The matrix is missing": lambda rows, D, s: D / s,
    "you seem to count bits": lambda rows, D, s: 2 * rows * D / (8 * s * (2 * rows + D)),
    "stand on the wrong side": lambda rows, D, s: s * 2 * rows * D / (2 * rows + D),
    "That is the number of rows": lambda rows, D, s: rows,
    "That is the number of operations": lambda rows, D, s: 2 * rows * D * D,
    "That is the number of bytes": lambda rows, D, s: s * (2 * rows * D + D * D),
    "You fetch the matrix anew for each row": lambda rows, D, s: 2 * D / (s * (2 + D)),
    "// cuts off": lambda rows, D, s: 2 * rows * D * D // (s * (2 * rows * D + D * D)),
    "2,400 operations are done and 4,160 bytes moved": lambda rows, D, s: D,
    "a number is needed for rows = 3, D = 20, itemsize = 8, and this is a tuple": lambda rows, D, s: (rows, D),
    "returned None": lambda rows, D, s: print(rows * D),
}
for sentence, function in WRONG_INTENSITIES.items():
    answers.wrong("1", sentence, function)


# ---- 2: the gradient of a batch from its parts


@reference("2")
def combine(parts):
    weighted = [n * gradient for gradient, n in parts if n]  # a part without terms has no gradient: 0/0
    return sum(weighted) / sum(n for _, n in parts)


@also_right("2")
def combine_by_shares(parts):
    total = sum(n for _, n in parts)
    return torch.stack([gradient * (n / total) for gradient, n in parts if n > 0]).sum(0)


@also_right("2")
def combine_step_by_step(parts):
    mean, seen = None, 0
    for gradient, n in parts:
        if n == 0:
            continue
        mean = gradient if mean is None else mean + (gradient - mean) * n / (seen + n)
        seen += n
    return mean


@also_right("2")
def combine_without_nan(parts):
    total = sum(n for _, n in parts)
    return sum(torch.nan_to_num(gradient) * n for gradient, n in parts) / total


@also_right("2")
def combine_by_numpy(parts):
    kept = [(gradient.numpy(), n) for gradient, n in parts if n]
    return np.average([gradient for gradient, _ in kept], axis=0, weights=[n for _, n in kept])


@also_right("2")
def combine_as_list(parts):
    return combine(parts).tolist()


@wrong("2", "you give each part the same weight")
def combine_by_plain_mean(parts):
    return torch.stack([gradient for gradient, _ in parts]).mean(0)


@wrong("2", "the gradients are added up: right for sums of terms")
def combine_by_adding(parts):
    return sum(gradient for gradient, _ in parts)


@wrong("2", "and not divided by the number of all terms")
def combine_by_adding_weighted(parts):
    return sum(n * gradient for gradient, n in parts)


@wrong("2", "you divide by the number of parts")
def combine_weighted_over_parts(parts):
    return sum(n * gradient for gradient, n in parts) / len(parts)


@wrong("2", "the weights are upside down")
def combine_upside_down(parts):
    return sum(gradient / n for gradient, n in parts) / sum(1 / n for _, n in parts)


@wrong("2", "for parts of 6, 0, 3 terms the result is nan")
def combine_with_nan(parts):
    return sum(n * gradient for gradient, n in parts) / sum(n for _, n in parts)


@wrong("2", "have not multiplied each part by its own")
def combine_without_weights(parts):
    return sum(gradient for gradient, _ in parts) / sum(n for _, n in parts)


@wrong("2", "It is a mean already: multiply")
def combine_by_dividing(parts):
    return sum(gradient / n for gradient, n in parts)


@wrong("2", "you return the first part's gradient")
def combine_to_the_first(parts):
    return parts[0][0]


@wrong("2", "the number of terms is squared")
def combine_squared(parts):
    return sum(n * n * gradient for gradient, n in parts) / sum(n * n for _, n in parts)


@wrong("2", "returned shape (); one gradient of shape (3,) is needed")
def combine_to_a_number(parts):
    return combine(parts).sum()


@wrong("2", "raised RuntimeError for parts of 3, 1 terms")
def combine_with_a_weight_for_each_column(parts):
    gradients, terms = torch.stack([gradient for gradient, _ in parts]), torch.tensor([n for _, n in parts])
    return (gradients * terms).sum(0) / terms.sum()


@wrong("2", "returned a tuple; one gradient of shape (3,)")
def combine_to_a_pair(parts):
    return combine(parts), sum(n for _, n in parts)


@wrong("2", "returned None")
def combine_and_print(parts):
    print(combine(parts))


@wrong("2", "for parts of 3, 1 terms the gradient is off by up to")
def combine_with_equal_and_weighted(parts):
    return (combine(parts) + combine_by_plain_mean(parts)) / 2


@wrong("2", "returned a Tensor; one gradient of shape (3,)")
def combine_to_complex_numbers(parts):
    return combine(parts) * 1j


@wrong("2", "returned a dict; one gradient of shape (3,)")
def combine_to_a_dict(parts):
    return {"gradient": combine(parts)}


# ---- 3: two blocks of keys


@reference("3")
def merge(left, right):
    m = torch.maximum(left[0], right[0])
    base = m.clamp(min=-1e300)  # with no key on either side m is −∞, and −∞ − (−∞) is no number
    shrink_left, shrink_right = (left[0] - base).exp(), (right[0] - base).exp()
    return m, shrink_left * left[1] + shrink_right * right[1], shrink_left * left[2] + shrink_right * right[2]


@also_right("3")
def merge_with_ifs(left, right):
    if left[1] == 0:
        return right
    if right[1] == 0:
        return left
    if left[0] < right[0]:
        left, right = right, left
    shrink = torch.exp(right[0] - left[0])
    return [left[0], left[1] + shrink * right[1], left[2] + shrink * right[2]]


@also_right("3")
def merge_by_logarithms(left, right):
    if not left[1] or not right[1]:
        return left if left[1] else right
    levels = [block[0] + block[1].log() for block in (left, right)]
    level = torch.logaddexp(*levels)  # measured from here ℓ is 1
    mixed = sum((at - level).exp() * block[2] / block[1] for at, block in zip(levels, (left, right), strict=True))
    return level, torch.ones(()), mixed


@also_right("3")
def merge_by_helpers(left, right):
    from helpers.ops.online import merge as joined

    m, total, mixed = joined(*((block[0].view(1), block[1].view(1), block[2]) for block in (left, right)))
    return m[0], total[0], mixed


@also_right("3")
def merge_by_numpy(left, right):
    (m_1, l_1, o_1), (m_2, l_2, o_2) = ([part.numpy() for part in block] for block in (left, right))
    m = max(m_1, m_2)
    if m == -np.inf:
        return m, l_1, o_1
    return m, np.exp(m_1 - m) * l_1 + np.exp(m_2 - m) * l_2, np.exp(m_1 - m) * o_1 + np.exp(m_2 - m) * o_2


@also_right("3")
def merge_stacked(left, right):
    ms, sums, mixes = (torch.stack(pair) for pair in zip(left, right, strict=True))
    m = ms.max()
    factors = torch.nan_to_num((ms - m).exp(), nan=1.0)
    return m, (factors * sums).sum(), factors @ mixes


@wrong("3", "for blocks of 1 key and 1 key the block with the smaller m is added as it is")
def merge_by_adding(left, right):
    return torch.maximum(left[0], right[0]), left[1] + right[1], left[2] + right[2]


@wrong("3", "keys the block with the smaller m is added as it is")
def merge_shrinking_the_left_alone(left, right):
    m = torch.maximum(left[0], right[0])
    shrink = (left[0] - m).exp()
    return m, shrink * left[1] + right[1], shrink * left[2] + right[2]


@wrong("3", "you measure each block from the other one's m")
def merge_from_the_others_m(left, right):
    a, b = (left[0] - right[0]).exp(), (right[0] - left[0]).exp()
    return torch.maximum(left[0], right[0]), a * left[1] + b * right[1], a * left[2] + b * right[2]


@wrong("3", "you take the mean of the two results")
def merge_to_the_mean(left, right):
    result = (left[2] / left[1] + right[2] / right[1]) / 2
    return torch.maximum(left[0], right[0]), torch.ones(()), result


@wrong("3", "the sign is turned")
def merge_growing(left, right):
    m = torch.maximum(left[0], right[0])
    grow_left, grow_right = (m - left[0]).exp(), (m - right[0]).exp()
    return m, grow_left * left[1] + grow_right * right[1], grow_left * left[2] + grow_right * right[2]


@wrong("3", "each block has got the other one's factor")
def merge_crossed(left, right):
    m = torch.maximum(left[0], right[0])
    a, b = (right[0] - m).exp(), (left[0] - m).exp()
    return m, a * left[1] + b * right[1], a * left[2] + b * right[2]


@wrong("3", "ℓ is brought to the new m, and o is not")
def merge_with_old_vectors(left, right):
    m = torch.maximum(left[0], right[0])
    return m, (left[0] - m).exp() * left[1] + (right[0] - m).exp() * right[1], left[2] + right[2]


@wrong("3", "o is divided by ℓ before it is merged")
def merge_of_results(left, right):
    m, total, _ = merge(left, right)
    a, b = (left[0] - m).exp(), (right[0] - m).exp()
    return m, total, a * left[2] / left[1] + b * right[2] / right[1]


@wrong("3", "o is divided by ℓ already")
def merge_and_divide(left, right):
    m, total, mixed = merge(left, right)
    return m, total, mixed / total


@wrong("3", "o / ℓ is right, but ℓ · exp(m) is not the sum")
def merge_with_a_wrong_m(left, right):
    _, total, mixed = merge(left, right)
    return left[0] + right[0], total, mixed


@wrong("3", "measure from the larger of the two m")
def merge_from_zero(left, right):
    a, b = left[0].exp(), right[0].exp()
    return torch.zeros(()), a * left[1] + b * right[1], a * left[2] + b * right[2]


@wrong("3", "measure from the larger of the two m")
def merge_from_the_left(left, right):
    b = (right[0] - left[0]).exp()
    return left[0], left[1] + b * right[1], left[2] + b * right[2]


@wrong("3", "two blocks without any key give nan")
def merge_without_care(left, right):
    m = torch.maximum(left[0], right[0])
    a, b = (left[0] - m).exp(), (right[0] - m).exp()
    return m, a * left[1] + b * right[1], a * left[2] + b * right[2]


@wrong("3", "returned a Tensor; three things are needed")
def merge_to_one_vector(left, right):
    _, total, mixed = merge(left, right)
    return mixed / total


@wrong("3", "you return the left block")
def merge_nothing(left, right):
    return left


@wrong("3", "returned None")
def merge_and_print(left, right):
    print(merge(left, right))


@wrong("3", "o is a str")
def merge_to_words(left, right):
    return torch.maximum(left[0], right[0]), left[1] + right[1], "later"


@wrong("3", "ℓ has shape (2,)")
def merge_side_by_side(left, right):
    m, _, mixed = merge(left, right)
    return m, torch.stack([left[1], right[1]]), mixed


@wrong("3", "a result is not finite")
def merge_by_zero(left, right):
    m, total, mixed = merge(left, right)
    return m, total, mixed / (m - torch.maximum(left[0], right[0]))


@wrong("3", "m and ℓ are right, and o is not")
def merge_with_squared_factors(left, right):
    m, total, _ = merge(left, right)
    a, b = (left[0] - m).exp(), (right[0] - m).exp()
    return m, total, a * a * left[2] + b * b * right[2]


@wrong("3", "the output o / ℓ is off by up to")
def merge_with_doubled_factors(left, right):
    m = torch.maximum(left[0], right[0])
    a, b = (2 * (left[0] - m)).exp(), (2 * (right[0] - m)).exp()
    return m, a * left[1] + b * right[1], a * left[2] + b * right[2]


@wrong("3", "the block of 2 keys should come back")
def merge_forgetting_empty_ones(left, right):
    if not left[1] or not right[1]:
        return torch.zeros(()), torch.zeros(()), torch.zeros_like(left[2])
    return merge(left, right)


# ---- 4: where the ridge is crossed


@reference("4")
def rows_at_ridge(D, ridge):
    if 2 * ridge >= D:  # a byte never brings as much as D / 2
        return float("inf")
    return ridge * D / (D - 2 * ridge)


@also_right("4")
def rows_rounded_up(D, ridge):
    return math.ceil(ridge * D / (D - 2 * ridge)) if 2 * ridge < D else math.inf


@also_right("4")
def rows_by_counting(D, ridge):
    for rows in range(1, 10_000):
        if rows * D / (D + 2 * rows) >= ridge:
            return rows
    return math.inf


@also_right("4")
def rows_by_halving(D, ridge):
    low, high = 0.0, 1e9
    if high * D / (D + 2 * high) < ridge * (1 + 1e-6):
        return math.inf
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * D / (D + 2 * middle) < ridge else (low, middle)
    return high


answers.also_right("4", lambda D, ridge: torch.tensor(1 / (1 / ridge - 2 / D)) if 1 / ridge > 2 / D else math.inf)
answers.also_right("4", lambda D, ridge: np.float64(ridge) * D / (D - 2 * ridge) if ridge < D / 2 else math.inf)
answers.also_right("4", lambda D, ridge: ridge / (1 - 2 * ridge / D) if 2 * ridge < D else math.inf)

WRONG_ROWS = {
    "That is the ridge itself": lambda D, ridge: ridge if 2 * ridge < D else math.inf,
    "The sign is turned": lambda D, ridge: ridge * D / (2 * ridge - D) if 2 * ridge < D else math.inf,
    "That is what a byte brings with ridge rows": lambda D, ridge: ridge * D / (D + 2 * ridge),
    "One of rows and results is missing": lambda D, ridge: ridge * D / (D - ridge) if ridge < D else math.inf,
    "That is half of it": lambda D, ridge: ridge * D / (2 * D - 4 * ridge) if 2 * ridge < D else math.inf,
    "That is D / 2": lambda D, ridge: D / 2,
    "for D = 256, ridge = 162 you find -609.9": lambda D, ridge: ridge * D / (D - 2 * ridge),
    "raised ZeroDivisionError for D = 324, ridge = 162": lambda D, ridge: (
        ridge * D / (D - 2 * ridge) if 2 * ridge <= D else math.inf
    ),
    "you say never. With enough rows": lambda D, ridge: math.inf,
    "returned None for D = 256": lambda D, ridge: ridge * D / (D - 2 * ridge) if 2 * ridge < D else None,
    "for D = 256, ridge = 162 you find 'never'": lambda D, ridge: (
        ridge * D / (D - 2 * ridge) if 2 * ridge < D else "never"
    ),
    "That is twice as many as needed": lambda D, ridge: 2 * ridge * D / (D - 2 * ridge) if 2 * ridge < D else math.inf,
    "a number is needed for D = 50, ridge = 7, and this is a Tensor": lambda D, ridge: torch.tensor([ridge, D]),
    "with so many a byte brings": lambda D, ridge: 9 * ridge,
}
for sentence, function in WRONG_ROWS.items():
    answers.wrong("4", sentence, function)
