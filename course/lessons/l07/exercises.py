"""Lesson 07: the scale of a score, the weights of a block, how different the words are, and two kernels."""

import math

import torch
import torch.nn.functional as F

from ...exercises import Exercise, Wrong, close, in_float64, kind, require
from .depth import difference_left as measured


def check_scale(student):
    for D, spread_q, spread_k in ((5, 2.0, 3.0), (64, 1.0, 1.0), (3, 0.1, 0.2), (16, 2.0, 0.5)):
        setting = f"D = {D} and spreads {spread_q:g} and {spread_k:g}"
        scale = student.number(D, spread_q, spread_k, on=setting)
        spread = math.sqrt(D) * spread_q * spread_k  # of q·k
        require(
            scale > 0, f"for {setting} the scale is {scale:g}. A scale is positive: it must not turn the scores round."
        )
        if abs(scale * spread - 1) < 0.02:
            continue
        for value, sentence in _other_scales(D, spread_q, spread_k):
            require(not math.isclose(scale, value, rel_tol=0.01), f"for {setting} {sentence}")
        require(False, f"for {setting} the scaled scores have the spread {scale * spread:.3g}, and 1 is asked for.")


def _other_scales(D, spread_q, spread_k):
    """[(a scale that is typed by mistake, the sentence)]"""
    root, product = math.sqrt(D), spread_q * spread_k
    return [
        (root * product, "this is the spread of q·k itself. The scale multiplies it to 1: take one over it."),
        (
            1 / (root * product) ** 2,
            "this is one over the variance of q·k. What must become 1 is the spread, its root.",
        ),
        (1 / root, "this is 1/√D, which is right for spreads of 1. Wider queries and keys make wider scores."),
        (1 / product, "the number of terms is missing: q·k is a sum of D products."),
        (1 / (D * product), "the spread is taken to grow with D. Variances add, so it grows with √D."),
        (1 / math.sqrt(D * product), "the root is taken of the spreads too. They are spreads already, not variances."),
        (
            1 / (root * product**2),
            "the spreads are squared outside the root. A spread of 2 doubles the scores, no more.",
        ),
        (1 / (root * (spread_q + spread_k)), "the spreads are added. A product of two numbers multiplies them."),
        (1 / (root * spread_q), "the spread of the keys is missing."),
        (1 / (root * spread_k), "the spread of the queries is missing."),
    ]


def check_parameters(student):
    for d in (5, 8, 300, 512):
        count = student.number(d)
        if count == 12 * d * d:
            continue
        for other, sentence in _other_counts(d):
            require(count != other, f"for d = {d} you find {count:g}. {sentence}")
        require(False, f"for d = {d} you find {count:g}, and the six matrices have {12 * d * d:,} numbers.")


def _other_counts(d):
    """[(a count that is typed by mistake, the sentence)]"""
    square = d * d
    return [
        (
            12 * square + 13 * d,
            "That is torch's layer, with all biases and both LayerNorms: right there; here the matrices alone are asked for.",
        ),
        (12 * square + 9 * d, "The biases are counted too: right for torch's linear layers; here the matrices alone."),
        (11 * square, "That is 11 d²: one d × d matrix is missing. After the heads comes W_O."),
        (9 * square, "That is 9 d²: of W_Q, W_K, W_V and W_O one is counted."),
        (
            8 * square,
            "That is 8 d²: either the feed-forward part has one matrix instead of two, or attention is missing.",
        ),
        (7 * square, "That is 7 d²: W_O and one of the two matrices of the feed-forward part are missing."),
        (6 * square, "That is 6 d²: the feed-forward part is 4 d wide inside, not d."),
        (4 * square, "That is 4 d², attention alone. The feed-forward part has two matrices more."),
        (3 * square, "That is 3 d²: W_Q, W_K and W_V. W_O and the feed-forward part are missing."),
        (40 * square, "Attention is counted for each of 8 heads. The heads share the width: each has d / 8 columns."),
        (24 * square, "That is two blocks, or every matrix twice."),
        (12 * d, "That is 12 d: a matrix has as many rows as columns, so d² numbers."),
    ]


def check_difference(student):
    generator = torch.Generator().manual_seed(73)
    for T, D in ((2, 3), (5, 4), (6, 60)):
        X = torch.randn(T, D, generator=generator, dtype=torch.float64) + 0.5
        setting = f"random words of shape ({T}, {D})"
        share = student.number(X, on=setting)
        if abs(share - measured(X)) < 1e-4:
            continue
        for value, sentence in _other_shares(X):
            require(abs(share - value) > 1e-4 * max(1, abs(value)), f"for {setting} {sentence}")
        times = student.number(10 * X, on=f"ten times these {setting}")
        require(
            abs(times - share) < 1e-4 * max(1, abs(share)),
            f"for {setting} you find {share:.3g}, and for ten times these words {times:.3g}. A share does not grow with "
            "the numbers: divide by the norm of X.",
        )
        require(False, f"for {setting} you find {share:.4g}, and it is {measured(X):.4g}.")
    _check_ends(student)


def _other_shares(X):
    """[(a value that is typed by mistake, the sentence)]"""
    share, words = measured(X), X - X.mean(dim=0)
    columns, everything = X - X.mean(dim=1, keepdim=True), X - X.mean()
    ratio = (words.norm() / X.mean(dim=0).norm()).item()
    cosine = F.cosine_similarity(X[0], X[1], dim=0).item()
    return [
        (share**2, "the norms are squared: this is the share of ‖·‖². Take the root."),
        (1 / share, "the share is upside down: the difference stands above, the whole below."),
        (1 - share, "this is what is *not* left, or one minus the share."),
        (
            (columns.norm() / X.norm()).item(),
            "the mean runs over the numbers of each word. Take it over the words: dim=0.",
        ),
        (
            (everything.norm() / X.norm()).item(),
            "the mean is one number, of everything. Take one vector: over the words, dim=0.",
        ),
        (ratio, "it is divided by the norm of the mean, not of X: with words that cancel out this is without end."),
        ((X.mean(dim=0).norm() / X.norm()).item(), "this is the norm of the mean, once. It stands in all rows of X."),
        (1 - cosine, "this compares the first two words alone."),
        (words.norm().item(), "this is the difference itself. As a share it is divided by the norm of X."),
        (
            X.std(dim=0).mean().item(),
            "this is a standard deviation: it grows with the numbers. Divide by the norm of X.",
        ),
        (X.std().item(), "this is a standard deviation: it grows with the numbers. Divide by the norm of X."),
    ]


def _check_ends(student):
    alike = torch.tensor([[3.0, 4.0]] * 5, dtype=torch.float64)
    share = student.number(alike, on="five equal words")
    require(abs(share) < 1e-6, f"for five equal words you find {share:.3g}; nothing is different, so it is 0.")
    opposite = torch.tensor([[1.0, 2.0], [-1.0, -2.0]], dtype=torch.float64)
    share = student.number(opposite, on="two opposite words")
    require(
        abs(share - 1) < 1e-6, f"for two opposite words, whose mean is 0, you find {share:.3g}; all is difference: 1."
    )
    nothing = torch.zeros(3, 2, dtype=torch.float64)
    answer = student(nothing, on="three words that are all zero")
    require(
        not isinstance(answer, (float, torch.Tensor)) or float(answer) == float(answer),
        "for three words that are all zero you find nan, 0 divided by 0. They are alike: return 0.",
    )
    share = student.number(nothing, on="three words that are all zero")
    require(abs(share) < 1e-6, f"for three words that are all zero you find {share:.3g}. They are alike: return 0.")


def check_kernels(student):
    generator = torch.Generator().manual_seed(74)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    for D, hidden in ((2, 3), (3, 7), (4, 4)):
        setting = f"D = {D} and {hidden} numbers inside"
        up, down = random(hidden, D), random(D, hidden)
        answer = student(up, down, on=setting)
        require(
            isinstance(answer, (tuple, list)) and len(answer) == 2,
            f"two kernels are needed, one for `up` and one for `down`; this is {kind(answer)}.",
        )
        for kernel, matrix, name in zip(answer, (up, down), ("first", "second"), strict=True):
            _check_kernel(in_float64(kernel, f"the {name} kernel"), matrix, name, setting)


def _check_kernel(kernel, matrix, name, setting):
    out, into = matrix.shape
    shape = tuple(kernel.shape)
    needed = f"For {setting} conv1d wants the {name} kernel as (outputs, inputs, places), {(out, into, 1)}"
    require(
        kernel.dim() == 3, f"{needed}; yours has shape {shape}. A kernel has an axis for the places that it covers."
    )
    require(shape != (1, out, into), f"{needed}; yours is {shape}: the axis of one place stands last, not first.")
    require(
        shape != (out, 1, into), f"{needed}; yours is {shape}: the axis of one place stands last, not in the middle."
    )
    require(shape[2] == 1, f"{needed}; yours covers {shape[2]} places, and each word is to stay alone.")
    turned = out != into and shape == (into, out, 1)
    require(not turned, f"{needed}; yours is {shape}: outputs and inputs are exchanged, or the two kernels are.")
    require(shape == (out, into, 1), f"{needed}; yours has shape {shape}.")
    if close(kernel[..., 0], matrix):
        return
    if out == into:
        require(
            not close(kernel[..., 0], matrix.T),
            f"for {setting} the {name} kernel is transposed; square ones do not complain.",
        )
    raise Wrong(f"for {setting} the {name} kernel holds other numbers than its matrix.")


EXERCISES = [
    Exercise(
        id="1",
        function="score_scale",
        task="Find the number that gives the scores a spread of 1, for queries and keys of any spread, all means zero.",
        hints=(
            "q·k is a sum of D products. What is the variance of one product of two independent numbers of mean 0?",
            "One product has the variance spread_q² · spread_k². Variances of independent terms add.",
            "The variance of q·k is D · spread_q² · spread_k²; its spread is the root of that. The scale is one over it.",
        ),
        check=check_scale,
    ),
    Exercise(
        id="2",
        function="block_parameters",
        task="Count the numbers in the matrices of one encoder block of width d, without biases and LayerNorms.",
        hints=(
            "Attention has four matrices, the feed-forward part two. What is the shape of each?",
            "W_Q, W_K, W_V and W_O are d × d, for all heads together. The feed-forward part goes from d to 4d and back.",
            "4 · d² and 2 · 4d · d.",
        ),
        check=check_parameters,
    ),
    Exercise(
        id="3",
        function="difference_left",
        task="Measure how different the words are: ‖X − mean over the words‖ / ‖X‖, 0 if all are zero.",
        hints=(
            "The mean over the words is one vector, (D,). What is left of X without it?",
            "X.mean(dim=0) is that vector; .norm() of a matrix is the root of the sum of all squares.",
            "(X - X.mean(dim=0)).norm() / X.norm(), and 0.0 where X.norm() is 0.",
        ),
        check=check_difference,
    ),
    Exercise(
        id="4",
        function="as_kernels",
        task="Turn the two matrices of a feed-forward part into two kernels for F.conv1d, which slides over the words.",
        hints=(
            "A kernel that covers one place sees one word. What does it have to do with that word?",
            "conv1d wants (outputs, inputs, places); nn.Linear keeps (outputs, inputs).",
            "Add the axis of places at the end: up[:, :, None], or up.unsqueeze(-1).",
        ),
        check=check_kernels,
    ),
]
