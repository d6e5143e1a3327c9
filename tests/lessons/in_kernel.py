"""Run inside a lesson's kernel: watch which explorables it shows, then move every control without a browser."""

import json
import os
import time

MOST = 20  # values tried of one control
TYPED = ["the cat sat", "the the the", "a", "one two three four five six seven eight nine ten"]

explored, torch_itself, watches, cells = [], [], [], []


def watch():
    """From now on, remember each explorable that the lesson shows, and how much memory torch itself takes."""
    import torch  # noqa: F401

    from course.show import explorables
    from helpers.measuring.load import Watch

    torch_itself.append(_peak())
    watches.append(Watch())
    _time_each_cell()

    defaults_of = explorables.defaults_of

    def remembered(function, controls):
        defaults = defaults_of(function, controls)
        explored.append((function, defaults, controls))
        return defaults

    explorables.defaults_of = remembered


def _time_each_cell():
    """From the next cell on, `cells` holds the seconds of each."""
    from IPython import get_ipython

    begun = []
    events = get_ipython().events
    events.register("pre_run_cell", lambda _: begun.append(time.perf_counter()))
    events.register("post_run_cell", lambda _: cells.append(time.perf_counter() - begun[-1]) if begun else None)


def report():
    """Print, as JSON, what the lesson added to the kernel's peak memory, what each control did, and what others did."""
    load = watches[0].load()
    busy = str(load) if load and load.crowds(threads=1) else ""
    megabytes = _peak() - torch_itself[0]
    os.environ.pop("COLAB_NOTEBOOK_ID", None)  # in Colab plotly's own slider moves some figures, and no control
    rows = [row for each in explored for row in _explorable(*each)]
    figures = {"explorables": len(explored), "controls": rows}
    print(json.dumps({"megabytes": megabytes, "busy": busy, "cells": cells[:-1]} | figures))


def _explorable(function, defaults, controls):
    from course.show.live import Live

    *moved, screen = Live(function, defaults, controls, function(**defaults)).view.children
    for name, control in zip(controls, moved, strict=True):
        slowest, seen, shown = 0.0, {_shown(screen)}, []
        for move, back in _moves(control):
            # The kernel's own work, so that a busy machine does not count; slow three times is the figure's fault.
            seconds = []
            while len(seconds) < 3 and (not seconds or seconds[-1] > 0.1):
                back()
                start = time.thread_time()
                move()
                seconds.append(time.thread_time() - start)
            slowest = max(slowest, min(seconds))
            shown.append(_shown(screen))
            back()
        yield {
            "figure": function.__name__,
            "control": name,
            "slowest": slowest,
            "values": len(shown),
            "different": len(seen | set(shown)),
            "refused": sum("Figure: " not in text for text in shown) if hasattr(screen, "outputs") else 0,
        }


def _moves(control):
    """Pairs of functions: one sets the control to a value, one sets it back to what it was."""
    if hasattr(control, "options"):
        first, count = control.index, len(control.options)
        places = sorted({round(i * (count - 1) / (MOST - 1)) for i in range(MOST)} - {first})
        return [(_setter(control, "index", place), _setter(control, "index", first)) for place in places]
    first = control.value
    values = [not first] if isinstance(first, bool) else TYPED
    return [(_setter(control, "value", value), _setter(control, "value", first)) for value in values]


def _setter(control, trait, value):
    return lambda: setattr(control, trait, value)


def _shown(screen):
    """What stands under the controls: the HTML, or the figure with its text alternative."""
    if not hasattr(screen, "outputs"):
        return screen.value
    data = screen.outputs[0]["data"]
    return json.dumps(data, sort_keys=True)


def _peak():
    """Megabytes. Linux's own record starts with the kernel; getrusage would count the process that started it."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except FileNotFoundError:
        import resource
        import sys

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
