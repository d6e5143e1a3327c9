"""What the first cell of a Colab notebook says and does, in an empty Python, with a course of three lines and real pip.

The real course with Colab's versions is in test_editions_slow.py.
"""

import base64
import hashlib
import io
import lzma
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from course.editions.colab import setup_source
from course.editions.wheel import CarriedWheel

# Not asked of the import system: that tells setuptools that pip runs, and torch.utils.benchmark then fails to import.
PIP = Path(metadata.distribution("pip").locate_file("pip"))
NOWHERE = "http://127.0.0.1:9/"
COURSE = {"course", "helpers", "rnn_to_attention-0.1.0.dist-info"}


def tiny_wheel(says, needs=""):
    """A wheel whose course prints what it is given, as a cell carries it."""
    information = "rnn_to_attention-0.1.0.dist-info"
    files = {
        "helpers/__init__.py": 'COURSE = "rnn-to-attention"\n',
        "course/__init__.py": "import helpers\n",
        "course/editions/__init__.py": "",
        "course/editions/arrival.py": (
            f"{needs}\ndef arrived(lesson, timed, seconds):\n    print('arrived:', {says!r}, lesson, timed)\n"
        ),
        f"{information}/METADATA": (
            "Metadata-Version: 2.1\nName: rnn-to-attention\nVersion: 0.1.0\nRequires-Dist: torch>=99\n"
        ),
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{information}/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)  # of one date, so that equal wheels are equal bytes
    content = memory.getvalue()
    text = base64.b64encode(lzma.compress(content)).decode()
    return CarriedWheel("rnn_to_attention-0.1.0-py3-none-any.whl", text, hashlib.sha256(content).hexdigest())


def setup(says="first", archive=None, **options):
    package = CarriedWheel() if archive else tiny_wheel(says, **options)
    return setup_source("", "05", 2, package, archive)


# What IPython does with an error of ours, so that a cell can be run without a kernel.
RUNNER = """
import sys
def cell(source):
    try:
        exec(compile(source, "cell", "exec"), {})
    except BaseException as error:
        if not hasattr(error, "_render_traceback_"):
            raise
        print(*error._render_traceback_(), sep="\\n")
"""


@pytest.fixture(scope="session")
def empty_python(tmp_path_factory):
    """A Python with pip and nothing else. Each test takes a copy: making it anew takes a second."""
    folder = tmp_path_factory.mktemp("python") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "pip").symlink_to(PIP)
    return folder


class Kernel:
    """An empty Python in an empty folder; `cells` are run one after the other in one process."""

    def __init__(self, folder, empty_python):
        self.venv, self.content, self.home = folder / "venv", folder / "content", folder / "home"
        shutil.copytree(empty_python, self.venv, symlinks=True)
        self.temporary = folder / "temporary"
        for made in (self.content, self.temporary):
            made.mkdir()
        (self.packages,) = self.venv.glob("lib/python*/site-packages")
        # Nothing can be fetched from here, and nothing can be written at home.
        self.environment = {
            "PATH": os.environ["PATH"],
            "COLAB_NOTEBOOK_ID": "1abc",
            "HOME": "/proc/nowhere",
            "TMPDIR": str(self.temporary),
            "PIP_INDEX_URL": NOWHERE,
            "PIP_CONFIG_FILE": os.devnull,
            "http_proxy": NOWHERE,
            "https_proxy": NOWHERE,
        }

    def start(self, *cells, **environment):
        script = RUNNER + "".join(f"\ncell({source!r})" for source in cells)
        command = [str(self.venv / "bin" / "python"), "-c", script]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        environment = self.environment | environment
        return subprocess.Popen(command, cwd=self.content, env=environment, start_new_session=True, **pipes)

    def run(self, *cells, **environment):
        return self.start(*cells, **environment).communicate()[0]

    def installed(self):
        return {path.name for path in self.packages.iterdir()} - {"pip"}

    def replace_pip(self, code):
        """Put a program of ours in pip's place."""
        pip = self.packages / "pip"
        if pip.is_symlink():
            pip.unlink()
            pip.mkdir()
        (pip / "__main__.py").write_text(code)


@pytest.fixture
def kernel(tmp_path, empty_python):
    return Kernel(tmp_path, empty_python)


@pytest.fixture
def elsewhere(kernel):
    """Any Jupyter but Colab."""
    del kernel.environment["COLAB_NOTEBOOK_ID"]
    return kernel


def test_it_installs_the_course_alone_without_network_or_home_and_may_be_run_twice(kernel):
    assert kernel.run(setup(), setup()) == "arrived: first 05 2\n" * 2
    assert kernel.installed() == COURSE
    assert list(kernel.temporary.iterdir()) == []
    (kernel.packages / "pip").unlink()
    assert kernel.run(setup()) == "arrived: first 05 2\n", "after a restart it is there, and pip is not asked"


def test_a_newer_course_replaces_the_older_in_the_running_kernel(kernel):
    assert kernel.run(setup("older"), setup("newer")) == "arrived: older 05 2\narrived: newer 05 2\n"
    assert kernel.installed() == COURSE


def test_elsewhere_the_readers_own_course_stays(elsewhere):
    folder = elsewhere.content / "course" / "editions"
    folder.mkdir(parents=True)
    (elsewhere.content / "helpers.py").write_text('COURSE = "rnn-to-attention"\n')
    (folder.parent / "__init__.py").write_text("")
    (folder / "arrival.py").write_text("def arrived(*_, **__): print('the reader’s own')")
    assert elsewhere.run(setup()) == "the reader’s own\n"
    assert elsewhere.installed() == set()


def test_elsewhere_it_is_installed_where_it_is_missing(elsewhere):
    assert elsewhere.run(setup()) == "arrived: first 05 2\n"
    assert elsewhere.installed() == COURSE


def test_it_leaves_no_name_but_its_own_to_the_lesson(kernel):
    names = "print(sorted(name for name in globals() if not name.startswith('__')))"
    assert kernel.run(setup() + names).endswith("['_COURSE', '_SetUp']\n")


# Where pip puts it elsewhere, or not at all


def test_a_folder_of_the_users_own_is_found_without_a_restart(kernel, tmp_path):
    """Where Python's own packages cannot be written, pip makes ~/.local, which a running Python does not look into."""
    user = tmp_path / "home" / "packages"
    code = f"import site; site.ENABLE_USER_SITE = True; site.getusersitepackages = lambda: {str(user)!r}"
    kernel.replace_pip(f"""
import os, sys
os.environ["PYTHONPATH"] = {str(PIP.parent)!r}
os.execv(sys.executable, [sys.executable, "-m", "pip", *sys.argv[1:], "--target", {str(user)!r}])
""")
    where = "import course; print(course.__path__)"
    assert kernel.run(code, setup(), where) == f"arrived: first 05 2\n['{user / 'course'}']\n"
    assert {path.name for path in user.iterdir()} == COURSE


ASTRAY = ["PIP_USER", "PIP_DRY_RUN", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"]


@pytest.mark.parametrize("setting", ASTRAY)
def test_an_archive_goes_into_a_folder_for_the_session_where_pip_is_set_to_put_it_elsewhere(kernel, tmp_path, setting):
    wheel = tiny_wheel("archive")
    path = tmp_path / wheel.name
    path.write_bytes(lzma.decompress(base64.b64decode(wheel.text)))
    chosen = "1" if setting in ("PIP_USER", "PIP_DRY_RUN") else str(tmp_path / "elsewhere")
    assert kernel.run(setup(archive=path.as_uri()), **{setting: chosen}) == "arrived: archive 05 2\n"
    assert kernel.installed() == set()


def test_a_configured_target_is_no_failure(kernel, tmp_path):
    assert kernel.run(setup(), setup(), PIP_TARGET=str(tmp_path / "target")) == "arrived: first 05 2\n" * 2


REFUSAL = """
import sys
print("error: externally-managed-environment\\n\\nnote: use a virtual environment.\\nhint: See PEP 668.", file=sys.stderr)
sys.exit(1)
"""


@pytest.mark.parametrize("pip", [REFUSAL, "raise SystemExit('no')", None], ids=["PEP 668", "fails", "missing"])
def test_where_pip_cannot_install_the_carried_course_is_used_for_this_session(kernel, pip):
    if pip:
        kernel.replace_pip(pip)
    else:
        (kernel.packages / "pip").unlink()
    assert kernel.run(setup(), setup()) == "arrived: first 05 2\n" * 2
    assert kernel.installed() == set()


def test_where_nothing_can_be_written_the_reason_and_the_way_out_are_one_sentence(kernel):
    no_room = "import tempfile\ndef full(*_, **__): raise OSError(28, 'No space left on device')\n"
    no_room += "tempfile.mkdtemp = tempfile.TemporaryDirectory = full"
    message = kernel.run(no_room, setup())
    assert message.count("\n") == 1
    assert "(No space left on device)" in message.replace("[Errno 28] ", "")
    assert "%env TMPDIR=" in message


def test_a_reason_is_pips_error_and_not_its_last_line(kernel):
    kernel.replace_pip(REFUSAL)
    message = kernel.run(setup(archive=f"{NOWHERE}archive/v1.tar.gz"))
    assert "could not be installed (error: externally-managed-environment). Is there a network" in message


def test_a_reason_may_be_written_in_another_encoding(kernel):
    kernel.replace_pip(
        f"import sys; sys.stderr.buffer.write({'error: kein Platz für'.encode('latin-1')!r}); sys.exit(1)"
    )
    assert "(error: kein Platz f\N{REPLACEMENT CHARACTER}r)" in kernel.run(setup(archive="file:///nowhere/v1.tar.gz"))


def test_a_reason_has_no_colours(kernel):
    message = kernel.run(setup(archive="file:///nowhere/v1.tar.gz"), FORCE_COLOR="1")
    assert "could not be installed (ERROR: " in message
    assert "\x1b" not in message


def test_an_archive_without_a_network_is_one_sentence(kernel):
    message = kernel.run(setup(archive=f"{NOWHERE}archive/v1.tar.gz"))
    assert message.count("\n") == 1
    assert f"Is there a network, and does {NOWHERE}archive/v1.tar.gz exist?" in message
    assert message.endswith("Run this cell again; nothing is lost.\n")
    assert kernel.installed() == set()


HALFWAY = """
import pathlib, time
folder = pathlib.Path(__file__).parent.parent / "course"
folder.mkdir()
(folder / "__init__.py").write_text("half a c")
print("halfway", file=open(1, "w"), flush=True)
time.sleep(600)
"""


def test_interrupted_in_the_middle_it_says_so_and_the_next_run_mends_it(kernel, tmp_path):
    pipe = tmp_path / "halfway"
    os.mkfifo(pipe)
    kernel.replace_pip(HALFWAY.replace("open(1, ", f"open({str(pipe)!r}, "))
    process = kernel.start(setup())
    assert pipe.read_text() == "halfway\n", "returns when pip is in the middle"
    os.killpg(process.pid, signal.SIGINT)  # as Jupyter does: the kernel, and what it has started
    message = process.communicate()[0]
    assert message.splitlines()[-1] == "The set-up was interrupted. Run this cell again; nothing is lost."
    assert "cell" not in message.replace("this cell", ""), "no traceback of ours"
    assert kernel.installed() == {"course"}
    shutil.rmtree(kernel.packages / "pip")
    (kernel.packages / "pip").symlink_to(PIP)
    assert kernel.run(setup()) == "arrived: first 05 2\n"
    assert kernel.installed() == COURSE


# What stands in the way


@pytest.mark.parametrize("name", ["course", "helpers"])
def test_another_that_is_imported_is_named(kernel, name):
    message = kernel.run(f"import sys, types; sys.modules[{name!r}] = types.ModuleType({name!r})", setup())
    assert message.count("\n") == 1
    assert f"already imported another {name} (made in this notebook): restart the session" in message
    assert kernel.installed() == set()


@pytest.mark.parametrize("file", ["course.py", "helpers.py", "course/__init__.py", "helpers/__init__.py"])
def test_a_file_or_folder_of_the_students_is_named_and_kept(kernel, file):
    path = kernel.content / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine = 1")
    message = kernel.run(setup())
    assert message.count("\n") == 1
    place = path.parent if path.name == "__init__.py" else path
    assert f"({place}): rename or uninstall it, then restart the session" in message
    assert path.read_text() == "mine = 1"
    assert kernel.installed() == set()


@pytest.mark.parametrize("name", ["course", "helpers"])
@pytest.mark.parametrize("imported", [False, True], ids=["", "imported before"])
def test_a_folder_without_code_is_in_nobodys_way(kernel, name, imported):
    (kernel.content / name).mkdir()
    assert kernel.run(f"import {name}" if imported else "", setup()) == "arrived: first 05 2\n"


@pytest.mark.parametrize("name", ["course", "helpers"])
def test_a_folder_without_code_beside_an_elsewhere_missing_course(elsewhere, name):
    (elsewhere.content / name).mkdir()
    assert elsewhere.run(setup()) == "arrived: first 05 2\n"


def test_a_folder_without_code_that_hides_an_editable_course_is_named(elsewhere):
    """setuptools may install it with a finder of its own, which Python asks after the folders on its path."""
    assert elsewhere.run(setup()) == "arrived: first 05 2\n"
    for name in ("course", "helpers"):
        shutil.rmtree(elsewhere.packages / name)
        (elsewhere.content / name).mkdir()
    message = elsewhere.run(setup())
    assert message.count("\n") == 1
    assert f"Another helpers stands in the way ({elsewhere.content / 'helpers'}): rename" in message


def test_a_package_that_is_missing_is_named(kernel):
    message = kernel.run(setup(needs="import no_such_package"))
    assert message.startswith(
        "This kernel lacks no_such_package, which the course needs: run %pip install no_such_package"
    )
    assert message.count("\n") == 1


def test_a_course_that_does_not_start_is_one_sentence(kernel):
    message = kernel.run(setup(needs="raise RuntimeError('half imported')"))
    assert "does not start here (RuntimeError: half imported). Restart the session and run this cell again" in message
    assert message.count("\n") == 1
