"""One pure function a figure: shown live, baked, as an image, and as text that is compared and read aloud.

A figure function takes plain parameters and returns a Picture (plotly) or a Page (HTML); `explore` adds controls.
"""

import html
import inspect
import json
import math
import os
import re
import sys

from IPython.display import display

from ..errors import CourseError
from . import theme

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_FRAMES = 12
SLIDER = 90  # pixels that a baked figure is higher, for the slider below it


class Picture:
    """A plotly figure with a text alternative.

    layout: dict, see theme.layout; traces: plotly graph objects; text: what a reader who cannot see the figure
    needs, derived from the figure unless given. Use text=... where the series hold times or other numbers that
    differ between machines, since the text is compared.
    """

    def __init__(self, layout, traces, text=None):
        import plotly.graph_objects as go  # 0.3 s, so only once a figure is drawn
        from plotly.utils import PlotlyJSONEncoder

        figure = go.Figure(data=traces, layout=layout)
        # Part by part: newer versions of plotly pack the arrays of a whole figure into base64.
        parts = {"data": [trace.to_plotly_json() for trace in figure.data], "layout": figure.layout.to_plotly_json()}
        self.json = _rounded(json.loads(json.dumps(parts, cls=PlotlyJSONEncoder)))
        self.text = text or describe(self.json)

    def bundle(self):
        """{MIME type: content} for a front end."""
        if in_colab():
            import plotly.io as pio

            return {"text/plain": self.text, **pio.renderers["colab"].to_mimebundle(self.json)}
        return {"text/plain": self.text, PLOTLY: self.json}

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.bundle()


class Page:
    """HTML with a text alternative; needs no plotly, so it can answer a control on Colab too."""

    def __init__(self, page, text):
        self.html, self.text = page, text

    def bundle(self):
        """{MIME type: content} for a front end."""
        return {"text/plain": self.text, "text/html": self.html}

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.bundle()


def in_colab():
    """Whether a Colab kernel runs this: plotly cannot be drawn from a widget's callback there (colabtools#5889)."""
    return "google.colab" in sys.modules or bool({"COLAB_RELEASE_TAG", "COLAB_NOTEBOOK_ID"} & set(os.environ))


def explore(function, *, bake=None, **controls):
    """Show `function` with a control for each parameter: live with a kernel, baked without.

    controls: parameter=values. A list of numbers makes a slider, of strings buttons; True or False a box to tick;
    a string a field to type in; a function of the other parameters buttons whose labels depend on them.
    The parameters' defaults in `function` are shown first.
    bake: the one parameter that the stored figure can still move without a kernel, 12 values at the most.
    Raises CourseError if a control is not a parameter, its default is not among the values, or bake has no values.
    """
    defaults = _defaults(function, controls)
    if bake is not None and not isinstance(controls.get(bake), (list, tuple, range)):
        raise CourseError(
            f"bake={bake!r} must name a control that has a list of values; the controls: {', '.join(controls)}."
        )
    shown = function(**defaults)
    bundle = (_bake(function, defaults, bake, controls[bake]) if bake else shown).bundle()
    bundle["text/plain"] = _controls_text(controls, defaults) + "\n" + shown.text
    if isinstance(shown, Page) or not in_colab():
        view = _live(function, defaults, controls, shown)
        bundle[WIDGET] = {"model_id": view.model_id, "version_major": 2, "version_minor": 0}
    display(bundle, raw=True)


def _defaults(function, controls):
    """{name: the value shown first}, once every control is known to fit the function."""
    parameters = inspect.signature(function).parameters
    for name in controls:
        if name not in parameters:
            raise CourseError(f"{function.__name__} has no parameter {name!r}; it has {', '.join(parameters)}.")
        if parameters[name].default is inspect.Parameter.empty:
            raise CourseError(f"{function.__name__}: {name} needs a default, the value that is shown first.")
    defaults = {name: parameters[name].default for name in controls}
    for name, values in controls.items():
        if isinstance(values, (bool, str)):
            continue
        if callable(values):
            others = list(inspect.signature(values).parameters)
            if not set(others) <= set(controls):
                raise CourseError(
                    f"the choices of {name} depend on {', '.join(others)}, and not all of them are controls."
                )
            values = _options(values, defaults)
        if not isinstance(values, (list, tuple, range)):
            raise CourseError(f"{name} needs a list of values, True or False, a string, or a function; got {values!r}.")
        if defaults[name] not in values:
            raise CourseError(f"{function.__name__}: the default {name} = {defaults[name]!r} is not among {values}.")
    return defaults


def _options(values, chosen):
    """The values a control offers now; a function derives them from the other parameters."""
    return list(values(**{name: chosen[name] for name in inspect.signature(values).parameters}))


def _live(function, defaults, controls, shown):
    """A box of controls over the figure; each change calls `function` and replaces what is shown."""
    import ipywidgets as widgets

    chosen = dict(defaults)
    made = {name: _control(widgets, name, values, chosen) for name, values in controls.items()}
    screen = widgets.HTML() if isinstance(shown, Page) else widgets.Output()
    if isinstance(shown, Picture):
        screen.layout.min_height = f"{shown.json['layout']['height']}px"  # so that the page does not jump

    def show(picture):
        if isinstance(screen, widgets.HTML):
            screen.value = picture.html
        else:
            # Assigned, not captured: capturing is what makes an Output differ at every run.
            screen.outputs = ({"output_type": "display_data", "data": picture.bundle(), "metadata": {}},)

    following = False  # while one control makes another follow, the other one's events draw nothing

    def change(name, value):
        nonlocal following
        if following or value is None or value == chosen[name]:
            return
        chosen[name] = value
        try:
            following = True
            for other, values in controls.items():
                if callable(values) and name in inspect.signature(values).parameters:
                    chosen[other] = _follow(made[other], _options(values, chosen), chosen[other])
            show(function(**chosen))
        except (ValueError, CourseError) as error:  # what was typed does not fit; its sentence stands for the figure
            show(Page(theme.card(html.escape(str(error))), str(error)))
        finally:
            following = False

    for name, control in made.items():
        control.observe(lambda event, name=name: change(name, event["new"]), "value")
    show(shown)
    return widgets.VBox([*made.values(), screen])


def _follow(buttons, labels, chosen):
    """Offer other labels, keep the chosen one, or else the one in its place; returns it."""
    place = min(buttons.index or 0, len(labels) - 1)
    buttons.options = labels
    buttons.value = chosen if chosen in labels else labels[place]
    return buttons.value


def _control(widgets, name, values, chosen):
    label = name.replace("_", " ")
    common = {
        "description": label,
        "layout": widgets.Layout(width="min(640px, 100%)"),
        "style": {"description_width": "130px"},
    }
    if isinstance(values, bool):
        return widgets.Checkbox(value=chosen[name], **common | {"style": {"description_width": "initial"}})
    if isinstance(values, str):
        return widgets.Text(value=chosen[name], continuous_update=True, **common)
    if callable(values) or all(isinstance(value, str) for value in values):
        # Buttons, not a menu: JupyterLab takes the arrow keys, and a menu could not be moved from the keyboard.
        labels = _options(values, chosen) if callable(values) else list(values)
        common["style"]["button_width"] = "auto"
        common["layout"] = widgets.Layout(width="100%")
        return widgets.ToggleButtons(options=labels, value=chosen[name], **common)
    options = [(_label(value), value) for value in values]
    return widgets.SelectionSlider(options=options, value=chosen[name], **common)


def _label(value):
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _controls_text(controls, defaults):
    parts = []
    for name, values in controls.items():
        if isinstance(values, (list, tuple, range)):
            offered = ", ".join(map(str, values)) if len(values) <= MOST_FRAMES else f"{values[0]} to {values[-1]}"
            parts.append(f"{name.replace('_', ' ')} ({offered})")
        else:
            parts.append(name.replace("_", " "))
    shown = ", ".join(
        f"{name.replace('_', ' ')} {'empty' if value == '' else value}" for name, value in defaults.items()
    )
    return f"Controls: {'; '.join(parts)}. Shown: {shown}."


def _bake(function, defaults, bake, values):
    """The figure with plotly's own slider over one parameter: it moves with no kernel behind it."""
    if len(values) > MOST_FRAMES:
        raise CourseError(f"bake={bake!r} has {len(values)} values; at most {MOST_FRAMES} can be stored. Give fewer.")
    pictures = {value: function(**defaults | {bake: value}) for value in values}
    if not all(isinstance(picture, Picture) for picture in pictures.values()):
        raise CourseError(f"{function.__name__} makes HTML, and only plotly figures can be baked; leave bake out.")
    if len({len(picture.json["data"]) for picture in pictures.values()}) > 1:
        raise CourseError(
            f"{function.__name__} must draw as many traces for every {bake}, so that one can replace another."
        )
    first = pictures[defaults[bake]]
    moving = ("title", "annotations", "shapes", "xaxis", "yaxis", "xaxis2", "yaxis2")
    first.json["frames"] = [
        {
            "name": str(value),
            "data": picture.json["data"],
            "layout": {key: picture.json["layout"][key] for key in moving if key in picture.json["layout"]},
        }
        for value, picture in pictures.items()
    ]
    at_once = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    first.json["layout"]["sliders"] = [
        {
            "active": list(values).index(defaults[bake]),
            "currentvalue": {"prefix": f"{bake.replace('_', ' ')}: "},
            "pad": {"t": 55},
            "steps": [{"label": str(v), "method": "animate", "args": [[str(v)], at_once]} for v in values],
        }
    ]
    first.json["layout"]["height"] += SLIDER
    first.json["layout"]["margin"]["b"] += SLIDER
    return first


def describe(figure):
    """A figure in words: title, axes, and for each series where it starts, ends and peaks (3 digits)."""
    layout = figure["layout"]
    lines = [f"Figure: {_plain(layout.get('title', {}).get('text', ''))}"]
    for axis in ("xaxis", "yaxis"):
        title = layout.get(axis, {}).get("title", {}).get("text")
        if title:
            scale = ", logarithmic" if layout[axis].get("type") == "log" else ""
            lines.append(f"{axis[0]}: {_plain(title)}{scale}")
    lines += [line for line in map(_series, figure["data"]) if line]
    return "\n".join(lines)


def _series(trace):
    name = _plain(trace.get("name") or trace.get("type", "series"))
    if trace.get("type") == "heatmap":
        cells = [value for row in trace["z"] for value in row if value is not None]
        size = f"{name}: {len(trace['z'])} × {len(trace['z'][0])} cells"
        return f"{size} from {_number(min(cells))} to {_number(max(cells))}" if cells else f"{size}, all empty"
    if trace.get("hoverinfo") == "skip":  # decoration
        return ""
    heights = trace.get("y") or []
    places = trace.get("x") or range(len(heights))  # as plotly counts them where no x is given
    points = [(x, y) for x, y in zip(places, heights, strict=False) if y is not None]
    if not points:
        return ""
    described = f"{name}: from {_point(points[0])} to {_point(points[-1])}"
    if all(isinstance(y, (int, float)) for _, y in points):
        peak = max(points, key=lambda point: point[1])
        if peak not in (points[0], points[-1]):
            described += f", highest at {_point(peak)}"
    return described


def _point(point):
    return f"({', '.join(map(_number, point))})"


def _number(value):
    if not isinstance(value, (int, float)):
        return _plain(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _plain(text):
    return re.sub(r"</?(b|i|em|sup|sub|span|a)\b[^<>]*>", "", text.replace("<br>", " · "))


def _rounded(value):
    """The figure with five significant digits, smaller and the same on every machine; counts stay exact."""
    if isinstance(value, float) and math.isfinite(value) and not (value.is_integer() and abs(value) < 1e9):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value
