"""What fits nowhere: which acts fit, when a second person is needed, and where an item can go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.payments.suspense import (
    REMEDIES,
    SUSPENSE_MOVES,
    WAITING,
    Remedy,
    RemedyUnfit,
    SuspenseKind,
    SuspenseStatus,
    needs_second,
    require_remedy,
)


@pytest.mark.parametrize("kind", SuspenseKind)
def test_every_kind_can_be_mended_and_only_as_fits(kind: SuspenseKind) -> None:
    assert REMEDIES[kind]
    for remedy in Remedy:
        if remedy in REMEDIES[kind]:
            require_remedy(kind, remedy)
        else:
            with pytest.raises(RemedyUnfit) as refused:
                require_remedy(kind, remedy)
            assert refused.value.facts["allowed"] == [each.value for each in REMEDIES[kind]]


def test_other_peoples_money_is_never_settled_away() -> None:
    for kind in (SuspenseKind.UNMATCHED, SuspenseKind.REFUND_FAILED):
        assert Remedy.SETTLE not in REMEDIES[kind]


@given(amount=st.integers(1, 10**15), limit=st.integers(0, 10**15))
def test_who_may_act_alone(amount: int, limit: int) -> None:
    assert needs_second(Remedy.MATCH, amount, limit) == needs_second(Remedy.REFUND, amount, limit)
    assert needs_second(Remedy.REFUND, amount, limit) == (amount > limit)
    assert needs_second(Remedy.SETTLE, amount, limit)
    assert not needs_second(Remedy.RETRY, amount, limit)


def test_matched_and_refunded_are_ends_and_what_waits_can_end() -> None:
    assert SUSPENSE_MOVES[SuspenseStatus.MATCHED] == SUSPENSE_MOVES[SuspenseStatus.REFUNDED] == frozenset()
    for status in WAITING:
        assert SUSPENSE_MOVES[status] - set(WAITING)
