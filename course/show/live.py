"""An explorable with a kernel behind it: a box of controls over the figure, which each change draws anew."""

import inspect

import ipywidgets as widgets

from ..errors import CourseError
from .choices import Paint, options
from .display import Page
from .in_words import label
from .marks import card
from .paint import PaintBox


class Live:
    """function: makes a Picture or a Page; defaults: {parameter: value shown first}; first: what it makes of them.

    view: the widget to display.
    """

    def __init__(self, function, defaults, controls, first):
        self.function, self.offers, self.chosen = function, controls, dict(defaults)
        self.controls = {name: _control(name, values, self.chosen) for name, values in controls.items()}
        self.screen = widgets.HTML() if isinstance(first, Page) else widgets.Output()
        if isinstance(self.screen, widgets.Output):
            self.screen.layout.min_height = f"{first.json['layout']['height']}px"  # so that the page does not jump
        self.following = False  # while one control makes another follow, the other one's events draw nothing
        for name, control in self.controls.items():
            control.observe(lambda event, name=name: self.change(name, event["new"]), "value")
        self.show(first)
        self.view = widgets.VBox([*self.controls.values(), self.screen])

    def show(self, figure):
        """Put a Picture or a Page on the screen."""
        if isinstance(self.screen, widgets.HTML):
            self.screen.value = figure.html
        else:
            # Assigned, not captured: capturing is what makes an Output differ at every run.
            self.screen.outputs = ({"output_type": "display_data", "data": figure.bundle(), "metadata": {}},)

    def change(self, name, value):
        """Draw again with this value; a control whose choices depend on it follows first."""
        if self.following or value is None or value == self.chosen[name]:
            return
        self.chosen[name] = value
        self.following = True
        try:
            for other, values in self.offers.items():
                if callable(values) and name in inspect.signature(values).parameters:
                    self.chosen[other] = _follow(self.controls[other], options(values, self.chosen), self.chosen[other])
            self.show(self.function(**self.chosen))
        except (ValueError, CourseError) as error:  # what was typed does not fit; its sentence stands for the figure
            self.show(Page(card(str(error)), str(error)))
        finally:
            self.following = False


def _follow(buttons, labels, chosen):
    """Offer other labels, keep the chosen one, or else the one in its place; returns it."""
    place = min(buttons.index or 0, len(labels) - 1)
    buttons.options = labels
    buttons.value = chosen if chosen in labels else labels[place]
    return buttons.value


def _control(name, values, chosen):
    common = {
        "description": name.replace("_", " "),
        "layout": widgets.Layout(width="min(640px, 100%)"),
        "style": {"description_width": "130px"},
    }
    if isinstance(values, Paint):
        return PaintBox(values, chosen[name], common["description"])
    if isinstance(values, bool):
        return widgets.Checkbox(value=chosen[name], **common | {"style": {"description_width": "initial"}})
    if isinstance(values, str):
        return widgets.Text(value=chosen[name], continuous_update=True, **common)
    if callable(values) or all(isinstance(value, str) for value in values):
        # Buttons, not a menu: JupyterLab takes the arrow keys, and a menu could not be moved from the keyboard.
        labels = options(values, chosen) if callable(values) else list(values)
        common["style"]["button_width"] = "auto"
        common["layout"] = widgets.Layout(width="100%")
        return widgets.ToggleButtons(options=labels, value=chosen[name], **common)
    return widgets.SelectionSlider(options=[(label(value), value) for value in values], value=chosen[name], **common)
