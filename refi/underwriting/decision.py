"""The decision: price the wish, let every rule look, answer a value that explains itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from refi.policies import Policy, ReasonCode
from refi.underwriting import affordability, codec, reasons
from refi.underwriting.codec import Json
from refi.underwriting.facts import Facts, Product
from refi.underwriting.findings import Case, Effect, Finding
from refi.underwriting.policy import RULES
from refi.underwriting.pricing import Priced, card_of, price
from refi.underwriting.reasons import Reason


class Outcome(StrEnum):
    """What the engine decides; a decline is a value."""

    APPROVED = "approved"
    REFERRED = "referred"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with everything that made it.

    ``reasons`` are all that speak against an approval, most important first; ``priced`` is what would be
    offered, None when the wish is not sold.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...]
    priced: Priced | None
    policy_version: str
    model_version: str | None
    reasons_shown: int
    facts: Facts

    @property
    def shown(self) -> tuple[Reason, ...]:
        """The principal reasons as the borrower sees them: at most four, internal codes mapped."""
        return reasons.shown(self.reasons, self.reasons_shown)

    def record(self) -> dict[str, Json]:
        """The decision as JSON values, facts included; `read` makes the same decision of it."""
        written = codec.to_json(self)
        if not isinstance(written, dict):
            raise TypeError("a decision is an object")
        return written


def read(record: Json) -> Decision:
    """The decision that `Decision.record` wrote; ``ValueError`` for a damaged record."""
    decision: Decision = codec.from_json(Decision, record)
    return decision


def decide(facts: Facts, policy: Policy) -> Decision:
    """Decide. The same facts under the same policy always give the same decision."""
    case = _case(facts, policy)
    findings = tuple(rule(case) for rule in RULES[facts.wish.product])
    effects = {finding.effect for finding in findings}
    if Effect.DECLINE in effects:
        outcome = Outcome.DECLINED
    elif Effect.REFER in effects:
        outcome = Outcome.REFERRED
    else:
        outcome = Outcome.APPROVED
    return Decision(
        outcome=outcome,
        reasons=_ranked(findings, policy),
        findings=findings,
        priced=case.priced,
        policy_version=policy.version,
        model_version=None,
        reasons_shown=policy.underwriting.reasons_shown,
        facts=facts,
    )


def _case(facts: Facts, policy: Policy) -> Case:
    priced = price(
        facts.wish, score=facts.score.value, card_apr=facts.card_apr.value, policy=policy, on=facts.on
    )
    if priced is None:
        return Case(facts, policy, None, None, None)
    report = facts.bureau.value
    reported = report.monthly_obligations if report is not None else None
    total = affordability.monthly_obligations(
        installment=priced.installment_amount,
        unrefinanced_minimum=_minimum(facts, policy),
        other_card_minimums=facts.other_card_minimums.value or 0,
        loan_installments=facts.loan_installments.value or 0,
        elsewhere=reported or 0,
    )
    income = facts.monthly_income.value
    share: Fraction | None = affordability.burden(total, income) if income is not None else None
    return Case(facts, policy, priced, total, share)


def _minimum(facts: Facts, policy: Policy) -> int:
    """The minimum payment of what the loan would leave on the card."""
    left = (facts.statement_balance.value or 0) - facts.wish.amount
    if left <= 0 or facts.wish.product is not Product.CARD_REFINANCE:
        return 0
    return card_of(left, policy, facts.card_apr.value or policy.card.apr).minimum(left)


def _ranked(findings: tuple[Finding, ...], policy: Policy) -> tuple[Reason, ...]:
    """Distinct reasons: what declines before what refers, then by the weight that the policy gives them."""
    strongest: dict[ReasonCode, bool] = {}
    for finding in findings:
        if finding.reason is not None:
            declines = finding.effect is Effect.DECLINE
            strongest[finding.reason] = strongest.get(finding.reason, False) or declines
    ordered = sorted(strongest, key=lambda code: (not strongest[code], policy.underwriting.rank(code)))
    return tuple(Reason(code, rank) for rank, code in enumerate(ordered, start=1))
