"""Every state machine: moves lead to states that exist, and a forbidden move names the allowed ones."""

from __future__ import annotations

import pytest

from refi.applications import states as applications
from refi.errors import Conflict
from refi.loans.states import MOVES, LoanStatus
from refi.payments import states as payments
from refi.states import InvalidTransition, move


def test_an_allowed_move_is_made() -> None:
    assert move(MOVES, LoanStatus.PENDING_DISBURSEMENT, LoanStatus.ACTIVE) is LoanStatus.ACTIVE


def test_a_forbidden_move_names_the_allowed_ones() -> None:
    with pytest.raises(InvalidTransition) as refused:
        move(MOVES, LoanStatus.PAID_OFF, LoanStatus.CANCELLED)
    assert refused.value.facts == {"allowed": ["active", "charged_off"]}
    assert isinstance(refused.value, Conflict)


@pytest.mark.parametrize(
    ("begun_again", "as_what"),
    [
        (LoanStatus.CANCELLED, {LoanStatus.PENDING_DISBURSEMENT}),
        (LoanStatus.CHARGED_OFF, {LoanStatus.ACTIVE, LoanStatus.PAID_OFF}),
    ],
)
def test_what_ended_begins_again_in_one_way_only(begun_again: LoanStatus, as_what: set[LoanStatus]) -> None:
    """A payoff sent once more; a charge-off undone, or settled by money from before it."""
    for to in set(LoanStatus) - as_what:
        with pytest.raises(InvalidTransition):
            move(MOVES, begun_again, to)


@pytest.mark.parametrize("dead_end", [payments.PaymentStatus.FAILED, payments.PaymentStatus.REVERSED])
def test_a_dead_end_allows_nothing(dead_end: payments.PaymentStatus) -> None:
    for to in payments.PaymentStatus:
        with pytest.raises(InvalidTransition) as refused:
            move(payments.PAYMENT_MOVES, dead_end, to)
        assert refused.value.facts == {"allowed": []}


def test_money_that_failed_never_posts() -> None:
    with pytest.raises(InvalidTransition):
        move(payments.PAYMENT_MOVES, payments.PaymentStatus.FAILED, payments.PaymentStatus.POSTED)
    with pytest.raises(InvalidTransition):
        move(payments.PAYOUT_MOVES, payments.PayoutStatus.FAILED, payments.PayoutStatus.DELIVERED)


def test_a_decline_can_only_be_reviewed() -> None:
    allowed = applications.APPLICATION_MOVES[applications.ApplicationStatus.DECLINED]
    assert allowed == {applications.ApplicationStatus.REFERRED}
