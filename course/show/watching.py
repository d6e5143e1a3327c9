"""Training as it happens: a bar, and the loss over the steps. Silent where there is no notebook."""

import math
import time
from collections.abc import Callable

from . import theme
from .display import Page
from .marks import card, muted, tag

PAUSE = 0.25  # seconds between two pictures
WIDE, HIGH, MOST_POINTS = 600, 110, 150  # px; points of the drawn curve


def watch_in_notebook(asked: str, name: str = "") -> Callable[[object, float], None]:
    """A function of (run, share done) that draws them in a notebook; elsewhere one that does nothing.

    asked: "600 steps". name: of what is trained, where several are. The text beside the picture is the same for every
    run: it is compared.

    >>> watch_in_notebook("600 steps")(None, 0.5)
    """
    from IPython import get_ipython

    in_notebook = getattr(get_ipython(), "kernel", None) is not None
    return Watch(asked, name) if in_notebook else lambda run, done: None


class Watch:
    """A picture of a run, drawn anew every quarter of a second and at the end; see watch_in_notebook."""

    def __init__(self, asked, name=""):
        self.asked, self.name, self.handle, self.last = asked, name, None, -math.inf

    def __call__(self, run, done):
        if done < 1 and not run.interrupted and time.perf_counter() - self.last < PAUSE:
            return
        page = picture(run.curve, done, self.asked, run.seconds, run.interrupted, self.name)
        if self.handle is None:
            from IPython.display import display

            self.handle = display(page, display_id=True)
        else:
            self.handle.update(page)
        self.last = time.perf_counter()


def picture(curve: list, done: float, asked: str, seconds: float, interrupted: bool, name: str = "") -> Page:
    """The curve so far [(step, loss)] under a bar; how long it still takes stands there until it is done.

    >>> picture([(1, 3.0), (2, 2.5)], 1.0, "2 steps", 0.1, False)
    Training, 2 steps: loss over the steps.
    """
    words = f"{name} · " if name else ""
    words += f"step {len(curve):,}"
    words += f" · loss {curve[-1][1]:.3f}" if curve else ""
    if interrupted:
        words += f" · interrupted, of {asked}"
    elif done < 1:
        words += f" of {asked} · {seconds * (1 - done) / max(done, 1e-9):.0f} s left"
    share = {"width": f"{100 * done:.0f}%", "height": "6px", "background-color": theme.ACCENT}
    frame = {"background-color": theme.LINE, "height": "6px", "margin": "4px 0"}
    bar = tag("div", tag("div", style=share), style=frame)
    text = f"Training{name and f', {name}'}, {asked}: loss over the steps."
    return Page(card(muted(words), bar, _line(curve), colour=theme.ACCENT), text)


def _line(curve):
    """The curve as SVG: each point the mean of the steps that it stands for, with the first and last value in words."""
    if len(curve) < 2:
        return None
    size = math.ceil(len(curve) / MOST_POINTS)
    means = [
        sum(loss for _, loss in curve[i : i + size]) / len(curve[i : i + size]) for i in range(0, len(curve), size)
    ]
    low, high = min(means), max(means)
    x, y = WIDE / max(len(means) - 1, 1), (HIGH - 20) / ((high - low) or 1)
    points = " ".join(f"{i * x:.1f},{10 + (high - mean) * y:.1f}" for i, mean in enumerate(means))
    line = tag("polyline", points=points, fill="none", stroke=theme.ACCENT, stroke_width=2)
    ends = [
        tag("text", f"{high:.2f}", x=WIDE + 6, y=14, font_size=12, fill=theme.MUTED),
        tag("text", f"{low:.2f}", x=WIDE + 6, y=HIGH - 6, font_size=12, fill=theme.MUTED),
    ]
    style = {"width": "100%", "max-width": f"{WIDE + 50}px", "font-family": theme.FONT}
    return tag("svg", line, *ends, viewBox=f"0 0 {WIDE + 50} {HIGH}", style=style)
