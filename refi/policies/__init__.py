"""The rules and figures of each market as frozen values: prices, caps, thresholds, contact rules, ladders.

``load("cn")`` gives the `Policy` that the file ``cn.toml`` describes. A file that contradicts itself is
refused when the service starts, with its name, the line and the reason.
"""

from __future__ import annotations

from refi.policies.base import DayBand, Value
from refi.policies.deciding import Consent, ReasonCode, Review, Underwriting
from refi.policies.lending import (
    Allocation,
    Card,
    Component,
    Market,
    Method,
    Penalty,
    Price,
    PriceBand,
    Product,
    TermPrice,
)
from refi.policies.loader import Policy, PolicyError, load, parse
from refi.policies.servicing import (
    Collections,
    Contact,
    CrossSell,
    Delinquency,
    GateClass,
    Ladder,
    Messages,
    MicroLoan,
    Step,
)

__all__ = [
    "Allocation",
    "Card",
    "Collections",
    "Component",
    "Consent",
    "Contact",
    "CrossSell",
    "DayBand",
    "Delinquency",
    "GateClass",
    "Ladder",
    "Market",
    "Messages",
    "Method",
    "MicroLoan",
    "Penalty",
    "Policy",
    "PolicyError",
    "Price",
    "PriceBand",
    "Product",
    "ReasonCode",
    "Review",
    "Step",
    "TermPrice",
    "Underwriting",
    "Value",
    "load",
    "parse",
]
