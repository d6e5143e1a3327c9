"""Editions of the lessons for a class: for Colab, for the instructor, and without solutions. All are written to dist/.

The repository's notebooks are the source; nothing here changes them.
"""

import base64
import copy
import hashlib
import inspect
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ..catalogue import find_lesson, lessons
from ..errors import CourseError
from ..notebooks import IGNORED

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = ROOT / "notebooks"
LARGEST = 1_500_000  # bytes of a Colab notebook
COLAB = "https://colab.research.google.com/github"


@dataclass(frozen=True)
class Place:
    """Where a public copy of the course lies: every address that an edition holds is made from these three."""

    owner: str
    name: str
    ref: str

    @classmethod
    def of(cls, repo, ref):
        """From "owner/name" and a tag or branch; CourseError if they cannot be such."""
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo or "") or not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", ref or ""):
            raise CourseError(f"Give REPO=owner/name and REF=a tag or branch; got REPO={repo or ''} REF={ref or ''}.")
        return cls(*repo.split("/"), ref)

    @property
    def archive(self):
        """What pip installs."""
        return f"https://github.com/{self.owner}/{self.name}/archive/{self.ref}.tar.gz"

    def badge(self, notebook):
        """Markdown of a badge that opens this file of notebooks/ in Colab."""
        target = f"{COLAB}/{self.owner}/{self.name}/blob/{self.ref}/notebooks/{notebook}"
        return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({target})"


# The wheel


def build_wheel(folder, solutions=True):
    """Build the course's wheel into a folder and return its path; without solutions for a handout."""
    with tempfile.TemporaryDirectory() as temporary:
        # From a copy: an old build/ beside the sources would bring back what was left out.
        source = Path(temporary)
        left_out = ["__pycache__", *([] if solutions else ["solutions.py", "notes.toml"])]
        for name in ("course", "helpers"):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(*left_out))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
        environment = os.environ | {"SOURCE_DATE_EPOCH": "315532800"}  # the same files, the same wheel
        options = {"env": environment, "capture_output": True, "text": True, "check": False}
        done = subprocess.run([*command, "--wheel-dir", str(folder), str(source)], **options)
    if done.returncode:
        raise CourseError(f"The wheel could not be built.\n{done.stderr.strip()}")
    (wheel,) = Path(folder).glob("rnn_to_attention-*.whl")
    return wheel


def carried(wheel):
    """(file name, text, sha256) of a wheel packed for a cell. Unpacked, it is a wheel whose files are not compressed:
    all of them together compress better than each alone."""
    with tempfile.TemporaryDirectory() as folder:
        loose = Path(folder, wheel.name)
        with zipfile.ZipFile(wheel) as packed, zipfile.ZipFile(loose, "w", zipfile.ZIP_STORED) as unpacked:
            for entry in packed.infolist():
                content = packed.read(entry)
                entry.compress_type = zipfile.ZIP_STORED
                unpacked.writestr(entry, content)
        content = loose.read_bytes()
    text = base64.b64encode(lzma.compress(content, preset=9)).decode()
    lines = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    return wheel.name, "\n".join(lines), hashlib.sha256(content).hexdigest()


# Colab


def colab(target, place=None, wheel=None):
    """Write every lesson for Colab into a folder, and return what was written.

    Each notebook carries the course (this wheel of it, if one is given), or, given a place, installs it from there and
    has a badge; then notebooks/ and a README.md with all badges are made as they must lie in that repository.
    """
    target = _emptied(target)
    with tempfile.TemporaryDirectory() as folder:
        source = (None, "", "") if place else carried(wheel or build_wheel(folder))
    written = []
    for row, notebook in _sources():
        name = f"{row.notebook}.ipynb"
        written.append((target / "notebooks" if place else target) / name)
        _write(written[-1], for_colab(notebook, row.id, source, place and place.archive, place and place.badge(name)))
    if place:
        written.append(target / "README.md")
        written[-1].write_text(with_badges((ROOT / "README.md").read_text(encoding="utf-8"), place), encoding="utf-8")
        _refuse(stray_badges(target, place))
    _refuse(
        f"{p.name} has {size:,} bytes, more than {LARGEST:,}" for p in written if (size := p.stat().st_size) > LARGEST
    )
    return written


def for_colab(notebook, lesson_id, source, archive=None, badge=None):
    """A copy of a notebook for Colab: asks for a GPU, sets itself up, and has a badge if one is given."""
    notebook = copy.deepcopy(notebook)
    notebook["metadata"] |= {"accelerator": "GPU", "colab": {"gpuType": "T4", "provenance": []}}
    setup = setup_cell(notebook)
    timed = sum(IGNORED in cell["metadata"].get("tags", []) for cell in notebook["cells"])
    setup["source"] = setup_source(source_of(setup), lesson_id, timed, source, archive)
    # Colab and JupyterLab show the first line and hide the rest.
    setup["metadata"] |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    if badge:
        cell = {"cell_type": "markdown", "id": "badge", "metadata": {}, "source": badge}
        notebook["cells"].insert(0, cell)
    return notebook


def setup_source(lesson_part, lesson_id, timed, source, archive):
    """The set-up, what it is to install, and then what the lesson's own setup cell says."""
    wheel, text, digest = source
    begins = (Path(__file__).parent / "setup_cell.py").read_text(encoding="utf-8").partition("# ---\n")[2]
    kind = {"lesson": lesson_id, "timed": timed}
    return (
        f"# @title Run this cell first: it sets up lesson {lesson_id}\n{begins}\n\n"
        f'_COURSE = """{text}"""\n'
        f"_set_up_course({kind!r}, {wheel!r}, _COURSE, {digest!r}, {archive!r})\n\n{lesson_part}"
    )


def with_badges(readme, place):
    """The README with a badge behind each link to a lesson; lessons that it does not link are listed below its title."""
    listed = []
    for row, _ in _sources():
        name = f"{row.notebook}.ipynb"
        link, badge = f"](notebooks/{name})", place.badge(name)
        if link in readme:
            readme = readme.replace(link, f"{link} {badge}")
        else:
            listed.append(f"- {row.id} {row.title} {badge}")
    title, _, rest = readme.partition("\n")
    return "\n".join([title, *([""] if listed else []), *listed, rest])


def stray_badges(folder, place):
    """What is wrong with the badges in a folder's notebooks and README: a list of sentences."""
    found = []
    for path in [*Path(folder).rglob("*.ipynb"), *Path(folder).rglob("*.md")]:
        targets = re.findall(rf"\(({COLAB}/[^)\s]*)\)", path.read_text(encoding="utf-8"))
        if not targets:
            found.append(f"{path.name} has no badge")
        for target in targets:
            start = f"{COLAB}/{place.owner}/{place.name}/blob/{place.ref}/notebooks/"
            if not target.startswith(start):
                found.append(f"{path.name}: {target} is in another place than {start}")
            elif not (NOTEBOOKS / target.removeprefix(start)).is_file():
                found.append(f"{path.name}: there is no lesson at {target}")
            elif path.suffix == ".ipynb" and not target.endswith(f"/{path.name}"):
                found.append(f"{path.name}: its badge opens {target}")
    return found


def mend_colab(path):
    """Drop what Colab notes of its widgets and no other program can read. Returns whether there was any.

    Cells and outputs stay. (metadata.widgets without `state`: colabtools#5255.)
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        noted = notebook["metadata"]["widgets"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if isinstance(noted, dict) and all(isinstance(kind, dict) and "state" in kind for kind in noted.values()):
        return False
    del notebook["metadata"]["widgets"]
    temporary = path.with_suffix(".mended")
    temporary.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)
    return True


# Without solutions


def handout(target):
    """The Colab notebooks, and the wheel, without solutions and wrong answers; returns what was written."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(folder, solutions=False)
        _refuse(
            f"{name} is in the handout's wheel"
            for name in zipfile.ZipFile(wheel).namelist()
            if name.endswith(("solutions.py", "notes.toml"))
        )
        written = colab(target, wheel=wheel)
        return [*written, Path(shutil.copy(wheel, target))]


# For the instructor


def instructor(target, lesson_ids=()):
    """Write lessons (all, unless ids are given) with solutions, notes and wrong answers, executed; returns the paths.

    CourseError if notes are incomplete, or if a solution does not pass its check in the executed notebook.
    """
    from nbclient.exceptions import CellExecutionError

    from ..notebooks import canonical, run

    target, written = _emptied(target), []
    for row, notebook in _sources():
        if lesson_ids and row.id not in lesson_ids:
            continue
        notes = notes_of(row.id)
        _refuse(incomplete(notebook, row, notes))
        with tempfile.TemporaryDirectory() as empty:
            try:
                executed = run(_node(for_instructor(notebook, row, notes)), empty)
            except CellExecutionError as error:
                raise CourseError(f"{row.notebook}: a cell fails, so nothing is written.\n{error}") from None
        _refuse(unsolved(executed, row.id))
        written.append(target / f"{row.notebook}.ipynb")
        written[-1].write_text(canonical(executed), encoding="utf-8")
    return written


def notes_of(lesson_id):
    """What the instructor is told about a lesson; beside the solutions, so that a handout leaves both out."""
    path = find_lesson(lesson_id).folder / "notes.toml"
    if not path.exists():
        raise CourseError(f"Lesson {lesson_id} has no notes for the instructor: write {path.relative_to(ROOT)}.")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def incomplete(notebook, row, notes):
    """What is missing from a lesson's notes, or speaks of a cell that is not there: a list of sentences."""
    cells = {cell["id"]: source_of(cell) for cell in notebook["cells"]}
    found = [f"{row.id}: nothing about {name!r}" for name in ("goal", "short", "hardware") if not notes.get(name)]
    parts = notes.get("parts", {})
    found += [f"{row.id}: no cell {cell_id!r}, which begins a part" for cell_id in parts if cell_id not in cells]
    found += [f"{row.id}: part {key!r} needs minutes and do" for key, part in parts.items() if set(part) != PART]
    if not found and sum(part["minutes"] for part in parts.values()) != row.minutes:
        found.append(f"{row.id}: the parts take {sum(p['minutes'] for p in parts.values())} minutes, not {row.minutes}")
    asked = [
        match for source in cells.values() for match in re.findall(r'^predict\(\s*"([^"]+)"', source, re.MULTILINE)
    ]
    timed = [cell["id"] for cell in notebook["cells"] if IGNORED in cell["metadata"].get("tags", [])]
    for kind, there, needed in (("predictions", asked, PREDICTION), ("times", timed, TIME)):
        told = notes.get(kind, {})
        found += [f"{row.id}: {kind} say nothing of {name!r}" for name in there if set(told.get(name, {})) != needed]
        found += [f"{row.id}: {kind} speak of {name!r}, which is not there" for name in told if name not in there]
    return found


PART, PREDICTION, TIME = {"minutes", "do"}, {"ask", "students"}, {"cpu", "gpu"}


def for_instructor(notebook, row, notes):
    """A copy of a notebook with solutions in the exercise cells, and notes in cells of their own."""
    notebook = copy.deepcopy(notebook)
    cells = []
    for number, cell in enumerate(notebook["cells"]):
        source = source_of(cell)
        if part := notes["parts"].get(cell["id"]):
            cells.append(_note(f"part-{cell['id']}", f"**{part['minutes']} minutes.** {part['do'].strip()}"))
        if asked := re.search(r'^predict\(\s*"([^"]+)"', source, re.MULTILINE):
            told = notes["predictions"][asked[1]]
            text = f"**Ask first:** {told['ask'].strip()}\n\n**Expect to hear:** {told['students'].strip()}"
            cells.append(_note(f"predict-{cell['id']}", text))
        cells.append(cell)
        if number == 0:
            cells.append(_overview(notebook, row, notes))
        if cell["id"] in notes.get("times", {}):
            cells.append(_expected(cell, notes["times"][cell["id"]]))
        for exercise_id in row.exercises:
            if cell["cell_type"] == "code" and f'check("{exercise_id}"' in source:
                cell["source"] = _solved(source, row, exercise_id)
                cells.append(_wrong_answers(row, exercise_id))
    notebook["cells"] = cells
    return notebook


def unsolved(notebook, lesson_id):
    """The exercises of a lesson whose check did not pass in an executed notebook: a list of sentences."""
    said = [
        output.get("data", {}).get("text/plain", "") for cell in notebook["cells"] for output in cell.get("outputs", [])
    ]
    texts = set(map(_text, said))
    missing = [exercise for exercise in find_lesson(lesson_id).exercises if f"{exercise} right." not in texts]
    return [f"{exercise}: its solution does not pass in the notebook" for exercise in missing]


def recorded():
    """The names of the GPUs whose times are recorded with the course."""
    return sorted(path.stem for path in (Path(__file__).parent.parent / "results" / "kernels").glob("*.json"))


def _overview(notebook, row, notes):
    titles = {}
    for cell in notebook["cells"]:
        heading = re.search(r"^#+ (.+)$", source_of(cell), re.MULTILINE)
        titles[cell["id"]] = heading[1] if heading and cell["cell_type"] == "markdown" else f"from cell {cell['id']}"
    parts = "\n".join(f"- {part['minutes']} min: {titles[key]}" for key, part in notes["parts"].items())
    text = (
        f"**For the instructor of lesson {row.id}.** {notes['goal'].strip()}\n\n**{row.minutes} minutes**, in parts; "
        f"what to do in each stands before it.\n\n{parts}\n\n**If you have 30 minutes:** {notes['short'].strip()}\n\n"
        f"**Hardware:** {notes['hardware'].strip()}"
    )
    return _note("instructor", text)


def _expected(cell, told):
    """What to expect from a timed cell: in words, and what it showed where the notebook was made."""
    from ..show.display import PLOTLY
    from ..show.in_words import figure_in_words as in_words

    stored = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        if PLOTLY in data:
            stored.append(in_words(data[PLOTLY]))
        elif "text/html" in data:  # its text alternative, made to be compared, tells no times
            stored.append(re.sub(r"\s*\n\s*|(?<=\S) {2,}", "\n", re.sub(r"<[^>]+>", "  ", _text(data["text/html"]))))
        else:
            stored.append(_text(output.get("text") or data.get("text/plain", "")))
    shown = "\n".join(stored).strip()
    gpus = f"Recorded: {', '.join(recorded())}." if recorded() else "No GPU has been recorded yet."
    text = (
        f"**On a CPU:** {told['cpu'].strip()}\n\n**On a GPU:** {told['gpu'].strip()} {gpus}\n\nStored with the lesson:"
    )
    return _note(f"expect-{cell['id']}", f"{text}\n\n```\n{shown}\n```")


def _solved(source, row, exercise_id):
    """The exercise's cell with the reference solution in the stub's place."""
    name = re.search(rf'check\("{re.escape(exercise_id)}", (\w+)\)', source)[1]
    solved, text = row.answers.of(exercise_id)[0], row.answers.source_of(exercise_id)
    if not callable(solved):
        return f'{name} = {text}\n\n\ncheck("{exercise_id}", {name})'
    other = "" if solved.__name__ == name else f"\n\n\n{name} = {solved.__name__}"
    return f'{text}{other}\n\n\ncheck("{exercise_id}", {name})'


def _wrong_answers(row, exercise_id):
    """Every wrong answer that the tests know, with the sentence that the check gives for it, said just now."""
    from ..exercises import judge

    lines = [f"<details><summary>Wrong answers to {exercise_id}, and what the check says</summary>\n"]
    for answer, _ in row.answers.of(exercise_id)[2]:
        said = judge(row.exercises[exercise_id], answer)[1].replace("\n", "  \n")
        lines.append(f"{said}\n\n```python\n{_source_of_answer(answer)}\n```\n")
    return _note(f"wrong-{exercise_id}", "\n".join([*lines, "</details>"]), marked=False)


def _source_of_answer(answer):
    if not callable(answer):
        return repr(answer)
    lines = textwrap.dedent(inspect.getsource(answer)).strip().splitlines()
    while lines[1:] and not lines[0].startswith(("def ", "class ")) and any(li.startswith("def ") for li in lines):
        lines.pop(0)
    return "\n".join(lines)


def _note(name, text, marked=True):
    """A cell that is seen at once to be the instructor's."""
    text = "\n".join(f"> {line}".rstrip() for line in text.splitlines()) if marked else text
    return {"cell_type": "markdown", "id": name, "metadata": {"tags": ["instructor"]}, "source": text}


def _node(notebook):
    import nbformat

    return nbformat.reads(json.dumps(notebook), as_version=4)


# Shared


def setup_cell(notebook):
    """A lesson's first code cell."""
    return next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def source_of(cell):
    """A cell's source as one string, as which or as a list of lines nbformat allows it to be stored."""
    return _text(cell["source"])


def _text(stored):
    return stored if isinstance(stored, str) else "".join(stored)


def _sources():
    """(lesson, notebook) for every lesson that is written, in the course's order."""
    rows = [row for row in lessons().values() if row.notebook]
    if not NOTEBOOKS.is_dir():
        raise CourseError("Editions are made from the notebooks; run this in a clone of the course.")
    return [(row, json.loads((NOTEBOOKS / f"{row.notebook}.ipynb").read_text(encoding="utf-8"))) for row in rows]


def _write(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _emptied(target):
    """The folder, without what an earlier build has left there; CourseError if it holds anything else."""
    target = Path(target)
    kept = [p.name for p in target.rglob("*") if p.is_file() and p.suffix not in (".ipynb", ".whl", ".md")]
    if kept:
        raise CourseError(f"{target} holds {kept[0]}, which no edition writes; name another folder or empty it.")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return target


def _refuse(complaints):
    complaints = list(complaints)
    if complaints:
        raise CourseError("\n".join(complaints))
