"""One source of dependencies, and everything that repeats it: constraints, conda, Colab, the README's table."""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from stored import NOTEBOOKS, ROOT

from course.catalogue import lessons

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"torch": "pytorch"}
# What a Colab runtime brings (August 2026) of what the course may import there.
ON_COLAB = {"torch": "2.11.0", "numpy": "2.1.3", "ipywidgets": "7.7.1", "plotly": "5.24.1", "ipython": "7.34.0"}
ON_COLAB |= {"platformdirs": "4.11.3", "triton": "3.6.0", "traitlets": "5.7.1", "ipykernel": "6.17.1"}
# Imported by what only runs in a clone: storing the notebooks, opening JupyterLab.
IN_A_CLONE = {"nbclient", "nbformat", "playwright", "jupyterlab"}


def requirements(lines):
    """{canonical name: Requirement}, without the project itself"""
    given = [Requirement(line) for line in lines]
    return {canonicalize_name(row.name): row for row in given if row.name != PROJECT["name"]}


RUN, LAB, TEST = (requirements(lines) for lines in (PROJECT["dependencies"], EXTRAS["lab"], EXTRAS["test"]))


def floor(requirement):
    (specifier,) = requirement.specifier
    assert specifier.operator == ">="
    return Version(specifier.version)


def pinned(file):
    lines = [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith("#")]
    assert lines == sorted(lines, key=str.lower)
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []  # no local version, no path
    return {canonicalize_name(name): Version(version) for name, version in (line.split("==") for line in lines)}


@pytest.mark.parametrize("wanted", [RUN, LAB, TEST], ids=["course", "lab", "test"])
def test_constraints_pin_every_dependency_at_or_above_its_floor(wanted):
    pins = pinned("constraints.txt")
    assert [name for name, row in wanted.items() if pins[name] not in row.specifier] == []


def test_colab_constraints_are_colabs_versions():
    pins = pinned("constraints-colab.txt")
    assert [name for name, row in RUN.items() if pins[name] not in row.specifier] == []
    assert pins["torch"] == pinned("constraints.txt")["torch"]
    assert {name: str(pins[name]) for name in ON_COLAB if name not in ("torch", "triton")} == {
        name: version for name, version in ON_COLAB.items() if name not in ("torch", "triton")
    }


def test_colab_meets_every_floor():
    assert [name for name, row in RUN.items() if Version(ON_COLAB[name]) not in row.specifier] == []


def imported(source):
    """The packages that a piece of Python imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def test_the_course_imports_only_what_colab_has():
    modules = [path for folder in ("course", "helpers") for path in (ROOT / folder).rglob("*.py")]
    sources = [path.read_text(encoding="utf-8") for path in modules]
    sources += [cell["source"] for stored in NOTEBOOKS for cell in stored.code]
    found = {name for source in sources for name in imported(source)} - sys.stdlib_module_names
    assert {name.lower() for name in found} <= {"course", "helpers", "google", *ON_COLAB, *IN_A_CLONE}


def test_what_only_a_clone_needs_is_not_imported_with_the_course():
    code = f"import course, sys; print({IN_A_CLONE} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed == "set()\n"


def test_conda_asks_for_no_less_than_pip():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *lines, last = environment["dependencies"]
    # repo2docker does not install pyproject.toml by itself; the lines above leave pip nothing else to bring.
    assert last == {"pip": ["-e ."]}
    assert "pip" in lines
    (python,) = [line for line in lines if line.startswith("python=")]
    assert re.fullmatch(r"python=3\.\d+", python)
    assert python.split("=")[1] in Requirement(f"python{PROJECT['requires-python']}").specifier
    given = requirements([line for line in lines if line != python])
    for name, row in (RUN | LAB).items():
        assert floor(given[CONDA_NAMES.get(name, name)]) >= floor(row), name


def test_no_file_of_the_user_is_under_version_control():
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"work/", ".venv*/", "*.egg-info/", "__pycache__/", ".ipynb_checkpoints/"} <= set(ignored)


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_lesson():
    rows = re.findall(r"^\| (\d\d) · (.*?) \| (.*?) \| (\d+) \| (\w+) \|$", readme(), flags=re.MULTILINE)
    listed = [(number, re.sub(r"\[(.*)\]\(.*\)", r"\1", title), *rest) for number, title, *rest in rows]
    states = {row.id: "ready" if row.notebook else "planned" for row in lessons().values()}
    assert listed == [(row.id, row.title, row.question, str(row.minutes), states[row.id]) for row in lessons().values()]
    linked = re.findall(r"\| \d\d · \[.*?\]\((.*?)\)", readme())
    assert linked == [f"notebooks/{row.notebook}.ipynb" for row in lessons().values() if row.notebook]


def test_what_the_readme_points_to_is_there():
    links = re.findall(r"(!?)\[([^\]]*)\]\(([^)#\s]+)\)", readme())
    assert [path for _, _, path in links if not path.startswith("https://") and not (ROOT / path).exists()] == []
    pictures = [text for mark, text, _ in links if mark]
    assert pictures
    assert min(map(len, pictures)) > 40, "a picture's text says what is to be seen on it"


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md"])
def test_every_command_that_is_named_exists(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= set(targets)
    assert set(re.findall(r"-m course ([a-z]+)", text)) <= {"lab", "list", "reset", "notebooks", "check"}


def test_helpers_stay_small_enough_to_read():
    """Under 2,500 lines of code, kernels included; docstrings, comments and empty lines do not count."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    code = 0
    for path in (ROOT / "helpers").rglob("*.py"):
        text = path.read_text("utf-8")
        words = [word for word in tokenize.generate_tokens(io.StringIO(text).readline) if word.type not in layout]
        lines = {line for word in words for line in range(word.start[0], word.end[0] + 1)}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        code += len(lines)
    assert code < 2500
