"""The ledger: 144 sentences of four documents as statements, what decides them, and the cards that show how."""

from .cards import card
from .statements import SOURCES, WORDS, Evidence, Statement, all_statements, claims, find_statement, statements_of

__all__ = [
    "SOURCES",
    "WORDS",
    "Evidence",
    "Statement",
    "all_statements",
    "card",
    "claims",
    "find_statement",
    "statements_of",
]
