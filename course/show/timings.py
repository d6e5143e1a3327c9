"""Measured time against a size: live, for any lesson that times something, and beside it as recorded elsewhere."""

from ..errors import CourseError, nearest
from .looks import KERNELS
from .panels import live_panel, recorded_panel, side_by_side

MOST_RECORDED = 2


def time_against_length(points, what, device="", note="", *, kernels=None, recorded=None, contest=None):
    """Median time over T, with the 20 to 80 % range: a panel for this device, and one for each recorded one.

    points: {T: {label: timing}} as helpers.sweep returns it, timing with .median, .p20, .p80 in seconds and
    .out_of_memory; None where nothing was timed. what: the title. device: one sentence on where it ran. note: one
    more sentence below.
    kernels: the labels that are drawn, all unless given. recorded: of recordings.recorded; the newest two are drawn.
    contest: what was timed here, of helpers.contests (or its name), for its colour and its shapes.

    The text alternative holds recorded times, and no live one: these differ between machines.
    Raises CourseError for a kernel that nobody knows, and for recordings that are still files.
    """
    if any(not hasattr(recording, "points") for recording in recorded or ()):
        raise CourseError(
            "recorded takes what course.recordings.recorded gives: recorded=recorded('lstm', also='my.json')."
        )
    panels = [live_panel(points, device, contest)] if points else []
    elsewhere = [recorded_panel(recording) for recording in recorded or () if recording.points]
    there = {kernel for panel in panels + elsewhere for point in panel.points.values() for kernel in point}
    for kernel in [kernels] if isinstance(kernels, str) else kernels or ():
        if kernel not in there and kernel not in KERNELS:
            raise CourseError(
                f"No kernel is called {kernel!r}.{nearest(kernel, there)} Timed: {', '.join(sorted(there))}."
            )
    older = max(0, len(elsewhere) - MOST_RECORDED)
    more = f"{older} older recording{'s are' if older > 1 else ' is'} not drawn." if older else ""
    return side_by_side(panels + elsewhere[older:], what, kernels, [note, more])
