"""The command line behind make: python -m course
lab | list | reset LESSON | notebooks [--refresh] [LESSON …] | check | colab [--repo --ref] | instructor [LESSON …] | handout
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .catalogue import find_lesson, lessons
from .errors import CourseError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS, WORK, DIST = ROOT / "notebooks", ROOT / "work", ROOT / "dist"
LAB = WORK / ".lab"  # JupyterLab's own files, so that the course and the user's other work do not mix


def main():
    parser = argparse.ArgumentParser(prog="python -m course", description="The course's own commands.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the lessons, and which are ready")
    lab = commands.add_parser("lab", help="copy new lessons into work/ and open JupyterLab there")
    lab.add_argument("rest", nargs="*", help="options for jupyter lab, after --")
    reset = commands.add_parser("reset", help="put a fresh copy of a lesson into work/; yours is kept beside it")
    reset.add_argument("lesson")
    notebooks = commands.add_parser("notebooks", help="execute the lessons and store their outputs")
    notebooks.add_argument("lessons", nargs="*")
    notebooks.add_argument("--refresh", action="store_true", help="renew timings too")
    commands.add_parser("check", help="say what is not in the stored form")
    colab = commands.add_parser("colab", help="write the lessons for Google Colab to dist/colab/")
    colab.add_argument("--repo", default="", help="owner/name on GitHub, to install from there and to add badges")
    colab.add_argument("--ref", default="", help="a tag or branch of it")
    instructor = commands.add_parser("instructor", help="write the instructor's edition to dist/instructor/")
    instructor.add_argument("lessons", nargs="*")
    commands.add_parser("handout", help="write the lessons without solutions to dist/handout/")
    given = parser.parse_args()
    try:
        sys.exit(globals()[f"run_{given.command}"](given))
    except CourseError as error:
        sys.exit(str(error))


def run_list(given):
    for row in lessons().values():
        state = "ready" if row.notebook else "planned"
        print(f"{row.id}  {state:8} {row.minutes:3} min  {row.title}: {row.question}")


def run_lab(given):
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError("JupyterLab is missing here. In the course's folder: make lab, or pip install -e '.[lab]'")
    lessons_here = sorted(NOTEBOOKS.glob("*.ipynb"))
    if not lessons_here:
        raise CourseError(f"There are no lessons in {NOTEBOOKS}; run this in a clone of the course.")
    os.environ.update(prepare_lab(LAB))
    for path in lessons_here:
        copy_new(path)
    mend_copies(WORK)
    server = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={WORK}"]
    server.append(f"--LabApp.default_url=/lab/tree/{lessons_here[0].name}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        server.append("--allow-root")
    if os.name == "nt":  # there, execv would give the terminal back at once
        return subprocess.call([*server, *given.rest])
    os.execv(sys.executable, [*server, *given.rest])


# A course needs no news and works without a network. A saved lesson keeps the state of its controls, else Lab shows
# "model not found" in place of every figure until it is run again.
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}


def prepare_lab(folder):
    """Write Lab's settings into this folder; returns the variables that make Lab use it, and not the user's own desk."""
    for name, chosen in LAB_SETTINGS.items():
        settings = folder / f"{name}.jupyterlab-settings"
        if not settings.exists():
            settings.parent.mkdir(parents=True, exist_ok=True)
            settings.write_text(json.dumps(chosen) + "\n", encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    return {
        "JUPYTERLAB_SETTINGS_DIR": str(folder),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
    }


def copy_new(path):
    """Copy a lesson into work/ unless the student has it already; their work is never overwritten."""
    WORK.mkdir(exist_ok=True)
    target = WORK / path.name
    if not target.exists():
        shutil.copyfile(path, target)
        trust(target, LAB)
    return target


def mend_copies(folder):
    """Lessons that Colab has saved carry a note on widgets that Lab and GitHub stumble over; say which ones had it."""
    from .editions import mend_colab

    for path in sorted(folder.glob("*.ipynb")):
        if mend_colab(path):
            print(
                f"{path.name} was saved by Colab; its note on widgets, which Lab cannot read, is gone, and all else kept."
            )


def trust(path, folder):
    """Sign a lesson as our own: from notebooks that it does not know, Lab strips every drawing until they are run."""
    from nbformat import read, sign

    (folder / "data").mkdir(parents=True, exist_ok=True)
    sign.NotebookNotary(data_dir=str(folder / "data")).sign(read(path, as_version=4))


def run_reset(given):
    row = find_lesson(given.lesson)
    if not row.notebook:
        raise CourseError(f"Lesson {row.id} is not written yet.")
    target = WORK / f"{row.notebook}.ipynb"
    if target.exists():
        number = 1
        while (kept := target.with_suffix(f".yours-{number}.ipynb")).exists():
            number += 1
        target.rename(kept)
        print(f"Your copy is kept as {kept.relative_to(ROOT)}.")
    copy_new(NOTEBOOKS / target.name)
    print(f"A fresh copy is in {target.relative_to(ROOT)}.")


def run_notebooks(given):
    from nbclient.exceptions import CellExecutionError

    from . import tables
    from .notebooks import execute

    wanted = [find_lesson(lesson) for lesson in given.lessons] or [row for row in lessons().values() if row.notebook]
    for number, row in enumerate(wanted, 1):
        if not row.notebook:
            raise CourseError(f"Lesson {row.id} is not written yet.")
        print(f"[{number}/{len(wanted)}] {row.notebook} …", end=" ", flush=True)
        try:
            changed = execute(NOTEBOOKS / f"{row.notebook}.ipynb", refresh=given.refresh)
        except CellExecutionError as error:
            raise CourseError(f"a cell fails, so nothing is stored.\n{error}") from None
        print("stored outputs renewed" if changed else "nothing changed")
    for page in tables.write(ROOT):
        print(f"{page.relative_to(ROOT)}: table of lessons renewed")


def run_check(given):
    from . import tables
    from .notebooks import departures

    lines = [f"{path.name}: {line}" for path in sorted(NOTEBOOKS.glob("*.ipynb")) for line in departures(path)]
    lines += tables.stale(ROOT)
    print("\n".join(lines) or "Every notebook and every table of lessons is in the stored form.")
    return bool(lines)


def run_colab(given):
    from .editions import Place, colab

    place = Place.of(given.repo, given.ref) if given.repo or given.ref else None
    _tell(colab(DIST / "colab", place))


def run_instructor(given):
    from .editions import instructor

    _tell(instructor(DIST / "instructor", [find_lesson(lesson).id for lesson in given.lessons]))


def run_handout(given):
    from .editions import handout

    _tell(handout(DIST / "handout"))


def _tell(written):
    for path in written:
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
