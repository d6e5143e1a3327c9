"""Every explorable, for all that its controls offer and for what students type: told in words, pure, harmless."""

import ast
import json
import re
from pathlib import Path

import pytest
import torch
from explored import EXPLORABLES
from stored import ROOT

import helpers
from course.catalogue import lessons
from course.show.display import Page, Picture
from course.show.theme import PAPER

pytestmark = pytest.mark.usefixtures("one_thread")
NASTY = '<script>alert(1)</script> <b onclick=x>bold</b> & "co"'
TYPED = [
    "word",
    " ".join(letter * 40 for letter in "abcdefghijkl"),
    " ".join(f"number{n}" for n in range(50)),
    "the the the the",
    NASTY,
    "I ❤️ cats 🐈 👩‍👩‍👧",
    "מה אתה אומר",
    "مرحبا بالعالم today",
    "नमस्ते दुनिया",
    "我 爱 猫",
    "%s {0} \\n $x$ `code`",
    "S0-17",
    "a" * 100_000,
]
WORDLESS = ["", "   ", "🙂", "...", "<>"]
FIGURE_MODULES = {
    row.id: row.folder / "figures.py" for row in lessons().values() if (row.folder / "figures.py").exists()
}


@pytest.fixture(params=EXPLORABLES, ids=str)
def explorable(request):
    return request.param


def draw(explorable, case):
    """The figure, drawn once for all tests; None for the refusal of what was typed, which must be a sentence."""
    key = str(explorable), repr(case)
    if key not in DRAWN:
        DRAWN[key] = draw_anew(explorable, case)
    return DRAWN[key]


DRAWN = {}


def draw_anew(explorable, case):
    try:
        return explorable.function(**case)
    except ValueError as error:
        refusal = str(error)
    assert refusal.endswith("."), f"{case}: {refusal!r} is no sentence"
    assert set(case) & set(explorable.fields()), f"{case} is offered, and refused: {refusal}"
    return None


def typed(explorable):
    """Keywords with what students type, and with the last choices that depend on it."""
    for name in explorable.fields():
        for text in TYPED:
            yield {name: text}
            for follower in (other for other, values in explorable.controls.items() if callable(values)):
                try:
                    choices = explorable.offered(follower, {name: text})[-2:]
                except ValueError:
                    continue
                yield from ({name: text, follower: choice} for choice in choices)


def is_harmless(page):
    """Nothing that was typed has become markup."""
    return "<script" not in page and "onclick=x>" not in page.replace("&lt;", "") and "<b onclick" not in page


def test_a_figure_says_in_words_what_it_shows(explorable):
    for case in (*explorable.cases(), *typed(explorable)):
        figure = draw(explorable, case)
        if figure is not None:
            assert isinstance(figure, (Picture, Page)), case
            assert figure.text.startswith("Figure: "), case
            assert len(figure.text) >= 60, case
            assert "<b>" not in figure.text.replace(NASTY, ""), case
            assert "nan" not in re.findall(r"\w+", figure.text.lower()), case
            assert "dtype" not in figure.text


def test_a_figure_is_small_json_and_what_is_typed_stays_text(explorable):
    for case in (*explorable.cases(), *typed(explorable)):
        figure = draw(explorable, case)
        if figure is not None:
            content = json.dumps(figure.bundle(), allow_nan=False)
            assert "bdata" not in content
            assert len(content) < 1_000_000, f"{case}: {len(content):,} characters"
            drawing = figure.html if isinstance(figure, Page) else json.dumps(figure.json, ensure_ascii=False)
            assert is_harmless(drawing), case


def test_a_figure_is_the_same_at_every_call_and_number_of_threads(explorable):
    for case in list(explorable.cases(mixtures=4))[::4]:
        first = draw(explorable, case)
        torch.set_num_threads(2)
        second = draw_anew(explorable, case)
        torch.set_num_threads(1)
        assert first.text == second.text, case
        assert json.dumps(first.bundle()) == json.dumps(second.bundle()), case


def test_pictures_of_one_figure_have_as_many_traces_so_that_one_can_replace_another(explorable):
    figures = [draw(explorable, case) for case in explorable.cases()]
    assert len({len(figure.json["data"]) for figure in figures if isinstance(figure, Picture)}) <= 1


def test_a_figure_moves_with_each_of_its_controls(explorable):
    for name in explorable.controls:
        values = ["word", "floor"] if name in explorable.fields() else explorable.offered(name)
        figures = [draw(explorable, {name: value}) for value in values]
        assert len({json.dumps(figure.bundle()) for figure in figures if figure}) >= 2, f"{name} changes nothing"


def test_text_without_words_is_drawn_or_refused_with_a_sentence(explorable):
    for name in explorable.fields():
        for text in WORDLESS:
            figure = draw(explorable, {name: text})
            assert figure is None or len(figure.text) >= 60


def test_a_figure_stands_on_paper_of_its_own(explorable):
    figure = draw(explorable, {})
    if isinstance(figure, Picture):
        assert figure.json["layout"]["template"]["layout"]["paper_bgcolor"] == PAPER
        assert "width" not in figure.json["layout"], "a figure takes the width that it is given"
    else:
        assert f"background-color:{PAPER}" in figure.html


@pytest.mark.parametrize("lesson", FIGURE_MODULES)
def test_figures_never_measure(lesson):
    """What was timed is given to a figure: one that timed would differ at every call."""
    measuring = {
        name for name in vars(helpers) if getattr(vars(helpers)[name], "__module__", "").startswith("helpers.measuring")
    }
    for node in ast.walk(ast.parse(FIGURE_MODULES[lesson].read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module, names = getattr(node, "module", "") or "", {alias.name for alias in node.names}
            assert not (module.startswith("helpers") and names & measuring), names & measuring
            assert not {module, *names} & {"time", "timeit", "helpers.measuring"}


@pytest.mark.parametrize("lesson", FIGURE_MODULES)
def test_no_figure_builds_html_by_hand(lesson):
    source = FIGURE_MODULES[lesson].read_text(encoding="utf-8")
    assert not re.findall(r"""['"]\s*<[a-z]+[ >]""", source), "use marks.tag, which escapes"
    assert "html.escape" not in source


def test_the_example_on_the_page_about_figures_works():
    page = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    space = {}
    exec(code.replace("from ...show", "from course.show"), space)
    assert space["waiting"](60).text.startswith("Figure: The RNN waits 60 rounds\nx: words, logarithmic\ny: rounds\n")
    assert "&lt;b&gt;" in space["word_page"]("<b>").html


def test_every_lesson_that_explores_is_found():
    assert {explorable.lesson for explorable in EXPLORABLES} == {
        path.name[:2]
        for path in Path(ROOT / "notebooks").glob("*.ipynb")
        if "explore(" in path.read_text(encoding="utf-8")
    }
