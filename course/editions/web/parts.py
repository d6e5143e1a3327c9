"""The cells of a notebook as the parts of a page: figures that move, questions to answer, answers that fold away."""

import json
import re

from markupsafe import Markup, escape
from nbconvert.preprocessors import Preprocessor
from traitlets import Any, Bool

from ...exercises import hint_page, solution_page
from ...notebooks import is_plumbing
from ...show import race
from ...show.display import PLOTLY
from ...show.in_words import label
from ...show.marks import tag
from ...show.still import without_slider
from ..colab import form_title
from ..common import first_code_cell, joined

PREDICTS = re.compile(r'^predict\(\s*"([^"]+)"', re.MULTILINE)
REVEALS = re.compile(r'^reveal\(\s*"([^"]+)"', re.MULTILINE)
CHECKS = re.compile(r'^check\(\s*"([^"]+)"', re.MULTILINE)
UNLABELLED = re.compile(r'<svg (?![^>]*aria-label)([^>]*role="img")')
ASKED = "Predict. "  # how the text alternative of a prediction begins


class Parts(Preprocessor):
    """Puts HTML into the outputs, and what stands around a cell into its metadata ("page")."""

    row = Any(help="the Lesson")
    answers = Bool(True, help="whether hints and solutions fold out below an exercise")

    def preprocess(self, notebook, resources):
        self.figures = 0
        setup = first_code_cell(notebook)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.metadata["page"] = self._around(cell, cell is setup)
                for output in cell.outputs:
                    self._replace(output, cell)
        return notebook, resources

    def _around(self, cell, is_setup):
        """fold: the words under which the source folds away, if it does. veil: the prediction that comes first."""
        folds = is_plumbing(cell.source)
        veil = REVEALS.search(cell.source)
        return {
            "fold": "What this lesson imports" if is_setup else form_title(cell.source) if folds else None,
            "plumbing": folds,
            "veil": veil[1] if veil else None,
            "after": joined([*map(str, self._helps(cell)), *self._only_here(cell)]),
        }

    def _helps(self, cell):
        return [self._help(name) for name in CHECKS.findall(cell.source)] if self.answers else []

    def _only_here(self, cell):
        """What the lesson shows after this cell on its page alone, where there is no kernel: its figures' ON_PAGE."""
        on_page = getattr(self.row.part("figures"), "ON_PAGE", {})
        return [on_page[cell.id]().html] if cell.id in on_page else []

    def _replace(self, output, cell):
        if output.output_type == "execute_result":
            output.output_type = "display_data"
        data = output.get("data", {})
        text = joined(data.get("text/plain", ""))
        if PLOTLY in data:
            data["text/html"] = self._figure(data.pop(PLOTLY), joined(data.pop("image/png", "")), text)
        elif text.startswith(ASKED):
            data["text/html"] = self._question(PREDICTS.search(cell.source)[1], text)
        elif text.startswith("It is: ") and (revealed := REVEALS.search(cell.source)):
            data["text/html"] = self._outcome(revealed[1], text)
        elif text.startswith(f"Lesson {self.row.id} · "):  # its title stands above; what is new is where it ran
            machine = re.search(r"This machine: ([^<]+)<", joined(data["text/html"]))
            data["text/html"] = tag("p", f"Run on {Markup(machine[1]).unescape()}.", class_="live") if machine else ""
        elif text == race.TEXT:  # a notebook stores its words alone
            data["text/html"] = race.race_page().html
        elif text.startswith("Controls: ") and "text/html" in data:
            data["text/html"] = Markup(joined(data["text/html"])) + _where_it_moves(text)
        if "text/html" in data:
            data.pop("image/png", None)
            data["text/html"] = _labelled(_scrolled_by_keyboard(joined(data["text/html"])), text)

    def _figure(self, figure, png, text):
        """A place that plotly fills; until then, and where nothing is run, the PNG. What is baked gets a slider."""
        self.figures += 1
        name = f"figure-{self.figures}"
        steps = (figure["layout"].get("sliders") or [{"steps": []}])[0]["steps"]
        frames = {frame["name"]: frame for frame in figure.get("frames", [])}
        body = json.dumps({**without_slider(figure), "frames": list(frames.values())}, ensure_ascii=False)
        image = tag("img", src=f"data:image/png;base64,{png.strip()}", alt=text) if png else tag("pre", text)
        live = _where_it_moves(text) if text.startswith("Controls: ") and not steps else None
        script = tag("script", Markup(body.replace("</", "<\\/")), type="application/json")
        plot = tag(
            "div", image, class_="plot", id=name, style=f"min-height:{without_slider(figure)['layout']['height']}px"
        )
        scrolled = tag("div", plot, class_="scrolled", tabindex="0", role="region", aria_label=_title(text))
        return tag("figure", scrolled, _slider(name, figure, steps), live, script, data_text=text)

    def _question(self, name, text):
        question, *choices = text.removeprefix(ASKED).split("\n")
        choices = [choice.strip().removeprefix("( ) ") for choice in choices]
        buttons = [tag("label", tag("input", type="radio", name=name, value=choice), " ", choice) for choice in choices]
        return tag("fieldset", tag("legend", tag("b", "Predict."), " ", question), buttons, data_predict=name)

    def _outcome(self, name, text):
        outcome = text.removeprefix("It is: ").removesuffix(".")
        said = tag("span", class_="comment")
        return tag("div", tag("b", f"It is: {outcome}."), " ", said, class_="card", data_outcome=outcome, data_of=name)

    def _help(self, exercise_id):
        exercise = self.row.exercises[exercise_id]
        hints = [
            tag("details", tag("summary", f"Hint {level}"), Markup(hint_page(exercise, level).html))
            for level in (1, 2, 3)
        ]
        answers = self.row.answers
        source = solution_page(answers.source_of(exercise_id)).html if answers else None
        solved = tag("details", tag("summary", "A solution"), Markup(_scrolled_by_keyboard(source))) if source else None
        return tag("div", hints, solved, class_="help")


def _scrolled_by_keyboard(page):
    """What may be wider than the page can be reached with Tab, then moved with the arrow keys."""
    return page.replace("<pre ", '<pre tabindex="0" ').replace("<pre>", '<pre tabindex="0">')


def _labelled(page, text):
    """A drawing in it says what it shows: the text alternative of the whole figure."""
    return UNLABELLED.sub(lambda match: f'<svg aria-label="{escape(text)}" {match[1]}', page)


def _title(text):
    """The first line that names the figure, for the box in which it scrolls."""
    return next((line for line in text.split("\n") if line.startswith("Figure: ")), "Figure")


def _slider(name, figure, steps):
    """An <input type="range"> for the baked frames, which a keyboard moves; plotly's own slider it cannot."""
    if not steps:
        return None
    slider = figure["layout"]["sliders"][0]
    prefix = slider["currentvalue"]["prefix"].removesuffix(": ")
    shown = slider["active"]
    attributes = {"type": "range", "min": 0, "max": len(steps) - 1, "step": 1, "value": shown, "hidden": True}
    labels = json.dumps([step["label"] for step in steps], ensure_ascii=False)
    frames = json.dumps([step["args"][0][0] for step in steps], ensure_ascii=False)
    entry = tag("input", **attributes, data_moves=name, data_labels=labels, data_frames=frames)
    return tag("label", f"{prefix} ", entry, " ", tag("output", label(steps[shown]["label"])), class_="slider")


def _where_it_moves(text):
    """Which controls the running lesson has, from the explorable's text alternative."""
    controls = text.split("\n")[0].removeprefix("Controls: ").partition(" Shown: ")[0].rstrip(".")
    return tag("p", f"In the running lesson you can move this: {controls}.", class_="live")
