"""How everything looks: one colour a model in every lesson, safe for colour-blind readers, on paper of its own."""

# Okabe and Ito's palette. A model keeps its colour, and its dash or marker, through the whole course.
ATTENTION = "#0072B2"
RNN = "#D55E00"
LSTM = "#009E73"
GRU = "#CC79A7"
ACCENT = "#A36A00"  # the palette's orange, dark enough for text
GREY = "#8A8F98"
# For words, and behind white ones: dark enough to be read (contrast 4.5 or more on white).
GOOD = "#00785A"
BAD = "#B84F00"
MUTED = "#57606A"
INK = "#1F2328"
PAPER = "#FFFFFF"
WASH = "#F6F7F9"
LINE = "#D8DCE2"
GRID = "#ECEEF1"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"

# White to the attention blue: one hue, so that it also reads in grey.
BLUES = [[0.0, "#FFFFFF"], [0.25, "#D3E4F3"], [0.5, "#8FBFE3"], [0.75, "#3E8DC9"], [1.0, "#00558A"]]

NARROWEST, WIDEST = 640, 1280  # px: the widths that every figure must fit

_AXIS = {
    "gridcolor": GRID,
    "linecolor": GREY,
    "ticks": "outside",
    "tickcolor": GREY,
    "zeroline": False,
    "title": {"font": {"size": 14}},
}

# A plotly template. Each figure carries it, and no template of plotly's own, so that it looks alike in every version.
TEMPLATE = {
    "layout": {
        "autosize": True,
        "font": {"family": FONT, "size": 14, "color": INK},
        "title": {
            "x": 0,
            "xanchor": "left",
            "xref": "container",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "font": {"size": 16},
        },
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "showlegend": False,
        "hoverlabel": {"font": {"family": FONT}},
        # Each makes room for itself alone. A label at the end of one axis that pushed the other's margin would push it
        # a pixel further when the figure is drawn anew: a control moved back would not bring back the picture.
        "xaxis": _AXIS | {"automargin": "height"},
        "yaxis": _AXIS | {"automargin": "width"},
        "annotationdefaults": {"showarrow": False, "align": "left"},
    }
}


def blue(weight):
    """(background, text) colours for a weight between 0 and 1."""
    weight = min(max(weight, 0.0), 1.0)
    light, dark = (255, 255, 255), (0, 85, 138)
    red, green, blue_ = (round(a + (b - a) * weight**0.75) for a, b in zip(light, dark, strict=True))
    return f"#{red:02X}{green:02X}{blue_:02X}", (PAPER if weight > 0.7 else "#000000")  # contrast 4.5 or more
