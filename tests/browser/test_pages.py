"""The pages in Chromium, from a file: nothing is requested, nothing is cut off, all of it moves from the keyboard."""

import functools
import http.server
import threading
from pathlib import Path

import axe_playwright_python
import pytest
from stored import NOTEBOOKS

from course.editions.web import write_web

pytestmark = [pytest.mark.test_all, pytest.mark.timeout(600)]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = ("serious", "critical")
PAGES = ["index", *(stored.path.stem for stored in NOTEBOOKS)]
READY = "document.querySelectorAll('figure[data-text]').length === document.querySelectorAll('.js-plotly-plot').length"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist") / "web"
    write_web(folder)
    return folder


class Opened:
    """A page, with what it asked for and what went wrong."""

    def __init__(self, chromium, path, address=None, **settings):
        self.asked, self.errors = [], []
        self.context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}} | settings)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address or path.as_uri())
        if settings.get("java_script_enabled", True) and path.stem != "index":
            self.page.wait_for_function(READY)

    def count(self, selector):
        return self.page.locator(selector).count()


@pytest.fixture
def opened(chromium, web):
    pages = []

    def open_page(name, **settings):
        pages.append(Opened(chromium, web / f"{name}.html", **settings))
        return pages[-1]

    yield open_page
    for each in pages:
        each.context.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static host, as any other, that writes no log."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def host(web):
    """The address of a static host on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=web))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("name", PAGES)
def test_a_static_host_serves_a_page_that_asks_nobody_else(opened, web, host, name):
    one = opened(name, address=f"{host}/{name}.html")
    allowed = (f"{host}/", "data:", "blob:")
    assert [url for url in one.asked if not url.startswith(allowed) or url.endswith("favicon.ico")] == []
    assert one.errors == []
    files = {path.name for path in web.iterdir()}
    assert {url.removeprefix(f"{host}/") for url in one.asked if url.startswith(host)} <= files


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_asks_for_nothing_and_can_be_used_by_everybody(opened, name, width, scheme):
    one = opened(name, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert [url for url in one.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert one.errors == []
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    assert one.page.evaluate(CUT_OFF) == []
    one.page.evaluate(AXE)
    violations = one.page.evaluate("axe.run().then(result => result.violations)")
    serious = [(each["id"], each["nodes"][0]["html"][:200]) for each in violations if each["impact"] in SERIOUS]
    assert serious == []


# Text that leaves the page, or a box that does not scroll.
CUT_OFF = """() => [...document.querySelectorAll('main *, nav *')].filter(element => {
    const box = element.getBoundingClientRect();
    if (!box.width || element.closest('.scrolled, .html, pre, .formula, table') || element.closest('svg')) return false;
    return box.right > innerWidth + 1 || box.left < -1;
}).map(element => element.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("stored", NOTEBOOKS, ids=lambda stored: stored.lesson)
def test_every_slider_moves_its_figure_from_the_keyboard(opened, stored):
    one = opened(stored.path.stem)
    for place in range(one.count("input[data-moves]")):
        slider = one.page.locator("input[data-moves]").nth(place)
        plot = one.page.locator(f"#{slider.get_attribute('data-moves')}")
        slider.focus()
        one.page.keyboard.press("Home")
        first, shown = plot.screenshot(), slider.locator("xpath=../output").inner_text()
        one.page.keyboard.press("End")
        assert slider.locator("xpath=../output").inner_text() != shown
        assert plot.screenshot() != first


@pytest.mark.parametrize("stored", NOTEBOOKS, ids=lambda stored: stored.lesson)
def test_what_answers_a_prediction_is_shown_once_it_is_made_and_stays(opened, stored):
    one = opened(stored.path.stem)
    questions = one.page.locator("fieldset[data-predict]")
    for place in range(questions.count()):
        question = questions.nth(place)
        name = question.get_attribute("data-predict")
        outputs, outcome = (one.page.locator(f'[data-{key}="{name}"]') for key in ("veil", "of"))
        assert outputs.is_hidden()
        choice = question.locator("input").first
        choice.focus()
        one.page.keyboard.press("Space")
        assert outputs.is_visible()
        right = choice.get_attribute("value") == outcome.get_attribute("data-outcome")
        assert ("As you predicted." if right else "You predicted: ") in outcome.inner_text()
    one.page.reload()
    one.page.wait_for_function(READY)
    for place in range(questions.count()):
        assert questions.nth(place).locator("input").first.is_checked()
    assert one.page.locator("[data-veil]:visible").count() == one.count("[data-veil]")


@pytest.mark.parametrize("stored", NOTEBOOKS, ids=lambda stored: stored.lesson)
def test_who_does_not_predict_can_look_all_the_same(opened, stored):
    one = opened(stored.path.stem)
    for _ in range(one.count(".veil button")):
        one.page.locator(".veil button").first.click()
    assert one.page.locator("[data-veil]:visible").count() == one.count("[data-veil]")


@pytest.mark.parametrize("stored", NOTEBOOKS, ids=lambda stored: stored.lesson)
def test_without_scripts_the_pictures_and_the_text_are_there(opened, stored):
    one = opened(stored.path.stem, java_script_enabled=False)
    assert one.page.locator("figure img:visible").count() == one.count("figure")
    assert one.count("input[type=range]:visible") == 0
    assert one.page.locator("[data-veil]:visible").count() == one.count("[data-veil]")


def test_a_browser_that_may_not_remember_still_shows_what_came_out(opened):
    one = opened(PAGES[1])
    one.page.evaluate("Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })")
    one.page.locator("fieldset input").first.check()
    assert one.page.locator("[data-veil]").first.is_visible()
    assert one.errors == []
