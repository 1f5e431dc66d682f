"""Worked cases over HTTP: the answer of ``refi contract``, and its refusals as problems."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from refi.api.worked_cases import EXAMPLE, Kind
from refi.schedules import cases
from tests.given import Service

PATH = "/sandbox/v1/contracts"


def test_every_kind_of_event_can_be_sent() -> None:
    assert set(get_args(Kind)) == set(cases.EVENTS)


async def test_the_answer_is_that_of_the_command(service: Service) -> None:
    answer = await service.http.post(PATH, json=EXAMPLE)
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(json.dumps(cases.answer(EXAMPLE)))
    assert (answer.json()["balances"]["past_due"], answer.json()["days_past_due"]) == (207_058, 9)


async def test_a_case_may_say_what_it_is_and_what_it_expects(service: Service) -> None:
    """A file for the command is a body for the service."""
    case = {**EXAMPLE, "id": "C1", "note": "paid once", "expected": {"days_past_due": 9}}
    answer = await service.http.post(PATH, json=case)
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(json.dumps(cases.answer(EXAMPLE)))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"principal": 0}, "/principal"),
        ({"principal": 10**30}, "/principal"),
        ({"annual_rate": 0.12}, "/annual_rate"),
        ({"annual_rate": "NaN"}, "/annual_rate"),
        ({"color": 1}, "/color"),
        ({"conventions": {"interest": "none"}}, "/conventions/interest"),
        ({"orders": {"due": {"ahead": "soon"}}}, "/orders/due/ahead"),
        ({"events": [{"type": "gift", "on": "2027-01-10"}]}, "/events/0/type"),
        ({"events": [{"type": "payment", "on": "2027-01-10"}]}, "/events/0/amount"),
        ({"events": [{"type": "payment", "on": "2026-01-10", "amount": 1}]}, "/events/0/on"),
        ({"events": [{"type": "payment", "on": "2027-01-10", "amount": 1, "of": "x"}]}, "/events/0/of"),
    ],
)
async def test_a_case_that_cannot_be_is_refused(
    service: Service, changes: dict[str, Any], pointer: str
) -> None:
    answer = await service.http.post(PATH, json={**EXAMPLE, **changes})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert pointer in [each["pointer"] for each in answer.json()["errors"]]
