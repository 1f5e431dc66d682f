"""The rules and figures of each market as frozen values: prices, caps, thresholds, contact rules, ladders.

``load("cn")`` gives the `Policy` that the file ``cn.toml`` describes. A file that contradicts itself is
refused when the service starts, with its name, the line and the reason.
"""

from __future__ import annotations

from refi.policies.base import DayBand, Value
from refi.policies.changing import Changes, Yearly
from refi.policies.deciding import Challenger, Consent, ReasonCode, Review, Underwriting
from refi.policies.lending import (
    Allocation,
    Card,
    Component,
    Loss,
    Market,
    Method,
    Penalty,
    Price,
    PriceBand,
    Product,
    TermPrice,
)
from refi.policies.loader import Policy, PolicyError, challenger, load, overlaid, overlaid_on, parse, refusal
from refi.policies.paying import Payments
from refi.policies.reminding import Arm, Ladder, LadderVersion, Rule, Stage, When
from refi.policies.servicing import (
    Collections,
    Contact,
    CrossSell,
    Delinquency,
    GateClass,
    Messages,
    MicroLoan,
    PushOptIn,
)

__all__ = [
    "Allocation",
    "Arm",
    "Card",
    "Challenger",
    "Changes",
    "Collections",
    "Component",
    "Consent",
    "Contact",
    "CrossSell",
    "DayBand",
    "Delinquency",
    "GateClass",
    "Ladder",
    "LadderVersion",
    "Loss",
    "Market",
    "Messages",
    "Method",
    "MicroLoan",
    "Payments",
    "Penalty",
    "Policy",
    "PolicyError",
    "Price",
    "PriceBand",
    "Product",
    "PushOptIn",
    "ReasonCode",
    "Review",
    "Rule",
    "Stage",
    "TermPrice",
    "Underwriting",
    "Value",
    "When",
    "Yearly",
    "challenger",
    "load",
    "overlaid",
    "overlaid_on",
    "parse",
    "refusal",
]
