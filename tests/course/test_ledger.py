"""The ledger: 144 claims, cards that no evidence can contradict, and nothing called settled that is not."""

import importlib
import itertools
import json
import math
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from course.decisions import find_decision

from course import CourseError, claim, closing_table, decisions, ledger, lessons
from course.ledger import WORDS, Claim, claims_of, find_claim

ROWS = ledger.ledger()
VERDICTS = {"holds", "conditional", "does-not-hold", "question", "opinion", "note"}
KINDS = {"history", "mechanism", "performance", "application", "question", "opinion", "framing", "meta", "reference"}
for module in pkgutil.iter_modules(decisions.__path__):
    importlib.import_module(f"course.decisions.{module.name}")
DECISIONS = decisions._decisions
NOTEBOOKS = Path(ledger.__file__).parent.parent / "notebooks"
NAN, INF = math.nan, math.inf


def item(how="computed", status="done", lesson="05"):
    return {"lesson": lesson, "how": how, "experiment": "", "status": status, "cell": "x"}


def made(how="computed", status="done", verdict="holds", **changed):
    """A claim that is in no document."""
    fields = {"id": "S9-01", "says": "Water is wet.", "kind": "mechanism", "expected": "holds", "repair": "Mostly."}
    fields |= {"literature": ["Somebody 1999"], "evidence": [item(how, status)], "verdict": verdict}
    return Claim(**fields | changed)


@pytest.fixture
def lesson_05(monkeypatch):
    monkeypatch.setattr(lessons, "current", "05")


@pytest.fixture
def only(monkeypatch, lesson_05):
    """only(claim, function): a ledger of one claim, decided by the function."""

    def put(row, function=None, **refuted_by):
        monkeypatch.setattr(ledger, "ledger", lambda: {row.id: row})
        decision = decisions.Decision(function, refuted_by) if function else None
        monkeypatch.setattr(ledger, "find_decision", lambda *_: decision)

    return put


def below(difference):
    """the difference is small."""
    return "holds" if difference < 1e-12 else "does-not-hold"


def careless(difference):
    """the difference is not large."""
    return "does-not-hold" if difference > 1e-12 else "holds"


def test_all_144_claims_are_there_in_the_documents_order():
    sizes = {"S0": 23, "S1": 36, "S2": 25, "S3": 60}
    assert list(ROWS) == [f"{source}-{n:02}" for source, count in sizes.items() for n in range(1, count + 1)]
    assert len(ROWS) == 144
    assert set(sizes) == set(ledger.SOURCES)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_speaks_the_ledgers_vocabulary(row):
    assert row.kind in KINDS
    assert row.expected in VERDICTS
    assert row.verdict in {None, *VERDICTS}
    assert VERDICTS | {"open"} == set(WORDS)
    for sentence in filter(None, (row.says, row.repair)):
        assert sentence == " ".join(sentence.split()), "a stray line break or space"
        assert sentence[-1] in ".?!”)"
    assert row.repair or row.expected == "holds", "all but what simply holds needs its condition, repair or answer"
    assert len(row.says) >= 20
    for evidence in row.evidence:
        assert set(evidence) - {"cell"} == {"lesson", "how", "experiment", "status"}
        assert evidence["how"] in {"computed", "measured", "cited"}
        assert evidence["status"] in {"open", "done"}
        assert evidence["lesson"] in lessons.lessons()
        assert re.fullmatch(r"(E\d\d(, E\d\d)*)?", evidence["experiment"])
        assert not (evidence["how"] == "cited" and row.expected not in {"opinion", "note"}) or row.literature
    examined = [evidence["lesson"] for evidence in row.evidence]
    assert examined
    assert len(set(examined)) == len(examined), "claim() would find only the first of them"


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_nothing_is_called_settled_that_is_not(row):
    done = [evidence for evidence in row.evidence if evidence["status"] == "done"]
    assert (row.verdict is not None) == bool(done)
    assert row.state == ("settled" if len(done) == len(row.evidence) else "partly settled" if done else "open")
    assert row.shown == (row.verdict if done else "open")
    for evidence in row.evidence:
        assert ("cell" in evidence) == (evidence["status"] == "done")
    for evidence in done:
        notebook = lessons.find(evidence["lesson"]).notebook
        assert notebook, f"lesson {evidence['lesson']} is not written"
        cells = {cell["id"]: cell for cell in json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text("utf-8"))["cells"]}
        source = "".join(cells[evidence["cell"]]["source"])
        assert f'"{row.id}"' in source
        assert "claim(" in source or "closing_table(" in source
        if evidence["how"] == "computed":
            assert find_decision(row.id, evidence["lesson"]), "done, and nothing decides it"


@pytest.mark.parametrize(("claim_id", "lesson_id"), DECISIONS, ids=map("-in-".join, DECISIONS))
def test_a_decision_can_fail(claim_id, lesson_id, monkeypatch, shown):
    row, decision = ROWS[claim_id], DECISIONS[claim_id, lesson_id]
    assert row.evidence_in(lesson_id)["how"] == "computed"
    assert decision.refuted_by.keys() == set(decision.wants)
    overturned = decision.function(**decision.refuted_by)
    assert overturned in VERDICTS
    assert overturned != (row.verdict or row.expected)
    monkeypatch.setattr(lessons, "current", lesson_id)
    for act in (lambda: claim(claim_id, **decision.refuted_by), lambda: closing_table({claim_id: decision.refuted_by})):
        with pytest.raises(CourseError, match=f"{claim_id}: the numbers here say '{overturned}'.*No card is shown"):
            act()
    assert not shown


@pytest.mark.parametrize(("claim_id", "lesson_id"), DECISIONS, ids=map("-in-".join, DECISIONS))
def test_a_decision_says_in_a_sentence_what_it_needs(claim_id, lesson_id):
    shows = DECISIONS[claim_id, lesson_id].shows
    assert shows.endswith(".")
    assert not shows[0].isupper() or shows.split()[0].isupper() or shows.split()[0] in {"Brent's", "Elman"}, (
        "it goes on after a colon"
    )
    assert 25 <= len(shows) <= 300
    assert "nan" not in shows.lower().split()


@pytest.mark.parametrize(("claim_id", "lesson_id"), DECISIONS, ids=map("-in-".join, DECISIONS))
def test_nan_decides_nothing(claim_id, lesson_id, shown, monkeypatch):
    """Every comparison with nan is false, so an `else` branch would let it through."""
    monkeypatch.setattr(lessons, "current", lesson_id)
    refuted_by = DECISIONS[claim_id, lesson_id].refuted_by
    for name in refuted_by:
        with pytest.raises(CourseError, match="decide nothing.*nan"):
            claim(claim_id, **refuted_by | {name: NAN})
    assert not shown


@pytest.mark.parametrize(
    "nan", [NAN, np.float64(NAN), np.float32(NAN), torch.tensor(NAN), [1.0, [NAN]], np.array([1, NAN])], ids=repr
)
def test_nan_is_found_in_whatever_it_hides(nan, only, shown):
    only(made(), careless)
    with pytest.raises(CourseError, match="decide nothing.*nan"):
        claim("S9-01", difference=nan)
    with pytest.raises(CourseError, match="decide nothing.*nan"):
        closing_table({"S9-01": {"difference": nan}})
    assert not shown


SAME = [
    1e-15,
    np.float64(1e-15),
    np.float32(1e-15),
    torch.tensor(1e-15),
    torch.tensor(1e-15, requires_grad=True),
    np.array(1e-15),
]


@pytest.mark.parametrize("difference", SAME, ids=repr)
def test_a_number_of_torch_or_numpy_is_shown_as_pythons_own(difference, only, shown):
    only(made(), below)
    claim("S9-01", difference=difference)
    assert ">difference = 1e-15</code>" in shown[-1]["text/html"]
    closing_table({"S9-01": {"difference": difference}})
    assert ">difference = 1e-15</code>" in shown[-1]["text/html"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (6, "6"), (np.int64(6000), "6,000"), (torch.tensor(6), "6"), (torch.tensor(True), "True"), (np.bool_(False), "False"),
        (torch.Size([6, 6]), "[6, 6]"), (np.array([0.123456, 2]), "[0.12, 2]"), (INF, "inf"), ("six", "six"), (None, "None"),
        (1e-300, "1e-300"), (-0.0, "-0"), ([[1, 2], [0.5, 10**6]], "[[1, 2], [0.5, 1,000,000]]"),
    ],
    ids=repr,
)  # fmt: skip
def test_any_evidence_is_written_briefly(value, written, only, shown):
    only(made("measured"))
    claim("S9-01", found=value)
    assert f">found = {written}</code>" in shown[-1]["text/html"]


def test_a_card_shows_the_verdict_its_reason_the_number_and_the_nuance(only, shown):
    only(made("computed", repair="Only if warm.", verdict="conditional"), lambda degrees: "conditional")
    ledger.find_decision("S9-01", "05").function.__doc__ = "it was warm."
    claim("S9-01", degrees=21.0)
    page, text = shown[-1]["text/html"], shown[-1]["text/plain"]
    assert text == "S9-01 holds on a condition. Water is wet.\nComputed here: it was warm.\nCondition: Only if warm."
    for said in (
        "S9-01",
        "holds on a condition",
        "Water is wet.",
        "Computed here: it was warm.",
        "degrees = 21",
        "<b>Condition.</b> Only if warm.",
    ):
        assert said in page


def test_evidence_that_contradicts_is_refused_with_its_number(only, shown):
    only(made(), below)
    with pytest.raises(CourseError) as raised:
        claim("S9-01", difference=0.25)
    assert str(raised.value) == (
        "S9-01: the numbers here say 'does-not-hold' (difference = 0.25), the ledger says 'holds'. No card is shown. "
        "The verdict needs: the difference is small. If you changed a cell above, run it again."
    )
    with pytest.raises(CourseError):
        closing_table({"S9-01": {"difference": 0.25}})
    assert not shown


def test_no_row_of_a_closing_table_is_shown_if_one_is_refused(lesson_05, shown):
    good = {"S0-17": {"difference": 0.0}}
    closing_table(good)
    assert len(shown) == 1
    with pytest.raises(CourseError):
        closing_table(good | {"S0-22": {"difference": 1.0}})
    assert len(shown) == 1


@pytest.mark.parametrize("given", [{}, {"diference": 0.0}, {"difference": 0.0, "more": 1}])
def test_missing_and_wrong_names_of_evidence_are_told(given, only, shown):
    only(made(), below)
    with pytest.raises(CourseError, match="S9-01 is decided by difference; given: (–|diference|difference, more)"):
        claim("S9-01", **given)
    assert not shown


@pytest.mark.parametrize("given", ["small", None, [0.0], torch.zeros(2), {}, object()], ids=repr)
def test_evidence_that_cannot_be_compared_gets_a_sentence(given, only, shown):
    only(made(), below)
    with pytest.raises(
        CourseError, match="S9-01: these cannot be compared.*The verdict needs: the difference is small"
    ):
        claim("S9-01", difference=given)
    assert not shown


def test_a_claim_that_nothing_decides_yet_gets_a_sentence(only, shown):
    only(made(status="open", verdict=None))
    with pytest.raises(CourseError, match="no deciding function for lesson 05 yet"):
        claim("S9-01", difference=0.0)
    only(made(status="open", verdict=None), below)
    with pytest.raises(CourseError, match="say 'holds'.*the ledger says 'open'"):
        claim("S9-01", difference=0.0)
    assert not shown


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("S017", "S0-17"),
        ("s0-17", "S0-17"),
        ("S4-01", "S0-01"),
        (17, "S3-17"),
        ("", ""),
        (None, ""),
        (["S0-17"], "S0-17"),
    ],
    ids=repr,
)
def test_an_unknown_claim_names_the_nearest(given, meant):
    for act in (lambda: claim(given), lambda: find_claim(given)):
        with pytest.raises(CourseError, match="There is no claim .*Ids run from S0-01 to S3-60") as raised:
            act()
        assert ("Did you mean" in str(raised.value)) == bool(meant)
        assert meant in str(raised.value)


def test_a_claim_of_another_lesson_is_refused(monkeypatch, shown):
    monkeypatch.setattr(lessons, "current", "02")
    with pytest.raises(CourseError, match="S0-17 is not examined in lesson 02, but in 05; run the first cell"):
        claim("S0-17", difference=0.0)
    monkeypatch.setattr(lessons, "current", None)
    with pytest.raises(
        CourseError, match="S0-17 is not examined in this notebook, where no lesson was opened, but in 05"
    ):
        claim("S0-17", difference=0.0)
    assert not shown


@pytest.mark.parametrize("how", ["measured", "cited"])
def test_what_is_not_computed_never_raises_and_its_text_holds_no_number_of_this_machine(how, only, shown):
    odd = [
        {},
        {"milliseconds": 0.1234},
        {"milliseconds": NAN},
        {"a": None, "b": "words"},
        {"x": torch.ones(3)},
        {"y": object()},
    ]
    for verdict, given in itertools.product(("holds", "does-not-hold"), odd):
        only(made(how, verdict=verdict))
        claim("S9-01", **given)
        closing_table({"S9-01": given})
    texts = [bundle["text/plain"] for bundle in shown]
    assert len(set(texts)) == 2, "one text a verdict"
    assert not re.search(r"\d", " ".join(texts).replace("S9-01", "").replace("Somebody 1999", ""))
    assert "milliseconds = 0.12" in shown[2]["text/html"]


def test_a_claim_with_all_evidence_open_is_shown_as_open(only, shown):
    only(made("measured", status="open", verdict=None))
    claim("S9-01", found=1)
    assert shown[-1]["text/plain"].startswith("S9-01 open. ")
    assert "Finished in lesson 05" in shown[-1]["text/html"]
    half = made("measured", evidence=[item("measured"), item("measured", "open", "08"), item("cited", "open", "16")])
    only(half)
    claim("S9-01", found=1)
    assert half.state == "partly settled"
    assert "Finished in lesson 08 and 16." in shown[-1]["text/html"]
    assert "08" not in shown[-1]["text/plain"], "what another lesson will do does not change this one's stored output"


def test_markup_in_the_ledger_or_in_the_evidence_is_shown_as_text(only, shown):
    nasty = "<script>alert('x')</script>"
    row = made("cited", says=f"If a < b & {nasty}.", repair=nasty, literature=[nasty])
    only(row)
    claim("S9-01", **{nasty: nasty})
    closing_table({"S9-01": {nasty: nasty}})
    only(made(says=f"If a < b & {nasty}."), lambda d: "holds")
    ledger.find_decision("S9-01", "05").function.__doc__ = nasty
    claim("S9-01", d=nasty)
    for bundle in shown:
        assert "<script" not in bundle["text/html"]
        assert "a &lt; b &amp;" in bundle["text/html"]
        assert "<script>" in bundle["text/plain"], "text stays as it was written"


def test_the_claims_of_a_lesson_are_those_its_evidence_names():
    assert "S0-17" in claims_of("05")
    assert sorted({claim_id for lesson_id in lessons.lessons() for claim_id in claims_of(lesson_id)}) == sorted(ROWS)


def test_a_notebook_shows_the_sentence_alone(tmp_path):
    """CourseError in a real IPython: no traceback, in this version or in Colab's."""
    script = tmp_path / "cells.py"
    script.write_text(
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell()\n"
        "cells = ['claim(\"S0-71\")', 'lesson(\"5\")', 'claim(\"S0-17\", difference=0.5)', 'check(\"05.9\", 1)', 'reveal(\"x\", 1)']\n"
        "shell.run_cell('from course import check, claim, lesson, reveal; import course.lessons; course.lessons.current = \"05\"')\n"
        "for cell in cells:\n"
        "    print('CELL')\n"
        "    shell.run_cell(cell)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "COURSE_STATE_DIR": str(tmp_path), "PYTHONPATH": str(NOTEBOOKS.parent)},
    )
    outputs = done.stdout.split("CELL\n")[1:]
    starts = [
        "There is no claim 'S0-71'.",
        "There is no lesson '5'.",
        "S0-17: the numbers here say",
        "There is no exercise '05.9'.",
        "Nothing was asked as 'x'",
    ]
    assert done.stderr == ""
    for output, start in zip(outputs, starts, strict=True):
        assert output.startswith(start)
        assert "Traceback" not in output
        assert output.strip().count("\n") == 0
