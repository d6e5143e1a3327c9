"""What can go wrong with the race: a plan that leaves something out, clocks, workers and devices that fail."""

import pytest
from race_page import SMALL, opened, run

pytestmark = [pytest.mark.test_all, pytest.mark.timeout(600)]


@pytest.fixture
def gpu_page(gpu_chromium, tmp_path):
    """Opens a page with some of the module changed, on a GPU in software."""
    pages = []

    def open_page(*changes):
        pages.append(opened(gpu_chromium, tmp_path, changes))
        if not pages[0].evaluate("navigator.gpu && navigator.gpu.requestAdapter().then(Boolean)"):
            pytest.skip("this Chromium plays no GPU in software")
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


WRONG_PLANS = {  # a text of the module, and what stands for it
    "no gradient of the words": ("product(G, U, dX, [R, D, D], [0, D, 1], [0, D, 1], [0, D, 1]),\n", "\n"),
    "no gradient of b": ("product(ones, G, db, [1, D, R], [0, R, 1], [0, D, 1], [0, D, 1]),\n", "\n"),
    "W's gradient from the state itself": ("H, [D, 0, B * D, D], dW)", "H, [D, B * D, B * D, D], dW)"),
    "word and sequence exchanged": (
        "...weights(G, [D, 0, B * D, D], X, [D, 0, B * D, D], dU)",
        "...weights(G, [D, 0, D, B * D], X, [D, 0, B * D, D], dU)",
    ),
    "the last step is not dispatched": (
        '...words.map(t => call("step",',
        '...words.slice(0, -1).map(t => call("step",',
    ),
    "keys as values": ("mixed, [T, A, T], [0, T, 1, T * T], [v, n", "mixed, [T, A, T], [0, T, 1, T * T], [k, n"),
    "the way back of the softmax left out": ('call("softmax_back", [P], dP, [R, 1, 1], { N: T }),', ""),
    "no scale on the way to the queries": (
        "[k, n, 1, T * n], [q, n, 1, T * n], { batch: B, scale }",
        "[k, n, 1, T * n], [q, n, 1, T * n], each",
    ),
    "all that is timed is the way there": (
        "for (const one of list) {",
        "for (const one of times > 1 ? list.slice(0, 5) : list) {",
    ),
    "a second run adds to the first": ("result[g.x] = sum;", "result[g.x] += sum;"),
    "a second run begins with the first one's state": (
        "if (l.y == 0) { state[i] = 0; }\n  workgroupBarrier();\n  for (var t = 0u;",
        "if (l.y == 0) { state[i] = result[call.T * call.B * D + g.x * D + i]; }\n  workgroupBarrier();\n  for (var t = 0u;",
    ),
}


@pytest.mark.parametrize("mistake", WRONG_PLANS)
def test_a_wrong_plan_is_noticed_before_any_time(gpu_page, mistake):
    outcome = run(gpu_page(WRONG_PLANS[mistake]), **SMALL)
    assert outcome["wrong"]
    assert outcome["rows"] == []


def test_what_is_repeated_is_dispatched_as_often(gpu_page):
    page = gpu_page()
    page.evaluate("""() => {
        const encoder = GPUComputePassEncoder.prototype, { dispatchWorkgroups, end } = encoder;
        window.passes = []; let count = 0;
        encoder.dispatchWorkgroups = function (...groups) { count++; return dispatchWorkgroups.apply(this, groups); };
        encoder.end = function () { if (count) passes.push(count); count = 0; return end.apply(this); };
    }""")
    run(page, **SMALL)
    passes = page.evaluate("passes")  # the numbers of three contestants, twice in a pass; then the first one's times
    assert passes[0] == 2 * passes[3]


def test_a_gpus_clock_that_stands_still_is_not_believed(gpu_page):
    page = gpu_page()
    page.evaluate("() => { GPUCommandEncoder.prototype.resolveQuerySet = () => {}; }")
    outcome = run(page, **SMALL)
    assert not outcome["clocked"]
    assert min(time for times in outcome["rows"][0]["samples"].values() for time in times) > 0
    assert any("no GPU clock here that can be read" in sentence for sentence in outcome["sentences"])


@pytest.mark.parametrize("clock", [True, False])
def test_a_device_that_is_lost_ends_the_race_and_its_last_times_are_not_shown(gpu_page, clock):
    outcome = gpu_page().evaluate(f"""async () => {{
        const {{ requestDevice }} = GPUAdapter.prototype;
        GPUAdapter.prototype.requestDevice = async function (...wishes) {{
            return (window.device = await requestDevice.apply(this, wishes));
        }};
        const report = sentence => {{ if (sentence.startsWith('20 words: the clock')) device.destroy(); }};
        return module.race({{ width: 32, batch: 1, lengths: [16, 20, 24], clock: {str(clock).lower()}, report }});
    }}""")
    assert [row["T"] for row in outcome["rows"]] == [16]
    assert "the device refused" in outcome["ended"]


def test_a_page_that_may_have_no_workers_races_on_one_thread(chromium, tmp_path):
    forbidden = """<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">"""
    page = opened(chromium, tmp_path, head=forbidden)
    outcome = run(page, gpu=False, **SMALL)
    page.close()
    assert outcome["workers"] == 0
    assert set(outcome["rows"][0]["samples"]) == {"rnnThread", "attentionThread"}


def test_with_a_coarse_clock_a_sample_takes_many_of_its_ticks(chromium, tmp_path):
    page = opened(chromium, tmp_path)
    page.evaluate(
        "() => { const now = performance.now.bind(performance); performance.now = () => 16 * Math.floor(now() / 16); }"
    )
    outcome = run(page, gpu=False, **SMALL)
    page.close()
    assert outcome["tick"] >= 16
    assert outcome["rows"] or "too coarse" in outcome["ended"]
    assert all(time > 0 for row in outcome["rows"] for times in row["samples"].values() for time in times)
