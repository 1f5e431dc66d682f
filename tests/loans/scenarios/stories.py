"""Lives of a loan by name: what happens on which business date. Amounts in fen.

Each story is 12,000.00 over three months at 12 %, paid out on 22 November 2026 (due on the 22nds, 4,080.27
each), unless it says otherwise. A step is (business date, verb, arguments); the verbs are those of
`tests.loans.scenarios.telling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

Step = tuple[str, str, dict[str, Any]]
L = 408_027
D1, D2, D3 = "2026-12-22", "2027-01-22", "2027-02-22"


@dataclass(frozen=True)
class Story:
    """A life: its steps, the day on which it is looked at, and what the loan is."""

    steps: tuple[Step, ...]
    until: str
    status: str = "active"
    principal: int = 1_200_000
    term: int = 3
    credited: date = date(2026, 11, 22)


def pay(at: str, amount: int, on: str | None = None, mode: str = "due") -> Step:
    """Money that left the borrower ``on`` is posted."""
    return at, "pay", {"amount": amount, "on": on or at, "mode": mode}


def step(at: str, verb: str, **said: Any) -> Step:
    """Anything else."""
    return at, verb, said


STORIES: dict[str, Story] = {
    # money
    "nothing_happens": Story((), "2026-12-10"),
    "on_time": Story((pay(D1, L), pay(D2, L), pay(D3, 408_026)), "2027-03-01", "paid_off"),
    "one_day_late": Story((pay("2026-12-23", L),), "2026-12-24"),
    "never_pays": Story((), "2027-04-30"),
    "three_weeks_early": Story((pay("2026-12-01", L),), "2027-01-05"),
    "early_then_payoff": Story(
        (pay("2026-12-01", L), pay("2026-12-10", 1_000_000)), "2026-12-11", "paid_off"),
    "partial": Story((pay(D1, 100_000),), "2027-01-10"),
    "partial_then_the_rest_late": Story((pay(D1, 100_000), pay("2027-01-05", 308_500)), "2027-01-10"),
    "a_cent_short": Story((pay(D1, L - 1),), "2027-01-01"),
    "a_cent_too_much": Story((pay(D1, L + 1),), "2027-01-01"),
    "in_ten_small_parts": Story(tuple(pay(f"2026-12-{day:02d}", 41_000) for day in range(10, 20)),
        "2027-01-02"),
    "twice_on_one_day": Story((pay(D1, L), pay(D1, L)), "2027-01-23"),
    "far_too_much": Story((pay("2026-12-01", 2_000_000),), "2026-12-02", "paid_off"),
    "payoff_on_the_first_day": Story((pay("2026-11-22", 1_200_000),), "2026-11-23", "paid_off"),
    "payoff_on_a_due_date": Story((pay(D1, 1_212_000),), "2026-12-23", "paid_off"),
    "payoff_between": Story((pay(D1, L), pay("2027-01-07", 900_000)), "2027-01-08", "paid_off"),
    "payoff_while_late": Story((pay("2027-01-10", 1_300_000),), "2027-01-11", "paid_off"),
    "back_dated_before_anything": Story((pay(D1, L), pay("2026-12-28", 50_000, "2026-12-10")), "2027-01-10"),
    "back_dated_across_a_closed_due_date": Story(
        (pay("2027-01-10", 300_000), pay("2027-01-15", L, D1)), "2027-01-20"),
    "back_dated_makes_later_money_too_much": Story(
        (pay(D1, 900_000), pay("2027-01-05", 200_000), pay("2027-01-06", 150_000, "2026-12-10")),
        "2027-01-07", "paid_off"),
    "bounced": Story((pay(D1, L), step("2026-12-28", "bounce", payment=0)), "2027-01-10"),
    "bounced_and_paid_again": Story(
        (pay(D1, L), step("2026-12-28", "bounce", payment=0), pay("2026-12-30", L)), "2027-01-10"),
    "first_of_two_bounced": Story(
        (pay(D1, L), pay(D2, L), step("2027-01-25", "bounce", payment=0)), "2027-02-01"),
    "chargeback_after_payoff": Story(
        (pay(D1, L), pay(D2, L), pay(D3, 408_026), step("2027-03-10", "bounce", payment=1)), "2027-03-15"),
    "closing_payment_bounced": Story(
        (pay(D1, 1_212_000), step("2027-01-04", "bounce", payment=0)), "2027-01-10"),
    "chargeback_after_too_much": Story(
        (pay("2026-11-22", L), pay("2026-11-22", 1_000_000), step("2026-12-01", "bounce", payment=0)),
        "2027-01-02"),
    "taken_off_by_staff": Story((pay(D1, L), step("2026-12-23", "reverse", payment=0)), "2027-01-02"),
    "payout_returned_after_first_installment": Story(
        (pay(D1, L), step("2026-12-28", "return_payout")), "2026-12-29", "cancelled"),
    # principal ahead
    "prepaid_shorter": Story((pay("2026-12-07", 300_000, mode="prepay_shorten"),), "2026-12-08", term=6),
    "prepaid_lower": Story((pay("2026-12-07", 300_000, mode="prepay_lower"),), "2026-12-08", term=6),
    "prepaid_on_a_due_date": Story((pay(D1, 507_058, mode="prepay_lower"),), "2027-01-30", term=6),
    "prepaid_while_late": Story((pay("2027-01-05", 700_000, mode="prepay_lower"),), "2027-01-25", term=6),
    "prepaid_twice": Story(
        (pay("2026-12-07", 200_000, mode="prepay_lower"), pay("2027-01-10", 300_000, mode="prepay_shorten")),
        "2027-01-11", term=6),
    "prepayment_bounced": Story(
        (pay("2026-12-07", 300_000, mode="prepay_lower"), step("2026-12-15", "bounce", payment=0)),
        "2026-12-20", term=6),
    # terms anew
    "deferral": Story((step("2026-12-10", "defer", months=1),), "2027-01-30"),
    "deferral_free_of_interest": Story(
        (step("2026-12-10", "defer", months=2, interest_free=True),), "2027-02-25"),
    "deferral_while_late": Story((step("2027-01-05", "defer", months=1),), "2027-01-30", term=6),
    "deferral_then_prepayment": Story(
        (step("2026-12-10", "defer", months=1), pay("2027-01-15", 400_000, mode="prepay_lower")),
        "2027-02-01", term=6),
    "deferral_taken_back": Story(
        (step("2026-12-10", "defer", months=1), step("2027-01-02", "undo", act=0)), "2027-01-05"),
    "due_day_moved_later": Story((step("2026-12-10", "move", first_due_date="2027-01-05"),), "2027-01-20"),
    "due_day_moved_earlier": Story((step("2026-12-01", "move", first_due_date="2026-12-15"),), "2026-12-20"),
    "due_day_moved_to_the_31st": Story(
        (step("2027-01-10", "move", first_due_date="2027-01-31"),), "2027-03-02", term=6),
    "paid_out_on_the_31st": Story(
        (pay("2027-02-28", 207_058),), "2027-04-01", term=6, credited=date(2027, 1, 31)),
    "re_aged": Story((step("2027-01-10", "re_age"),), "2027-01-25", term=6),
    "re_aged_and_paid_to_the_end": Story(
        (step("2027-01-10", "re_age"), pay("2027-01-15", 2_000_000)), "2027-01-16", "paid_off", term=6),
    "re_aged_twice": Story(
        (step("2027-01-10", "re_age"), pay(D2, 250_000), step("2028-01-20", "re_age", installments=6,
         first_due_date="2028-02-10")), "2028-02-20", term=6),
    "extended": Story((step("2026-12-10", "extend", installments=6),), "2027-01-01"),
    "extended_at_a_lower_rate": Story(
        (pay(D1, L), step("2027-01-02", "extend", installments=8, annual_rate="0.06")), "2027-02-01"),
    # given up and lost
    "penalty_waived": Story((step("2027-01-10", "waive", amount=10_000, component="penalty"),), "2027-01-12"),
    "interest_waived": Story(
        (step("2026-12-10", "waive", amount=5_000, component="interest"), pay(D1, L)), "2027-01-02"),
    "everything_waived": Story(
        (step("2026-12-10", "waive", amount=10**9, component="interest"),
         step("2026-12-10", "waive", amount=10**9, component="principal")), "2027-01-12", "paid_off"),
    "waiver_taken_back": Story(
        (step("2026-12-10", "waive", amount=5_000, component="interest"), step("2026-12-15", "undo", act=0)),
        "2026-12-20"),
    "charged_off": Story((pay(D1, L), step("2027-07-25", "charge_off")), "2027-09-01", "charged_off"),
    "charge_off_then_recovery": Story(
        (step("2027-07-25", "charge_off"), pay("2027-09-01", 500_000)), "2027-09-02", "charged_off"),
    "charge_off_then_everything_recovered": Story(
        (step("2027-07-25", "charge_off"), pay("2027-09-01", 500_000), pay("2027-10-01", 5_000_000)),
        "2027-10-02", "charged_off"),
    "chargeback_across_a_charge_off": Story(
        (pay(D1, L), step("2027-07-25", "charge_off"), step("2027-08-01", "bounce", payment=0)),
        "2027-08-02", "charged_off"),
    "money_from_before_a_charge_off": Story(
        (step("2027-07-25", "charge_off"), pay("2027-08-01", L, D1)), "2027-08-02", "charged_off"),
    "charge_off_taken_back": Story(
        (step("2027-07-25", "charge_off"), step("2027-08-01", "undo", act=0)), "2027-08-02"),
}  # fmt: skip
