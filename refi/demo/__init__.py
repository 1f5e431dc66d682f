"""``refi demo``: a whole installation on this machine, and one borrower's life told in numbers."""
