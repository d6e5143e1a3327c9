"""What a figure of timings shows in each of its panels, and what it says of them in words."""

from dataclasses import dataclass

from .looks import is_copy, name


@dataclass(frozen=True)
class Panel:
    """One set of timings. heading: "8 sentences"; shapes: what was computed; contest: its name, "" if unknown.

    points: {T: {kernel: timing}}; source: a sentence on where and when, for below the figure; live: timed just now.
    """

    heading: str
    shapes: str
    contest: str
    points: dict
    source: str
    live: bool = False

    def times(self, kernel):
        """[(T, timing)] that can be drawn, the shortest T first."""
        timings = [(T, point[kernel]) for T, point in sorted(self.points.items()) if kernel in point]
        return [(T, timing) for T, timing in timings if not timing.out_of_memory]

    def medians(self, kernels):
        """{T: {kernel: seconds}} of what can be drawn, copies left out: they compute nothing."""
        medians = {}
        for kernel in kernels:
            for T, timing in self.times(kernel) if not is_copy(kernel) else ():
                medians.setdefault(T, {})[kernel] = timing.median
        return dict(sorted(medians.items()))

    def omissions(self, kernels):
        """Sentences on the points of these kernels that cannot be drawn."""
        for reason, applies in (("Out of memory", _is_full), ("Not timed", _is_absent)):
            lengths = {
                kernel: [T for T, point in sorted(self.points.items()) if applies(point, kernel)] for kernel in kernels
            }
            places = [self._where(kernel, lengths[kernel]) for kernel in kernels if lengths[kernel]]
            if places:
                yield f"{reason}: {'; '.join(places)}."

    def _where(self, kernel, lengths):
        if len(lengths) == len(self.points):
            return name(kernel)
        *others, last = map(str, lengths)
        return f"{name(kernel)} at T = {', '.join(others)} and {last}" if others else f"{name(kernel)} at T = {last}"


def _is_full(point, kernel):
    return "make" in point or (kernel in point and point[kernel].out_of_memory)  # make: the inputs of all kernels


def _is_absent(point, kernel):
    return "make" not in point and kernel not in point


def live_panels(points, device, contest):
    """The panels of what was timed just now: {T: {label: timing}}, or {heading: {T: {label: timing}}} for several.

    device: a sentence; contest: of helpers.measuring.contests, its name, or None.
    """
    short_device = device.split(" (")[0].split(";")[0] or "this machine"
    several = points if any(isinstance(key, str) for key in points) else {f"live: {short_device}": points}
    contest_name, shapes = getattr(contest, "name", contest or ""), getattr(contest, "about", "")
    source = f"Measured live: {device or short_device}."
    return [Panel(heading, shapes, contest_name, part, source, live=True) for heading, part in several.items()]


def recorded_panel(recording):
    """The panel of a course.results.recordings.Recording."""
    source = f"Recorded {recording.when.date().isoformat()}: {recording.device}, {recording.versions}."
    # A CPU's name is long and tells little: it stands below, as that of the live one does.
    short_device = recording.device.rpartition(", ")[2] if recording.kind == "cpu" else recording.device
    heading = recording.label.replace(recording.device, short_device)
    return Panel(heading, recording.about, recording.contest, recording.points, source)


# ---- in words


def message(panel, kernels):
    """What a panel says, in a few words: from which T on the first kernel is slower or faster than all others.

    "attention loses from 512 on". "" where nothing can be compared.
    """
    outcomes = {T: _outcome(panel.points[T], kernels) for T in panel.medians(kernels)}
    outcomes = {T: outcome for T, outcome in outcomes.items() if outcome}
    if not outcomes:
        return ""
    lengths, subject = list(outcomes), name(kernels[0])
    last = outcomes[lengths[-1]]
    since = next(T for place, T in enumerate(lengths) if {outcomes[later] for later in lengths[place:]} == {last})
    if since == lengths[0]:
        return f"{subject} {last} at every length"
    if last != "ties":
        return f"{subject} {last} from {since} on"
    before = lengths[lengths.index(since) - 1]
    return f"{subject} {outcomes[before]} at {before}, ties from {since} on"


def _outcome(point, kernels):
    """Whether the first kernel wins or loses against the fastest other, or ties: then their middle 60 % overlap."""
    timings = {kernel: point[kernel] for kernel in kernels if kernel in point and not is_copy(kernel)}
    timings = {kernel: timing for kernel, timing in timings.items() if not timing.out_of_memory}
    subject = timings.pop(kernels[0], None)
    if subject is None or not timings:
        return None
    fastest = min(timings.values(), key=lambda timing: timing.median)
    if subject.p80 < fastest.p20:
        return "wins"
    return "loses" if subject.p20 > fastest.p80 else "ties"


def in_words(title, panels, kernels):
    """The figure in words, the same on every machine: of live panels it says only that there are some."""
    lines = [f"Figure: {title}", "x: sequence length T, logarithmic", "y: time (ms), logarithmic"]
    lines.append(f"series: {', '.join(map(name, kernels))}")
    for panel in panels:
        if panel.live:
            lines.append(f"{live_heading(panel)}: the times of this machine, which stand in the picture alone")
        else:
            shapes = f", {panel.shapes}" if panel.shapes else ""
            lines.append(" ".join([f"{panel.heading}{shapes}: {_ratios(panel, kernels)}.", *panel.omissions(kernels)]))
    return "\n".join(lines)


def live_heading(panel):
    """The heading without the device, which differs between machines."""
    return "live" if panel.heading.startswith("live: ") else f"live, {panel.heading}"


def _ratios(panel, kernels):
    """How many times as long as the fastest each kernel takes at its own longest T."""
    times = {kernel: dict(panel.times(kernel)) for kernel in kernels if panel.times(kernel)}
    longest = {kernel: max(times[kernel]) for kernel in times}
    sentences = []
    for T in sorted(set(longest.values()), reverse=True):
        seconds = {kernel: timings[T].median for kernel, timings in times.items() if T in timings}
        computing = [kernel for kernel in seconds if not is_copy(kernel)] or list(seconds)
        fastest = min(computing, key=seconds.get)
        compared = [
            f"{name(kernel)} {_ratio(seconds[kernel] / seconds[fastest])} as long"
            for kernel in seconds
            if kernel != fastest and longest[kernel] == T
        ]
        sentences.append(", ".join([f"at T = {T} {name(fastest)} takes {1e3 * seconds[fastest]:.3g} ms", *compared]))
    return "; ".join(sentences) or "none of these was timed"


def _ratio(ratio):
    return f"{ratio:.2f} times" if ratio < 10 else f"{float(f'{ratio:.3g}'):,.10g} times"
