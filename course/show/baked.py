"""A figure that moves without a kernel: plotly's own slider over one parameter, all its pictures stored."""

from ..errors import CourseError
from .display import Picture
from .in_words import label
from .still import SLIDER

MOST_FRAMES = 12
CHARACTER = 9  # px that a character below the slider takes in the widest of the theme's fonts
MOVING = ("title", "annotations", "shapes", "xaxis", "yaxis", "xaxis2", "yaxis2")
AT_ONCE = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}


def baked(function, defaults, parameter, values):
    """The Picture of the defaults with a slider over one parameter.

    Raises CourseError if there are more than 12 values, if `function` makes HTML, or if its pictures differ in how many
    traces they have.
    """
    if len(values) > MOST_FRAMES:
        raise CourseError(
            f"bake={parameter!r} has {len(values)} values; at most {MOST_FRAMES} can be stored. Give fewer."
        )
    pictures = {value: function(**defaults | {parameter: value}) for value in values}
    if not all(isinstance(picture, Picture) for picture in pictures.values()):
        raise CourseError(f"{function.__name__} makes HTML, and only plotly figures can be baked; leave bake out.")
    if len({len(picture.json["data"]) for picture in pictures.values()}) > 1:
        raise CourseError(
            f"{function.__name__} must draw as many traces for every {parameter}, so that one can replace another."
        )
    first = pictures[defaults[parameter]]
    first.json["frames"] = [_frame(str(value), picture.json) for value, picture in pictures.items()]
    layout = first.json["layout"]
    layout["sliders"] = [_slider(parameter, values, defaults[parameter], layout["margin"])]
    layout["height"] += SLIDER
    layout["margin"]["b"] += SLIDER
    return first


def _frame(name, figure):
    layout = {key: figure["layout"][key] for key in MOVING if key in figure["layout"]}
    return {"name": name, "data": figure["data"], "layout": layout}


def _slider(parameter, values, chosen, margin):
    """Below all that the figure itself has below its panels; it ends so early that its last label fits.

    margin: the figure's, in px.
    """
    half_of_last = CHARACTER * len(label(values[-1])) / 2
    return {
        "active": list(values).index(chosen),
        "currentvalue": {"prefix": f"{parameter.replace('_', ' ')}: "},
        "pad": {"t": margin["b"], "r": max(0, round(half_of_last - margin["r"]))},
        "steps": [{"label": label(value), "method": "animate", "args": [[str(value)], AT_ONCE]} for value in values],
    }
