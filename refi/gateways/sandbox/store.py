"""The sandbox provider's own books: one SQLite file, one thread, one transaction per act.

WAL with ``synchronous=FULL``: what was answered survives a kill or a power cut. The cash book is
append-only (triggers) and numbered without gaps (a number is taken inside the act's transaction).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS proofs (
  token TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, body_hash TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('card', 'account')), last4 TEXT NOT NULL,
  brand TEXT, fault TEXT) STRICT;
CREATE TABLE IF NOT EXISTS orders (
  key TEXT PRIMARY KEY, provider_id TEXT NOT NULL UNIQUE, body_hash TEXT NOT NULL,
  operation TEXT NOT NULL CHECK (operation IN ('payout', 'debit', 'refund', 'transfer')),
  status TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
  asked_on TEXT NOT NULL, effective_on TEXT, reason TEXT, reference TEXT, of TEXT,
  plan TEXT NOT NULL, next_at REAL) STRICT;
CREATE INDEX IF NOT EXISTS orders_due ON orders (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS orders_of ON orders (of) WHERE of IS NOT NULL;
CREATE TABLE IF NOT EXISTS cash_book (
  number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT, provider_id TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, effective_on TEXT NOT NULL,
  reference TEXT, booked_at TEXT NOT NULL, UNIQUE (provider_id, kind)) STRICT;
CREATE TRIGGER IF NOT EXISTS cash_book_keeps BEFORE UPDATE ON cash_book
  BEGIN SELECT RAISE(ABORT, 'the cash book is append-only'); END;
CREATE TRIGGER IF NOT EXISTS cash_book_holds BEFORE DELETE ON cash_book
  BEGIN SELECT RAISE(ABORT, 'the cash book is append-only'); END;
CREATE TABLE IF NOT EXISTS news (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
  provider_id TEXT NOT NULL, body TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'kept_back', 'told')),
  attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL, last_answer TEXT) STRICT;
CREATE INDEX IF NOT EXISTS news_due ON news (next_at) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS messages (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE,
  body_hash TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL, template TEXT NOT NULL,
  text TEXT NOT NULL, sent_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS messages_to ON messages (recipient, number);
CREATE TABLE IF NOT EXISTS faults (
  number INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, mode TEXT NOT NULL,
  calls INTEGER NOT NULL, status INTEGER NOT NULL, seconds REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
"""


ADDED = (("messages", "subject TEXT"), ("messages", "at TEXT"), ("faults", "retry_after INTEGER"))
"""Columns that a file of an earlier version lacks."""


class Store:
    """The file at ``path``, made when missing. `run` is the only way in."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-store")
        self._db = self._thread.submit(_open, path).result()

    async def run(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``act`` in one transaction; it is committed before this returns, undone if it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, act)

    def close(self) -> None:
        """Finish what runs and close the file."""
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()

    def _transact(self, act: Callable[[sqlite3.Connection], T]) -> T:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = act(self._db)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return result


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA busy_timeout = 5000")
    db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
    for table, column in ADDED:
        if column.split()[0] not in {row["name"] for row in db.execute(f"PRAGMA table_info({table})")}:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    return db
