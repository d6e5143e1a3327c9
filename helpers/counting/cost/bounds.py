"""What follows from work and span: time with so many processors, and where two spans cross."""

from collections.abc import Callable
from typing import NamedTuple

from ...arguments import require_sizes
from .record import Cost


class Bounds(NamedTuple):
    """The ticks that a greedy schedule needs at least and at most; in one, each processor does one operation."""

    lower: int
    upper: int


def brent_time(work: int, span: int, processors: int) -> Bounds:
    """max(⌈work/P⌉, span) <= ticks <= ⌊work/P⌋ + span, with work in operations (Brent, J. ACM 21(2), 1974).

    With work in MAC the lower bound still holds, the upper does not: a MAC is two operations.

    >>> brent_time(work=1000, span=10, processors=64)
    Bounds(lower=16, upper=25)
    """
    work, span, processors = require_sizes(work=work, span=span, processors=processors)
    return Bounds(lower=max(-(-work // processors), span), upper=work // processors + span)


def crossover(recurrent: Callable[[int], Cost], parallel: Callable[[int], Cost], limit: int = 4096) -> int:
    """The largest T at which recurrent(T) has a shorter span than parallel(T), 0 if none; both give a Cost from T.

    Every T up to the limit is tried, because a span that jumps at powers of two may cross more than once. Raises
    ValueError when the first is still the shorter at T = limit: the answer lies beyond, or there is none.

    >>> from helpers import cost
    >>> crossover(lambda T: cost.elman(T, 512), lambda T: cost.transformer(T, 512, heads=8, layers=6), limit=512)
    60
    """
    (limit,) = require_sizes(limit=limit)
    if recurrent(limit).span < parallel(limit).span:
        raise ValueError(f"The first span is still the shorter one at T={limit}; give a larger limit, or swap the two.")
    return max((T for T in range(1, limit) if recurrent(T).span < parallel(T).span), default=0)
