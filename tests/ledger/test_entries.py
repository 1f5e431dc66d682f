"""The posting rules: every movement balances, and what takes a movement back mirrors it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.ledger.accounts import Account
from refi.ledger.entries import RULES, Component, Kind, Split, transfers

MIRRORS = {
    Kind.DISBURSEMENT: Kind.DISBURSEMENT_RETURNED,
    Kind.REPAYMENT: Kind.REPAYMENT_REVERSED,
    Kind.INTEREST_REBATE: Kind.INTEREST_REBATE_REVERSED,
    Kind.UNIDENTIFIED_RECEIPT: Kind.UNIDENTIFIED_RETURNED,
}
amounts = st.integers(0, 10**12)


def splits_of(kind: Kind) -> st.SearchStrategy[Split]:
    allowed = {part for at, part in RULES if at is kind}
    return st.builds(Split, **{part.value: amounts if part in allowed else st.just(0) for part in Component})


@pytest.mark.parametrize(("kind", "undo"), MIRRORS.items())
@given(data=st.data())
def test_what_takes_back_mirrors(kind: Kind, undo: Kind, data: st.DataObject) -> None:
    split = data.draw(splits_of(kind))
    there, back = transfers(kind, split), transfers(undo, split)
    assert [(credit, debit, amount) for debit, credit, amount in there] == back
    assert sum(amount for *_, amount in there) == split.total


@given(splits_of(Kind.REPAYMENT))
def test_a_repayment_brings_cash(split: Split) -> None:
    lines = transfers(Kind.REPAYMENT, split)
    assert all(debit is Account.CASH_AT_PROVIDER for debit, _, _ in lines)
    assert {credit for _, credit, _ in lines}.isdisjoint({Account.CASH_AT_PROVIDER})


@given(splits_of(Kind.REPAYMENT_RELEASED))
def test_a_release_moves_no_cash(split: Split) -> None:
    assert all(Account.CASH_AT_PROVIDER not in line[:2] for line in transfers(Kind.REPAYMENT_RELEASED, split))


def test_a_movement_has_no_strange_components() -> None:
    with pytest.raises(KeyError):
        transfers(Kind.DISBURSEMENT, Split(interest=1))


def test_two_accounts_always() -> None:
    assert all(debit is not credit for debit, credit in RULES.values())
