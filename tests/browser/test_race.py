"""The race in the browser: its numbers on a GPU that Chromium plays in software, its counts, and what it says."""

import json

import pytest
import torch
from race_page import SMALL, opened, run

from course.lessons.l01.figures import rounds_needed
from course.models.tiny import random_words, tiny_rnn
from course.show.race import MODULE, race, race_page, source, waiting_page
from helpers import cost, newton_recurrence

pytestmark = [pytest.mark.test_all, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def page(gpu_chromium, tmp_path_factory):
    page = opened(gpu_chromium, tmp_path_factory.mktemp("race"))
    if not page.evaluate("navigator.gpu && navigator.gpu.requestAdapter().then(Boolean)"):
        pytest.skip("this Chromium plays no GPU in software")
    return page


@pytest.fixture(scope="module")
def plain_page(chromium, tmp_path_factory):
    """The same without WebGPU."""
    return opened(chromium, tmp_path_factory.mktemp("race"))


# ---- numbers


def test_the_module_is_small_and_asks_nobody():
    assert MODULE.stat().st_size <= 60_000
    for word in ("fetch(", "XMLHttpRequest", "import(", "http:", "https://", "sendBeacon", "WebSocket"):
        assert word not in source().replace('"http://www.w3.org/2000/svg"', "")


@pytest.mark.parametrize("T", [2, 16, 100, 1024])
@pytest.mark.parametrize("width", [16, 41, 256])
@pytest.mark.parametrize("B", [1, 8])
def test_the_counts_are_those_of_helpers(plain_page, T, width, B):
    rnn, attention = (plain_page.evaluate(f"module.count{name}({T}, {width}, {B})") for name in ("Rnn", "Attention"))
    for counted, layer in ((rnn, cost.elman), (attention, cost.attention)):
        formula = cost.trained(layer, T, width, B=B)
        assert counted == {"work": formula.work, "span": formula.span}


@pytest.mark.parametrize("T", [16, 128, 1024])
@pytest.mark.parametrize("D", [64, 128, 256])
def test_equal_work_is_equal_to_half_a_width(plain_page, T, D):
    A = plain_page.evaluate(f"module.widthOfEqualWork({T}, {D})")
    wanted = cost.trained(cost.elman, T, D).work
    works = [cost.trained(cost.attention, T, width).work for width in (A, A - 1, A + 1) if width]
    assert min(works, key=lambda work: abs(work - wanted)) == works[0]


def tensors(layer, names, *shapes):
    return [
        torch.tensor(layer[name]).double().reshape(shape).requires_grad_()
        for name, shape in zip(names, shapes, strict=True)
    ]


SET_UP = """([T, D, B]) => {
    const arena = module.setUp(T, D, B), all = Array.from({ length: B }, (_, s) => s);
    const plain = x => x instanceof Float32Array || x instanceof Float64Array ? Array.from(x) : x;
    const plainly = x => Object.fromEntries(Object.entries(x).map(([key, value]) => [key, plain(value)]));
    return { ...arena, rnn: plainly(arena.rnn), attention: plainly(arena.attention),
             trueRnn: plainly(module.trueRnn(arena.rnn, all)), trueAttention: plainly(module.trueAttention(arena.attention, all)) };
}"""


def assert_equal(numbers, tensor):
    assert (torch.tensor(numbers, dtype=torch.float64) - tensor.detach().flatten()).abs().max() < 1e-10


def test_the_plain_loop_of_the_rnn_is_torchs_and_its_gradients_too(plain_page):
    T, D, B = 7, 5, 3
    arena = plain_page.evaluate(SET_UP, [T, D, B])
    X, U, W, b, dY = tensors(arena["rnn"], ["X", "U", "W", "b", "dY"], (T, B, D), (D, D), (D, D), (D,), (T, B, D))
    h, states = torch.zeros(B, D, dtype=torch.float64), []
    for t in range(T):
        states.append(h := torch.tanh(X[t] @ U.T + h @ W.T + b))
    torch.stack(states).backward(dY.detach())
    for key, tensor in {"states": torch.stack(states), "dX": X.grad, "dU": U.grad, "dW": W.grad, "db": b.grad}.items():
        assert_equal(arena["trueRnn"][key], tensor)


def test_the_plain_loop_of_attention_is_torchs_and_its_gradients_too(plain_page):
    T, D, B = 7, 9, 3
    arena = plain_page.evaluate(SET_UP, [T, D, B])
    A = arena["A"]
    X, QKV, O, dY = tensors(arena["attention"], ["X", "QKV", "O", "dY"], (B, T, A), (A, 3 * A), (A, A), (B, T, A))
    q, k, v = (X @ QKV).split(A, dim=-1)
    Y = torch.nn.functional.scaled_dot_product_attention(q, k, v) @ O
    Y.backward(dY.detach())
    for key, tensor in {"Y": Y, "dX": X.grad, "dQKV": QKV.grad, "dO": O.grad}.items():
        assert_equal(arena["trueAttention"][key], tensor)


@pytest.mark.parametrize("batch", [1, 3])
def test_every_contestant_on_a_gpu_computes_the_truth(page, batch):
    outcome = run(page, width=32, batch=batch, lengths=[16, 33])
    assert outcome["wrong"] == []
    assert [row["T"] for row in outcome["rows"]] == [16, 33]
    assert set(outcome["rows"][0]["samples"]) == {"step", "fused", "attention"}
    assert outcome["device"]


def test_long_texts_are_compared_too(page):
    changes = [
        ("mean += left[row + r] * result[row + r];", "mean += select(0, left[row + r] * result[row + r], r < 140);")
    ]
    right = run(page, width=64, batch=2, lengths=[150])
    assert (right["wrong"], len(right["rows"])) == ([], 1)
    assert run(page, changes, width=64, batch=2, lengths=[150])["wrong"]


@pytest.mark.parametrize("batch", [1, 3])
def test_every_contestant_on_a_cpu_computes_the_truth(plain_page, batch):
    outcome = run(plain_page, gpu=False, width=64, batch=batch, lengths=[16, 33, 150])
    assert outcome["wrong"] == []
    assert len(outcome["rows"]) == 3
    assert {"rnnThread", "attentionThread"} <= set(outcome["rows"][0]["samples"])


BOTH, STEP, FUSED, ATTENTION = ("step", "fused"), ("step",), ("fused",), ("attention",)
ALL = ("step", "fused", "attention")
WRONG = {  # (text, what stands for it, whose numbers are then wrong)
    "no tanh": ("= tanh(from_16(l) + right[row + i] + third[i])", "= from_16(l) + right[row + i] + third[i]", STEP),
    "no bias": ("tanh(from_16(l) + right[row + i] + third[i])", "tanh(from_16(l) + right[row + i])", STEP),
    "no input": ("tanh(from_16(l) + right[row + i] + third[i])", "tanh(from_16(l) + third[i])", STEP),
    "its own row for the state before": (
        "sum += left[j * D + i] * result[row + j]; }",
        "sum += left[j * D + i] * result[row + call.B * D + j]; }",
        STEP,
    ),
    "W not transposed": (
        "sum += left[j * D + i] * result[row + j]; }",
        "sum += left[i * D + j] * result[row + j]; }",
        STEP,
    ),
    "half of a sum": ("for (var s = 0u; s < 16; s++)", "for (var s = 0u; s < 8; s++)", STEP),
    "one sequence for all": (
        "let row = (call.t * call.B + g.y) * D;  // of the state before",
        "let row = (call.t * call.B) * D;",
        STEP,
    ),
    "back: the slope is 1 - h": (
        "result[row + i] = (from_16(l) + right[row + i]) * (1 - h * h);",
        "result[row + i] = (from_16(l) + right[row + i]) * (1 - h);",
        STEP,
    ),
    "back: no gradient from above": (
        "result[row + i] = (from_16(l) + right[row + i]) * (1 - h * h);",
        "result[row + i] = from_16(l) * (1 - h * h);",
        STEP,
    ),
    "back: nothing from the later word": (
        "result[row + i] = (from_16(l) + right[row + i]) * (1 - h * h);",
        "result[row + i] = right[row + i] * (1 - h * h);",
        STEP,
    ),
    "back: the state before": ("let h = third[later + i];", "let h = third[row + i];", STEP),
    "fused: the state is lost": (
        "sum += left[j * D + i] * state[j]; }\n    shared_sums[l.y * D + i] = sum;\n    workgroupBarrier();\n    if (l.y == 0) {\n      state[i] = tanh",
        "sum += 0 * state[j]; }\n    shared_sums[l.y * D + i] = sum;\n    workgroupBarrier();\n    if (l.y == 0) {\n      state[i] = tanh",
        FUSED,
    ),
    "fused: no bias": (
        "tanh(from_shared(i) + right[row + i] + third[i])",
        "tanh(from_shared(i) + right[row + i])",
        FUSED,
    ),
    "fused: the last word is left out": ("t < call.T; t++", "t + 1 < call.T; t++", FUSED),
    "fused, back: the slope is h²": (
        "state[i] = (from_shared(i) + right[row + i]) * (1 - h * h);",
        "state[i] = (from_shared(i) + right[row + i]) * (h * h);",
        FUSED,
    ),
    "fused, back: no gradient from above": (
        "state[i] = (from_shared(i) + right[row + i]) * (1 - h * h);",
        "state[i] = from_shared(i) * (1 - h * h);",
        FUSED,
    ),
    "fused: half of a sum": ("for (var s = 0u; s < S; s++)", "for (var s = 1u; s < S; s++)", FUSED),
    "no softmax": ("let share = exp(result[row + r] - top);", "let share = result[row + r];", ATTENTION),
    "not normalised": ("{ result[row + r] /= total; }", "{ result[row + r] /= 1; }", ATTENTION),
    "the last keys left out": (
        "let share = exp(result[row + r] - top);",
        "let share = select(0, exp(result[row + r] - top), r < 12);",
        ATTENTION,
    ),
    "softmax back: no mean": ("left[row + r] * (result[row + r] - mean)", "left[row + r] * result[row + r]", ATTENTION),
    "softmax back: no weight": ("left[row + r] * (result[row + r] - mean)", "(result[row + r] - mean)", ATTENTION),
    "no scale": ("= call.scale * sums[p][q]", "= sums[p][q]", ATTENTION),
    "a product without its last numbers": ("k0 < call.K; k0 += 16", "k0 + 16 < call.K; k0 += 16", ALL),
    "a product's batches are one": ("k * call.a.z + g.z * call.a.w", "k * call.a.z", ALL),
    "the first sequence alone sends a gradient": ("sum += left[s * call.N + g.x]; }", "sum = left[g.x]; }", ALL),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_shader_is_named_and_no_time_is_shown(page, mistake):
    before, after, wrong = WRONG[mistake]
    outcome = run(page, [(before, after)], **SMALL)
    labels = page.evaluate(
        "Object.fromEntries(Object.entries(module.CONTESTANTS).map(([name, one]) => [name, one.label]))"
    )
    named = {name for name in ALL if any(sentence.startswith(labels[name]) for sentence in outcome["wrong"])}
    assert named == set(wrong), outcome["wrong"]
    assert outcome["rows"] == []
    assert outcome["verdict"] is None
    assert "no time is shown" in outcome["sentences"][0]


def test_a_shader_that_does_not_compile_is_a_sentence(page):
    outcome = run(page, [("fn gather", "fn fn")], **SMALL)
    assert outcome["rows"] == []
    assert "the device refused" in outcome["sentences"][0]


# ---- what it says


def outcome_of(rnn, attention, **changes):
    row = {"T": 1024, "A": 57, "rnn": {"work": 100, "span": 20000}, "attention": {"work": 101, "span": 100}}
    row["samples"] = {"step": [9e9, 9e9, 9e9], "fused": rnn, "attention": attention}
    whole = {
        "rows": [row],
        "wrong": [],
        "width": 256,
        "batch": 8,
        "device": "a card",
        "software": False,
        "clocked": True,
    }
    return whole | {"call": 0.1, "why": "", "workers": 0, "slowed": 1, "ended": ""} | changes


@pytest.mark.parametrize(
    ("rnn", "attention", "verdict"),
    [
        ([1, 1.1, 1.2], [3, 3.1, 3.2], "less"),
        ([1, 1.1, 1.2], [1.3, 1.4, 1.5], "same"),
        ([5, 5.1, 5.2], [1, 1.1, 1.2], "some"),
        ([50, 51, 52], [1, 1.1, 1.2], "many"),
        ([1, 1.1, 5], [2, 2.1, 2.2], None),  # the ranges overlap
    ],
)
def test_the_verdict_follows_the_numbers(plain_page, rnn, attention, verdict):
    told = plain_page.evaluate("outcome => module.conclude(outcome)", outcome_of(rnn, attention))
    assert told["verdict"] == verdict
    assert ("overlap" in told["sentences"][0]) == (verdict is None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"software": True}, "say nothing about a GPU"),
        ({"slowed": 1.8}, "1.8 times slower"),
        ({"hidden": True}, "in the background"),
        ({"rows": [], "ended": "no"}, "could not be run"),
    ],
)
def test_what_spoils_a_race_is_said_and_nothing_is_concluded(plain_page, changes, words):
    told = plain_page.evaluate("outcome => module.conclude(outcome)", outcome_of([50, 51, 52], [1, 1, 1], **changes))
    assert told["verdict"] is None
    assert words in told["sentences"][0]


def test_a_software_gpu_concludes_nothing(page):
    outcome = run(page, **SMALL)
    assert outcome["software"]
    assert outcome["verdict"] is None


def test_a_race_that_is_stopped_says_so(plain_page):
    script = "() => module.race({ gpu: false, width: 32, batch: 1, stop: () => true }).then(module.conclude)"
    assert "you stopped it" in plain_page.evaluate(script)["sentences"][0]


def test_equal_work_that_makes_attention_too_narrow_ends_the_race(plain_page):
    outcome = run(plain_page, gpu=False, width=32, batch=1, lengths=[16, 1024])
    assert [row["T"] for row in outcome["rows"]] == [16]
    assert "a width of 1" in outcome["ended"]


def test_the_reader_predicts_runs_and_reads_from_the_keyboard(plain_page):
    options = json.dumps({"gpu": False, "width": 32, "lengths": [16, 32]})
    plain_page.evaluate(
        f"module.mountRace(document.getElementById('place'), {options}, outcome => {{ window.told = outcome; }})"
    )
    plain_page.locator("input[value=same]").focus()
    plain_page.keyboard.press("Space")
    plain_page.get_by_role("button", name="Run the race").focus()
    plain_page.keyboard.press("Enter")
    plain_page.wait_for_function("window.told")
    assert plain_page.locator("figure svg path").count() > 4
    assert plain_page.locator("li").count() >= 3
    plain_page.locator("summary").click()
    assert plain_page.locator("td").first.inner_text() == "16"


# ---- waiting lasts as long as memory


@pytest.mark.parametrize("gain", [0.25, 1.0, 1.5])
@pytest.mark.parametrize("T", [10, 100, 1000])
def test_the_rounds_are_those_of_lesson_01_and_of_newtons_method(plain_page, gain, T):
    _, _, U, W = tiny_rnn("man")
    words = random_words(T)
    net = {"words": words.tolist(), "U": U.tolist(), "W": W.tolist()}
    rounds = plain_page.evaluate(f"net => module.roundsNeeded(net, {gain})", net)
    assert rounds["guessing"] == rounds_needed(words, U, gain * W)
    report = newton_recurrence(words[None], U, gain * W)[1]
    assert rounds["newton"] == (report.iterations if report.converged else None)


# ---- where it stands


def test_the_html_form_runs_by_itself(chromium, tmp_path):
    _, _, U, W = tiny_rnn("man")
    net = {"words": random_words(1000).tolist(), "U": U.tolist(), "W": W.tolist()}
    place = tmp_path / "page.html"
    place.write_text(
        f'<!doctype html><meta charset="utf-8">{race_page().html}{waiting_page(net).html}', encoding="utf-8"
    )
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(place.as_uri())
    assert page.get_by_role("button", name="Run the race").is_visible()
    before = page.locator("tbody").inner_text()
    page.locator("input[type=range]").focus()
    page.keyboard.press("End")
    assert page.locator("tbody").inner_text() != before
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
    page.close()


def test_the_widget_carries_the_html_form_too():
    pytest.importorskip("anywidget")
    bundle = race()._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/html"] == race_page().html
    assert "application/vnd.jupyter.widget-view+json" in data
