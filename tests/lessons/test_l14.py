"""Lesson 14: every number of scale is added up from stated inputs, and what its text says of the days holds."""

import pytest

from course.ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS
from course.lessons.l14 import decisions, figures, published
from course.results.recordings import find_recordings
from helpers import cost

LISTED = "docs/sources.md"


@pytest.mark.parametrize("work", sorted(published.WORKS))
def test_each_work_that_is_quoted_stands_in_the_list_of_sources(work, request):
    listed = (request.config.rootpath / LISTED).read_text(encoding="utf-8")
    assert f"**{work}.**" in listed


@pytest.mark.parametrize("model", [published.GPT3, published.PALM], ids=lambda model: model.name)
def test_six_operations_a_weight_and_word_are_what_the_paper_prints(model):
    assert cost.training_flop(model.weights, model.tokens) == pytest.approx(model.flop, rel=5e-3)


def test_of_an_encoder_and_a_decoder_each_word_passes_one():
    flop = published.T5.through * cost.training_flop(published.T5.weights, published.T5.tokens)
    assert flop == pytest.approx(published.T5.flop, rel=0.06)


@pytest.mark.parametrize(("model", "times"), [(published.BASE, 3.4), (published.BIG, 2.4)])
def test_the_paper_of_2017_prints_more_than_its_words_need(model, times):
    needed = model.through * cost.training_flop(model.weights, model.tokens)
    assert round(model.flop / needed, 1) == times


def test_gpt3_is_added_up_from_its_shape():
    assert published.gpt3_weights() == pytest.approx(174.6e9, rel=1e-4)
    petaflop_days = cost.training_flop(published.gpt3_weights(), published.GPT3.tokens) / 1e15 / cost.runs.DAY
    assert petaflop_days == pytest.approx(published.GPT3_PETAFLOP_DAYS, rel=1e-3)


def test_megatrons_days_are_four_passes_at_what_it_reached():
    flop = cost.training_flop(published.GPT3.weights, published.GPT3.tokens, passes=published.MEGATRON["passes"])
    days = cost.Cluster(published.MEGATRON["devices"], published.MEGATRON["reached"]).days(flop)
    assert round(days) == published.MEGATRON["days"]


@pytest.mark.parametrize(
    ("name", "printed"), [("Transformer, base", 3.3e18), ("Transformer, big", 2.3e19), ("GNMT, to French", 1.4e20)]
)
def test_the_operations_of_2017_are_device_time_times_speed(name, printed):
    devices, speed, hours = published.TIMED_2017[name]
    assert float(f"{devices * speed * hours * 3600:.2g}") == printed


def test_palms_shares_are_its_speed_with_the_squares_and_its_chip_hours():
    speed = published.PALM_TOKENS_A_SECOND / (published.PALM_PHASES[0][0] * published.TPU_V4.peak)
    assert round(published.palm_flop_a_token() * speed, 3) == published.PALM_SHARES["of the model's operations"]
    chip_seconds = 3600 * sum(chips * hours for chips, hours in published.PALM_PHASES)
    flop = cost.training_flop(published.PALM.weights, published.PALM.tokens)
    assert round(flop / (chip_seconds * published.TPU_V4.peak), 3) == 0.304


def test_what_palm_computed_twice_is_more_than_nothing_and_less_than_one_pass_of_three():
    once, twice = published.PALM_SHARES.values()
    assert once < twice < once * 4 / 3


def test_one_v100_takes_a_year_more_than_its_source_prints():
    flop = cost.training_flop(published.gpt3_weights(), published.GPT3.tokens)
    assert round(cost.Cluster(1, published.V100.peak).days(flop) / 365) == published.V100_YEARS + 1


def test_8731_devices_hold_all_weights_on_their_chips():
    assert 8730 < cost.runs.ITEMSIZE * published.gpt3_weights() / published.A100.cache < 8731


def test_twelve_chips_share_four_texts_of_palms_largest_batch_683_words_for_each():
    chips, texts = published.PALM_PHASES[0][0], max(published.PALM_BATCHES)
    assert texts / (chips // published.PALM_GROUP) == 4
    assert round(texts * published.PALM_SHAPE["context"] / chips) == 683


def test_the_price_of_a_step_is_the_recorded_one():
    recording = next(row for row in find_recordings("lstm D=768, trained") if "H200" in row.device)
    assert round(recording.points[1024]["torch"].median / 1024 * 1e6, 1) == round(figures.STEP * 1e6, 1)


def test_the_share_of_the_peak_that_the_text_quotes_is_recorded():
    recording = next(row for row in find_recordings("lstm D=768") if "H200" in row.device)
    flop = 2 * cost.lstm(1024, 768, B=16).work
    products = 671e12  # FLOP/s in float16, as the same file holds it
    assert round(flop / recording.points[1024]["torch"].median / products, 2) == 0.11


@pytest.mark.parametrize(("copies", "total"), [(1, 18.1), (4, 11.7), (10, 11.7), (16, 16.5)])
def test_a_network_of_25_gigabytes_a_second_holds_up_one_copy_alone(copies, total):
    run, cluster = published.gpt3_run(), published.a100_cluster()
    step = figures.STEP + 2 * cost.states_heard(run, 2048, copies=copies) / 25e9
    days = cost.recurrent_days(run, cluster, 2048, copies=copies, step=step)
    assert round(days.total, 1) == total


@pytest.mark.parametrize(("copies", "shared", "fits"), [(16, 0, True), (64, 0, False), (64, 12, True)])
def test_64_copies_fit_into_the_devices_only_if_they_share_adams_state(copies, shared, fits):
    """16 bytes a weight: weight and gradient in 16 bits; a copy and two averages in 32, which all copies can share."""
    held = ((16 - shared) * copies + shared) * published.gpt3_weights() / published.MEGATRON["devices"]
    assert (held < 80e9) == fits


def test_waiting_equals_the_arithmetic_at_1_7_milliseconds_a_step():
    run = published.gpt3_run()
    days = cost.recurrent_days(run, published.a100_cluster(), 2048, step=2 * 1.7e-3)
    assert days.waiting == pytest.approx(days.passes, rel=0.01)


@pytest.mark.parametrize(("context", "recurrent_ahead"), [(69_000, True), (71_000, False)])
def test_where_half_of_the_weights_are_read_the_crossing_is_at_70_000_words(context, recurrent_ahead):
    run, cluster = published.gpt3_run(), published.a100_cluster()
    recurrent = cost.recurrent_days(run, cluster, context, step=figures.STEP, reread=0.5)
    assert (recurrent.total < cost.transformer_days(run, cluster, context).total) == recurrent_ahead


def test_in_a_batch_ten_times_as_large_the_recurrent_net_stays_ahead_up_to_a_million_words():
    assert len(figures.crossings(batch=32_000_000)) == 1


@pytest.mark.parametrize("place", [0, 1])
def test_before_and_after_a_crossing_another_model_is_ahead(place):
    at = figures.crossings()[place]
    ahead = [recurrent.total < transformer.total for transformer, recurrent in (figures.days(at - 1), figures.days(at))]
    assert ahead == [bool(place), not place]


def test_the_thick_line_is_the_largest_thin_one_and_the_gradients():
    thin = [figures.days_by_context().json["data"][place]["y"] for place in range(3)]
    thick = figures.days_by_context().json["data"][4]["y"]
    gradients = figures.days(2048)[1].gradients
    assert thick == pytest.approx([max(heights) + gradients for heights in zip(*thin, strict=True)], rel=0.01)


def test_where_a_batch_does_not_hold_a_text_for_each_copy_nothing_is_drawn():
    picture = figures.days_by_context(copies=64, batch=320_000, context=131_072).json
    assert picture["data"][4]["y"][-1] is None
    assert "320,000 words are not 64 texts of 131,072 words" in picture["layout"]["title"]["text"]


def test_a_title_a_heading_and_two_dots_are_about_the_marked_context():
    picture = figures.days_by_context(copies=16, context=8192).json
    transformer, recurrent = (row.total for row in figures.days(8192, copies=16))
    assert (
        f"At 8,192 words: recurrent {recurrent:.1f} days, Transformer {transformer:.1f}"
        in picture["layout"]["title"]["text"]
    )
    texts = [row["text"] for row in picture["layout"]["annotations"]]
    assert any("24.4 texts share a reading of the weights; 156 keep the arithmetic busy" in text for text in texts)
    (dots,) = [row for row in picture["data"] if row["name"] == "marked"]
    assert list(dots["x"]) == [8192, 8192]
    assert dots["y"] == pytest.approx([transformer, recurrent], rel=1e-3)


def test_a_ring_lies_on_both_thick_lines_for_every_batch():
    (rings,) = [
        row for row in figures.days_by_context(batch=10_000_000).json["data"] if row["name"] == "where they cross"
    ]
    assert len(rings["x"]) == 2
    for context, height in zip(rings["x"], rings["y"], strict=True):
        assert [row.total for row in figures.days(context, batch=10_000_000)] == pytest.approx([height] * 2, rel=1e-3)


def test_each_thick_line_has_the_days_of_its_model():
    lines = {row["name"]: row["y"] for row in figures.days_by_context().json["data"]}
    transformer, recurrent = figures.days(figures.LONGEST)
    assert lines["Transformer"][-1] == pytest.approx(transformer.total, rel=0.01)
    assert lines["recurrent"][-1] == pytest.approx(recurrent.total, rel=0.01)


def test_the_note_of_the_figure_says_the_sizes_that_it_is_drawn_for():
    note = " ".join(row["text"] for row in figures.days_by_context().json["layout"]["annotations"]).replace("<br>", " ")
    run, gradients = published.gpt3_run(), figures.days(2048)[1].gradients
    assert f"{run.weights / 1e9:.1f} billion weights, {run.tokens / 1e9:.0f} billion words" in note
    assert f"waits {figures.STEP * 1e6:.1f} µs" in note
    assert f"and {gradients:.1f} days for the gradients" in note


def test_the_numbers_behind_the_verdicts_are_those_that_the_lesson_prints():
    weeks, contexts, translators = decisions.weeks(), decisions.contexts(), decisions.translators()
    assert [round(number, 1) for number in weeks.values()] == [25.4, 355.9, 11.5, 11.7]
    assert [round(100 * share, 1) for share in contexts["squares"]] == [1.4, 22.2, 711.1]
    assert [round(size / 1e9, 1) for size in contexts["cache_bytes"]] == [9.7, 154.6, 4947.8]
    assert [round(days) for days in contexts["recurrent_days"]] == [12, 16, 392]
    assert [round(times, 1) for times in translators["times_fewer_french"]] == [42.4, 6.1]
    assert round(translators["convolution_over_gnmt_french"], 2) == 1.07
    assert [round(gain, 1) for gain in translators["gained_bleu_of_base"]] == [2.7, -1.8]


WEEKS = {"days_reached": 25, "years_on_one": 356, "transformer_days": 11.5, "recurrent_days": 11.7}
LONG = {"squares": [0.01, 7], "cache_bytes": [1, 500], "transformer_days": [11, 92], "recurrent_days": [12, 392]}
CHEAP = {
    "times_fewer_french": [42, 6],
    "big_over_gnmt_german": 0.5,
    "convolution_over_gnmt_french": 0.5,
    "gained_bleu_of_base": [2, 2],
}
DATA = {"words": [1, 10], "transformer": [2, 20], "recurrent": [3, 30], "a_weight_and_word": 6}


@pytest.mark.parametrize(
    ("rule", "numbers", "changed", "verdict"),
    [
        ("weeks_not_years", WEEKS, {}, CONDITIONAL),
        ("weeks_not_years", WEEKS, {"days_reached": 400}, DOES_NOT_HOLD),
        ("weeks_not_years", WEEKS, {"years_on_one": 0.9}, DOES_NOT_HOLD),
        ("weeks_not_years", WEEKS, {"recurrent_days": 24}, HOLDS),
        ("weeks_not_years", WEEKS, {"recurrent_days": 24, "years_on_one": 0.9}, HOLDS),
        ("long_contexts", LONG, {}, CONDITIONAL),
        ("long_contexts", LONG, {"squares": [0.01, 0.02]}, CONDITIONAL),
        ("long_contexts", LONG, {"cache_bytes": [1, 2]}, CONDITIONAL),
        ("long_contexts", LONG, {"squares": [0.01, 0.02], "cache_bytes": [1, 2]}, HOLDS),
        ("long_contexts", LONG, {"recurrent_days": [12, 91]}, DOES_NOT_HOLD),
        ("days_for_weeks", CHEAP, {}, HOLDS),
        ("days_for_weeks", CHEAP, {"big_over_gnmt_german": 1}, CONDITIONAL),
        ("days_for_weeks", CHEAP, {"convolution_over_gnmt_french": 1.07}, CONDITIONAL),
        ("days_for_weeks", CHEAP, {"gained_bleu_of_base": [2, -1]}, CONDITIONAL),
        ("days_for_weeks", CHEAP, {"times_fewer_french": [42, 1.9]}, DOES_NOT_HOLD),
        ("data_in_proportion", DATA, {}, HOLDS),
        ("data_in_proportion", DATA, {"a_weight_and_word": 12}, DOES_NOT_HOLD),
        ("data_in_proportion", DATA, {"recurrent": [3, 31]}, DOES_NOT_HOLD),
    ],
)
def test_each_number_has_its_part_in_the_verdict(rule, numbers, changed, verdict):
    assert getattr(decisions, rule)(**(numbers | changed)) == verdict
