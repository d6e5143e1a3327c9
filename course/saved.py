"""What a saved lesson shows where no kernel runs: its controls give way to the figures and cards that they showed.

A widget lives as long as its kernel. What is saved can be opened without one, exported, printed, handed in; there a
widget would be empty, or come from the network. Lab calls before_saving whenever a notebook is saved.
"""

from markupsafe import Markup

from .predictions import asked
from .show.display import PLOTLY, WIDGET

STATE = "application/vnd.jupyter.widget-state+json"
CHILD = "IPY_MODEL_"


def before_saving(model: dict, **_) -> None:
    """A hook of Jupyter's contents manager: freeze what is about to be written."""
    if model.get("type") == "notebook" and isinstance(model.get("content"), dict):
        freeze(model["content"])


def freeze(notebook: dict) -> bool:
    """Put what the course's controls show in their place, and drop what else is saved of them. Returns whether it did.

    Widgets of the student's own stay, and so does what is saved of them.
    """
    broken = has_broken_note(notebook)
    models = {} if broken else notebook.get("metadata", {}).get("widgets", {}).get(STATE, {}).get("state", {})
    outputs = [output for cell in notebook.get("cells", []) for output in cell.get("outputs", [])]
    views = [output["data"] for output in outputs if WIDGET in output.get("data", {})]
    ours = [bundle for bundle in views if "text/html" in bundle or PLOTLY in bundle]
    for bundle in ours:
        page = _on_screen(models, bundle.pop(WIDGET).get("model_id"))
        if page:
            bundle["text/html"] = page
    if broken or (ours and len(ours) == len(views)):
        notebook["metadata"].pop("widgets", None)
    return broken or bool(ours)


def has_broken_note(notebook: dict) -> bool:
    """Whether a notebook has the note on widgets without `state` that Colab stores: colabtools#5255."""
    widgets = notebook.get("metadata", {}).get("widgets", {})
    return not (
        isinstance(widgets, dict) and all(isinstance(kind, dict) and "state" in kind for kind in widgets.values())
    )


def _on_screen(models, view):
    """The HTML of what a box of controls showed at last, or "" if nothing is saved of it."""
    children = _children(models, view)
    kinds = [models.get(child, {}).get("model_name") for child in children]
    states = [models.get(child, {}).get("state", {}) for child in children]
    if "RadioButtonsModel" in kinds:
        heading, radio, _ = states
        labels, place = radio.get("_options_labels", []), radio.get("index")
        return str(asked(Markup(heading.get("value", "")), labels, None if place is None else labels[place]))
    screen = states[-1] if states else {}
    drawn = [output.get("data", {}).get("text/html", "") for output in screen.get("outputs", [])]
    return screen.get("value") or "".join(drawn)


def _children(models, view):
    return [child.removeprefix(CHILD) for child in models.get(view, {}).get("state", {}).get("children", [])]
