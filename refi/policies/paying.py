"""The section of a policy about money on its way: what staff may do with money that fits nowhere."""

from __future__ import annotations

from refi.policies.base import Amount, Value


class Payments(Value):
    """Money on its way; amounts in minor units."""

    suspense_alone_up_to: Amount
    """One person may match or send back money that fits nowhere up to this amount; above it two do."""
