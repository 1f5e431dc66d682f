"""Stable assignment by hash: the same subject always falls into the same arm of the same experiment."""

from __future__ import annotations

import hashlib


def bucket(experiment: str, subject: str, buckets: int = 10_000) -> int:
    """A number in ``[0, buckets)`` that depends on the experiment's name and the subject only."""
    if buckets < 1:
        raise ValueError("buckets must be positive")
    digest = hashlib.sha256(f"{experiment}\x00{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % buckets
