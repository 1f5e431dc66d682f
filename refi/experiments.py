"""Stable assignment by hash: the same subject always falls into the same arm of the same experiment; and
how sure a share is that was found in a sample."""

from __future__ import annotations

import hashlib
import math

NINETY_FIVE = 1.96
"""Standard deviations of a two-sided interval of 95 %."""


def bucket(experiment: str, subject: str, buckets: int = 10_000) -> int:
    """A number in ``[0, buckets)`` that depends on the experiment's name and the subject only."""
    if buckets < 1:
        raise ValueError("buckets must be positive")
    digest = hashlib.sha256(f"{experiment}\x00{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % buckets


def interval(count: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of the share ``count / of``; ``of`` is above zero."""
    if not 0 <= count <= of or of == 0:
        raise ValueError("a part of something")
    share, z = count / of, NINETY_FIVE
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    whole = 1 + z * z / of
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)
