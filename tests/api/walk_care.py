"""The walk's part about care: preferences, promises, help, complaints, and the desk that answers them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.books import ON

if TYPE_CHECKING:
    from tests.api.walk import Walk


async def ask_for_help(here: Walk) -> None:
    """What a borrower may say: how to be reached, a promise taken back, a cry for help, a complaint."""
    loan = {"loan_id": here.known["loan_id"]}
    wants = {
        "channels": ["push", "sms"],
        "opted_out": ["phone"],
        "quiet_hours": {"from": "22:00", "until": "08:00"},
    }
    await here.do("PATCH /v1/preferences", wants, who="wei")
    await here.do("PATCH /v1/preferences", {"opted_out": []}, who="wei")
    await here.do("GET /v1/preferences", who="wei")
    for moment in ("after_signature", "after_first_reminder", "after_payment"):
        asked = (await here.do("POST /v1/push-prompts", {"moment": moment}, who="fang")).json()
        if asked["ask"]:
            prompt = {"prompt_id": asked["id"]}
            await here.do(
                "POST /v1/push-prompts/{prompt_id}/answer", {"answer": "denied"}, who="fang", **prompt
            )
    said = {"amount": 10_000, "on": (ON + timedelta(days=3)).isoformat()}
    made = (await here.do("POST /v1/loans/{loan_id}/promises", said, who="wei", **loan)).json()
    await here.do("GET /v1/loans/{loan_id}/promises", who="wei", **loan)
    cancel = "POST /v1/loans/{loan_id}/promises/{promise_id}/cancel"
    await here.do(cancel, {}, who="wei", promise_id=made["id"], **loan)
    help_ = {"reason": "I lost my job", "proposal": "half of it until March"}
    await here.do("POST /v1/loans/{loan_id}/hardship", help_, who="wei", **loan)
    await here.do("GET /v1/loans/{loan_id}/hardship", who="wei", **loan)
    complaint = {"text": "your agent called my neighbor", "loan": loan["loan_id"]}
    here.known["complaint_id"] = (await here.do("POST /v1/complaints", complaint, who="wei")).json()["id"]
    await here.do("GET /v1/complaints", who="wei")


async def collect(here: Walk) -> None:
    """The lead answers everything, so that nothing is left standing."""
    case = {"case_id": here.known["loan_id"].replace("loan_", "case_")}
    answer = {"text": "we spoke with the agent"}
    at = "POST /staff/v1/cases/{case_id}"
    await here.do("GET /staff/v1/worklist", who="lead")
    await here.do("GET /staff/v1/cases/{case_id}", who="lead", **case)
    called = {
        "channel": "phone",
        "result": "RPC",
        "direction": "in",
        "note": "called us",
        "number": "13800138000",
    }
    await here.do(f"{at}/contacts", called, who="lead", **case)
    await here.do("GET /staff/v1/cases/{case_id}/contacts", who="lead", **case)
    await here.do("GET /staff/v1/complaints", who="lead")
    complaint = {"complaint_id": here.known["complaint_id"]}
    await here.do("POST /staff/v1/complaints/{complaint_id}/answer", answer, who="lead", **complaint)
    agreed = {"outcome": "agreed", "text": "three months at half"}
    await here.do(f"{at}/hardship/answer", agreed, who="lead", **case)
    await here.do(f"{at}/hardship", {"reason": "said on the phone"}, who="lead", **case)
    await here.do(f"{at}/hardship/answer", {**agreed, "outcome": "refused"}, who="lead", **case)
    said = {"amount": 10_000, "on": (ON + timedelta(days=3)).isoformat()}
    made = (await here.do(f"{at}/promises", said, who="lead", **case)).json()
    cancel = "POST /v1/loans/{loan_id}/promises/{promise_id}/cancel"
    await here.do(cancel, {}, who="wei", promise_id=made["id"], loan_id=here.known["loan_id"])
    hold = {"kind": "legal", "reason": "in court", "until": (ON + timedelta(days=9)).isoformat()}
    placed = (await here.do(f"{at}/hold", hold, who="lead", **case)).json()
    await here.do(
        f"{at}/holds/{{hold_id}}/lift", {"reason": "settled"}, who="lead", hold_id=placed["id"], **case
    )
