CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE VIEW transfers AS
SELECT m.id AS movement_id, m.loan_id, m.kind, part.component, rule.debit, rule.credit, part.amount,
       m.currency, m.cause, m.source, m.effective_on, m.business_date, m.posted_at
FROM movements m
CROSS JOIN LATERAL (
    VALUES ('principal', m.principal), ('interest', m.interest), ('fee', m.fee),
           ('penalty', m.penalty), ('suspense', m.suspense)
) AS part (component, amount)
JOIN posting_rules rule ON rule.kind = m.kind AND rule.component = part.component
WHERE part.amount > 0;
