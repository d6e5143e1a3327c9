"""The teaching half of the course: what to show, to ask, to check and to remember. Computing is in `helpers`."""

import helpers as _helpers

from .errors import CourseError, OtherHelpers

if getattr(_helpers, "COURSE", None) != "rnn-to-attention":
    raise OtherHelpers(
        f"Another package named helpers stands in the way ({_helpers.__file__}). "
        "Start the notebook in the course's own environment (make lab), or uninstall that package and restart the kernel."
    )

from .session import check, claim, closing_table, hint, lesson, predict, reveal, solution
from .show.explorables import explore

__all__ = [
    "CourseError",
    "check",
    "claim",
    "closing_table",
    "explore",
    "hint",
    "lesson",
    "predict",
    "reveal",
    "solution",
]
