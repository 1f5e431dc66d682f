"""Fields refuse what is not exactly what the contract says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from refi.errors import NotFound
from refi.web.fields import Amount, Body, BusinessDate, Instant, Out, Rate, RateOut, Text, known_id


class Sample(Body):
    amount: Amount = 1
    on: BusinessDate = date(2026, 1, 1)
    rate: Rate = Decimal("0.1")
    text: Text = "x"


class Shown(Out):
    rate: RateOut
    at: Instant


@pytest.mark.parametrize("amount", [1, 10**15])
def test_amounts(amount: int) -> None:
    assert Sample(amount=amount).amount == amount


@pytest.mark.parametrize(
    "amount",
    [
        0,
        -1,
        10**15 + 1,
        10**30,
        12.0,
        0.5,
        "12",
        "１２３",
        "1_000",
        True,
        None,
        float("nan"),
        float("inf"),
        [],
        {},
    ],
)
def test_not_amounts(amount: Any) -> None:
    with pytest.raises(ValidationError):
        Sample(amount=amount)


@pytest.mark.parametrize(
    "on",
    [
        "2026-02-30",
        "２０２６-01-01",
        "20260101",
        "2026-1-1",
        "0001-01-01",
        "9999-12-31",
        5,
        "",
        "2026-01-01T00:00",
    ],
)
def test_not_dates(on: Any) -> None:
    with pytest.raises(ValidationError):
        Sample(on=on)


@pytest.mark.parametrize("rate", ["0.12", "1", "0.0000000001"])
def test_rates(rate: str) -> None:
    assert Sample.model_validate({"rate": rate}).rate == Decimal(rate)


@pytest.mark.parametrize(
    "rate", ["-0.1", "NaN", "Infinity", "1e-3", "１", "0,1", "", 0.12, 1, "11", "0.12345678901"]
)
def test_not_rates(rate: Any) -> None:
    with pytest.raises(ValidationError):
        Sample(rate=rate)


@pytest.mark.parametrize("text", ["", "a\x00b", "\ud800", "x" * 201, 5, None])
def test_not_texts(text: Any) -> None:
    with pytest.raises(ValidationError):
        Sample(text=text)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"surprise": 1})


def test_answers_speak_utc_and_six_places() -> None:
    at = datetime(2026, 11, 22, 8, 0, tzinfo=timezone(timedelta(hours=8)))
    shown = Shown(rate=Decimal("0.12"), at=at).model_dump(mode="json")
    assert shown == {"rate": "0.120000", "at": "2026-11-22T00:00:00.000Z"}
    assert at.astimezone(UTC).hour == 0


@pytest.mark.parametrize("text", ["loan_1", "", "loan_01m80qmk0pe5qra4188xx7v1aU", "%00"])
def test_a_malformed_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        known_id(text, "loan")
