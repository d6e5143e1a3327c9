"""Figures drawn in Chromium, and what is wrong with them there: text that leaves its figure, labels that overlap."""

import html
import re
import shutil
from pathlib import Path

from ..errors import CourseError
from .display import PLOTLY
from .still import without_slider
from .theme import NARROWEST, WIDEST

WIDTHS = (NARROWEST, 860, WIDEST)
TITLE_CHARACTERS = 60
SMALLEST = 9  # px, of a letter that can be read


def open_chromium(playwright):
    """The Chromium of this machine, without a screen; CourseError where there is none."""
    installed = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    candidates = [path for path in (*installed, playwright.chromium.executable_path) if path and Path(path).exists()]
    if not candidates:
        raise CourseError(
            "No Chromium here. Debian, Ubuntu: sudo apt-get install chromium. "
            "Elsewhere: .venv/bin/python -m playwright install chromium."
        )
    quiet = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    arguments = [*quiet.split(), "--disable-component-update", "--disable-sync"]
    return playwright.chromium.launch(executable_path=candidates[0], args=arguments)


class Stage:
    """A page in Chromium on which one figure at a time is drawn, as wide as one says."""

    def __init__(self, chromium):
        from plotly.offline import get_plotlyjs

        self.page = chromium.new_page(viewport={"width": WIDEST + 40, "height": 900})
        self.page.set_content('<!doctype html><body style="margin:0;background:#fff"><div id="stage"></div></body>')
        self.page.add_script_tag(content=get_plotlyjs())

    def draw(self, bundle, width):
        """Draw what a Picture or a Page gives a front end, {MIME type: content}, `width` px wide."""
        figure, page = bundle.get(PLOTLY), bundle.get("text/html", "")
        self.page.evaluate(_DRAW, [figure and {"data": figure["data"], "layout": figure["layout"]}, page, width])

    def measure(self):
        """The faults of what is drawn: [(what, how much)]."""
        return self.page.evaluate(_MEASURE, SMALLEST)

    def image(self, path):
        """Write what is drawn as a PNG."""
        self.page.locator("#stage").screenshot(path=path)

    def faults(self, bundle, widths=WIDTHS):
        """A sentence for each fault of a figure and of its baked frames, with the widths at which it is seen."""
        drawings, seen = list(_drawings(bundle)), {}
        for width in widths:
            for drawing in drawings:
                self.draw(drawing, width)
                for fault, amount in self.measure():
                    seen.setdefault(fault, {}).setdefault(width, amount)
        return list(dict.fromkeys(fault for drawing in drawings for fault in _title_faults(drawing))) + [
            f"{fault}: {', '.join(f'{amount} px at {width}' for width, amount in amounts.items())}"
            for fault, amounts in seen.items()
        ]


def _drawings(bundle):
    """The bundle as it is, and with each of its baked frames in place of the figure."""
    yield bundle
    figure = bundle.get(PLOTLY, {})
    for frame in figure.get("frames", []):
        still = without_slider(figure)
        yield {PLOTLY: {"data": frame["data"], "layout": still["layout"] | frame["layout"]}}


def _title_faults(bundle):
    title = bundle.get(PLOTLY, {}).get("layout", {}).get("title", {}).get("text", "")
    title = html.unescape(re.sub(r"<[^>]+>", " ", title)).strip()
    if len(title) > TITLE_CHARACTERS:
        yield f"the title “{title}” has {len(title)} characters, at most {TITLE_CHARACTERS}"


_DRAW = """async ([figure, page, width]) => {
    const stage = document.getElementById('stage');
    stage.style.width = width + 'px';
    if (window.Plotly && stage.firstChild) Plotly.purge(stage.firstChild);
    stage.innerHTML = figure ? '<div></div>' : page;
    if (figure) await Plotly.newPlot(stage.firstChild, figure.data, figure.layout, {displayModeBar: false});
    await document.fonts.ready;
}"""

# Every visible piece of text, a line each: whether it is inside its figure, large enough, and clear of the others.
_MEASURE = """smallest => {
    const stage = document.getElementById('stage'), faults = [], pieces = [];
    const short = text => '“' + (text.length > 40 ? text.slice(0, 38) + '…' : text) + '”';
    const clipped = (element, box) => {  // the part of the box that a clip path leaves
        for (let outer = element; outer && outer !== stage; outer = outer.parentElement) {
            const id = (outer.getAttribute('clip-path') || '').match(/#([^'")]+)/);
            const shape = id && document.getElementById(id[1]), rect = shape && shape.querySelector('rect');
            if (!rect || !outer.getScreenCTM) continue;
            const {x, y, width, height} = rect.getBBox(), matrix = outer.getScreenCTM();
            const from = new DOMPoint(x, y).matrixTransform(matrix);
            const to = new DOMPoint(x + width, y + height).matrixTransform(matrix);
            const left = Math.max(box.left, from.x), top = Math.max(box.top, from.y);
            const right = Math.min(box.right, to.x), bottom = Math.min(box.bottom, to.y);
            box = {left, top, right, bottom};
        }
        return box;
    };
    const room = element => {  // the box that shows it, and whether one can scroll down in it
        const drawing = element.closest('svg.main-svg') || element.closest('svg');
        const box = (drawing || stage).getBoundingClientRect();
        for (let outer = element.closest('svg') || element; outer !== stage; outer = outer.parentElement) {
            const overflow = getComputedStyle(outer).overflowY;
            if (!outer.closest('svg') && overflow !== 'visible')
                return {box: outer.getBoundingClientRect(), scrolls: overflow !== 'hidden'};
        }
        return {box: clipped(element, box), scrolls: false};
    };
    const walker = document.createTreeWalker(stage, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
        if (!text || element.closest('title, style, script')) continue;
        if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
        const {box, scrolls} = room(element), whole = element.closest('text') || element;
        const scale = element.getScreenCTM ? Math.hypot(element.getScreenCTM().a, element.getScreenCTM().b) : 1;
        const size = parseFloat(getComputedStyle(element).fontSize) * scale;
        if (size < smallest) faults.push([`${short(text)} is smaller than ${smallest} px`, size.toFixed(1)]);
        const range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        for (const rect of range.getClientRects()) {
            if (!rect.width || !rect.height) continue;
            if (scrolls && (rect.bottom < box.top || rect.top > box.bottom)) continue;
            const out = {left: box.left - rect.left, right: rect.right - box.right,
                         top: box.top - rect.top, bottom: rect.bottom - box.bottom};
            for (const [side, px] of Object.entries(out))
                if (px > 1.5 && !(scrolls && 'top bottom'.includes(side)))
                    faults.push([`${short(text)} leaves the figure, ${side}`, Math.round(px)]);
            pieces.push({text, whole, rect});
        }
    }
    pieces.forEach((one, i) => pieces.slice(i + 1).forEach(other => {
        if (one.whole === other.whole) return;
        const wide = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
        const high = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top);
        if (wide > 2 && high > Math.min(one.rect.height, other.rect.height) / 4)  // less is between the letters
            faults.push([`${short(one.text)} and ${short(other.text)} overlap`, `${Math.round(wide)} × ${Math.round(high)}`]);
    }));
    return faults;
}"""
