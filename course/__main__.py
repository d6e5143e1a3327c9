"""The command line behind make: python -m course --help"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import evidence, lab
from .catalogue import Lesson, find_lesson, lessons, written
from .errors import CourseError, without_colours

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS, DIST = ROOT / "notebooks", ROOT / "dist"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command, and exit with its status; what goes wrong is told in one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without this letter shows "?"
            stream.reconfigure(errors="replace")
    options = parser().parse_args(arguments)
    try:
        failed = options.run(options)
        sys.stdout.flush()
        sys.exit(failed)
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
    except CourseError as error:
        sys.exit(str(error))
    except BrokenPipeError:  # as in `python -m course ledger | head`: what reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains once more at its end
        sys.exit(1)
    except OSError as error:
        sys.exit(in_one_sentence(error))


def in_one_sentence(error: OSError) -> str:
    """What the operating system refused, and what to do about it.

    >>> in_one_sentence(OSError(28, "No space left on device", "/tmp/lesson"))
    'No space left on device: /tmp/lesson'
    """
    refusal = f"{error.strerror or error}: {error.filename or ROOT}"
    if isinstance(error, PermissionError) or error.strerror == "Read-only file system":
        return f"{refusal}. This copy of the course cannot be changed: copy the folder {ROOT} to a place of your own first."
    return refusal


def parser() -> argparse.ArgumentParser:
    """The commands and their options; each sets `run` to the function that does it."""
    top = argparse.ArgumentParser(prog="python -m course", description="The course's own commands.")
    commands = top.add_subparsers(title="commands", required=True)

    def command(name, run, help):
        added = commands.add_parser(name, help=help)
        added.set_defaults(run=run)
        return added

    command("list", list_lessons, "the lessons, and which are ready")
    served = command("lab", open_lab, "copy new lessons into work/ and open JupyterLab there")
    served.add_argument("options", nargs="*", help="options for jupyter lab, after --")
    command("reset", reset, "put a fresh copy of a lesson into work/; yours stays beside it").add_argument("lesson")
    stored = command("notebooks", store, "execute the lessons and store their outputs")
    stored.add_argument("lessons", nargs="*")
    stored.add_argument("--refresh", action="store_true", help="renew timings too")
    command("check", check, "say what a lesson lacks, and what is not in the stored form")
    drawn = command("look", look_at, "draw a lesson's figures at three widths; say what overlaps or is cut off")
    drawn.add_argument("lesson")
    drawn.add_argument(
        "function", nargs="?", help="one of its figure functions; left out: all that its notebook stores"
    )
    drawn.add_argument("arguments", nargs="*", help="of that function: step=5 sentence='man eats dog'")
    colab = command("colab", make_colab, "write the lessons for Google Colab to dist/colab/")
    colab.add_argument("--repo", default="", help="owner/name on GitHub, to install from there and to add badges")
    colab.add_argument("--ref", default="", help="a tag or branch of it")
    solved = command("instructor", make_instructor, "write the lessons solved, with notes, to dist/instructor/")
    solved.add_argument("lessons", nargs="*")
    command("handout", make_handout, "write the lessons without solutions to dist/handout/")
    command("web", make_web, "write the lessons as pages that a browser opens, to dist/web/")
    evidence.add_commands(commands)
    return top


def list_lessons(options: argparse.Namespace) -> None:
    for row in lessons().values():
        state = "ready" if row.notebook else "planned"
        print(f"{row.id}  {state:8} {row.minutes:3} min  {row.title}: {row.question}")


def open_lab(options: argparse.Namespace) -> int | None:
    return lab.serve(options.options)


def reset(options: argparse.Namespace) -> None:
    kept, fresh = lab.reset(_written_lesson(options.lesson))
    if kept:
        print(f"Your copy is kept as {kept.relative_to(lab.ROOT)}.")
    print(f"A fresh copy is in {fresh.relative_to(lab.ROOT)}.")


def store(options: argparse.Namespace) -> None:
    _need("kaleido", "nbclient", "playwright")
    from nbclient.exceptions import CellExecutionError

    from . import tables
    from .notebooks import execute

    rows = [_written_lesson(name) for name in options.lessons] or written()
    for number, row in enumerate(rows, 1):
        print(f"[{number}/{len(rows)}] {row.notebook} …", end=" ", flush=True)
        try:
            changed = execute(NOTEBOOKS / f"{row.notebook}.ipynb", refresh=options.refresh)
        except CellExecutionError as error:
            raise CourseError(f"a cell fails, so nothing is stored.\n{without_colours(error)}") from None
        print("stored outputs renewed" if changed else "nothing changed")
    for page in tables.write(ROOT):
        print(f"{page.relative_to(ROOT)}: table of lessons renewed")


def check(options: argparse.Namespace) -> bool:
    from . import tables
    from .missing import missing
    from .notebooks import departures

    sentences = [f"{path.name}: {line}" for path in sorted(NOTEBOOKS.glob("*.ipynb")) for line in departures(path)]
    sentences += missing(ROOT) + tables.stale(ROOT)
    print("\n".join(sentences) or "No lesson lacks anything; every notebook and every table is in the stored form.")
    return bool(sentences)


def look_at(options: argparse.Namespace) -> bool:
    _need("playwright")
    from .look import look

    row = find_lesson(options.lesson)
    if not (row.notebook or options.function):
        raise CourseError(f"Lesson {row.id} is not written yet; name a function of its figures.py.")
    return bool(look(row, NOTEBOOKS, DIST / "look", options.function, options.arguments))


def make_colab(options: argparse.Namespace) -> None:
    from .editions.colab import Place, write_colab

    place = Place.of(options.repo, options.ref) if options.repo or options.ref else None
    _tell(write_colab(DIST / "colab", place))


def make_instructor(options: argparse.Namespace) -> None:
    from .editions.instructor import write_instructor

    _tell(write_instructor(DIST / "instructor", [_written_lesson(name).id for name in options.lessons]))


def make_handout(options: argparse.Namespace) -> None:
    from .editions.handout import write_handout

    _tell(write_handout(DIST / "handout"))


def make_web(options: argparse.Namespace) -> None:
    _need("nbconvert", "latex2mathml")
    from .editions.web import write_web

    _tell(write_web(DIST / "web"))


def _need(*packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise CourseError(
            f"This needs {', '.join(missing)}. In the course's folder: make .venv/test, or pip install -e '.[test]'"
        )


def _written_lesson(name: str) -> Lesson:
    row = find_lesson(name)
    if not row.notebook:
        raise CourseError(f"Lesson {row.id} is not written yet.")
    return row


def _tell(paths: Sequence[Path]) -> None:
    for path in paths:
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
