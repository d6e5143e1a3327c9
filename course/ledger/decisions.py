"""What decides a computed statement: a function that computes numbers, and a small one from these numbers to a verdict.

A card shows the verdict that a reader's numbers lead to. `python -m course evidence` computes the numbers itself, with
the same functions, and compares the verdict with the one that claims.toml prints.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass

HOLDS, CONDITIONAL, DOES_NOT_HOLD = "holds", "conditional", "does-not-hold"
# Of a question or an opinion: whether the numbers bear out the answer that claims.toml gives.
ANSWERED, UNANSWERED = "answered", "unanswered"
OUTCOMES = (HOLDS, CONDITIONAL, DOES_NOT_HOLD, ANSWERED, UNANSWERED)

ROUNDING = 1e-12  # float64 sums of a few hundred terms differ by less when their order changes


@dataclass(frozen=True)
class Reading:
    """What numbers say: an outcome, one of OUTCOMES, or None and the complaint, why they say nothing."""

    outcome: str | None
    complaint: str = ""


@dataclass(frozen=True)
class Decision:
    """How one lesson decides one statement.

    function: from numbers to an outcome; its parameters are the numbers that it needs. shows: the sentence on the card,
    with the bound. numbers: a function of nothing that computes them. refuted_by: numbers that lead elsewhere.
    """

    function: Callable[..., str]
    shows: str
    numbers: Callable[[], dict]
    refuted_by: dict

    @property
    def wants(self) -> list[str]:
        """The names of the numbers that it needs."""
        return list(inspect.signature(self.function).parameters)

    def computed(self) -> dict:
        """The numbers that it needs, as the course computes them."""
        numbers = _computed_once(self.numbers)
        return {name: numbers[name] for name in self.wants}

    def read(self, numbers: dict) -> Reading:
        """What these numbers say; they may be anything that a student has written."""
        names = ", ".join(self.wants)
        if sorted(numbers) != sorted(self.wants):
            return Reading(None, f"it needs {names}, and was given {', '.join(numbers) or 'nothing'}.")
        try:
            if _holds_nan(numbers):
                return Reading(None, "one of the numbers is nan, which is not a number.")
            return Reading(self.function(**numbers))
        except Exception as error:
            return Reading(None, f"these cannot be compared ({error}).")


class Decisions(dict[str, Decision]):
    """{id of a claim: Decision} of one lesson."""

    def decides(self, claim_id: str, *, numbers: Callable[[], dict], shows: str, refuted_by: dict):
        """Register the function below as what decides the statement with this id.

        numbers: may serve several statements and return more than one of them needs; it is called once. shows: goes on
        after "Computed here:", so it begins small and ends with a full stop.

        >>> decisions = Decisions()
        >>> @decisions.decides("S0-17", numbers=lambda: {"d": 0.0}, shows="d is small.", refuted_by={"d": 1.0})
        ... def one_product(d):
        ...     return HOLDS if d < ROUNDING else DOES_NOT_HOLD
        >>> decisions["S0-17"].read({"d": 0.0}).outcome, decisions["S0-17"].read({}).complaint
        ('holds', 'it needs d, and was given nothing.')
        """

        def register(function):
            self[claim_id] = Decision(function, shows, numbers, refuted_by)
            return function

        return register


@functools.cache
def _computed_once(numbers):
    return numbers()


def _holds_nan(value):
    parts = value.values() if isinstance(value, dict) else value
    return any(map(_holds_nan, parts)) if isinstance(value, (dict, list, tuple)) else value != value
