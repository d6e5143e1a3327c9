"""The teaching half of the course: what to show, to ask, to check and to remember. Computing is in `helpers`."""

import helpers as _helpers

from .errors import CourseError, OtherHelpers, place_of

if getattr(_helpers, "COURSE", None) != "rnn-to-attention":
    raise OtherHelpers(
        f"Another helpers stands in the way: {place_of(_helpers)}. Rename it if it is yours, or uninstall it if it is a "
        "package; then restart the kernel and run the cells again. In the course's own environment, which make lab opens, "
        "nothing else has that name."
    )

from .session import check, claim, hint, lesson, predict, reveal, solution
from .show.explorables import explore

__all__ = [
    "CourseError",
    "check",
    "claim",
    "explore",
    "hint",
    "lesson",
    "predict",
    "reveal",
    "solution",
]
