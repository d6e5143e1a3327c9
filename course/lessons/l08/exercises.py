"""Lesson 08: operations a byte, the gradient of unequal parts, two merged blocks of keys, the crossing of the ridge."""

import math

import torch

from ...exercises import Exercise, Wrong, close, kind, number, plural, require, shown

# ---- 1: operations for each byte


def check_intensity(student):
    for rows, D, itemsize in ((3, 20, 8), (300, 200, 8), (7, 30, 4), (160, 512, 2)):
        setting = f"rows = {rows}, D = {D}, itemsize = {itemsize}"
        answer = student.number(rows, D, itemsize, on=setting)
        operations, moved = 2 * rows * D * D, itemsize * (2 * rows * D + D * D)
        if math.isclose(answer, operations / moved, rel_tol=0.005):
            continue
        for value, sentence in _other_intensities(rows, D, itemsize):
            require(not math.isclose(answer, value, rel_tol=0.005), f"for {setting} you find {answer:.3g}. {sentence}")
        require(
            False,
            f"for {setting} you find {answer:.3g}; {operations:,} operations are done and {moved:,} bytes moved.",
        )


def _other_intensities(rows, D, itemsize):
    """[(what is typed by mistake, the sentence)]"""
    operations, weights, words = 2 * rows * D * D, D * D, rows * D
    numbers = 2 * words + weights
    return [
        (operations / 2 / (itemsize * numbers), "A multiply–add is two operations, a multiplication and an addition."),
        (
            (operations - words) / (itemsize * numbers),
            "You count D − 1 additions a result, which is exact. Here a multiply–add is two operations: count D of each.",
        ),
        (operations / numbers, "That is operations for each number. A number has itemsize bytes."),
        (itemsize * numbers / operations, "That is bytes for each operation: turn it over."),
        (operations / (itemsize * weights), "Only the matrix is counted. The rows come in, and the results go out."),
        (
            operations / (itemsize * (weights + words)),
            "The rows are counted once. They come in, and as many numbers go out.",
        ),
        (operations / (itemsize * 2 * words), "The matrix is missing: it has to be fetched too, D² numbers."),
        (operations / (8 * itemsize * numbers), "itemsize is in bytes already; you seem to count bits."),
        (
            operations / numbers * itemsize,
            "The bytes of a number stand on the wrong side: larger numbers bring less for each byte.",
        ),
        (
            operations / (itemsize * (2 * words + rows * weights)),
            "You fetch the matrix anew for each row. One product of all rows needs it once.",
        ),
        (operations // (itemsize * numbers), "That is a whole number: // cuts off what follows the point, / does not."),
        (rows, "That is the number of rows: about right for 2 bytes and few rows, and only there."),
        (D / itemsize, "That is where it goes for ever more rows; with this number of rows the matrix counts too."),
        (operations, "That is the number of operations. Divide by the bytes that are moved."),
        (itemsize * numbers, "That is the number of bytes. How many operations do they bring?"),
    ]


# ---- 2: the gradient of a batch from its parts


def check_combine(student):
    generator = torch.Generator().manual_seed(82)
    for terms, size in (((3, 1), 3), ((4, 4, 4), 5), ((7,), 3), ((5, 11, 2, 1), 6), ((6, 0, 3), 4)):
        gradients = [torch.randn(size, generator=generator, dtype=torch.float64) for _ in terms]
        right = sum(n * slope for n, slope in zip(terms, gradients, strict=True)) / sum(terms)
        gradients = [slope if n else slope * math.nan for n, slope in zip(terms, gradients, strict=True)]
        setting = f"parts of {', '.join(map(str, terms))} terms"
        answer = _gradient(student, list(zip(gradients, terms, strict=True)), size, setting)
        if answer.isfinite().all() and close(answer, right):
            continue
        require(
            answer.isfinite().all() or all(terms),
            f"for {setting} the result is nan. A part without any term has no mean: its gradient is 0/0, and 0 · nan is nan "
            "too. Leave such a part out.",
        )
        for value, sentence in _other_combinations(gradients, terms):
            require(not close(answer, value), f"for {setting} {sentence}")
        gap = (answer - right).abs().max().item()
        require(False, f"for {setting} the gradient is off by up to {gap:.2g}.")


def _gradient(student, parts, size, setting):
    answer = student(parts, on=setting)
    needed = f"one gradient of shape ({size},) is needed for {setting}"
    require(not isinstance(answer, tuple), f"{student.name} returned {kind(answer)}; {needed}.")
    tensor = _as_tensor(answer, f"{student.name} returned {kind(answer)}; {needed}.")
    require(tensor.shape == (size,), f"{student.name} returned shape {tuple(tensor.shape)}; {needed}.")
    return tensor.detach().double()


def _as_tensor(answer, sentence):
    """As it is: a view of few numbers may be huge, so its shape is asked before anything is computed."""
    try:
        tensor = torch.as_tensor(answer)
    except Exception:  # a student's own class may raise anything
        raise Wrong(sentence) from None
    require(not tensor.is_complex(), sentence)
    return tensor


def _other_combinations(gradients, terms):
    """[(what is computed by mistake, the sentence)], for parts that all have terms, or without those that have none."""
    pairs = [(slope, n) for slope, n in zip(gradients, terms, strict=True) if n]
    total, count = sum(n for _, n in pairs), len(pairs)
    weighted = sum(n * slope for slope, n in pairs)
    plain = sum(slope for slope, _ in pairs)
    inverse = sum(1 / n for _, n in pairs)
    return [
        (plain / count, "you give each part the same weight. A part with more terms counts for more."),
        (plain, "the gradients are added up: right for sums of terms, and these are means."),
        (weighted, "the weighted gradients are added up, and not divided by the number of all terms."),
        (
            weighted / count,
            "you divide by the number of parts. The weights add up to the number of all terms: divide by that.",
        ),
        (
            weighted / len(terms),
            "you divide by the number of parts. The weights add up to the number of all terms: divide by that.",
        ),
        (plain / len(terms), "a part without terms still counts as a part: divide by the number of all terms."),
        (plain / total, "you divide by the number of all terms, and have not multiplied each part by its own."),
        (
            sum(slope / n for slope, n in pairs),
            "you divide each gradient by its terms. It is a mean already: multiply.",
        ),
        (
            sum(slope / n for slope, n in pairs) / inverse,
            "the weights are upside down: the part with the fewest terms counts most.",
        ),
        (pairs[0][0], "you return the first part's gradient."),
        (max(pairs, key=lambda pair: pair[1])[0], "you return the gradient of the largest part."),
        (
            sum(n * n * slope for slope, n in pairs) / sum(n * n for _, n in pairs),
            "the number of terms is squared on its way.",
        ),
    ]


# ---- 3: two blocks of keys


def check_merge(student):
    generator = torch.Generator().manual_seed(83)
    for sizes, width in (((1, 1), 1), ((2, 3), 4), ((5, 2), 3)):
        scores = [2 * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]
        values = [torch.randn(size, width, generator=generator, dtype=torch.float64) for size in sizes]
        blocks = [_block(*pair) for pair in zip(scores, values, strict=True)]
        setting = f"blocks of {plural(sizes[0], 'key')} and {plural(sizes[1], 'key')}"
        m, total, mixed = _triple(student, *blocks, on=setting)
        right = _block(torch.cat(scores), torch.cat(values))
        _name_the_triple((m, total, mixed), blocks, right, setting)
    _check_far_scores(student)
    _check_empty_block(student)


def _block(scores, values):
    m = scores.max()
    weights = (scores - m).exp()
    return m, weights.sum(), weights @ values


def _triple(student, left, right, on):
    answer = student(left, right, on=on)
    needed = f"three things are needed for {on}: the largest score, the sum ℓ and the vector o"
    require(
        isinstance(answer, (tuple, list)) and len(answer) == 3, f"{student.name} returned {kind(answer)}; {needed}."
    )
    names = ("the largest score", "ℓ", "o")
    parts = []
    for part, name, shape in zip(answer, names, ((), (), left[2].shape), strict=True):
        tensor = _as_tensor(part, f"{name} is {kind(part)}: {shown(part)}; {needed}.")
        if tensor.numel() == 1 and not shape:
            tensor = tensor.reshape(())
        require(
            tensor.shape == shape, f"{name} has shape {tuple(tensor.shape)} for {on}, and {tuple(shape)} is needed."
        )
        parts.append(tensor.detach().double())
    return parts


def _name_the_triple(answer, blocks, right, setting):
    m, total, mixed = answer
    require(all(part.isfinite().all() for part in answer), f"for {setting} a result is not finite (nan or inf).")
    if _same_sums(answer, right):
        return
    for value, sentence in _other_merges(*blocks):
        same = all(close(one, other) for one, other in zip(answer, value, strict=True))
        require(not same, f"for {setting} {sentence}")
    require(
        not close(mixed / total, right[2] / right[1]),
        f"for {setting} o / ℓ is right, but ℓ · exp(m) is not the sum of all exp(score): the next merge would go wrong.",
    )
    require(
        not close(mixed, right[2] / right[1]),
        f"for {setting} o is divided by ℓ already. The division comes once, after the last merge.",
    )
    if close(m, right[0]) and close(total, right[1]):
        require(False, f"for {setting} m and ℓ are right, and o is not. It is made smaller by the same factors as ℓ.")
    gap = (mixed / total - right[2] / right[1]).abs().max().item()
    require(False, f"for {setting} the output o / ℓ is off by up to {gap:.2g}.")


def _same_sums(answer, right):
    """Whether ℓ · exp(m) and o · exp(m) are right, whatever m is measured from."""
    scale = (answer[0] - right[0]).exp()
    return close(answer[1] * scale, right[1]) and close(answer[2] * scale, right[2])


def _other_merges(left, right):
    """[((m, ℓ, o) by mistake, the sentence)]"""
    (m_l, l_l, o_l), (m_r, l_r, o_r) = left, right
    m = torch.maximum(m_l, m_r)
    shrink_l, shrink_r = (m_l - m).exp(), (m_r - m).exp()
    grow_l, grow_r = (m - m_l).exp(), (m - m_r).exp()
    return [
        (
            (m, l_l + l_r, o_l + o_r),
            "the block with the smaller m is added as it is. Each was measured from its own m: bring both to the new m first.",
        ),
        (
            (m, grow_l * l_l + grow_r * l_r, grow_l * o_l + grow_r * o_r),
            "the sign is turned: the factor is exp(old m − new m), never above 1.",
        ),
        (
            (m, shrink_r * l_l + shrink_l * l_r, shrink_r * o_l + shrink_l * o_r),
            "each block has got the other one's factor.",
        ),
        (
            (m, (m_l - m_r).exp() * l_l + (m_r - m_l).exp() * l_r, (m_l - m_r).exp() * o_l + (m_r - m_l).exp() * o_r),
            "you measure each block from the other one's m. Measure both from the new m, the larger of the two.",
        ),
        (
            (m, shrink_l * l_l + shrink_r * l_r, o_l + o_r),
            "ℓ is brought to the new m, and o is not: both were measured from the old one.",
        ),
        ((m, l_l + l_r, shrink_l * o_l + shrink_r * o_r), "o is brought to the new m, and ℓ is not."),
        (
            (m, torch.tensor(1.0).double(), (o_l / l_l + o_r / l_r) / 2),
            "you take the mean of the two results. The block with the larger ℓ · exp(m) counts for more.",
        ),
        (
            (m, l_l + l_r, (o_l / l_l + o_r / l_r) / 2),
            "you take the mean of the two results. The block with the larger ℓ · exp(m) counts for more.",
        ),
        (
            (m, shrink_l * l_l + shrink_r * l_r, shrink_l * o_l / l_l + shrink_r * o_r / l_r),
            "o is divided by ℓ before it is merged. The division comes once, after the last merge.",
        ),
        ((m_l, l_l, o_l), "you return the left block."),
        ((m_r, l_r, o_r), "you return the right block."),
    ]


def _check_far_scores(student):
    values = torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=torch.float64)
    for one, other in ((900.0, -900.0), (-900.0, 900.0)):
        left, right = (
            _block(torch.tensor([score], dtype=torch.float64), value[None])
            for score, value in zip((one, other), values, strict=True)
        )
        setting = f"blocks of one key each, with the scores {one:g} and {other:g}"
        _, total, mixed = _triple(student, left, right, on=setting)
        expected = values[0 if one > other else 1]
        good = mixed.isfinite().all() and total.isfinite() and total > 0 and close(mixed / total, expected)
        require(
            good,
            f"for {setting} o / ℓ should be {expected.tolist()}. exp(900) is too large for any number, exp(−900) is 0: measure "
            "from the larger of the two m, so that each exponent is 0 or less.",
        )


def _check_empty_block(student):
    scores, values = torch.tensor([0.5, 1.0], dtype=torch.float64), torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    some, empty = (
        _block(scores, values),
        (torch.tensor(-math.inf).double(), torch.zeros(()).double(), torch.zeros(1).double()),
    )
    for left, right in ((some, empty), (empty, some)):
        setting = "a block of 2 keys and one without any, (−∞, 0, 0)"
        m, total, mixed = _triple(student, left, right, on=setting)
        good = all(part.isfinite().all() for part in (m, total, mixed)) and _same_sums((m, total, mixed), some)
        require(good, f"for {setting} the block of 2 keys should come back; exp(−∞) is 0, which is right.")
    m, total, mixed = _triple(student, empty, empty, on="two blocks without any key")
    require(
        not (total.isnan() or mixed.isnan().any()),
        "two blocks without any key give nan: −∞ − (−∞) is no number. ℓ and o stay 0 there.",
    )


# ---- 4: where the ridge is crossed


def check_ridge(student):
    for D, ridge in ((50, 7), (500, 100), (512, 162), (256, 162), (324, 162), (4096, 162)):
        setting = f"D = {D}, ridge = {ridge}"
        answer = student(D, ridge, on=setting)
        if 2 * ridge >= D:
            require(_is_infinite(answer), f"for {setting} you find {_value(answer)}. {_why_never(D)}")
            continue
        require(
            not _is_infinite(answer),
            f"for {setting} you say never. With enough rows a byte brings up to D / 2 = {D / 2:g} operations.",
        )
        rows = number(answer, f" for {setting}")
        _name_the_rows(rows, D, ridge, setting)


def _is_infinite(answer):
    try:
        return float(answer) == math.inf
    except Exception:  # a student's own class may raise anything
        return False


def _value(answer):
    return f"{answer:.4g}" if isinstance(answer, (int, float)) else shown(answer)


def _why_never(D):
    return f"With {D} columns a byte brings less than D / 2 = {D / 2:g} operations, however many rows there are: return math.inf."


def _name_the_rows(rows, D, ridge, setting):
    right = ridge * D / (D - 2 * ridge)
    if right * 0.995 <= rows <= max(right * 1.005, math.ceil(right)):
        return
    for value, sentence in [
        (
            ridge,
            "That is the ridge itself. A product of so many rows brings less, since its matrix has to be fetched too.",
        ),
        (-right, "The sign is turned: D − 2 · ridge is positive here."),
        (ridge * D / (D + 2 * ridge), "That is what a byte brings with ridge rows. Solve for the rows instead."),
        (ridge * D / (D - ridge), "One of rows and results is missing: 2 · rows · D numbers move besides the matrix."),
        (D * ridge / (2 * D - 2 * ridge), "A multiply–add is two operations, and a number two bytes: these cancel."),
        (ridge * D / (2 * D - 4 * ridge), "That is half of it: there are 2 · rows · D² operations."),
        (D / 2, "That is D / 2, the most operations that a byte can bring."),
        (2 * right, "That is twice as many as needed."),
    ]:
        require(not math.isclose(rows, value, rel_tol=0.003), f"for {setting} you find {rows:.4g}. {sentence}")
    brings = rows * D / (D + 2 * rows) if rows > 0 else 0.0
    require(False, f"for {setting} you find {rows:.4g} rows; with so many a byte brings {brings:.4g} operations.")


EXERCISES = [
    Exercise(
        id="1",
        function="intensity",
        task="Count the operations that a product of some rows with a square matrix brings for each byte that it moves.",
        hints=(
            "Two numbers are needed: the operations of the product, and the bytes that have to cross memory, each number once.",
            "A result is a sum of D products: D multiplications and about as many additions. There are rows · D results.",
            "2 · rows · D² operations. Numbers: rows · D come in, D² of the matrix, rows · D go out; each has itemsize bytes.",
        ),
        check=check_intensity,
    ),
    Exercise(
        id="2",
        function="combine",
        task="From the gradients of some parts, each of the mean over its own terms, make the gradient of the mean over all.",
        hints=(
            "Two parts of 3 and 1 terms: how much does one term count in the mean of all four?",
            "A mean times its number of terms is the sum. Add the sums, then divide once.",
            "A part with 0 terms has a gradient of nan, and 0 · nan is nan: skip it. Then Σ n · gradient / Σ n.",
        ),
        check=check_combine,
    ),
    Exercise(
        id="3",
        function="merge",
        task="Merge what two blocks of keys have left, (m, ℓ, o) each, into what one block of all these keys would leave.",
        hints=(
            "Both ℓ are sums of exp(score − m), each with its own m. Which m has the whole, and what turns one into the other?",
            "exp(score − new) = exp(score − old) · exp(old − new). The same factor goes to ℓ and to o.",
            "m = torch.maximum(left[0], right[0]). With no key on either side m is −∞: subtract m.clamp(min=-1e300) instead.",
        ),
        check=check_merge,
    ),
    Exercise(
        id="4",
        function="rows_at_ridge",
        task="With how many rows does a product with a (D, D) matrix of 2-byte numbers reach the ridge, so many operations for each byte? math.inf where it never does.",
        hints=(
            "Write down what a byte brings with N rows, and set it equal to the ridge.",
            "N · D / (D + 2N) = ridge. Multiply out, and bring N to one side.",
            "It can never reach D / 2. For which D does no number of rows do? There the answer is math.inf.",
        ),
        check=check_ridge,
    ),
]
