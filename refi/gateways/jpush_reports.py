"""What became of pushes, by JPush's Report API v3: it tells nothing by itself and has to be asked.

``GET /v3/received/detail`` counts a hundred pushes in one call: each of ours went to one device, so a count
is a yes or a no. ``*_received`` is the device's own receipt. ``*_sent`` says that the phone's maker (Apple,
Huawei, …) took the push over, whose receipt may never come: that proves nothing. A push of which nothing was
counted when its life is over never arrived; then ``POST /v3/status/message`` is asked why, device by device.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from typing import Any

import httpx
import structlog

from refi.gateways.calls import Reply, Silence, call
from refi.gateways.jpush import LIFE
from refi.notifications.channels import DEVICE_GONE, Fate, Pushed, Reported, ReportsUnavailable

AT_ONCE = 100
"""Pushes in one question: the most that JPush takes."""
OVER = timedelta(seconds=LIFE) + timedelta(minutes=10)
"""Age at which a push that was not received will not be: its life, and some time for the count."""
BEIJING = timezone(timedelta(hours=8))
NOT_RECEIVED = "not_received"
MEANINGS: Mapping[int, tuple[Fate, str | None]] = {
    0: (Fate.DELIVERED, None),
    1: (Fate.UNDELIVERED, NOT_RECEIVED),
    2: (Fate.UNDELIVERED, DEVICE_GONE),  # the registration id is none of this application's
}
"""What a status means; 3 (it was not sent to that device) and 4 (an error of theirs) tell nothing."""

log = structlog.get_logger("refi.gateways")


class JPushReports:
    """The reports of the application ``app_key`` over ``client``."""

    def __init__(self, client: httpx.AsyncClient, app_key: str, master_secret: str) -> None:
        self._client = client
        credential = base64.b64encode(f"{app_key}:{master_secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credential}", "Accept-Encoding": "identity"}

    async def fates(self, pushes: Sequence[Pushed]) -> list[Reported]:
        """What became of each push that JPush knows the end of. Raises `ReportsUnavailable`."""
        known = [push for push in pushes if push.provider_id.isascii() and push.provider_id.isdigit()]
        found = []
        for first in range(0, len(known), AT_ONCE):
            part = known[first : first + AT_ONCE]
            counts = await self._counts(part)
            for push in part:
                reported = await self._fate(push, counts.get(push.provider_id, {}))
                if reported is not None:
                    found.append(reported)
        return found

    async def _fate(self, push: Pushed, counted: Mapping[str, Any]) -> Reported | None:
        if _any(counted, "_received"):
            return Reported(push.id, Fate.DELIVERED, None, counted)
        if _any(counted, "_sent") or push.age < OVER:
            return None
        return await self._status(push)

    async def _counts(self, pushes: Sequence[Pushed]) -> dict[str, Mapping[str, Any]]:
        """The counts of each push that JPush has any of, by its id there."""
        params: dict[str, str | int] = {"msg_ids": ",".join(push.provider_id for push in pushes)}
        found = _answer(await call(self._client, "GET", "/v3/received/detail", self._headers, params=params))
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ReportsUnavailable("JPush's counts are no list of objects")
        return {str(each.get("msg_id")): each for each in found}

    async def _status(self, push: Pushed) -> Reported | None:
        """Why a push did not arrive at its device; None when that cannot be told."""
        body = {
            "msg_id": int(push.provider_id),
            "registration_ids": [push.to],
            "date": push.at.astimezone(BEIJING).date().isoformat(),
        }
        headers = {**self._headers, "Content-Type": "application/json"}
        got = await call(
            self._client, "POST", "/v3/status/message", headers, content=json.dumps(body).encode()
        )
        if isinstance(got, Reply) and got.status in (400, 403):
            # not granted to this application, or the push is too old: asking again would not help
            log.warning("push_status_refused", id=push.id, status=got.status)
            return None
        found = _answer(got)
        told = found.get(push.to) if isinstance(found, dict) else None
        status = told.get("status") if isinstance(told, dict) else None
        if type(status) is not int or status not in MEANINGS:
            return None
        fate, reason = MEANINGS[status]
        return Reported(push.id, fate, reason, {"status": status})


def _any(counted: Mapping[str, Any], ending: str) -> bool:
    """Whether one of the counts with that ending is more than nothing."""
    counts = [value for name, value in counted.items() if name.endswith(ending)]
    return any(type(value) is int and value > 0 for value in counts)


def _answer(got: Reply | Silence) -> Any:
    """The JSON of a good answer. Raises `ReportsUnavailable` for any other."""
    if isinstance(got, Silence):
        raise ReportsUnavailable(f"JPush's reports do not answer: {got.cause}")
    if got.status != 200:
        raise ReportsUnavailable(f"JPush's reports answered {got.status}", retry_after=got.retry_after)
    try:
        return json.loads(got.body)
    except (ValueError, RecursionError):
        raise ReportsUnavailable("JPush's report is unreadable") from None
