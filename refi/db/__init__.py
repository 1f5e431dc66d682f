"""The database: rows, the unit of work with the only commit, idempotency keys, the queue, secrets at rest."""
