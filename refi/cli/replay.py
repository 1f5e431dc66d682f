"""``refi replay``: recompute one loan from its history and show every difference from what is stored."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer

from refi import ids
from refi.cli.running import with_runtime
from refi.cli.shared import AsJson, app, fail, show
from refi.db.work import SYSTEM
from refi.loans import replaying
from refi.loans.account import owed
from refi.loans.booking import bookings
from refi.loans.replay_service import stored_loan
from refi.loans.replaying import Stored
from refi.runtime import Runtime
from refi.schedules.contract import Event


@app.command()
def replay(loan: Annotated[str, typer.Argument(help="The loan's id.")], as_json: AsJson = False) -> None:
    """Recompute a loan from its history; exit 1 if anything stored differs."""
    if not ids.is_id(loan, "loan"):
        fail(
            "that is no loan's id",
            2,
            {"code": "validation_failed", "errors": [{"pointer": "/loan", "code": "not_valid"}]},
        )

    async def act(runtime: Runtime) -> tuple[Stored | None, date]:
        async with runtime.database.work(SYSTEM, reading=True) as work:
            return await stored_loan(work, loan), work.on

    stored, on = with_runtime(act)
    if stored is None:
        fail("no such loan", 1, {"code": "not_found", "errors": []})
    answer = _replayed(stored, on)
    show(answer, as_json, _table)
    if answer["differences"]:
        raise typer.Exit(1)


def _replayed(stored: Stored, on: date) -> dict[str, Any]:
    """The loan as its history makes it, and how what is stored differs."""
    account = replaying.account_of(stored.contract, stored.movements, stored.acts)
    state = account.state(max(on, account.last_day))
    left = owed(stored.contract.terms.principal, state)
    booked = bookings(account, state)
    return {
        "loan": stored.id,
        "on": on.isoformat(),
        "status": stored.status.value,
        "events": [{**_event(event), "booked": _lines(booked.get(event.id, ()))} for event in account.events],
        "schedule": [_plain(row._asdict()) for row in state.installments],
        "balances": {**asdict(left), "total": left.total},
        "days_past_due": state.days_past_due,
        "differences": replaying.differences(stored, on),
    }


def _event(event: Event) -> dict[str, Any]:
    return {"kind": type(event).__name__, **_plain(asdict(event))}


def _lines(lines: Any) -> list[dict[str, Any]]:
    return [
        {
            "kind": line.kind.value,
            **{part: amount for part, amount in asdict(line.split).items() if amount},
        }
        for line in lines
    ]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, date | Decimal) else value for key, value in values.items()}


def _table(answer: dict[str, Any]) -> str:
    lines = [f"{answer['loan']}  {answer['status']}  as of {answer['on']}"]
    for event in answer["events"]:
        booked = "; ".join(
            f"{line['kind']} " + ", ".join(f"{k} {v}" for k, v in line.items() if k != "kind")
            for line in event["booked"]
        )
        lines.append(f"{event['on']}  {event['kind']:15} {event['id']}  {booked}".rstrip())
    lines.append("")
    lines += [
        f"{row['number']:3}  {row['due_date']}  principal {row['principal']}  interest {row['interest']}"
        f"  fee {row['fee']}  penalty {row['penalty']}  paid {row['paid']}  {row['status']}"
        for row in answer["schedule"]
    ]
    lines.append("")
    lines += answer["differences"] or ["nothing differs"]
    return "\n".join(lines)
