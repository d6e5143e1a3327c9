"""Lesson 00: what decides its one computed claim."""

from ...ledger.decisions import DOES_NOT_HOLD, HOLDS, ROUNDING, Decisions

decisions = Decisions()


@decisions.decides("S1-36", refuted_by={"turns": 1000, "first_error": 1e-15, "first_chain": 1000, "second_chain": 1000})
def why_sequential(turns, first_error, first_chain, second_chain):
    """two loops take the same 1000 turns. One equals a single matrix product, to below 1e-12, and its longest chain is
    1; the other's is 1000. So “it is sequential” is said of both and explains neither: who needs whom does."""
    if first_error < ROUNDING and first_chain == 1 and second_chain == turns:
        return HOLDS
    return DOES_NOT_HOLD
