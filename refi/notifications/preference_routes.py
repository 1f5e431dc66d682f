"""What the borrower wants of contact."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, model_validator

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.notifications import preference_service as preferences
from refi.notifications.contact_policy import QuietHours
from refi.notifications.preference_service import Wants
from refi.web import problems
from refi.web.fields import Body, Instant, Out
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1/preferences",
    tags=["messages"],
    route_class=BorrowerRoute,
    responses=problems.responses(401, 422, 503),
)

Channel = Literal["push", "sms", "email", "inbox", "phone"]
Closable = Literal["push", "sms", "email", "phone"]
Hour = Annotated[
    str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="local time", examples=["22:00"])
]


class QuietHoursIn(Body):
    """From when until when the borrower is left alone, in their own zone; past midnight if need be."""

    from_: Annotated[Hour, Field(alias="from")]
    until: Annotated[Hour, Field(examples=["08:00"])]

    @model_validator(mode="after")
    def _end(self) -> QuietHoursIn:
        self.hours()
        return self

    def hours(self) -> QuietHours:
        """As the gate wants them."""
        return QuietHours(time.fromisoformat(self.from_), time.fromisoformat(self.until))


class PreferencesIn(Body):
    """Only what is sent changes. ``quiet_hours: null`` goes back to the law's hours.

    ``channels`` is the order of liking, ``opted_out`` the channels that are closed. ``marketing: false``
    takes the consent back; to agree, send the consent itself.
    """

    channels: Annotated[list[Channel], Field(max_length=5, examples=[["push", "sms"]])] | None = None
    opted_out: Annotated[list[Closable], Field(max_length=4, examples=[["sms"]])] | None = None
    marketing: bool | None = None
    quiet_hours: QuietHoursIn | None = None

    @model_validator(mode="after")
    def _once(self) -> PreferencesIn:
        for named in (self.channels, self.opted_out):
            if named is not None and len(set(named)) != len(named):
                raise ValueError("a channel is named twice")
        return self


class QuietHoursOut(Out):
    """Local times, ``HH:MM``."""

    from_: Annotated[str, Field(serialization_alias="from")]
    until: str


class PreferencesOut(Out):
    """What the borrower wants. ``updated_at`` is empty when they never said anything."""

    channels: list[str]
    opted_out: list[str]
    marketing: bool
    quiet_hours: QuietHoursOut | None
    updated_at: Instant | None


@router.get("")
async def show(work: CurrentWork, actor: CurrentActor) -> PreferencesOut:
    """The order of channels, what is closed, marketing, and the borrower's own quiet hours."""
    borrower_id = BorrowerId(actor.id)
    return await _out(work, borrower_id, await preferences.newest(work, borrower_id))


@router.patch("", responses=problems.responses(400, 413, 415))
async def change(body: PreferencesIn, work: CurrentWork, actor: CurrentActor) -> PreferencesOut:
    """Change what is sent. Quiet hours that the borrower agrees to here take the place of the law's."""
    borrower_id, given = BorrowerId(actor.id), body.model_fields_set
    if body.marketing is not None:
        await preferences.set_marketing(work, borrower_id, wanted=body.marketing, source="preferences")
    wants = await preferences.newest(work, borrower_id)
    quiet = body.quiet_hours.hours() if body.quiet_hours is not None else None
    wanted = Wants(
        tuple(body.channels) if body.channels is not None else wants.channels,
        frozenset(body.opted_out) if body.opted_out is not None else wants.opted_out,
        quiet if "quiet_hours" in given else wants.quiet,
    )
    wants = await preferences.change(work, borrower_id, wanted, source="app")
    return await _out(work, borrower_id, wants)


async def _out(work: Work, borrower_id: BorrowerId, wants: Wants) -> PreferencesOut:
    quiet = wants.quiet
    return PreferencesOut(
        channels=list(wants.channels),
        opted_out=sorted(wants.opted_out),
        marketing=Purpose.MARKETING in await borrowers.consented(work, borrower_id),
        quiet_hours=quiet
        and QuietHoursOut(from_=f"{quiet.from_time:%H:%M}", until=f"{quiet.until_time:%H:%M}"),
        updated_at=wants.at,
    )
