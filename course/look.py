"""python -m course look: a lesson's figures as a browser draws them at three widths, and what is wrong with them."""

import ast
import inspect
import json
import re

from .errors import CourseError, nearest
from .show.browser import WIDTHS, Stage, open_chromium
from .show.display import PLOTLY


def look(row, notebooks, target, function=None, arguments=()):
    """Draw figures at three widths, write PNGs into `target`, and print the faults. Returns how many there are.

    row: a catalogue.Lesson; all figures stored in its notebook are drawn. function: the name of one of its figure
    functions, drawn instead; arguments: ("step=5", "sentence=man eats dog"), its defaults elsewhere.
    """
    from playwright.sync_api import sync_playwright

    if function:
        figures = [(function, _called(row, function, arguments))]
    else:
        figures = stored_figures(json.loads((notebooks / f"{row.notebook}.ipynb").read_text(encoding="utf-8")))
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    with sync_playwright() as playwright:
        chromium = open_chromium(playwright)
        stage = Stage(chromium)
        for name, bundle in figures:
            for width in WIDTHS if _is_figure(bundle) else ():
                stage.draw(bundle, width)
                stage.image(target / f"{row.id}-{name}-{width}.png")
            faults = stage.faults(bundle)
            count += len(faults)
            if faults or _is_figure(bundle):
                print(f"{row.id} {name}:", *(faults or ["no fault"]), sep="\n    ")
        chromium.close()
    print(f"{len(figures)} figures and cards, {count} faults; drawn {', '.join(map(str, WIDTHS))} px wide in {target}/")
    return count


def stored_figures(notebook):
    """[(name, {MIME type: content})]: each figure and page in the outputs of a notebook, named by its cell."""
    figures = []
    for cell in notebook["cells"]:
        bundles = [output.get("data", {}) for output in cell.get("outputs", [])]
        pages = [_joined_lines(bundle) for bundle in bundles if PLOTLY in bundle or "text/html" in bundle]
        figures += [
            (cell["id"] if not place else f"{cell['id']}-{place + 1}", page) for place, page in enumerate(pages)
        ]
    return figures


def _is_figure(bundle):
    return PLOTLY in bundle or "<svg" in bundle["text/html"]


def _joined_lines(bundle):
    """nbformat may keep a text as a list of lines."""
    return {kind: "".join(content) if isinstance(content, list) else content for kind, content in bundle.items()}


def _called(row, name, arguments):
    module = row.part("figures")
    if module is None:
        raise CourseError(f"Lesson {row.id} has no figures.py yet.")
    functions = [key for key, value in vars(module).items() if callable(value) and value.__module__ == module.__name__]
    if name not in functions:
        public = [key for key in functions if not key.startswith("_")]
        raise CourseError(
            f"Lesson {row.id} has no figure {name!r}.{nearest(name, public)} There are {', '.join(public)}."
        )
    if odd := [argument for argument in arguments if not re.match(r"\w+=", argument)]:
        raise CourseError(f"{odd[0]!r} is no argument; write name=value, as in step=5.")
    keywords = dict(argument.split("=", 1) for argument in arguments)
    function = getattr(module, name)
    if unknown := keywords.keys() - (known := inspect.signature(function).parameters).keys():
        raise CourseError(f"{name} has no parameter {min(unknown)!r}; it has {', '.join(known) or 'none'}.")
    return function(**{key: _value(text) for key, text in keywords.items()}).bundle()


def _value(text):
    """A number, list, True or False as Python writes it; anything else is a string."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
