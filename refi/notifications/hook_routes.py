"""Where providers tell about messages: signed webhooks, and Twilio's callbacks. Stored raw, then handled."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from refi import clock
from refi.errors import Refused
from refi.notifications import news_service, twilio_wire
from refi.settings import Settings
from refi.web import problems, webhooks
from refi.web.fields import Out, storable
from refi.web.route import CurrentWork, PublicRoute
from refi.web.tokens import Unauthenticated

router = APIRouter(
    prefix="/hooks/v1/messages",
    tags=["webhooks"],
    route_class=PublicRoute,
    responses=problems.responses(401, 413, 422, 503),
)
MOST_FIELDS = 200


class Xml(Response):
    """TwiML: what Twilio expects as an answer."""

    media_type = "text/xml"


class Received(Out):
    """The news is stored and will be handled."""

    received: bool


class CallbackUnsigned(Unauthenticated):
    """No X-Twilio-Signature made with one of our auth tokens (401)."""


class FormUnreadable(Refused):
    """The callback's body is not a form that can be stored."""


@router.post("", status_code=202, openapi_extra=webhooks.DOCUMENTED)
async def message_news(request: Request, work: CurrentWork) -> Received:
    """Signed news about messages: receipts, bounces, and what people write back. One effect per event id."""
    settings: Settings = request.app.state.settings
    raw = await request.body()
    news_id = webhooks.verify(request.headers, raw, settings.receipt_secrets, clock.utc_now())
    await news_service.store(work, news_id, "signed", raw.decode())
    return Received(received=True)


@router.post(
    "/twilio",
    response_class=Xml,
    openapi_extra={
        "parameters": [
            {
                "name": "x-twilio-signature",
                "in": "header",
                "required": True,
                "description": "HMAC-SHA1 of the URL and the form under the account's auth token, in base64.",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
        },
    },
)
async def twilio_callback(request: Request, work: CurrentWork) -> Xml:
    """Twilio's status callbacks (``?message=`` names ours) and incoming SMS. Answered with no instruction."""
    settings: Settings = request.app.state.settings
    form = _form(await request.body())
    query = request.scope["query_string"].decode("latin-1")
    url = f"{settings.public_url.rstrip('/')}{request.scope['path']}{'?' if query else ''}{query}"
    tokens = [token.get_secret_value() for token in settings.twilio_auth_tokens]
    given = request.headers.get("x-twilio-signature", "")
    if not twilio_wire.is_signed(tokens, url, form, given):
        raise CallbackUnsigned("no X-Twilio-Signature fits this callback")
    kept = {"message": dict(parse_qsl(query)).get("message"), "form": form}
    await news_service.store(work, twilio_wire.event_id(form), "twilio", json.dumps(kept))
    return Xml("<Response/>")


def _form(raw: bytes) -> list[tuple[str, str]]:
    """The fields of a form, empty ones too: Twilio signs them all."""
    try:
        return [
            (storable(name), storable(value))
            for name, value in parse_qsl(
                raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
            )
        ]
    except ValueError as error:
        raise FormUnreadable("the body is not a form of storable text") from error
