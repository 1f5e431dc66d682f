"""Payments: payoffs to card issuers out, repayments in, refunds back; every order to the provider once."""
