"""The app asks whether to ask for push now, and tells what the borrower answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from refi.ids import BorrowerId
from refi.notifications import push_opt_in_service as prompts
from refi.notifications.push_opt_in import Answer, Reason
from refi.policies.servicing import Moment
from refi.web import problems
from refi.web.fields import Body, BusinessDate, Out, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1/push-prompts",
    tags=["messages"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)


class PromptIn(Body):
    """What has just happened in the app."""

    moment: Moment


class PromptOut(Out):
    """Whether to ask now. With ``ask``, show the system's question and send the answer to ``id``."""

    ask: bool
    id: str | None
    reason: Reason | None
    moment: str


class PromptAnswerIn(Body):
    """What the borrower answered; after a yes, register the push target too."""

    answer: Annotated[Answer, Field(strict=False, description="granted, denied or dismissed")]


class AskedOut(Out):
    """A question and its answer."""

    id: str
    moment: str
    asked_on: BusinessDate
    answer: Answer | None


@router.post("", status_code=201)
async def ask(body: PromptIn, work: CurrentWork, actor: CurrentActor) -> PromptOut:
    """Ask for push now? Each borrower is asked at one moment only, and a no is respected for weeks."""
    found = await prompts.ask(work, BorrowerId(actor.id), body.moment)
    if isinstance(found, Reason):
        return PromptOut(ask=False, id=None, reason=found, moment=body.moment)
    return PromptOut(ask=True, id=found.id, reason=None, moment=found.moment)


@router.post("/{prompt_id}/answer")
async def answer(prompt_id: str, body: PromptAnswerIn, work: CurrentWork, actor: CurrentActor) -> AskedOut:
    """What the borrower answered."""
    row = await prompts.answer(work, BorrowerId(actor.id), known_id(prompt_id, "push"), body.answer)
    return AskedOut.model_validate(row)
