"""Idempotency keys: the stored answer commits in the transaction of its effect.

A transaction that is opened with a key (`Database.work`) tries to lock it, then reads its answer. *In flight*
means that this lock is not free, so a crash frees it and leaves nothing behind.
Refusals roll back and are not stored: the same key may be tried again with a mended request.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import asyncpg

from refi.db.work import Key, Work
from refi.errors import Conflict, Refused


class KeyInFlight(Conflict):
    """The same request is being worked on at this moment."""

    code = "idempotency_key_in_flight"


class KeyReused(Refused):
    """The key already stands for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer, to be given again word for word."""

    status: int
    content_type: str
    body: bytes


def request_hash(body: bytes) -> bytes:
    """SHA-256 of the body; two JSON texts that differ in spacing or order of keys are the same request."""
    try:
        canonical = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        canonical = body
    return hashlib.sha256(canonical).digest()


def claimed(work: Work, body: bytes) -> Answer | None:
    """What the key of this transaction was answered with before; None when it is the first time.

    Raises `KeyInFlight` while another transaction holds the key and `KeyReused` for another body.
    """
    claim = work.claim
    if claim is None or not claim.free:
        raise KeyInFlight("a request with this Idempotency-Key is still running")
    return _answer(claim.answered, body)


async def stored(work: Work, key: Key, body: bytes) -> Answer | None:
    """What ``key`` was answered with before, without taking it; None when it was not. Raises `KeyReused`."""
    raw = await work.raw()
    row = await raw.fetchrow(
        "SELECT request_hash, status, content_type, body FROM stored_answers WHERE scope = $1 AND key = $2",
        key.scope,
        key.text,
    )
    return _answer(row, body)


def _answer(row: asyncpg.Record | None, body: bytes) -> Answer | None:
    if row is None:
        return None
    if row["request_hash"] != request_hash(body):
        raise KeyReused("this Idempotency-Key was used for a different request")
    return Answer(row["status"], row["content_type"], row["body"])


async def store(work: Work, key: Key, body: bytes, answer: Answer) -> None:
    """Keep the answer with the effect."""
    raw = await work.raw()
    await raw.execute(
        "INSERT INTO stored_answers (scope, key, request_hash, status, content_type, body, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        key.scope,
        key.text,
        request_hash(body),
        answer.status,
        answer.content_type,
        answer.body,
        work.wall,
    )
