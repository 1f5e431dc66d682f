"""Sections of a policy that say who gets a loan, and who of the staff may decide it."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from refi.policies.base import Amount, Count, Days, Name, Rate, Share, Value, require_distinct

ReasonCode = Literal[
    "application_incomplete",
    "identity_unverified",
    "income_unverified",
    "income_insufficient",
    "excessive_obligations",
    "no_credit_file",
    "limited_credit_experience",
    "delinquent_with_others",
    "poor_performance_with_us",
    "collection_or_judgment",
    "recent_inquiries",
    "card_overdue",
    "card_not_payable",
    "no_benefit",
    "statement_too_old",
    "suspected_fraud",
    "policy_exposure_limit",
]
Consent = Literal["bureau_query", "statement_read", "marketing", "contact"]


class Authority(Value):
    """How much one person of that role may approve alone, in minor units."""

    role: Name
    amount: Amount


class Review(Value):
    """How referred applications are worked: lease and answer times, and authority limits by role."""

    lease_minutes: Annotated[int, Field(ge=1, le=1440)]
    answer_within_hours: Annotated[int, Field(ge=1, le=720)]
    minimum_note_length: Annotated[int, Field(ge=0, le=500)]
    authority: tuple[Authority, ...]

    def limit(self, role: str) -> int:
        """What that role may approve alone; 0 for a role that decides nothing."""
        return next((each.amount for each in self.authority if each.role == role), 0)


class Scoring(Value):
    """Which scorecard is read (none where there is none) and what its scores do."""

    card: Name | None = None
    required: bool
    refer_unscored_above: Amount
    decline_below: Annotated[int, Field(ge=0, le=1000)]
    refer_below: Annotated[int, Field(ge=0, le=1000)]

    @model_validator(mode="after")
    def _leaves_no_gap(self) -> Self:
        if self.refer_below < self.decline_below:
            raise ValueError(
                f"overlapping bands: decline_below {self.decline_below} is above refer_below "
                f"{self.refer_below}"
            )
        if self.required and self.card is None:
            raise ValueError("a score is required and there is no card to score with")
        return self


class BandLimit(Value):
    """What one borrower of that risk band may owe in all, minor units."""

    band: Name
    amount: Amount


class Limits(Value):
    """What may be lent: to everybody, on the cards of one issuer, to one borrower of a band."""

    portfolio: Amount
    issuer: Amount
    bands: tuple[BandLimit, ...]

    @model_validator(mode="after")
    def _says_each_once(self) -> Self:
        require_distinct("bands in limits", [each.band for each in self.bands])
        if self.issuer > self.portfolio:
            raise ValueError("limits.issuer is above limits.portfolio")
        return self

    def of_band(self, band: str) -> int | None:
        """The limit of that band; None where the policy sets none."""
        return next((each.amount for each in self.bands if each.band == band), None)


class Income(Value):
    """What an income counts for that only the borrower told, and how long one counts that was verified.

    ``declared_counts`` is the part of a declared income that counts towards what can be carried;
    ``refer_unverified_above`` is the amount from which on nobody is approved without a verified one;
    ``declared_above_verified`` by how much a declared income may exceed the verified one.
    """

    declared_counts: Share
    verified_fresh_days: Days = Field(ge=1)
    refer_unverified_above: Amount
    declared_above_verified: Share


class Velocity(Value):
    """From when on haste is looked at: applications in ``hours``, and different amounts tried on one bill."""

    hours: Annotated[int, Field(ge=1, le=720)]
    applications: Count = Field(ge=2)
    amounts_per_bill: Count = Field(ge=2)


class Warning(Value):  # noqa: A001 - what the section is called
    """When the decisions of late are something to look at. Shares are parts of one."""

    window_days: Annotated[int, Field(ge=1, le=366)]
    least_decisions: Count = Field(ge=1)
    psi: Rate
    approval_shift: Share
    first_payment_default: Share
    portfolio_used: Share
    ends_after_days: Annotated[int, Field(ge=1, le=90)]
    """An alert that was not found for so long has ended."""


class Challenger(Value):
    """Another strategy (an overlay in ``refi/policies/strategies``) beside this one.

    ``shadow`` decides too and is only recorded; ``challenger`` decides for its share of the borrowers.
    """

    name: Name
    mode: Literal["shadow", "challenger"]
    share: Share


class Underwriting(Value):
    """Thresholds of the decision rules; the rules are functions of ``refi.underwriting.policy``."""

    minimum_age: Annotated[int, Field(ge=18, le=30)]
    required_consents: tuple[Consent, ...]
    bureau_required: bool
    bureau_report_days: Days
    """How long a report may be used again under the consent that it was asked for."""
    identity_check_days: Days
    approve_up_to_share: Share
    decline_above_share: Share
    income_plausible_up_to: Amount
    refer_above_amount: Amount
    exposure_limit: Amount
    refer_worst_days_past_due: Days = Field(ge=1)
    decline_days_past_due: Days = Field(ge=1)
    refer_inquiries: Count = Field(ge=1)
    limited_history_months: Count
    reasons_shown: Annotated[int, Field(ge=1, le=4)]
    reason_order: tuple[ReasonCode, ...]
    refer_cash_share: Share
    counter_shares: tuple[Share, ...]
    """Parts of a declined wish that are tried as a counter-offer, besides what the limits leave."""
    score: Scoring
    limits: Limits
    income: Income | None = None
    """Strategies of before it existed ask for no verification, and count a declared income whole."""
    velocity: Velocity
    warning: Warning
    challengers: tuple[Challenger, ...] = ()
    review: Review

    @model_validator(mode="after")
    def _decides_everything(self) -> Self:
        require_distinct("reasons in reason_order", self.reason_order)
        missing = sorted(set(get_args(ReasonCode)) - set(self.reason_order))
        if missing:
            raise ValueError(f"reason_order does not rank {', '.join(missing)}")
        require_distinct("challengers", [each.name for each in self.challengers])
        if sum(each.share for each in self.challengers if each.mode == "challenger") > 1:
            raise ValueError("challengers take more than all borrowers")
        if self.approve_up_to_share > self.decline_above_share:
            raise ValueError(
                f"overlapping bands: approve_up_to_share {self.approve_up_to_share} is above "
                f"decline_above_share {self.decline_above_share}"
            )
        return self

    def rank(self, code: ReasonCode) -> int:
        """Place of a reason in the order of weight, 1 for the heaviest."""
        return self.reason_order.index(code) + 1
