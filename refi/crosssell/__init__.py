"""Cross-sell: who may be offered what next, and the suggestions made."""
