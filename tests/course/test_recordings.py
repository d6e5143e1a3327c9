"""course.results.recordings: what is whole is loaded, what is not is named once and left out."""

import copy
import json
import re

import pytest

from course import CourseError
from course.results import recordings
from course.results.recordings import SHIPPED, Time, find_recordings
from course.show.timings import time_against_length
from helpers.measuring.recording import LARGEST, load

OF_A_MACHINE = re.compile(
    r"/(home|root|Users|work|tmp|mnt|opt|usr|var|content)/|[A-Za-z]:\\\\|site-packages|dist-packages"
)
FUSED = {"median": 2e-3, "p20": 1.9e-3, "p80": 2.5e-3, "repeats": 20, "samples": [2e-3]}
WHOLE = {
    "schema": 1,
    "date": "2026-11-25T13:05:24+00:00",
    "revision": "21549f232d2872724076833b138baa3385733de9",
    "device": {"name": "NVIDIA T4", "kind": "cuda", "cores": 2, "torch": "2.13.0+cu128", "triton": "3.6.0"},
    "quick": False,
    "finished": True,
    "proofs": {"lstm-fused-float32": "passed", "lstm-cudnn-float32": "skipped: no GPU"},
    "points": {
        "lstm D=128": {
            "1024": {"fused": FUSED, "loop": {"out_of_memory": True}, "nn": {"error": "ImportError: no such peer"}},
            "256": {"fused": FUSED},
        },
        "attention, memory": {"8192": {"naive": {"bytes": 5e8}, "online": {"bytes": 1e7}}},
    },
    "about": {"lstm D=128": "(16, T, 128), float16", "attention, memory": "(1, 8, T, 64), causal, bfloat16"},
}


@pytest.fixture(autouse=True)
def none_shipped(tmp_path_factory, monkeypatch):
    """No recordings but those of the test, and nothing said yet."""
    monkeypatch.setattr(recordings, "SHIPPED", tmp_path_factory.mktemp("shipped"))
    recordings._say_once.cache_clear()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "recorded").mkdir()
    return tmp_path / "recorded"


def put(folder, name="gpu.json", device=None, **entries):
    """Write the whole recording, with other entries and another device's name."""
    contents = copy.deepcopy(WHOLE) | entries
    contents["device"]["name"] = device or contents["device"]["name"]
    path = folder / name
    path.write_text(json.dumps(contents), encoding="utf-8")
    return path


def devices(*contests, **options):
    return [recording.device for recording in find_recordings(*(contests or ["lstm D=128"]), **options)]


def test_a_recording_holds_what_a_figure_needs(folder):
    (recording,) = find_recordings("lstm D=128", also=put(folder))
    assert recording.about == "(16, T, 128), float16"
    assert recording.kind == "cuda"
    assert recording.label == "recorded 2026-11-25: NVIDIA T4"
    assert recording.versions == "torch 2.13.0, triton 3.6.0, revision 21549f2"
    assert list(recording.points) == [256, 1024], "ascending numbers"
    assert recording.points[256] == {"fused": Time(2e-3, 1.9e-3, 2.5e-3)}
    assert list(recording.points[1024]) == ["fused", "loop"], "what could not run is missing"
    assert recording.points[1024]["loop"].out_of_memory


def test_a_cpu_is_named_with_its_cores(folder):
    cpu = {"name": "AMD EPYC", "kind": "cpu", "cores": 2, "torch": "2.13.0", "triton": None}
    path = put(folder, points={"lstm": {"64": {"loop": FUSED}}})
    path.write_text(json.dumps(json.loads(path.read_text()) | {"device": cpu}))
    (recording,) = find_recordings("lstm", also=path)
    assert recording.device == "AMD EPYC, 2 CPU cores"
    assert recording.versions.startswith("torch 2.13.0, no triton")


def test_recordings_of_the_course_and_ones_own_come_together_the_newest_last(folder):
    put(recordings.SHIPPED, "b.json", "B", date="2026-11-20T10:00:00+00:00")
    put(recordings.SHIPPED, "a.json", "A", date="2026-11-21T10:00:00+02:00")
    mine = put(folder, "mine.json", "mine", date="2026-11-21T09:00:00")
    put(folder, "old.json", "old", date="2025-01-01")
    assert devices() == ["B", "A"]
    assert devices(also=mine) == devices(also=[mine, str(mine)]) == ["B", "A", "mine"], "each file once"
    assert devices(also=folder) == ["old", "B", "A", "mine"]


def test_of_several_contests_each_device_gives_the_first_that_it_has(folder):
    on_cpu = {"lstm": WHOLE["points"]["lstm D=128"]}
    put(folder, "cpu.json", "CPU", points=on_cpu, date="2026-11-24")
    put(folder, "both.json", "both", points=WHOLE["points"] | on_cpu)
    chosen = find_recordings("lstm D=128", "lstm", also=folder)
    assert [(recording.device, recording.contest) for recording in chosen] == [("CPU", "lstm"), ("both", "lstm D=128")]


@pytest.mark.parametrize("name", ["lstm D=12", "nothing like it", "attention, memory"])
def test_an_unknown_contest_is_answered_with_those_that_are_recorded(folder, name):
    with pytest.raises(CourseError) as error:
        find_recordings(name, also=put(folder))
    assert f"{name!r} are recorded." in str(error.value)
    assert str(error.value).endswith("There are: lstm D=128.")


def test_without_any_recording_a_lesson_goes_on(folder, capsys):
    assert find_recordings("lstm D=128") == ()
    for _ in range(2):
        assert find_recordings("lstm D=128", also=[folder, folder / "missing"]) == ()
    first, second = capsys.readouterr().out.splitlines()  # each once
    assert first == f"The folder {folder} holds no recording (*.json)."
    assert str(folder / "missing") in second


def test_a_damaged_file_is_named_once_in_one_short_sentence_and_left_out(folder, capsys):
    put(folder, "whole.json")
    damaged = folder / "damaged.json"
    damaged.write_text(json.dumps(WHOLE | {"schema": "x" * 1000}))
    for _ in range(2):
        assert devices(also=folder) == ["NVIDIA T4"]
    (sentence,) = capsys.readouterr().out.splitlines()
    assert sentence.startswith(f"{damaged} is no recording")
    assert sentence.endswith("; it is left out.")
    assert len(sentence) < len(str(damaged)) + 300
    assert find_recordings("what only the damaged file may have held", also=folder) == ()


@pytest.mark.parametrize(
    ("entries", "cautions"),
    [
        ({}, ""),
        ({"quick": True, "finished": False, "revision": "21549f2+"}, " (quick, incomplete, with changed files)"),
        ({"revision": None}, " (of an unknown revision)"),
        ({"proofs": {"lstm-cudnn-float32": "failed: wrong"}}, " (1 proof failed)"),
        ({"proofs": {"gru-cudnn-float32": "failed: wrong"}}, ""),  # of another model
        ({"points": {"lstm D=128": {"256": {"fused": FUSED | {"repeats": 4}}}}}, " (few repeats)"),
    ],
)
def test_what_one_should_know_before_trusting_a_recording_stands_in_its_label(folder, entries, cautions):
    (recording,) = find_recordings("lstm D=128", also=put(folder, **entries))
    assert recording.label == f"recorded 2026-11-25{cautions}: NVIDIA T4"
    assert recording.label in time_against_length(None, "Title", recorded=[recording]).text


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.json")), ids=lambda path: path.stem)
def test_a_recording_of_the_course_is_whole_small_and_says_nothing_of_its_machines_folders(path):
    text = path.read_text("utf-8")
    assert OF_A_MACHINE.search(text) is None
    assert len(text.encode()) <= LARGEST
    assert load(path)["finished"]


def test_the_recorded_gpu_has_the_contests_that_lessons_show(monkeypatch):
    monkeypatch.setattr(recordings, "SHIPPED", SHIPPED)
    for contest in ("attention D=64", "lstm D=128", "linear_recurrence", "newton_recurrence"):
        assert "NVIDIA H200" in devices(contest)
