"""Measured time against a size: live, for any lesson that times something, and beside it as recorded elsewhere."""

from collections.abc import Sequence

from helpers.measuring.timing import busy_sentence

from ..errors import CourseError, nearest
from .display import Picture
from .looks import KERNELS, name
from .timing_figure import nothing_timed, timing_figure
from .timing_panels import in_words, live_panels, message, recorded_panel

MOST_RECORDED = 2
MOST_CHARACTERS = 60  # of a title
HOW_TO_READ = "Medians; the bars hold the middle 60 % of the repeats. Dotted: time that grows as T and as T²."


def time_against_length(
    points: dict | None,
    title: str = "",
    device: str = "",
    note: str = "",
    *,
    kernels: str | Sequence[str] | None = None,
    recorded: Sequence | None = None,
    contest: object = None,
) -> Picture:
    """Median time over T, with the 20 to 80 % range: a panel for each set of live times and for each recording.

    points: {T: {label: timing}} as helpers.sweep returns it, timing with .median, .p20, .p80 in seconds and
    .out_of_memory; or several of these by their headings: {"1 sentence": {…}, "8 sentences, trained": {…}}; None where
    nothing was timed.
    title: the message. Left out, it is what the last live panel shows: "8 sentences: attention loses from 512 on".
    device: one sentence on where it ran. note: one more sentence below.
    kernels: the labels that are drawn, all unless given; the first is the one that the message is about.
    recorded: of course.results.recordings.find_recordings; the newest two are drawn.
    contest: what was timed here, of helpers.measuring.contests (or its name), for its colour and its shapes.

    The text alternative holds recorded times, and no live one: these differ between machines.
    Raises CourseError for a kernel that nobody knows, and for recordings that are still files.

    >>> from types import SimpleNamespace as Timing
    >>> fast, slow = (Timing(median=s, p20=s, p80=s, out_of_memory=False) for s in (1e-3, 2e-3))
    >>> points = {8: {"attention": fast, "LSTM": slow}, 64: {"attention": slow, "LSTM": fast}}
    >>> time_against_length({"1 sentence": points, "8 sentences": points}).json["layout"]["title"]["text"]
    '<b>8 sentences: attention loses from 64 on</b>'
    """
    if any(not hasattr(recording, "points") for recording in recorded or ()):
        raise CourseError(
            "recorded takes what course.results.recordings.find_recordings gives: "
            "recorded=find_recordings('lstm', also='my.json')."
        )
    live = live_panels(points, device, contest) if points else []
    elsewhere = [recorded_panel(recording) for recording in recorded or () if recording.points]
    older = max(0, len(elsewhere) - MOST_RECORDED)
    chosen = _kernels(live + elsewhere, kernels)
    panels = live + elsewhere[older:]
    notes = [*_sources(panels, chosen), _busy(live), note]
    if older:
        notes.append(f"{older} older recording{'s are' if older > 1 else ' is'} not drawn.")
    told_title = title or f"Time against length: {', '.join(map(name, chosen))}"
    drawn = [kernel for kernel in chosen if any(panel.times(kernel) for panel in panels)]
    if not drawn:
        sentence = (
            "None of the chosen kernels was timed." if panels else "Nothing was timed here, and nothing is recorded."
        )
        text = f"Figure: {told_title}\nx: sequence length T\ny: time (ms)\n{sentence}"
        return Picture(nothing_timed(told_title, sentence, notes), text=text)
    plot = timing_figure(title or _message(panels, drawn), panels, drawn, [*notes, HOW_TO_READ], says_each=not title)
    return Picture(plot, text=in_words(told_title, panels, chosen))


def _kernels(panels, chosen):
    """The labels that are drawn; a CourseError for one that is neither timed nor known."""
    timed = [kernel for panel in panels for point in panel.points.values() for kernel in point if kernel != "make"]
    chosen = [chosen] if isinstance(chosen, str) else chosen
    for kernel in chosen or ():
        if kernel not in timed and kernel not in KERNELS:
            raise CourseError(
                f"No kernel is called {kernel!r}.{nearest(kernel, timed)} Timed: {', '.join(sorted(set(timed)))}."
            )
    return list(dict.fromkeys(timed if chosen is None else chosen))


def _message(panels, kernels):
    """What the last live panel says, or the newest recording where nothing is live."""
    last = ([panel for panel in panels if panel.live] or panels)[-1]
    sentence = message(last, kernels) or f"Time against length: {', '.join(map(name, kernels))}"
    for heading in (last.heading, last.heading.split(",")[0]):
        if len(panels) > 1 and last.live and len(f"{heading}: {sentence}") <= MOST_CHARACTERS:
            return f"{heading}: {sentence}"
    return sentence[:1].upper() + sentence[1:]


def _busy(panels):
    """What to say if other programs used the machine meanwhile; "" if not."""
    timings = [timing for panel in panels for point in panel.points.values() for timing in point.values()]
    return busy_sentence([timing for timing in timings if hasattr(timing, "crowded")])


def _sources(panels, kernels):
    """Where the panels were timed, and what is missing in each. Panels of one device name it once."""
    sentences = {}
    for panel in panels:
        shared = sum(other.source == panel.source for other in panels) > 1
        missing = [f"{panel.heading}: {sentence}" if shared else sentence for sentence in panel.omissions(kernels)]
        sentences.setdefault(panel.source, []).extend(missing)
    return [" ".join([source, *missing]) for source, missing in sentences.items()]
