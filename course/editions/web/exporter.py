"""A notebook as a page: nbconvert with a template of our own; formulas become MathML here, not in the browser."""

import json
import re
from pathlib import Path

from latex2mathml.converter import convert
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from ...catalogue import Lesson
from ...show.marks import tag
from .parts import Parts

TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 126  # characters of a line that fit on a page; a longer one is a sentence, no row of a table
# Spaces at which no line may end: "12 %", "5 µs", "T = 512".
GLUED = re.compile(r"(?<=\d) (?=%|(?:[µmn]?s|[kMGT]i?B|GHz)\b)|(?<=\b\w) (?== )|(?<=\b\w =) ")
BAR = '<mo stretchy="false">&#x0007C;</mo>'
LIGHT, DARK = "xcode", "github-dark"  # pygments' styles, with a contrast that can be read


class Prose(IPythonRenderer):
    """Markdown as HTML: formulas as MathML, links from a lesson to a lesson as links from page to page."""

    def __init__(self):
        super().__init__(escape=False, exclude_anchor_links=True)

    def text(self, text: str) -> str:
        return GLUED.sub("\u00a0", super().text(text))

    def inline_math(self, body: str) -> str:
        return _spaced(convert(body))

    def block_math(self, body: str) -> str:
        return f'<div class="formula" tabindex="0">{_spaced(convert(body, display="block"))}</div>'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        page = url.partition("#")[0]
        if page.endswith(".ipynb") and "/" not in page:
            url = url.replace(".ipynb", ".html", 1)
        return super().link(text, url, title)


def as_html(markdown: str) -> str:
    """A cell's prose.

    >>> print(as_html("The state is $h$; see [lesson 02](02_work_and_span.ipynb).").replace("\\n", ""))
    <p>The state is <math ...>...h...</math>...; see <a href="02_work_and_span.html">lesson 02</a>.</p>
    """
    html = MarkdownWithMath(renderer=Prose()).render(markdown)
    # A browser may end a line before and after a formula: not after a bracket, not before a full stop.
    return re.sub(r"(?<=\()(?=<math)|(?<=</math>)(?=[).,;:?])", "\u2060", html)


def _spaced(formula):
    """What latex2mathml leaves out: the space after tanh, which bar opens and which closes, a minus that is a sign."""
    formula = re.sub(r"(<mi>(?:tanh|log|exp)</mi>)(?=<m(?:i|n|sub)>)", r'\1<mspace width="0.17em"/>', formula)
    opens, closes = (BAR.replace("<mo", f'<mo form="{form}" lspace="0" rspace="0"') for form in ("prefix", "postfix"))
    formula = re.sub(f"{BAR}(.*?){BAR}", rf"{opens}\1{closes}", formula)
    return formula.replace("<mo>&#x02192;</mo><mo>&#x02212;</mo>", '<mo>&#x02192;</mo><mo form="prefix">&#x02212;</mo>')


def as_printed(text: str) -> str:
    """What a cell printed. Rows of a table stay whole, and scroll on a phone; sentences wrap.

    >>> as_printed("1 2"), as_printed("so " * 50)[:38]
    ('<pre tabindex="0">1 2</pre>', '<pre tabindex="0" class="sentences">so')
    """
    wraps = max(map(len, text.split("\n"))) > LONGEST
    return str(tag("pre", text, tabindex="0", class_="sentences" if wraps else None))


def as_code(source: str) -> str:
    """Python, coloured; a keyboard can scroll it.

    >>> as_code("x = 1")
    '<div class="highlight"><pre tabindex="0">...'
    """
    return highlight(source, PythonLexer(), HtmlFormatter()).replace("<pre>", '<pre tabindex="0">', 1)


class PageExporter(HTMLExporter):
    """One lesson's page.

    neighbours: {"back", "next": a Lesson or None}. answers: whether hints and solutions fold out in it.
    """

    def __init__(self, row: Lesson, neighbours: dict[str, Lesson | None], answers: bool):
        super().__init__(extra_template_basedirs=[str(TEMPLATES)], template_name="lesson")
        self.row, self.neighbours = row, neighbours
        self.register_preprocessor(Parts(row=row, answers=answers), enabled=True)

    def page(self, notebook: dict) -> str:
        """The page of a stored notebook."""
        import nbformat

        body, _ = self.from_notebook_node(nbformat.reads(json.dumps(notebook), as_version=4))
        return framed(f"{self.row.id} · {self.row.title}", self.row.id, Markup(body), scripts=True)

    def default_filters(self):
        yield from super().default_filters()
        yield "prose", as_html
        yield "code", as_code
        yield "printed", as_printed
        yield "neighbour", self.neighbours.get


def framed(title: str, name: str, body: Markup, scripts: bool = False) -> str:
    """A whole page around a body. name: what the reader's answers on it are remembered under."""
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),  # else a browser asks a host for one
        tag("link", rel="stylesheet", href="pages.css"),
    ]
    if scripts:
        head += [tag("script", src="plotly.min.js", defer=True), tag("script", src="pages.js", defer=True)]
    page = tag("html", tag("head", head), tag("body", body, data_page=name), lang="en")
    return f"<!doctype html>\n{page}\n"


def code_styles() -> str:
    """CSS for the code: light, and dark where the reader's system is."""
    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in (LIGHT, DARK))
    return f"\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
