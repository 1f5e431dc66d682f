"""Book what a provider tells about messages: receipts onto their messages, and what people write to us."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from refi import ids
from refi.borrowers import identity
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.errors import Fault
from refi.ids import BorrowerId
from refi.notifications import contacts, preference_service, switching_service
from refi.notifications import service as messages
from refi.notifications.messages import MOVES, Gate, MessageStatus, Wanted
from refi.notifications.parking_service import log
from refi.notifications.receipts import NewsRefused, NewsTooEarly, NewsType, Told
from refi.notifications.tables import InboundMessage, Message
from refi.states import move

OPTED_OUT = "opted_out"
"""The kind of message that confirms an opt-out."""


async def book(work: Work, told: Told) -> str | None:
    """Book one piece of news; the message that it is about. The same news again changes nothing.

    Raises `NewsRefused` when it contradicts our rows, `NewsTooEarly` when its message is not known yet.
    """
    if told.type is NewsType.RECEIVED:
        await _received(work, told)
        return None
    row = await _message(work, told)
    if told.provider_id is not None and row.provider_id not in (None, told.provider_id):
        raise NewsRefused("the message has another id there", faults=[Fault("/provider_id", "other_message")])
    if told.type is NewsType.SENT:
        if row.status in (MessageStatus.CLAIMED, MessageStatus.UNKNOWN) and told.provider_id is not None:
            _settle(work, row, MessageStatus.SENT, told)
        return row.id
    delivered = told.type is NewsType.DELIVERED
    target = MessageStatus.DELIVERED if delivered else MessageStatus.UNDELIVERED
    if row.status is target:
        return row.id
    if target not in MOVES[row.status] or row.attempts == 0:
        raise NewsRefused(f"the message is {row.status.value}", faults=[Fault("/type", "contradicts_status")])
    _settle(work, row, target, told)
    if not delivered:
        row.reason = told.reason or told.type.value.partition(".")[2]
        await switching_service.follow_up(work, row)
    return row.id


async def _message(work: Work, told: Told) -> Message:
    """The message that the news is about, locked."""
    query = select(Message).with_for_update().execution_options(populate_existing=True)
    if told.key is not None:
        row = await work.session.scalar(query.where(Message.id == told.key))
        if row is None:
            raise NewsRefused("no such message", faults=[Fault("/key", "unknown_key")])
    else:
        row = await work.session.scalar(query.where(Message.provider_id == told.provider_id).limit(1))
        if row is None:
            raise NewsTooEarly
    found: Message = row
    return found


def _settle(work: Work, row: Message, status: MessageStatus, told: Told) -> None:
    row.status = move(MOVES, row.status, status)
    row.provider_id = row.provider_id or told.provider_id
    row.sent_at = row.sent_at or row.contacted_at
    row.ask_at, row.reason = None, None
    log(work, row, status.value, told.reason)


async def _received(work: Work, told: Told) -> None:
    """Keep what somebody wrote; an opt-out is done and confirmed, anything else waits for staff."""
    sender, words = str(told.sender), str(told.text)
    try:
        number = identity.phone_number(sender, work.policy.market.phone_region)
    except identity.PhoneRefused:  # a short code, or a name: nobody we know
        number = sender
    borrower = await borrowers.by_phone(work, number)
    means_out = contacts.means_opt_out(work.policy.contact, words)
    work.session.add(
        InboundMessage(
            id=ids.new("inb"),
            news_id=told.id,
            channel=told.channel,
            from_sealed=work.vault.seal(number),
            from_index=work.vault.index("phone", number),
            borrower_id=None if borrower is None else borrower.id,
            text_sealed=work.vault.seal(words),
            kind="opt_out" if means_out else "text",
            on=work.on,
            received_at=work.now,
        )
    )
    if means_out and borrower is not None:
        await preference_service.heard(work, number, words)
        await _confirm(work, told, BorrowerId(borrower.id), borrower.locale)


async def opted_out_still_wanted(work: Work, rows: Sequence[Message]) -> dict[str, Wanted]:
    """The answer to an opt-out is always right; it says what the market's policy ends."""
    said = Wanted({"everything": work.policy.contact.opt_out_stops == "channel"})
    return {row.id: said for row in rows}


async def _confirm(work: Work, told: Told, borrower_id: BorrowerId, locale: str) -> None:
    """Say once that the word was understood: a notice that the borrower asked for."""
    wish = messages.Plan(
        key=f"{OPTED_OUT}:{told.id}",
        kind=OPTED_OUT,
        template=OPTED_OUT,
        gate=Gate.REQUESTED_NOTICE,
        channel=told.channel,
        locale=locale,
        borrower_id=borrower_id,
    )
    await messages.plan(work, [wish])
