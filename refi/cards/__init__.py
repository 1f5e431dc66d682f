"""Cards and their statements: linked, proved the borrower's, imported bill by bill, read for behavior."""
