"""Refusals as tests list them: the call, the name, the sentence, the fields at fault and the facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refi.errors import Fault, Refused


def case(
    refused: Callable[[], object], name: type[Refused], sentence: str, faults: str = "", **facts: object
) -> tuple[Any, ...]:
    """A refusal: the call, its name, the sentence, 'pointer code' for each fault, and the facts."""
    named_faults = tuple(Fault(*fault.rsplit(" ", 1)) for fault in faults.split(", ") if fault)
    return refused, name, sentence, named_faults, facts


def check(refusal: tuple[Any, ...]) -> None:
    """Everything that the refused caller reads is as listed."""
    refused, name, sentence, faults, facts = refusal
    with pytest.raises(name) as caught:
        refused()
    found = caught.value
    assert type(found) is name
    assert (found.detail, str(found)) == (sentence, sentence)
    assert found.faults == faults
    assert found.facts == facts
