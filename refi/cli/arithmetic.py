"""The pure commands: no database, no server; the reference for the arithmetic."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from refi import clock, policies
from refi.applications import quotes
from refi.cli.shared import (
    Amount,
    AsJson,
    Count,
    Day,
    MaybeDay,
    MaybeRate,
    Rate,
    app,
    count,
    fail,
    named_refusals,
    show,
    yuan,
)
from refi.money import Rounding, rate_text
from refi.schedules import apr as aprs
from refi.schedules import cases
from refi.schedules.amortization import Method, Terms
from refi.schedules.amortization import schedule as make_schedule
from refi.schedules.caps import check_price
from refi.schedules.dates import Rolling
from refi.schedules.day_count import DayCount
from refi.seeding.files_service import segments_lines

CardsFile = Annotated[Path, typer.Option(help="CSV of card holders.", exists=True, dir_okay=False)]


HOLIDAYS = "Days without business: a date a line, + before a worked day of a weekend; # begins a remark."


@app.command()
def schedule(
    principal: Amount,
    annual_rate: Rate,
    installments: Count,
    disbursed_on: Day,
    first_due_on: MaybeDay = None,
    method: Method = Method.EQUAL_INSTALLMENT,
    monthly_fee_rate: Rate = Decimal(0),
    day_count: DayCount = DayCount.THIRTY_360,
    rounding: Rounding = Rounding.HALF_UP,
    cap: MaybeRate = None,
    rolling: Annotated[Rolling, typer.Option(help="Where due dates on holidays go.")] = Rolling.NONE,
    holidays: Annotated[Path | None, typer.Option(help=HOLIDAYS, exists=True, dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """An installment plan, exact to the minor unit. No database."""
    with named_refusals(2, options=True):
        terms = Terms(principal, annual_rate, installments, method, monthly_fee_rate, day_count, rounding)
        if cap is not None:
            check_price(terms, cap)
        business_days = None if holidays is None else cases.calendar_of(holidays.read_text(encoding="utf-8"))
        plan = make_schedule(terms, disbursed_on, first_due_on, rolling, business_days)
        answer = {
            "principal": plan.principal,
            "installments": [
                {**row._asdict(), "due_date": row.due_date.isoformat()} for row in plan.installments
            ],
            "total_interest": plan.total_interest,
            "total_fee": plan.total_fee,
            "total_of_payments": plan.total_of_payments,
            "apr": rate_text(plan.apr),
            "effective_annual_rate": rate_text(plan.effective_annual_rate),
        }
    show(answer, as_json, _schedule_table)


def _schedule_table(answer: dict[str, Any]) -> str:
    lines = [
        f"{'#':>3}  {'due':10}  {'principal':>14} {'interest':>12} {'fee':>10} {'payment':>14} {'left':>14}"
    ]
    for row in answer["installments"]:
        amounts = (yuan(row[key]) for key in ("principal", "interest", "fee", "amount", "balance_after"))
        lines.append(
            "{:>3}  {:10}  {:>14} {:>12} {:>10} {:>14} {:>14}".format(
                row["number"], row["due_date"], *amounts
            )
        )
    lines.append(
        f"total {yuan(answer['total_of_payments'])}, interest {yuan(answer['total_interest'])}, "
        f"fees {yuan(answer['total_fee'])}; APR {answer['apr']}, effective {answer['effective_annual_rate']}"
    )
    return "\n".join(lines)


def _json_object(file: Path | None) -> dict[str, Any]:
    """The JSON object in a file, or on stdin; ends the command when there is none."""
    name = "stdin" if file is None else str(file)
    try:
        found = json.loads(sys.stdin.read() if file is None else file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        fail(f"{name} is not JSON", 2, {"code": "malformed_json"})
    if not isinstance(found, dict):
        fail(f"{name} is not a JSON object", 2, {"code": "malformed_json"})
    return found


@app.command()
def contract(
    case: Annotated[
        Path | None, typer.Argument(help="The case as JSON; stdin if left out or -.", allow_dash=True)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A worked case: terms, conventions and events in, the loan on a day out. No database."""
    if case is not None and str(case) != "-" and not case.is_file():
        fail(f"there is no file {case}", 2)
    question = _json_object(None if case is None or str(case) == "-" else case)
    with named_refusals(2):
        answer = cases.answer(question)
    show(answer, as_json, _contract_table)


def _contract_table(answer: dict[str, Any]) -> str:
    names = ("principal", "interest", "fee", "penalty", "paid", "outstanding")
    lines = [f"{'#':>3}  {'due':10}  " + " ".join(f"{name:>12}" for name in names) + "  status"]
    for row in answer["installments"]:
        amounts = " ".join(f"{yuan(row[name]):>12}" for name in names)
        lines.append(f"{row['number']:>3}  {row['due_date']}  {amounts}  {row['status']}")
    for event, parts in answer["allocations"].items():
        split = ", ".join(
            f"{part['component']} {yuan(part['amount'])}"
            + (f" of {part['installment']}" if part["installment"] else " ahead")
            for part in parts
        )
        lines.append(f"{event}: {split or 'nothing'}")
    lines += [f"{each['event']}: ignored, {each['detail']}" for each in answer["ignored"]]
    lines.append(
        f"{answer['on']}: owed {yuan(answer['balances']['total'])}, past due "
        f"{yuan(answer['balances']['past_due'])}, {answer['days_past_due']} days ({answer['bucket']}); "
        f"payoff {yuan(answer['payoff']['total'])}"
    )
    return "\n".join(lines)


@app.command()
def apr(as_json: AsJson = False) -> None:
    """The annual rate of cash flows, read as JSON from stdin. No database."""
    question = _json_object(None)
    with named_refusals(2):
        answer = aprs.answer(question)
    show(dict(answer), as_json, lambda a: "\n".join(f"{key}: {value}" for key, value in a.items()))


@app.command()
def quote(
    balance: Amount,
    card_apr: MaybeRate = None,
    apr: MaybeRate = None,
    terms: Annotated[str, typer.Option(help="Comma-separated months.")] = "",
    due_date: MaybeDay = None,
    on: MaybeDay = None,
    market: str = "cn",
    as_json: AsJson = False,
) -> None:
    """The savings comparison, as POST /v1/quotes answers it. No database."""
    try:
        months = tuple(count(part.strip()) for part in terms.split(",")) if terms else ()
    except typer.BadParameter:
        fail(f"--terms {terms!r} is not a list of months such as 3,6,12", 2)
    with named_refusals(2, options=True):
        policy = policies.load(market)
        wish = quotes.Wish(balance, card_apr, due_date, terms=months, annual_rate=apr)
        made = quotes.quote(policy, wish, on or clock.utc_now().date())
        answer = quotes.shown(made, policy, "en")
    show(answer, as_json, _quote_table)


def _quote_table(answer: dict[str, Any]) -> str:
    lines = [f"Pay {yuan(answer['balance'])} in full by the due date: no interest. This is the cheapest way."]
    minimum = answer["baselines"][1]
    lines.append(
        "Only the minimum: never paid off."
        if minimum["months"] is None
        else f"Only the minimum: {minimum['months']} months, interest {yuan(minimum['total_interest'])}."
    )
    for plan in answer["plans"]:
        saving = plan["saving_same_payment"]
        verdict = (
            "the card would never be paid off"
            if saving is None
            else (
                f"saves {yuan(saving)}" if plan["worthwhile"] else f"costs {yuan(-saving)} more: not advised"
            )
        )
        lines.append(
            f"{plan['term']:>3} x {yuan(plan['installment_amount'])}, "
            f"interest {yuan(plan['total_interest'])}, "
            f"APR {plan['apr']} (effective {plan['effective_annual_rate']}): {verdict}"
        )
    lines.append(_by_band(answer["plans"]))
    return "\n".join([*lines, *(f"- {item['text']}" for item in answer["assumptions"])])


def _by_band(plans: list[dict[str, Any]]) -> str:
    """The price list for these terms: ``by band: A 11.4 11.1 10.8 %, …``."""
    rates: dict[str, list[str]] = {}
    for plan in plans:
        for each in plan["rates_by_band"]:
            percent = f"{(Decimal(each['annual_rate']) * 100).normalize():f}"
            rates.setdefault(each["band"], []).append(percent)
    shown = ", ".join(f"{band} {' '.join(each)} %" for band, each in rates.items())
    return f"Rates a year by risk band, for these terms: {shown}"


@app.command()
def segments(cards: CardsFile, as_json: AsJson = False) -> None:
    """Each card holder's habit, one JSON object a line. No database."""
    with named_refusals(2):
        for line in segments_lines(cards):
            typer.echo(json.dumps(line) if as_json else f"{line['id']}\t{line['segment']}")
