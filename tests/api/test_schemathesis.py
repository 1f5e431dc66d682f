"""The document keeps its word: no 5xx, no undocumented answer, and nearly every operation can succeed."""

from __future__ import annotations

import random
import uuid
from datetime import date
from typing import Any

import httpx
from pydantic import ValidationError
from schemathesis import GenerationMode

from refi import settings
from refi.api.sandbox import LONGEST_JUMP, Advance
from tests.api.contract import Case, operations, sendable
from tests.api.walk import Walk, walk
from tests.books import ON
from tests.proofs import Proof
from tests.stack import Stack

LEVERS = "/sandbox/"
ADVANCE = "POST /sandbox/v1/business-date/advance"
DAYS_WORTH_CLOSING = 2


async def test_every_operation_can_succeed(stack: Stack) -> None:
    here = await walk(stack)
    every = set(operations(here.judge.document))
    missed = every - here.judge.succeeded()
    print(f"{len(every) - len(missed)} of {len(every)} operations reached a 2xx; missed: {sorted(missed)}")
    assert len(missed) <= len(every) // 10


async def test_made_up_requests_get_documented_answers(stack: Stack, proof: Proof) -> None:
    """Cases that fit the document and cases that break it, for every operation, as real people send them."""
    count = proof.size(small=2, full=150, of="cases of each kind for an operation")
    chance = proof.random()
    here = await walk(stack)
    walked = sum(here.judge.answers.values())
    broken: list[str] = []
    for label in sorted(here.judge.by_label, key=lambda label: (LEVERS in label, label)):
        for mode in GenerationMode:
            cases = here.judge.cases(label, mode, count, proof.seed)
            for case in cases:
                if not _takes_forever(case):
                    broken.extend(await _send(here, case, mode, chance))
        await _undo_levers(stack, label)
    sent = sum(here.judge.answers.values()) - walked
    refused = sum(n for (_, status), n in here.judge.answers.items() if status >= 400)
    proof.record(operations=len(here.judge.by_label), requests=sent, refused=refused)
    print(f"{sent} made-up requests, {refused} refused, to {len(here.judge.by_label)} operations")
    assert not broken, "\n\n".join(broken[:5])
    assert sent > count * len(here.judge.by_label), "of at most twice as many"


async def _send(here: Walk, case: Case, mode: GenerationMode, chance: random.Random) -> list[str]:
    """The breach that the answer is, if it is one."""
    who = "senior" if case.path.startswith("/staff/") else "wei"
    if mode is GenerationMode.POSITIVE or chance.random() < 0.5:
        fitting = {name: here.known.get(name, value) for name, value in case.path_parameters.items()}
        case.path_parameters = fitting
        case.headers["Idempotency-Key"] = str(uuid.UUID(int=chance.getrandbits(128)))
    if chance.random() < 0.9:
        case.headers["Authorization"] = f"Bearer {here.tokens[who]}"
    try:
        answer = await here.stack.client.send(sendable(case, here.stack.url))
    except httpx.HTTPError as error:
        return [f"{case.operation.label}: no answer, {error!r}\n{case.as_curl_command()}"]
    try:
        here.judge.judge(case, answer)
    except (AssertionError, BaseExceptionGroup) as breach:
        return [f"{case.operation.label} → {answer.status_code}\n{breach}\n{answer.text[:500]}"]
    return []


def _takes_forever(case: Case) -> bool:
    """Whether the case would close years of business days, one by one."""
    if case.operation.label != ADVANCE:
        return False
    try:
        wish = Advance.model_validate(_dated(case.body))
    except (ValidationError, TypeError, ValueError):
        return False
    jump = (wish.to - ON).days if wish.to else wish.days or 0
    return DAYS_WORTH_CLOSING < jump <= LONGEST_JUMP.days + 366


def _dated(body: Any) -> Any:
    if isinstance(body, dict) and isinstance(body.get("to"), str):
        return {**body, "to": date.fromisoformat(body["to"])}
    return body


async def _undo_levers(stack: Stack, label: str) -> None:
    if LEVERS not in label:
        return
    headers = {"Authorization": f"Bearer {settings.SANDBOX_PROVIDER_KEY}"}
    async with httpx.AsyncClient(base_url=stack.provider_url, headers=headers) as provider:
        assert (await provider.delete("/control/faults")).status_code == 204
        assert (await provider.post("/control/hold", json={"on": False})).status_code == 200
