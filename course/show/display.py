"""What a figure function returns: a Picture (plotly) or a Page (HTML), each with a text alternative."""

import json
import math
import os
import sys
from typing import TYPE_CHECKING

from .in_words import figure_in_words

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
        """{MIME type: content} for a front end."""
        if in_colab():
            import plotly.io as pio

            return {"text/plain": self.text, **pio.renderers["colab"].to_mimebundle(self.json)}
        return {"text/plain": self.text, PLOTLY: self.json}

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
