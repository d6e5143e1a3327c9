"""The lessons for Google Colab: each notebook carries the course, or installs it from a public copy and has a badge."""

import ast
import copy
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import CourseError
from ..notebooks import IGNORED, is_plumbing
from .common import ROOT, emptied, first_code_cell, refuse, source_of, sources, write
from .wheel import CarriedWheel, build_wheel, carried

LARGEST = 2_000_000  # bytes of a Colab notebook, of which the course that it carries is half
COLAB = "https://colab.research.google.com"


@dataclass(frozen=True)
class Place:
    """Where a public copy of the course lies: every address that an edition holds is made from these three."""

    owner: str
    name: str
    ref: str

    @classmethod
    def of(cls, repo: str, ref: str) -> "Place":
        """From "owner/name" and a tag or branch; CourseError if they cannot be such.

        >>> Place.of("some-school/course", "v1.2")
        Place(owner='some-school', name='course', ref='v1.2')
        """
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo or "") or not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", ref or ""):
            raise CourseError(f"Give REPO=owner/name and REF=a tag or branch; got REPO={repo or ''} REF={ref or ''}.")
        return cls(*repo.split("/"), ref)

    @property
    def archive(self) -> str:
        """The address that pip installs from."""
        return f"https://github.com/{self.owner}/{self.name}/archive/{self.ref}.tar.gz"

    def badge(self, notebook: str) -> str:
        """Markdown of a badge that opens this file of notebooks/ in Colab."""
        address = f"{COLAB}/github/{self.owner}/{self.name}/blob/{self.ref}/notebooks/{notebook}"
        return f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({address})"


def write_colab(target: str | Path, place: Place | None = None, wheel: Path | None = None) -> list[Path]:
    """Write every lesson for Colab into a folder, and return what was written.

    Each notebook carries the course (this wheel of it, if one is given). Given a place, it installs the course from
    there and has a badge; then notebooks/ and a README.md with all badges are written as they must lie in that
    repository. CourseError if a notebook is too large for Colab.
    """
    target = emptied(target)
    if place:
        folder, package = target / "notebooks", CarriedWheel()
    else:
        folder, package = target, _carried_course(wheel)
    paths = []
    for row, notebook in sources():
        name = f"{row.notebook}.ipynb"
        archive, badge = (place.archive, place.badge(name)) if place else (None, None)
        paths.append(folder / name)
        write(paths[-1], for_colab(notebook, row.id, package, archive, badge))
    if place:
        paths.append(target / "README.md")
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        paths[-1].write_text(with_badges(readme, place), encoding="utf-8")
    sizes = {path.name: path.stat().st_size for path in paths}
    refuse(f"{name} has {size:,} bytes, more than {LARGEST:,}" for name, size in sizes.items() if size > LARGEST)
    return paths


def _carried_course(wheel: Path | None) -> CarriedWheel:
    with tempfile.TemporaryDirectory() as folder:
        return carried(wheel or build_wheel(folder))


def for_colab(
    notebook: dict, lesson_id: str, package: CarriedWheel, archive: str | None = None, badge: str | None = None
) -> dict:
    """A copy of a notebook for Colab: it asks for a GPU, sets itself up, and has a badge if one is given."""
    notebook = copy.deepcopy(notebook)
    notebook["metadata"] |= {"accelerator": "GPU", "colab": {"gpuType": "T4", "provenance": []}}
    setup = first_code_cell(notebook)
    timed = sum(IGNORED in cell["metadata"].get("tags", []) for cell in notebook["cells"])
    setup["source"] = setup_source(source_of(setup), lesson_id, timed, package, archive)
    # Colab and JupyterLab show the first line and hide the rest.
    setup["metadata"] |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and is_plumbing(source_of(cell)):
            cell["source"] = f"# @title {form_title(source_of(cell))}\n{source_of(cell)}"
            cell["metadata"]["cellView"] = "form"
    if badge:
        notebook["cells"].insert(0, {"cell_type": "markdown", "id": "badge", "metadata": {}, "source": badge})
    return notebook


def setup_source(lesson_part: str, lesson_id: str, timed: int, package: CarriedWheel, archive: str | None) -> str:
    """The set-up, the wheel or address that it installs from, and then the lesson's own setup cell.

    timed: how many of the lesson's cells show a time of the machine.
    """
    set_up = (Path(__file__).parent / "setup_cell.py").read_text(encoding="utf-8").partition("# ---\n")[2]
    return (
        f"# @title Run this cell first: it sets up lesson {lesson_id}\n{set_up}\n\n"
        f'_COURSE = """{package.text}"""\n'
        f"_SetUp({package.name!r}, _COURSE, {package.digest!r}, {archive!r}).run({lesson_id!r}, {timed})\n\n{lesson_part}"
    )


def form_title(source: str) -> str:
    """What stands over a folded cell in Colab, from the first call in it.

    >>> form_title("explore(figures.two_stopwatches, job_time=[2, 5])")
    'Move it: two stopwatches'
    >>> form_title('reveal("keys", answer)')
    'What came out'
    """
    call = ast.parse(source).body[0].value
    if call.func.id == "explore":
        figure = ast.unparse(call.args[0]).rpartition(".")[2] if call.args else "the figure"
        return f"Move it: {figure.replace('_', ' ')}"
    return {"predict": "Your prediction", "reveal": "What came out", "claim": "The verdict"}[call.func.id]


def with_badges(readme: str, place: Place) -> str:
    """The README with a badge behind each link to a lesson; a lesson without a link is listed below its title."""
    unlinked = []
    for row, _ in sources():
        name = f"{row.notebook}.ipynb"
        link, badge = f"](notebooks/{name})", place.badge(name)
        if link in readme:
            readme = readme.replace(link, f"{link} {badge}")
        else:
            unlinked.append(f"- {row.id} {row.title} {badge}")
    title, _, body = readme.partition("\n")
    return "\n".join([title, *([""] if unlinked else []), *unlinked, body])
