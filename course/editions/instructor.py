"""The lessons for the instructor: solved and executed, with notes, and the wrong answers that each check knows."""

import copy
import html
import inspect
import json
import re
import tempfile
import textwrap
import tomllib
from collections.abc import Collection
from pathlib import Path

from ..catalogue import Lesson
from ..errors import CourseError, without_colours
from ..exercises import judge
from ..notebooks import IGNORED, canonical, run
from ..show.display import PLOTLY
from ..show.in_words import figure_in_words
from .common import ROOT, emptied, joined, refuse, source_of, sources

# The keys that notes.toml must have for each part, prediction and timed cell.
PART, PREDICTION, TIME = {"minutes", "do"}, {"ask", "students"}, {"cpu", "gpu"}

SHOWN = 60  # lines of what a timed cell showed where the notebook was made: a page may have a thousand


def write_instructor(target: str | Path, lesson_ids: Collection[str] = ()) -> list[Path]:
    """Write lessons (all, unless ids are given) with solutions, notes and wrong answers, executed; returns the paths.

    CourseError if notes are incomplete, or if a solution does not pass its check in the executed notebook.
    """
    import nbformat
    from nbclient.exceptions import CellExecutionError

    target, paths = emptied(target), []
    for row, notebook in sources():
        if lesson_ids and row.id not in lesson_ids:
            continue
        notes = notes_of(row)
        refuse(incomplete(notebook, row, notes))
        solved = nbformat.reads(json.dumps(for_instructor(notebook, row, notes)), as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            try:
                executed = run(solved, folder)
            except CellExecutionError as error:
                raise CourseError(
                    f"{row.notebook}: a cell fails, so nothing is written.\n{without_colours(error)}"
                ) from None
        refuse(unsolved(executed, row))
        paths.append(target / f"{row.notebook}.ipynb")
        paths[-1].write_text(canonical(executed), encoding="utf-8")
    return paths


def notes_of(row: Lesson) -> dict:
    """What the instructor is told about a lesson: its notes.toml, which a handout leaves out."""
    path = row.folder / "notes.toml"
    if not path.exists():
        raise CourseError(f"Lesson {row.id} has no notes for the instructor: write {path.relative_to(ROOT)}.")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def incomplete(notebook: dict, row: Lesson, notes: dict) -> list[str]:
    """What is missing from a lesson's notes, or speaks of a cell that is not there: a list of sentences."""
    sentences = [f"{row.id}: nothing about {name!r}" for name in ("goal", "short", "hardware") if not notes.get(name)]
    sentences += _wrong_parts(notebook, row, notes.get("parts", {}))
    asked = [name for cell in notebook["cells"] for name in _predictions(source_of(cell))]
    timed = [cell["id"] for cell in notebook["cells"] if IGNORED in cell["metadata"].get("tags", [])]
    sentences += _missing_or_foreign(row, "predictions", asked, notes, PREDICTION)
    return sentences + _missing_or_foreign(row, "times", timed, notes, TIME)


def _wrong_parts(notebook: dict, row: Lesson, parts: dict) -> list[str]:
    ids = {cell["id"] for cell in notebook["cells"]}
    sentences = [f"{row.id}: no cell {cell_id!r}, which begins a part" for cell_id in parts if cell_id not in ids]
    sentences += [f"{row.id}: part {key!r} needs minutes and do" for key, part in parts.items() if set(part) != PART]
    if not sentences and (minutes := sum(part["minutes"] for part in parts.values())) != row.minutes:
        sentences.append(f"{row.id}: the parts take {minutes} minutes, not {row.minutes}")
    return sentences


def _missing_or_foreign(row: Lesson, kind: str, names: list[str], notes: dict, keys: set[str]) -> list[str]:
    entries = notes.get(kind, {})
    missing = [f"{row.id}: {kind} say nothing of {name!r}" for name in names if set(entries.get(name, {})) != keys]
    return missing + [
        f"{row.id}: {kind} speak of {name!r}, which is not there" for name in entries if name not in names
    ]


def _predictions(source: str) -> list[str]:
    return re.findall(r'^predict\(\s*"([^"]+)"', source, re.MULTILINE)


def for_instructor(notebook: dict, row: Lesson, notes: dict) -> dict:
    """A copy of a notebook with solutions in the exercise cells, and notes in cells of their own."""
    notebook = copy.deepcopy(notebook)
    first, cells = notebook["cells"][0], []
    for cell in notebook["cells"]:
        cells += _notes_before(cell, notes)
        cells.append(cell)
        if cell is first:
            cells.append(_overview(notebook, row, notes))
        if cell["id"] in notes.get("times", {}):
            cells.append(expected(cell, notes["times"][cell["id"]]))
        if cell["cell_type"] == "code":
            for exercise_id in _checked(cell, row):
                cell["source"] = _solved(source_of(cell), row, exercise_id)
                cells.append(_wrong_answers(row, exercise_id))
    notebook["cells"] = cells
    return notebook


def _notes_before(cell: dict, notes: dict) -> list[dict]:
    cells = []
    if part := notes["parts"].get(cell["id"]):
        cells.append(_note(f"part-{cell['id']}", f"**{part['minutes']} minutes.** {part['do'].strip()}"))
    for name in _predictions(source_of(cell)):
        entry = notes["predictions"][name]
        text = f"**Ask first:** {entry['ask'].strip()}\n\n**Expect to hear:** {entry['students'].strip()}"
        cells.append(_note(f"predict-{cell['id']}", text))
    return cells


def _checked(cell: dict, row: Lesson) -> list[str]:
    """The ids of the exercises that a cell checks."""
    return [exercise_id for exercise_id in row.exercises if f'check("{exercise_id}"' in source_of(cell)]


def unsolved(notebook: dict, row: Lesson) -> list[str]:
    """The exercises of a lesson whose check did not pass in an executed notebook: a list of sentences."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    texts = {joined(output.get("data", {}).get("text/plain", "")) for output in outputs}
    failed = [name for name in row.exercises if not any(text.startswith(f"Exercise {name}: right.") for text in texts)]
    return [f"{row.id}.{exercise_id}: its solution does not pass in the notebook" for exercise_id in failed]


def _overview(notebook: dict, row: Lesson, notes: dict) -> dict:
    titles = {}
    for cell in notebook["cells"]:
        heading = re.search(r"^#+ (.+)$", source_of(cell), re.MULTILINE)
        titles[cell["id"]] = heading[1] if heading and cell["cell_type"] == "markdown" else f"from cell {cell['id']}"
    parts = "\n".join(f"- {part['minutes']} min: {titles[key]}" for key, part in notes["parts"].items())
    text = (
        f"**For the instructor of lesson {row.id}.** {notes['goal'].strip()}\n\n**{row.minutes} minutes**, in parts; "
        f"what to do in each stands before it.\n\n{parts}\n\n**With half the time:** {notes['short'].strip()}\n\n"
        f"**Hardware:** {notes['hardware'].strip()}"
    )
    return _note("instructor", text)


def expected(cell: dict, entry: dict) -> dict:
    """What to expect from a timed cell: in words, and what it showed where the notebook was made."""
    lines = "\n".join(map(_output_in_words, cell["outputs"])).strip().splitlines()
    shown = "\n".join(lines[:SHOWN] + ["…"] * (len(lines) > SHOWN))
    text = f"**On a CPU:** {entry['cpu'].strip()}\n\n**On a GPU:** {entry['gpu'].strip()}"
    return _note(f"expect-{cell['id']}", f"{text}\n\nStored with the lesson:\n\n```\n{shown}\n```")


def _output_in_words(output: dict) -> str:
    data = output.get("data", {})
    if PLOTLY in data:
        return figure_in_words(data[PLOTLY])
    if "text/html" in data:  # its text alternative is made to be compared, and tells no times
        text = re.sub(r"<style.*?</style>|<svg.*?</svg>|<[^>]+>", "  ", joined(data["text/html"]), flags=re.DOTALL)
        return re.sub(r"\s*\n\s*|(?<=\S) {2,}", "\n", html.unescape(text))
    return joined(output.get("text") or data.get("text/plain", ""))


def _solved(source: str, row: Lesson, exercise_id: str) -> str:
    """The exercise's cell with the reference solution in the stub's place."""
    name = re.search(rf'check\("{re.escape(exercise_id)}", (\w+)\)', source)[1]
    reference, text = row.answers.of(exercise_id)[0], row.answers.source_of(exercise_id)
    if not callable(reference):
        return f'{name} = {text}\n\n\ncheck("{exercise_id}", {name})'
    assigned = "" if reference.__name__ == name else f"\n\n\n{name} = {reference.__name__}"
    return f'{text}{assigned}\n\n\ncheck("{exercise_id}", {name})'


def _wrong_answers(row: Lesson, exercise_id: str) -> dict:
    """Every wrong answer that the tests know, with the sentence that the check gives for it, said just now."""
    lines = [f"<details><summary>Wrong answers to {exercise_id}, and what the check says</summary>\n"]
    for answer, _ in row.answers.of(exercise_id)[2]:
        sentence = judge(row.exercises[exercise_id], answer).sentence.replace("\n", "  \n")
        lines.append(f"{sentence}\n\n```python\n{_source_of_answer(answer)}\n```\n")
    return _note(f"wrong-{exercise_id}", "\n".join([*lines, "</details>"]), marked=False)


def _source_of_answer(answer: object) -> str:
    """An answer as source, without its decorators."""
    if not callable(answer):
        return repr(answer)
    lines = textwrap.dedent(inspect.getsource(answer)).strip().splitlines()
    begins = [number for number, line in enumerate(lines) if line.startswith(("def ", "class "))]
    return "\n".join(lines[begins[0] if begins else 0 :])


def _note(name: str, text: str, marked: bool = True) -> dict:
    """A markdown cell; marked: as a quotation, so that it is seen at once to be the instructor's."""
    text = "\n".join(f"> {line}".rstrip() for line in text.splitlines()) if marked else text
    return {"cell_type": "markdown", "id": name, "metadata": {"tags": ["instructor"]}, "source": text}
