"""Errors that reach a student as one sentence instead of a traceback through the course's code."""

import difflib
import re
import traceback
import types
from collections.abc import Iterable

OWN_LINE = ("<module>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")  # what Python calls a cell's own code


class CourseError(Exception):
    """Something the reader can mend; a notebook shows its sentence alone."""

    def _render_traceback_(self):
        # IPython's hook: what it returns stands in place of the traceback.
        return [str(self)]


class OtherHelpers(CourseError, ImportError):
    """Another package is imported as `helpers`."""


def place_of(module: types.ModuleType) -> str:
    """Where a module comes from: its file, or its folder; a folder without code has no file of its own.

    >>> place_of(types.ModuleType("typed"))
    'something made in this session'
    """
    file = getattr(module, "__file__", None)
    folders = list(getattr(module, "__path__", []))
    if folders:
        return f"the folder {folders[0]}"
    return f"the file {file}" if file else "something made in this session"


def explain_missing_names() -> None:
    """From now on, one sentence answers a cell that uses a name which no cell has made yet, as after a restart.

    Outside a notebook it does nothing.

    >>> explain_missing_names()
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((NameError,), _missing_name)


def _missing_name(shell, kind, error, trace, tb_offset=None):
    *_, (frame, _) = traceback.walk_tb(trace)
    in_a_cell = frame.f_globals is shell.user_global_ns and frame.f_code.co_name in OWN_LINE
    if in_a_cell and error.name:  # in a function or a file the place matters; who raises it by hand names nothing
        sentence = (
            f"{error.name!r} is not known in this kernel. If it is not misspelt, a cell above makes it and has not run "
            "since the kernel started: run the cells above (JupyterLab: Run, Run All Above Selected Cell; "
            "Colab: Runtime, Run before), then this one."
        )
        error._render_traceback_ = lambda: [sentence]
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def without_colours(text: object) -> str:
    r"""What a kernel says of an error, without a terminal's codes for colours: a log has none.

    >>> without_colours("\x1b[31mZeroDivisionError\x1b[0m")
    'ZeroDivisionError'
    """
    return re.sub(r"\x1b\[[0-9;]*m", "", str(text))


def nearest(name: object, known: Iterable[str]) -> str:
    """' Did you mean …?' with the closest of the known names, or '' if none is close.

    >>> nearest("kesy", ["keys", "rounds"])
    " Did you mean 'keys'?"
    >>> nearest("something", ["keys", "rounds"])
    ''
    """
    close = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
