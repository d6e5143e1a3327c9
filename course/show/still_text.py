"""Words in a still drawing: plotly's small markup (<b>, <i>, <br>, <sup>, <sub>, <span>) as an SVG text."""

from html.parser import HTMLParser

from markupsafe import Markup

from . import theme
from .marks import tag

WIDTH = 860  # px of a drawing; it shrinks with its page
LINE = 1.3  # of a letter's size, from one line to the next
WIDE = 0.56  # of a letter's size, how wide it is in the middle of the theme's fonts
STYLES = {
    "b": {"font_weight": "bold"},
    "i": {"font_style": "italic"},
    "em": {"font_style": "italic"},
    "sup": {"baseline_shift": "super", "font_size": "70%"},
    "sub": {"baseline_shift": "sub", "font_size": "70%"},
}
ANCHORS = {"left": "start", "center": "middle", "right": "end"}


class _Pieces(HTMLParser):
    """.lines: for each line its pieces, as (text, attributes)."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.lines, self.open = [[]], []
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        if name == "br":
            self.lines.append([])
        else:
            self.open.append((name, STYLES.get(name) or _style_of(dict(attributes).get("style", ""))))

    def handle_endtag(self, name):
        if self.open and self.open[-1][0] == name:
            self.open.pop()

    def handle_data(self, text):
        attributes = {}
        for _, style in self.open:
            attributes |= style
        self.lines[-1].append((text, attributes))


def _style_of(css):
    """A span's style for SVG, where a letter's colour is what it is filled with."""
    rules = [rule.split(":", 1) for rule in css.split(";") if ":" in rule]
    return {
        "style": ";".join(f"{'fill' if name.strip() == 'color' else name.strip()}:{value}" for name, value in rules)
    }


def size_of(text: str, size: float) -> tuple[float, float]:
    """(width, height) in px, about, of a text with plotly's markup.

    >>> size_of("<b>two</b><br>lines", 10)
    (28.0, 26.0)
    """
    lines = _Pieces(text).lines
    longest = max(sum(len(piece) for piece, _ in line) for line in lines)
    return round(longest * WIDE * size, 1), round(len(lines) * LINE * size, 1)


def words(
    text: object,
    x: float,
    y: float,
    *,
    across: str = "left",
    along: str = "middle",
    size: float = 14,
    colour: str = theme.INK,
    angle: float = 0,
    align: str = "",
) -> Markup:
    """A text at a place, as an SVG element. across: left, center or right of it is there; along: top, middle or bottom.

    align: of its lines among themselves, else as `across`. angle: in degrees, clockwise.

    >>> print(words("1 &lt; 2<br>so", 0, 0, size=10))
    <text ...><tspan x="0" y="-3"><tspan>1 &lt; 2</tspan></tspan><tspan x="0" y="10">...
    """
    lines = _Pieces(str(text)).lines
    wide, high = size_of(str(text), size)
    first = {"top": 0, "middle": -high / 2, "bottom": -high}[along] + size
    align = align if align and len(lines) > 1 else across
    shift = {"left": 0, "center": -wide / 2, "right": -wide}
    start = x + shift[across] - shift[align]
    spans = [
        tag("tspan", [tag("tspan", piece, **style) for piece, style in line], x=start, y=y + first + row * LINE * size)
        for row, line in enumerate(lines)
    ]
    turned = f"rotate({angle:g} {x:.5g} {y:.5g})" if angle else None
    look = {"fill": colour, "font_size": size, "text_anchor": ANCHORS[align], "style": "white-space:pre"}
    return tag("text", spans, **look, transform=turned)
