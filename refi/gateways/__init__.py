"""The doors to the outside: one module per provider, the only place with an HTTP client.

A gateway implements a protocol of a pure module (`refi.payments.processor`, `refi.notifications.channels`)
and turns whatever the network does into that protocol's values. ``sandbox`` is the other side of the wire.
"""
