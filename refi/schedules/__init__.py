"""The exact engine that quote, offer, contract, preview and portfolio run share.

Everything here is pure: values in, values out, no clock, no database. Amounts are whole minor units (fen,
cents) in ``int`` or int64; rates are fractions in `Decimal`, or whole millionths in arrays; dates are
`datetime.date`, or ``datetime64[D]`` in arrays. Bad input is refused by name (`refi.errors.Refused`, with a
pointer to each field at fault) before anything is computed.

One loan::

    from refi import schedules
    terms = schedules.Terms(1_200_000, Decimal("0.12"), 12)
    plan = schedules.schedule(terms, date(2026, 11, 22))
    plan.installments[0].amount, plan.apr, plan.effective_annual_rate

A million loans, the same figures::

    book = schedules.loans(principal, annual_rate_ppm, 12, disbursed_on)
    plans = schedules.bulk_schedules(book)          # (N, 12) int64 and datetime64[D]
    schedules.bulk_rates(plans).apr                  # (N,) float64
    paid = schedules.receipts(loan, on, amount)      # (M,) whose, when, how much
    schedules.bulk_positions(plans, today, paid).days_past_due

A loan's life::

    contract = schedules.Contract(terms, date(2026, 11, 22))
    state = schedules.replay(contract, [schedules.Receipt("pay_1", day, 106_619)], today)
    schedules.payoff(contract, events, today).total

The long form, with units, shapes, errors and sources, is ``docs/reference/schedules.md``.
"""

from refi.schedules.allocation import (
    MATRIX,
    ORDERS,
    Across,
    Ahead,
    Component,
    InvalidOrder,
    Order,
    Owed,
    Part,
    When,
    allocate,
    matrix,
    order,
)
from refi.schedules.amortization import Installment, InvalidTerms, Method, Schedule, Terms, schedule
from refi.schedules.amortization import level_amount as level_payment
from refi.schedules.apr import Flow, InvalidFlows, Rates, Regime, of_installments, rates
from refi.schedules.array_arrears import bucket_codes
from refi.schedules.array_arrears import days_past_due as bulk_days_past_due
from refi.schedules.array_arrears import payoffs as bulk_payoffs
from refi.schedules.array_arrears import unpaid as bulk_unpaid
from refi.schedules.array_rates import of_flows as bulk_rates_of_flows
from refi.schedules.array_rates import of_plans as bulk_rates
from refi.schedules.array_savings import Cards, cards
from refi.schedules.array_savings import compare as bulk_compare
from refi.schedules.array_savings import minimum_only as bulk_minimum_only
from refi.schedules.array_savings import same_payments as bulk_same_payments
from refi.schedules.array_servicing import Positions, Receipts, receipts
from refi.schedules.array_servicing import positions as bulk_positions
from refi.schedules.arrears import bucket, days_past_due
from refi.schedules.bulk import Loans, Plans, loans
from refi.schedules.bulk import schedules as bulk_schedules
from refi.schedules.caps import (
    PriceAboveCap,
    check_effective,
    check_fee,
    check_penalty,
    check_price,
    check_rate,
    highest_annual_rate,
    highest_monthly_fee,
)
from refi.schedules.cases import InvalidCase
from refi.schedules.cases import answer as worked_case
from refi.schedules.contract import (
    Balances,
    Charge,
    Chargeback,
    ChargeOff,
    Contract,
    Correction,
    Deferral,
    DueDateChange,
    Event,
    InvalidEvent,
    Mode,
    Payoff,
    Reage,
    Reamortization,
    Receipt,
    Recovery,
    Reversal,
    State,
    Status,
    Waiver,
    corrections,
    payoff,
    replay,
)
from refi.schedules.conventions import (
    ChargebackIs,
    Conventions,
    EarnedOn,
    InvalidConvention,
    PastDueInterest,
    PriceUntil,
    ReAgeing,
)
from refi.schedules.conventions import named as conventions_named
from refi.schedules.dates import (
    BusinessDays,
    CalendarMissing,
    DateOutOfRange,
    InvalidFirstDueDate,
    Rolling,
    add_months,
    due_dates,
    first_due_on,
)
from refi.schedules.day_count import DayCount, UnknownDayCount, year_fraction
from refi.schedules.periods import Period, UnknownPeriod
from refi.schedules.periods import named as period
from refi.schedules.savings import (
    Card,
    Comparison,
    InterestOn,
    InvalidCard,
    Quote,
    Revolving,
    compare,
    minimum_only,
    same_payments,
)
from refi.schedules.solver import AmbiguousRate, NoRate
from refi.schedules.unit_periods import UnknownUnitPeriod

__all__ = [
    "MATRIX",
    "ORDERS",
    "Across",
    "Ahead",
    "AmbiguousRate",
    "Balances",
    "BusinessDays",
    "CalendarMissing",
    "Card",
    "Cards",
    "Charge",
    "ChargeOff",
    "Chargeback",
    "ChargebackIs",
    "Comparison",
    "Component",
    "Contract",
    "Conventions",
    "Correction",
    "DateOutOfRange",
    "DayCount",
    "Deferral",
    "DueDateChange",
    "EarnedOn",
    "Event",
    "Flow",
    "Installment",
    "InterestOn",
    "InvalidCard",
    "InvalidCase",
    "InvalidConvention",
    "InvalidEvent",
    "InvalidFirstDueDate",
    "InvalidFlows",
    "InvalidOrder",
    "InvalidTerms",
    "Loans",
    "Method",
    "Mode",
    "NoRate",
    "Order",
    "Owed",
    "Part",
    "PastDueInterest",
    "Payoff",
    "Period",
    "Plans",
    "Positions",
    "PriceAboveCap",
    "PriceUntil",
    "Quote",
    "Rates",
    "ReAgeing",
    "Reage",
    "Reamortization",
    "Receipt",
    "Receipts",
    "Recovery",
    "Regime",
    "Reversal",
    "Revolving",
    "Rolling",
    "Schedule",
    "State",
    "Status",
    "Terms",
    "UnknownDayCount",
    "UnknownPeriod",
    "UnknownUnitPeriod",
    "Waiver",
    "When",
    "add_months",
    "allocate",
    "bucket",
    "bucket_codes",
    "bulk_compare",
    "bulk_days_past_due",
    "bulk_minimum_only",
    "bulk_payoffs",
    "bulk_positions",
    "bulk_rates",
    "bulk_rates_of_flows",
    "bulk_same_payments",
    "bulk_schedules",
    "bulk_unpaid",
    "cards",
    "check_effective",
    "check_fee",
    "check_penalty",
    "check_price",
    "check_rate",
    "compare",
    "conventions_named",
    "corrections",
    "days_past_due",
    "due_dates",
    "first_due_on",
    "highest_annual_rate",
    "highest_monthly_fee",
    "level_payment",
    "loans",
    "matrix",
    "minimum_only",
    "of_installments",
    "order",
    "payoff",
    "period",
    "rates",
    "receipts",
    "replay",
    "same_payments",
    "schedule",
    "worked_case",
    "year_fraction",
]
