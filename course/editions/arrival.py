"""What a student got, in three lines, at the end of a Colab notebook's set-up."""

from importlib import metadata

import helpers


def arrived(lesson: str, timed: int, seconds: float) -> None:
    """Print device, versions and course. timed: how many of the lesson's cells show a time of this machine."""
    device = helpers.describe()
    print(_device(device, timed))
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "plotly", "ipywidgets"))
    print(f"Versions: Python {device.python}, torch {device.torch}, {packages}.")
    print(
        f"Course: rnn-to-attention {metadata.version('rnn-to-attention')}, lesson {lesson}, ready in {seconds:.0f} s."
    )


def _device(device, timed: int) -> str:
    cells = "its one timed cell shows" if timed == 1 else f"its {timed} timed cells show"
    if device.kind == "cuda":
        lacks = "" if device.bf16 else " It has no bf16 and no FlashAttention, and nothing here asks it for them."
        use = f"{cells} this machine" if timed else "this lesson counts and times nothing, so it does not matter"
        return f"GPU: {device.name}; {use}.{lacks}"
    why = "none" if device.instead == "no GPU" else f"none that can be used, {device.instead}"
    if not timed:
        return f"GPU: {why}, and this lesson needs none: it counts, and times nothing."
    return f"GPU: {why}. The lesson runs to its end all the same; {cells} this CPU ({device.cores} cores)."
