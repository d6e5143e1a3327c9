"""What a lesson still lacks, by name: its notebook, its modules, its notes, and what each says that the others have."""

import json
from collections.abc import Iterator
from pathlib import Path

from .catalogue import Lesson, lessons


def missing(root: Path) -> list[str]:
    """A sentence for each thing that a lesson with a notebook in its lesson.toml lacks; root: the clone."""
    return [sentence for row in lessons().values() if row.notebook for sentence in missing_from(row, root)]


def missing_from(row: Lesson, root: Path) -> list[str]:
    """The same for one lesson."""
    folder = f"course/lessons/{row.folder.name}"
    path = root / "notebooks" / f"{row.notebook}.ipynb"
    code = _code(path)
    sentences = [] if path.exists() else [f"{path.relative_to(root)} is not there; lesson.toml names it"]
    if not (row.folder / "__init__.py").exists():
        sentences.append(f"{folder}/__init__.py is not there: without it the folder is no package")
    if not (row.folder / "notes.toml").exists():
        sentences.append(f"{folder}/notes.toml is not there: what a teacher wants to know")
    if row.part("figures") is None and not row.overview:
        sentences.append(f"{folder}/figures.py is not there")
    sentences += [f"{folder}/exercises.py: {sentence}" for sentence in _without_exercises(row, code)]
    sentences += [f"{folder}/solutions.py: {sentence}" for sentence in _without_answers(row)]
    sentences += [f"{folder}/lesson.toml: {sentence}" for sentence in _without_evidence(row, code)]
    return sentences + [f"{folder}/decisions.py: {sentence}" for sentence in _without_decisions(row)]


def _code(path: Path) -> dict[str, str]:
    """{cell id: source} of the cells with code; empty where there is no notebook."""
    if not path.exists():
        return {}
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}


def _without_exercises(row: Lesson, code: dict[str, str]) -> Iterator[str]:
    if not row.exercises:
        yield "there are no exercises"
    for name in row.exercises:
        if not any(f'check("{name}"' in source for source in code.values()):
            yield f'no cell of the notebook says check("{name}", …)'


def _without_answers(row: Lesson) -> Iterator[str]:
    if row.answers is None:
        yield "there are no answers to the exercises"
        return
    for name in row.exercises:
        if name not in row.answers.references:
            yield f"exercise {name} has no reference answer"


def _without_evidence(row: Lesson, code: dict[str, str]) -> Iterator[str]:
    if not row.evidence and not row.overview:
        yield "[evidence] names no claim that the lesson settles"
    for claim_id, item in row.evidence.items():
        if item.get("cell") and item["cell"] not in code:
            yield f"{claim_id} is settled in cell {item['cell']!r}, which the notebook does not have"


def _without_decisions(row: Lesson) -> Iterator[str]:
    computed = {claim_id for claim_id, item in row.evidence.items() if item["how"] == "computed"}
    for claim_id in sorted(computed - set(row.decisions)):
        yield f"nothing decides {claim_id}, which lesson.toml calls computed"
    for claim_id in sorted(set(row.decisions) - computed):
        yield f"{claim_id} is decided, and lesson.toml does not call it computed"
