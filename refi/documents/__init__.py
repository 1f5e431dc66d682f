"""Documents: what was signed, what was paid, and that nothing is owed, as PDF in the borrower's language."""
