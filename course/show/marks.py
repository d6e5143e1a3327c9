"""The marks that figures and pages are made of: HTML tags that escape by default, annotations, axes and guide lines."""

from markupsafe import Markup, escape

from . import theme

BREAK = Markup("<br>")
EMPTY = {"br", "hr", "img", "input", "wbr"}  # HTML's elements without an end


def tag(name, *children, **attributes):
    """HTML or SVG: an element whose text and attributes are escaped, so that nothing typed can become markup.

    children: strings, numbers, other tags, or lists of them; None is left out. attributes: `stroke_width=2` is written
    stroke-width="2", `class_` is class; None and False are left out, True stands alone. style: a string, or a dict such
    as {"font-size": "13px"}. Numbers keep five digits.

    >>> print(tag("b", "1 < 2"))
    <b>1 &lt; 2</b>
    >>> print(tag("p", "a ", tag("i", "word"), style={"font-size": "13px"}, title='say "so"'))
    <p style="font-size:13px" title="say &#34;so&#34;">a <i>word</i></p>
    """
    opening = Markup("").join([Markup(f"<{name}"), *(_attribute(key, value) for key, value in attributes.items())])
    if name in EMPTY:
        return opening + Markup(">")
    return Markup("{}>{}</{}>").format(opening, joined(*children), Markup(name))


def joined(*children):
    """Tags and strings one after the other, strings escaped.

    >>> print(joined("a & b", tag("br"), None, ["c", 1]))
    a &amp; b<br>c1
    """
    return Markup("").join(_child(child) for child in children)


def lines(text):
    """A string as HTML that keeps its line ends.

    >>> print(lines("1 < 2\\nso"))
    1 &lt; 2<br>so
    """
    return BREAK.join(text.split("\n"))


def _child(child):
    if child is None:
        return Markup("")
    if isinstance(child, (list, tuple)) or hasattr(child, "__next__"):
        return joined(*child)
    return escape(_digits(child))


def _attribute(key, value):
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return Markup("")
    if value is True:
        return Markup(" ") + name
    if isinstance(value, dict):
        value = ";".join(f"{part}:{_digits(setting)}" for part, setting in value.items() if setting is not None)
    return Markup(' {}="{}"').format(name, _digits(value))


def _digits(value):
    return f"{value:.5g}" if isinstance(value, float) else value


# ---- parts of pages


def card(*children, colour=theme.GREY):
    """A quiet box with a coloured edge, readable on light and dark pages alike."""
    style = {
        "border-left": f"5px solid {colour}",
        "background-color": theme.WASH,
        "color": theme.INK,
        "padding": "10px 16px",
        "margin": "4px 0",
        "max-width": "860px",
        "font-family": theme.FONT,
        "font-size": "14px",
        "line-height": "1.5",
    }
    return tag("div", *children, style=style)


def sheet(title, *children, width=900):
    """A figure made of HTML: its message as a title, and what follows, on paper of its own, at most `width` px wide."""
    style = {
        "background-color": theme.PAPER,
        "color": theme.INK,
        "font-family": theme.FONT,
        "font-size": "14px",
        "line-height": "1.45",
        "padding": "14px",
        "max-width": f"{width}px",
        "box-sizing": "border-box",
    }
    heading = {"font-size": "17px", "font-weight": "bold", "margin-bottom": "6px"}
    return tag("div", tag("div", title, style=heading), *children, style=style)


def muted(*children):
    """Words that stand back."""
    return tag("span", *children, style={"color": theme.MUTED})
