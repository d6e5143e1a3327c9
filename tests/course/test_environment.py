"""One source of dependencies, pyproject.toml, and all that repeats it: the constraints, conda, Colab, imports."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from stored import NOTEBOOKS, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"torch": "pytorch"}
# The name of a distribution where it is not that of the package.
DISTRIBUTIONS = {"yaml": "pyyaml", "importlinter": "import-linter", "bs4": "beautifulsoup4"}
# What a Colab runtime brings (August 2026) of what the course may import there.
ON_COLAB = {
    "filelock": "3.32.3",
    "ipykernel": "6.17.1",
    "ipython": "7.34.0",
    "ipywidgets": "7.7.1",
    "markupsafe": "3.0.3",
    "numpy": "2.1.3",
    "platformdirs": "4.11.3",
    "plotly": "5.24.1",
    "torch": "2.11.0",
    "traitlets": "5.7.1",
    "triton": "3.6.0",
}
# Imported by what only runs in a clone: storing the notebooks, opening JupyterLab.
IN_A_CLONE = {"jupyter-client", "jupyter-core", "jupyterlab", "nbclient", "nbformat", "playwright"}
IN_A_CLONE |= {"latex2mathml", "nbconvert"}  # for the pages
IPYTHON_BRINGS = {"pygments", "traitlets"}
# What somebody else brings: Colab itself, torch, IPython's kernel. The course does without.
MAY_BE_MISSING = {"google", "triton", "psutil", "anywidget"}


def requirements(lines):
    """{canonical name: Requirement}, without the project itself"""
    rows = [Requirement(line) for line in lines]
    return {canonicalize_name(row.name): row for row in rows if row.name != PROJECT["name"]}


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
    ours = {"torch", "triton"}  # the one that both stacks share, and what belongs to it
    assert {name: str(pins[name]) for name in ON_COLAB.keys() - ours} == {
        name: version for name, version in ON_COLAB.items() if name not in ours
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


def other_packages(*folders):
    """The distributions that the modules in these folders import, none of ours and none of Python's own."""
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    names = {name for path in modules for name in imported(path.read_text(encoding="utf-8"))}
    ours = {
        "course",
        "helpers",
        *(name for path in modules if folders == ("tests",) for name in (path.stem, path.parent.name)),
    }
    return {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in names - sys.stdlib_module_names - ours}


def test_the_course_imports_only_what_it_declares_or_what_only_a_clone_needs():
    assert other_packages("course", "helpers") <= {*RUN, *IN_A_CLONE, *IPYTHON_BRINGS, *MAY_BE_MISSING}
    assert not IN_A_CLONE - LAB.keys() - TEST.keys()


def test_the_tests_import_only_what_is_declared():
    assert other_packages("tests") <= RUN.keys() | LAB.keys() | TEST.keys()


def test_a_notebook_imports_only_what_colab_has():
    names = {name for stored in NOTEBOOKS for cell in stored.code for name in imported("".join(cell["source"]))}
    assert {name.lower() for name in names - sys.stdlib_module_names} <= {"course", "helpers", *ON_COLAB}


def test_what_only_a_clone_needs_is_not_imported_with_the_course():
    modules = {name.replace("-", "_") for name in IN_A_CLONE}
    code = f"import course, sys; print({modules} & set(sys.modules))"
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
    rows = requirements([line for line in lines if line not in (python, "pip")])
    wanted = {CONDA_NAMES.get(name, name): row for name, row in (RUN | LAB).items()}
    assert rows.keys() == wanted.keys()
    assert [name for name, row in wanted.items() if floor(rows[name]) < floor(row)] == []


def test_no_file_of_the_user_is_under_version_control():
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"work/", ".venv*/", "*.egg-info/", "__pycache__/", ".ipynb_checkpoints/"} <= set(ignored)
