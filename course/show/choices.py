"""What the controls of an explorable offer, and the value of each that is shown first."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import CourseError


@dataclass(frozen=True)
class Paint:
    """A control to paint on: square, with a cell that is on or off for each pair of rows.

    rows: their names. pictures: {button: picture} to start from, a picture being a tuple of rows of True and False; the
    default of the figure's parameter is one of them.

    >>> Paint(["a", "b"], {"all": ((True, True), (True, True))}).name_of(((True, True), (True, True)))
    'all'
    """

    rows: Sequence[str]
    pictures: Mapping[str, tuple]

    def name_of(self, picture: tuple) -> str:
        """The name of a picture that has a button, "painted" for any other."""
        return next((name for name, other in self.pictures.items() if other == picture), "painted")


def options(values, chosen):
    """The values that a control offers now; a function derives them from the other parameters."""
    return list(values(**{name: chosen[name] for name in inspect.signature(values).parameters}))


def defaults_of(function, controls):
    """{name: the value shown first}, once every control is known to fit the function."""
    parameters = inspect.signature(function).parameters
    for name in controls:
        if name not in parameters:
            raise CourseError(f"{function.__name__} has no parameter {name!r}; it has {', '.join(parameters)}.")
        if parameters[name].default is inspect.Parameter.empty:
            raise CourseError(f"{function.__name__}: {name} needs a default, the value that is shown first.")
    defaults = {name: parameters[name].default for name in controls}
    for name, values in controls.items():
        if not isinstance(values, (bool, str)):
            _require_default(function, name, values, defaults, controls)
    return defaults


def _require_default(function, name, values, defaults, controls):
    """The default of a control is one of the values that it offers."""
    if isinstance(values, Paint):
        values = list(values.pictures.values())
    if callable(values):
        others = list(inspect.signature(values).parameters)
        if not set(others) <= set(controls):
            raise CourseError(f"the choices of {name} depend on {', '.join(others)}, and not all of them are controls.")
        values = options(values, defaults)
    if not isinstance(values, (list, tuple, range)):
        raise CourseError(f"{name} needs a list of values, True or False, a string, or a function; got {values!r}.")
    if defaults[name] not in values:
        raise CourseError(f"{function.__name__}: the default {name} = {defaults[name]!r} is not among {values}.")
