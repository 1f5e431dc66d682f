"""Structured logs: one JSON object a line, with the request's id, and nothing sensitive in it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET_KEYS = re.compile(
    r"authorization|token|secret|password|otp|code|national_id|phone|number|name_sealed", re.IGNORECASE
)
PLAIN_KEYS = {"status_code", "code", "display_code"}
"""Names that only look secret: a problem's code, an HTTP status. A ``code`` of digits is a one-time code."""
SECRETS_IN_TEXT = re.compile(
    r"(?i:bearer)\s+\S+"  # an Authorization header
    r"|eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*"  # a JWT
    r"|whsec_[0-9A-Za-z+/=]+"  # a webhook secret
    r"|gAAAAA[0-9A-Za-z_=-]{20,}"  # a sealed value: nobody needs it in a log
    r"|(?<![0-9A-Za-z_])\+?[0-9]{8,19}[0-9Xx]?(?![0-9A-Za-z_])"  # a phone, card, account or id number
    r"|(?<![0-9A-Za-z_])\+?[0-9](?:[ -]?[0-9]){10,18}[Xx]?(?![0-9A-Za-z_])"  # the same, written in groups
)
DEEPEST = 6
LONGEST_PLAIN_INTEGER = 10
"""Digits; a longer integer may be a phone or a card number."""


def mask_secrets(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Star out values under secret keys, and anything that looks like a token or a number of a person."""
    for key, value in entry.items():
        if not key.startswith("_"):  # structlog's own
            entry[key] = _masked(key, value, DEEPEST)
    return entry


def _masked(key: str, value: Any, depth: int) -> Any:
    word = isinstance(value, str) and not value.isdigit()
    if SECRET_KEYS.search(key) and (key not in PLAIN_KEYS or (key == "code" and not word)):
        return "***"
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {str(name): _masked(str(name), inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_masked("", inner, depth - 1) for inner in value]
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if len(str(abs(value))) <= LONGEST_PLAIN_INTEGER else "***"
    return SECRETS_IN_TEXT.sub("***", str(value))


def configure(log_format: str, level: str) -> None:
    """Set up structlog for this process; standard-library loggers pass through the same processors."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    render: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "pgqueuer", "apscheduler", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
