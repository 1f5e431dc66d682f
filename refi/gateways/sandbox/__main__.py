"""Run the sandbox provider: ``python -m refi.gateways.sandbox --port 8701 --data provider.db …``.

Prints ``ready http://HOST:PORT`` once it answers; SIGINT and SIGTERM stop it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

import uvicorn

from refi.gateways.sandbox.app import create_provider


class Announcing(uvicorn.Server):
    """A server that says where it answers, as soon as it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the ready line."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            sys.stdout.write(f"ready http://{host}:{port}\n")
            sys.stdout.flush()


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line. Secrets may come from the environment, where ``ps`` does not show them."""
    parser = argparse.ArgumentParser(prog="python -m refi.gateways.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8701, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="the provider's own SQLite file")
    parser.add_argument("--webhook-url", required=True)
    parser.add_argument("--message-webhook-url", help="where receipts of messages are told; nowhere without")
    parser.add_argument(
        "--webhook-secret", action="append", help="whsec_…; twice while rotating; or PROVIDER_WEBHOOK_SECRET"
    )
    parser.add_argument("--api-key", default=os.environ.get("PROVIDER_API_KEY"), help="or PROVIDER_API_KEY")
    parser.add_argument("--answer-delay", type=float, default=0.2, help="seconds until an order answers")
    parser.add_argument("--retry-first", type=float, default=0.25, help="seconds before news is retried")
    parser.add_argument("--retry-longest", type=float, default=5.0, help="longest seconds between retries")
    chosen = parser.parse_args(given)
    chosen.webhook_secret = chosen.webhook_secret or os.environ.get("PROVIDER_WEBHOOK_SECRET", "").split()
    if not chosen.webhook_secret or not chosen.api_key:
        parser.error("give --webhook-secret and --api-key (or the environment variables)")
    return chosen


async def serve(chosen: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    app = create_provider(
        data=chosen.data,
        webhook_url=chosen.webhook_url,
        webhook_secrets=chosen.webhook_secret,
        api_key=chosen.api_key,
        answer_delay=chosen.answer_delay,
        retry_first=chosen.retry_first,
        retry_longest=chosen.retry_longest,
        message_webhook_url=chosen.message_webhook_url,
    )
    config = uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    await Announcing(config).serve()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    asyncio.run(serve(arguments()))
