"""Every figure, for every value that a notebook offers and for what students type: quick, told in words, and harmless."""

import ast
import inspect
import itertools
import json
import os
import re
import statistics
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from course.figures import looks, panels
from stored import NOTEBOOKS

from course import figures, words
from course.results.recordings import Recording, Time
from course.show.display import Page, Picture
from helpers.measuring.device import Quantity

pytestmark = pytest.mark.usefixtures("one_thread")
SECONDS = 0.1 * (3 if os.environ.get("CI") else 1)
FUNCTIONS = {name: getattr(figures, name) for name in figures.__all__ if callable(getattr(figures, name))}
FIGURES = [name for name in FUNCTIONS if not name.endswith("_choices")]
NASTY = '<script>alert(1)</script> <b onclick=x>bold</b> & "co"'
TYPED = [
    "word",
    " ".join(letter * 40 for letter in "abcdefghijkl"),
    " ".join(f"number{n}" for n in range(50)),
    "the the the the",
    NASTY,
    "I ❤️ cats 🐈 👩‍👩‍👧",
    "מה אתה אומר",
    "مرحبا بالعالم today",
    "नमस्ते दुनिया",
    "我 爱 猫",
    "%s {0} \\n $x$ `code`",
    "S0-17",
    "a" * 100_000,
]
WORDLESS = ["", "   ", "🙂", "...", "<>"]


def explored():
    """{figure: [its controls in a notebook]}, read from the cells that call explore."""
    space = {"figures": figures, **vars(words)}
    found = {}
    for cell in (cell for notebook in NOTEBOOKS for cell in notebook.code):
        for call in ast.walk(ast.parse("".join(cell["source"]))):
            if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "explore"):
                continue
            controls = {}
            for keyword in call.keywords:
                value = eval(compile(ast.Expression(keyword.value), cell["id"], "eval"), space)
                controls |= value if keyword.arg is None else {keyword.arg: value}
            controls.pop("bake", None)
            found.setdefault(call.args[0].attr, []).append(controls)
    return found


EXPLORED = explored()


def timings(milliseconds, missing=()):
    """Points as helpers.sweep returns them."""
    models = ("attention", "Elman RNN", "LSTM")
    return {
        T: {
            model: SimpleNamespace(
                median=T * milliseconds * (k + 1) / 1e3, p20=T * milliseconds / 2e3, p80=T * milliseconds * 5 / 1e3,
                out_of_memory=(T, model) in missing,
            )
            for k, model in enumerate(models)
        }
        for T in (32, 128, 1024)
    }  # fmt: skip


def machine(speed):
    quantities = {
        name: Quantity(speed, 0.9 * speed, 1.1 * speed, unit, 20, name)
        for name, unit in {"copy": "B/s", "float32": "FLOP/s"}.items()
    }
    launch = Quantity(1 / speed, 0.9 / speed, 1.1 / speed, "s", 20, "launch")
    about = SimpleNamespace(sentence=lambda: f"a machine <b>of speed</b> {speed:g}")
    return SimpleNamespace(
        copy=quantities["copy"], matmul={"float32": quantities["float32"]}, launch=launch, device=about
    )


# What a figure is given where a notebook measured it: two machines, whose text must not differ.
MEASURED = {
    "time_against_length": [(timings(0.01), "Title", "one machine"), (timings(0.77), "Title", "another with 64 cores")],
    "this_machine": [(machine(1.234e9),), (machine(9.87e12),)],
}
# What a figure is given where a notebook counted it.
COUNTED = {"speed_up": ({1: 100, 2: 52, 4: 28, 1000: 9}, 100, 9)}


def defaults(name):
    return {key: parameter.default for key, parameter in inspect.signature(FUNCTIONS[name]).parameters.items()}


def cases(name):
    """Keywords for a figure: each control alone over all it offers, and twenty mixtures of them."""
    if name in MEASURED or name in COUNTED:
        return
    first = defaults(name)
    yield {}
    for controls in EXPLORED[name]:
        offered = {key: options(values, first) for key, values in controls.items()}
        for key, values in offered.items():
            yield from ({key: value} for value in values)
            if isinstance(controls[key], str):
                for typed in TYPED:
                    yield {key: typed}
                    followers = [other for other, values in controls.items() if callable(values)]
                    for other in followers:
                        try:
                            yield from (
                                {key: typed, other: value}
                                for value in options(controls[other], first | {key: typed})[-2:]
                            )
                        except ValueError:
                            continue
        random = np.random.RandomState(0)
        for _ in range(20):
            yield {key: values[random.randint(len(values))] for key, values in offered.items()}


def options(values, chosen):
    if callable(values):
        return list(values(**{key: chosen[key] for key in inspect.signature(values).parameters}))
    if isinstance(values, (bool, str)):
        return [True, False] if isinstance(values, bool) else [values]
    return list(values)


def draw(name, case):
    """The figure, or None for the refusal of what was typed, which must be a sentence."""
    try:
        return FUNCTIONS[name](*COUNTED.get(name, MEASURED.get(name, [()])[0]), **case)
    except ValueError as error:
        refusal = str(error)
    assert refusal.endswith("."), f"{case}: {refusal!r} is no sentence"
    assert set(map(type, case.values())) & {str}, f"{case} is offered, and refused: {refusal}"
    return None


def harmless(page):
    """Nothing that was typed has become markup."""
    return "<script" not in page and "onclick=x>" not in page.replace("&lt;", "") and "<b onclick" not in page


def test_every_figure_is_explored_in_a_notebook_or_has_an_example_here():
    assert set(FIGURES) == set(EXPLORED) | set(MEASURED) | set(COUNTED)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_in_words_what_it_shows(name):
    drawn = 0
    for case in [{}, *cases(name)]:
        figure = draw(name, case)
        if figure is None:
            continue
        drawn += 1
        assert isinstance(figure, (Picture, Page)), case
        assert len(figure.text) >= 60, case
        assert "<b>" not in figure.text.replace(NASTY, ""), case
        assert "nan" not in re.findall(r"\w+", figure.text.lower()), case
        assert "dtype" not in figure.text
        content = json.dumps(figure.bundle(), allow_nan=False)
        assert "bdata" not in content
        assert len(content) < 1_000_000, f"{case}: {len(content):,} characters"
        if isinstance(figure, Page):
            assert harmless(figure.html), case
    assert drawn >= 1


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_answers_within_a_tenth_of_a_second(name):
    def seconds(case):
        start = time.process_time()
        draw(name, case)
        return time.process_time() - start

    every = [{}, *cases(name)]
    for case in every[:2]:
        draw(name, case)  # the first one imports plotly
    slow = sorted(every, key=seconds)[-3:]
    for case in slow:
        spent = statistics.median(seconds(case) for _ in range(5))
        assert spent < SECONDS, f"{name}({case}) takes {1e3 * spent:.0f} ms"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_same_at_every_call_and_number_of_threads(name):
    chosen = list(itertools.islice(cases(name), 0, None, 4)) or [{}]
    for case in chosen:
        first = draw(name, case)
        torch.set_num_threads(2)
        second = draw(name, case)
        torch.set_num_threads(1)
        assert (first is None) == (second is None)
        if first:
            assert first.text == second.text, case
            assert json.dumps(first.bundle()) == json.dumps(second.bundle()), case


@pytest.mark.parametrize("name", MEASURED)
def test_the_text_of_what_was_measured_holds_no_measured_number(name):
    here, there = (FUNCTIONS[name](*arguments) for arguments in MEASURED[name])
    assert here.text == there.text
    assert here.bundle() != there.bundle()
    assert "<b>of speed" not in str(here.bundle()), "a device's name is text"


@pytest.mark.parametrize("name", [name for name in FIGURES if name in EXPLORED])
def test_pictures_of_one_figure_have_the_same_traces(name):
    """So that plotly's frames can replace one by another."""
    counts = {
        len(figure.json["data"]) for figure in (draw(name, case) for case in cases(name)) if isinstance(figure, Picture)
    }
    assert len(counts) <= 1


@pytest.mark.parametrize("name", [name for name in FIGURES if name in EXPLORED])
def test_a_figure_moves_with_each_of_its_controls(name):
    for controls in EXPLORED[name]:
        for key, values in controls.items():
            chosen = options(values, defaults(name))
            chosen = [*TYPED[:1], "floor"] if isinstance(values, str) else chosen
            shown = {json.dumps(figure.bundle()) for figure in (draw(name, {key: value}) for value in chosen) if figure}
            assert len(shown) >= 2, f"{key} changes nothing"


@pytest.mark.parametrize("name", [name for name in FIGURES if name in EXPLORED])
def test_what_has_no_words_is_drawn_or_refused_with_a_sentence(name):
    for controls in EXPLORED[name]:
        for key in (key for key, values in controls.items() if isinstance(values, str)):
            for typed in WORDLESS:
                figure = draw(name, {key: typed})
                assert figure is None or len(figure.text) >= 60


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_stands_on_its_own_background_and_has_a_title_and_axes_that_say_what(name):
    figure = draw(name, {})
    if isinstance(figure, Picture):
        layout = figure.json["layout"]
        assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "#FFFFFF"
        assert len(layout["title"]["text"]) > len("<b>Title</b>") - 1
        assert figure.text.startswith("Figure: ")
    else:
        assert "background-color:#FFFFFF" in figure.html


def test_out_of_memory_is_said_on_the_figure_and_stops_nothing():
    some = FUNCTIONS["time_against_length"](timings(0.1, missing={(1024, "LSTM")}), "Title", "a machine")
    assert "Out of memory: LSTM at T = 1024." in json.dumps(some.json)
    everything = {(T, model) for T in (32, 128, 1024) for model in ("attention", "Elman RNN", "LSTM")}
    none = FUNCTIONS["time_against_length"](timings(0.1, missing=everything), "Title", "a machine")
    assert none.json["data"] == []
    assert "Out of memory: attention; Elman RNN; LSTM." in json.dumps(none.json)
    absent = timings(0.1)
    del absent[1024]["LSTM"]
    assert "LSTM at T = 1024" in json.dumps(FUNCTIONS["time_against_length"](absent, "Title", "a machine").json)


# ---- kernels, on several devices

HERE = "2 CPU cores (a CPU of many words), 7.8 GiB, no GPU; torch 2.13.0 with 2 threads, no triton, Python 3.11.7"
H100 = "NVIDIA H100 80GB HBM3, compute capability 9.0"
LAYER = {"loop": 90, "hoisted": 70, "graph": 6, "nn": 2.3, "cudnn": 2.2, "fused": 1.6, "torch": 2.25}
ATTENTION = {"naive": 9, "online": 4, "flash": 0.3, "auto": 0.31, "sdpa flash": 0.32, "sdpa efficient": 0.5}
COPIES = ["copy", "copy (used memory)", "copy (new memory)"]
# What one figure may hold: the labels of a contest of helpers.contests on a CPU and on a GPU.
TOGETHER = [
    ["naive", "online", "flash", "auto", "sdpa", "sdpa flash", "sdpa efficient", "sdpa cudnn"],
    ["auto", "triton", "naive", "sdpa", "sdpa flash", "sdpa efficient", "sdpa cudnn", "copy"],
    ["chunked", "parallel", "recurrent", "fla"],
    ["torch", "cudnn", "graph", "fused", "loop", "hoisted", "nn"],
    ["auto", "triton", "chunked", "associative_scan", "accelerated-scan", "fla", "copy"],
    ["auto", "loop", "hillis_steele", "blelloch", "associative_scan", "accelerated-scan", "fla", *COPIES],
    ["scan", "log", "loop", "nn"],
    ["dense", "diagonal", "nn.RNN", "nn.GRU"],
]


def here(kernels, speed=1.0, lengths=(64, 256, 1024)):
    """Live points, as helpers.sweep returns them, from {kernel: ms at T = 1000}."""
    return {
        T: {
            kernel: SimpleNamespace(median=T * ms * speed / 1e6, p20=T * ms * speed / 2e6, p80=T * ms * speed / 0.7e6,
                                    out_of_memory=False)
            for kernel, ms in kernels.items()
        }
        for T in lengths
    }  # fmt: skip


def elsewhere(kernels, device=H100, day=25, lengths=(256, 1024, 4096), full=(), absent=(), cautions=(), **more):
    """A Recording, as recordings.recorded returns it, from {kernel: ms at T = 1000}."""
    points = {
        T: {
            kernel: Time(out_of_memory=True)
            if (T, kernel) in full
            else Time(T * ms / 1e6, T * ms / 1.1e6, T * ms / 9e5)
            for kernel, ms in kernels.items()
            if (T, kernel) not in absent
        }
        for T in lengths
    }
    about = {"contest": "lstm D=128", "about": "(16, T, 128) float16", "kind": "cuda", "torch": "2.13.0"} | more
    when = datetime(2026, 11, day, tzinfo=UTC)
    return Recording(points=points, device=device, when=when, triton="3.6.0", cautions=cautions, **about)


def drawn(points, recorded, **more):
    contest = SimpleNamespace(name="lstm", about="(8, T, 256) float32")
    return figures.time_against_length(points, "The fused LSTM", HERE, contest=contest, recorded=recorded, **more)


def said(picture):
    """All that is written on a picture, its lines joined."""
    layout = picture.json["layout"]
    written = [layout["title"]["text"], *(note["text"] for note in layout["annotations"])]
    return re.sub("</?(b|span)[^<>]*>", "", " | ".join(written).replace("<br>", " "))


def panels_of(picture):
    """{x axis: {name of a line: trace}}"""
    found = {}
    for trace in picture.json["data"]:
        found.setdefault(trace["xaxis"], {})[trace["name"]] = trace
    return found


CASES = {
    "here alone": (here(LAYER), ()),
    "recorded alone": (None, [elsewhere(LAYER)]),
    "both": (here(LAYER), [elsewhere(LAYER)]),
    "two recorded": (None, [elsewhere(LAYER, "Tesla T4"), elsewhere(LAYER)]),
    "three devices": (here(LAYER), [elsewhere(LAYER, "Tesla T4"), elsewhere(LAYER)]),
    "one length": (here(LAYER, lengths=[64]), [elsewhere(LAYER, lengths=[1])]),
    "equal times": (here(dict.fromkeys(LAYER, 1.0)), [elsewhere(dict.fromkeys(LAYER, 1.0))]),
    "names of the student's own": (here({"mine": 1, "mine too": 1.01, "w" * 80: 2, NASTY: 3}), [elsewhere(LAYER)]),
    "a long name of a device": (here(LAYER), [elsewhere(LAYER, "x" * 90, cautions=("quick", "incomplete"))]),
    "nothing": (None, ()),
    "empty points": ({}, []),
    "recorded, and nothing ran there": (None, [elsewhere({})]),
    "recorded at no length": (here(LAYER), [elsewhere(LAYER, lengths=())]),
    "other kernels chosen": (here(LAYER), [elsewhere(LAYER)], ["flash"]),
}


@pytest.fixture(params=CASES)
def case(request):
    points, recorded, *kernels = CASES[request.param]
    return lambda: drawn(points, recorded, kernels=kernels[0] if kernels else None)


def test_kernels_are_drawn_whatever_was_timed_or_recorded(case):
    picture = case()
    content = json.dumps(picture.bundle(), allow_nan=False)
    assert picture.text.startswith("Figure: The fused LSTM\n")
    assert len(picture.text) >= 60
    assert "nan" not in re.findall(r"\w+", picture.text)
    assert len(content) < 100_000
    assert harmless(json.dumps(picture.json))
    assert json.dumps(case().bundle()) == content


def test_kernels_are_drawn_within_a_tenth_of_a_second(case):
    case()  # the first one imports plotly
    start = time.process_time()
    for _ in range(5):
        case()
    assert time.process_time() - start < 5 * SECONDS


def test_a_panel_says_whether_it_was_measured_live_or_recorded_when_and_where():
    picture = drawn(here(LAYER), [elsewhere(LAYER, "Tesla T4", 12, cautions=("incomplete",)), elsewhere(LAYER)])
    assert len(panels_of(picture)) == 3
    for heading in ("live: 2 CPU cores", "recorded 2026-11-12 (incomplete): Tesla T4", f"recorded 2026-11-25: {H100}"):
        assert f"| {heading} (" in said(picture)
    assert said(picture).count("(16, T, 128) float16") == 2
    assert said(picture).count("(8, T, 256) float32") == 1
    assert f"Measured live: {HERE}." in said(picture)
    assert f"Recorded 2026-11-25: {H100}, torch 2.13.0, triton 3.6.0." in said(picture)
    alone = drawn(here(LAYER), ())
    assert "recorded" not in said(alone).lower()
    assert "live" not in said(drawn(None, [elsewhere(LAYER)]))


def test_all_panels_share_one_logarithmic_axis_in_milliseconds_that_holds_every_bar():
    picture = drawn(here(LAYER), [elsewhere(LAYER)])
    axis = picture.json["layout"]["yaxis"]
    assert "yaxis2" not in picture.json["layout"]
    assert (axis["type"], axis["title"]["text"]) == ("log", "time (ms)")
    assert {trace.get("yaxis", "y") for trace in picture.json["data"]} == {"y"}
    for trace in picture.json["data"]:
        for middle, above, below in zip(
            trace["y"], trace["error_y"]["array"], trace["error_y"]["arrayminus"], strict=True
        ):
            assert 10 ** axis["range"][0] < middle - below < middle < middle + above < 10 ** axis["range"][1]
    there = panels_of(picture)["x2"]["our kernel (fused)"]
    assert there["y"] == pytest.approx([0.256 * 1.6, 1.024 * 1.6, 4.096 * 1.6], rel=1e-4)


@pytest.mark.parametrize("speeds", [dict.fromkeys(LAYER, 1.0), LAYER])
@pytest.mark.parametrize("recorded", [0, 1, 2])
def test_labels_at_the_ends_of_lines_do_not_overlap_and_stay_beside_their_panel(speeds, recorded):
    picture = drawn(here(speeds), [elsewhere(speeds)] * recorded)
    layout = picture.json["layout"]
    low, high = layout["yaxis"]["range"]
    height = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    labels = [note for note in layout["annotations"] if "ay" in note]
    assert len(labels) == len(LAYER) * (recorded + 1)
    for axis in {note["axref"] for note in labels}:
        edge = -1.0
        for note in sorted((note for note in labels if note["axref"] == axis), key=lambda note: note["ay"]):
            half = 15 * (note["text"].count("<br>") + 1) / 2
            centre = height * (note["ay"] - low) / (high - low)
            assert centre - half >= edge
            edge = centre + half
        assert edge <= height + 1


def test_a_panel_keeps_room_for_its_labels():
    layout = drawn(here(ATTENTION), [elsewhere(ATTENTION)] * 2).json["layout"]
    domains = [layout[f"xaxis{number}"]["domain"] for number in ("", 2, 3)]
    paper = panels.NARROW - layout["margin"]["l"] - layout["margin"]["r"]
    needed = 7 * len("FlashAttention") / paper
    assert all(start - end > needed for (_, end), (start, _) in itertools.pairwise([*domains, [1, 1]]))
    assert all(end - start > 50 / paper for start, end in domains)


def test_the_name_of_a_line_that_ends_early_stands_above_the_lines_that_it_would_cross():
    recording = elsewhere(ATTENTION | {"online": 90}, absent={(4096, "naive")})
    recording.points[4096]["sdpa efficient"] = Time(900, 900, 900)
    labels = {
        note["text"]: note["ay"] for note in drawn(None, [recording]).json["layout"]["annotations"] if "ay" in note
    }
    assert labels["<b>whole matrix</b>"] > labels["<b>torch SDPA: memory-efficient</b>"]


def test_kernels_of_one_model_share_its_colour_and_differ_in_dash_marker_and_name():
    for kernels in TOGETHER:
        assert set(kernels) <= set(looks.KERNELS)
        found = looks.looks(kernels, "lstm D=128, trained")
        for place in (1, 2):
            assert len({look[place] for look in found.values()}) == len(kernels), kernels
        assert len(set(map(looks.name, kernels))) == len(kernels)
        assert {look[0] for kernel, look in found.items() if kernel not in COPIES} == {looks.STYLES["LSTM"][0]}


def test_a_kernel_keeps_its_look_in_every_panel_and_a_model_its_own():
    kernels = {**LAYER, "mine": 3, "LSTM": 4}
    first, second = panels_of(drawn(here(kernels), [elsewhere(kernels)])).values()
    assert first.keys() == second.keys() == {*map(looks.name, kernels)}
    for label in first:
        for part, names in (("line", ("color", "dash")), ("marker", ("symbol",))):
            for name in names:
                assert first[label][part][name] == second[label][part][name]
    look = (first["LSTM"]["line"]["color"], first["LSTM"]["line"]["dash"], first["LSTM"]["marker"]["symbol"])
    assert look == looks.STYLES["LSTM"]
    dashes = [trace["line"]["dash"] for label, trace in first.items() if label != "LSTM"]
    assert len(set(dashes)) == len(dashes)


def test_the_names_of_kernels_are_for_people():
    picture = drawn(here(LAYER), [elsewhere(LAYER)], kernels=["fused", "cudnn", "loop"])
    assert "series: our kernel (fused), cuDNN, Python loop\n" in picture.text
    assert list(panels_of(picture)["x"]) == ["our kernel (fused)", "cuDNN", "Python loop"]
    assert list(panels_of(drawn(here(LAYER), (), kernels="loop"))["x"]) == ["Python loop"]


def test_what_ran_out_of_memory_or_is_missing_on_a_device_is_said():
    full, absent = {(1024, "naive"), (4096, "naive")}, {(4096, "online"), *((T, "flash") for T in (256, 1024, 4096))}
    recording = elsewhere(ATTENTION, full=full, absent=absent)
    picture = drawn(here({"naive": 9, "sdpa": 1}), [recording], kernels=["naive", "online", "flash", "sdpa"])
    for text in (said(picture), picture.text):
        assert (
            "Out of memory: whole matrix at T = 1024 and 4096. Not timed: online softmax at T = 4096; our kernel"
            in text
        )
    assert "Python 3.11.7. Not timed: online softmax; our kernel (flash). |" in said(picture).replace("Rec", "| Rec")
    assert list(panels_of(picture)["x2"]) == ["whole matrix", "online softmax"]
    assert panels_of(picture)["x2"]["whole matrix"]["x"] == [256]


def test_inputs_that_do_not_fit_leave_every_kernel_out_of_memory():
    points = here({"naive": 9, "sdpa": 1})
    points[1024] = {"make": SimpleNamespace(out_of_memory=True)}
    assert "Out of memory: whole matrix at T = 1024; torch SDPA at T = 1024." in said(drawn(points, ()))
    assert "Not timed" not in said(drawn(points, ()))
    assert "make" not in drawn(points, ()).text


def test_a_panel_in_which_nothing_ran_says_so_beside_one_in_which_something_did():
    picture = drawn(here({"torch": 1}), [elsewhere(LAYER)], kernels=["fused"])
    assert "| not timed here |" in said(picture)
    assert list(panels_of(picture)) == ["x2"]


def test_with_nothing_to_draw_one_sentence_says_so():
    for picture in (drawn(None, ()), drawn({}, None), figures.time_against_length(None, "The fused LSTM")):
        assert picture.json["data"] == []
        assert picture.text.endswith("\nNothing was timed here, and nothing is recorded.")
        assert "Nothing was timed here, and nothing is recorded." in said(picture)
    assert drawn(here(LAYER), (), kernels=["flash"]).text.endswith("None of the chosen kernels was timed.")


def test_at_most_two_recordings_are_drawn_the_newest_and_the_others_are_counted():
    recordings = [elsewhere(LAYER, f"device {day}", day) for day in (1, 2, 3, 4)]
    picture = drawn(None, recordings)
    assert len(panels_of(picture)) == 2
    assert "device 3" in picture.text
    assert "device 4" in picture.text
    assert "device 2" not in picture.text
    assert "2 older recordings are not drawn." in said(picture)
    assert "1 older recording is not drawn." in said(drawn(None, recordings[1:]))
    assert "older" not in said(drawn(None, recordings[2:]))


def test_the_text_holds_recorded_ratios_at_the_longest_lengths_and_no_live_time():
    recording = elsewhere(LAYER, absent={(4096, "loop")})
    slow, fast = (drawn(here(LAYER, speed), [recording], kernels=["loop", "cudnn", "fused"]) for speed in (1, 7.7))
    assert slow.text == fast.text
    assert slow.bundle() != fast.bundle()
    assert (
        f"recorded 2026-11-25: {H100}, (16, T, 128) float16: at T = 4096 our kernel (fused) takes 6.55 ms, cuDNN 1.38 "
        "times as long; at T = 1024 our kernel (fused) takes 1.64 ms, Python loop 56.2 times as long." in slow.text
    )
    assert "2 CPU cores" not in slow.text


def test_a_repeated_word_can_be_told_from_the_first():
    choices = figures.reader_choices("the cat the cat")
    assert choices == ["1 the", "2 cat", "3 the", "4 cat"]
    pages = {figures.attention_reads("the cat the cat", reader=choice).html for choice in choices}
    assert len(pages) == 4


@pytest.mark.parametrize("head", figures.PROJECTIONS)
@pytest.mark.parametrize("temperature", [0.1, 1.0, 20.0])
def test_shares_shown_for_a_word_add_up_to_the_whole(head, temperature):
    text = figures.attention_reads(words.SENTENCE, head, "1 The", temperature).text
    rows = [re.findall(r"(\d+)%", line) for line in text.split("\n")[1:]]
    assert len(rows) == 6
    for shares in rows:
        assert len(shares) == 6
        assert abs(sum(map(int, shares)) - 100) <= 3, "each is rounded"


def test_the_head_set_by_hand_reads_the_previous_word_when_cold():
    text = figures.attention_reads(words.SENTENCE, figures.PROJECTIONS[2], "3 rested", 0.1).text
    assert text.startswith("Figure: “rested” reads “mat” most: 100% of its")


def test_without_projections_every_word_reads_itself_most():
    for place, word in enumerate(split := words.split_words(words.SENTENCE), 1):
        text = figures.attention_reads(words.SENTENCE, figures.PROJECTIONS[0], f"{place} {word}").text
        assert f"“{word}” reads “{word}” most" in text
    assert len(split) == 6


def test_who_waits_tells_what_the_graphs_and_the_perturbation_say():
    for changed in range(1, 7):
        lines = figures.who_waits(changed).text.split("\n")[1:]
        assert lines == [
            "feed-forward: 1 of 6 outputs notice; the last is ready in round 1",
            f"Elman RNN: {7 - changed} of 6 outputs notice; the last is ready in round 6",
            "attention: 6 of 6 outputs notice; the last is ready in round 4",
            f"causal attention: {7 - changed} of 6 outputs notice; the last is ready in round 4",
        ]
