"""What README.md, CONTRIBUTING.md, docs/ and docstrings say exists: files, links, modules, commands."""

import json
import pkgutil
import re
import subprocess
import sys

import pytest
from stored import ROOT

PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
LISTED = ["*.py", "*.md", "*.toml", "*.yml", "*.ipynb", "Makefile", ".ci/run"]


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)", read(page))
    folder = (ROOT / page).parent
    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_has_a_text_that_says_what_is_to_be_seen(page):
    assert [text for text in re.findall(r"!\[([^\]]*)\]", read(page)) if len(text) < 40] == []


@pytest.fixture(scope="module")
def commands():
    """The subcommands of python -m course."""
    line = subprocess.run([sys.executable, "-m", "course", "-h"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.search(r"\{([\w,-]+)\}", line.stdout)[1].split(","))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page, commands):
    targets = re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", read(page), flags=re.MULTILINE)) <= set(targets)
    assert set(re.findall(r"-m course ([a-z]+)", read(page))) <= commands


@pytest.mark.parametrize("page", PAGES)
def test_what_an_example_imports_exists(page):
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", read(page), flags=re.DOTALL))
    lines = re.findall(r"^from ((?:course|helpers)[\w.]*) import (.*)$", blocks, flags=re.MULTILINE)
    names = [f"{module}.{name}" for module, imported in lines for name in re.findall(r"\w+", imported)]
    assert [name for name in names if not resolves(name)] == []


def sources():
    """{file: text} of everything under version control that people write; of a notebook, its cells."""
    command = ["git", "ls-files", *LISTED]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = {file: read(file) for file in files if (ROOT / file).exists()}
    for file, text in texts.items():
        if file.endswith(".ipynb"):
            texts[file] = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return texts


def test_no_name_of_a_module_is_stale():
    names = re.compile(r"(?<![\w./])(?:course|helpers)(?:\.[a-zA-Z_]\w*)+(?!\w)")
    stale = {(file, name) for file, text in sources().items() for name in names.findall(text) if not resolves(name)}
    assert stale == set()


def resolves(name):
    """Whether a dotted name is a module or something in one; lNN stands for any lesson, helpers.py for a file."""
    if name.endswith((".py", ".toml")):
        return True
    try:
        pkgutil.resolve_name(name.replace("lNN", "l00"))
    except (ImportError, AttributeError):
        return False
    return True


def test_no_path_of_a_file_is_stale():
    paths = re.compile(r"(?<![\w./-])(?:course|helpers|tests|docs|notebooks)/[\w./-]*\w")
    stale = {
        (file, path)
        for file, text in sources().items()
        if not file.startswith("tests/")  # they write files of their own
        for path in paths.findall(text)
        if not re.search(r"\b(lNN|NN_)", path) and not (ROOT / path).exists()
    }
    assert stale == set()


def test_each_kind_of_fault_names_a_place_and_a_test_that_exist():
    rows = [line.split(" | ") for line in read("docs/faults.md").splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 19
    for kind, _, places, tests in rows:
        files = re.findall(r"`([\w./]+)`", places)
        assert [name for name in files if not (ROOT / name).exists()] == [], kind
        named = re.findall(r"`([\w./]+)::(\w+)`", tests)
        assert named, kind
        assert [name for file, name in named if f"\ndef {name}(" not in read(file)] == [], kind
