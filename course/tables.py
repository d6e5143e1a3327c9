"""The tables of lessons and of verdicts in README.md and docs/, written by make notebooks between two marks.

    <!-- lessons: written by make notebooks -->
    <!-- end of lessons -->

They are made from the lessons alone, so a new lesson needs no edit of a page.
"""

import json
import re
from pathlib import Path

from .catalogue import lessons, written
from .errors import CourseError, nearest
from .ledger import SOURCES, WORDS, all_statements, claims
from .notebooks import IGNORED

MARK = "written by make notebooks"
MARKED = re.compile(rf"(<!-- (\w+): {MARK} -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def write(root: Path) -> list[Path]:
    """Write the tables anew; returns the pages that this has changed."""
    changed = []
    for page in _pages(root):
        before = page.read_text(encoding="utf-8")
        after = _with_tables(page, before, root)
        if after != before:
            page.write_text(after, encoding="utf-8")
            changed.append(page)
    return changed


def stale(root: Path) -> list[str]:
    """A sentence for each page whose tables are not those of the lessons as they are now."""
    pages = [(page, page.read_text(encoding="utf-8")) for page in _pages(root)]
    old = [page.relative_to(root) for page, text in pages if _with_tables(page, text, root) != text]
    return [f"{page}: its table of lessons is old; run make notebooks" for page in old]


def _pages(root):
    return [*root.glob("README.md"), *sorted(root.glob("docs/*.md"))]


def _with_tables(page, text, root):
    marked = MARKED.findall(text)
    if len(marked) != text.count(f"{MARK} -->"):
        raise CourseError(f"{page.name}: a table begins with <!-- NAME: {MARK} --> and needs <!-- end of NAME -->.")
    for _, name, _ in marked:
        if name not in TABLES:
            raise CourseError(f"{page.name}: there is no table {name!r}.{nearest(name, TABLES)}")
    return MARKED.sub(lambda match: f"{match[1]}\n{TABLES[match[2]](root)}\n{match[3]}", text)


def _table(head, rows):
    """A Markdown table: lists of cells to lines."""
    lines = [f"| {' | '.join(map(str, cells))} |\n" for cells in (head, *rows)]
    return "".join([lines[0], "|---" * len(head) + "|\n", *lines[1:]])


def _all_lessons(root):
    """For a reader: every lesson, the written ones as links."""
    rows = []
    for row in lessons().values():
        title = f"[{row.title}](notebooks/{row.notebook}.ipynb)" if row.notebook else row.title
        rows.append([f"{row.id} · {title}", row.question, row.minutes if row.notebook else "planned"])
    return _table(["lesson", "the question it answers", "minutes"], rows)


def _for_teachers(root):
    """For a teacher: what a written lesson needs in class."""
    head = ["lesson", "builds on", "minutes", "exercises", "timed cells"]
    rows = []
    for row in written():
        timed = sum(IGNORED in cell["metadata"].get("tags", []) for cell in _cells(root, row))
        needs = ", ".join(row.needs) or "–"
        rows.append([f"{row.id} · {row.title}", needs, row.minutes, len(row.exercises), timed or "none"])
    return _table(head, rows)


def _cells(root, row):
    path = root / "notebooks" / f"{row.notebook}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []


def _verdicts(root):
    """For a reader of the documents: every statement, its verdict with condition or repair, and who shows it."""
    rows = []
    for row in all_statements():
        lines = [" ".join(row.says.split())]
        if row.remark and row.state != "open":
            label, text = row.remark
            lines.append(f"*{label}:* {' '.join(text.split())}")
        shown = [f"{item.lesson} {item.how}" if item.done else f"{item.lesson} planned" for item in row.evidence]
        rows.append([", ".join(row.ids), "<br>".join(lines).replace("|", "\\|"), WORDS[row.shown][0], ", ".join(shown)])
    return _table(["ids", "what they say", "verdict", "lesson"], rows)


def _verdicts_counted(root):
    """How many sentences of each document have which verdict."""
    rows = []
    for source, name in {**SOURCES, "S": "all four"}.items():
        shown = [row.shown for claim_id, row in claims().items() if claim_id.startswith(source)]
        rows.append([name, *(shown.count(verdict) for verdict in WORDS), len(shown)])
    return _table(["document", *(word for word, _ in WORDS.values()), "sentences"], rows)


TABLES = {
    "lessons": _all_lessons,
    "teaching": _for_teachers,
    "verdicts": _verdicts,
    "counts": _verdicts_counted,
}
