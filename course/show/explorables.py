"""explore: a figure function with a control for each of its parameters, live with a kernel, baked without."""

from collections.abc import Callable

from IPython.display import display

from ..errors import CourseError
from .baked import MOST_FRAMES, baked
from .choices import Paint, defaults_of
from .display import Page, Picture, in_colab, with_view


def explore(function: Callable[..., Picture | Page], *, bake: str | None = None, **controls: object) -> None:
    """Show `function` with a control for each parameter: live with a kernel, baked without.

    controls: parameter=values. A list of numbers makes a slider, of strings buttons; True or False a box to tick;
    a string a field to type in; a choices.Paint cells to paint; a function of the other parameters buttons whose labels
    depend on them.
    The parameters' defaults in `function` are shown first.
    bake: the one parameter that the stored figure can still move without a kernel, 12 values at the most.
    Raises CourseError if a control is not a parameter, its default is not among the values, or bake has no values.

    >>> def square(n=2):
    ...     return Page(f"<b>{n * n}</b>", f"{n} times {n} is {n * n}.")
    >>> explore(square, n=[1, 2, 3])
    {'text/plain': 'Controls: n (1, 2, 3). Shown: n 2.\\n2 times 2 is 4.', ...}
    """
    defaults = defaults_of(function, controls)
    if bake is not None and not isinstance(controls.get(bake), (list, tuple, range)):
        raise CourseError(
            f"bake={bake!r} must name a control that has a list of values; the controls: {', '.join(controls)}."
        )
    first = function(**defaults)
    bundle = (baked(function, defaults, bake, controls[bake]) if bake else first).bundle()
    bundle["text/plain"] = _controls_in_words(controls, defaults) + "\n" + first.text
    if isinstance(first, Page) or not in_colab():
        from .live import Live  # ipywidgets takes 0.2 s to import

        bundle = with_view(bundle, Live(function, defaults, controls, first).view)
    display(bundle, raw=True)


def _controls_in_words(controls, defaults):
    offers = ", ".join(f"{_in_words(name)} {_shown(controls[name], value)}" for name, value in defaults.items())
    return f"Controls: {'; '.join(_offer(name, values) for name, values in controls.items())}. Shown: {offers}."


def _shown(values, value):
    if isinstance(values, Paint):
        return values.name_of(value)
    return "empty" if value == "" else value


def _offer(name, values):
    if isinstance(values, Paint):
        return f"{_in_words(name)} (painted; {', '.join(values.pictures)})"
    if not isinstance(values, (list, tuple, range)):
        return _in_words(name)
    listed = ", ".join(map(str, values)) if len(values) <= MOST_FRAMES else f"{values[0]} to {values[-1]}"
    return f"{_in_words(name)} ({listed})"


def _in_words(name):
    return name.replace("_", " ")
