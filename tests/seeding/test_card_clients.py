"""The CSV of card holders: what is read, and each refusal by name with its line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.money import MAX_AMOUNT
from refi.seeding import card_clients
from refi.seeding.card_clients import Client, read
from refi.seeding.headers import BILLS, DEFAULTED, PAYMENTS, STATUSES
from tests.seeding.given import HEADER, csv_of, row


def clients(text: str) -> list[Client]:
    return list(read(text.splitlines(keepends=True)))


def test_a_row_becomes_minor_units_and_loses_what_nobody_may_use() -> None:
    [one] = clients(csv_of(row(7, PAY_0="-1", BILL_AMT6="-12.5", PAY_AMT1="0", default="1")))
    assert one == Client(
        id=7,
        limit=5_000_000,
        age=30,
        statuses=(-1, 0, 0, 0, 0, 0),
        bills=(2_000_000, 1_900_000, 1_800_000, 1_700_000, 1_600_000, -1250),
        payments=(0, 100_000, 100_000, 100_000, 100_000, 100_000),
        defaulted=True,
    )


@given(
    st.lists(st.integers(-(10**11), 10**11), min_size=6, max_size=6),
    st.lists(st.integers(0, 10**11), min_size=6, max_size=6),
    st.lists(st.integers(-2, 9), min_size=6, max_size=6),
    st.sampled_from(["", "\ufeff"]),
)
def test_what_is_written_is_read(bills: list[int], paid: list[int], statuses: list[int], mark: str) -> None:
    def plain(fen: int) -> str:
        return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"

    cells = {name: plain(fen) for name, fen in zip((*BILLS, *PAYMENTS), (*bills, *paid), strict=True)}
    cells |= {name: f"{status}.0" for name, status in zip(STATUSES, statuses, strict=True)}
    [one] = clients(mark + csv_of(row(1, **cells)))
    assert (list(one.bills), list(one.payments), list(one.statuses)) == (bills, paid, statuses)


def test_columns_in_another_order_more_columns_no_default_blank_lines_quotes() -> None:
    names = [name for name in reversed(HEADER) if name not in (DEFAULTED, "SEX")] + ["note"]
    text = csv_of(row(1, note='"a, b"'), row(2), header=names).replace("\n", "\r\n") + "\r\n  ,\r\n"
    assert [(one.id, one.defaulted) for one in clients(text)] == [(1, None), (2, None)]


NUMBERED = [f"X{k}" for k in range(1, 24)]
NAMES = ",".join(HEADER)


@pytest.mark.parametrize(
    "header",
    [
        NAMES.replace(DEFAULTED, "default payment next month"),
        NAMES.replace(DEFAULTED, "default_payment_next_month"),
        NAMES.replace(DEFAULTED, "default"),
        NAMES.lower(),
        NAMES.replace(",", " , "),
        NAMES.replace("PAY_0", "PAY_1"),
        ",".join(["ID", *NUMBERED, "Y"]),
        ",".join(["id", *NUMBERED, "y"]).lower(),
        ",".join(["", *NUMBERED, "Y"]) + "\n" + NAMES.replace(DEFAULTED, "default payment next month"),
    ],
)
def test_a_header_is_known_however_a_copy_spells_it(header: str) -> None:
    some = [row(1, default="1", PAY_3="2"), row(2)]
    usual = csv_of(*some)
    other = header + "\n" + usual.partition("\n")[2]
    assert clients(other) == clients(usual)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators_are_understood(mark: str) -> None:
    text = csv_of(row(1, default="1"), row(2))
    assert clients("\ufeff" + text.replace(",", mark)) == clients(text)


def test_rows_without_an_id_are_numbered() -> None:
    text = csv_of(row(7), row(7), row(9), header=HEADER[1:])
    assert [one.id for one in clients(text)] == [1, 2, 3]


def test_a_fuller_name_goes_before_a_short_or_numbered_one() -> None:
    text = csv_of(row(1, default="1")).splitlines()
    [one] = clients(f"{text[0]},default,Y,X1\n{text[1]},0,0,9\n")
    assert (one.defaulted, one.limit) == (True, 5_000_000)


def test_one_at_a_time() -> None:
    def endless() -> object:
        yield ",".join(HEADER) + "\n"
        number = 0
        while True:
            number += 1
            yield csv_of(row(number)).splitlines()[1] + "\n"

    found = read(endless())  # type: ignore[arg-type]
    assert [next(found).id for _ in range(3)] == [1, 2, 3]


GOOD = csv_of(row(1))
SHORT = [name for name in HEADER if name not in ("PAY_AMT3", "AGE")]
NO_NUMBERS = (
    "",
    "NaN",
    "nan",
    "inf",
    "-Infinity",
    "1e5",
    "1_000",
    "１２３",
    "0x10",
    "abc",
    "--1",
    "\x00",
    "1.",
)
BROKEN = [
    ("", "CardsFileEmpty", "no card holder"),
    ("\ufeff", "CardsFileEmpty", "no card holder"),
    ("\n\n", "CardsFileEmpty", "no card holder"),
    (GOOD.splitlines()[0], "CardsFileEmpty", "no card holder"),
    (GOOD.splitlines()[1], "HeaderRefused", "line 1 is not the header"),
    ("a,b\n1,2\n", "HeaderRefused", "line 1 is not the header"),
    (csv_of(row(1), header=[*HEADER, "PAY_0"]), "HeaderRefused", "twice: PAY_0"),
    (csv_of(row(1), header=SHORT), "ColumnMissing", "lacks PAY_AMT3"),
    (GOOD + "1,2,3\n", "RowRefused", "line 3: 3 cells where the header has 25"),
    (GOOD.rstrip("\n") + ",9\n", "RowRefused", "line 2: 26 cells"),
    (GOOD + '"1', "RowRefused", "line 3: not readable as CSV"),
    (csv_of(row(1), row(1)), "ClientTwice", "line 3: ID 1"),
    *((csv_of(row(1), row(2, BILL_AMT2=text)), "NotANumber", "line 3: BILL_AMT2 is ") for text in NO_NUMBERS),
    (csv_of(row(1, PAY_AMT4="-0.01")), "FigureRefused", "line 2: PAY_AMT4 is -0.01: negative"),
    (csv_of(row(1, LIMIT_BAL="-1")), "FigureRefused", "LIMIT_BAL is -1: negative"),
    (csv_of(row(1, BILL_AMT1="1.005")), "FigureRefused", "finer than the minor unit"),
    (csv_of(row(1, BILL_AMT1=str(MAX_AMOUNT))), "FigureRefused", "too large"),
    (csv_of(row(1, PAY_2="10")), "FigureRefused", "PAY_2 is 10: not a whole number from -2 to 9"),
    (csv_of(row(1, PAY_2="0.5")), "FigureRefused", "PAY_2 is 0.5: not a whole number"),
    (csv_of(row(1, AGE="17")), "FigureRefused", "AGE is 17"),
    (csv_of(row(-1)), "FigureRefused", "ID is -1"),
    (csv_of(row(1)).replace("PAY_AMT3", "PAY_AMT9"), "ColumnMissing", "lacks PAY_AMT3"),
    (csv_of(row(1, default="2")), "FigureRefused", f"{DEFAULTED} is 2"),
]


@pytest.mark.parametrize(("text", "name", "sentence"), BROKEN)
def test_a_broken_file_is_refused_by_name(text: str, name: str, sentence: str) -> None:
    with pytest.raises(card_clients.CardsFileRefused) as refusal:
        clients(text)
    assert type(refusal.value).__name__ == name
    assert sentence in refusal.value.detail
    assert "line" in refusal.value.facts


@given(st.text(max_size=300), st.sampled_from([GOOD, "", GOOD.replace("20000.0", "")]))
def test_any_text_is_read_or_refused_by_name(text: str, before: str) -> None:
    """Behind good lines, alone, or inside a cell; any other exception fails here."""
    with contextlib.suppress(card_clients.CardsFileRefused):
        assert all(isinstance(one, Client) for one in clients(before + text))
    with contextlib.suppress(card_clients.CardsFileRefused):
        assert all(isinstance(one, Client) for one in clients(GOOD.replace("20000.0", text)))
