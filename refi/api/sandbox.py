"""``/sandbox/v1``: time travel, the inbox, and the levers of the sandbox provider. Never mounted in live.

Each act ends when the work it set off is done, so that a script may look at once.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, model_validator

from refi import close
from refi.api.levers import answered, control, payout_of
from refi.api.settling import ACT_WITHIN, jobs_done, settle
from refi.borrowers import identity
from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM
from refi.errors import Conflict, Fault, NotFound, Refused
from refi.ids import BorrowerId
from refi.payments.states import require_currency
from refi.payments.tables import Payment, SourceType
from refi.runtime import Runtime
from refi.web import problems
from refi.web.deps import Limit
from refi.web.fields import Amount, Body, BusinessDate, Currency, Instant, Out, Text, known_id
from refi.web.route import PublicRoute

router = APIRouter(
    prefix="/sandbox/v1",
    tags=["sandbox"],
    route_class=PublicRoute,
    responses=problems.responses(400, 404, 409, 413, 415, 422, 503),
)

LONGEST_JUMP = timedelta(days=3660)
DAY_WITHIN = 20.0
"""Seconds that the work of a day's close is waited for."""
ACT = "What the provider shall do."


class DateOut(Out):
    """The open business date, and those that this call closed."""

    business_date: BusinessDate
    closed: list[BusinessDate] = []  # noqa: RUF012 - pydantic copies defaults


class Advance(Body):
    """Where to go: a later date, or a number of days."""

    to: BusinessDate | None = None
    days: Annotated[int, Field(ge=1, le=3660, examples=[1])] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Advance:
        if (self.to is None) == (self.days is None):
            raise ValueError("send either to or days")
        return self


class MessageOut(Out):
    """A message as one of the sandbox's channels received it.

    ``sent_at`` is business time, which the sandbox moves: the hour and the day that the rules of contact are
    about.
    """

    id: str
    to: str
    channel: str
    template: str
    subject: str | None = None
    text: str
    sent_at: Instant


class MessagesOut(Out):
    """Messages, newest first."""

    data: list[MessageOut]


class FaultIn(Body):
    """The next ``calls`` calls of ``operation`` go wrong.

    They answer 500 (error), time out, succeed without telling (silent), or answer what cannot be read
    (garbled). With ``retry_after`` an error is a throttle: 429 and how many seconds to wait.
    """

    operation: Literal[
        "card_proofs", "account_proofs", "payouts", "debits", "refunds", "operations", "cash_book",
        "messages", "bureau_reports", "identity_checks", "any",
    ] = "any"  # fmt: skip
    mode: Literal["error", "timeout", "silent", "garbled"]
    calls: Annotated[int, Field(ge=1, le=10_000, description="how many of the next calls")] = 1
    seconds: Annotated[int, Field(ge=0, le=60, description="how long a timeout takes")] = 30
    retry_after: (
        Annotated[int, Field(ge=0, le=3600, description="seconds that a throttle asks for")] | None
    ) = None


class TransferIn(Body):
    """Money that arrives by transfer; ``reference`` names a payment or a loan, or nothing we know."""

    amount: Amount
    reference: Text | None = None
    currency: Annotated[Currency | None, Field(description="the market's, if none is named")] = None
    effective_on: Annotated[
        BusinessDate | None, Field(description="the day the money left the payer; today, if none is named")
    ] = None


class InboundIn(Body):
    """An SMS that somebody writes to us."""

    sender: Annotated[Text, Field(max_length=40, examples=["13800000000"])]
    text: Text


class HoldIn(Body):
    """While on, the provider answers orders only when told."""

    on: bool


class DateRefused(Refused):
    """The business date only goes forward, by at most ten years at once."""


@router.get("/business-date")
async def business_date(request: Request) -> DateOut:
    """The open business date."""
    async with _runtime(request).database.work(SYSTEM, reading=True) as work:
        return DateOut(business_date=work.on)


@router.post("/business-date/advance")
async def advance(body: Advance, request: Request) -> DateOut:
    """Close every business date up to the wanted one, in order, with the code that production runs."""
    runtime = _runtime(request)
    async with runtime.database.work(SYSTEM, reading=True) as work:
        start = work.on
    to = body.to if body.to is not None else start + timedelta(days=body.days or 0)
    if not start <= to <= start + LONGEST_JUMP:
        raise DateRefused(f"today is {start}; name a later date", faults=[Fault("/to", "out_of_range")])
    closed = []
    await settle(runtime, DAY_WITHIN)
    for step in range((to - start).days):
        closed.extend(await close.advance(runtime, start + timedelta(days=step + 1)))
        await settle(runtime, DAY_WITHIN)
    async with runtime.database.work(SYSTEM, reading=True) as work:
        return DateOut(business_date=work.on, closed=closed)


@router.get("/messages")
async def messages(
    request: Request,
    to: Annotated[str | None, Query(max_length=512, description="a phone or a push token")] = None,
    limit: Limit = 50,
) -> MessagesOut:
    """What the channels received, newest first: by a phone (and its owner's devices), or by anybody."""
    runtime = _runtime(request)
    await jobs_done(runtime.database, ACT_WITHIN)
    addresses: list[str | None] = [None] if to is None else [*await _addresses(runtime, to)]
    found: list[dict[str, Any]] = []
    for address in addresses:
        asked = {"limit": str(limit), **({"to": address} if address is not None else {})}
        found.extend((await runtime.sandbox.ask("/messages", asked))["data"])
    found.sort(key=lambda item: (item["sent_at"], item["id"]), reverse=True)
    shown = ({**item, "sent_at": datetime.fromisoformat(item["at"] or item["sent_at"])} for item in found)
    return MessagesOut(data=[MessageOut.model_validate(item) for item in itertools.islice(shown, limit)])


async def _addresses(runtime: Runtime, to: str) -> list[str]:
    """The address asked for; for a phone also the push tokens of its owner."""
    text = to.strip()
    try:
        number = identity.phone_number(text, runtime.database.policy.market.phone_region)
    except identity.PhoneRefused:
        return [text]
    async with runtime.database.work(SYSTEM, reading=True) as work:
        owner = await borrowers.by_phone(work, number)
        devices = await borrowers.devices(work, BorrowerId(owner.id)) if owner else []
        return [number, *(work.vault.open(device.token_sealed) for device in devices)]


@router.post("/messages/{message_id}/{act}")
async def answer_message(
    message_id: str,
    act: Annotated[Literal["deliver", "bounce"], Path(description=ACT)],
    request: Request,
) -> dict[str, Any]:
    """Make the provider tell that a message was delivered or bounced (ours by its ``msg_…``)."""
    return await control(_runtime(request), f"/control/messages/{known_id(message_id, 'msg')}/{act}")


@router.post("/inbound-messages", status_code=201)
async def inbound_message(body: InboundIn, request: Request) -> dict[str, Any]:
    """Let somebody write to us by SMS, an opt-out word for example."""
    return await control(_runtime(request), "/control/inbound", body.model_dump())


@router.post("/payouts/{payout_id}/{act}")
async def answer_payout(
    payout_id: str,
    act: Annotated[Literal["deliver", "fail", "lose", "return"], Path(description=ACT)],
    request: Request,
) -> dict[str, Any]:
    """Make the provider deliver, fail, deliver without telling (lose) or return a payout (or a loan's)."""
    runtime = _runtime(request)
    async with runtime.database.work(SYSTEM, reading=True) as work:
        key, on = await payout_of(work, payout_id), work.on
    return await answered(runtime, f"/control/payouts/{key}", act, on)


@router.post("/payments/{payment_id}/{act}")
async def answer_payment(
    payment_id: str,
    act: Annotated[Literal["post", "fail", "lose", "return"], Path(description=ACT)],
    request: Request,
) -> dict[str, Any]:
    """Make the provider post, fail, post untold (lose) or return a debit; a transfer arrives (post)."""
    runtime = _runtime(request)
    async with runtime.database.work(SYSTEM, reading=True) as work:
        row = await work.session.get(Payment, known_id(payment_id, "pay"))
        if row is None:
            raise NotFound("no such payment")
        on = work.on
    if row.source_type is SourceType.BANK_DEBIT:
        return await answered(runtime, f"/control/debits/{row.id}", act, on)
    if act != "post":
        raise Conflict("a transfer only arrives", allowed=["post"])
    body = {"amount": row.amount, "currency": row.currency, "on": on.isoformat(), "reference": row.id}
    return await control(runtime, "/control/transfers", body, key=row.id)


@router.post("/transfers", status_code=201)
async def transfer(body: TransferIn, request: Request) -> dict[str, Any]:
    """Let money arrive by transfer, unasked; `currency` and `effective_on` may be said."""
    runtime = _runtime(request)
    async with runtime.database.work(SYSTEM, reading=True) as work:
        today, ours = work.on, work.policy.market.currency
    on = body.effective_on or today
    if on > today:
        raise DateRefused(f"today is {today}", faults=[Fault("/effective_on", "in_the_future")])
    require_currency(body.currency, ours)
    sent = {"amount": body.amount, "currency": ours, "on": on.isoformat()}
    return await control(runtime, "/control/transfers", {**sent, "reference": body.reference})


@router.post("/faults", status_code=201)
async def faults(body: FaultIn, request: Request) -> dict[str, Any]:
    """Let the next calls to the provider go wrong."""
    status = 500 if body.retry_after is None else 429
    sent = {**body.model_dump(), "seconds": float(body.seconds), "status": status}
    return await _runtime(request).sandbox.command("/control/faults", sent)


@router.post("/hold")
async def hold(body: HoldIn, request: Request) -> dict[str, Any]:
    """While on, the provider answers orders only when told."""
    return await _runtime(request).sandbox.command("/control/hold", body.model_dump())


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime
