"""Twelve sentences for the reader to judge, one of each lesson 00 to 11, before any square has a colour."""

import functools
import textwrap

from IPython.display import display

from ... import progress
from ...ledger import WORDS, claims
from ...show import theme
from ...show.display import Page, with_view
from ...show.marks import card, muted, tag
from . import verdicts

TWELVE = {
    "00": "S1-36",
    "01": "S0-12",
    "02": "S3-09",
    "03": "S1-26",
    "04": "S1-34",
    "05": "S0-20",
    "06": "S3-25",
    "07": "S0-04",
    "08": "S2-06",
    "09": "S3-45",
    "10": "S3-40",
    "11": "S3-51",
}
ROW = {
    "display": "grid",
    "grid-template-columns": "minmax(0,5fr) minmax(0,2fr) minmax(0,3fr)",
    "gap": "12px",
    "padding": "3px 0",
}
CHOICES = [WORDS[verdict][0] for verdict in ("holds", "conditional", "does-not-hold", "answer")]


def ask() -> None:
    """Show the twelve with a verdict to choose for each; what is chosen is kept with the student's progress.

    >>> ask()
    {'text/plain': 'Judge these twelve:\\n  1. ...}
    """
    import ipywidgets as widgets

    says = [claims()[claim_id].says for claim_id in TWELVE.values()]
    rows = []
    for number, (claim_id, sentence) in enumerate(zip(TWELVE.values(), says, strict=True), start=1):
        heading = widgets.HTML(str(tag("div", f"{number}. {sentence}", style={"line-height": "1.4"})))
        buttons = widgets.ToggleButtons(options=CHOICES, value=_chosen(claim_id), style={"button_width": "auto"})
        buttons.observe(functools.partial(_note, _key(claim_id)), "value")
        rows += [heading, buttons]
    text = "Judge these twelve:\n" + "\n".join(f"  {number}. {sentence}" for number, sentence in enumerate(says, 1))
    page = card(tag("b", "Judge these twelve."), tag("ol", [tag("li", sentence) for sentence in says]))
    display(with_view(Page(page, text).bundle(), widgets.VBox(rows)), raw=True)


def _note(key, event):
    progress.note_prediction(key, event["new"])


def score() -> Page:
    """The reader's verdicts beside the ledger's, and beside somebody who always says the same."""
    judged = {claim_id: claims()[claim_id].shown for claim_id in TWELVE.values()}
    judged = {claim_id: verdict for claim_id, verdict in judged.items() if verdict != "open"}
    chosen = {claim_id: _chosen(claim_id) for claim_id in judged}
    right = sum(chosen[claim_id] == WORDS[verdict][0] for claim_id, verdict in judged.items())
    always = sum(verdict == "conditional" for verdict in judged.values())
    counted = verdicts.counts()
    share = counted["conditional"] / (sum(counted.values()) - counted["open"])
    answered = sum(choice is not None for choice in chosen.values())
    yours = f"{right} of {answered} that you judged" if answered else "you have judged none; that is fine"
    # No table: JupyterLab gives its rows colours of its own, which cannot be read on this card.
    rows = [tag("div", _row(claim_id, verdict, chosen), style=ROW) for claim_id, verdict in judged.items()]
    verdict_line = (
        f"As the ledger has it: {yours}. Who always says “{CHOICES[1]}” has {always} of {len(judged)}, and {share:.0%} "
        "of the whole ledger."
    )
    text = "Your verdicts beside the ledger's, and beside somebody who always says “holds on a condition”."
    return Page(card(tag("b", verdict_line), rows, _earlier(), colour=theme.ACCENT), text)


def _earlier():
    """What came true of the predictions in all lessons, beside guessing; "" for whoever has made none."""
    remembered = progress.read()
    predicted = set(remembered["predictions"]) - {_key(claim_id) for claim_id in TWELVE.values()}
    if not predicted:
        return ""
    true = len(predicted & set(remembered["passed"]))
    sentence = (
        f"Of your predictions in the lessons, {true} of {len(predicted)} came true; of guesses, some three in ten."
    )
    return tag("div", sentence, style={"margin-top": "8px"})


def _row(claim_id, verdict, chosen):
    word, colour = WORDS[verdict]
    short = textwrap.shorten(claims()[claim_id].says, 90, placeholder=" …")
    # A word in the colour itself would be too pale to read.
    named = tag("b", word, style={"border-bottom": f"3px solid {colour}"})
    return [tag("div", part) for part in (short, muted(chosen[claim_id] or "not judged"), named)]


def _key(claim_id):
    return f"16.{claim_id}"


def _chosen(claim_id):
    choice = progress.read()["predictions"].get(_key(claim_id))
    return choice if choice in CHOICES else None
