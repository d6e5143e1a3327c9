"""Errors that reach a student as one sentence instead of a traceback through the course's code."""

import difflib


class CourseError(Exception):
    """Something the reader can mend; a notebook shows its sentence alone."""

    def _render_traceback_(self):
        # IPython's hook: what it returns stands in place of the traceback.
        return [str(self)]


class OtherHelpers(CourseError, ImportError):
    """Another package is imported as `helpers`."""


def nearest(given, known):
    """' Did you mean …?' with the closest of the known names, or '' if none is close."""
    close = difflib.get_close_matches(str(given), list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
