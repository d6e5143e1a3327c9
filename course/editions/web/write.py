"""Writes the pages of the lessons, an index, and the style, script and plotly that they share."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ...catalogue import Lesson, lessons
from ...show.marks import tag
from ..common import ROOT, emptied, sources
from .exporter import PageExporter, code_styles, framed

HERE = Path(__file__).parent
PICTURE = ROOT / "docs" / "picture.png"


def write_web(target: str | Path, answers: bool = True) -> list[Path]:
    """Write an index, a page for each written lesson, and what they share, into a folder; returns what was written.

    answers: whether hints and solutions fold out below an exercise. CourseError if the folder holds anything foreign.
    """
    target, rows = emptied(target), list(sources())
    for (row, notebook), neighbours in zip(rows, _neighbours([row for row, _ in rows]), strict=True):
        page = PageExporter(row, neighbours, answers).page(notebook)
        (target / file_of(row)).write_text(page, encoding="utf-8")
    (target / "index.html").write_text(_index([row for row, _ in rows]), encoding="utf-8")
    shutil.copy(PICTURE, target / "picture.png")
    (target / "pages.css").write_text((HERE / "static" / "pages.css").read_text("utf-8") + code_styles(), "utf-8")
    shutil.copy(HERE / "static" / "pages.js", target)
    _write_plotly(target / "plotly.min.js")
    return sorted(target.iterdir())


def file_of(row: Lesson) -> str:
    """The page's file, which next, back and the index link to."""
    return f"{row.notebook}.html"


def _neighbours(rows: list[Lesson]) -> Iterator[dict[str, Lesson | None]]:
    """For each lesson the one before and the one after, as they are taught: an overview stands by itself."""
    chain = [row for row in rows if not row.overview]
    for row in rows:
        place = chain.index(row) if row in chain else -1
        after = chain[place + 1] if place + 1 < len(chain) else None
        yield {"back": chain[place - 1] if place > 0 else None, "next": after}


def _write_plotly(path: Path) -> None:
    from plotly.offline import get_plotlyjs

    path.write_text(get_plotlyjs(), encoding="utf-8")


def _index(rows: list[Lesson]) -> str:
    """What the course answers, its picture, and the table of lessons: those that are planned without a link."""
    title, *paragraphs = _beginning_of_readme()
    body = [
        tag("h1", title),
        tag("p", paragraphs[0]),
        tag(
            "figure", tag("img", src="picture.png", alt=paragraphs[1], class_="wide"), tag("figcaption", paragraphs[2])
        ),
        tag("h2", "The lessons"),
        tag(
            "table",
            tag("thead", _head("lesson", "the question it answers", "minutes")),
            tag("tbody", map(_row, lessons().values())),
        ),
        tag(
            "p",
            "Each page is a lesson as it was run, with its figures, questions and exercises. To run one yourself, with "
            "your own numbers: ",
            tag("code", "make lab"),
            " in a copy of the course.",
        ),
    ]
    return framed(title, "index", tag("main", body))


def _head(*words: str):
    return tag("tr", [tag("th", word, scope="col") for word in words])


def _row(row: Lesson):
    title = f"{row.id} · {row.title}"
    link = tag("a", title, href=file_of(row)) if row.notebook else title
    cells = [tag("td", link), tag("td", row.question), tag("td", row.minutes if row.notebook else "planned")]
    return tag("tr", cells, class_=None if row.notebook else "planned")


def _beginning_of_readme() -> list[str]:
    """README's title, what the course answers, and its picture's text alternative and legend."""
    lines = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line]
    title = lines[0].removeprefix("# ")
    place = next(number for number, line in enumerate(lines) if line.startswith("!["))
    alternative = re.match(r"!\[(.*)\]", lines[place])[1]
    return [title, " ".join(lines[1:place]), alternative, lines[place + 1].strip("*")]
