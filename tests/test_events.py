"""Events survive the trip through JSON."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import Any, get_type_hints

import pytest

from refi import events

SAMPLE: dict[Any, Any] = {str: "x", str | None: None, int: 7, bool: True, date: date(2026, 11, 22)}


@pytest.mark.parametrize("name", sorted(events.TYPES))
def test_round_trip(name: str) -> None:
    cls = events.TYPES[name]
    hints = get_type_hints(cls)
    made = cls(**{field.name: SAMPLE[hints[field.name]] for field in dataclasses.fields(cls)})
    assert events.load(name, json.loads(json.dumps(events.dump(made)))) == made
