"""The payment provider over HTTP: `refi.payments.processor.PaymentProcessor` for real.

The wire contract is docs/reference/payment-provider.md. Whatever is not a documented answer about this very
order (its key, its amount, its currency) is no answer: ``Unknown`` for an order, `ProviderUnavailable`
for a question. Card and account numbers pass through here and are neither stored nor logged.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from urllib.parse import quote

from refi.borrowers.proof import AccountProof, ProofRefused
from refi.cards.proof import CardProof
from refi.gateways.calls import Reply, Silence
from refi.gateways.line import Line
from refi.payments.processor import (
    Accepted,
    CashEntry,
    CashPage,
    EntryKind,
    NotSent,
    Operation,
    OrderAnswer,
    Outcome,
    ProviderUnavailable,
    Refused,
    Status,
    Unknown,
)
from refi.payments.wire import Fields, Garbled, read_object

TAKEN = frozenset({200, 201, 202})
SAID_NO = frozenset({400, 402, 422})
TURNED_AWAY = frozenset({401, 403, 404, 405, 413, 415, 429})
"""Statuses that say our call was not looked into: a credential, an address or a rate to put right, and no
reason to fail the borrower's payout. (409 is not among them: something stands under this key.)"""


class PaymentHttp:
    """A payment provider at the other end of ``line``."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def confirm_card(
        self, key: str, *, issuer: str, number: str, holder_name: str, national_id: str
    ) -> CardProof | ProofRefused:
        """Ask whether the card is this person's and can receive money. Raises `ProviderUnavailable`."""
        body = {"issuer": issuer, "number": number, "holder_name": holder_name, "national_id": national_id}
        fields = await self._confirm("/v1/card-proofs", key, body)
        if isinstance(fields, ProofRefused):
            return fields
        try:
            return CardProof(
                token=fields.text("token"),
                last4=_last4(fields, number),
                payable=fields.flag("payable"),
                brand=fields.maybe_text("brand"),
                reason=fields.maybe_text("reason"),
            )
        except Garbled as error:
            raise ProviderUnavailable(f"the card proof is unreadable: {error}") from error

    async def confirm_account(
        self, key: str, *, bank: str, number: str, holder_name: str, national_id: str
    ) -> AccountProof | ProofRefused:
        """Ask whether the bank account is this person's own. Raises `ProviderUnavailable`."""
        body = {"bank": bank, "number": number, "holder_name": holder_name, "national_id": national_id}
        fields = await self._confirm("/v1/account-proofs", key, body)
        if isinstance(fields, ProofRefused):
            return fields
        try:
            return AccountProof(
                token=fields.text("token"),
                last4=_last4(fields, number),
                verified=fields.flag("verified"),
                reason=fields.maybe_text("reason"),
            )
        except Garbled as error:
            raise ProviderUnavailable(f"the account proof is unreadable: {error}") from error

    async def send_payout(
        self, key: str, *, amount: int, currency: str, card_token: str, on: date
    ) -> OrderAnswer:
        """Order a payoff to a card's issuer on the business date ``on``."""
        destination = {"type": "card", "token": card_token}
        return await self._order(Operation.PAYOUT, key, amount, currency, on, {"destination": destination})

    async def send_disbursement_to_account(
        self, key: str, *, amount: int, currency: str, account_token: str, on: date
    ) -> OrderAnswer:
        """Order a payout to the borrower's own account."""
        destination = {"type": "account", "token": account_token}
        return await self._order(Operation.PAYOUT, key, amount, currency, on, {"destination": destination})

    async def start_debit(
        self, key: str, *, amount: int, currency: str, account_token: str, on: date
    ) -> OrderAnswer:
        """Order a debit of the borrower's account on the business date ``on``."""
        return await self._order(Operation.DEBIT, key, amount, currency, on, {"account_token": account_token})

    async def refund(self, key: str, *, amount: int, currency: str, of: str, on: date) -> OrderAnswer:
        """Send money back to whoever paid the debit or transfer ``of`` (the provider's id)."""
        return await self._order(Operation.REFUND, key, amount, currency, on, {"of": of})

    async def find(self, key: str) -> Outcome | None:
        """What became of the order under ``key``; None only if the provider itself says it never saw it."""
        got = await self._line.ask(f"/v1/operations/{quote(key, safe='')}")
        if isinstance(got, Silence):
            raise ProviderUnavailable(f"no answer about the order: {got.cause}")
        try:
            fields = read_object(got.body)
            if got.status == 404 and fields.text("code") == "operation_not_found":
                _about(fields, key)
                return None
            if got.status != 200:
                raise ProviderUnavailable(f"asked about an order, the provider answered {got.status}")
            return _outcome(fields, key)
        except (Garbled, ValueError) as error:
            raise ProviderUnavailable(f"the answer about the order is unreadable: {error}") from error

    async def cash_book(self, after: int = 0, limit: int = 200) -> CashPage:
        """Lines with a number above ``after``, oldest first. Raises `ProviderUnavailable`."""
        got = await self._line.ask("/v1/cash-book", {"after": after, "limit": limit})
        if isinstance(got, Silence) or got.status != 200:
            raise ProviderUnavailable(
                f"no cash book: {got.cause if isinstance(got, Silence) else got.status}"
            )
        try:
            fields = read_object(got.body)
            page = CashPage(
                tuple(_entry(item) for item in fields.list("data", most=limit)), fields.flag("has_more")
            )
        except ValueError as error:
            raise ProviderUnavailable(f"the cash book is unreadable: {error}") from error
        numbers = [after, *(entry.number for entry in page.entries)]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            raise ProviderUnavailable("the cash book's numbers do not rise")
        if page.has_more and not page.entries:
            raise ProviderUnavailable("the cash book promises more and shows nothing")
        return page

    async def _confirm(self, path: str, key: str, body: dict[str, str]) -> Fields | ProofRefused:
        got = await self._line.order(path, key, body)
        if isinstance(got, Silence):
            raise ProviderUnavailable(f"no answer about the number: {got.cause}")
        try:
            fields = read_object(got.body)
            if got.status in SAID_NO:
                return ProofRefused(*_no(fields))
            if got.status in TAKEN and fields.text("key") == key:
                return fields
        except Garbled as error:
            raise ProviderUnavailable(f"the answer about the number is unreadable: {error}") from error
        raise ProviderUnavailable(f"asked about a number, the provider answered {got.status}")

    async def _order(
        self, operation: Operation, key: str, amount: int, currency: str, on: date, more: dict[str, object]
    ) -> OrderAnswer:
        body = {"amount": amount, "currency": currency, "on": on.isoformat(), **more}
        got = await self._line.order(f"/v1/{operation}s", key, body)
        if isinstance(got, Silence):
            return Unknown(got.cause) if got.sent else NotSent(got.cause)
        return _judge(got, operation, key, amount, currency)


def _judge(reply: Reply, operation: Operation, key: str, amount: int, currency: str) -> OrderAnswer:
    """What a reply to an order means; anything undocumented is `Unknown`."""
    if reply.status in TURNED_AWAY:
        cause = f"http_{reply.status}"
        return Unknown(cause) if reply.doubt else NotSent(cause, reply.retry_after)
    try:
        if reply.status in SAID_NO:
            return Refused(*_no(read_object(reply.body)))
        if reply.status not in TAKEN:
            return Unknown(f"http_{reply.status}")
        outcome = _outcome(read_object(reply.body), key)
    except ValueError:
        return Unknown("unreadable_answer")
    if (outcome.operation, outcome.amount, outcome.currency) != (operation, amount, currency):
        return Unknown("answer_about_something_else")
    if outcome.status is Status.REFUSED:
        return Unknown("refusal_without_its_status")
    return Accepted(outcome.provider_id, outcome.status)


def _no(fields: Fields) -> tuple[str, str]:
    """Code and detail of a refusal; without a code it is none."""
    return fields.text("code", limit=60), fields.maybe_text("detail", limit=500) or ""


def _outcome(fields: Fields, key: str) -> Outcome:
    """Read an operation; ``ValueError`` (`Garbled`) where it is not one, or is about another key."""
    _about(fields, key)
    return Outcome(
        key=key,
        operation=Operation(fields.text("operation")),
        provider_id=fields.text("id"),
        status=Status(fields.text("status")),
        amount=fields.amount(),
        currency=fields.currency(),
        effective_on=fields.maybe_day("effective_on"),
        reason=fields.maybe_text("reason"),
        moved_on=fields.maybe_day("moved_on"),
    )


def _about(fields: Fields, key: str) -> None:
    """An answer counts only when it names the key: even "never saw it" may be some proxy's 404."""
    if fields.text("key") != key:
        raise Garbled("key is not the one asked about")


def _entry(fields: Fields) -> CashEntry:
    kind = EntryKind(fields.text("kind"))
    return CashEntry(
        number=fields.whole("number", least=1),
        kind=kind,
        provider_id=fields.text("provider_id"),
        amount=fields.amount(),
        currency=fields.currency(),
        effective_on=fields.day("effective_on"),
        key=None if kind is EntryKind.TRANSFER else fields.text("key"),
        reference=fields.maybe_text("reference"),
    )


def _last4(fields: Fields, number: str) -> str:
    """The last four digits, which must be those of the number we asked about."""
    last4 = fields.text("last4")
    if last4 != number[-4:]:
        raise Garbled("last4 is not of the number asked about")
    return last4
