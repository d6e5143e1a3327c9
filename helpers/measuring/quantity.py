"""Measured numbers with their spread, and how a person reads them."""

import math
from dataclasses import dataclass

FEW = 5  # samples; with fewer, the 20 and 80 % quantiles are little more than the extremes
_PREFIXES = list(zip(range(15, -12, -3), ["P", "T", "G", "M", "k", "", "m", "µ", "n"], strict=True))


@dataclass(frozen=True)
class Quantity:
    """A measured number with its spread: median, 20 and 80 % quantile, in `unit`; `of` says what was counted.

    >>> print(Quantity(median=43.83e9, p20=42.2e9, p80=44.03e9, unit="B/s", repeats=20, of="64 MiB copied"))
    43.8 GB/s (42.2 to 44.0, 20 repeats)
    """

    median: float
    p20: float
    p80: float
    unit: str
    repeats: int
    of: str

    def __str__(self) -> str:
        return readable(self.median, self.p20, self.p80, self.unit, repeated(self.repeats))


def readable(median: float, low: float, high: float, unit: str, note: str) -> str:
    """The three numbers in words, with three digits and one SI prefix for all; NaN reads "out of memory".

    >>> readable(3.412e-3, 3.3e-3, 3.62e-3, "s", "40 repeats")
    '3.41 ms (3.30 to 3.62, 40 repeats)'
    """
    if math.isnan(median):
        return f"out of memory ({note})"
    rounded = float(f"{median:.3g}")  # 9.999 reads 10.0, and 999.9 µs reads 1.00 ms
    prefixes = [(0, "")] if unit == "×" else _PREFIXES
    power, prefix = next((pair for pair in prefixes if rounded >= 10.0 ** pair[0]), prefixes[-1])
    digits = max(0, 2 + power - math.floor(math.log10(rounded) + 1e-9)) if rounded > 0 else 2
    middle, low, high = (f"{number / 10.0**power:.{digits}f}" for number in (median, low, high))
    return f"{middle} {prefix}{unit} ({low} to {high}, {note})"


def repeated(count: int) -> str:
    """The number of repeats in words, with a warning where a quantile of so few says nothing.

    >>> repeated(40), repeated(1)
    ('40 repeats', 'only 1 repeat: too few to trust')
    """
    return f"{count} repeats" if count >= FEW else f"only {count} repeat{'s' * (count != 1)}: too few to trust"
