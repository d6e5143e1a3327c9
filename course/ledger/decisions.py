"""What decides a computed claim: one small function a claim and lesson, from the evidence to a verdict.

A card asks the function, not the ledger, and refuses to print a verdict that the numbers do not give.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

HOLDS, CONDITIONAL, DOES_NOT_HOLD = "holds", "conditional", "does-not-hold"
QUESTION, OPINION = "question", "opinion"

ROUNDING = 1e-12  # float64 sums of a few hundred terms differ by less when their order changes


@dataclass(frozen=True)
class Decision:
    """shows: the sentence that stands on the card, with the bound; refuted_by: evidence that would overturn it."""

    function: Callable
    refuted_by: dict

    @property
    def shows(self):
        return " ".join(inspect.getdoc(self.function).split())

    @property
    def wants(self):
        return list(inspect.signature(self.function).parameters)


class Decisions(dict):
    """{claim id: Decision} of one lesson."""

    def decides(self, claim_id, *, refuted_by):
        """Register the function below as what decides a claim; its docstring is what the card shows."""

        def register(function):
            self[claim_id] = Decision(function, refuted_by)
            return function

        return register
