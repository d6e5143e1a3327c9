"""JupyterLab for a student: a copy of each lesson in work/, settings of its own, and the Python that the course has."""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import saved
from .catalogue import Lesson
from .errors import CourseError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS, WORK = ROOT / "notebooks", ROOT / "work"
LAB = WORK / ".lab"  # JupyterLab's own files, so that the course and the user's other work do not mix

# A course needs no news and works without a network. Lab hands over the state of the controls with what it saves, so
# that HOOK can put what they showed last in their place.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}
HOOK = "course.saved.before_saving"
# A student's folder comes last on Python's path: a file there called operator.py or course.py hides nothing. -P keeps
# it away until the kernel is there.
KERNEL = {
    "argv": [
        *(sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        '--IPKernelApp.exec_lines=import sys; sys.path[:] = [*filter(None, sys.path), ""]',
        "--IPKernelApp.log_level=40",  # else it warns that its port on this machine is not encrypted
    ],
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "metadata": {"debugger": True},
}


def serve(options: Sequence[str] = ()) -> int | None:
    """Copy new lessons into work/ and become JupyterLab there; options are JupyterLab's own."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError("JupyterLab is missing here. In the course's folder: make lab, or pip install -e '.[lab]'")
    lessons_here = sorted(NOTEBOOKS.glob("*.ipynb"))
    if not lessons_here:
        raise CourseError(f"There are no lessons in {NOTEBOOKS}; run this in a clone of the course.")
    os.environ.pop("JUPYTERLAB_DIR", None)  # another environment's JupyterLab, of another version
    os.environ.update(home())
    os.environ.update(prepare(LAB))
    for path in lessons_here:
        copy_new(path)
    mend_copies(WORK)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={WORK}"]
    command.append(f"--LabApp.default_url=/lab/tree/{lessons_here[0].name}")
    command.append(f"--FileContentsManager.pre_save_hook={HOOK}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if os.name == "nt":  # there, execv would give the terminal back at once
        return subprocess.call([*command, *options])
    return os.execv(sys.executable, [*command, *options])


def home() -> dict[str, str]:
    """{} where the user has a home folder that can be written to; else HOME as a folder for this session."""
    try:
        folder = Path.home()
    except RuntimeError:  # neither HOME nor an entry among the users, as in some containers
        folder = None
    if folder and os.access(folder, os.W_OK):
        return {}
    substitute = tempfile.mkdtemp(prefix="rnn-to-attention-")
    print(
        f"Your home folder ({folder or 'there is none'}) cannot be written to. For this session {substitute} takes its place; "
        "what you predict and solve is forgotten after it, and your lessons in work/ stay."
    )
    return {"HOME": substitute, "USERPROFILE": substitute}


def prepare(folder: Path) -> dict[str, str]:
    """Write Lab's settings and kernel into this folder; returns the variables that make Lab use them.

    They take nothing from the user's own desk, and leave nothing there. Jupyter's runtime files stay where it puts
    them: they have to be private, which a folder on a drive without Unix's modes cannot be.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    for name, chosen in SETTINGS.items():
        settings = folder / f"{name}.jupyterlab-settings"
        if not settings.exists():
            settings.parent.mkdir(parents=True, exist_ok=True)
            settings.write_text(json.dumps(chosen) + "\n", encoding="utf-8")
    kernel = folder / "data" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    kernel.write_text(json.dumps(KERNEL, indent=1) + "\n", encoding="utf-8")
    # First on Jupyter's path, else another python3 there would run the lessons.
    others = [os.environ["JUPYTER_PATH"]] if os.environ.get("JUPYTER_PATH") else []
    return {
        "JUPYTERLAB_SETTINGS_DIR": str(folder),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": jupyter_runtime_dir(),
        "JUPYTER_PATH": os.pathsep.join([str(folder / "data"), *others]),
    }


def copy_new(path: Path) -> Path:
    """Copy a lesson into work/ unless the student has it already; their work is never overwritten."""
    WORK.mkdir(exist_ok=True)
    target = WORK / path.name
    if not target.exists():
        fresh = target.with_suffix(".copy")
        shutil.copyfile(path, fresh)
        fresh.replace(target)  # only once it is whole: half a lesson would pass for the student's work
        trust(target, LAB)
    return target


def trust(path: Path, folder: Path) -> None:
    """Sign a lesson as our own: from notebooks that it does not know, Lab strips every drawing until they are run."""
    from nbformat import read, sign

    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    sign.NotebookNotary(data_dir=str(data)).sign(read(path, as_version=4))


def reset(row: Lesson) -> tuple[Path | None, Path]:
    """Put a fresh copy of a lesson into work/. Returns where the student's own is kept, if any, and the new one."""
    target, kept = WORK / f"{row.notebook}.ipynb", None
    if target.exists():
        number = 1
        while (kept := target.with_suffix(f".yours-{number}.ipynb")).exists():
            number += 1
        target.rename(kept)
    return kept, copy_new(NOTEBOOKS / target.name)


def mend_copies(folder: Path) -> None:
    """No kernel runs yet: in each lesson here, figures and cards take the place of controls that nothing moves.

    Lessons that Colab has saved carry a note on widgets that Lab and GitHub stumble over; say which ones had it.
    """
    for path in sorted(folder.glob("*.ipynb")):
        try:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            by_colab = saved.has_broken_note(notebook)
            changed = saved.freeze(notebook)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue  # no notebook, or none that can be read: Lab says so when it is opened
        if not changed:
            continue
        temporary = path.with_suffix(".mended")
        try:
            temporary.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            temporary.replace(path)
        except (OSError, ValueError):  # no room for it, or letters that no file can hold: it stays as it is
            with contextlib.suppress(OSError):
                temporary.unlink()
            continue
        if by_colab:
            print(
                f"{path.name} was saved by Colab; its note on widgets, which Lab cannot read, is gone, and all else kept."
            )
