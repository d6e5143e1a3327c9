"""What a notebook may call has types and an example; the examples themselves are run by pytest --doctest-modules."""

import inspect
import sys
import types

import pytest

import course
import helpers

PUBLIC = {
    f"{package.__name__}.{name}": getattr(package, name) for package in (course, helpers) for name in package.__all__
}
# An exception is raised by the course and never called by a lesson.
CALLED = {
    name: thing for name, thing in PUBLIC.items() if not (isinstance(thing, type) and issubclass(thing, Exception))
}


def functions(thing):
    """The functions that a reader of help(thing) sees: itself, those of a module or a package, or a class's methods."""
    if isinstance(thing, types.ModuleType):
        members = [
            value for value in vars(thing).values() if getattr(value, "__module__", "").startswith(thing.__name__)
        ]
        return [value for value in members if inspect.isfunction(value) and not value.__name__.startswith("_")]
    if isinstance(thing, type):
        return [value for name, value in vars(thing).items() if inspect.isfunction(value) and name[0] != "_"]
    return [thing]


def untyped(function):
    """The parameters, and "return", that have no annotation; *args are what is handed on, of any type."""
    signature = inspect.signature(function)
    named = [row for row in signature.parameters.values() if row.kind not in (row.VAR_POSITIONAL, row.VAR_KEYWORD)]
    without = [row.name for row in named if row.annotation is row.empty and row.name not in ("self", "cls")]
    return without + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("name", CALLED)
def test_every_public_name_has_types(name):
    without = {function.__name__: untyped(function) for function in functions(CALLED[name]) if untyped(function)}
    assert without == {}


@pytest.mark.parametrize("name", CALLED)
def test_every_public_name_has_an_example(name):
    assert ">>>" in inspect.getdoc(CALLED[name])


def test_no_public_name_hides_a_module():
    assert [name for name, thing in PUBLIC.items() if name in sys.modules and sys.modules[name] is not thing] == []
