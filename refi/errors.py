"""Refusals named by the business, in five families.

A refusal is raised where a rule says no and carries what the caller needs to act: a stable ``code``
(docs: the error codes of the API), a sentence of ``detail``, pointers to the fields at fault and any
further facts. ``refi.web.problems`` is the one place that turns a family into an HTTP status.
A credit decline is not an error: it is a value of the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One field at fault: a JSON pointer into the request (``/principal``) and a short code."""

    pointer: str
    code: str


class Refusal(Exception):
    """A named no. Raise a subclass; the family decides the HTTP status, ``code`` the exact meaning."""

    code: ClassVar[str] = "validation_failed"

    def __init__(self, detail: str, *, faults: Sequence[Fault] = (), **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.facts = facts


class NotFound(Refusal):
    """There is no such thing, or it is somebody else's: the caller cannot tell which (404)."""

    code = "not_found"


class Conflict(Refusal):
    """The thing is not in a state in which this can happen (409)."""

    code = "invalid_transition"


class Refused(Refusal):
    """The request is understood and a rule forbids it (422)."""

    code = "validation_failed"


class Forbidden(Refusal):
    """The caller is known and may not do this (403)."""

    code = "scope_missing"


class Unavailable(Refusal):
    """Nothing is wrong with the request; something that it needs is not there now (503)."""

    code = "dependency_unavailable"


class FileRefused(ImportError):
    """A file that is part of the program, and is read as an import is, cannot be used; it says which."""
