"""What a person can log of a contact, and what each result means to the rules. Pure."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from refi.policies import Contact


class Direction(StrEnum):
    """Who began it."""

    OUT = "out"
    IN = "in"


class Person(StrEnum):
    """Whom we talked to, or meant to."""

    BORROWER = "borrower"
    AUTHORIZED = "authorized"
    THIRD_PARTY = "third_party"


class Medium(StrEnum):
    """Ways in which a person contacts a borrower."""

    PHONE = "phone"
    SMS = "sms"
    PUSH = "push"
    EMAIL = "email"
    APP = "app"
    LETTER = "letter"


class Action(StrEnum):
    """What was done: the last one is all that a third party may hear."""

    CALL = "CALL"
    WRITE = "WRITE"
    PASS_MESSAGE = "PASS_MESSAGE"  # noqa: S105 - no password


class Result(StrEnum):
    """How it ended, by the codes that collectors use."""

    NO_ANSWER = "NOANS"
    RIGHT_PARTY = "RPC"
    WRONG_NUMBER = "WRONG"
    PROMISE = "PTP"
    SAYS_PAID = "PAID"
    DISPUTE = "DISP"
    HARDSHIP = "HARD"
    STOP = "STOP"
    LEFT_MESSAGE = "MSG"
    SENT = "SENT"


class Outcome(StrEnum):
    """What the log says of one entry: ``made`` and ``refused`` by people, the rest by machine."""

    ALLOWED = "allowed"
    LATER = "later"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    MADE = "made"
    REFUSED = "refused"


NOBODY_TOOK_IT = frozenset({Result.NO_ANSWER, Result.SENT})
TALKED = frozenset(
    {Result.RIGHT_PARTY, Result.PROMISE, Result.SAYS_PAID, Result.DISPUTE, Result.HARDSHIP, Result.STOP}
)
OF_CALLS = frozenset(Result) - {Result.SENT}
OF_WRITING = frozenset({Result.SENT})
HOLD_AFTER = {
    Result.DISPUTE: "dispute",
    Result.HARDSHIP: "hardship",
    Result.STOP: "asked_to_stop",
}
"""The hold that starts at once when a contact ends this way."""


def connected(medium: Medium, result: Result) -> bool:
    """Whether somebody took the call. A wrong number counts: the line was answered."""
    return medium is Medium.PHONE and result not in NOBODY_TOOK_IT


def talked(person: Person, result: Result) -> bool:
    """Whether the borrower, or who speaks for them, was reached and talked about the debt."""
    return person is not Person.THIRD_PARTY and result in TALKED


def means_opt_out(contact: Contact, words: str) -> bool:
    """Whether a message that came in is one of the words that opt out, however it is typed."""
    return _plain(words) in {_plain(word) for word in contact.opt_out_words}


def _plain(words: str) -> str:
    """Full-width letters, capitals and what surrounds the word do not matter."""
    text = unicodedata.normalize("NFKC", words).casefold()
    return "".join(c for c in text if c.isalnum())
