"""A saved notebook as nbconvert's stock template exports it, read in a browser without a network."""

import warnings

from course.show.display import PLOTLY

FORBIDDEN = ("Loading widget", "Error displaying widget", "Figure: ", "Controls: ", "model_id", "<course.")
# What each cell shows: its text, and the boxes of its drawings and images.
CELLS = """() => Object.fromEntries([...document.querySelectorAll('.jp-Cell')].map(cell => [
    cell.id.replace('cell-id=', ''),
    [[...cell.querySelectorAll('.jp-OutputArea-output')].map(output => output.innerText).join(' '),
     [...cell.querySelectorAll('.jp-OutputArea-output :is(svg, img)')].map(drawing => {
        const box = drawing.getBoundingClientRect();
        return [Math.round(box.width), Math.round(box.height)];
     })]]))"""


def html_of(path):
    """The page that `jupyter nbconvert --to html` makes of a notebook."""
    from nbconvert import HTMLExporter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what newer releases will do
        return HTMLExporter().from_filename(str(path))[0]


class Export:
    """An exported page in Chromium, on the screen and on paper; nothing comes from the network."""

    def __init__(self, chromium, path):
        self.page = chromium.new_page(viewport={"width": 1000, "height": 900})
        self.page.route("**/*", lambda route: route.abort())
        self.page.set_content(html_of(path), wait_until="domcontentloaded")

    def faults(self, cells):
        """A sentence for each output of these cells, of the saved notebook, that does not show what it should."""
        sentences = []
        for media in ("screen", "print"):
            self.page.emulate_media(media=media)
            shown = self.page.evaluate(CELLS)
            for cell in cells:
                sentences += [f"{media}, {cell['id']}: {fault}" for fault in _faults(cell, *shown[cell["id"]])]
        return sentences

    def sheets(self):
        """The page as a PDF."""
        return self.page.pdf()


def _faults(cell, text, boxes):
    yield from (f"says {word!r}" for word in FORBIDDEN if word in text)
    bundles = [output["data"] for output in cell.get("outputs", []) if "data" in output]
    figures = [data for data in bundles if PLOTLY in data or "<svg" in "".join(data.get("text/html", ""))]
    if sum(wide > 300 and high > 40 for wide, high in boxes) < len(figures):
        yield f"has {len(figures)} figures and draws {boxes}"
    if len(bundles) > len(figures) and not text.strip():
        yield "shows nothing"
