"""The notebooks as they lie in notebooks/, for tests that go through all of them."""

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Stored:
    """One lesson's notebook: .cells all cells, .code those with code."""

    def __init__(self, path):
        self.path, self.lesson = path, path.name[:2]
        self.json = json.loads(path.read_text(encoding="utf-8"))
        self.cells = self.json["cells"]
        self.code = [cell for cell in self.cells if cell["cell_type"] == "code"]


NOTEBOOKS = [Stored(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
