"""`create_app`: every router, one error format, one OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import APIRouter, FastAPI

import refi
from refi.api import health, openapi, sandbox, worked_cases
from refi.api.middleware import Requests
from refi.applications import document_routes, income_routes, offer_routes, quote_routes, review_routes
from refi.applications import routes as applications
from refi.borrowers import routes as borrowers
from refi.cards import routes as cards
from refi.collections import case_routes, preview_routes
from refi.collections import routes as care
from refi.crosssell import routes as crosssell
from refi.documents import routes as documents
from refi.loans import act_routes
from refi.loans import routes as loans
from refi.notifications import hook_routes as message_hooks
from refi.notifications import opt_out_routes, parked_routes, preference_routes, push_opt_in_routes
from refi.notifications import routes as notifications
from refi.notifications import staff_routes as staff_messages
from refi.payments import autopay_routes, correction_routes, payout_routes, suspense_routes
from refi.payments import routes as payments
from refi.payments import staff_routes as staff_payments
from refi.runtime import ACTS, Runtime
from refi.sign_in import routes as sign_in
from refi.staff import routes as staff
from refi.underwriting import alert_routes
from refi.web import problems

ROUTERS: list[APIRouter] = [
    health.router,
    sign_in.router,
    borrowers.router,
    cards.router,
    quote_routes.router,
    applications.router,
    document_routes.router,
    offer_routes.router,
    loans.router,
    payments.router,
    autopay_routes.router,
    payout_routes.router,
    payout_routes.staff_router,
    payments.hooks,
    message_hooks.router,
    notifications.router,
    preference_routes.router,
    push_opt_in_routes.router,
    opt_out_routes.router,
    care.router,
    crosssell.router,
    staff.sign_in_router,
    staff.router,
    review_routes.router,
    income_routes.router,
    case_routes.router,
    document_routes.staff_router,
    loans.staff_router,
    act_routes.router,
    documents.router,
    documents.staff_router,
    staff_payments.router,
    correction_routes.router,
    staff_messages.router,
    suspense_routes.router,
    preview_routes.router,
    parked_routes.router,
    alert_routes.router,
]
SANDBOX_ROUTERS = (sandbox.router, worked_cases.router)
"""Never mounted in live."""

DESCRIPTION = """
Credit-card refinancing and installments: a card holder who revolves a bill applies to have it paid off; the
card issuer is paid directly; the borrower repays in installments at a lower rate.

Money is an integer of the minor unit (fen, cents). Rates are decimal strings. Every POST that changes
something takes an `Idempotency-Key`. Every error is `application/problem+json`.
"""


def create_app(runtime: Runtime) -> FastAPI:
    """The HTTP service on ``runtime``; closing the application lets go of it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await runtime.close()

    app = FastAPI(
        title="refi",
        version=refi.__version__,
        summary="Credit-card refinancing and installments for lenders",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    app.state.settings = runtime.settings
    app.state.database = runtime.database
    app.state.tokens = runtime.tokens
    app.state.processor = runtime.processor
    app.state.bureau = runtime.bureau
    app.state.acts = ACTS
    routers = ROUTERS if runtime.settings.live else [*ROUTERS, *SANDBOX_ROUTERS]
    for router in routers:
        app.include_router(router)
    problems.install(app)
    app.add_middleware(Requests)
    app.openapi = cache(lambda: openapi.document(app, routers))  # type: ignore[method-assign]
    return app
