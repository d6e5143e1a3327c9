"""Execute the lessons and store their outputs in one canonical form, so that a second run changes no byte."""

import ast
import base64
import copy
import hashlib
import json
import os
import tempfile
from pathlib import Path

from .show.browser import open_chromium
from .show.display import PLOTLY, WIDGET
from .show.race import without_module
from .show.still import without_slider

IGNORED = "nbval-ignore-output"
KEPT_METADATA = ("cellView", "jupyter", "tags")
PLUMBING = {"predict", "reveal", "claim", "explore"}
CELL_SECONDS = 300  # a lesson takes less than 45 in all; this ends what hangs, also on a busy machine


def execute(path: str | Path, refresh: bool = False) -> bool:
    """Run one notebook from top to bottom and write its outputs back. Returns whether the file changed.

    The output of an ignored cell (a timing) is kept while the code down to it is unchanged, unless refresh is true.
    """
    import nbformat

    path = Path(path)
    before = path.read_text(encoding="utf-8")
    stored = nbformat.reads(before, as_version=4)
    notebook = run(copy.deepcopy(stored), path.parent)
    if not refresh:
        _keep_ignored(stored, notebook)
    _add_images(stored, notebook)
    after = canonical(notebook)
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


def run(notebook, folder: str | Path):
    """Execute a notebook (of nbformat) in a fresh kernel of this Python, with no progress of anybody's.

    Returns the notebook; its cells now hold their outputs. Raises nbclient's CellExecutionError if a cell fails.
    """
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    # Where no folder is searched there is this Python's own kernel; on Jupyter's path may be another python3.
    specs = KernelSpecManager(kernel_dirs=[])
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    with tempfile.TemporaryDirectory() as state:
        environment = os.environ | {"COURSE_STATE_DIR": state}
        place = {"metadata": {"path": str(folder)}}
        quiet = ["--IPKernelApp.log_level=40"]  # else it warns that its port on this machine is not encrypted
        options = {"timeout": CELL_SECONDS, "resources": place, "extra_arguments": quiet}
        NotebookClient(notebook, km=manager, **options).execute(env=environment, cleanup_kc=True)
    return notebook


def is_plumbing(source: str) -> bool:
    """Whether a cell only predicts, reveals, claims or explores: its source is hidden, and its output is the lesson.

    >>> is_plumbing('reveal("keys", answer)'), is_plumbing('answer = 6; reveal("keys", answer)')
    (True, False)
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # a magic, or a student's cell in the making
        return False
    return bool(statements) and all(map(_calls_the_course, statements))


def _calls_the_course(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    function = statement.value.func
    return isinstance(function, ast.Name) and function.id in PLUMBING


def canonical(notebook) -> str:
    """The notebook as text: sorted keys, nothing that differs between two runs, no widget views, plumbing folded."""
    notebook = copy.deepcopy(notebook)
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
    }
    count, digests = 0, _digests(notebook)
    for cell in notebook["cells"]:
        cell["metadata"] = {key: cell["metadata"][key] for key in KEPT_METADATA if key in cell["metadata"]}
        if cell["cell_type"] != "code":
            continue
        if is_plumbing(cell["source"]):
            cell["metadata"]["jupyter"] = {**cell["metadata"].get("jupyter", {}), "source_hidden": True}
        if IGNORED in cell["metadata"].get("tags", []):
            cell["metadata"]["course"] = {"made_by": digests[cell["id"]]}
        count += cell["source"].strip() != ""
        cell["execution_count"] = count if cell["source"].strip() else None
        cell["outputs"] = [_canonical_output(output, count) for output in _joined(cell["outputs"])]
    return json.dumps(notebook, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _canonical_output(output, count):
    output = dict(output)
    if "execution_count" in output:
        output["execution_count"] = count
    if "data" in output:
        # A widget's id is random, and without its state a trusted notebook shows an error in its place. A figure's
        # still drawing stands for the image that is here.
        needless = {WIDGET, "text/html"} if {PLOTLY, "image/png"} <= output["data"].keys() else {WIDGET}
        shown = {kind: content for kind, content in output["data"].items() if kind not in needless}
        output["data"] = without_module(shown)
        output["metadata"] = {}
    return output


def _joined(outputs):
    """Neighbouring pieces of one stream as one: how a kernel cuts them differs from run to run."""
    joined = []
    for output in outputs:
        if joined and output.get("output_type") == "stream" and joined[-1].get("name") == output["name"]:
            joined[-1]["text"] += output["text"]
        else:
            joined.append(dict(output))
    return joined


def _digests(notebook):
    """{cell id: digest of all code down to and with this cell}"""
    seen, digests = hashlib.sha256(), {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            seen.update(cell["source"].encode() + b"\0")
            digests[cell["id"]] = seen.hexdigest()[:16]
    return digests


def _keep_ignored(stored, notebook):
    """Put back the stored output of ignored cells whose code, and all code above, is what made it."""
    digests, before = _digests(notebook), {cell["id"]: cell for cell in stored["cells"]}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code" or IGNORED not in cell["metadata"].get("tags", []):
            continue
        old = before[cell["id"]]
        made_by = old["metadata"].get("course", {}).get("made_by")
        if made_by == digests[cell["id"]] and old["outputs"]:
            cell["outputs"] = old["outputs"]


def _add_images(stored, notebook):
    """A PNG beside each figure, for pages that show only images; the stored one while the figure is the same."""
    known = {_look(out): out["data"]["image/png"] for out in _outputs(stored) if "image/png" in out.get("data", {})}
    for output in _outputs(notebook):
        look = _look(output)
        if look and "image/png" not in output["data"]:
            output["data"]["image/png"] = known.get(look) or _image(output["data"])


def _outputs(notebook):
    return [out for cell in notebook["cells"] if cell["cell_type"] == "code" for out in cell.get("outputs", [])]


def _look(output):
    """What a figure shows, as a string to compare; None for what is no figure."""
    data = output.get("data", {})
    if PLOTLY in data:
        return json.dumps(data[PLOTLY], sort_keys=True)
    return data["text/html"] if "<svg" in data.get("text/html", "") else None


def _image(data):
    """Base64 of a PNG, 860 pixels wide, drawn by Chromium."""
    if PLOTLY in data:
        import plotly.io as pio

        still = without_slider(data[PLOTLY])
        png = pio.to_image(still, format="png", width=860, height=still["layout"]["height"])
    else:
        png = _page_image(data["text/html"])
    return base64.b64encode(png).decode()


def _page_image(html):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        page = browser.new_page(viewport={"width": 920, "height": 400})
        page.set_content(f'<body style="margin:8px;background:#fff">{html}</body>')
        png = page.screenshot(full_page=True)
        browser.close()
    return png


def departures(path: str | Path) -> list[str]:
    """What keeps a notebook from being in the stored form: a list of sentences, empty when all is well."""
    import nbformat

    text = Path(path).read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sentences = [f"cell {cell['id']} was never executed" for cell in code if cell["execution_count"] is None]
    sentences += [f"cell {cell['id']} is not folded; run make notebooks" for cell in code if _unfolded(cell)]
    if not sentences and canonical(notebook) != text:
        sentences.append("it was saved by another program; run make notebooks")
    return sentences


def _unfolded(cell) -> bool:
    return is_plumbing(cell["source"]) and not cell["metadata"].get("jupyter", {}).get("source_hidden")
