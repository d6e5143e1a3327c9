"""The ledger: 144 claims, each once; verdicts that follow the numbers; and nothing called settled that is not."""

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from stored import NOTEBOOKS, ROOT

from course import CourseError, evidence
from course.catalogue import Lesson, lessons
from course.ledger import SOURCES, WORDS, Statement, all_statements, card, cards, claims, find_statement
from course.ledger.decisions import OUTCOMES, Decision

KINDS = {"history", "mechanism", "performance", "application", "question", "opinion", "framing", "meta", "reference"}
TEXT_OF = {"holds": "nuance", "conditional": "condition", "does-not-hold": "repair"}
DECISIONS = {(row.id, claim_id): decision for row in lessons().values() for claim_id, decision in row.decisions.items()}
EACH_DECISION = pytest.mark.parametrize("key", DECISIONS, ids=" ".join)
NAN = math.nan


def test_all_144_ids_are_there_each_once_in_the_documents_order():
    sizes = {"S0": 23, "S1": 36, "S2": 25, "S3": 60}
    assert list(claims()) == [f"{source}-{n:02}" for source, count in sizes.items() for n in range(1, count + 1)]
    assert sum(len(row.ids) for row in all_statements()) == 144
    assert [row.ids[0] for row in all_statements()] == sorted(row.ids[0] for row in all_statements())
    assert set(SOURCES) == set(sizes)


@pytest.mark.parametrize("row", all_statements(), ids=lambda row: row.ids[0])
def test_a_statement_has_a_verdict_once_a_lesson_has_evidence_and_a_hypothesis_before(row):
    assert row.kind in KINDS
    assert [bool(row.verdict), bool(row.expected), bool(row.answer)].count(True) == 1
    if not row.answer:
        assert bool(row.verdict) == (row.state != "open")
        named = [name for name in TEXT_OF.values() if getattr(row, name)]
        assert named == [TEXT_OF[row.verdict or row.expected]] or (named == [] and row.expected == "holds")
    for text in filter(None, (row.says, row.remark and row.remark[1])):
        assert text == " ".join(text.split())
        assert re.search(r"[.?!”)\"]$", text)
        assert not re.search(r"S\d-\d\d", text), "ids are for the ledger, not for readers"


@pytest.mark.parametrize("row", all_statements(), ids=lambda row: row.ids[0])
def test_somebody_settles_a_statement_and_no_lesson_does_so_twice(row):
    assert row.evidence
    for lesson in lessons().values():
        settled = [claim_id for claim_id in row.ids if claim_id in lesson.evidence]
        planned = [claim_id for ids in lesson.planned.values() for claim_id in row.ids if claim_id in ids]
        assert len(settled + planned) <= 1, lesson.id
    for item in row.evidence:
        assert item.how in {"computed", "measured", "cited", "answered"}
        assert row.literature or item.how != "cited"
        assert row.answer or item.how != "answered"
        assert not (item.done and not lessons()[item.lesson].notebook), "a lesson that is not there has settled it"


def test_lessons_name_claims_that_there_are():
    named = {
        claim_id for row in lessons().values() for ids in (row.evidence, *row.planned.values()) for claim_id in ids
    }
    assert named <= set(claims())


def test_what_is_cited_stands_in_the_list_of_sources():
    listed = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    works = {re.sub(r", (section|Table) .*", "", entry) for row in all_statements() for entry in row.literature}
    assert sorted(work for work in works if f"**{work}.**" not in listed) == []


@pytest.mark.parametrize("stored", NOTEBOOKS, ids=lambda stored: stored.path.stem)
def test_the_cells_that_are_named_show_the_claim_and_no_stored_card_differs(stored):
    cells = {cell["id"]: "".join(cell["source"]) for cell in stored.code}
    for claim_id, item in lessons()[stored.lesson].evidence.items():
        assert "cell" not in item or f'claim("{claim_id}"' in re.sub(r"\s+", "", cells[item["cell"]])
    outputs = json.dumps([cell["outputs"] for cell in stored.code])
    assert "Your numbers say" not in outputs
    assert "No verdict, since" not in outputs


# ---- decisions


@EACH_DECISION
def test_computed_numbers_lead_to_the_printed_verdict(key):
    decision = DECISIONS[key]
    assert decision.read(decision.computed()).outcome == find_statement(key[1]).printed


@EACH_DECISION
def test_other_numbers_overturn_it_and_nan_decides_nothing(key):
    """Every comparison with nan is false, so an else would let it through."""
    decision = DECISIONS[key]
    overturned = decision.read(decision.refuted_by)
    assert overturned.outcome in OUTCOMES
    assert overturned.outcome != find_statement(key[1]).printed
    for name in decision.refuted_by:
        assert decision.read(decision.refuted_by | {name: NAN}).outcome is None


@EACH_DECISION
def test_the_sentence_of_a_decision_goes_on_after_a_colon(key):
    assert re.fullmatch(r"(?!The |A |An |It )\S.{24,400}[.)]", DECISIONS[key].shows)


def test_nan_in_a_table_decides_nothing():
    decision = Decision(lambda share: "holds" if share["a"] < 1 else "does-not-hold", "", dict, {})
    assert decision.read({"share": {"a": 2}}).outcome == "does-not-hold"
    assert decision.read({"share": {"a": [NAN]}}).outcome is None


def test_a_numbers_function_is_called_once_for_all_that_it_serves():
    calls = []

    def numbers():
        calls.append(1)
        return {"a": 1, "b": 2}

    both = [Decision(lambda a: "holds", "", numbers, {}), Decision(lambda b: "holds", "", numbers, {})]
    assert [decision.computed() for decision in both] == [{"a": 1}, {"b": 2}]
    assert calls == [1]


# ---- cards


@pytest.fixture
def made(monkeypatch):
    """made(how, …): a ledger of one claim, S9-01, decided by whether `difference` is small, and its lesson."""

    def make(how="computed", verdict="holds", planned=(), **changed):
        fields = {
            "kind": "mechanism",
            "verdict": verdict,
            TEXT_OF[verdict]: "Mostly.",
            "literature": ("Somebody 1999",),
        }
        row = Statement(("S0-99", "S3-99"), **{"says": "Water is wet.", **fields, **changed})
        here = Lesson("98", "t", "q", 1, [], evidence={"S3-99": {"how": how}})
        later = Lesson("99", "t", "q", 1, [], planned={"measured": list(planned)})
        decision = Decision(
            lambda difference: "holds" if difference < 1e-12 else "does-not-hold", "the difference is small.", dict, {}
        )
        monkeypatch.setattr(cards, "find_statement", lambda _: row)
        monkeypatch.setattr("course.ledger.statements.lessons", lambda: {"98": here, "99": later})
        monkeypatch.setattr(Lesson, "decisions", {"S3-99": decision})
        return here

    return make


def test_a_card_says_what_is_said_where_what_came_out_and_on_what_condition(made):
    page = card("S0-99", made(planned=["S0-99"]), {"difference": torch.tensor(1e-15)})
    assert page.text == (
        "Water is wet.\nThe question on stacked attention and the article (S0-99, S3-99)\n"
        "Holds. Computed here: the difference is small.\nNuance: Mostly."
    )
    for part in ("Water is wet.", "the article", "S0-99, S3-99", "difference = 1e-15", "Lesson 99 will say more."):
        assert part in page.html


def test_numbers_that_say_something_else_show_both_verdicts_and_ask_why(made):
    page = card("S0-99", made(), {"difference": 0.25})
    assert "Your numbers say: does not hold. Printed is: holds. What did you change?" in page.text
    assert ">does not hold</span>" in page.html
    assert "difference = 0.25" in page.html


@pytest.mark.parametrize(
    "numbers",
    [{}, {"diference": 0.0}, {"difference": 0.0, "more": 1}, *({"difference": odd} for odd in (
        NAN, np.float32(NAN), torch.tensor(NAN), [1.0, [NAN]], "small", None, [0.0], torch.zeros(2), {}, range(2),
        [torch.ones(2)], [np.ones(2)], torch.eye(2).to_sparse(), torch.ones(2, device="meta")))],
    ids=repr,
)  # fmt: skip
def test_numbers_that_cannot_be_read_get_a_sentence_and_no_verdict(numbers, made):
    page = card("S0-99", made(), numbers)
    assert "\nNo verdict, since " in page.text
    assert "the difference is small." in page.text
    assert "holds" not in page.text


def test_numbers_in_a_list_may_be_tensors(made, monkeypatch):
    lesson = made()
    decision = Decision(lambda difference: "holds" if difference == [0.5] else "does-not-hold", "it is half.", dict, {})
    monkeypatch.setattr(Lesson, "decisions", {"S3-99": decision})
    page = card("S0-99", lesson, {"difference": [torch.tensor(0.5)]})
    assert "Holds." in page.text
    assert "difference = [0.5]" in page.html


def test_what_is_not_computed_shows_any_number_and_its_text_shows_none(made):
    odd = [{}, {"milliseconds": 0.1234}, {"milliseconds": NAN}, {"a": None, "b": "words"}, {"x": torch.ones(3)}]
    for how in ("measured", "cited"):
        pages = [card("S0-99", made(how), numbers) for numbers in odd]
        assert len({page.text for page in pages}) == 1
        assert "milliseconds = 0.12" in pages[1].html
    assert "From the literature: Somebody 1999." in pages[0].text


def test_markup_in_the_ledger_or_in_a_number_is_shown_as_text(made):
    nasty = "<script>alert('x')</script>"
    for numbers in ({nasty: nasty}, {"difference": nasty}):
        page = card("S0-99", made(says=f"If a < b & {nasty}.", nuance=nasty), numbers)
        assert "<script" not in page.html
        assert "a &lt; b &amp;" in page.html
        assert "<script>" in page.text


@pytest.mark.parametrize(
    ("typed", "meant"), [("S017", "S0-17"), ("s0-17", "S0-17"), (17, "S3-17"), (None, "")], ids=repr
)
def test_an_unknown_claim_names_the_nearest(typed, meant):
    with pytest.raises(CourseError, match=f"There is no claim .*{meant}.*Ids run from S0-01 to S3-60"):
        find_statement(typed)


def test_a_claim_of_another_lesson_is_refused():
    with pytest.raises(CourseError, match="S0-17 is not examined in lesson 02, but in 05; run the first cell"):
        card("S0-17", lessons()["02"], {"difference": 0.0})


def test_cards_need_no_docstrings():
    """python -OO leaves them out."""
    lines = (
        "import course; from course.ledger import card; from course.catalogue import lessons",
        "print(card('S0-17', lessons()['05'], lessons()['05'].decisions['S0-17'].computed()).text)",
    )
    done = subprocess.run([sys.executable, "-OO", "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True)
    assert "Holds. Computed here: the keys one by one" in done.stdout, done.stderr


# ---- the two commands


def test_the_ledger_says_where_each_claim_stands(capsys):
    evidence.run_ledger(None)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:5] for line in lines[:144]] == list(claims())
    assert "05 computed (claim-linear)" in lines[list(claims()).index("S0-20")]
    assert "144 claims in 123 statements; 0 that no lesson has or plans." in lines


def test_evidence_says_what_differs_and_fails(capsys, monkeypatch):
    asked = type("Arguments", (), {"lessons": ["00"]})
    assert evidence.run_evidence(asked) is False
    wrong = Decision(lambda share: "does-not-hold", "it is.", lambda: {"share": 0.5}, {})
    monkeypatch.setattr(Lesson, "decisions", {"S0-17": wrong})
    assert evidence.run_evidence(asked) is True
    assert "00  S0-17  does-not-hold  share = 0.5   DIFFERS: holds is printed" in capsys.readouterr().out


def test_every_state_has_a_word():
    assert {row.shown for row in all_statements()} <= set(WORDS)
