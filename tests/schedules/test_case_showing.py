"""The whole answer to three worked cases, field by field."""

from __future__ import annotations

import json
from typing import Any

from refi.schedules.cases import answer

Json = dict[str, Any]
LOAN: Json = {"principal": 30_000, "annual_rate": "0.12", "installments": 2, "disbursed_on": "2026-12-10"}
BY = ("principal", "interest", "fee", "penalty")
BALANCES = ("principal", "interest", "fees", "penalties", "total", "past_due")
PAYOFF = (
    "principal", "accrued_interest", "fees", "penalties", "total", "interest_saved", "fees_saved", "per_diem",
)  # fmt: skip


def money(on: str, amount: int, key: str, kind: str = "payment", **fields: Any) -> Json:
    return {"type": kind, "id": key, "on": on, "amount": amount, **fields}


def parts(text: str) -> list[Json]:
    """From 'installment component amount, …'."""
    words = [each.split(" ") for each in text.split(", ")]
    return [
        {"installment": int(number), "component": component, "amount": int(amount)}
        for number, component, amount in words
    ]


def found(events: list[Json], **changes: Any) -> Json:
    """The answer as JSON reads it back."""
    read: Json = json.loads(json.dumps(answer({**LOAN, "events": events, **changes})))
    return read


NOTHING: Json = {"excess": {}, "rebates": {}, "waivers": {}, "charges": {}, "ignored": []}


def test_a_loan_written_off_with_charges_a_waiver_and_a_recovery() -> None:
    """10 days late on 15,075 at 18 %: 74; 5 more on 10,341: 26, in all 99.8 and so 100."""
    events = [
        money("2026-12-20", 15_234, "early"),
        {"type": "charge", "on": "2027-01-05", "amount": 40},
        {"type": "charge", "on": "2027-01-05", "amount": 25, "component": "penalty"},
        {"type": "waiver", "on": "2027-01-20", "amount": 15, "component": "fee"},
        money("2027-02-20", 5_000, "late"),
        {"type": "charge_off", "on": "2027-02-25"},
        {"type": "recovery", "on": "2027-03-01", "amount": 326},
    ]
    assert found(events) == {
        "on": "2027-03-01",
        "principal": 30_000,
        "annual_rate": "0.120000",
        "installments": [
            {
                "number": 1, "due_date": "2027-01-10", "principal": 14_925, "interest": 300, "fee": 40,
                "penalty": 25, "amount": 15_265, "paid": 15_275,
                "paid_by": dict(zip(BY, (14_925, 300, 25, 25), strict=True)), "outstanding": 0,
                "balance_after": 15_075, "status": "waived", "waived": 15, "unpaid": 0, "unpaid_principal": 0,
            },
            {
                "number": 2, "due_date": "2027-02-10", "principal": 15_075, "interest": 151, "fee": 0,
                "penalty": 100, "amount": 15_226, "paid": 5_285,
                "paid_by": dict(zip(BY, (5_060, 151, 0, 74), strict=True)), "outstanding": 10_041,
                "balance_after": 0, "status": "charged_off", "waived": 0, "unpaid": 10_015,
                "unpaid_principal": 10_015,
            },
        ],
        "balances": dict(zip(BALANCES, (10_015, 0, 0, 26, 10_041, 10_015), strict=True)),
        "days_past_due": 19,
        "bucket": "M1",
        "oldest_unpaid_due_on": "2027-02-10",
        "next_due_date": None,
        "next_due_amount": 0,
        "prepaid_principal": 0,
        "allocations": {
            "early": parts("1 interest 300, 1 principal 14925, 2 interest 9"),
            "late": parts("1 fee 25, 1 penalty 25, 2 penalty 74, 2 interest 142, 2 principal 4734"),
            "recovery_7": parts("2 principal 326"),
        },
        **NOTHING,
        "waivers": {"waiver_4": parts("1 fee 15")},
        "charges": {"charge_2": parts("1 fee 40"), "charge_3": parts("1 penalty 25")},
        "settled_on": None,
        "charged_off_on": "2027-02-25",
        "charged_off": dict(zip(BY, (10_341, 0, 0, 26), strict=True)),
        "payoff": {
            "on": "2027-03-01", **dict(zip(PAYOFF, (10_015, 0, 0, 26, 10_041, 0, 0, 0), strict=True)),
        },
    }  # fmt: skip


def test_a_loan_settled_early_with_money_too_much_and_an_event_too_late() -> None:
    """23 of 31 days of 300 are 223; 77 and all 151 of the second month were paid ahead and meet principal."""
    events = [
        money("2027-01-01", 20_000, "one"),
        money("2027-01-02", 20_000, "all"),
        {"type": "deferral", "id": "too late", "on": "2027-01-02", "months": 1},
    ]
    answered = found(events)
    assert [(row["interest"], row["status"]) for row in answered["installments"]] == [
        (223, "paid"), (0, "paid"),
    ]  # fmt: skip
    assert {key: answered[key] for key in (*NOTHING, "settled_on", "allocations")} == {
        "allocations": {
            "one": parts("1 interest 300, 1 principal 14925, 2 interest 151, 2 principal 4624"),
            "all": parts("2 principal 10223"),
        },
        "excess": {"all": 9_777},
        "rebates": {"all": parts("1 interest -77, 2 interest -151, 2 principal 228")},
        "waivers": {},
        "charges": {},
        "ignored": [{"event": "too late", "code": "settled", "detail": "the loan was settled by then"}],
        "settled_on": "2027-01-02",
    }


def test_a_loan_prepaid_and_not_late() -> None:
    """4,775 ahead leave 10,300 at 103 a month: 17 by the 5th of 31 days, 3 a day."""
    answered = found([money("2027-01-10", 20_000, "ahead", mode="prepay_lower")], on="2027-01-15")
    rest = {key: value for key, value in answered.items() if key not in ("installments", *NOTHING)}
    assert rest == {
        "on": "2027-01-15",
        "principal": 30_000,
        "annual_rate": "0.120000",
        "balances": dict(zip(BALANCES, (10_300, 17, 0, 0, 10_317, 0), strict=True)),
        "days_past_due": 0,
        "bucket": "current",
        "oldest_unpaid_due_on": None,
        "next_due_date": "2027-02-10",
        "next_due_amount": 10_403,
        "prepaid_principal": 4_775,
        "allocations": {"ahead": parts("1 interest 300, 1 principal 14925, 0 principal 4775")},
        "settled_on": None,
        "charged_off_on": None,
        "charged_off": None,
        "payoff": {
            "on": "2027-01-15", **dict(zip(PAYOFF, (10_300, 17, 0, 0, 10_317, 86, 0, 3), strict=True)),
        },
    }  # fmt: skip
    assert {key: answered[key] for key in NOTHING} == NOTHING
