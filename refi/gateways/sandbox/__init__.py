"""A make-believe payment provider and message channel: another company, on the other side of HTTP.

It speaks the wire contract of docs/reference/payment-provider.md, keeps its own SQLite file with an
append-only cash book, and tells its news by signed Standard Webhooks. It knows nothing of the service's
database. What it does with an order depends on the number ordered to (`magic`) and on ``/control``.

    python -m refi.gateways.sandbox --port 8701 --data provider.db \\
        --webhook-url http://127.0.0.1:8700/hooks/v1/payments --webhook-secret whsec_… --api-key …
"""

from refi.gateways.sandbox.app import create_provider

__all__ = ["create_provider"]
