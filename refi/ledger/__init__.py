"""The ledger: immutable movements that carry their split; transfers between accounts are read from them."""
