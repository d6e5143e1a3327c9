"""What every edition needs: the notebooks to start from, and a clean folder to write to."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..catalogue import Lesson, written
from ..errors import CourseError

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = ROOT / "notebooks"
WRITTEN = (".ipynb", ".whl", ".md", ".html", ".css", ".js", ".png")  # what an edition consists of
# What the operating system puts into any folder that a person opens.
SYSTEM_FILES = {".ds_store", ".apdisk", "desktop.ini", "thumbs.db", "ehthumbs.db", ".directory", ".localized"}
SYSTEM_FOLDERS = {
    *(".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems", "__macosx"),
    *("$recycle.bin", "system volume information", "@eadir", ".ipynb_checkpoints"),
}


def sources() -> Iterator[tuple[Lesson, dict]]:
    """(lesson, notebook) for every lesson that is written, in the course's order."""
    if not NOTEBOOKS.is_dir():
        raise CourseError("Editions are made from the notebooks; run this in a clone of the course.")
    for row in written():
        yield row, json.loads((NOTEBOOKS / f"{row.notebook}.ipynb").read_text(encoding="utf-8"))


def first_code_cell(notebook: dict) -> dict:
    """A lesson's setup cell."""
    return next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def joined(stored: str | list[str]) -> str:
    """A source or an output as one string: nbformat may store it as a list of lines.

    >>> joined(["import torch\\n", "x = 1"])
    'import torch\\nx = 1'
    """
    return stored if isinstance(stored, str) else "".join(stored)


def source_of(cell: dict) -> str:
    """A cell's source as one string."""
    return joined(cell["source"])


def write(path: Path, notebook: dict) -> None:
    """Store a notebook as JSON, with sorted keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def emptied(target: str | Path) -> Path:
    """The folder, without what an earlier build left there; CourseError if it holds what no edition writes."""
    target = Path(target)
    foreign = [path.name for path in target.rglob("*") if path.is_file() and not _disposable(path, target)]
    if foreign:
        raise CourseError(
            f"{target} holds {foreign[0]}, which no edition writes. Move it elsewhere and run this again."
        )
    if target.is_dir():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    return target


def _disposable(path: Path, target: Path) -> bool:
    """Whether an edition has written a file, or the operating system (macOS: "._name" beside "name")."""
    name = path.name.lower()
    folders = {folder.lower() for folder in path.relative_to(target).parts[:-1]}
    of_the_system = name in SYSTEM_FILES or name.startswith("._") or name == "icon\r" or folders & SYSTEM_FOLDERS
    return path.suffix in WRITTEN or bool(of_the_system)


def refuse(complaints: Iterable[str]) -> None:
    """CourseError with all complaints, if there are any."""
    if sentences := list(complaints):
        raise CourseError("\n".join(sentences))
