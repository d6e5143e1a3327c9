"""The axes of a still drawing: from a plotly axis and what is drawn along it to pixels, ticks and titles."""

import math
from numbers import Real

from markupsafe import Markup

from .in_words import label
from .marks import tag
from .still_text import WIDTH, size_of, words

TICK = 5  # px
SPARE = 0.05  # of the span, left free at both ends where no range is given
APART = {"x": 90, "y": 45}  # px between ticks that nobody has chosen


class Axis:
    """One axis. settings: plotly's, with the template's; values: all that is drawn along it; start, end: its pixels.

    >>> axis = Axis("x", {"range": [0, 10]}, [], 100, 200)
    >>> axis.at(5), [tick for _, tick in axis.ticks()]
    (150.0, ['0', '5', '10'])
    """

    def __init__(self, letter: str, settings: dict, values: list, start: float, end: float):
        self.letter, self.settings, self.start, self.end = letter, settings, start, end
        ordered = settings.get("categoryarray", [])
        self.names = list(dict.fromkeys([*ordered, *(value for value in values if isinstance(value, str))]))
        self.is_log = settings.get("type") == "log"
        self.low, self.high = self._range([self.number(value) for value in values])
        self.visible = settings.get("visible", True)

    def number(self, value: object) -> float | None:
        """A value as a number along the axis: a name's place, on a logarithmic axis the exponent; None for a gap."""
        if isinstance(value, str):
            return self.names.index(value) if value in self.names else None
        if not isinstance(value, Real) or (self.is_log and value <= 0):
            return None
        return math.log10(value) if self.is_log else float(value)

    def at(self, value: object) -> float | None:
        """The pixel of a value; None for a gap."""
        number = self.number(value)
        return None if number is None else self.place(number)

    def place(self, number: float) -> float:
        """The pixel of a number along the axis: on a logarithmic axis, of an exponent."""
        share = (number - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def within(self, pixel: float) -> bool:
        """Whether a pixel is on the axis, and not beyond its ends."""
        low, high = sorted((self.start, self.end))
        return low - 0.5 <= pixel <= high + 0.5

    def _range(self, numbers):
        if "range" in self.settings:
            low, high = self.settings["range"]
            return float(low), float(high)
        numbers = [number for number in numbers if number is not None and math.isfinite(number)] or [0, 1]
        low, high = min(numbers), max(numbers)
        spare = 0.5 if self.names else SPARE * (high - low) or 0.5  # a name has room for its bar
        low, high = low - spare, high + spare
        return (high, low) if self.settings.get("autorange") == "reversed" else (low, high)

    def ticks(self) -> list[tuple[float, str]]:
        """[(pixel, label)] of what is labelled and lies on the axis."""
        if "tickvals" in self.settings:
            values = self.settings["tickvals"]
            labels = self.settings.get("ticktext") or [label(value) for value in values]
        elif self.names:
            values, labels = self.names, self.names
        else:
            values = self._chosen()
            labels = [self._in_digits(int(value) if float(value).is_integer() else value) for value in values]
        places = [(self.at(value), str(text)) for value, text in zip(values, labels, strict=False)]
        return [(pixel, text) for pixel, text in places if pixel is not None and self.within(pixel)]

    def _chosen(self):
        low, high = sorted((self.low, self.high))
        most = self.settings.get("nticks") or max(2, int(abs(self.end - self.start) / APART[self.letter]) + 1)
        if self.is_log:
            exponents = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
            step = math.ceil(len(exponents) / most) or 1
            return [10**exponent for exponent in exponents[::step]]
        step = self.settings.get("dtick") or _round_step((high - low) / most)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [round(count * step, 10) for count in range(first, last + 1)]

    def _in_digits(self, value):
        if self.settings.get("tickformat") == ".0%":
            return f"{value:.0%}"
        return f"{value:,}" if self.settings.get("exponentformat") == "none" else label(value)

    # ---- what is drawn

    def label_size(self) -> float:
        """px of a letter of its labels."""
        return self.settings.get("tickfont", {}).get("size", 14)

    def labels(self) -> list[tuple[float, str]]:
        """The ticks that carry a label."""
        return self.ticks() if self.visible and self.settings.get("showticklabels", True) else []

    def room(self) -> float:
        """px that its labels and its title take beside the panel."""
        letters = self.label_size()
        sizes = [size_of(text, letters) for _, text in self.labels()]
        deep = max((size[0 if self.letter == "y" else 1] for size in sizes), default=0)
        title = self.settings.get("title", {})
        return TICK + 4 + deep + (24 if self.visible and title.get("text") else 0)

    def drawn(self, near: float, far: float) -> tuple[Markup, Markup]:
        """(grid, the axis itself). near: the pixel of the panel's edge where the axis stands; far: the opposite one."""
        if not self.visible:
            return Markup(""), Markup("")
        grid, marks = [], []
        outward = 1 if near > far else -1  # to the right or down; else left or up
        if self.settings.get("showgrid", True):
            grid = [self._line(pixel, near, pixel, far, self.settings.get("gridcolor")) for pixel, _ in self.ticks()]
        colour = self.settings.get("linecolor")
        marks.append(self._line(self.start, near, self.end, near, colour))
        length = outward * TICK if self.settings.get("ticks") else 0
        if length:
            marks += [self._line(pixel, near, pixel, near + length, colour) for pixel, _ in self.ticks()]
        marks += [self._label(pixel, near + outward * (TICK + 3), text, outward) for pixel, text in self.labels()]
        marks.append(self._title(near, outward))
        return Markup("").join(grid), Markup("").join(marks)

    def _line(self, along, across, along_end, across_end, colour):
        if self.letter == "x":
            return tag("line", x1=along, y1=across, x2=along_end, y2=across_end, stroke=colour)
        return tag("line", x1=across, y1=along, x2=across_end, y2=along_end, stroke=colour)

    def _label(self, pixel, edge, text, outward):
        size = self.label_size()
        if self.letter == "x":
            pixel = min(pixel, WIDTH - size_of(text, size)[0] / 2 - 4)  # the last one stays on the paper
            return words(text, pixel, edge, across="center", along="top" if outward > 0 else "bottom", size=size)
        return words(text, edge, pixel, across="left" if outward > 0 else "right", size=size)

    def _title(self, near, outward):
        title = self.settings.get("title", {})
        if not title.get("text"):
            return Markup("")
        middle, size = (self.start + self.end) / 2, title.get("font", {}).get("size", 14)
        edge = near + outward * (self.room() - 10)
        if self.letter == "x":
            return words(title["text"], middle, edge, across="center", size=size)
        return words(title["text"], edge, middle, across="center", size=size, angle=-90)


def _round_step(least):
    """The smallest of 1, 2, 5, 10, 20 … that is not below `least`.

    >>> _round_step(0.3), _round_step(7)
    (0.5, 10)
    """
    unit = 10 ** math.floor(math.log10(least))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= least * (1 - 1e-9))
