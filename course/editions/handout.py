"""The lessons for graded use: Colab notebooks, wheel and pages, without solutions, wrong answers and notes."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from .colab import write_colab
from .common import refuse
from .web import write_web
from .wheel import FOR_THE_INSTRUCTOR, build_wheel


def write_handout(target: str | Path) -> list[Path]:
    """Write the Colab notebooks, the wheel and the pages without solutions into a folder; returns what was written."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(folder, solutions=False)
        refuse(
            f"{name} is in the handout's wheel"
            for name in zipfile.ZipFile(wheel).namelist()
            if name.endswith(FOR_THE_INSTRUCTOR)
        )
        notebooks = write_colab(target, wheel=wheel)
        pages = write_web(Path(target) / "pages", answers=False)
        return [*notebooks, Path(shutil.copy(wheel, target)), *pages]
