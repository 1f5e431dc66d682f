"""The answer to a worked case as plain JSON values: the contract's state on a day and what settles it."""

from __future__ import annotations

from datetime import date
from typing import Any

from refi.money import rate_text
from refi.schedules.allocation import Part
from refi.schedules.contract import Contract, Payoff, State

BALANCES = ("principal", "interest", "fees", "penalties", "total", "past_due")
PAYOFF = (
    "principal",
    "accrued_interest",
    "fees",
    "penalties",
    "total",
    "interest_saved",
    "fees_saved",
    "per_diem",
)


def shown(contract: Contract, state: State) -> dict[str, Any]:
    """A state as plain JSON values."""
    return {
        "on": state.on.isoformat(),
        "principal": contract.terms.principal,
        "annual_rate": rate_text(contract.terms.annual_rate),
        "installments": [
            {**row._asdict(), "due_date": row.due_date.isoformat(), "paid_by": row.paid_by._asdict()}
            for row in state.installments
        ],
        "balances": {name: getattr(state.balances, name) for name in BALANCES},
        "days_past_due": state.days_past_due,
        "bucket": state.bucket,
        "oldest_unpaid_due_on": _text(state.oldest_unpaid_due_on),
        "next_due_date": _text(state.next_due_date),
        "next_due_amount": state.next_due_amount,
        "prepaid_principal": state.prepaid_principal,
        "allocations": {key: _parts(parts) for key, parts in state.allocations.items()},
        "excess": {key: amount for key, amount in state.excess.items() if amount},
        "rebates": {key: _parts(parts) for key, parts in state.rebate_parts.items()},
        "waivers": {key: _parts(parts) for key, parts in state.waivers.items()},
        "charges": {key: _parts(parts) for key, parts in state.charges.items()},
        "ignored": [
            {"event": key, "code": why.value, "detail": why.words} for key, why in state.ignored.items()
        ],
        "settled_on": _text(state.settled_on),
        "charged_off_on": _text(state.charged_off_on),
        "charged_off": None if state.charged_off is None else state.charged_off._asdict(),
    }


def closing(found: Payoff) -> dict[str, Any]:
    """What settles the contract, as plain JSON values."""
    return {"on": found.on.isoformat(), **{name: getattr(found, name) for name in PAYOFF}}


def _parts(parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    return [
        {"installment": part.installment, "component": part.component.value, "amount": part.amount}
        for part in parts
    ]


def _text(on: date | None) -> str | None:
    return None if on is None else on.isoformat()
