"""Borrowers to begin with: from rows of a real card-holder data set, or made up from its aggregate figures.

`service.seed` turns card holders into borrowers with a payable card, a verified account and six bills;
`segments` reads their habits. Names, ids, phones and numbers are made up and marked so. Never in live.
"""
