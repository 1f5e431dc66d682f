"""A credit bureau over HTTP: docs/reference/bureau.md is the wire contract.

Whatever is not exactly an answer about the person asked for is no answer: an error, a hang, garbage, figures
that cannot be, a report from the future, and above all another person's report. A question under the same
reference counts once with the bureau, so it is repeated when no answer came; while the bureau keeps failing
nobody waits for it (`breaker`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Annotated, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from refi import clock
from refi.gateways import breaker
from refi.gateways.breaker import CLOSED, Tolerance
from refi.gateways.calls import Reply
from refi.gateways.line import Line
from refi.money import MAX_AMOUNT
from refi.underwriting.bureau import BureauUnavailable, Identity, NoFile, Query, Report

ATTEMPTS = 2
Count = Annotated[int, Field(ge=0, le=10_000)]
log = structlog.get_logger("refi.gateways")


class _Wire(BaseModel):
    """Fields that we do not know are the bureau's business."""

    model_config = ConfigDict(strict=True, extra="ignore")

    reference: str
    national_id: str
    as_of: date


class _ReportWire(_Wire):
    found: bool
    open_delinquencies: Count | None = None
    collections_or_judgments: Count | None = None
    inquiries_six_months: Count | None = None
    oldest_account_months: Count | None = None
    monthly_obligations: Annotated[int, Field(ge=0, le=MAX_AMOUNT)] | None = None
    verified_monthly_income: Annotated[int, Field(ge=0, le=MAX_AMOUNT)] | None = None


class _IdentityWire(_Wire):
    matches: bool


W = TypeVar("W", bound=_Wire)


class BureauHttp:
    """The bureau at the other end of ``line``; the circuit belongs to this process."""

    def __init__(
        self, line: Line, tolerance: Tolerance | None = None, now: Callable[[], float] = clock.monotonic
    ) -> None:
        self._line = line
        self._tolerance = tolerance or Tolerance()
        self._now = now
        self._circuit = CLOSED

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half_open``."""
        return self._circuit.state(self._now())

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._line.aclose()

    async def report(self, query: Query) -> Report | NoFile:
        """The person's report; `BureauUnavailable` says why there is none."""
        told = await self._ask("/bureau/v1/reports", query, _ReportWire)
        if not told.found:
            return NoFile(told.as_of)
        late, suits, inquiries = (
            told.open_delinquencies,
            told.collections_or_judgments,
            told.inquiries_six_months,
        )
        if late is None or suits is None or inquiries is None:
            raise self._untrusted("incomplete_report", query)
        return Report(
            as_of=told.as_of,
            open_delinquencies=late,
            collections_or_judgments=suits,
            inquiries_six_months=inquiries,
            oldest_account_months=told.oldest_account_months,
            monthly_obligations=told.monthly_obligations,
            verified_monthly_income=told.verified_monthly_income,
        )

    async def identity(self, query: Query) -> Identity:
        """Whether name and national id belong together; `BureauUnavailable` when that is not to be told."""
        told = await self._ask("/bureau/v1/identity-checks", query, _IdentityWire)
        return Identity(told.as_of, told.matches)

    async def _ask(self, path: str, query: Query, kind: type[W]) -> W:
        self._circuit, wait = breaker.ask(self._circuit, self._tolerance, self._now())
        if wait is not None:
            raise BureauUnavailable("the bureau is left alone for a while", why="circuit_open")
        answered = False
        try:
            reply = await self._reply(path, query)
            answered = reply.status < 500
        finally:  # a call that was cancelled counts as one without an answer, or a probe would stay for ever
            self._learn(answered=answered)
        return self._read(reply, query, kind)

    async def _reply(self, path: str, query: Query) -> Reply:
        body = {
            "reference": query.reference,
            "national_id": query.national_id,
            "name": query.name,
            "consent": query.consent,
            "asked_on": query.on.isoformat(),
        }
        why = ""
        for _ in range(ATTEMPTS):
            got = await self._line.order(path, query.reference, body)
            if isinstance(got, Reply) and got.status < 500 and got.status != 429:
                return got
            why = f"http_{got.status}" if isinstance(got, Reply) else got.cause
        log.warning("bureau_silent", reference=query.reference, why=why)
        raise BureauUnavailable("the bureau did not answer", why=why)

    def _learn(self, *, answered: bool) -> None:
        if answered:
            self._circuit = breaker.succeeded()
        else:
            self._circuit = breaker.failed(self._circuit, self._tolerance, self._now())

    def _read(self, reply: Reply, query: Query, kind: type[W]) -> W:
        if reply.status != 200:
            raise self._untrusted(f"http_{reply.status}", query)
        try:
            told = kind.model_validate_json(reply.body)
        except (ValidationError, json.JSONDecodeError):
            raise self._untrusted("garbage", query) from None
        if told.reference != query.reference or told.national_id != query.national_id:
            raise self._untrusted("another_person", query)
        if told.as_of > query.on:
            raise self._untrusted("from_the_future", query)
        return told

    def _untrusted(self, why: str, query: Query) -> BureauUnavailable:
        log.warning("bureau_untrusted", reference=query.reference, why=why)
        return BureauUnavailable("the bureau's answer cannot be used", why=why)
