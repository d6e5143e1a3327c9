"""The explorables of the notebooks: which figure, with which controls, and the values that these offer."""

import ast
import importlib
import inspect
import random
from dataclasses import dataclass

from stored import NOTEBOOKS

from course import words
from course.show.choices import Paint


@dataclass(frozen=True)
class Explorable:
    """One call of explore in a notebook: the figure function, and {parameter: what its control offers}."""

    lesson: str
    cell: str
    function: object
    controls: dict

    def __str__(self):
        return f"{self.lesson}-{self.cell}"

    def defaults(self):
        """{parameter: the value that is shown first}, also of parameters without a control."""
        return {key: parameter.default for key, parameter in inspect.signature(self.function).parameters.items()}

    def offered(self, name, chosen=None):
        """The values of one control; chosen: what the other parameters are, for choices that depend on them."""
        values = self.controls[name]
        if callable(values):
            chosen = self.defaults() | (chosen or {})
            return list(values(**{key: chosen[key] for key in inspect.signature(values).parameters}))
        if isinstance(values, Paint):
            return list(values.pictures.values())
        if isinstance(values, (bool, str)):
            return [True, False] if isinstance(values, bool) else [self.defaults()[name]]
        return list(values)

    def fields(self):
        """The parameters that a student types."""
        return [name for name, values in self.controls.items() if isinstance(values, str)]

    def cases(self, mixtures=20):
        """Keywords for the figure: each control alone over all it offers, and some mixtures of all of them."""
        yield {}
        offered = {name: self.offered(name) for name in self.controls}
        for name, values in offered.items():
            yield from ({name: value} for value in values)
        chance = random.Random(0)
        for _ in range(mixtures):
            yield {name: chance.choice(values) for name, values in offered.items()}


def explorables():
    """Every call of explore(figures.…, …) in the notebooks, whatever name a notebook gives to a lesson's figures."""
    calls = []
    for notebook in NOTEBOOKS:
        modules = _figures_of(notebook)
        space = modules | vars(words)
        for cell in notebook.code:
            for call in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "explore":
                    function = getattr(modules[call.args[0].value.id], call.args[0].attr)
                    calls.append(Explorable(notebook.lesson, cell["id"], function, _controls(call, cell["id"], space)))
    return calls


def _figures_of(notebook):
    """{name: module} of the lessons' figures that its first cell imports."""
    imports = [node for node in ast.walk(ast.parse(notebook.code[0]["source"])) if isinstance(node, ast.ImportFrom)]
    return {
        name.asname or name.name: importlib.import_module(f"{node.module}.{name.name}")
        for node in imports
        if node.module.startswith("course.lessons.")
        for name in node.names
    }


def _controls(call, cell, space):
    controls = {}
    for keyword in call.keywords:
        value = eval(compile(ast.Expression(keyword.value), cell, "eval"), space)
        controls |= value if keyword.arg is None else {keyword.arg: value}
    return {name: values for name, values in controls.items() if name != "bake"}


EXPLORABLES = explorables()
