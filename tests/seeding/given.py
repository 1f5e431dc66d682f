"""Card holders' files for the tests: rows by their figures, in the shape of the real file."""

from __future__ import annotations

from refi.seeding.headers import BILLS, DEFAULTED, PAYMENTS, STATUSES

HEADER = ["ID", "LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE", *STATUSES, *BILLS, *PAYMENTS, DEFAULTED]
REVOLVER = {
    **dict.fromkeys(STATUSES, "0"),
    **{name: f"{20_000 - 1000 * k}.0" for k, name in enumerate(BILLS)},
    **dict.fromkeys(PAYMENTS, "1000.0"),
}
TRANSACTOR = REVOLVER | dict.fromkeys(BILLS, "500.0") | dict.fromkeys(PAYMENTS, "500.0")


def row(number: int, **cells: str) -> dict[str, str]:
    """A persistent revolver: 20,000 falling by 1,000 a month back, paying 1,000; ``cells`` differ."""
    base = {"ID": str(number), "LIMIT_BAL": "50000.0", "SEX": "2", "EDUCATION": "2", "MARRIAGE": "1"}
    other = {name.replace("default", DEFAULTED): text for name, text in cells.items()}
    return base | {"AGE": "30", DEFAULTED: "0"} | REVOLVER | other


def csv_of(*rows: dict[str, str], header: list[str] | None = None) -> str:
    """The file's text."""
    names = HEADER if header is None else header
    lines = [names, *([one.get(name, "") for name in names] for one in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


def fifty() -> str:
    """Fifty card holders: every fifth a transactor, every tenth late."""
    late = {"PAY_0": "2"}
    rows = [
        row(k, **(TRANSACTOR if k % 5 == 0 else {}), **(late if k % 10 == 1 else {})) for k in range(1, 51)
    ]
    return csv_of(*rows)
