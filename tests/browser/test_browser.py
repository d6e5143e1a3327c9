"""Each lesson in JupyterLab in Chromium: run, moved from the keyboard, read on a dark page, reopened without kernel."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from exported import Export
from stored import NOTEBOOKS

from course import lab as course_lab
from course.show.display import WIDGET

pytestmark = [pytest.mark.test_all, pytest.mark.timeout(1800)]  # a lesson is run in one go

# What a control looks like on the page, with a key that moves it and one that takes it back.
CONTROLS = {
    ".widget-hslider": ("ArrowRight", "ArrowLeft"),
    ".widget-toggle-buttons": ("Enter", "Enter"),
    ".course-paint": ("Enter", "Enter"),
    ".widget-checkbox": ("Space", "Space"),
    ".widget-text": ("x", "Backspace"),
    ".widget-dropdown": ("ArrowDown", "ArrowUp"),  # JupyterLab takes these keys: a menu would fail here
}
MILLISECONDS = 120_000  # the most that anything may take: this ends what hangs, also on a busy machine
FOCUSED = ".noUi-handle, input, select, button:not(.mod-active)"
SCREEN = {"width": 1280, "height": 1400}
PICTURE = ".jp-OutputArea-output:is(.jp-RenderedPlotly, :has(svg))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def lab(folder, chromium):
    """The address of a JupyterLab set up as by `make lab`, which touches nothing else on this machine."""
    environment = os.environ | course_lab.prepare(folder / ".lab") | {"COURSE_STATE_DIR": str(folder / ".state")}
    environment["JUPYTER_CONFIG_DIR"] = str(folder / ".config")
    # Lab drops what is off screen from the page; the test wants all of it.
    tracker = folder / ".lab" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text('{"windowingMode": "none"}', encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=t"]
    options += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--LabApp.expose_app_in_browser=True"]
    options += [f"--FileContentsManager.pre_save_hook={course_lab.HOOK}"]
    with open(folder / "server.log", "w") as log:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        while server.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token=t").close()
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


class Opened:
    """A notebook in a browser that may talk to this machine only; remembers what went wrong."""

    def __init__(self, chromium, lab, path):
        self.path, self.refused, self.errors = path, [], []
        self.page = chromium.new_page(viewport=SCREEN)
        self.page.set_default_timeout(MILLISECONDS)
        self.page.route("**/*", self._local_only)
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{lab}/lab/tree/{path.name}?token=t&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready; }")
        self.page.evaluate("() => jupyterapp.shell.collapseLeft()")

    def _local_only(self, route):
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            self.refused.append(route.request.url)
            route.abort()

    def command(self, name, **arguments):
        return self.page.evaluate("async ([n, a]) => await jupyterapp.commands.execute(n, a)", [name, arguments])

    def pictures(self):
        return len(self.page.query_selector_all(PICTURE))

    def shot(self, name):
        """Keep what is on the screen; returns where, for whoever reads of a failure."""
        path = self.path.parent / f"{self.path.stem}-{name}.png"
        self.page.screenshot(path=path)
        return path


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda stored: stored.path.stem)
def opened(request, chromium, lab, folder):
    """A copy of a lesson, opened and run from top to bottom."""
    path = folder / request.param.path.name
    shutil.copy(request.param.path, path)
    lesson = Opened(chromium, lab, path)
    lesson.finished = lesson.command("notebook:run-all-cells")
    yield lesson
    lesson.page.close()


def test_it_runs_and_needs_nothing_from_outside(opened):
    assert opened.finished, f"a cell raised; see {opened.shot('run')}"
    assert opened.refused == []
    opened.page.wait_for_function("() => !document.querySelector('.jp-Notebook').innerText.includes('Loading widget')")
    assert opened.errors == []


def test_every_control_moves_its_figure_from_the_keyboard(opened):
    explorables = 0
    for box in opened.page.query_selector_all(".widget-vbox"):
        figure = box.query_selector(":scope > :last-child:is(.widget-output, .widget-html)")
        if not figure:  # questions, which no figure answers
            continue
        controls = [(kind, row) for kind in CONTROLS for row in box.query_selector_all(kind)]
        explorables += bool(controls)
        for kind, row in controls:
            key, back = CONTROLS[kind]
            target = row.query_selector(FOCUSED)
            assert target.evaluate("element => element.tabIndex") >= 0, f"{kind} cannot be reached with the tab key"
            if target.evaluate("e => e.ariaValueNow !== null && e.ariaValueNow === e.ariaValueMax"):
                key, back = back, key  # a slider at its end
            active = row.query_selector("button.mod-active") or target
            before = _picture(opened.page, figure)
            _press(opened.page, target, key)
            assert _looks(opened.page, figure, before, False), f"{kind} changes nothing; see {opened.shot('still')}"
            _press(opened.page, active, back)
            assert _looks(opened.page, figure, before, True), f"{kind} does not go back; see {opened.shot('there')}"
    assert explorables
    assert opened.errors == []


def _press(page, target, key):
    target.focus()
    page.keyboard.press(key)


def _picture(page, figure):
    """What is drawn, without its edge: there the shadow of a button above it may fall."""
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    inner = {"x": box["x"] + 4, "y": box["y"] + 4, "width": box["width"] - 8, "height": box["height"] - 8}
    return page.screenshot(clip=inner)


def _looks(page, figure, before, alike):
    """Whether the figure, in the end, looks as it did before, or does not."""
    end = time.monotonic() + MILLISECONDS / 1000
    while time.monotonic() < end:
        if (_picture(page, figure) == before) == alike:
            return True
    return False


# The height that a notebook has for its cells, and that of each explorable with its controls.
HEIGHTS = """() => {
    const room = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer').clientHeight;
    return [room, [...document.querySelectorAll('.jp-Notebook .widget-vbox')].filter(box => box.querySelector(
        '.jp-RenderedPlotly, .js-plotly-plot, svg')).map(box => box.getBoundingClientRect().height)];
}"""


def test_an_explorable_and_its_controls_stand_together_on_a_small_screen(opened):
    opened.page.set_viewport_size({"width": 1280, "height": 800})
    opened.page.wait_for_function(f"() => ({HEIGHTS})()[0] < 800")
    room, heights = opened.page.evaluate(HEIGHTS)
    picture = opened.shot("small")
    opened.page.set_viewport_size(SCREEN)
    assert heights
    assert [height for height in heights if height > room] == [], f"of {heights}, {room} px high; see {picture}"


def test_a_prediction_is_made_from_the_keyboard(opened):
    for box in opened.page.query_selector_all(".widget-vbox:has(.widget-radio)"):
        *_, last = box.query_selector_all(".widget-radio input")
        assert last.evaluate("element => element.tabIndex") >= 0
        _press(opened.page, last, "Space")
        opened.page.wait_for_function(
            "([box, last]) => last.checked && box.innerText.includes('Noted.')", arg=[box, last]
        )


# Each text with the colour behind it; what is drawn in an SVG stands on shapes that only the eye can judge.
CONTRASTS = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = numbers(getComputedStyle(element).backgroundColor);
            if (colour.length < 4 || colour[3] > 0.5) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const root of document.querySelectorAll('.jp-RenderedHTML, .widget-html-content')) {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
            if (!text || element.closest('svg, style, script') || !element.offsetParent) continue;
            const [a, b] = [light(numbers(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
            found.push([text.slice(0, 50), Math.round(100 * (a + 0.05) / (b + 0.05)) / 100]);
        }
    }
    return found;
}"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_can_be_read_on_a_light_and_on_a_dark_page(opened, theme):
    opened.command("apputils:change-theme", theme=theme)
    opened.page.wait_for_function(f"() => document.body.dataset.jpThemeName === '{theme}'")
    opened.page.wait_for_function(f"({CONTRASTS})().length > 20")
    # What fades in or turns is judged when it stands.
    opened.page.wait_for_function(
        "() => document.getAnimations().every(moving => moving.playState !== 'running' || !moving.effect.target.closest('.jp-Notebook'))"
    )
    contrasts = opened.page.evaluate(CONTRASTS)
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == [], f"see {opened.shot(theme[-5:].strip())}"


def test_reopened_without_running_the_stored_figures_are_there(opened, chromium, lab, folder):
    path = folder / f"unrun-{opened.path.name}"
    (stored,) = [stored for stored in NOTEBOOKS if stored.path.name == opened.path.name]
    shutil.copy(stored.path, path)
    course_lab.trust(path, folder / ".lab")
    unrun = Opened(chromium, lab, path)
    kinds = [output.get("data", {}) for cell in stored.code for output in cell["outputs"]]
    expected = sum("application/vnd.plotly.v1+json" in data or "<svg" in data.get("text/html", "") for data in kinds)
    assert expected
    unrun.page.wait_for_function(f"() => document.querySelectorAll('{PICTURE}').length >= {expected}")
    assert unrun.pictures() == expected, f"see {unrun.shot('unrun')}"
    assert "Error displaying widget" not in unrun.page.inner_text(".jp-Notebook")
    assert unrun.refused == unrun.errors == []
    unrun.page.close()


def test_saved_and_exported_it_shows_what_was_on_the_screen(opened, chromium):
    opened.command("docmanager:save")
    opened.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    saved = json.loads(opened.path.read_text(encoding="utf-8"))
    views = [
        cell["id"] for cell in saved["cells"] for output in cell.get("outputs", []) if WIDGET in output.get("data", {})
    ]
    assert views == []
    export = Export(chromium, opened.path)
    assert export.faults([cell for cell in saved["cells"] if cell["cell_type"] == "code"]) == []
    export.page.close()


RACE = "from course.show.race import race\n\nraced = race(width=32, lengths=[16, 32])\nraced"
READ = "print('brought back:', [row['T'] for row in raced.result['rows']], raced.result['wrong'])"


def test_the_browsers_race_brings_its_numbers_back_to_python(chromium, lab, folder):
    cells = [nbformat.v4.new_code_cell(code) for code in (RACE, READ)]
    # Without the name of a kernel JupyterLab asks for one, and waits.
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path = folder / "race.ipynb"
    nbformat.write(notebook, path)
    one = Opened(chromium, lab, path)
    one.command("notebook:run-cell")
    one.page.get_by_role("button", name="Run the race").click()
    one.page.get_by_text("done in").wait_for()
    one.page.evaluate("() => { jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    one.command("notebook:run-cell")
    one.page.get_by_text("brought back: [16, 32] []").wait_for()
    assert (one.refused, one.errors) == ([], [])
    one.page.close()
