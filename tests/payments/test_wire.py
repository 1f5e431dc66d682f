"""Nothing is coerced, nothing is guessed, and whatever arrives there is a value or `Garbled`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.money import MAX_AMOUNT
from refi.payments.wire import Fields, Garbled, read_object

READERS: list[Callable[[Fields], object]] = [
    lambda fields: fields.text("x"),
    lambda fields: fields.maybe_text("x"),
    lambda fields: fields.whole("x"),
    lambda fields: fields.amount("x"),
    lambda fields: fields.currency("x"),
    lambda fields: fields.flag("x"),
    lambda fields: fields.day("x"),
    lambda fields: fields.maybe_day("x"),
    lambda fields: fields.list("x"),
]
NAMES = ["text", "maybe_text", "whole", "amount", "currency", "flag", "day", "maybe_day", "list"]
FITS = {
    '"a"': {"text", "maybe_text"},
    '"2026-11-22"': {"text", "maybe_text", "day", "maybe_day"},
    '"CNY"': {"text", "maybe_text", "currency"},
    '"还款　loan"': {"text", "maybe_text"},
    "1": {"whole", "amount"},
    "0": {"whole"},
    str(MAX_AMOUNT): {"whole", "amount"},
    str(MAX_AMOUNT + 1): set(),
    "true": {"flag"},
    "null": {"maybe_text", "maybe_day"},
    "[]": {"list"},
    "[{}]": {"list"},
    "[1]": set(),
    "-1": set(),
    "1.0": set(),
    "1e3": set(),
    "1e999": set(),
    "{}": set(),
    '""': set(),
    '"1"': {"text", "maybe_text"},
    '"cny"': {"text", "maybe_text"},
    '"CNY\\n"': set(),
    '"ＣＮＹ"': {"text", "maybe_text"},
    '"２０２６-11-22"': {"text", "maybe_text"},
    '"2026-02-30"': {"text", "maybe_text"},
    '"20261122"': {"text", "maybe_text"},
    '"2026-W47-7"': {"text", "maybe_text"},
    '"a\\u0000b"': set(),
    '"\\ud800"': set(),
    '"\\u0085"': set(),
    json.dumps("x" * 200): {"text", "maybe_text"},
    json.dumps("x" * 201): set(),
}


@pytest.mark.parametrize("text", FITS)
@pytest.mark.parametrize(("name", "reader"), list(zip(NAMES, READERS, strict=True)))
def test_what_fits_where(text: str, name: str, reader: Callable[[Fields], object]) -> None:
    fields = read_object(f'{{"x": {text}}}'.encode())
    if name in FITS[text]:
        reader(fields)
    else:
        with pytest.raises(Garbled, match=r"^(x is not|not a JSON object)"):
            reader(fields)


def test_what_is_read() -> None:
    fields = read_object(b'{"a": "b", "n": 7, "d": "2028-02-29", "l": [{"a": "c"}], "f": false}')
    assert fields.text("a") == "b"
    assert fields.whole("n", least=7, most=7) == 7
    assert fields.day("d") == date(2028, 2, 29)
    assert [item.text("a") for item in fields.list("l")] == ["c"]
    assert fields.flag("f") is False
    assert fields.maybe_text("absent") is None
    assert fields.maybe_day("absent") is None
    with pytest.raises(Garbled):
        fields.whole("n", least=8)
    with pytest.raises(Garbled):
        fields.whole("n", most=6)
    with pytest.raises(Garbled):
        fields.list("l", most=0)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"1", b"null", b'"x"', b"\xff", b'{"a":1}{"a":1}', b'{"a":1,"a":1}', b'{"a":NaN}',
     b'{"a":-Infinity}', b'{"a":{"b":1,"b":2}}', b"[" * 100_000, b'{"a":' * 100_000,
     b'{"a":' + b"9" * 5000 + b"}",     "\ufeff{}".encode(), b"{'a':1}"],
)  # fmt: skip
def test_what_is_not_one_json_object(raw: bytes) -> None:
    with pytest.raises(Garbled):
        read_object(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_garbled(raw: bytes) -> None:
    try:
        fields = read_object(raw)
    except Garbled:
        return
    assert isinstance(json.loads(raw), dict)
    assert isinstance(fields, Fields)


@given(st.text(max_size=220))
def test_any_text_that_is_let_through_can_be_stored(text: str) -> None:
    fields = read_object(json.dumps({"x": text}).encode())
    try:
        assert fields.text("x") == text
    except Garbled:
        return
    assert text.encode()
    assert "\x00" not in text
