"""refi: credit-card refinancing and installments for lenders."""

__version__ = "0.1.0"
