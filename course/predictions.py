"""A prediction before every result: what surprises is remembered."""

from collections.abc import Sequence

from IPython.display import display
from markupsafe import Markup

from . import progress
from .errors import CourseError, nearest
from .show import theme
from .show.display import Page, with_view
from .show.marks import card, muted, tag

_asked = {}  # {"05.keys": its choices}


def ask(key: str, question: str, choices: Sequence[object]) -> None:
    """Ask what the student expects; returns at once, and unanswered is fine.

    key: "05.keys", under which the choice is remembered. choices: the answers to choose from, shown as text.

    >>> ask("99.bits", "How many bits has a byte?", [4, 8])
    {'text/plain': 'Predict. How many bits has a byte?\\n  ( ) 4\\n  ( ) 8', ...}
    """
    import ipywidgets as widgets

    choices = [str(choice) for choice in choices]
    _asked[key] = choices
    remembered = progress.read()["predictions"].get(key)
    answered = widgets.HTML()
    buttons = widgets.RadioButtons(
        options=choices, value=remembered if remembered in choices else None, layout=widgets.Layout(width="auto")
    )

    def note(event):
        progress.note_prediction(key, event["new"])
        answered.value = "Noted. Run the next cell to see."

    buttons.observe(note, "value")
    heading = tag("div", tag("b", "Predict."), " ", question, style={"font-size": "15px", "line-height": "1.4"})
    view = widgets.VBox([widgets.HTML(str(heading)), buttons, answered])
    text = f"Predict. {question}\n" + "\n".join(f"  ( ) {choice}" for choice in choices)
    display(with_view(Page(asked(heading, choices, buttons.value), text).bundle(), view), raw=True)


def asked(heading: Markup, choices: Sequence[str], chosen: str | None) -> Markup:
    """A question on a page without a kernel, with the student's choice marked, if there is one.

    >>> print(asked("Predict.", ["4", "8"], "8"))
    <div ...>Predict.<ul><li>4</li><li><b>8</b> <span ...>your prediction</span></li></ul></div>
    """
    mark = [" ", muted("your prediction")]
    options = [tag("li", [tag("b", choice), *mark] if choice == chosen else choice) for choice in choices]
    return card(heading, tag("ul", options), colour=theme.ACCENT)


def answer(key: str, outcome: object) -> None:
    """Show what came out beside what was predicted. outcome: computed, and one of the choices.

    >>> ask("99.bits", "How many bits has a byte?", [4, 8])
    {...}
    >>> answer("99.bits", 2**3)
    It is: 8.
    """
    outcome, name = str(outcome), _name(key)
    if key not in _asked:
        hint = nearest(name, [_name(other) for other in _asked if _lesson(other) == _lesson(key)])
        raise CourseError(f'Nothing was asked as "{name}"; run the cell above that says predict("{name}", …).{hint}')
    if outcome not in _asked[key]:
        raise CourseError(f'{outcome!r} is not among the choices of "{name}": {", ".join(_asked[key])}.')
    expected = progress.read()["predictions"].get(key)
    if expected not in _asked[key]:  # nothing, or what an earlier form of the question offered
        comment = "You had not chosen; that is fine."
    elif expected == outcome:
        progress.note_passed(key)
        comment = "As you predicted."
    else:
        comment = f"You predicted: {expected}. What made you think so?"
    # What the student chose is not part of the compared text.
    page = card(tag("b", f"It is: {outcome}."), " ", comment, colour=theme.ACCENT)
    display(Page(page, f"It is: {outcome}."))


def _lesson(key):
    return key.partition(".")[0]


def _name(key):
    """A prediction's id as a notebook writes it."""
    return key.partition(".")[2]
