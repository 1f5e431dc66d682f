"""The first step of closing a day: from now on, money that is posted counts as posted on the next day."""

from __future__ import annotations

from datetime import date

from refi.db import runs
from refi.db.runs import Report
from refi.db.work import Work

BOOKED = """
    SELECT count(*) FILTER (WHERE kind = 'repayment') AS receipts,
        coalesce(sum(amount) FILTER (WHERE kind = 'repayment'), 0)::bigint AS received,
        count(*) FILTER (WHERE kind = 'repayment_reversed') AS returns,
        coalesce(sum(amount) FILTER (WHERE kind = 'repayment_reversed'), 0)::bigint AS returned
    FROM movements WHERE business_date = $1"""
PENDING = """
    SELECT count(*) AS pending_debits, coalesce(sum(amount), 0)::bigint AS pending FROM payments
    WHERE (call IN ('planned', 'calling', 'unknown') OR (call = 'accepted' AND status IN ('pending', 'sent')))
    AND status = 'pending' AND source_type = 'bank_debit'"""


async def cut_off(work: Work, on: date) -> Report:
    """Close the books of ``on`` to changes of what loans owe; tell what was posted and what is under way.

    A debit under way is left alone. When its news comes, it is posted on the next day under the day on which
    it left the borrower, and what that day cost is recomputed: nobody pays for our hours.
    """
    await runs.cut_off(work)
    raw = await work.raw()
    booked, waiting = await raw.fetchrow(BOOKED, on), await raw.fetchrow(PENDING)
    return {
        "receipts": booked["receipts"],
        "returns": booked["returns"],
        "pending_debits": waiting["pending_debits"],
        "money": {
            "received": booked["received"],
            "returned": booked["returned"],
            "pending": waiting["pending"],
        },
    }
