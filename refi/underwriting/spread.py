"""How facts are spread over the people that a scorecard was trained on, to hold later ones against. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from refi.underwriting.characteristics import Floats, Histories, values

TENTHS = 10


def of_facts(of: Histories) -> dict[str, dict[str, Any]]:
    """The spread of what a decision knows as a fact and the training rows tell too, by the fact's name."""
    shares = values(of, ["utilization", "paid_share", "revolving_streak"])
    told = {"credit_limit": of.limits, "statement_balance": of.bills[:, 0], **shares}
    return {name: _spread(value) for name, value in told.items()}


def _spread(value: Floats) -> dict[str, Any]:
    """Edges of tenths, with six decimals, and the people in each, those who do not tell last."""
    known = np.round(value[~np.isnan(value)], 6)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, TENTHS + 1)[1:-1], method="lower"))
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    texts = [f"{edge:.6f}".rstrip("0").rstrip(".") for edge in edges]
    return {"edges": texts, "counts": [*(int(count) for count in counts), int(np.isnan(value).sum())]}
