"""The pages: what is in them, how large they are, and that they ask nobody for anything. test_pages.py opens them."""

import html
import json
import re

import pytest
from bs4 import BeautifulSoup
from stored import NOTEBOOKS, ROOT

from course.catalogue import lessons, written
from course.editions.web import write_web
from course.editions.web.exporter import as_html
from course.show.display import PLOTLY

LARGEST = 1e6  # bytes of a lesson's page, beside plotly
ADDRESS = re.compile(r"""(?:src|href|action|data|poster|srcset)\s*=\s*["']([^"'#]*)""")
LOADED = re.compile(r"""url\((?!["']?#)|@import|fetch\(|XMLHttpRequest|import\(""")


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist") / "web"
    write_web(folder)
    return folder


@pytest.fixture
def page(web, notebook):
    return (web / f"{notebook.path.stem}.html").read_text(encoding="utf-8")


def test_every_written_lesson_has_a_page_and_every_link_leads_to_one(web):
    files = {path.name for path in web.iterdir()}
    assert files >= {f"{row.notebook}.html" for row in written()} | {"index.html"}
    for path in web.glob("*.html"):
        for address in ADDRESS.findall(path.read_text(encoding="utf-8")):
            assert address in files or not address or address.startswith(("data:image/png", "data:,")), (
                path.name,
                address,
            )


def test_next_and_back_walk_through_the_course(web):
    chain = [row for row in written() if not row.overview]
    walked, name = [], f"{chain[0].notebook}.html"
    while name:
        walked.append(name)
        following = re.search(r'<a class="next" href="([^"]+)"', (web / name).read_text(encoding="utf-8"))
        name = following and following[1]
    assert walked == [f"{row.notebook}.html" for row in chain]


def test_the_index_lists_every_lesson_with_the_overview_first(web):
    index = html.unescape((web / "index.html").read_text(encoding="utf-8"))
    places = [index.index(f"{row.id} · {row.title}") for row in lessons().values()]
    assert places == sorted(places)
    assert next(iter(lessons().values())).overview
    title = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert f"<h1>{title}</h1>" in index


def test_a_page_is_small_and_loads_nothing_from_elsewhere(page):
    assert len(page.encode()) < LARGEST
    assert not LOADED.search(re.sub(r"<pre.*?</pre>|data:image/png;base64,[^\"]*", "", page, flags=re.DOTALL))


def test_what_is_shared_loads_nothing_from_elsewhere(web):
    for name in ("pages.css", "pages.js"):
        text = (web / name).read_text(encoding="utf-8")
        assert not LOADED.search(text), name
        assert "http" not in text, name


def test_every_figure_is_there_with_its_text_and_its_picture(page, notebook):
    outputs = [output.get("data", {}) for cell in notebook.code for output in cell["outputs"]]
    stored = [data for data in outputs if PLOTLY in data]
    drawn = re.findall(r'<figure data-text="([^"]*)">.*?</figure>', page, flags=re.DOTALL)
    assert [html.unescape(text) for text in drawn] == ["".join(data["text/plain"]) for data in stored]
    assert page.count('src="data:image/png;base64,') == len(stored)
    moved = [data for data in stored if data[PLOTLY]["layout"].get("sliders")]
    assert page.count('type="range"') == len(moved)


def test_what_a_lesson_draws_in_html_is_drawn_and_not_read_as_code(page):
    read = BeautifulSoup(page, "html.parser").get_text()
    assert [mark for mark in ("<svg", "<div", "<table") if mark in read] == []


def test_a_figure_in_the_page_is_the_stored_one(page):
    for body in re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL):
        figure = json.loads(body)
        assert set(figure) == {"data", "layout", "frames"}
        assert "sliders" not in figure["layout"]


def test_a_prediction_can_be_chosen_and_hides_what_answers_it(page, notebook):
    sources = ["".join(cell["source"]) for cell in notebook.code]
    asked = [match[1] for source in sources if (match := re.match(r'predict\(\s*"([^"]+)"', source))]
    soup = BeautifulSoup(page, "html.parser")
    assert [question["data-predict"] for question in soup.select("fieldset")] == asked
    assert sorted(outputs["data-veil"] for outputs in soup.select("[data-veil]")) == sorted(asked)
    for name in asked:
        choices = [button["value"] for button in soup.select(f'input[type=radio][name="{name}"]')]
        assert soup.select_one(f'[data-of="{name}"]')["data-outcome"] in choices


def test_hints_and_solutions_fold_out_and_a_handout_has_neither(page, notebook, tmp_path_factory):
    row = lessons()[notebook.lesson]
    assert page.count("<summary>Hint ") == 3 * len(row.exercises)
    assert page.count("<summary>A solution") == len(row.exercises)
    folder = tmp_path_factory.mktemp("handout") / "pages"
    write_web(folder, answers=False)
    handed = (folder / f"{notebook.path.stem}.html").read_text(encoding="utf-8")
    assert "<summary>Hint" not in handed
    assert "<summary>A solution" not in handed


def test_formulas_are_mathml_and_no_dollar_is_left(page, notebook):
    prose = "".join("".join(cell["source"]) for cell in notebook.cells if cell["cell_type"] == "markdown")
    shown = re.sub(r"<(pre|script|figure)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert shown.count("<math") == len(re.findall(r"\$\$.+?\$\$|\$[^$]+\$", prose, flags=re.DOTALL))
    assert not re.search(r"\$[^$<]*\\", shown)


def test_a_link_between_lessons_becomes_a_link_between_pages():
    assert 'href="02_work_and_span.html#part"' in as_html("[02](02_work_and_span.ipynb#part)")
    assert 'href="https://example.org/x.ipynb"' in as_html("[there](https://example.org/x.ipynb)")


def test_what_a_lesson_prints_cannot_become_markup(web):
    for stored in NOTEBOOKS:
        page = (web / f"{stored.path.stem}.html").read_text(encoding="utf-8")
        for cell in stored.code:
            for output in cell["outputs"]:
                text = "".join(output.get("text", []))
                if "<" in text:
                    assert text not in page, cell["id"]


def test_what_a_lesson_shows_on_its_page_alone_stands_below_the_cell_that_it_names(web):
    for row in written():
        for cell_id in getattr(row.part("figures"), "ON_PAGE", {}):
            soup = BeautifulSoup((web / f"{row.notebook}.html").read_text(encoding="utf-8"), "html.parser")
            assert soup.select_one(f"section#{cell_id} > div script"), (row.id, cell_id)


def test_a_page_runs_the_race_as_it_is_and_a_notebook_stores_its_words_alone(page, notebook):
    raced = "course.show.race" in "".join("".join(cell["source"]) for cell in notebook.code)
    assert ("mountRace(place" in page) == raced
    assert "mountRace" not in json.dumps(notebook.json)
