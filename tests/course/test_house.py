"""The house: rooms whose arrows run down, held by import-linter's contracts in pyproject.toml (make test-style)."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from stored import ROOT

LINTER = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]


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
}


@pytest.fixture(scope="module")
def linted(tmp_path_factory):
    """What import-linter says about a copy of the house with one wrong import for each contract."""
    copy = tmp_path_factory.mktemp("house")
    for package in ("course", "helpers"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for file, (line, _) in WRONG.items():
        path = copy / file
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    return subprocess.run(LINTER, cwd=copy, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(("file", "sentence"), [(file, sentence) for file, (_, sentence) in WRONG.items()])
def test_a_wrong_import_is_named(linted, file, sentence):
    assert sentence in linted


def test_the_wrong_imports_break_every_contract(linted, contracts):
    broken = re.findall(r"^(.*) BROKEN$", linted, flags=re.MULTILINE)
    assert broken == [contract["name"] for contract in contracts]
