"""The course as a wheel: as a file for a handout, and as text that a notebook's first cell carries."""

import base64
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from ..errors import CourseError
from .common import ROOT

FOR_THE_INSTRUCTOR = ("solutions.py", "notes.toml")  # of each lesson
SAME_DATE = {"SOURCE_DATE_EPOCH": "315532800"}  # 1980: equal files make an equal wheel
ANYWHERE = {"PIP_REQUIRE_VIRTUALENV": "0"}  # nothing is installed


class CarriedWheel(NamedTuple):
    """A wheel as a cell carries it: file name, text (base64 of xz), and the sha256 of the wheel that it unpacks to."""

    name: str | None = None
    text: str = ""
    digest: str = ""


def build_wheel(folder: str | Path, solutions: bool = True) -> Path:
    """Build the course's wheel into a folder and return its path; without solutions for a handout."""
    with tempfile.TemporaryDirectory() as temporary:
        # From a copy: an old build/ beside the sources would bring back what was left out.
        source = Path(temporary)
        left_out = ["__pycache__", *([] if solutions else FOR_THE_INSTRUCTOR)]
        for name in ("course", "helpers"):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(*left_out))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-color"]
        command += ["--wheel-dir", str(folder), str(source)]
        options = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}  # pip names files in any script
        run = subprocess.run(command, env=os.environ | SAME_DATE | ANYWHERE, check=False, **options)
    if run.returncode:
        raise CourseError(f"The wheel could not be built.\n{run.stderr.strip()}")
    (wheel,) = Path(folder).glob("rnn_to_attention-*.whl")
    return wheel


def carried(wheel: Path) -> CarriedWheel:
    """A wheel packed for a cell. The files in it are stored uncompressed: all of them together compress better than
    each alone."""
    with tempfile.TemporaryDirectory() as folder:
        loose = Path(folder, wheel.name)
        with zipfile.ZipFile(wheel) as packed, zipfile.ZipFile(loose, "w", zipfile.ZIP_STORED) as unpacked:
            for entry in packed.infolist():
                content = packed.read(entry)
                entry.compress_type = zipfile.ZIP_STORED
                unpacked.writestr(entry, content)
        content = loose.read_bytes()
    text = base64.b64encode(lzma.compress(content, preset=9)).decode()
    lines = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    return CarriedWheel(wheel.name, "\n".join(lines), hashlib.sha256(content).hexdigest())
