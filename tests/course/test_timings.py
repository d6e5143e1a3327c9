"""All timings in one figure: live and recorded, several sets of them, with a message, guides, and what is missing."""

import itertools
import json
import re
from types import SimpleNamespace

import pytest
from timed import ATTENTION, CASES, H100, HERE, LAYER, elsewhere, here, race, timing

from course import CourseError
from course.results.recordings import Time
from course.show import looks
from course.show.theme import NARROWEST
from course.show.timings import time_against_length

COPIES = ["copy", "copy (used memory)", "copy (new memory)"]
# What one figure may hold: the labels of a contest of helpers.measuring.contests on a CPU and on a GPU.
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


def drawn(points, recorded=(), title="The fused LSTM", **more):
    contest = SimpleNamespace(name="lstm", about="(8, T, 256) float32")
    return time_against_length(points, title, HERE, contest=contest, recorded=recorded, **more)


def written_on(picture):
    """All that is written on a picture, its lines joined."""
    layout = picture.json["layout"]
    written = [layout["title"]["text"], *(note["text"] for note in layout["annotations"])]
    return re.sub("</?(b|span)[^<>]*>", "", " | ".join(written).replace("<br>", " "))


def title_of(picture):
    return re.sub("</?b>", "", picture.json["layout"]["title"]["text"].replace("<br>", " "))


def series(picture):
    """{x axis: {name of a line: trace}}, without the guides."""
    panels = {}
    for trace in picture.json["data"]:
        if trace.get("hoverinfo") != "skip":
            panels.setdefault(trace["xaxis"], {})[trace["name"]] = trace
    return panels


@pytest.fixture(params=CASES)
def case(request):
    points, recorded, *kernels = CASES[request.param]
    return lambda: drawn(points, recorded, kernels=kernels[0] if kernels else None)


def test_it_is_drawn_whatever_was_timed_or_recorded(case):
    picture = case()
    content = json.dumps(picture.bundle(), allow_nan=False)
    assert picture.text.startswith("Figure: The fused LSTM\n")
    assert len(picture.text) >= 60
    assert "nan" not in re.findall(r"\w+", picture.text)
    assert len(content) < 100_000
    assert "<script" not in json.dumps(picture.json)
    assert "<b onclick" not in json.dumps(picture.json)
    assert json.dumps(case().bundle()) == content


# ---- the message


def test_the_title_says_from_which_length_on_the_first_model_loses():
    points = race(attention=[1, 10, 1000], LSTM=[5, 50, 500], GRU=[6, 60, 600])
    assert title_of(time_against_length({"1 sentence": points, "8 sentences": points})) == (
        "8 sentences: attention loses from 1000 on"
    )
    assert title_of(time_against_length(points)) == "Attention loses from 1000 on"
    assert title_of(time_against_length(points, kernels=["LSTM", "attention"])) == "LSTM wins from 1000 on"


@pytest.mark.parametrize(
    ("times", "title"),
    {
        (1, 10, 100): "Attention wins at every length",
        (9, 90, 900): "Attention loses at every length",
        (9, 50.5, 100): "Attention wins from 1000 on",
        (1, 90, 100): "Attention wins from 1000 on",
        (1, 50.5, 499): "Attention wins at 10, ties from 100 on",
        (5, 50, 500): "Attention ties at every length",
    }.items(),
)
def test_a_lead_counts_only_where_the_middles_of_the_repeats_do_not_overlap(times, title):
    assert title_of(time_against_length(race(attention=times, LSTM=(5, 50, 500)))) == title


def test_a_copy_is_no_opponent():
    points = race(torch=[5, 50, 500], copy=[1, 1, 1], loop=[50, 500, 5000])
    assert title_of(time_against_length(points)) == "Torch wins at every length"


def test_a_heading_too_long_for_the_title_is_cut_at_its_comma_or_left_out():
    points = race(attention=[1, 10, 1000], LSTM=[5, 50, 500])
    cut, none = "8 sentences, forward and backward, on this machine", "eight sentences forward and backward, " * 2
    assert title_of(time_against_length({"1": points, cut: points})) == "8 sentences: attention loses from 1000 on"
    assert title_of(time_against_length({"1": points, none.replace(",", ""): points})) == "Attention loses from 1000 on"


def test_one_kernel_alone_gets_a_plain_title():
    assert title_of(time_against_length(race(LSTM=[1, 2, 3]))) == "Time against length: LSTM"


def test_a_message_from_live_times_is_not_in_the_compared_text():
    slow, fast = (
        time_against_length({"1 sentence": race(attention=[1, 10, times], LSTM=[5, 50, 500])}) for times in (1, 999)
    )
    assert title_of(slow) != title_of(fast)
    assert (
        slow.text
        == fast.text
        == (
            "Figure: Time against length: attention, LSTM\nx: sequence length T, logarithmic\ny: time (ms), logarithmic\n"
            "series: attention, LSTM\nlive, 1 sentence: the times of this machine, which stand in the picture alone"
        )
    )


# ---- panels


def test_a_panel_says_whether_it_was_measured_live_or_recorded_when_and_where():
    picture = drawn(here(LAYER), [elsewhere(LAYER, "Tesla T4", 12, cautions=("incomplete",)), elsewhere(LAYER)])
    assert len(series(picture)) == 3
    for heading in ("live: 2 CPU cores", "recorded 2026-11-12 (incomplete): Tesla T4", f"recorded 2026-11-25: {H100}"):
        assert f"| {heading} (" in written_on(picture)
    assert written_on(picture).count("(16, T, 128) float16") == 2
    assert written_on(picture).count("(8, T, 256) float32") == 1
    assert f"Measured live: {HERE}." in written_on(picture)
    assert f"Recorded 2026-11-25: {H100}, torch 2.13.0, triton 3.6.0." in written_on(picture)


def test_several_sets_of_live_times_stand_side_by_side_and_name_the_device_once():
    picture = drawn({"1 sentence": here(LAYER), "8 sentences, forward and backward": here(LAYER, 8)})
    assert "| 1 sentence (8, T, 256) float32 |" in written_on(picture)
    assert "| 8 sentences, forward and backward (8, T, 256) float32 |" in written_on(picture)
    assert written_on(picture).count("Measured live") == 1
    layout = picture.json["layout"]
    assert layout["yaxis"]["domain"] == layout["yaxis2"]["domain"] == [0, 1]


def test_all_panels_share_two_logarithmic_spans_that_hold_every_bar():
    picture = drawn({"1 sentence": here(LAYER, 0.1), "8 sentences": here(LAYER)}, [elsewhere(LAYER)])
    axes = [picture.json["layout"][f"yaxis{number}"] for number in ("", 2, 3)]
    assert {axis["type"] for axis in axes} == {"log"}
    assert len({tuple(axis["range"]) for axis in axes}) == 1
    assert len({tuple(picture.json["layout"][f"xaxis{number}"]["range"]) for number in ("", 2, 3)}) == 1
    low, high = (10**end for end in axes[0]["range"])
    for trace in itertools.chain(*(panel.values() for panel in series(picture).values())):
        bars = zip(trace["y"], trace["error_y"]["array"], trace["error_y"]["arrayminus"], strict=True)
        assert all(low < middle - below < middle + above < high for middle, above, below in bars)
    assert series(picture)["x3"]["our kernel (fused)"]["y"] == pytest.approx(
        [0.256 * 1.6, 1.024 * 1.6, 4.096 * 1.6], rel=1e-4
    )


def test_guides_show_how_time_grows_as_the_length_and_as_its_square():
    for trace in drawn(here(LAYER)).json["data"]:
        if trace.get("hoverinfo") == "skip":
            (shortest, longest), (first, last) = trace["x"], trace["y"]
            assert last / first == pytest.approx((longest / shortest) ** {"T": 1, "T²": 2}[trace["name"]], rel=1e-3)
    names = [trace["name"] for trace in drawn(here(LAYER), [elsewhere(LAYER)]).json["data"]]
    assert names.count("T") == names.count("T²") == 2


def test_the_name_of_a_line_that_ends_early_stands_above_the_lines_that_it_would_cross():
    recording = elsewhere(ATTENTION | {"online": 90}, absent={(4096, "naive")})
    recording.points[4096]["sdpa efficient"] = Time(900, 900, 900)
    notes = drawn(None, [recording]).json["layout"]["annotations"]
    heights = {re.sub("<[^>]+>", "", note["text"]): note["ay"] for note in notes if "ay" in note}
    assert heights["whole matrix"] > heights["torch SDPA: memory-efficient"]


def test_the_labels_of_one_panel_have_their_room_beside_the_next():
    layout = drawn(here(ATTENTION), [elsewhere(ATTENTION)]).json["layout"]
    paper = NARROWEST - layout["margin"]["l"] - layout["margin"]["r"]
    room = paper * (layout["xaxis2"]["domain"][0] - layout["xaxis"]["domain"][1])
    assert min(room, layout["margin"]["r"]) >= 7 * len("FlashAttention")
    assert paper * (layout["xaxis"]["domain"][1] - layout["xaxis"]["domain"][0]) > 120


# ---- names and looks


def test_kernels_of_one_model_share_its_colour_and_differ_in_dash_marker_and_name():
    for kernels in TOGETHER:
        assert set(kernels) <= set(looks.KERNELS)
        chosen = looks.looks(kernels, "lstm D=128, trained")
        assert len({look.dash for look in chosen.values()}) == len(kernels), kernels
        assert len({look.marker for look in chosen.values()}) == len(kernels), kernels
        assert len(set(map(looks.name, kernels))) == len(kernels)
        assert {chosen[kernel].colour for kernel in kernels if kernel not in COPIES} == {looks.MODELS["LSTM"].colour}


def test_a_kernel_keeps_its_look_in_every_panel_and_a_model_its_own():
    kernels = {**LAYER, "mine": 3, "LSTM": 4}
    first, second = series(drawn(here(kernels), [elsewhere(kernels)])).values()
    assert first.keys() == second.keys() == {*map(looks.name, kernels)}
    assert all(first[label]["line"] == second[label]["line"] for label in first)
    assert all(first[label]["marker"] == second[label]["marker"] for label in first)
    line, marker = first["LSTM"]["line"], first["LSTM"]["marker"]
    assert looks.Look(line["color"], line["dash"], marker["symbol"]) == looks.MODELS["LSTM"]


def test_the_names_of_kernels_are_for_people_and_stand_in_the_order_that_was_chosen():
    picture = drawn(here(LAYER), [elsewhere(LAYER)], kernels=["fused", "cudnn", "loop"])
    assert "series: our kernel (fused), cuDNN, Python loop\n" in picture.text
    assert list(series(picture)["x"]) == ["our kernel (fused)", "cuDNN", "Python loop"]
    assert list(series(drawn(here(LAYER), kernels="loop"))["x"]) == ["Python loop"]


# ---- what is missing


def test_what_ran_out_of_memory_or_is_missing_on_a_device_is_said():
    full, absent = {(1024, "naive"), (4096, "naive")}, {(4096, "online"), *((T, "flash") for T in (256, 1024, 4096))}
    recording = elsewhere(ATTENTION, full=full, absent=absent)
    picture = drawn(here({"naive": 9, "sdpa": 1}), [recording], kernels=["naive", "online", "flash", "sdpa"])
    missing = "Out of memory: whole matrix at T = 1024 and 4096. Not timed: online softmax at T = 4096; our kernel"
    assert missing in written_on(picture)
    assert missing in picture.text
    assert "Python 3.11.7. Not timed: online softmax; our kernel (flash). Recorded" in written_on(picture)
    assert list(series(picture)["x2"]) == ["whole matrix", "online softmax"]
    assert series(picture)["x2"]["whole matrix"]["x"] == [256]


def test_of_several_live_sets_the_one_that_ran_out_of_memory_is_named():
    large = here({"naive": 9, "sdpa": 1}) | {1024: {"naive": timing(1, full=True), "sdpa": timing(1)}}
    picture = drawn({"1 sentence": here({"naive": 9, "sdpa": 1}), "8 sentences": large})
    assert "8 sentences: Out of memory: whole matrix at T = 1024." in written_on(picture)


def test_inputs_that_do_not_fit_leave_every_kernel_out_of_memory():
    points = here({"naive": 9, "sdpa": 1})
    points[1024] = {"make": SimpleNamespace(out_of_memory=True)}
    assert "Out of memory: whole matrix at T = 1024; torch SDPA at T = 1024." in written_on(drawn(points))
    assert "Not timed" not in written_on(drawn(points))
    assert "make" not in drawn(points).text


def test_a_panel_in_which_nothing_ran_says_so_beside_one_in_which_something_did():
    picture = drawn(here({"torch": 1}), [elsewhere(LAYER)], kernels=["fused"])
    assert "| not timed here" in written_on(picture)
    assert list(series(picture)) == ["x2"]


def test_with_nothing_to_draw_one_sentence_says_so():
    for picture in (drawn(None), drawn({}, None), time_against_length(None, "The fused LSTM")):
        assert picture.json["data"] == []
        assert picture.text.endswith("\nNothing was timed here, and nothing is recorded.")
        assert "Nothing was timed here, and nothing is recorded." in written_on(picture)
    assert drawn(here(LAYER), kernels=["flash"]).text.endswith("None of the chosen kernels was timed.")
    everything = {T: {"LSTM": timing(1, full=True)} for T in (32, 64)}
    assert "Out of memory: LSTM." in written_on(drawn(everything))


def test_at_most_two_recordings_are_drawn_the_newest_and_the_others_are_counted():
    recordings = [elsewhere(LAYER, f"device {day}", day) for day in (1, 2, 3, 4)]
    picture = drawn(None, recordings)
    assert re.findall(r"device \d", picture.text) == ["device 3", "device 4"]
    assert "2 older recordings are not drawn." in written_on(picture)
    assert "1 older recording is not drawn." in written_on(drawn(None, recordings[1:]))
    assert "older" not in written_on(drawn(None, recordings[2:]))


def test_an_unknown_kernel_and_a_file_in_place_of_a_recording_get_a_sentence():
    with pytest.raises(CourseError, match="No kernel is called 'cuddn'.*cudnn"):
        drawn(here(LAYER), kernels=["cuddn"])
    with pytest.raises(CourseError, match="recorded takes what course.results.recordings.find_recordings gives"):
        time_against_length(None, recorded=["my.json"])


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


def test_ratios_are_to_the_fastest_that_computes_not_to_a_copy():
    text = drawn(None, [elsewhere({"copy": 1, "torch": 2, "loop": 20})]).text
    assert "at T = 4096 torch takes 8.19 ms, copying as much 0.50 times as long, Python loop 10 times as long." in text
