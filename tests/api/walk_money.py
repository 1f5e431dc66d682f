"""The walk's part about money and mail: autopay, documents, what fits nowhere."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from refi import clock, ids
from refi.db.work import SYSTEM
from refi.demo.walker import eventually
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.account import terms_of
from refi.loans.tables import Product
from refi.notifications import parking_service
from refi.notifications import service as messages
from refi.notifications.messages import MOST_FAILURES, ONE_TIME_CODE, Gate
from refi.notifications.opting_out import token_of
from refi.notifications.twilio_wire import signature
from refi.payments.states import Call, PayoutStatus
from refi.payments.suspense import SuspenseKind, SuspenseStatus
from refi.payments.tables import Destination, Payout, SuspenseItem
from refi.schedules.amortization import schedule
from tests.books import ON
from tests.slices.news import headers_of
from tests.stack import TWILIO_TOKEN

if TYPE_CHECKING:
    from tests.api.walk import Walk

EMAIL = "wei@example.com"


async def live_with_it(here: Walk) -> None:
    """Wei has installments debited, reads what was signed, and gets mail."""
    loan = {"loan_id": here.known["loan_id"]}
    mandate = {"bank_account": here.known["wei's account"], "day_offset": 1}
    await here.do("PUT /v1/loans/{loan_id}/autopay", mandate, who="wei", **loan)
    await here.do("GET /v1/loans/{loan_id}/autopay", who="wei", **loan)
    await here.do("DELETE /v1/loans/{loan_id}/autopay", who="wei", **loan)
    for kind in ("statement-of-account", "agreement"):
        path = {"kind": kind, **loan}
        await here.do("GET /v1/loans/{loan_id}/documents/{kind}", who="wei", query={"locale": "en"}, **path)
    await here.do("GET /v1/loans/{loan_id}/documents", who="wei", **loan)
    await _mail(here)


async def _mail(here: Walk) -> None:
    """An e-mail address is proved by a code; a notice is read in the app."""
    await here.do("PATCH /v1/me", {"email": EMAIL}, who="wei")

    async def code() -> str | None:
        inbox = await here.get("GET /sandbox/v1/messages", query={"to": EMAIL})
        return next((word for each in inbox["data"] for word in each["text"].split() if _is_code(word)), None)

    entered = (await eventually("a code by e-mail", code)).strip(".。:：,，")
    await here.do("POST /v1/me/email/confirm", {"code": entered}, who="wei")
    notice, letter = (
        await _sent(here, "inbox", Gate.REQUESTED_NOTICE),
        await _sent(here, "email", Gate.MARKETING),
    )

    async def readable() -> bool | None:
        found = (await here.get("GET /v1/messages", who="wei"))["data"]
        return True if any(each["id"] == notice and each["status"] == "sent" for each in found) else None

    await eventually("a notice in the app", readable)
    await here.do("POST /v1/messages/{message_id}/read", who="wei", message_id=notice)
    here.known["told"] = await _one(
        here, "SELECT min(id) FROM messages WHERE channel = 'sms' AND status IN ('sent', 'delivered')"
    )
    vault = here.stack.runtime.database.vault
    here.known |= {"message_id": notice, "token": token_of(vault.index, letter)}


async def hear_of_messages(here: Walk) -> None:
    """What the message providers tell: a receipt, and an SMS that somebody wrote."""
    said = {"id": "evt_walk", "type": "message.delivered", "key": "msg_00000000000000000000000000"}
    content = json.dumps(said)
    headers = headers_of("evt_walk", content)
    await here.do("POST /hooks/v1/messages", content.encode(), headers=headers)
    wrote = [("MessageSid", "SM1"), ("SmsStatus", "received"), ("From", "+8613800200001"), ("Body", "hello")]
    url = f"{here.stack.runtime.settings.public_url}/hooks/v1/messages/twilio"
    signed = {
        "x-twilio-signature": signature(TWILIO_TOKEN, url, wrote),
        "content-type": "application/x-www-form-urlencoded",
    }
    await here.do("POST /hooks/v1/messages/twilio", urlencode(wrote).encode(), headers=signed)
    await here.do("POST /sandbox/v1/inbound-messages", {"sender": "+8613800200002", "text": "hello"})
    told = here.known["told"]
    await here.do("POST /sandbox/v1/messages/{message_id}/{act}", message_id=told, act="deliver")
    await here.do("GET /staff/v1/inbound-messages", who="operator")
    await here.do("GET /staff/v1/parked-message-news", who="operator")
    for method in ("GET", "POST"):
        await here.do(f"{method} /v1/opt-out/{{token}}", token=here.known["token"])
    await _oversee_messages(here)


async def _oversee_messages(here: Walk) -> None:
    """What would be sent, and what failed on our side and is tried again."""
    later = {"on": (ON + timedelta(days=25)).isoformat()}
    await here.do("GET /staff/v1/reminders/preview", who="operator", query=later)
    plan = messages.Plan(
        key="walk:poison",
        kind=ONE_TIME_CODE,
        template="due_tomorrow",
        gate=Gate.REQUESTED_NOTICE,
        channel="inbox",
        locale="en",
        borrower_id=BorrowerId(here.borrowers["wei"]),
        not_before=clock.utc_now() + timedelta(days=9),
        to=here.borrowers["wei"],
        text="hello",
    )
    async with here.stack.runtime.database.work(SYSTEM) as work:
        [poison] = await messages.plan(work, [plan])
        for _ in range(MOST_FAILURES):
            await parking_service.record_failure(work, poison, "cannot be said")
    await here.do("GET /staff/v1/messages/parked", who="operator")
    await here.do("POST /staff/v1/messages/{message_id}/retry", who="operator", message_id=poison)


def _is_code(word: str) -> bool:
    bare = word.strip(".。:：,，")
    return len(bare) == 6 and bare.isascii() and bare.isdigit()


async def _sent(here: Walk, channel: str, gate: Gate) -> str:
    """A message to Wei by that channel, whose words are known already; its id."""
    async with here.stack.runtime.database.work(SYSTEM) as work:
        [message_id] = await messages.plan(
            work,
            [
                messages.Plan(
                    key=f"walk:{channel}",
                    kind=ONE_TIME_CODE,
                    template="due_tomorrow",
                    gate=gate,
                    channel=channel,
                    locale="en",
                    borrower_id=BorrowerId(here.borrowers["wei"]),
                    to=here.borrowers["wei"],
                    text="hello",
                )
            ],
        )
    return str(message_id)


async def mend(here: Walk) -> None:
    """Staff match, refund, retry and settle what fits nowhere, and call off a loan not yet paid out."""
    loan = {"loan_id": here.known["loan_id"]}
    await here.do("GET /staff/v1/loans/{loan_id}/documents", who="lead", **loan)
    await here.do("GET /staff/v1/loans/{loan_id}/documents/{kind}", who="lead", kind="agreement", **loan)
    await _payouts(here)
    for number, remedy in enumerate(("match", "refund", "retry", "settle")):
        item = await _item(here, number, refused=remedy in ("retry", "settle"))
        body: dict[str, Any] = {"reason": f"{remedy}: looked at with the bank"}
        if remedy == "match":
            body |= {"loan": here.known["loan_id"], "preview": True}
        found = await here.do("GET /staff/v1/suspense/{item_id}", who="lead", item_id=item)
        path = f"POST /staff/v1/suspense/{{item_id}}/{remedy}"
        await here.do(path, body, who="lead", headers={"If-Match": found.headers["ETag"]}, item_id=item)
        here.known["item_id"] = item
    await here.do("GET /staff/v1/suspense", who="lead")


async def _payouts(here: Walk) -> None:
    """Loans are called off before their payout is ordered; payoffs that did not arrive are sent again."""
    called_off, given_back = await _unpaid_out(here), await _unpaid_out(here)
    path, said = "POST /staff/v1/loans/{loan_id}/cancel", {"reason": "signed by mistake"}
    await here.do(path, said, who="lead", headers={"If-Match": '"v1"'}, loan_id=called_off)
    await here.do("POST /v1/loans/{loan_id}/cancel", who="wei", loan_id=given_back)
    failed, again = await _unpaid_out(here, failed=True), await _unpaid_out(here, failed=True)
    account = {"bank_account": here.known["wei's account"]}
    await here.do("POST /v1/loans/{loan_id}/payouts", account, who="wei", loan_id=failed)
    await here.do("GET /v1/loans/{loan_id}/payouts", who="wei", loan_id=failed)
    await here.do("GET /staff/v1/loans/{loan_id}/payouts", who="lead", loan_id=again)
    seen = await here.do("GET /staff/v1/loans/{loan_id}", who="lead", loan_id=again)
    path, said = "POST /staff/v1/loans/{loan_id}/payouts", {"reason": "the account is open again"}
    await here.do(path, said, who="lead", headers={"If-Match": seen.headers["ETag"]}, loan_id=again)


async def _unpaid_out(here: Walk, *, failed: bool = False) -> str:
    """A loan of Wei's whose payout nobody has begun to order, or one that the bank refused."""
    database = here.stack.runtime.database
    price = database.policy.price.representative_rate
    terms = terms_of(
        database.policy.product, principal=10_000, term=3, annual_rate=price, monthly_fee_rate=price * 0
    )
    async with database.work(SYSTEM) as work:
        signed = loans.Signed(ids.new("off"), "0" * 64, {})
        loan = await loans.open_loan(
            work, BorrowerId(here.borrowers["wei"]), Product.MICRO_LOAN, schedule(terms, work.on), signed
        )
        status, call = (PayoutStatus.FAILED, Call.REFUSED) if failed else (PayoutStatus.PLANNED, Call.PLANNED)
        work.session.add(
            Payout(
                id=ids.new("pout"), loan_id=loan.id, amount=loan.principal, currency=loan.currency,
                destination=Destination.BANK_ACCOUNT, token="tok_walk", status=status, call=call,
                ordered_on=work.on, created_at=work.now, reason="account_closed" if failed else None,
            )
        )  # fmt: skip
        if failed:
            await loans.cancel(work, await loans.lock(work, LoanId(loan.id)), "account_closed")
    return loan.id


async def _item(here: Walk, number: int, *, refused: bool) -> str:
    """Money for nobody, or news that was refused: an item that waits for staff."""
    news = None
    if refused:
        news = await _one(here, "SELECT id FROM provider_news ORDER BY id LIMIT 1")
    item = SuspenseItem(
        id=ids.new("susp"),
        key=f"walk:{number}",
        kind=SuspenseKind.NEWS_REFUSED if refused else SuspenseKind.UNMATCHED,
        status=SuspenseStatus.OPEN,
        amount=1_000 + number,
        currency="CNY",
        effective_on=ON,
        provider_id=f"tr_walk_{number}",
        news_id=news,
        opened_on=ON,
        created_at=clock.utc_now(),
    )
    async with here.stack.runtime.database.work(SYSTEM) as work:
        work.session.add(item)
    return item.id


async def _one(here: Walk, query: str) -> str:
    async with here.stack.runtime.database.engine.begin() as connection:
        return str((await connection.exec_driver_sql(query)).scalar_one())
