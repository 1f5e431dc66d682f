"""The news a payment provider sends by webhook, as a value.

The signature is checked before (`refi.web.webhooks`); here the body becomes a `ProviderEvent` or a named
refusal. Whether the news fits our rows (known key, same amount, a move the state allows) is decided by
whoever books it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from refi.errors import Refused
from refi.payments.wire import Garbled, read_object


class WebhookUnreadable(Refused):
    """A signed webhook body is not one of the documented events (422)."""

    code = "validation_failed"


class EventType(StrEnum):
    """What can happen to money at the provider."""

    PAYOUT_DELIVERED = "payout.delivered"
    PAYOUT_FAILED = "payout.failed"
    PAYOUT_RETURNED = "payout.returned"
    DEBIT_POSTED = "debit.posted"
    DEBIT_FAILED = "debit.failed"
    DEBIT_RETURNED = "debit.returned"
    TRANSFER_RECEIVED = "transfer.received"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One piece of news. ``amount`` in minor units; ``effective_on`` is the business date it happened on.

    ``key`` is our row's id; it is None for ``transfer.received`` alone, which carries the payer's
    ``reference`` instead. ``reason`` says why something failed or was returned.
    """

    id: str
    type: EventType
    provider_id: str
    amount: int
    currency: str
    effective_on: date
    key: str | None = None
    reason: str | None = None
    reference: str | None = None


def read_event(raw: bytes, event_id: str) -> ProviderEvent:
    """Read a verified webhook body; ``event_id`` is the id its signature covered.

    Raises `WebhookUnreadable` for another shape, another id in the body, or an unknown type.
    """
    try:
        fields = read_object(raw)
        kind = EventType(fields.text("type"))
        event = ProviderEvent(
            id=fields.text("id"),
            type=kind,
            provider_id=fields.text("provider_id"),
            amount=fields.amount(),
            currency=fields.currency(),
            effective_on=fields.day("effective_on"),
            key=None if kind is EventType.TRANSFER_RECEIVED else fields.text("key"),
            reason=fields.maybe_text("reason"),
            reference=fields.maybe_text("reference"),
        )
    except Garbled as error:
        raise WebhookUnreadable(f"the webhook is not a documented event: {error}") from error
    except ValueError as error:
        raise WebhookUnreadable("the webhook's type is not a documented one") from error
    if event.id != event_id:
        raise WebhookUnreadable("the body names another event than the signed webhook-id")
    return event
