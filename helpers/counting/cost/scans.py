"""Closed forms of recurrences that need not be a loop: scans of linear steps, minGRU, Newton's method, a plain sum."""

import math

from ...arguments import require_sizes, require_word
from .record import STANDARD, Accounting, Cost, affine, ceil_log2, check_accounting, dot_levels, whole_call

SCANS = ("sequential", "hillis_steele", "brent_kung", "blelloch", "chunked")
LOOPS = ("sequential", "chunked")
JACOBIANS = ("dense", "diagonal")
SUMS = ("tree", "sequential")


def linear_recurrence(T: int, d: int = 1, *, method: str = "sequential", chunk: int | None = None, B: int = 1) -> Cost:
    """h_t = a_t ⊙ h_{t−1} + b_t from a zero state (so h_1 = b_1), as a loop or as a scan over pairs (a, b).

    method: "sequential" (the loop), "hillis_steele", "brent_kung", "blelloch" or "chunked".
    A step of a loop is 1 MAC, a combine ((a, b), (a', b')) -> (a'a, a'b + b') is 2. Span: twice the combine_path,
    but hillis_steele ⌈log₂ T⌉ + ⌊log₂ T⌋ and blelloch 4 log₂ T − 3 (2 at T = 2). Traffic 3Td, a, b and h: the least, of
    any method; what a method reads again comes on top, as the second reading of a and b by "chunked", 2Td.
    "chunked", N chunks of C = `chunk` steps (the last may be shorter), C about √(T/2) unless given: all but the last
    are combined into one step each, side by side, (N−1)(C−1) combines; a loop over these, N − 2 steps; from the state
    before it a loop in every chunk, T − 1 steps in all. About 3T MAC a channel, span 2(2C + ⌊T/C⌋ − 3), at most the
    loop's 2(T − 1).

    >>> [linear_recurrence(1024, method=method).span for method in SCANS]
    [2046, 20, 36, 37, 174]
    """
    T, d = require_sizes(T=T, d=d)
    count, m = combines(T, method, chunk), ceil_log2(T)
    if method == "hillis_steele":
        span = m + T.bit_length() - 1
    elif method == "blelloch":
        span = max(2 * m, 4 * m - 3)
    else:
        span = 2 * combine_path(T, method, chunk)
    if method in LOOPS:  # only the steps inside the chunks before the last are combined
        length = chunk_length(T, method, chunk)
        of_steps = (T - 1) // length * (length - 1)
    else:
        of_steps = count
    # A combine of two steps has two products, the next state one; either has one sum.
    work = d * (count + of_steps)
    return whole_call(B, 3 * T * d, Cost(work=work, span=span, operations=work + d * count, activations=T * d, state=d))


def combines(T: int, method: str, chunk: int | None = None) -> int:
    """How many combines, and steps of a loop, a scan of T pairs takes, a channel.

    With T = 2^m: hillis_steele T·m − T + 1, brent_kung 2T − 2 − m, blelloch 2T − 2 (its exclusive scan); sequential
    T − 1; chunked T − 1 and, for N > 1 chunks, (N−1)C − 1 before. Raises ValueError for an unknown method, and for
    blelloch unless T = 2^m. Hillis and Steele, CACM 29(12), 1986; Brent and Kung, IEEE Trans. Computers C-31(3), 1982;
    Blelloch 1990.

    >>> [combines(1024, method) for method in SCANS]
    [1023, 9217, 2036, 2046, 2034]
    """
    T = _check_scan(T, method)
    if method == "hillis_steele":
        # T − 2^k in each of the rounds k = 0, …, m − 1.
        m = ceil_log2(T)
        return T * m - 2**m + 1
    if method == "brent_kung":
        # A round that starts from n steps takes ⌊n/2⌋ combines on the way up and ⌊(n − 1)/2⌋ on the way down, n − 1
        # together. The rounds start from T, ⌊T/2⌋, ⌊T/4⌋, …, 1: these numbers add up to 2T − (ones in the binary T),
        # and there are as many of them as T has binary digits.
        return 2 * T - T.bit_count() - T.bit_length()
    if method == "blelloch":
        return 2 * T - 2
    length = chunk_length(T, method, chunk)
    before = (T - 1) // length * length - 1  # in the chunks but the last, and over their ends
    return T - 1 + max(before, 0)


def combine_path(T: int, method: str, chunk: int | None = None) -> int:
    """The longest chain of combines and steps. Raises like combines.

    With T = 2^m: hillis_steele m, brent_kung 2m − 2 (1 at T = 2), blelloch 2m − 1 (0 at T = 1); sequential T − 1;
    chunked 2C + ⌊T/C⌋ − 3, at most T − 1.

    >>> [combine_path(1024, method) for method in SCANS]
    [1023, 10, 18, 19, 87]
    """
    T = _check_scan(T, method)
    if method == "hillis_steele":
        return ceil_log2(T)
    if method == "brent_kung":
        return _brent_kung_path(T)
    if method == "blelloch":
        return max(2 * ceil_log2(T) - 1, 0)
    length = chunk_length(T, method, chunk)
    return min(T - 1, 2 * length + T // length - 3)


def _brent_kung_path(T):
    # Let f(n) be the chain to the prefix of n steps. The n = 2m-th is the m-th prefix of the pairs, which are one
    # combine old: f(2m) = f(m) + 1. One step more is one combine more: f(2m + 1) = f(m) + 2, and f(1) = 0. So each
    # binary digit of n below the first costs 1, and each one among these digits another 1:
    #     f(n) = (digits of n) + (ones in n) − 2.
    # The longest chain of a scan of T is the largest f(n) with n ≤ T. With k digits f(n) is 2k − 2 at the most, and the
    # only such n is 2^k − 1, all ones. So 2k − 2 needs T + 1 ≥ 2^k. The next value, 2k − 1, needs k + 1 digits and k
    # ones in them; the smallest such n is 1011…1 = 3·2^(k−1) − 1. So 2k − 1 needs (T + 1)/3 ≥ 2^(k−1).
    # Let 2^K ≤ T + 1 < 2^(K+1). Then (T + 1)//3 has K digits if 2K − 1 is reached, else K − 1 and 2K − 2 is.
    return (T + 1).bit_length() + ((T + 1) // 3).bit_length() - 2


def chunk_length(T: int, method: str, chunk: int | None = None) -> int:
    """The steps that run one after the other inside a chunk: all T of "sequential"; of "chunked" `chunk`, or about
    √(T/2) if it is None, where the chain 2C + T/C is the shortest."""
    if method == "sequential":
        return T
    if chunk is None:
        return max(1, math.isqrt(T // 2))
    (chunk,) = require_sizes(chunk=chunk)
    return chunk


def _check_scan(T, method):
    require_word("method", method, SCANS)
    (T,) = require_sizes(T=T)
    if method == "blelloch" and T.bit_count() != 1:
        raise ValueError(f"T={T} was given; Blelloch's tree needs a power of two: pad to T={2 ** ceil_log2(T)}.")
    return T


def min_gru(
    T: int,
    d: int,
    *,
    method: str = "sequential",
    chunk: int | None = None,
    B: int = 1,
    accounting: Accounting = STANDARD,
) -> Cost:
    """h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t, z = σ(W_z x + b_z), h̃ = W_h x + b_h, Feng et al. 2024.

    One product for the gates of all steps, 2Td² and ⌈log₂ d⌉ + 4 levels, then linear_recurrence by `method`.

    >>> [min_gru(1024, 512, method=method).span for method in ("sequential", "brent_kung")]
    [2059, 49]
    """
    T, d = require_sizes(T=T, d=d)
    products = affine(T, d, 2 * d, check_accounting(accounting).biases != "nowhere")
    # σ, then 1 − z beside z ⊙ h̃.
    gates = products + Cost(work=0, span=2, operations=3 * T * d)
    return whole_call(B, 2 * T * d, gates + linear_recurrence(T, d, method=method, chunk=chunk))


def newton(
    T: int, d: int, iterations: int, *, jacobian: str = "dense", B: int = 1, accounting: Accounting = STANDARD
) -> Cost:
    """K iterations of Newton's method for all states of an Elman layer at once; Lim et al. 2024, Gonzalez et al. 2024.

    U x + b once. An iteration: a step from every guess; by how much each misses, and the largest of these, which says
    whether the guesses are changed; the Jacobians diag(1 − h²) W; a scan like Brent and Kung's, which multiplies
    u = T − (ones in the binary T) matrices by matrices on its way up, and c = combines(T, "brent_kung") by vectors.
    Work Td² + K(Td² + u·d³ + c·d²). Span, for T > 1, K(⌈log₂ d⌉ + ⌈log₂ Td⌉ + 7) + (p + (K−1)p')(⌈log₂ d⌉ + 2) and 1
    for the bias, with p and p' the combine_path of T and T − 1: about 2 log₂ T·(⌈log₂ d⌉ + 2) an iteration.
    jacobian "diagonal": d systems of width 1, so u·d + c·d for u·d³ + c·d², and 2 for ⌈log₂ d⌉ + 2.
    Raises ValueError for an unknown jacobian too.

    >>> newton(1024, 64, iterations=6).span, newton(1024, 64, iterations=6, jacobian="diagonal").span
    (1039, 391)
    """
    require_word("jacobian", jacobian, JACOBIANS)
    T, d, K = require_sizes(T=T, d=d, iterations=iterations)
    bias, width = check_accounting(accounting).biases != "nowhere", d if jacobian == "dense" else 1
    up, count = T - T.bit_count(), combines(T, "brent_kung")
    # A step reads all guesses but the last one's, so none if T is 1; in the first iteration it runs beside U x.
    path = combine_path(T, "brent_kung") + (K - 1) * combine_path(max(T - 1, 1), "brent_kung")
    first_steps = (K - 1) * (T > 1) * (dot_levels(d) + 2) + 2
    work = up * d * width**2 + count * d * width + T * d * d
    operations = up * d * width * (2 * width - 1) + 2 * count * d * width + T * d * (2 * d + 8 + width) - 1
    iterated = Cost(
        work=K * work,
        span=first_steps + K * (ceil_log2(T * d) + 4) + path * (dot_levels(width) + 1),
        operations=K * operations,
        parameters=d * d,
        activations=K * (T * d + up * d * width + count * d),
        state=d,
    )
    return whole_call(B, 2 * T * d, affine(T, d, d, bias) + iterated)


def add_up(n: int, *, method: str = "tree") -> Cost:
    """A sum of n terms is n − 1 additions either way: ⌈log₂ n⌉ levels as a tree, n − 1 one after the other.

    >>> add_up(1000).span, add_up(1000, method="sequential").span
    (10, 999)
    """
    (n,) = require_sizes(n=n)
    require_word("method", method, SUMS)
    return Cost(work=0, span=ceil_log2(n) if method == "tree" else n - 1, operations=n - 1, traffic=n + 1)
