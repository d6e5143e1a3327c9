"""The house: rooms whose arrows run down, held by import-linter's contracts in pyproject.toml (make test-style)."""

import importlib.util
import itertools
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from stored import ROOT

# As the Makefile runs it.
LINTER = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]


@pytest.fixture(scope="module")
def contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def test_no_contract_has_an_exception(contracts):
    assert contracts
    assert [contract["name"] for contract in contracts if re.search("ignore|skip", str(list(contract)))] == []


# {file: (a wrong import for it, what import-linter then says)}
WRONG = {
    "course/show/theme.py": ("from course.session import lesson", "course.show.theme -> course.session"),
    "course/errors.py": ("def late():\n    from course import predict", "course.errors -> course "),
    "course/lessons/l02/figures.py": ("from ..l05 import decisions", "l02.figures -> course.lessons.l05.decisions"),
    "helpers/ops/scan.py": ("from helpers.measuring.timing import compare", "scan -> helpers.measuring.timing"),
    "helpers/ops/kernels/__init__.py": ("from .. import scan", "No cycles are allowed in helpers.ops."),
    "helpers/limits.py": ("import plotly", "helpers.limits -> plotly"),
    "course/attic.py": ("", "- course." + "attic"),  # a room without a place
}


@pytest.fixture(scope="module")
def linted(tmp_path_factory):
    """What import-linter says about a copy of the house with one wrong import for each contract."""
    copy = tmp_path_factory.mktemp("house")
    for package in ("course", "helpers"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for file, (line, _) in WRONG.items():
        with (copy / file).open("a", encoding="utf-8") as module:
            module.write(f"\n{line}\n")
    return subprocess.run(LINTER, cwd=copy, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(("file", "sentence"), [(file, sentence) for file, (_, sentence) in WRONG.items()])
def test_a_wrong_import_is_named(linted, file, sentence):
    assert sentence in linted


def test_the_wrong_imports_break_every_contract(linted, contracts):
    broken = re.findall(r"^(.*) BROKEN$", linted, flags=re.MULTILINE)
    assert broken == [contract["name"] for contract in contracts]


def test_no_module_is_longer_than_one_can_hold_in_mind():
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in modules()}
    # A list of answers is looked up, not held in mind.
    longest = {path: 600 if path.name == "solutions.py" else 400 for path in lines}
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > longest[path]} == {}


def modules():
    return [path for package in ("course", "helpers", "docs") for path in (ROOT / package).rglob("*.py")]


@pytest.fixture(scope="module")
def draw_house():
    """The script that draws docs/house.svg."""
    specification = importlib.util.spec_from_file_location("draw_house", ROOT / "docs" / "draw_house.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_picture_shows_the_imports_as_they_are(draw_house):
    stored = draw_house.SVG.read_text(encoding="utf-8")
    assert draw_house.draw() == stored, "docs/house.svg is old; run make notebooks"


def test_in_the_picture_no_box_is_cut_off_or_on_another(draw_house):
    number = r"=\"(-?[\d.]+)\""
    boxes = re.findall(rf"<rect x{number} y{number} width{number} height{number} rx=\"6\"", draw_house.draw())
    corners = [(x, y, x + wide, y + high) for x, y, wide, high in (map(float, box) for box in boxes)]
    assert len(corners) == sum(map(len, draw_house.layers()))
    assert all(left >= 0 and right <= draw_house.WIDTH for left, _, right, _ in corners)
    for (left, top, right, bottom), other in itertools.combinations(corners, 2):
        assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_the_page_is_one_page():
    text = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    assert len(re.findall(r"\w[\w./’'`-]*", text)) <= 900


def test_every_room_stands_in_the_table(draw_house):
    table = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    rooms = [room.replace(".", "/") for row in draw_house.layers()[1:] for room in row if "." in room]
    assert [room for room in rooms if f"`{room}/" not in table and f"`{room}.py`" not in table] == []
