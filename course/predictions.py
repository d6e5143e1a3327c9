"""A prediction before every result: what surprises is remembered."""

import html

from IPython.display import display

from . import progress
from .errors import CourseError, nearest
from .show import theme
from .show.display import WIDGET, Page

_asked = {}


def ask(prediction_id, question, choices):
    """Ask what the student expects; returns at once, and unanswered is fine.

    prediction_id: "05.keys"; choices: the answers to choose from, as strings.
    """
    import ipywidgets as widgets

    choices = [str(choice) for choice in choices]
    _asked[prediction_id] = choices
    stored = progress.read()["predictions"].get(prediction_id)
    noted = widgets.HTML()
    buttons = widgets.RadioButtons(
        options=choices, value=stored if stored in choices else None, layout=widgets.Layout(width="auto")
    )

    def note(event):
        progress.note_prediction(prediction_id, event["new"])
        noted.value = "Noted. Run the next cell to see."

    buttons.observe(note, "value")
    heading = widgets.HTML(f'<div style="font-size:15px;line-height:1.4"><b>Predict.</b> {html.escape(question)}</div>')
    view = widgets.VBox([heading, buttons, noted])
    listed = "".join(f"<li>{html.escape(choice)}</li>" for choice in choices)
    page = Page(
        theme.card(f"<b>Predict.</b> {html.escape(question)}<ul>{listed}</ul>", theme.ACCENT),
        f"Predict. {question}\n" + "\n".join(f"  ( ) {choice}" for choice in choices),
    )
    display({**page.bundle(), WIDGET: {"model_id": view.model_id, "version_major": 2, "version_minor": 0}}, raw=True)


def answer(prediction_id, outcome):
    """Show what came out beside what was predicted. `outcome` is computed, and one of the choices."""
    outcome = str(outcome)
    if prediction_id not in _asked:
        raise CourseError(
            f"Nothing was asked as {prediction_id!r}; run the cell above that says predict(…) first."
            f"{nearest(prediction_id, _asked)}"
        )
    if outcome not in _asked[prediction_id]:
        raise CourseError(
            f"{outcome!r} is not among the choices of {prediction_id}: {', '.join(_asked[prediction_id])}."
        )
    expected = progress.read()["predictions"].get(prediction_id)
    if expected not in _asked[prediction_id]:  # nothing, or what an earlier form of the question offered
        beside = "You had not chosen; that is fine."
    elif expected == outcome:
        beside = "As you predicted."
    else:
        beside = f"You predicted: {html.escape(expected)}. What made you think so?"
    # What the student chose is not part of the compared text.
    display(Page(theme.card(f"<b>It is: {html.escape(outcome)}.</b> {beside}", theme.ACCENT), f"It is: {outcome}."))
