"""Loans: the account from the signed agreement to the last payment. Balances are derived, never stored."""
