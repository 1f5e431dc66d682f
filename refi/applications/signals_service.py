"""Count what may be a sign of fraud around an application: shared instruments, haste, probing."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from refi.applications.tables import Application
from refi.db.work import Work
from refi.underwriting.signals import Seen, signals

_SEEN = text("""
    SELECT
      (SELECT count(DISTINCT other.borrower_id) FROM devices mine
         JOIN devices other ON other.token_index = mine.token_index AND other.borrower_id <> mine.borrower_id
         WHERE mine.borrower_id = :borrower),
      (SELECT count(DISTINCT other.borrower_id) FROM cards mine
         JOIN cards other ON other.token = mine.token AND other.borrower_id <> mine.borrower_id
         WHERE mine.id = :card),
      (SELECT count(DISTINCT other.borrower_id) FROM bank_accounts mine
         JOIN bank_accounts other ON other.token = mine.token AND other.borrower_id <> mine.borrower_id
         WHERE mine.borrower_id = :borrower),
      (SELECT count(*) FROM borrowers mine
         JOIN borrowers other ON other.national_id_index = mine.national_id_index AND other.id <> mine.id
         WHERE mine.id = :borrower),
      (SELECT count(*) FROM applications WHERE borrower_id = :borrower AND created_at > :since),
      (SELECT count(DISTINCT amount) FROM applications
         WHERE statement_id = :statement AND created_at > :since AND amount <> :amount)
""")


async def signs(work: Work, application: Application) -> tuple[str, ...]:
    """What speaks of fraud around ``application``; it counts whether it is written yet or not."""
    rules = work.policy.underwriting.velocity
    row = (
        await work.session.execute(
            _SEEN,
            {
                "borrower": application.borrower_id,
                "card": application.card_id,
                "statement": application.statement_id,
                "amount": application.amount,
                "since": work.now - timedelta(hours=rules.hours),
            },
        )
    ).one()
    written = application in work.session and application not in work.session.new
    return signals(
        Seen(
            others_on_device=int(row[0]),
            others_with_card=int(row[1]),
            others_with_account=int(row[2]),
            others_with_id=int(row[3]),
            applications=int(row[4]) + (not written),
            amounts=int(row[5]) + 1,
        ),
        rules,
    )
