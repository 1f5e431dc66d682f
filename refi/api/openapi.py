"""``/openapi.json``: FastAPI's document, and what the framework cannot know.

Problems as the one error body, bearer tokens, Idempotency-Keys, the statuses that follow from what an
operation is (it reads a body, takes a key, needs a token), and what each group of operations is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from refi.web import problems
from refi.web.route import KEY_HEADER, KEY_PATTERN, LONGEST_KEY, PublicRoute

TAGS = {
    "health": "Is the process alive, is what it needs there, what does it count.",
    "sign-in": "One-time codes, rotating refresh tokens. No Idempotency-Key: tokens are never stored.",
    "care": "Promises to pay, requests for help, complaints: what stops contact until it is answered.",
    "borrower": "The borrower's own profile, consents, devices and bank accounts.",
    "cards": "Cards and their bills, in Plaid's vocabulary.",
    "quotes": "The savings comparison; indicative, without sign-in, without a credit mark.",
    "applications": "Apply, follow the decision, sign the offer.",
    "loans": "The account: balances, schedule, payoff quote, history.",
    "payments": "Repay, and follow payments.",
    "messages": "What the service sent.",
    "suggestions": "Offers of further products to those who agreed to hear of them.",
    "webhooks": "News from providers, signed after Standard Webhooks.",
    "staff": "Reviews, the second pair of eyes, the record of acts.",
    "sandbox": "Time travel, inboxes and the provider's levers; never there in live.",
}
WRITING = {"POST", "PUT", "PATCH"}
KEY_PARAMETER = {
    "name": KEY_HEADER,
    "in": "header",
    "required": True,
    "description": "New for each intent; the same key and body get the same answer again.",
    "example": "0e9d8d0e-6a53-4d6b-9a5c-0d2f0a3f6f11",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": KEY_PATTERN},
}


def document(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of ``app``, which serves ``routers``."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = problems.SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    made["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    used = set()
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, PublicRoute) and route.include_in_schema:
            used.update(route.tags)
            for method in route.methods or ():
                _describe(made["paths"][route.path_format][method.lower()], route, method)
    made["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return made


def _describe(operation: dict[str, Any], route: PublicRoute, method: str) -> None:
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path" and parameter["name"].endswith("_id"):
            kind = parameter["name"].removesuffix("_id").replace("_", " ")
            parameter.setdefault("description", f"The {kind}'s id; somebody else's is not found.")
    if route.kind is not None:
        operation["security"] = [{"bearer": []}]
    if route.keyed(method):
        parameters.append(KEY_PARAMETER)
    if not parameters:
        del operation["parameters"]
    if method == "GET":  # a router documents all its operations at once; these speak of bodies and keys
        for of_bodies in ("400", "413", "415"):
            operation["responses"].pop(of_bodies, None)
    for status, said in problems.responses(*sorted(_statuses(operation, route, method))).items():
        operation["responses"].setdefault(str(status), said)


def _statuses(operation: dict[str, Any], route: PublicRoute, method: str) -> set[int]:
    """The refusals that follow from what the operation is, whatever its endpoint does."""
    found = set()
    if route.kind is not None:
        found |= {401, 503}
    if method in WRITING:
        found |= {413, 503}
    if route.body_field is not None:
        found |= {400, 415, 422}
    if route.keyed(method):
        found |= {400, 409, 422}
    if "parameters" in operation or route.query() is not None:
        found |= {422}
    return found
