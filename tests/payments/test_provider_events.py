"""A webhook body becomes an event or a named refusal."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.payments.provider_events import EventType, ProviderEvent, WebhookUnreadable, read_event


def body(**changed: Any) -> bytes:
    news = {
        "id": "evt_1", "type": "payout.delivered", "key": "pout_1", "provider_id": "po_1",
        "amount": 1_200_000, "currency": "CNY", "effective_on": "2026-11-22", "reason": None,
        "reference": None, "later": {"field": 1.5},
    }  # fmt: skip
    return json.dumps(news | changed).encode()


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind is not EventType.TRANSFER_RECEIVED])
def test_news_about_an_order(kind: EventType) -> None:
    assert read_event(body(type=kind, reason="card_closed"), "evt_1") == ProviderEvent(
        "evt_1", kind, "po_1", 1_200_000, "CNY", date(2026, 11, 22), "pout_1", "card_closed"
    )


def test_money_that_arrives_unasked_has_no_key() -> None:
    raw = body(type="transfer.received", key=None, reference="还款　loan_1")
    event = read_event(raw, "evt_1")
    assert (event.key, event.reference) == (None, "还款　loan_1")
    assert read_event(body(type="transfer.received", key="pay_1"), "evt_1").key is None, (
        "a key there is not ours"
    )


@pytest.mark.parametrize(
    "changed",
    [{"id": None}, {"type": "payout.lost"}, {"type": None}, {"key": None}, {"key": 7}, {"provider_id": ""},
     {"amount": 0}, {"amount": -1}, {"amount": 1.0}, {"amount": "1"}, {"amount": 10**30}, {"currency": "cny"},
     {"effective_on": None}, {"effective_on": "2026-02-30"}, {"reason": 7}, {"reference": "a\x00"}],
    ids=repr,
)  # fmt: skip
def test_news_out_of_shape(changed: dict[str, Any]) -> None:
    with pytest.raises(WebhookUnreadable) as caught:
        read_event(body(**changed), "evt_1")
    assert caught.value.code == "validation_failed"


def test_the_signed_id_and_the_id_inside_are_one() -> None:
    with pytest.raises(WebhookUnreadable, match="another event"):
        read_event(body(), "evt_2")


@given(st.one_of(st.binary(max_size=80), st.dictionaries(st.text(max_size=5), st.text(max_size=5)).map(
    lambda values: json.dumps(values).encode())))  # fmt: skip
def test_anything_else_is_refused_by_name(raw: bytes) -> None:
    with pytest.raises(WebhookUnreadable):
        read_event(raw, "evt_1")
