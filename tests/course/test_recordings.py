"""course.recordings: what is whole is loaded, what is not is named once and left out."""

import copy
import json
import os
import re
from pathlib import Path

import pytest

from course import CourseError, figures, recordings
from course.results.recordings import SHIPPED, recorded
from helpers.measuring.bench import SCHEMA

LARGEST, SAMPLES = 100_000, 20
OF_A_MACHINE = re.compile(
    r"/(home|root|Users|work|tmp|mnt|opt|usr|var|content)/|[A-Za-z]:\\\\|site-packages|dist-packages"
)
WHOLE = {
    "schema": SCHEMA,
    "date": "2026-11-25T13:05:24+00:00",
    "revision": "21549f232d2872724076833b138baa3385733de9",
    "device": {"name": "NVIDIA T4", "kind": "cuda", "cores": 2, "torch": "2.13.0+cu128", "triton": "3.6.0"},
    "quick": False,
    "finished": True,
    "proofs": {},
    "points": {
        "lstm D=128": {
            "1024": {
                "fused": {"median": 2e-3, "p20": 1.9e-3, "p80": 2.5e-3, "samples": [2e-3]},
                "loop": {"out_of_memory": True},
                "nn": {"error": "ImportError: no such peer"},
            },
            "256": {"fused": {"median": 1e-3, "p20": 1e-3, "p80": 1e-3, "samples": [1e-3]}},
        },
        "attention, memory": {"8192": {"naive": {"bytes": 5e8}, "online": {"bytes": 1e7}}},
    },
    "about": {"lstm D=128": "(16, T, 128) float16", "attention, memory": "(1, 8, T, 64) bfloat16, causal"},
}


@pytest.fixture(autouse=True)
def none_shipped(tmp_path_factory, monkeypatch):
    """No recordings but those of the test, and nothing said yet."""
    monkeypatch.setattr(recordings, "SHIPPED", tmp_path_factory.mktemp("shipped"))
    recordings._say.cache_clear()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "recorded").mkdir()
    return tmp_path / "recorded"


def changed(**entries):
    """The whole recording with other entries; a name with two underscores leads inside: device__name."""
    recording = copy.deepcopy(WHOLE)
    for name, value in entries.items():
        *path, last = name.split("__")
        inside = recording
        for key in path:
            inside = inside[key]
        inside[last] = value
    return recording


def put(folder, name="gpu.json", **entries):
    path = folder / name
    path.write_text(json.dumps(changed(**entries)), encoding="utf-8")
    return path


def point(T="256", **result):
    result = {"median": 1e-3, "p20": 1e-3, "p80": 1e-3, "samples": [1e-3]} | result
    return json.dumps(changed(points={"lstm D=128": {T: {"fused": result}}})).encode()


def test_a_recording_holds_what_a_figure_needs(folder):
    (recording,) = recorded("lstm D=128", also=put(folder))
    assert recording.contest == "lstm D=128"
    assert recording.about == "(16, T, 128) float16"
    assert recording.device == "NVIDIA T4"
    assert recording.kind == "cuda"
    assert recording.label == "recorded 2026-11-25: NVIDIA T4"
    assert recording.versions == "torch 2.13.0, triton 3.6.0"
    assert list(recording.points) == [256, 1024], "ascending numbers"
    assert recording.points[256] == {"fused": recordings.Time(1e-3, 1e-3, 1e-3)}
    assert list(recording.points[1024]) == ["fused", "loop"], "what could not run is missing"
    assert recording.points[1024]["loop"].out_of_memory
    assert not recording.points[1024]["fused"].out_of_memory
    with pytest.raises(AttributeError):
        recording.device = "another"


def test_words_for_a_cpu_count_its_cores_and_without_triton_that_is_said(folder):
    device = {"name": "AMD EPYC", "kind": "cpu", "torch": "2.13.0", "triton": None}
    for cores, words in ((1, "AMD EPYC, 1 CPU core"), (2, "AMD EPYC, 2 CPU cores"), (None, "AMD EPYC")):
        (recording,) = recorded("lstm D=128", also=put(folder, device=device | {"cores": cores}))
        assert recording.device == words
        assert recording.versions == "torch 2.13.0, no triton"


def test_recordings_of_the_course_and_ones_own_come_together_the_newest_last(folder, capsys):
    put(recordings.SHIPPED, "b.json", date="2026-11-20T10:00:00+00:00", device__name="B")
    put(recordings.SHIPPED, "a.json", date="2026-11-21T10:00:00+02:00", device__name="A")
    mine = put(folder, "mine.json", date="2026-11-21T09:00:00", device__name="mine")
    put(folder, "old.json", date="2025-01-01", device__name="old")
    (folder / "notes.txt").write_text("no recording")
    devices = lambda **also: [recording.device for recording in recorded("lstm D=128", **also)]  # noqa: E731
    assert devices() == ["B", "A"]
    assert devices(also=mine) == devices(also=str(mine)) == devices(also=[mine, str(mine)]) == ["B", "A", "mine"]
    assert devices(also=folder) == devices(also=[folder, mine]) == ["old", "B", "A", "mine"]
    assert devices(also=recordings.SHIPPED) == ["B", "A"], "each file once"
    assert capsys.readouterr().out == ""


def test_of_several_contests_each_device_gives_the_first_that_it_has(folder):
    on_cpu = {"lstm": WHOLE["points"]["lstm D=128"]}
    put(folder, "cpu.json", device__name="CPU", points=on_cpu, about={"lstm": "(8, T, 256) float32"})
    put(folder, "both.json", device__name="both", points=WHOLE["points"] | on_cpu)
    put(folder, "gpu.json")
    found = {recording.device: recording for recording in recorded("lstm D=128", "lstm", also=folder)}
    assert {device: recording.contest for device, recording in found.items()} == {
        "CPU": "lstm", "both": "lstm D=128", "NVIDIA T4": "lstm D=128",
    }  # fmt: skip
    assert found["CPU"].about == "(8, T, 256) float32"
    assert [recording.device for recording in recorded("lstm", also=folder)] == ["both", "CPU"]


@pytest.mark.parametrize("name", ["lstm D=12", "nothing like it", "", "attention, memory", "make"])
def test_an_unknown_contest_is_answered_with_those_that_are_recorded(folder, name):
    with pytest.raises(CourseError) as error:
        recorded(name, also=put(folder))
    assert f"{name!r} are recorded." in str(error.value)
    assert str(error.value).endswith("There are: lstm D=128.")
    assert ("Did you mean 'lstm D=128'?" in str(error.value)) == name.startswith("lstm")


def test_without_any_recording_nothing_is_recorded(folder, capsys):
    assert recorded("lstm D=128") == ()
    assert recorded("nothing like it") == ()
    assert capsys.readouterr().out == ""


def test_an_empty_folder_and_a_missing_one_are_named_once(folder, capsys):
    for _ in range(2):
        assert recorded("lstm D=128", also=[folder, folder / "missing"]) == ()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0] == f"The folder {folder} holds no recording (*.json)."
    assert str(folder / "missing") in lines[1]


DAMAGED = {
    "nothing": b"",
    "half a file": json.dumps(WHOLE).encode()[:300],
    "no JSON": b"<html>",
    "binary": bytes(range(256)),
    "nested too deep": b"[" * 100_000,
    "a number": b"7",
    "a list": b"[1, 2]",
    "an object of something else": b'{"name": "a notebook"}',
    "another schema": json.dumps(changed(schema=SCHEMA + 1)).encode(),
    "no schema": json.dumps(changed(schema=None)).encode(),
    "a date that is none": json.dumps(changed(date="yesterday")).encode(),
    "a date that is a number": json.dumps(changed(date=20261125)).encode(),
    "a device without a name": json.dumps(changed(device={"kind": "cpu", "torch": "2.13"})).encode(),
    "a device whose name is a number": json.dumps(changed(device__name=7)).encode(),
    "a device without a kind": json.dumps(changed(device__kind=None)).encode(),
    "a device without a torch": json.dumps(changed(device__torch=None)).encode(),
    "points in a list": json.dumps(changed(points=[])).encode(),
    "a contest in a list": json.dumps(changed(points={"lstm": []})).encode(),
    "a point in a list": json.dumps(changed(points={"lstm": {"64": []}})).encode(),
    "a result that is a number": json.dumps(changed(points={"lstm": {"64": {"loop": 1e-3}}})).encode(),
    "NaN as a median": point(median=float("nan")),
    "NaN as a quantile": point(p80=float("nan")),
    "null as a median": point(median=None),
    "null as a quantile": point(p20=None),
    "no time but true": point(p20=True),
    "a time of zero": point(median=0, p20=0),
    "a negative time": point(median=-1e-3, p20=-2e-3),
    "infinite": point(p80=float("inf")),
    "a median beyond its quantiles": point(p80=0.5e-3),
    "an empty result": json.dumps(changed(points={"lstm": {"64": {"loop": {}}}})).encode(),
    "T with a line under it": point(T="1_000"),
    "T in words": point(T="long"),
    "T as a fraction": point(T="1.5"),
    "T of zero": point(T="0"),
    "T with a superscript": point(T="2²"),
    "T in other digits": point(T="٣"),
    "T of too many digits": point(T="9" * 5000),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_once_in_one_sentence_and_left_out(folder, name, capsys):
    put(folder, "whole.json")
    damaged = folder / "damaged.json"
    damaged.write_bytes(DAMAGED[name])
    for _ in range(2):
        (found,) = recorded("lstm D=128", also=folder)
        assert found.device == "NVIDIA T4"
    said = capsys.readouterr().out
    assert said.count("\n") == 1, said
    assert said.startswith(str(damaged))
    assert said.endswith("; it is left out.\n")
    assert len(said) < len(str(damaged)) + 300
    assert recorded("a contest that only the damaged file may have held", also=folder) == ()


def test_a_folder_named_like_a_recording_is_left_out(folder, capsys):
    (folder / "gpu.json").mkdir()
    assert recorded("lstm D=128", also=folder) == ()
    assert "gpu.json" in capsys.readouterr().out


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root, or Windows, may read every file")
def test_a_file_that_may_not_be_read_is_named_and_left_out(folder, capsys):
    put(folder).chmod(0)
    assert recorded("lstm D=128", also=folder) == ()
    assert "gpu.json" in capsys.readouterr().out


def test_a_file_whose_reading_fails_is_named_and_left_out(folder, capsys, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    put(folder)
    monkeypatch.setattr(Path, "read_text", refuse)
    assert recorded("lstm D=128", also=folder) == ()
    assert "gpu.json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entries", "cautions"),
    [
        ({}, ""),
        ({"quick": True}, " (quick)"),
        ({"finished": False}, " (incomplete)"),
        ({"finished": None}, " (incomplete)"),
        ({"revision": "21549f2+"}, " (with changed files)"),
        ({"revision": None}, " (of an unknown revision)"),
        ({"quick": True, "finished": False, "revision": "21549f2+"}, " (quick, incomplete, with changed files)"),
    ],
)
def test_what_one_should_know_before_trusting_a_recording_stands_in_its_label(folder, entries, cautions):
    (recording,) = recorded("lstm D=128", also=put(folder, **entries))
    assert recording.label == f"recorded 2026-11-25{cautions}: NVIDIA T4"
    picture = figures.time_against_length(None, "Title", recorded=[recording])
    assert recording.label in picture.text


def test_the_figure_draws_from_what_is_left_beside_a_damaged_file(folder, capsys):
    put(folder)
    (folder / "damaged.json").write_text("{")
    picture = figures.time_against_length(None, "Title", recorded=recorded("lstm D=128", also=folder))
    assert [trace["name"] for trace in picture.json["data"]] == ["our kernel (fused)"]
    assert "Out of memory: Python loop at T = 1024." in picture.text


def faults(path):
    """What keeps a recording from being shipped with the course: a list of words."""
    text = path.read_text(encoding="utf-8")
    found = [f"names {place[0]!r}" for place in OF_A_MACHINE.finditer(text)]
    if len(text.encode()) >= LARGEST:
        found.append("is too large")
    results = [
        result
        for points in json.loads(text)["points"].values()
        for point in points.values()
        for result in point.values()
    ]
    if any(len(result.get("samples", [])) > SAMPLES for result in results):
        found.append("holds too many samples")
    try:
        recordings._opened(path)
    except ValueError as error:
        found.append(str(error))
    return found


def test_every_recording_of_the_course_is_whole_small_and_says_nothing_of_its_machines_folders():
    assert {path.name: found for path in sorted(SHIPPED.glob("*.json")) if (found := faults(path))} == {}


def test_a_recording_that_may_not_be_shipped_is_known(folder):
    assert faults(put(folder)) == []
    for why, entries in {
        "names '/home/'": {"driver": "/home/someone/driver"},
        "names 'C:": {"driver": "C:\\Users"},
        "is too large": {"driver": "x" * LARGEST},
        "schema": {"schema": SCHEMA + 1},
    }.items():
        (fault,) = faults(put(folder, **entries))
        assert why in fault
    many = folder / "many.json"
    many.write_bytes(point(samples=[1e-3] * 21))
    assert faults(many) == ["holds too many samples"]
