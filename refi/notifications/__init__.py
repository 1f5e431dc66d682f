"""Notifications: what is said to borrowers. Plan once, ask the rules, send once, record everything."""
