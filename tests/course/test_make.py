"""The Makefile and .ci/run, with programs of ours in the place of Python and make: what is run, and what is said."""

import os
import shlex
import shutil
import stat
import subprocess

import pytest
from stored import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not here")
CPU = "https://download.pytorch.org/whl/cpu"

# In Python's place: notes what it is called with, and makes an environment whose Python is this program again.
PYTHON = """#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
printf 'set: %s\\n' "$(env | grep -E '^(PIP|PYTHON)[A-Z_]+=' | grep -v ^PIP_CONFIGURED | sort | tr '\\n' ' ')" >> "$LOG"
case "$*" in
  "-m venv --clear "*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  *"pip config list"*) printf '%s' "$PIP_CONFIGURED" ;;
esac
"""


def program(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(params=["clone", "it's a clone of O'Brien’s, 50 %"])
def clone(tmp_path, request):
    """What make needs of a clone, in a folder of that name."""
    folder = tmp_path / request.param
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "constraints-colab.txt"):
        shutil.copy(ROOT / name, folder)
    program(folder / "python stub", PYTHON)
    return folder


def make(clone, *arguments, **environment):
    """Run make there; returns (what it says, what Python was called with, line by line)."""
    log = clone / "log"
    log.unlink(missing_ok=True)
    environment = {"PATH": os.environ["PATH"], "LOG": str(log)} | environment
    command = ["make", "--no-print-directory", f"PYTHON={clone / 'python stub'}", *arguments]
    run = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr, log.read_text().splitlines() if log.exists() else []


def installs(lines):
    return [shlex.split(line)[3:] for line in lines if line.startswith("-m pip install")]


def torch_pin():
    return next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))


def test_lab_makes_an_environment_installs_and_opens_the_course(clone):
    _, lines = make(clone, "lab")
    assert "-m venv --clear .venv" in lines
    (install,) = installs(lines)
    assert install[-4:] == ["--constraint", "constraints.txt", "--editable", ".[lab]"]
    assert lines[-2] == "-m course lab"
    _, again = make(clone, "lab")
    assert installs(again) == [], "it is there"


def test_for_a_cpu_torch_alone_comes_from_pytorchs_own_index(clone):
    _, lines = make(clone, "lab", "TORCH=cpu")
    torch, others = installs(lines)
    assert torch[-4:] == ["--no-deps", "--index-url", CPU, torch_pin()]
    assert CPU not in others


@pytest.mark.parametrize("target", [".venv/test", ".venv-colab/test"])
def test_so_do_the_tests_environments(clone, target):
    _, lines = make(clone, target, "TORCH=cpu")
    torch, others = installs(lines)
    assert CPU in torch
    assert CPU not in others


def test_without_a_gpu_the_smaller_download_is_named_before_the_larger_begins(clone):
    message, lines = make(clone, "lab", "NVIDIA=", TORCH="")
    if os.uname().sysname == "Linux":
        assert message.count("make lab TORCH=cpu") == 1
        assert message.index("TORCH=cpu") > message.index("Installing")
    assert len(installs(lines)) == 1
    message, _ = make(clone, "clean", "lab", "NVIDIA=/proc/driver/nvidia")
    assert "TORCH=cpu" not in message


def test_another_torch_is_refused(clone):
    message, lines = make(clone, "lab", "TORCH=gpu")
    assert "TORCH=cpu takes PyTorch's own build without GPUs; without TORCH, pip chooses" in message
    assert lines == []


PIP = ["TARGET", "PREFIX", "ROOT", "PYTHON", "DRY_RUN", "NO_DEPS"]
PYTHONS = ["PATH", "HOME", "SAFEPATH", "OPTIMIZE", "WARNINGS", "INSPECT"]
INHERITED = dict.fromkeys([*(f"PIP_{name}" for name in PIP), *(f"PYTHON{name}" for name in PYTHONS)], "/elsewhere")


def test_what_the_users_environment_is_set_to_does_not_reach_in(clone):
    _, lines = make(clone, "lab", PIP_USER="1", PIP_INDEX_URL="theirs", **INHERITED)
    # The index is theirs to choose: some networks have no other.
    assert {line for line in lines if line.startswith("set:")} == {"set: PIP_INDEX_URL=theirs PIP_USER=0 "}


@pytest.mark.parametrize(
    "setting", ["install.target", "global.prefix", "install.root", "global.python", "install.dry-run"]
)
def test_a_pip_that_installs_elsewhere_is_named_before_anything_is_installed(clone, setting):
    message, lines = make(clone, "lab", PIP_CONFIGURED=f"global.index-url='x'\n{setting}='/elsewhere'\n")
    assert f"{setting}='/elsewhere'\npip is configured to install elsewhere" in message
    assert "PIP_CONFIG_FILE=/dev/null make lab" in message
    assert "index-url" not in message
    assert installs(lines) == []


def test_a_python_that_is_too_old_or_missing_is_one_sentence(clone):
    program(clone / "python stub", '#!/bin/sh\ntest "$1" = --version && echo Python 3.9.1\nexit 1\n')
    message, _ = make(clone, "lab")
    assert "The course needs Python 3.11, 3.12 or 3.13, and" in message
    assert "is Python 3.9.1. If you have one of them: make lab PYTHON=python3.12" in message
    (clone / "python stub").unlink()
    assert "is not here." in make(clone, "lab")[0]


def test_a_repository_with_a_quote_in_its_name_reaches_the_course_as_it_is(clone):
    make(clone, ".venv/test")
    _, lines = make(clone, "colab", "REPO=o'brien/course", "REF=v 1")
    assert "-m course colab --repo o'brien/course --ref v 1" in lines


def test_help_is_one_screen_and_names_every_target(clone):
    message, _ = make(clone, "help")
    assert len(message.splitlines()) <= 12
    targets = (ROOT / "Makefile").read_text().partition(".PHONY:")[2].partition("\n\n")[0].replace("\\", "").split()
    parts = {"help", "test-style", "test-course", "test-editions", "test-browser", "test-kernels", "test-cuda-build"}
    assert [name for name in targets if name not in parts and f"make {name}" not in message] == []


# .ci/run

MAKE = """#!/bin/sh
echo "making $*"
case "$*" in *{fails}*) exit 1 ;; esac
"""


@pytest.mark.parametrize(("fails", "status"), [("test-course", 1), ("nothing", 0), ("test-kernels", 1)])
def test_a_stage_that_fails_keeps_no_other_from_running_and_ends_in_the_summary(tmp_path, fails, status):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    for name, text in (("make", MAKE.format(fails=fails)), ("chromium", "#!/bin/sh\n")):
        program(tmp_path / name, text)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.run([tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == status
    stages = ["style", "course", "editions", "browser", "kernels"]
    made = [line for line in run.stdout.splitlines() if line.startswith("making")]
    assert made == ["making .venv/test .venv-colab/test", *(f"making test-{name}" for name in stages)]
    summary = [line.split() for line in run.stdout.splitlines()[-7:]]
    assert [line[0] for line in summary] == ["chromium", "install", *stages]
    outcomes = {line[0]: line[1].rstrip(",") for line in summary}
    assert [name for name, outcome in outcomes.items() if outcome != "passed"] == [
        name for name in stages if fails == f"test-{name}"
    ]


def test_every_target_that_it_makes_exists():
    named = (ROOT / ".ci" / "run").read_text().partition("for name in ")[2].partition(";")[0].split()
    makefile = (ROOT / "Makefile").read_text()
    assert named
    assert [name for name in named if f"\ntest-{name}:" not in makefile] == []


# A checkout on Windows


def test_git_leaves_the_ends_of_lines_as_they_are():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    options = {"cwd": ROOT, "capture_output": True, "text": True, "check": True}
    files = subprocess.run(["git", "ls-files"], **options).stdout
    command = ["git", "-c", "core.autocrlf=true", "check-attr", "--stdin", "eol", "text"]
    attributes = subprocess.run(command, input=files, **options).stdout.splitlines()
    ends = [line for line in attributes if line.endswith((": eol: lf", ": text: auto", ": text: unset"))]
    assert ends == attributes != []
