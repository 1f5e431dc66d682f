"""Borrowers: who they are, how they sign in, what they consented to, where their money is."""
