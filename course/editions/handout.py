"""The lessons for graded use: the Colab notebooks and the wheel, without solutions, wrong answers and notes."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from .colab import write_colab
from .common import refuse
from .wheel import FOR_THE_INSTRUCTOR, build_wheel


def write_handout(target: str | Path) -> list[Path]:
    """Write the Colab notebooks and the wheel without solutions into a folder; returns what was written."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(folder, solutions=False)
        refuse(
            f"{name} is in the handout's wheel"
            for name in zipfile.ZipFile(wheel).namelist()
            if name.endswith(FOR_THE_INSTRUCTOR)
        )
        notebooks = write_colab(target, wheel=wheel)
        return [*notebooks, Path(shutil.copy(wheel, target))]
