"""A still drawing stands for a plotly figure: it has the same words at the same places, and all can be read."""

import re

import pytest
from explored import EXPLORABLES
from plotly.offline import get_plotlyjs

from course.look import stored_figures
from course.show.browser import Stage
from course.show.display import PLOTLY, Picture
from course.show.marks import figure
from course.show.still import still
from course.show.still_text import WIDTH

pytestmark = pytest.mark.test_all

# Each piece of text that is drawn, with its middle.
WORDS = """() => {
    const words = [];
    for (const text of document.querySelectorAll('#stage text')) {
        const box = text.getBoundingClientRect();
        if (box.width) words.push([text.textContent.replace(/\\s+/g, ''), (box.left + box.right) / 2, (box.top + box.bottom) / 2]);
    }
    return words;
}"""
NUMBER = re.compile(r"[\d.,]+")  # plotly chooses other ticks where nobody has
NEAR = 30  # px: plotly moves its margins by what the labels need


@pytest.fixture(scope="module")
def stage(chromium):
    return Stage(chromium)


def test_every_stored_figure_has_a_drawing_in_which_all_can_be_read(stage, notebook):
    figures = [(name, bundle[PLOTLY]) for name, bundle in stored_figures(notebook.json) if PLOTLY in bundle]
    faults = {name: stage.faults({"text/html": str(still(figure))}, [WIDTH]) for name, figure in figures}
    assert {name: sentences for name, sentences in faults.items() if sentences} == {}


@pytest.mark.parametrize("explorable", EXPLORABLES, ids=str)
def test_so_has_every_explorable_for_every_value(stage, explorable):
    faults = {}
    for case in explorable.cases(mixtures=5):
        try:
            bundle = explorable.function(**case).bundle()
        except ValueError:  # a choice of another sentence
            continue
        if PLOTLY in bundle:
            faults[str(case)] = stage.faults({"text/html": bundle["text/html"]}, [WIDTH])
    assert {case: sentences for case, sentences in faults.items() if sentences} == {}


def test_a_drawing_has_plotlys_words_where_plotly_has_them(stage, notebook):
    for name, bundle in stored_figures(notebook.json):
        if PLOTLY not in bundle or "frames" in bundle[PLOTLY]:
            continue
        stage.draw({PLOTLY: bundle[PLOTLY]}, WIDTH)
        theirs = stage.page.evaluate(WORDS)
        stage.draw({"text/html": str(still(bundle[PLOTLY]))}, WIDTH)
        ours = stage.page.evaluate(WORDS)
        far = [
            word for word in theirs if not any(_near(word, other) for other in ours) and not NUMBER.fullmatch(word[0])
        ]
        assert far == [], name


def _near(word, other):
    one, two = (text.replace("\u200b", "") for text in (word[0], other[0]))  # plotly's space around raised digits
    return one == two and all(abs(a - b) < NEAR for a, b in zip(word[1:], other[1:], strict=True))


@pytest.mark.parametrize("online", [True, False])
def test_on_colab_a_figure_moves_and_without_a_network_its_drawing_stays(chromium, monkeypatch, online):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20260801")
    picture = Picture(figure("It waits").add_scatter(x=[1, 6], y=[1, 6]))
    page = chromium.new_page()
    plotly = {
        "body": get_plotlyjs(),
        "headers": {"access-control-allow-origin": "*"},
        "content_type": "text/javascript",
    }
    page.route(
        "**/*", lambda route: route.fulfill(**plotly) if online and "plot.ly" in route.request.url else route.abort()
    )
    two = "".join(picture.bundle()["text/html"] for _ in range(2))  # as on one exported page
    page.set_content(f"<!doctype html>{two}")
    page.wait_for_function(f"() => document.querySelectorAll('.js-plotly-plot').length === {2 * online}")
    assert page.locator(".course-figure > div").count() == 2
    assert page.locator(".course-figure svg[role=img]").count() == 2 * (not online)
    page.close()
