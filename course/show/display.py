"""What a figure function returns: a Picture (plotly) or a Page (HTML), each with a text alternative."""

import json
import math
import os
import sys
from typing import TYPE_CHECKING

from markupsafe import Markup

from .in_words import figure_in_words
from .marks import tag
from .still import still

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"


class Picture:
    """A plotly figure with a text alternative.

    plot: a plotly Figure, see marks.figure. text: what a reader who cannot see the figure needs, derived from the
    figure unless given. Give it where the series hold times or other numbers that differ between machines, since the
    text is compared.

    >>> from course.show.marks import figure
    >>> picture = Picture(figure("It waits", x="words", y="rounds").add_scatter(x=[1, 6], y=[1, 6], name="RNN"))
    >>> print(picture.text)
    Figure: It waits
    x: words
    y: rounds
    RNN: from (1, 1) to (6, 6)
    """

    def __init__(self, plot: "Figure", text: str | None = None):
        from plotly.utils import PlotlyJSONEncoder

        # Part by part: newer versions of plotly pack the arrays of a whole figure into base64.
        parts = {"data": [trace.to_plotly_json() for trace in plot.data], "layout": plot.layout.to_plotly_json()}
        self.json = _rounded(json.loads(json.dumps(parts, cls=PlotlyJSONEncoder)))
        self.text = text or figure_in_words(self.json)

    def bundle(self) -> dict:
        """{MIME type: content} for a front end; the HTML is a still drawing, for a page without plotly."""
        drawing = still(self.json, self.text)
        if in_colab():
            return {"text/plain": self.text, "text/html": _moving(self.json, drawing)}
        page = {"text/html": str(drawing)} if drawing else {}
        return {"text/plain": self.text, PLOTLY: self.json} | page

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.bundle()


class Page:
    """HTML with a text alternative; needs no plotly, so it can answer a control on Colab too.

    page: a tag, see marks; text: what a reader who cannot see it needs.

    >>> Page("<b>6 rounds</b>", "Six rounds.")
    Six rounds.
    """

    def __init__(self, page: str, text: str):
        self.html, self.text = str(page), text

    def __repr__(self):
        return self.text

    def bundle(self) -> dict:
        """{MIME type: content} for a front end."""
        return {"text/plain": self.text, "text/html": self.html}

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.bundle()


def with_view(bundle: dict, view) -> dict:
    """A bundle with a widget before all else, where somebody sits who could move it.

    nbconvert --execute and the like say with each cell that nobody can be asked; a page that they write could show a
    widget from the network alone.
    """
    if not somebody_is_there():
        return bundle
    return {**bundle, WIDGET: {"model_id": view.model_id, "version_major": 2, "version_minor": 0}}


def somebody_is_there() -> bool:
    """Whether the cell that runs comes from a front end with a person before it; True outside a kernel."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    request = kernel.get_parent() if kernel else {}
    return (request or {}).get("content", {}).get("allow_stdin", True)


def _moving(figure, drawing):
    """HTML that fetches plotly from the network, as on Colab; where there is none, the still drawing stays."""
    import plotly.io as pio

    live = Markup(pio.renderers["colab"].to_mimebundle(figure)["text/html"])
    choose = Markup(
        "<script>for (const box of document.querySelectorAll('.course-figure:not([data-chosen])')) {"
        "box.dataset.chosen = 'yes'; box.children[window.Plotly ? 0 : 1].remove(); }</script>"
    )
    return str(tag("div", tag("div", drawing), tag("div", live), class_="course-figure") + choose)


def in_colab() -> bool:
    """Whether a Colab kernel runs this: plotly cannot be drawn from a widget's callback there (colabtools#5889)."""
    return "google.colab" in sys.modules or bool({"COLAB_RELEASE_TAG", "COLAB_NOTEBOOK_ID"} & set(os.environ))


def _rounded(value):
    """The figure with five significant digits, smaller and the same on every machine; counts stay exact."""
    if isinstance(value, float) and math.isfinite(value) and not (value.is_integer() and abs(value) < 1e9):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value
