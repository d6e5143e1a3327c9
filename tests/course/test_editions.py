"""The editions for a class: what is in them, what is not, and what the Colab set-up says when something goes wrong.

The set-up cell runs here with a course of three lines; test_editions_slow.py runs the real one with Colab's versions.
"""

import base64
import hashlib
import io
import json
import lzma
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
import torch
from stored import NOTEBOOKS, ROOT

import course
from course import editions, progress, reveal, solution
from course.__main__ import mend_copies
from course.catalogue import find, lesson
from course.editions.arrival import arrived
from course.errors import CourseError, explain_missing_names
from course.exercises import exercises, exercises_of
from course.notebooks import IGNORED, canonical
from helpers import describe

PLACE = editions.Place("some-school", "rnn.course", "v1.2")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells_of(notebook):
    return {cell["id"]: cell for cell in notebook["cells"]}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """dist/colab and dist/handout, built once."""
    folder = tmp_path_factory.mktemp("dist")
    editions.colab(folder / "colab")
    editions.handout(folder / "handout")
    return folder


# What is in the editions


@pytest.mark.parametrize("edition", ["colab", "handout"])
def test_every_lesson_is_there_small_and_asks_for_a_gpu(built, edition):
    assert {p.name for p in (built / edition).glob("*.ipynb")} == {stored.path.name for stored in NOTEBOOKS}
    for path in (built / edition).glob("*.ipynb"):
        assert path.stat().st_size < 1_500_000
        metadata = nbformat.read(path, as_version=4).metadata
        assert (metadata.accelerator, metadata.colab.gpuType, metadata.kernelspec.name) == ("GPU", "T4", "python3")
        nbformat.validate(read(path))


def test_only_the_setup_cell_differs_from_the_repositorys(built, notebook):
    made = cells_of(read(built / "colab" / notebook.path.name))
    stored = cells_of(notebook.json)
    assert [name for name in stored if made[name] != stored[name]] == ["setup"]
    assert set(made) == set(stored)
    source = made["setup"]["source"]
    compile(source, "setup", "exec")
    assert source.endswith("\n\n" + editions.source_of(stored["setup"]))
    assert "_set_up_course(" not in editions.source_of(stored["setup"])


def test_the_carried_wheel_is_the_course(built, notebook, tmp_path):
    names = zipfile.ZipFile(io.BytesIO(unpacked(built / "colab" / notebook.path.name))).namelist()
    for folder in ("course", "helpers"):
        here = {str(p.relative_to(ROOT)) for p in (ROOT / folder).rglob("*.py")}
        assert here <= set(names)
    assert "course/claims.toml" in names


def unpacked(path):
    source = cells_of(read(path))["setup"]["source"]
    return lzma.decompress(base64.b64decode(re.search(r'_COURSE = """(.*?)"""', source, re.DOTALL)[1]))


def test_an_edition_removes_only_what_editions_write(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(CourseError, match=r"mine\.txt"):
        editions.colab(tmp_path, PLACE)
    assert (tmp_path / "mine.txt").exists()


# Badges


def test_badges_and_setup_come_from_one_place(tmp_path):
    editions.colab(tmp_path, PLACE)
    assert editions.stray_badges(tmp_path, PLACE) == []
    for stored in NOTEBOOKS:
        made = read(tmp_path / "notebooks" / stored.path.name)
        assert made["cells"][0]["source"] == PLACE.badge(stored.path.name)
        assert "https://github.com/some-school/rnn.course/archive/v1.2.tar.gz" in cells_of(made)["setup"]["source"]
        assert (tmp_path / "notebooks" / stored.path.name).stat().st_size < 1_500_000
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert readme.count("/blob/v1.2/notebooks/") == len(NOTEBOOKS)
    assert readme.splitlines()[0] == (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("/notebooks/00_start_here.ipynb)", "/notebooks/00_begin.ipynb)", "there is no lesson at"),
        ("/some-school/", "/another/", "is in another place"),
        ("/blob/v1.2/", "/blob/main/", "is in another place"),
        ("00_start_here.ipynb)", "01_hidden_states.ipynb)", "its badge opens"),
        ("colab.research.google.com/github", "example.org", "has no badge"),
    ],
)
def test_a_badge_that_leads_astray_is_named(tmp_path, old, new, said):
    editions.colab(tmp_path, PLACE)
    path = tmp_path / "notebooks" / "00_start_here.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    (found,) = editions.stray_badges(tmp_path, PLACE)
    assert path.name in found
    assert said in found


@pytest.mark.parametrize("given", [("", "v1"), ("owner", "v1"), ("owner/name", ""), ("a/b/c", "v1"), ("a/b", "v 1")])
def test_a_place_needs_owner_name_and_ref(given):
    with pytest.raises(CourseError, match="REPO=owner/name and REF="):
        editions.Place.of(*given)


def test_no_other_file_makes_an_address_of_the_repository():
    texts = {
        p: p.read_text("utf-8")
        for folder in ("course", "helpers", "notebooks")
        for p in (ROOT / folder).rglob("*.*")
        if p.suffix in (".py", ".ipynb")
    }
    assert [
        p.name for p, text in texts.items() if re.search(r"colab\.research\.google|github\.com/\{|/archive/", text)
    ] == ["editions.py"]


def test_a_readme_gets_its_badges_beside_its_links():
    name = NOTEBOOKS[0].path.name
    made = editions.with_badges(f"# Title\n\n[Start](notebooks/{name})\n", PLACE)
    assert f"[Start](notebooks/{name}) {PLACE.badge(name)}\n" in made
    assert made.count("colab-badge.svg") == len(NOTEBOOKS)


def test_the_page_for_instructors_knows_every_lesson():
    page = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    for stored in NOTEBOOKS:
        timed = sum(IGNORED in cell["metadata"].get("tags", []) for cell in stored.code) or "none"
        row = re.search(rf"^\| {stored.lesson} \| (\d+) \| [^|]+ \| (\w+) \|", page, re.MULTILINE)
        assert row, f"docs/instructors.md says nothing of what lesson {stored.lesson} needs"
        assert row.groups() == (str(find(stored.lesson).minutes), str(timed))


# The set-up cell, with a course of three lines and the real pip


def tiny_wheel(says, needs=""):
    """(file name, text for the cell, sha256) of a wheel whose course prints what it is given."""
    files = {
        "helpers/__init__.py": 'COURSE = "rnn-to-attention"\n',
        "course/__init__.py": "import helpers\n",
        "course/arrival.py": f"{needs}\ndef arrived(lesson, timed, seconds):\n    print('arrived:', {says!r}, lesson, timed)\n",
        "rnn_to_attention-0.1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: rnn-to-attention\nVersion: 0.1.0\nRequires-Dist: torch>=99\n",
        "rnn_to_attention-0.1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "rnn_to_attention-0.1.0.dist-info/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)  # of one date, so that equal wheels are equal bytes
    content = held.getvalue()
    text = base64.b64encode(lzma.compress(content)).decode()
    return "rnn_to_attention-0.1.0-py3-none-any.whl", text, hashlib.sha256(content).hexdigest()


def setup(says="first", archive=None, **options):
    source = (None, "", "") if archive else tiny_wheel(says, **options)
    return editions.setup_source("", "05", 2, source, archive)


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


class Kernel:
    """A Python with pip and nothing else, in an empty folder; `cells` are run one after the other in one process."""

    def __init__(self, folder):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        (self.packages,) = (folder / "venv").glob("lib/python*/site-packages")
        self.content, self.python = folder / "content", folder / "venv" / "bin" / "python"
        self.content.mkdir()
        pip = Path(__import__("pip").__file__).parent
        (self.packages / "pip").symlink_to(pip)
        # Nothing can be fetched from here, and nothing can be written at home.
        dead = {
            "PIP_INDEX_URL": "http://127.0.0.1:9/",
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        }
        self.environment = {"PATH": os.environ["PATH"], "COLAB_NOTEBOOK_ID": "1abc", "HOME": "/proc/nowhere"} | dead

    def start(self, *cells, **environment):
        script = RUNNER + "".join(f"\ncell({source!r})" for source in cells)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        command = [str(self.python), "-c", script]
        return subprocess.Popen(
            command, cwd=self.content, env=self.environment | environment, start_new_session=True, **pipes
        )

    def run(self, *cells, **environment):
        return self.start(*cells, **environment).communicate(timeout=60)[0]

    def installed(self):
        return {path.name for path in self.packages.iterdir()} - {"pip"}


@pytest.fixture
def kernel(tmp_path):
    return Kernel(tmp_path)


COURSE = {"course", "helpers", "rnn_to_attention-0.1.0.dist-info"}


def test_it_installs_the_course_alone_without_network_or_home_and_may_be_run_twice(kernel):
    assert kernel.run(setup(), setup()) == "arrived: first 05 2\n" * 2
    assert kernel.installed() == COURSE
    (kernel.packages / "pip").unlink()
    assert kernel.run(setup()) == "arrived: first 05 2\n", "after a restart it is there, and pip is not asked"


def test_a_newer_course_replaces_the_older_in_the_running_kernel(kernel):
    assert kernel.run(setup("older"), setup("newer")) == "arrived: older 05 2\narrived: newer 05 2\n"
    assert kernel.installed() == COURSE


def test_elsewhere_the_readers_own_course_stays(kernel):
    folder = kernel.content / "course"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "arrival.py").write_text("def arrived(**_): print('the reader’s own')")
    code = "import os; del os.environ['COLAB_NOTEBOOK_ID']"
    assert kernel.run(code, setup()) == "the reader’s own\n"
    assert kernel.installed() == set()


def test_an_archive_without_a_network_is_one_sentence(kernel):
    said = kernel.run(setup(archive="http://127.0.0.1:9/archive/v1.tar.gz"))
    assert said.count("\n") == 1
    assert "Is there a network, and does http://127.0.0.1:9/archive/v1.tar.gz exist?" in said
    assert said.endswith("Run this cell again; nothing is lost.\n")
    assert kernel.installed() == set()


HALFWAY = """
import pathlib, sys, time
folder = pathlib.Path(__file__).parent.parent / "course"
folder.mkdir()
(folder / "__init__.py").write_text("half a c")
pathlib.Path({mark!r}).touch()
time.sleep(60)
"""


def test_interrupted_in_the_middle_it_says_so_and_the_next_run_mends_it(kernel, tmp_path):
    real, mark = os.readlink(kernel.packages / "pip"), tmp_path / "halfway"
    (kernel.packages / "pip").unlink()
    (kernel.packages / "pip").mkdir()
    (kernel.packages / "pip" / "__main__.py").write_text(HALFWAY.format(mark=str(mark)))
    process = kernel.start(setup())
    for _ in range(200):
        if mark.exists():
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as Jupyter does: the kernel, and what it has started
    said = process.communicate(timeout=20)[0]
    assert said.splitlines()[-1] == "The set-up was interrupted. Run this cell again; nothing is lost."
    assert "cell" not in said.replace("this cell", ""), "no traceback of ours"
    assert kernel.installed() == {"course"}
    shutil.rmtree(kernel.packages / "pip")
    (kernel.packages / "pip").symlink_to(real)
    assert kernel.run(setup()) == "arrived: first 05 2\n"
    assert kernel.installed() == COURSE


def test_another_helpers_that_is_imported(kernel):
    said = kernel.run("import sys, types; sys.modules['helpers'] = types.ModuleType('helpers')", setup())
    assert said.count("\n") == 1
    assert "already imported another helpers (made in this notebook): restart the session" in said
    assert kernel.installed() == set()


def test_another_helpers_that_stands_in_the_way(kernel):
    (kernel.content / "helpers.py").write_text("mine = 1")
    said = kernel.run(setup())
    assert said.count("\n") == 1
    assert f"({kernel.content / 'helpers.py'}): rename or uninstall it, then restart the session" in said
    assert (kernel.content / "helpers.py").read_text() == "mine = 1"
    assert kernel.installed() == set()


def test_a_package_that_is_missing_is_named(kernel):
    said = kernel.run(setup(needs="import no_such_package"))
    assert said.startswith(
        "This kernel lacks no_such_package, which the course needs: run %pip install no_such_package"
    )
    assert said.count("\n") == 1


def test_a_course_that_does_not_start_is_one_sentence(kernel):
    said = kernel.run(setup(needs="raise RuntimeError('half imported')"))
    assert "does not start here (RuntimeError: half imported). Restart the session and run this cell again" in said
    assert said.count("\n") == 1


# What the student is told to have got


@pytest.fixture
def t4(monkeypatch):
    """torch as it speaks of a Tesla T4."""
    properties = type("Properties", (), {"total_memory": 15_828_320_256})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: properties)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (7, 5))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)  # as it says there: emulated
    monkeypatch.setattr(sys.modules["helpers.measuring.device"], "_no_gpu", lambda: None)


def test_three_lines_with_a_t4(t4, monkeypatch, capsys):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.0")
    arrived("05", timed=2, seconds=3.4)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(
        "GPU: Tesla T4; its 2 timed cells show this machine. It has no bf16 and no FlashAttention"
    )
    assert "numpy 1.0, plotly 1.0, ipywidgets 1.0." in lines[1]
    assert lines[2] == "Course: rnn-to-attention 1.0, lesson 05, ready in 3 s."


@pytest.mark.parametrize(
    ("timed", "said"), [(0, "this lesson needs none"), (1, "its one timed cell shows"), (3, "its 3 timed")]
)
def test_three_lines_without_a_gpu(timed, said, monkeypatch, capsys):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.0")
    arrived("05", timed=timed, seconds=0)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("GPU: none")
    assert said in lines[0]


def test_a_t4_is_known_to_lack_what_it_lacks(t4):
    device = describe()
    assert (device.compute_capability, device.bf16, device.flash) == ((7, 5), False, False)
    assert "without bf16 and FlashAttention" in device.sentence()


def test_whatever_a_t4_lacks_is_asked_of_the_device():
    """Nothing names bf16, a flash kernel or triton in a file, or a lesson, that does not ask what there is."""
    texts = {
        path.name: path.read_text("utf-8")
        for folder in ("course", "helpers")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent.name != "kernels"  # reached through kernels.unavailable alone, which asks
    }
    texts |= {stored.path.name: "\n".join(map(editions.source_of, stored.code)) for stored in NOTEBOOKS}
    del texts["arguments.py"]  # lists the dtypes that an argument may have; makes none
    del texts["contests.py"]  # the bench: no lesson calls it, and it records what a device refuses
    rules = {
        r"torch\.bfloat16|\.bfloat16\(|\"bfloat16\"|FLASH_ATTENTION": r"\.(bf16|flash)\b",  # ask describe() first
        r"^\s*(import|from) triton": r"^\s*except\b",  # it may be missing, or fail
    }
    for lacking, asked in rules.items():
        needs = {name for name, text in texts.items() if re.search(lacking, text, re.MULTILINE)}
        assert needs, "the search finds what it looks for"
        assert {name for name in needs if not re.search(asked, texts[name], re.MULTILINE)} == set()


# Faults in the middle of a lesson


@pytest.fixture
def shell():
    from IPython.core.interactiveshell import InteractiveShell

    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_a_cell_whose_cells_above_have_not_run(shell, capsys):
    explain_missing_names()
    assert not shell.run_cell("K @ Q").success
    said = capsys.readouterr().out
    assert said.startswith("'K' is not known in this kernel. If it is not misspelt, a cell above makes it")
    assert "Traceback" not in said
    shell.run_cell("def mine():\n    return nowhere\nmine()")
    said = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert "return nowhere" in said, "inside a function the place is what one wants to know"
    assert shell.run_cell("K = 1\nK").success


def test_a_lesson_opens_with_that_explanation(shell, shown, capsys):
    lesson("05")
    shell.run_cell("words")
    assert "'words' is not known in this kernel" in capsys.readouterr().out


def test_a_reveal_before_its_question(monkeypatch):
    monkeypatch.setattr("course.predictions._asked", {})
    with pytest.raises(CourseError, match=r"run the cell above that says predict\(…\) first"):
        reveal("05.keys", "all six")


def test_a_restart_in_mid_lesson_keeps_what_was_said_and_solved(monkeypatch, state):
    progress.note_prediction("05.keys", "all six")
    progress.note_passed("05.1")
    monkeypatch.setattr(progress, "_session", {"predictions": {}, "passed": []})
    assert progress.read() == {"predictions": {"05.keys": "all six"}, "passed": ["05.1"]}


def _busy(name, gate):
    gate.wait()
    for number in range(60):
        progress.note_prediction(f"{name}.{number}", "yes")


def test_two_lessons_open_at_once_lose_nothing(state):
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(2)
    lessons = [context.Process(target=_busy, args=(name, gate)) for name in ("01", "05")]
    for process in lessons:
        process.start()
    for process in lessons:
        process.join(30)
    assert len(progress.read()["predictions"]) == 120
    assert [path.name for path in state.iterdir()] == ["progress.json"]


def test_a_read_only_home_costs_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_STATE_DIR", "/proc/nowhere")
    progress.note_prediction("05.keys", "all six")
    progress.note_passed("05.1")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "it lasts until this kernel stops" in said
    assert progress.read() == {"predictions": {"05.keys": "all six"}, "passed": ["05.1"]}


WIDGETS = "application/vnd.jupyter.widget-state+json"


def saved_by_colab(path, widgets):
    stored = read(NOTEBOOKS[0].path)
    stored["metadata"] |= {"colab": {"provenance": []}, "widgets": widgets}
    path.write_text(json.dumps(stored), encoding="utf-8")
    return stored


@pytest.mark.parametrize("widgets", [{WIDGETS: {"1a2b": {"model_name": "VBoxModel"}}}, {WIDGETS: None}, []])
def test_a_notebook_saved_by_colab_opens_here(tmp_path, widgets, capsys):
    path = tmp_path / "00_start_here.ipynb"
    stored = saved_by_colab(path, widgets)
    mend_copies(tmp_path)
    assert capsys.readouterr().out == (
        "00_start_here.ipynb was saved by Colab; its note on widgets, which Lab cannot read, is gone, and all else kept.\n"
    )
    assert read(path)["cells"] == stored["cells"]
    assert read(path)["metadata"] == {key: value for key, value in stored["metadata"].items() if key != "widgets"}
    assert "widgets" not in json.loads(canonical(nbformat.reads(json.dumps(stored), as_version=4)))["metadata"]
    mend_copies(tmp_path)
    assert capsys.readouterr().out == ""
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_notebook_saved_by_lab_is_left_alone(tmp_path, capsys):
    saved_by_colab(tmp_path / "a.ipynb", {WIDGETS: {"state": {}, "version_major": 2}})
    (tmp_path / "b.ipynb").write_text("no notebook at all")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    mend_copies(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert capsys.readouterr().out == ""


# The instructor's edition and the handout


def test_the_notes_say_something_of_everything(notebook):
    row = find(notebook.lesson)
    assert editions.incomplete(notebook.json, row, editions.notes_of(row.id)) == []


def test_missing_notes_are_named(notebook):
    row = find(notebook.lesson)

    def notes():
        return editions.notes_of(row.id)

    def complaint(changed):
        return "\n".join(editions.incomplete(notebook.json, row, changed))

    assert "nothing about 'short'" in complaint({**notes(), "short": ""})
    first_part, asked = next(iter(notes()["parts"])), next(iter(notes()["predictions"]))
    assert "the parts take" in complaint({**notes(), "parts": {first_part: {"minutes": 1, "do": "x"}}})
    assert "no cell 'gone'" in complaint({**notes(), "parts": {"gone": {"minutes": 1, "do": "x"}}})
    assert f"say nothing of '{asked}'" in complaint({**notes(), "predictions": {asked: {"ask": "why?"}}})
    assert "speak of '99.x'" in complaint({**notes(), "times": {"99.x": {"cpu": "", "gpu": ""}}})
    timed = [cell["id"] for cell in notebook.code if IGNORED in cell["metadata"].get("tags", [])]
    assert len(timed) == complaint({**notes(), "times": {}}).count("times say nothing of")


def test_a_lesson_without_notes_is_named():
    with pytest.raises(
        CourseError, match=r"Lesson 98 has no notes for the instructor: write course/solutions/notes/98\.toml"
    ):
        editions.notes_of("98")


def test_solutions_and_wrong_answers_stand_in_the_instructors_edition():
    stored = next(stored for stored in NOTEBOOKS if stored.lesson == "05")
    made = cells_of(editions.for_instructor(stored.json, find("05"), editions.notes_of("05")))
    assert "scores.softmax(dim=-1) @ value" in made["exercise-05-1"]["source"]
    assert made["exercise-05-1"]["source"].endswith('check("05.1", my_attention)')
    assert "the scores are not divided by √D: with long vectors" in made["wrong-05-1"]["source"]
    assert "Expect to hear:" in made["predict-predict-keys"]["source"]
    assert "60 minutes" in made["instructor"]["source"]
    assert "No GPU has been recorded yet." in made["expect-timing-live"]["source"] or editions.recorded()


def test_an_exercise_that_does_not_pass_is_named():
    stored = next(stored for stored in NOTEBOOKS if stored.lesson == "05")
    assert editions.unsolved(stored.json, "05")[0] == "05.1: its solution does not pass in the notebook"


def test_students_get_no_notes(built):
    for path in (built / "colab").glob("*.ipynb"):
        assert "Expect to hear" not in path.read_text(encoding="utf-8")
        assert not [n for n in zipfile.ZipFile(io.BytesIO(unpacked(path))).namelist() if "notes" in n]


def test_a_handout_holds_no_solution_anywhere(built):
    (wheel,) = (built / "handout").glob("*.whl")
    carried = [unpacked(path) for path in (built / "handout").glob("*.ipynb")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in (built / "handout").glob("*.ipynb")}
    for content in (wheel.read_bytes(), *carried):
        with zipfile.ZipFile(io.BytesIO(content)) as held:
            assert "course/exercises/__init__.py" in held.namelist()
            assert [name for name in held.namelist() if "solution" in name or "notes" in name] == []
            texts |= {name: held.read(name).decode() for name in held.namelist()}
    from course.solutions import source_of

    for exercise_id in (exercise for stored in NOTEBOOKS for exercise in exercises_of(stored.lesson)):
        solved = source_of(exercise_id).strip()
        assert [name for name, text in texts.items() if solved in text or json.dumps(solved)[1:-1] in text] == []
    assert [name for name, text in texts.items() if re.search(r"^@wrong\(|^@reference\(", text, re.MULTILINE)] == []


def test_without_solutions_the_instructor_holds_them(monkeypatch, shown):
    monkeypatch.setitem(sys.modules, "course.solutions", None)
    monkeypatch.delattr(course, "solutions", raising=False)
    solution(next(iter(exercises())))
    assert shown[-1]["text/plain"] == "The solutions are with your instructor."
