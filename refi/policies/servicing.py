"""Sections of a policy that say how borrowers are reminded, offered more, and treated when late."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from refi.policies.base import (
    Amount,
    Channel,
    Count,
    DayBand,
    Days,
    Gate,
    Name,
    Rate,
    Term,
    Value,
    require_contiguous_days,
    require_distinct,
)
from refi.policies.deciding import Consent

Exemption = Literal["one_time_code", "receipt", "requested_notice"]
Standstill = Literal[
    "past_due", "promise", "dispute", "hardship", "deceased", "legal", "complaint", "asked_to_stop"
]


class GateClass(Value):
    """When a class of contact may reach the borrower: ``from_time`` until before ``until_time``, local.

    ``borrowers_hours``: what the borrower agreed to takes the place of these hours, or narrows them.
    ``needs_consent`` must have been given, ``ends_with_consent`` must not have been taken back;
    ``stopped_by`` is what it never happens under.
    """

    name: Gate
    from_time: time
    until_time: time
    borrowers_hours: Literal["replace", "narrow"]
    needs_consent: Consent | None = None
    ends_with_consent: Consent | None = None
    stopped_by: tuple[Standstill, ...]

    @model_validator(mode="after")
    def _is_daytime(self) -> Self:
        if self.from_time >= self.until_time:
            raise ValueError(f"{self.name}: from_time must be before until_time")
        require_distinct(f"{self.name}: stopped_by", self.stopped_by)
        return self


Moment = Literal["after_signature", "after_first_reminder", "after_payment"]


class AskAt(Value):
    """A share of the borrowers, in percent, who are asked at ``moment``."""

    moment: Moment
    share: Annotated[int, Field(ge=1, le=100)]


class PushOptIn(Value):
    """When borrowers are asked to allow push: arms by stable assignment, and how long a no is respected."""

    experiment: Name
    ask_again_days: Days = Field(ge=1)
    arms: tuple[AskAt, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _asks_everybody_once(self) -> Self:
        require_distinct("push_opt_in arms", [arm.moment for arm in self.arms])
        if sum(arm.share for arm in self.arms) != 100:
            raise ValueError("push_opt_in: the shares of the arms must be 100 together")
        return self


class Contact(Value):
    """Windows and caps of contact; ``exempt`` kinds pass every gate."""

    sms_push_per_day: Count
    sms_push_per_week: Count
    connected_calls_per_day: Count
    unanswered_dials_per_day: Count
    calls_per_seven_days: Count | None = None
    quiet_days_after_conversation: Days | None = None
    third_party_after_tries: Count = Field(ge=1)
    log_years: Annotated[int, Field(ge=1, le=30)]
    log_years_from: Literal["entry", "last_contact"]
    exempt: tuple[Exemption, ...]
    opt_out_words: tuple[Name, ...]
    opt_out_stops: Literal["marketing", "channel"]
    push_opt_in: PushOptIn
    classes: tuple[GateClass, ...]

    @model_validator(mode="after")
    def _knows_every_class(self) -> Self:
        names = [each.name for each in self.classes]
        require_distinct("contact classes", names)
        missing = sorted(set(get_args(Gate)) - set(names))
        if missing:
            raise ValueError(f"no window for {', '.join(missing)}")
        return self

    def gate(self, name: Gate) -> GateClass:
        """The window of that class."""
        return next(each for each in self.classes if each.name == name)


class Messages(Value):
    """What messages say of themselves, how long they may be, and which channel follows one that bounced.

    ``sender`` and ``lender`` are names by language; ``sms_segments`` is the most parts of one SMS;
    ``instead`` lists, by channel, the channels that are tried when a message could not be delivered.
    """

    sender: dict[str, Name]
    lender: dict[str, Name]
    sms_segments: Annotated[int, Field(ge=1, le=10)]
    instead: dict[Channel, tuple[Channel, ...]]

    @model_validator(mode="after")
    def _leads_elsewhere(self) -> Self:
        for channel, others in self.instead.items():
            require_distinct(f"instead of {channel}", [channel, *others])
        return self


class MicroLoan(Value):
    """The cross-sell product: a small loan for a borrower who pays on time and agreed to be told."""

    minimum_on_time_installments: Count = Field(ge=1)
    amount: Amount = Field(ge=1)
    term: Term
    annual_rate: Rate
    valid_days: Days = Field(ge=1)
    consent: Consent


class CrossSell(Value):
    """What may be suggested to whom."""

    micro_loan: MicroLoan


class Delinquency(Value):
    """Buckets and asset classes by days past due, and the days at which accrual and collection end."""

    buckets: tuple[DayBand, ...] = Field(min_length=1)
    asset_classes: tuple[DayBand, ...] = Field(min_length=1)
    stage_2_above_days: Days
    stage_3_above_days: Days
    non_accrual_above_days: Days
    charge_off_from_days: Days
    charge_off_again_days: Days = Field(ge=1)

    @model_validator(mode="after")
    def _leaves_no_gap(self) -> Self:
        require_contiguous_days("delinquency buckets", "buckets", self.buckets)
        require_contiguous_days("asset classes", "asset_classes", self.asset_classes)
        if self.stage_2_above_days > self.stage_3_above_days:
            raise ValueError("stage_2_above_days is above stage_3_above_days")
        return self

    def bucket(self, days_past_due: int) -> str:
        """``current`` for nothing past due, else the name of the bucket."""
        return next((band.name for band in self.buckets if band.holds(days_past_due)), "current")


class Collections(Value):
    """Limits of what a collector may agree to alone."""

    promise_within_days: Days = Field(ge=1)
    promise_tolerance: Amount
    trusted_until_broken: Count = Field(ge=1)
    hold_days_alone: Days
    complaint_stops_contact: bool
