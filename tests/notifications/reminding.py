"""A planned reminder, what became of it, and channels that declare less than ours."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from refi.db.work import SYSTEM
from refi.gateways.messages_http import MessagesHttp
from refi.notifications import service
from refi.notifications.messages import Gate
from tests.books import SHANGHAI
from tests.given import Person
from tests.servicing import DUE, Desk, a_loan, day_before

PHONE = "13900001234"


class Deaf(MessagesHttp):
    """The same inbox behind a channel that declares less."""

    deduplicates = False
    can_ask = False


class Forgiving(MessagesHttp):
    """A channel that sends nothing twice but cannot be asked."""

    can_ask = False


def lines(desk: Desk, kind: type[MessagesHttp]) -> dict[str, MessagesHttp]:
    channels = desk.runtime.channels.items()
    return {name: kind(line._line, name) for name, line in channels if isinstance(line, MessagesHttp)}


async def a_reminder(desk: Desk, person: Person, **changed: Any) -> str:
    """A reminder of the installment due on 22 December, planned for ten on the day before."""
    loan_id = await a_loan(desk, person)
    fields: dict[str, Any] = {
        "key": f"{loan_id}:1", "kind": "installment_reminder", "template": "due_tomorrow",
        "gate": Gate.REMINDER, "channel": "sms", "locale": "en", "borrower_id": person.id, "stage": "T-1",
        "not_before": datetime.combine(day_before(DUE), time(10), SHANGHAI), "lapses_on": DUE,
        "about": (service.About(loan_id, 1, DUE),), "fallbacks": ("sms",), **changed,
    }  # fmt: skip
    async with desk.runtime.database.work(SYSTEM) as work:
        [message_id] = await service.plan(work, [service.Plan(**fields)])
    return message_id


async def status(desk: Desk, message_id: str) -> tuple[str, str | None]:
    [row] = await desk.service.rows("SELECT status, reason FROM messages WHERE id = :id", id=message_id)
    return row.status, row.reason


async def asked_now(desk: Desk) -> None:
    await desk.service.rows("UPDATE messages SET ask_at = ask_at - interval '1 hour' RETURNING id")
