"""The race RNN against attention in the reader's browser: on its GPU, or in JavaScript where it has none.

race.mjs is one module without a library. It stands in a page, in a notebook's text/html, and in an anywidget, which
brings the numbers back to Python; anywidget is optional, and on Colab it is not used, because there it would fetch a
widget manager from elsewhere.
"""

import importlib.util
import json
from pathlib import Path

from markupsafe import Markup

from ..display import Page, in_colab
from ..marks import tag

MODULE = Path(__file__).parent / "race.mjs"
TEXT = (
    "The race RNN against attention, in this browser: on its GPU, or in JavaScript. It asks nobody and sends nothing."
)
NOT_RUN = "The race runs here where scripts may run: run this cell in a trusted notebook, or open the lesson's page."


def source() -> str:
    """The module, as it stands."""
    return MODULE.read_text(encoding="utf-8")


def race_page(**options) -> Page:
    """The race as HTML; the reader starts it with a button. options: as of `race`.

    >>> race_page().text[:27]
    'The race RNN against attent'
    """
    return Page(_mounted("the-race", f"mountRace(place, {json.dumps(options)});", NOT_RUN), TEXT)


def without_module(data: dict) -> dict:
    """An output as a notebook stores it: of the race its words alone, since the module is 60 kB and may change.

    >>> ["mountRace" in bundle["text/html"] for bundle in (race_page().bundle(), without_module(race_page().bundle()))]
    [True, False]
    """
    return {**data, "text/html": str(tag("div", NOT_RUN))} if data.get("text/plain") == TEXT else data


def waiting_page(net: dict[str, list]) -> Page:
    """The explorable "waiting lasts as long as memory" as HTML, computed in the browser.

    net: {"words": 1,000 or more vectors [x, x], "U" and "W": 2 × 2 matrices as lists of rows}.
    """
    text = (
        "A slider for the recurrent gain; the rounds of guess and mend and of Newton's method at 10, 100, 1,000 words."
    )
    return Page(_mounted("the-waiting", f"mountWaiting(place, {json.dumps(net)});", NOT_RUN), text)


def race(**options):
    """The race as an anywidget, whose `result` holds the numbers once it has run; as a Page where that cannot be.

    options: width (of the RNN, a multiple of 16; left out: as the device can), lengths (a list), budget (seconds).
    result: {"rows": [{"T", "A", "samples": {contestant: [ms, …]}, "rnn": {"work", "span"}, "attention": …}], "verdict",
    "sentences", "device", "software", "clocked", "width", "batch", …}; {} before.
    """
    if in_colab() or importlib.util.find_spec("anywidget") is None:
        return race_page(**options)
    return _widget(options)


def _widget(options):
    import anywidget
    import traitlets

    class Race(anywidget.AnyWidget):
        _esm = source()
        options = traitlets.Dict().tag(sync=True)
        result = traitlets.Dict().tag(sync=True)

        def _repr_mimebundle_(self, **options):
            bundle = super()._repr_mimebundle_(**options)
            data, *more = bundle if isinstance(bundle, tuple) else (bundle or {},)
            return {**data, **race_page(**self.options).bundle()}, *more

    return Race(options=options)


def _mounted(name, call, otherwise):
    """A place in the page, and the module in a script that fills it. "</" would end the script."""
    module = source().replace("export default {", "const widget = {").replace("</", "<\\/")
    script = f"{module}\nfor (const place of document.querySelectorAll('.{name}:not([data-begun])')) {{\n"
    script += f"  place.dataset.begun = 'yes';\n  {call}\n}}\n"
    return tag("div", otherwise, class_=name) + tag("script", Markup(script), type="module")
