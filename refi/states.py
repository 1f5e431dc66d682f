"""State machines: a table of allowed moves, and the one function that makes a move."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from refi.errors import Conflict

State = TypeVar("State", bound=StrEnum)


class InvalidTransition(Conflict):
    """The thing is not in a state from which this move exists; ``allowed`` lists the moves that do."""

    code = "invalid_transition"


def move(moves: Mapping[State, frozenset[State]], now: State, to: State) -> State:
    """``to``, when the table allows it from ``now``; otherwise `InvalidTransition`."""
    allowed = moves.get(now, frozenset())
    if to not in allowed:
        raise InvalidTransition(
            f"cannot become {to.value} from {now.value}", allowed=sorted(state.value for state in allowed)
        )
    return to
