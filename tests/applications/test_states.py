"""Every move of an application, an offer and a review is in a table, and nothing else is possible."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from refi.applications.states import (
    APPLICATION_MOVES,
    OFFER_MOVES,
    REVIEW_MOVES,
    UNDECIDED,
    ApplicationStatus,
    OfferStatus,
    ReviewStatus,
)
from refi.states import InvalidTransition, move

TABLES: list[tuple[type[StrEnum], dict[Any, frozenset[Any]]]] = [
    (ApplicationStatus, APPLICATION_MOVES),
    (OfferStatus, OFFER_MOVES),
    (ReviewStatus, REVIEW_MOVES),
]
PAIRS = [(moves, now, to) for kind, moves in TABLES for now in kind for to in kind]


@pytest.mark.parametrize(("kind", "moves"), TABLES)
def test_every_state_has_its_moves(kind: type[StrEnum], moves: dict[Any, frozenset[Any]]) -> None:
    assert set(moves) == set(kind)
    reached = set().union(*moves.values())
    assert set(kind) - reached == {next(iter(kind))} - reached


@pytest.mark.parametrize(("moves", "now", "to"), PAIRS)
def test_every_pair(moves: dict[Any, frozenset[Any]], now: StrEnum, to: StrEnum) -> None:
    if to in moves[now]:
        assert move(moves, now, to) is to
        return
    with pytest.raises(InvalidTransition) as refused:
        move(moves, now, to)
    assert refused.value.facts["allowed"] == sorted(state.value for state in moves[now])


def test_what_the_contract_says() -> None:
    a = ApplicationStatus
    assert APPLICATION_MOVES[a.DECLINED] == {a.REFERRED}
    assert a.INFO_REQUESTED in APPLICATION_MOVES[a.REFERRED]
    assert APPLICATION_MOVES[a.INFO_REQUESTED] >= {a.REFERRED}
    assert APPLICATION_MOVES[a.ACCEPTED] == frozenset()
    assert frozenset({a.SUBMITTED, a.REFERRED, a.INFO_REQUESTED}) == UNDECIDED
