"""Rules that look at the bureau's report. Without one they pass, unless it was asked for or is required."""

from __future__ import annotations

from refi.underwriting.facts import Source
from refi.underwriting.findings import Case, Finding, decline, passed, refer


def bureau_file(case: Case) -> Finding:
    """A bureau that was asked and did not answer is looked at: what it may know is not taken for nothing.
    So is the absence of a report where the policy requires one."""
    if case.facts.bureau.source is Source.BUREAU_SILENT:
        return refer("BUREAU_FILE", "no_credit_file", report=None, answered=False)
    if case.facts.bureau.value is None and case.policy.underwriting.bureau_required:
        return refer("BUREAU_FILE", "no_credit_file", report=None)
    return passed("BUREAU_FILE", required=case.policy.underwriting.bureau_required)


def bureau_delinquency(case: Case) -> Finding:
    """Open delinquencies elsewhere decline, collections or judgments too."""
    report = case.facts.bureau.value
    if report is None:
        return passed("BUREAU_DELINQUENCY", report=None)
    late, suits = report.open_delinquencies, report.collections_or_judgments
    if suits > 0:
        return decline("BUREAU_DELINQUENCY", "collection_or_judgment", open=late, judgments=suits)
    if late > 0:
        return decline("BUREAU_DELINQUENCY", "delinquent_with_others", open=late, judgments=suits)
    return passed("BUREAU_DELINQUENCY", open=late, judgments=suits)


def bureau_inquiries(case: Case) -> Finding:
    """Many recent inquiries are looked at."""
    report, limit = case.facts.bureau.value, case.policy.underwriting.refer_inquiries
    if report is None:
        return passed("BUREAU_INQUIRIES", report=None)
    if report.inquiries_six_months >= limit:
        return refer(
            "BUREAU_INQUIRIES", "recent_inquiries", inquiries=report.inquiries_six_months, limit=limit
        )
    return passed("BUREAU_INQUIRIES", inquiries=report.inquiries_six_months, limit=limit)


def bureau_history(case: Case) -> Finding:
    """A short credit history is looked at."""
    report, least = case.facts.bureau.value, case.policy.underwriting.limited_history_months
    if report is None:
        return passed("BUREAU_HISTORY", report=None)
    months = report.oldest_account_months
    if months is None or months < least:
        return refer("BUREAU_HISTORY", "limited_credit_experience", months=months, minimum=least)
    return passed("BUREAU_HISTORY", months=months, minimum=least)
