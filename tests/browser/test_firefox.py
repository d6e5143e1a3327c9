"""The pages and the race in Firefox, over WebDriver BiDi, which it speaks without a driver; skipped where it is not."""

import itertools
import json
import re
import shutil
import subprocess

import pytest
from race_page import SMALL, written
from stored import NOTEBOOKS

from course.editions.web import write_web

pytestmark = [pytest.mark.test_all, pytest.mark.timeout(600)]
PAGES = ["index", *(stored.path.stem for stored in NOTEBOOKS)]
READY = """new Promise(done => {
    const all = () => document.querySelectorAll('figure[data-text]').length === document.querySelectorAll('.js-plotly-plot').length;
    const ask = () => all() ? done(true) : setTimeout(ask, 100);
    ask();
})"""
NO_SETTINGS = 'user_pref("app.update.auto", false);\nuser_pref("datareporting.policy.dataSubmissionEnabled", false);\n'


class Firefox:
    """One tab. errors: what went wrong in it since it was last asked."""

    def __init__(self, socket):
        self.socket, self.numbers = socket, itertools.count()
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self.errors = []
        self.tab = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, path, width=1280):
        self.errors.clear()
        self._ask("browsingContext.setViewport", context=self.tab, viewport={"width": width, "height": 800})
        self._ask("browsingContext.navigate", context=self.tab, url=path.as_uri(), wait="complete")

    def evaluate(self, expression):
        """What a JavaScript expression, or its promise, becomes."""
        code = f"Promise.resolve({expression}).then(JSON.stringify)"
        answer = self._ask("script.evaluate", expression=code, target={"context": self.tab}, awaitPromise=True)
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"].get("value", "null"))

    def _ask(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                self.errors.append(message["params"]["text"])
            if message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if not program:
        pytest.skip("no Firefox here: apt-get install firefox-esr")
    websocket = pytest.importorskip("websocket")
    profile = tmp_path_factory.mktemp("firefox")
    (profile / "user.js").write_text(NO_SETTINGS, encoding="utf-8")
    command = [program, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            address = next(
                match[1] for line in process.stderr if (match := re.search(r"BiDi listening on (\S+)", line))
            )
            yield Firefox(websocket.create_connection(f"{address}/session", timeout=300, suppress_origin=True))
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist") / "web"
    write_web(folder)
    return folder


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_draws_its_figures_fits_and_asks_for_nothing(firefox, web, name, width):
    firefox.open(web / f"{name}.html", width)
    assert firefox.evaluate(READY)
    assert firefox.evaluate("document.documentElement.scrollWidth") <= width
    asked = firefox.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert firefox.errors == []


@pytest.mark.parametrize("stored", NOTEBOOKS, ids=lambda stored: stored.lesson)
def test_every_slider_and_every_prediction_answers(firefox, web, stored):
    firefox.open(web / f"{stored.path.stem}.html")
    assert firefox.evaluate(READY)
    moved = firefox.evaluate("""[...document.querySelectorAll('input[data-moves]')].map(slider => {
        const shown = () => slider.parentElement.querySelector('output').textContent, before = shown();
        slider.value = Number(slider.value) ? 0 : 1;
        slider.dispatchEvent(new Event('input'));
        return shown() !== before;
    })""")
    assert all(moved)
    hidden = firefox.evaluate("""[...document.querySelectorAll('fieldset[data-predict]')].map(question => {
        question.querySelector('input').click();
        return document.querySelector(`[data-veil="${question.dataset.predict}"]`).hidden;
    })""")
    assert not any(hidden)
    assert firefox.errors == []


def test_the_race_on_a_cpu_computes_the_truth(firefox, tmp_path):
    firefox.open(written(tmp_path))
    assert firefox.evaluate(
        "new Promise(done => { const ask = () => window.module ? done(true) : setTimeout(ask, 50); ask(); })"
    )
    outcome = firefox.evaluate(f"module.race({json.dumps({**SMALL, 'gpu': False})})")
    assert outcome["wrong"] == []
    assert [row["T"] for row in outcome["rows"]] == [16]
    assert {"rnnThread", "attentionThread"} <= set(outcome["rows"][0]["samples"])
