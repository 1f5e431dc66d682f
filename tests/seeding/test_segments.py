"""Habits from card holders' rows: payments beside a bill belong to the bill before it."""

from __future__ import annotations

import pytest

from refi.seeding.card_clients import read
from refi.seeding.segments import segments
from tests.seeding.given import TRANSACTOR, csv_of, row

ROWS = [
    (row(1), "persistent_revolver", 5, 5),
    (row(2, **TRANSACTOR), "transactor", 0, 5),
    (row(3, **{f"BILL_AMT{k}": "0" for k in range(1, 7)}), "inactive", 0, 0),
    (row(4, **{f"BILL_AMT{k}": "-5" for k in range(2, 7)}), "inactive", 0, 0),
    (row(5, **{f"PAY_AMT{k}": "20000" for k in range(3, 6)}), "occasional_revolver", 2, 5),
    (row(6, **{f"PAY_AMT{k}": "20000" for k in range(4, 6)}), "persistent_revolver", 3, 5),
    (row(7, **{f"BILL_AMT{k}": "0" for k in range(4, 7)}), "occasional_revolver", 2, 2),
]


@pytest.mark.parametrize(("cells", "segment", "revolved", "with_balance"), ROWS)
def test_segment(cells: dict[str, str], segment: str, revolved: int, with_balance: int) -> None:
    [line] = segments(read(csv_of(cells).splitlines(keepends=True)))
    assert line == {
        "id": int(cells["ID"]),
        "segment": segment,
        "revolved_cycles": revolved,
        "cycles_with_balance": with_balance,
    }


def test_the_payment_beside_a_bill_pays_the_one_before() -> None:
    """Bills grow by half each month and each is paid in full a month later: never revolved. Matching a
    payment to its own bill would see five unpaid bills."""
    bills = {f"BILL_AMT{k}": str(7776 >> k) for k in range(1, 7)}
    paid = {f"PAY_AMT{k}": str(7776 >> (k + 1)) for k in range(1, 7)}
    [line] = segments(read(csv_of(row(1, **bills, **paid)).splitlines(keepends=True)))
    assert (line["segment"], line["revolved_cycles"]) == ("transactor", 0)


def test_the_sixth_payment_and_the_newest_bill_say_nothing_yet() -> None:
    [line] = segments(
        read(csv_of(row(1, **TRANSACTOR | {"PAY_AMT6": "0", "BILL_AMT1": "99999"})).splitlines(keepends=True))
    )
    assert line["segment"] == "transactor"
