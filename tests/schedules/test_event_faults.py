"""Events that cannot have happened: the sentence, the field, the code and the event of every refusal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from refi.errors import Fault
from refi.money import MAX_AMOUNT
from refi.schedules.allocation import Component
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import (
    Charge,
    Chargeback,
    ChargeOff,
    Contract,
    Deferral,
    DueDateChange,
    Event,
    InvalidEvent,
    Mode,
    Reage,
    Reamortization,
    Receipt,
    Recovery,
    Reversal,
    Waiver,
    replay,
)
from refi.schedules.conventions import InvalidConvention, named

DAY = date(2026, 12, 10)
TERMS = Terms(1_200_000, Decimal("0.12"), 6)
OURS = Contract(TERMS, DAY)
ACTUAL = Contract(TERMS, DAY, conventions=named({"interest": "actual_balance"}))
IN_PARTS = Contract(
    TERMS, DAY, conventions=named({"interest": "actual_balance", "re_age": "equal_payable_interest"})
)
PAID = Receipt("paid", DAY, 1_000)

WHOLE = "an amount is a positive whole number"
NO_RECEIPT = "only an earlier receipt is charged back"
NO_MORE = "no more is charged back than was received"
NO_MOVE = "dates do not move where interest is on the actual balance"
ONLY_RATE = "with interest on the actual balance only the rate changes; re_age levels what is overdue"
BY_ORDER = "the order says which installments money in advance meets"

REFUSED: list[tuple[Contract, list[Event], str, str]] = [
    (OURS, [Recovery("e", DAY, 0)], "/0/amount out_of_range", WHOLE),
    (OURS, [Waiver("e", DAY, MAX_AMOUNT + 1)], "/0/amount out_of_range", WHOLE),
    (OURS, [Charge("e", DAY, -1)], "/0/amount out_of_range", WHOLE),
    (OURS, [Charge("e", DAY, True)], "/0/amount out_of_range", WHOLE),
    *[
        (OURS, [Charge("e", DAY, 1, part)], "/0/component unknown", "a charge is a fee or a penalty")
        for part in (Component.PRINCIPAL, Component.INTEREST)
    ],
    (OURS, [Chargeback("e", DAY, "paid")], "/0/of unknown", NO_RECEIPT),
    (OURS, [PAID, Chargeback("e", DAY, "e")], "/1/of unknown", NO_RECEIPT),
    (OURS, [ChargeOff("o", DAY), Chargeback("e", DAY, "o")], "/1/of unknown", NO_RECEIPT),
    (OURS, [PAID, Chargeback("e", DAY, "paid", 0)], "/1/amount out_of_range", NO_MORE),
    (OURS, [PAID, Chargeback("e", DAY, "paid", 1_001)], "/1/amount out_of_range", NO_MORE),
    (
        OURS,
        [PAID, Chargeback("b", DAY, "paid", 400), Chargeback("e", DAY, "paid", 601)],
        "/2/amount out_of_range",
        NO_MORE,
    ),
    (
        OURS,
        [PAID, *[Chargeback(key, DAY, "paid", 300) for key in "bcd"], Chargeback("e", DAY, "paid", 101)],
        "/4/amount out_of_range",
        NO_MORE,
    ),
    (
        OURS,
        [PAID, Chargeback("b", DAY, "paid"), Chargeback("e", DAY, "paid")],
        "/2/amount out_of_range",
        NO_MORE,
    ),
    (OURS, [PAID, Reversal("e", DAY, "later")], "/1/of unknown", "only an earlier event is reversed"),
    (OURS, [Reamortization("e", DAY, 0)], "/0/installments out_of_range", "there are 1 to 60 installments"),
    (OURS, [Reage("e", DAY, 61)], "/0/installments out_of_range", "there are 1 to 60 installments"),
    (ACTUAL, [Deferral("e", DAY, 1)], "/0/type not_with_actual_balance", NO_MOVE),
    (ACTUAL, [PAID, DueDateChange("e", DAY, DAY)], "/1/type not_with_actual_balance", NO_MOVE),
    (ACTUAL, [Reamortization("e", DAY)], "/0/installments not_with_actual_balance", ONLY_RATE),
    (ACTUAL, [Reamortization("e", DAY, 6)], "/0/installments not_with_actual_balance", ONLY_RATE),
    (
        ACTUAL,
        [Reamortization("e", DAY, 6, Decimal("0.1"))],
        "/0/installments not_with_actual_balance",
        ONLY_RATE,
    ),
    *[
        (ACTUAL, [Receipt("e", DAY, 1, mode)], "/0/mode not_with_actual_balance", BY_ORDER)
        for mode in (Mode.PREPAY_LOWER, Mode.PREPAY_SHORTEN)
    ],
]  # fmt: skip


@pytest.mark.parametrize(("contract", "events", "fault", "sentence"), REFUSED)
def test_an_event_that_cannot_be_is_refused_by_name(
    contract: Contract, events: list[Event], fault: str, sentence: str
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        replay(contract, events, DAY)
    assert str(refused.value) == sentence
    assert refused.value.faults == (Fault(*fault.split(" ")),)
    assert refused.value.facts == {"event": "e"}


def test_the_last_events_that_can_be() -> None:
    """One step inside each limit nothing is refused."""
    for contract, events in (
        (OURS, [PAID, Chargeback("b", DAY, "paid", 1), Chargeback("c", DAY, "paid", 999)]),
        (OURS, [PAID, Chargeback("b", DAY, "paid", 400), Chargeback("c", DAY, "paid")]),
        (OURS, [PAID, Receipt("two", DAY, 5), Chargeback("b", DAY, "paid"), Chargeback("c", DAY, "two", 5)]),
        (OURS, [Charge("c", DAY, 1, Component.PENALTY), Charge("d", DAY, MAX_AMOUNT, Component.FEE)]),
        (ACTUAL, [Receipt("a", DAY, 1, Mode.DUE), Receipt("b", DAY, 1, Mode.PAYOFF)]),
        (ACTUAL, [Reamortization("r", DAY, None, Decimal(0)), Charge("c", DAY, 1), ChargeOff("o", DAY)]),
        (ACTUAL, [Reage("a", DAY)]),
        (IN_PARTS, [Reage("a", DAY), Reage("b", DAY, 60, date(2027, 1, 1))]),
    ):
        assert replay(contract, events, DAY).on == DAY


@pytest.mark.parametrize("method", [Method.EQUAL_PRINCIPAL, Method.FLAT_FEE])
def test_interest_on_the_actual_balance_is_for_equal_installments(method: Method) -> None:
    terms = Terms(1_200_000, Decimal("0.12"), 6, method)
    with pytest.raises(InvalidConvention) as refused:
        replay(Contract(terms, DAY, conventions=named({"interest": "actual_balance"})), [], DAY)
    assert str(refused.value) == "interest on the actual balance is for equal installments"
    assert refused.value.faults == (Fault("/interest", "method"),)
