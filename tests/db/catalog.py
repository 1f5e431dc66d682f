"""A database's schema as sorted lines of text, read from PostgreSQL's own catalogs.

PostgreSQL prints each definition in one canonical spelling, so two databases with the same schema give the
same lines whoever wrote the DDL: CHECK texts and partial-index predicates included, which Alembic does not
compare.
"""

from __future__ import annotations

import asyncpg

OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'"
TABLE = "pg_class c ON c.oid = {} JOIN pg_namespace n ON n.oid = c.relnamespace"
OF_TABLES = {
    "column": f"""
        SELECT format('%s.%s %s %s%s%s%s%s', n.nspname, c.relname, a.attname,
            format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || l.collname ELSE '' END,
            CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
            CASE WHEN a.attidentity <> '' THEN ' IDENTITY ' || a.attidentity::text ELSE '' END,
            coalesce(CASE WHEN a.attgenerated <> '' THEN ' GENERATED ' ELSE ' DEFAULT ' END
                || pg_get_expr(d.adbin, d.adrelid), ''))
        FROM pg_attribute a JOIN {TABLE.format("a.attrelid")}
            JOIN pg_type t ON t.oid = a.atttypid
            LEFT JOIN pg_collation l ON l.oid = a.attcollation
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND {OURS}""",
    "constraint": f"""
        SELECT format('%s.%s %s %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid))
        FROM pg_constraint k JOIN {TABLE.format("k.conrelid")}
        WHERE k.contype <> 'n' AND {OURS}""",
    "index": f"""
        SELECT format('%s', pg_get_indexdef(i.indexrelid))
        FROM pg_index i JOIN {TABLE.format("i.indrelid")}
        WHERE {OURS}""",
}
OF_MIGRATIONS = {
    "view": f"""
        SELECT format('%s.%s %s', n.nspname, c.relname, pg_get_viewdef(c.oid))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('v', 'm') AND {OURS}""",
    "trigger": f"""
        SELECT format('%s%s', pg_get_triggerdef(t.oid), CASE t.tgenabled WHEN 'O' THEN '' ELSE ' OFF' END)
        FROM pg_trigger t JOIN {TABLE.format("t.tgrelid")}
        WHERE NOT t.tgisinternal AND {OURS}""",
    "function": f"""
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prokind IN ('f', 'p') AND {OURS}""",
    "type": f"""
        SELECT format('%s.%s %s', n.nspname, t.typname, array_agg(e.enumlabel ORDER BY e.enumsortorder))
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
        WHERE {OURS} GROUP BY n.nspname, t.typname""",
    "sequence": f"""
        SELECT format('%s.%s', n.nspname, c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND {OURS}""",
}


async def describe(url: str, kinds: dict[str, str]) -> list[str]:
    """The schema of the database at ``url``, one definition an entry, sorted."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        found = []
        for kind, query in kinds.items():
            rows = await connection.fetch(query)
            found += [f"{kind} {row[0].strip()}" for row in rows]
        return sorted(found)
    finally:
        await connection.close()


def of_schema(lines: list[str], schema: str) -> list[str]:
    """The lines about one schema, without Alembic's own table."""
    mark = f" {schema}."
    return [line for line in lines if mark in line and "alembic_version" not in line]
