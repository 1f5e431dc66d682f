"""Tell the operators of an alert: one message to each address that the installation names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from refi.db.work import SYSTEM, Database, Work
from refi.notifications import service as messages
from refi.notifications import templates
from refi.notifications.messages import Dropped, Gate, Wanted
from refi.notifications.tables import Message
from refi.underwriting import alert_service
from refi.underwriting.tables import Alert

KIND = "early_warning"
WORTH_TELLING = timedelta(days=3)
"""An address that could not be reached for so long is given up."""


async def tell(database: Database, operators: Iterable[tuple[str, str]], alert_id: str) -> None:
    """Plan a message for each of ``operators``, a channel with an address; once ever, however often run."""
    async with database.work(SYSTEM) as work:
        alert = await alert_service.get(work, alert_id)
        market = work.policy.market
        figures = ", ".join(f"{name} {value}" for name, value in alert.figures.items())
        values = {"alert": alert.name, "figures": figures, "on": alert.raised_on, "id": alert.id}
        wishes = []
        for number, (channel, address) in enumerate(operators):
            words = templates.render(work.policy, KIND, channel, market.default_locale, values)
            wishes.append(
                messages.Plan(
                    key=f"{KIND}:{alert.id}:{number}",
                    kind=KIND,
                    template=KIND,
                    gate=Gate.REQUESTED_NOTICE,
                    channel=channel,
                    locale=market.default_locale,
                    to=address,
                    expires_at=work.wall + WORTH_TELLING,
                    text=words.text,
                    subject=words.subject,
                )
            )
        await messages.plan(work, wishes)


async def still_wanted(work: Work, rows: Sequence[Message]) -> dict[str, Wanted | Dropped]:
    """Not when somebody has seen the alert, or it has ended, before the message could leave."""
    found = await alert_service.many(work, [_about(row) for row in rows])
    return {row.id: _wanted(found.get(_about(row))) for row in rows}


def _about(row: Message) -> str:
    return row.plan_key.split(":")[1]


def _wanted(alert: Alert | None) -> Wanted | Dropped:
    if alert is None or alert.ended_on is not None:
        return Dropped("ended")
    return Wanted() if alert.acknowledged_at is None else Dropped("acknowledged")
