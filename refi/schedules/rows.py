"""The working rows of a contract: what each installment owes, has earned and was paid, on any day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from refi.money import Rounding, round_div, round_exact
from refi.schedules.allocation import Component, Owed, When
from refi.schedules.amortization import Terms, fraction_of

NOTHING = Fraction(0)


@dataclass(slots=True)
class Amounts:
    """Minor units by component."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0

    def add(self, component: Component, amount: int) -> None:
        """Add to one component."""
        setattr(self, component, getattr(self, component) + amount)

    @property
    def total(self) -> int:
        """All components together."""
        return self.principal + self.interest + self.fee + self.penalty


@dataclass(frozen=True, slots=True)
class PenaltyRate:
    """Penalty per day on overdue principal: ``numerator / denominator``.

    Or on everything overdue (``on_all``); the first ``grace`` days cost nothing, or nothing unless there are
    more (``counted``).
    """

    numerator: int
    denominator: int
    rounding: Rounding
    on_all: bool = False
    grace: timedelta = timedelta()
    counted: bool = False

    @classmethod
    def of(cls, terms: Terms, multiple: Decimal, year_days: int) -> PenaltyRate:
        """The daily penalty of a contract: ``multiple`` × annual rate / ``year_days``."""
        numerator, denominator = fraction_of(terms.annual_rate * multiple)
        return cls(numerator, denominator * year_days, terms.rounding)

    def on(self, principal_days: int, fixed: Fraction) -> int:
        """The penalty on a sum of principal × days, on top of what an earlier rate fixed, minor units."""
        if fixed:
            return round_exact(fixed + self.exact(principal_days), self.rounding)
        return round_div(principal_days * self.numerator, self.denominator, self.rounding)

    def exact(self, principal_days: int) -> Fraction:
        """The same before rounding."""
        return Fraction(principal_days * self.numerator, self.denominator)


class Row:
    """One installment at work.

    Interest is earned from ``starts_on`` to ``ends_on``; it must be paid by ``due_on`` (later than
    ``ends_on`` when a holiday or a re-ageing moved it). What was earned by ``since`` is the
    base; the rest of the price is earned evenly from there. ``weight_left`` and ``fee_left`` are the
    parts of the period's day-count weight and of its fee that lie ahead; ``period_fee`` is a whole fee.
    ``frozen_on`` is the day after which nothing accrues. Where interest is on the actual balance, ``size`` is
    the installment's level amount, ``span`` the days that its weight is of, if not its own, ``extra``
    interest put on it, ``carried`` interest of earlier periods
    that comes with it, ``ahead`` the principal that money in advance meets, and ``closing`` interest and
    principal as an early payoff meets them, where that is not to the day.
    """

    __slots__ = (
        "ahead", "base_fee", "base_interest", "carried", "closing", "due_on", "ends_on", "extra", "fee",
        "fee_left", "frozen_on", "interest", "number", "paid", "penalty_fixed", "penalty_from", "period_fee",
        "principal", "principal_days", "since", "size", "span", "starts_on", "waived", "weight",
        "weight_left",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        starts_on: date,
        ends_on: date,
        weight: int,
        principal: int,
        interest: int,
        fee: int,
        due_on: date | None = None,
    ) -> None:
        self.number = number
        self.starts_on = starts_on
        self.ends_on = ends_on
        self.due_on = due_on or ends_on
        self.weight = weight
        self.principal = principal
        self.interest = interest
        self.fee = fee
        self.paid = Amounts()
        self.waived = Amounts()
        self.period_fee = fee
        self.since = starts_on
        self.base_interest = self.base_fee = 0
        self.weight_left: int | Fraction = weight
        self.fee_left: int | Fraction = 1
        self.principal_days = 0
        self.penalty_fixed = NOTHING
        self.penalty_from = self.due_on
        self.frozen_on: date | None = None
        self.size: int | None = None
        self.span: int | None = None
        self.ahead: int | None = None
        self.closing: tuple[int, int] | None = None
        self.extra = self.carried = 0

    def unpaid(self, component: Component, penalty: int = 0) -> int:
        """What is still owed of one component at its scheduled amount; ``penalty`` is that of the day."""
        owed = penalty if component is Component.PENALTY else int(getattr(self, component))
        return owed - int(getattr(self.paid, component)) - int(getattr(self.waived, component))

    @property
    def met(self) -> bool:
        """Whether anything of it was paid or waived."""
        return bool(self.paid.total or self.waived.total)

    @property
    def met_principal(self) -> int:
        """Principal paid or waived."""
        return self.paid.principal + self.waived.principal

    @property
    def unpaid_principal(self) -> int:
        """Principal neither paid nor waived."""
        return self.principal - self.paid.principal - self.waived.principal

    @property
    def unpaid_scheduled(self) -> int:
        """Principal, interest and fee at their scheduled amounts, less what was paid or waived."""
        paid, waived = self.paid, self.waived
        return (
            self.principal + self.interest + self.fee
            - paid.principal - paid.interest - paid.fee
            - waived.principal - waived.interest - waived.fee
        )  # fmt: skip

    def late(self, rate: PenaltyRate) -> int:
        """What bears the penalty once it is late."""
        return self.unpaid_scheduled if rate.on_all else self.unpaid_principal

    def late_since(self, on: date, rate: PenaltyRate) -> date | None:
        """Since when a penalty is to be counted up to ``on``; None where there is nothing to count."""
        if on <= self.due_on or self.frozen_on is not None:
            return None
        since = self.penalty_from
        if rate.grace:
            ends = self.due_on + rate.grace
            if on <= ends:
                return None
            since = since if rate.counted else max(since, ends)
        return since if since < on else None

    def accrue(self, on: date, rate: PenaltyRate) -> None:
        """Fix what is overdue × days up to ``on``; call before what is unpaid changes."""
        since = self.late_since(on, rate)
        if since is not None:
            self.principal_days += self.late(rate) * (on - since).days
            self.penalty_from = on

    def fix_penalty(self, on: date, rate: PenaltyRate) -> None:
        """Keep the penalty accrued until ``on`` at ``rate``, whatever the rate becomes."""
        self.accrue(on, rate)
        self.penalty_fixed += rate.exact(self.principal_days)
        self.principal_days = 0

    def penalty(self, on: date, rate: PenaltyRate) -> int:
        """The penalty accrued since the due date, whether or not paid."""
        days = self.principal_days
        since = self.late_since(on, rate)
        if since is not None:
            days += self.late(rate) * (on - since).days
        return rate.on(days, self.penalty_fixed) if days or self.penalty_fixed else 0

    def freeze(self, on: date, rate: PenaltyRate, until: date, *, closing: bool) -> None:
        """Nothing accrues after ``on``; interest and fee become what is earned ``until`` then.

        ``closing``: the loan is paid off early. What is frozen already stays as it is.
        """
        if self.frozen_on is not None:
            return
        self.accrue(on, rate)
        self.interest, self.fee = self.earned(until, rate.rounding)
        if self.ahead is not None and until <= on:
            self.principal = self.ahead
        elif closing and self.closing is not None:
            self.interest, self.principal = self.closing
        self.frozen_on = on

    def earned(self, on: date, rounding: Rounding) -> tuple[int, int]:
        """Interest and fee earned by ``on``: straight-line over the days of the period, all at its end."""
        if on >= self.ends_on or self.frozen_on is not None:
            return self.interest, self.fee
        if on <= self.since:
            return self.base_interest, self.base_fee
        passed, length = (on - self.since).days, (self.ends_on - self.since).days
        return (
            self.base_interest + round_div((self.interest - self.base_interest) * passed, length, rounding),
            self.base_fee + round_div((self.fee - self.base_fee) * passed, length, rounding),
        )

    def closes_at(self, until: date, rounding: Rounding) -> tuple[int, int]:
        """Interest and fee that an early payoff owes, the price being owed ``until`` a day."""
        interest, fee = self.earned(until, rounding)
        return (interest if self.closing is None or self.frozen_on else self.closing[0]), fee

    def mark(self, on: date, rounding: Rounding) -> None:
        """Keep what was earned by ``on``, whatever the rest of the period becomes."""
        if on <= self.starts_on:
            return
        length = (self.ends_on - self.since).days
        left = Fraction(max((self.ends_on - on).days, 0), length) if length > 0 else Fraction(0)
        self.base_interest, self.base_fee = self.earned(on, rounding)
        self.weight_left *= left
        self.fee_left *= left
        self.since = on

    def reprice(self, on: date, interest: int, fee: int, rounding: Rounding) -> None:
        """From ``on``, the whole period costs ``interest`` and ``fee``; what was earned before stays."""
        self.mark(on, rounding)
        part = Fraction(self.weight_left) / self.weight if self.weight else Fraction(0)
        self.interest = self.base_interest + round_exact(interest * part, rounding)
        self.fee = self.base_fee + round_exact(Fraction(fee * self.fee_left), rounding)
        self.period_fee = fee

    def move(
        self, on: date, starts_on: date, ends_on: date, due_on: date, weight: int, rounding: Rounding
    ) -> None:
        """Give the installment other dates and another weight; what was earned by ``on`` stays."""
        self.mark(on, rounding)
        self.starts_on, self.ends_on, self.due_on = starts_on, ends_on, due_on
        self.since = max(self.since, starts_on) if on > starts_on else starts_on
        self.weight_left = max(self.weight_left + weight - self.weight, 0)
        self.weight = weight
        self.penalty_from = due_on

    def put(self, component: Component, amount: int) -> None:
        """Add a debt that is owed at once."""
        if component is Component.PENALTY:
            self.penalty_fixed += amount
            return
        setattr(self, component, getattr(self, component) + amount)
        if component is Component.FEE:
            self.base_fee += amount
        elif component is Component.INTEREST:
            self.base_interest += amount
            self.extra += amount
        if self.size is not None and component is not Component.FEE:
            self.size += amount

    def thaw(self) -> None:
        """What the row owes stays; only what is put on it from now on can be late."""
        self.base_interest, self.base_fee = self.interest, self.fee
        self.frozen_on = None
        self.penalty_from = max(self.penalty_from, self.due_on)

    def owed(self, on: date, rate: PenaltyRate) -> Owed:
        """What can be allocated to this row on a day, at scheduled amounts."""
        when = When.IN_ADVANCE if self.due_on > on else When.DUE if self.due_on == on else When.PAST_DUE
        principal, interest = self.unpaid_principal, self.unpaid(Component.INTEREST)
        if self.ahead is not None and when is When.IN_ADVANCE and self.frozen_on is None:
            principal += self.ahead - self.principal
            interest += self.base_interest - self.interest
        return Owed(
            self.number,
            when,
            max(0, principal),
            max(0, interest),
            max(0, self.unpaid(Component.FEE)),
            max(0, self.unpaid(Component.PENALTY, self.penalty(on, rate))),
        )
