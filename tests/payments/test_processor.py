"""The values that cross to a payment provider."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from refi.errors import Unavailable
from refi.payments.processor import (
    Accepted,
    CashEntry,
    CashPage,
    EntryKind,
    NotSent,
    OrderAnswer,
    Outcome,
    ProviderUnavailable,
    Refused,
    Status,
    Unknown,
)


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        (EntryKind.PAYOUT, -1), (EntryKind.PAYOUT_RETURN, 1), (EntryKind.DEBIT, 1),
        (EntryKind.DEBIT_RETURN, -1), (EntryKind.TRANSFER, 1), (EntryKind.REFUND, -1),
    ],
)  # fmt: skip
def test_which_way_money_goes(kind: EntryKind, sign: int) -> None:
    assert kind.sign == sign
    assert CashEntry(1, kind, "x_1", 500, "CNY", date(2026, 11, 22), "k").signed == sign * 500


def test_every_kind_has_a_direction_and_its_return_the_other() -> None:
    assert {kind.sign for kind in EntryKind} == {1, -1}
    for name in ("payout", "debit"):
        assert EntryKind(name).sign == -EntryKind(f"{name}_return").sign


@pytest.mark.parametrize(
    "value",
    [
        Accepted("po_1", Status.ACCEPTED),
        Refused("no"),
        NotSent("ConnectError"),
        Unknown("ReadTimeout"),
        CashPage(),
    ],
)
def test_answers_are_values(value: OrderAnswer | CashPage) -> None:
    assert value == dataclasses.replace(value)
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, None)


def test_no_answer_to_a_question_is_a_dependency_that_is_missing() -> None:
    assert issubclass(ProviderUnavailable, Unavailable)
    assert ProviderUnavailable("x").code == "dependency_unavailable"
    assert not isinstance(None, Outcome)
