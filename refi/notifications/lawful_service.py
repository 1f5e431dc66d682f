"""Was every contact lawful when it was made? The gate's rules asked again over the contact log, set by set.

The log says what was allowed or made, when, and under which version of the policy; what the borrower had said
by then (hours, closed channels, consents, zone) is in append-only tables. So each rule of
`refi.notifications.contact_policy` becomes one statement over all contacts. A change within `AT_ONCE` of a
contact might have come before or after it: that contact is not judged by it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from refi.db.work import Work
from refi.notifications.contact_policy import CAPPED, PHONE, WEEK

AT_ONCE = "interval '60 seconds'"

CONTACTS = f"""
    classes AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:names AS text[]), CAST(:from_times AS time[]), CAST(:until_times AS time[]),
            CAST(:replace AS boolean[]), CAST(:needs AS text[]), CAST(:ends AS text[])
        ) AS c (gate, from_time, until_time, replaceable, needs, ends)
    ),
    all_contacts AS MATERIALIZED (
        SELECT c.id, c.message_id, c.borrower_id, c.channel, c.gate, c.outcome, c.at,
            c.business_date AS on, c.policy_version, c.loan_id, c.direction, c.connected, c.talked,
            c.number_index, z.zone, z.moved,
            CAST(c.at AT TIME ZONE z.zone AS date) AS day, CAST(c.at AT TIME ZONE z.zone AS time) AS hour
        FROM contact_log c JOIN borrowers b ON b.id = c.borrower_id
        CROSS JOIN LATERAL (
            SELECT coalesce((
                SELECT f.zone FROM former_zones f WHERE f.borrower_id = b.id AND f.until > c.at
                ORDER BY f.until LIMIT 1
            ), b.time_zone) AS zone, EXISTS (
                SELECT FROM former_zones f WHERE f.borrower_id = b.id
                AND f.until BETWEEN c.at - {AT_ONCE} AND c.at + {AT_ONCE}
            ) AS moved
        ) z
        WHERE c.outcome IN ('allowed', 'made') AND z.zone = ANY(CAST(:zones AS text[]))
    ),
    judged AS MATERIALIZED (
        SELECT a.*, k.from_time, k.until_time, k.replaceable, k.needs, k.ends
        FROM all_contacts a JOIN classes k
            ON k.gate = CASE WHEN a.gate = ANY(CAST(:names AS text[])) THEN a.gate ELSE 'reminder' END
        WHERE a.policy_version = :version AND a.direction IS DISTINCT FROM 'in'
            AND a.gate <> ALL(CAST(:exempt AS text[]))
    )"""  # noqa: S608 - our own text
"""Contacts that were allowed to the machine or made by people, and those that the rules are asked of."""

WANTS = f"""
    wants AS (
        SELECT j.*, p.opted_out, p.quiet_from, p.quiet_until FROM judged j
        LEFT JOIN LATERAL (
            SELECT * FROM contact_preferences p
            WHERE p.borrower_id = j.borrower_id AND p.at < j.at - {AT_ONCE} ORDER BY p.id DESC LIMIT 1
        ) p ON true
        WHERE NOT EXISTS (
            SELECT FROM contact_preferences n WHERE n.borrower_id = j.borrower_id
            AND n.at BETWEEN j.at - {AT_ONCE} AND j.at + {AT_ONCE}
        )
    )"""  # noqa: S608 - our own text
"""Contacts with what the borrower wanted by then."""

HOURS = f"""
    WITH {CONTACTS}, {WANTS}
    SELECT id, 'by ' || channel || ' at ' || left(CAST(hour AS text), 5) || ' in ' || zone || ' ('
        || concat_ws(', ', CASE WHEN closed THEN 'quiet_hours' END,
            CASE WHEN left_alone THEN 'agreed_hours' END) || ')' AS what
    FROM (
        SELECT *, NOT (hour >= from_time AND hour < until_time)
                AND NOT (quiet_from IS NOT NULL AND replaceable) AS closed,
            coalesce(CASE WHEN quiet_from < quiet_until THEN hour >= quiet_from AND hour < quiet_until
                ELSE hour >= quiet_from OR hour < quiet_until END, false) AS left_alone
        FROM wants WHERE NOT moved
    ) AS found WHERE closed OR left_alone ORDER BY id"""  # noqa: S608 - our own text

OPT_OUTS = f"""
    WITH {CONTACTS}, {WANTS}
    SELECT id, 'by ' || channel || ', which the borrower had closed (opted_out_' || channel || ')' AS what
    FROM wants WHERE opted_out ? channel ORDER BY id"""  # noqa: S608 - our own text

CONSENTS = f"""
    WITH {CONTACTS}, asked AS (
        SELECT id, borrower_id, at, needs AS purpose, true AS needed FROM judged WHERE needs IS NOT NULL
        UNION ALL SELECT id, borrower_id, at, ends, false FROM judged WHERE ends IS NOT NULL
    )
    SELECT a.id, CASE WHEN a.needed THEN a.purpose || '_consent_missing'
        ELSE a.purpose || '_consent_withdrawn' END AS what
    FROM asked a LEFT JOIN LATERAL (
        SELECT n.granted FROM consents n WHERE n.borrower_id = a.borrower_id AND n.purpose = a.purpose
        AND n.at < a.at - {AT_ONCE} ORDER BY n.id DESC LIMIT 1
    ) c ON true
    WHERE CASE WHEN a.needed THEN c.granted IS NOT TRUE ELSE c.granted IS FALSE END AND NOT EXISTS (
        SELECT FROM consents n WHERE n.borrower_id = a.borrower_id AND n.purpose = a.purpose
        AND n.at BETWEEN a.at - {AT_ONCE} AND a.at + {AT_ONCE}
    ) ORDER BY a.id"""  # noqa: S608 - our own text

CAPS = f"""
    WITH {CONTACTS}, ends AS MATERIALIZED (
        SELECT message_id, at AS ended_at FROM contact_log WHERE outcome IN ('undelivered', 'failed')
    ), told AS (
        SELECT id, message_id, outcome, lead(outcome) OVER (PARTITION BY message_id ORDER BY id) AS became
        FROM contact_log WHERE message_id IS NOT NULL AND outcome <> 'unknown'
    ), counted AS MATERIALIZED (
        SELECT a.id, a.message_id, a.borrower_id, a.at, a.day, e.ended_at
        FROM all_contacts a LEFT JOIN told t ON t.id = a.id LEFT JOIN messages m ON m.id = a.message_id
        LEFT JOIN ends e ON e.message_id = a.message_id
        WHERE a.channel = ANY(CAST(:capped AS text[])) AND a.direction IS DISTINCT FROM 'in'
            AND a.gate <> ALL(CAST(:exempt AS text[]))
            AND (a.message_id IS NULL OR t.became IN ('sent', 'delivered', 'undelivered')
                OR (t.became IS NULL AND m.status IN ('claimed', 'sent', 'unknown', 'delivered')))
    )
    SELECT id, in_a_day || ' by SMS and push that day, ' || in_a_week || ' in seven days, before this one ('
        || concat_ws(', ', CASE WHEN in_a_day >= :per_day THEN 'sms_push_per_day' END,
            CASE WHEN in_a_week >= :per_week THEN 'sms_push_per_week' END) || ')' AS what
    FROM (
        SELECT j.id, count(*) FILTER (WHERE c.day = j.day) AS in_a_day, count(*) AS in_a_week
        FROM judged j JOIN counted c ON c.borrower_id = j.borrower_id AND c.id <> j.id
            AND (c.at, c.id) < (j.at, j.id) AND c.day BETWEEN j.day - {WEEK - 1} AND j.day
            AND (c.message_id IS DISTINCT FROM j.message_id OR j.message_id IS NULL)
            AND (c.ended_at IS NULL OR c.ended_at > j.at + {AT_ONCE})
        WHERE j.channel = ANY(CAST(:capped AS text[])) AND NOT j.moved GROUP BY j.id
    ) AS found WHERE in_a_day >= :per_day OR in_a_week >= :per_week ORDER BY id"""  # noqa: S608 - our own text

CALLS = f"""
    WITH {CONTACTS}
    SELECT id, concat_ws(', ', CASE WHEN connected >= :connected THEN 'connected_calls_per_day' END,
        CASE WHEN unanswered >= :unanswered THEN 'unanswered_dials_per_day' END,
        CASE WHEN about_debt >= CAST(:weekly AS int) THEN 'calls_per_seven_days' END,
        CASE WHEN talks > 0 THEN 'quiet_days_after_conversation' END) AS what
    FROM (
        SELECT j.id,
            count(*) FILTER (WHERE k.out AND k.connected AND k.day = j.day) AS connected,
            count(*) FILTER (WHERE k.out AND NOT k.connected AND k.day = j.day
                AND k.number_index = j.number_index) AS unanswered,
            count(*) FILTER (WHERE k.out AND k.loan_id = j.loan_id) AS about_debt,
            count(*) FILTER (WHERE k.talked AND k.loan_id = j.loan_id AND j.day < k.day + CAST(:rest AS int))
                AS talks
        FROM judged j JOIN (
            SELECT *, direction = 'out' AS out FROM all_contacts WHERE channel = '{PHONE}'
        ) k ON k.borrower_id = j.borrower_id AND k.id <> j.id AND (k.at, k.id) < (j.at, j.id)
            AND k.at < j.at - {AT_ONCE} AND k.day BETWEEN j.day - {WEEK - 1} AND j.day
        WHERE j.channel = '{PHONE}' AND NOT j.moved GROUP BY j.id
    ) AS found
    WHERE connected >= :connected OR unanswered >= :unanswered OR about_debt >= CAST(:weekly AS int)
        OR talks > 0 ORDER BY id"""  # noqa: S608 - our own text

CHECKS = {
    "contacts_in_lawful_hours": HOURS,
    "contacts_within_caps": CAPS,
    "contacts_not_opted_out": OPT_OUTS,
    "contacts_with_consent": CONSENTS,
    "calls_within_caps": CALLS,
}
UNJUDGED = text("""
    SELECT c.policy_version AS version, count(*) AS lines FROM contact_log c
    WHERE c.outcome IN ('allowed', 'made') AND c.policy_version <> :version
    GROUP BY c.policy_version ORDER BY c.policy_version
""")
COUNT = text(
    "SELECT count(*) FROM contact_log WHERE outcome IN ('allowed', 'made') AND policy_version = :version"
)


async def parameters(work: Work) -> dict[str, Any]:
    """The rules of the policy in force, as the statements want them."""
    contact = work.policy.contact
    known = await work.session.scalars(
        text("SELECT name FROM pg_timezone_names WHERE name IN (SELECT time_zone FROM borrowers"
             " UNION SELECT zone FROM former_zones)")
    )  # fmt: skip
    classes = contact.classes
    return {
        "version": work.policy.version,
        "zones": list(known),
        "exempt": list(contact.exempt),
        "capped": sorted(CAPPED),
        "names": [each.name for each in classes],
        "from_times": [each.from_time for each in classes],
        "until_times": [each.until_time for each in classes],
        "replace": [each.borrowers_hours == "replace" for each in classes],
        "needs": [each.needs_consent for each in classes],
        "ends": [each.ends_with_consent for each in classes],
        "stopping_gates": [each.name for each in classes for _ in each.stopped_by],
        "stopping": [name for each in classes for name in each.stopped_by],
        "per_day": contact.sms_push_per_day,
        "per_week": contact.sms_push_per_week,
        "connected": contact.connected_calls_per_day,
        "unanswered": contact.unanswered_dials_per_day,
        "weekly": contact.calls_per_seven_days,
        "rest": contact.quiet_days_after_conversation or 0,
    }


async def judge(work: Work, statements: dict[str, str]) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """How many contacts the policy in force was asked about, and what each statement found: (id, what)."""
    given = await parameters(work)
    count = int(await work.session.scalar(COUNT, {"version": given["version"]}) or 0)
    found = {}
    for name, statement in statements.items():
        used = {key: value for key, value in given.items() if f":{key}" in statement}
        rows = await work.session.execute(text(statement), used)
        found[name] = [(str(row.id), str(row.what)) for row in rows]
    return count, found


async def unjudged(work: Work) -> dict[str, int]:
    """Contacts under other versions of the policy than the one in force, whose rules are not at hand."""
    rows = await work.session.execute(UNJUDGED, {"version": work.policy.version})
    return {row.version: int(row.lines) for row in rows}
