"""A walk that does everything the API documents once, well: the prepared objects of the other tests.

Three borrowers who signed in by one-time code, staff who signed in by password, the sandbox provider behind
its socket. Each step is judged against the document as it goes by.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from refi import clock, ids
from refi.api import worked_cases
from refi.crosssell.states import SuggestionStatus
from refi.crosssell.tables import Suggestion
from refi.db.work import SYSTEM, Database
from refi.demo.walker import eventually
from refi.staff import service as staff
from refi.staff.roles import Role
from refi.underwriting import alert_service
from refi.underwriting.monitoring import Alert
from tests.api.contract import Judge
from tests.api.walk_care import ask_for_help, collect
from tests.api.walk_money import hear_of_messages, live_with_it, mend
from tests.books import ON
from tests.given import national_id
from tests.slices.news import body_of, headers_of
from tests.stack import Stack

PASSWORD = "correct horse battery staple"
PDF = base64.b64encode(b"%PDF-1.7 a payslip").decode()


@dataclass(frozen=True)
class Done:
    """A request that succeeded, to be spoiled by other tests."""

    body: Any
    headers: dict[str, str]
    path: dict[str, str]
    query: dict[str, str]

    @property
    def previews(self) -> bool:
        """Whether it asked only what would be, which takes no key."""
        return isinstance(self.body, dict) and self.body.get("preview") is True


@dataclass
class Walk:
    """What has been made so far: tokens by person, ids by path parameter."""

    stack: Stack
    judge: Judge
    tokens: dict[str, str] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)
    borrowers: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    done: dict[str, Done] = field(default_factory=dict)

    async def do(
        self,
        operation: str,
        body: Any = None,
        *,
        who: str | None = None,
        query: Any = None,
        headers: Any = None,
        **path: str,
    ) -> httpx.Response:
        """One request, judged; it must succeed."""
        described = self.judge.by_label[operation]
        sent = dict(headers or {})
        if who is not None:
            sent["Authorization"] = f"Bearer {self.tokens[who]}"
        if any(each.name == "Idempotency-Key" for each in described.headers):
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        method, template = operation.split(" ")
        content = body if isinstance(body, bytes) else None
        answer = await self.stack.client.request(
            method,
            template.format(**path),
            params=query,
            headers=sent,
            content=content,
            json=None if content else body,
        )
        # a body that is no documented JSON (a signed webhook) is left out of the case
        case = described.Case(path_parameters=path, query=query or {}, headers=sent)
        self.judge.judge(case, answer)
        assert answer.is_success, f"{operation} → {answer.status_code} {answer.text}"
        self.done[operation] = Done(body, sent, path, query or {})
        return answer

    async def get(self, operation: str, **more: Any) -> Any:
        """The JSON of a successful answer."""
        return (await self.do(operation, **more)).json()


async def walk(stack: Stack) -> Walk:
    """Everything once, in an order in which it works."""
    answer = await stack.client.get("/openapi.json")
    here = Walk(stack, Judge(answer.json()))
    await _watch(here)
    for number, who in enumerate(("wei", "fang", "min", "lei"), start=1):
        await _sign_in(here, who, f"+86138002{number:05d}")
    await _introduce(here)
    await _link(here)
    await _apply(here)
    await _sign(here)
    await _service(here)
    await live_with_it(here)
    await _staff(here)
    await ask_for_help(here)
    await collect(here)
    await _be_warned(here)
    await _correct(here)
    await _review(here)
    await _second(here)
    await _suggest(here)
    await _hear(here)
    await hear_of_messages(here)
    await mend(here)
    await _pull_levers(here)
    return here


async def _watch(here: Walk) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        await here.do(f"GET {path}")


async def _sign_in(here: Walk, who: str, phone: str) -> None:
    await here.do("POST /v1/auth/otp", {"phone": phone})

    async def code() -> str | None:
        inbox = await here.get("GET /sandbox/v1/messages", query={"to": phone})
        found = [re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", each["text"]) for each in inbox["data"]]
        return next((each.group() for each in found if each), None)

    entered = {"phone": phone, "code": await eventually("a code", code)}
    made = (await here.do("POST /v1/auth/token", entered)).json()
    made = (await here.do("POST /v1/auth/refresh", {"refresh_token": made["refresh_token"]})).json()
    here.tokens[who], here.refresh[who] = made["access_token"], made["refresh_token"]
    here.borrowers[who] = made["borrower"]


async def _introduce(here: Walk) -> None:
    incomes = {"wei": 2_000_000, "fang": None, "min": None, "lei": 0}
    for number, (who, income) in enumerate(incomes.items(), start=1):
        profile: dict[str, Any] = {"name": "张伟", "national_id": national_id(number), "locale": "en"}
        if income is not None:
            profile["monthly_income"] = income
        await here.do("PATCH /v1/me", profile, who=who)
        for purpose in ("bureau_query", "statement_read", "contact", "marketing"):
            await here.do("POST /v1/consents", {"purpose": purpose, "text_version": "2026-11"}, who=who)
    await here.do("DELETE /v1/consents/{purpose}", who="wei", purpose="contact")
    await here.do("GET /v1/me", who="wei")
    await here.do("POST /v1/devices", {"platform": "android", "token": "device-token-1"}, who="wei")


async def _link(here: Walk) -> None:
    for who in ("wei", "fang", "min", "lei"):
        card = {"issuer": "CMB", "number": "6225880137706868", "credit_limit": 5_000_000, "apr": "0.1825"}
        linked = (await here.do("POST /v1/cards", card, who=who)).json()
        bank = {"bank": "ICBC", "number": "6222021234567890128"}
        account = (await here.do("POST /v1/bank-accounts", bank, who=who)).json()
        here.known[f"{who}'s card"], here.known[f"{who}'s account"] = linked["id"], account["id"]
    here.known["card_id"] = here.known["wei's card"]
    for operation in ("GET /v1/bank-accounts", "GET /v1/cards"):
        await here.do(operation, who="wei")
    await here.do("GET /v1/cards/{card_id}", who="wei", card_id=here.known["card_id"])


async def _bill(here: Walk, who: str, balance: int, dated: date) -> str:
    bill = {
        "statement_date": dated.isoformat(),
        "due_date": (dated + timedelta(days=20)).isoformat(),
        "statement_balance": balance,
        "minimum_payment": balance // 10,
        "payments_since_last": 150_000,
        "aprs": [{"type": "purchase_apr", "apr": "0.1825", "balance_subject_to_apr": balance}],
    }
    path = {"card_id": here.known[f"{who}'s card"]}
    made = await here.do("POST /v1/cards/{card_id}/statements", bill, who=who, **path)
    again = await here.do("POST /v1/cards/{card_id}/statements", bill, who=who, **path)
    assert (made.status_code, again.status_code) == (201, 200)
    return str(made.json()["id"])


async def _application(here: Walk, who: str, balance: int = 1_200_000, term: int = 6) -> Any:
    statement = await _bill(here, who, balance, ON - timedelta(days=10))
    here.known[f"{who}'s statement"] = statement
    return (await here.do("POST /v1/applications", {"statement": statement, "term": term}, who=who)).json()


async def _apply(here: Walk) -> None:
    made = await _application(here, "wei")
    assert made["status"] == "approved"
    here.known |= {"application_id": made["id"], "offer_id": made["offers"][0]["id"]}
    here.known["hash"] = made["offers"][0]["agreement_hash"]
    await here.do("GET /v1/cards/{card_id}/statements", who="wei", card_id=here.known["card_id"])
    await here.do("POST /v1/quotes", {"balance": 1_200_000, "card_apr": "0.1825", "terms": [3, 6, 12]})
    await here.do("POST /v1/quotes", {"statement": here.known["wei's statement"]}, who="wei")
    await here.do("GET /v1/applications", who="wei")
    await here.do("GET /v1/applications/{application_id}", who="wei", application_id=made["id"])


async def _sign(here: Walk) -> None:
    offer = {"offer_id": here.known["offer_id"]}
    await here.do("GET /v1/offers/{offer_id}", who="wei", **offer)
    await here.do("GET /v1/offers/{offer_id}/schedule", who="wei", **offer)
    signature = {"agreement_hash": here.known["hash"]}
    signed = (await here.do("POST /v1/offers/{offer_id}/accept", signature, who="wei", **offer)).json()
    here.known["loan_id"] = signed["id"]

    async def active() -> bool | None:
        loan = await here.get("GET /v1/loans/{loan_id}", who="wei", loan_id=signed["id"])
        return True if loan["status"] == "active" else None

    await eventually("an active loan", active)


async def _service(here: Walk) -> None:
    loan = {"loan_id": here.known["loan_id"]}
    await here.do("GET /v1/loans", who="wei")
    for part in ("schedule", "payoff-quote", "transactions"):
        await here.do(f"GET /v1/loans/{{loan_id}}/{part}", who="wei", **loan)
    await here.do("GET /v1/loans/{loan_id}/payoff-quote", who="wei", query={"on": "2026-12-01"}, **loan)
    here.known["payment_id"] = await _payment(here, "bank_debit")
    await here.do("GET /v1/loans/{loan_id}/payments", who="wei", **loan)
    await here.do("GET /v1/messages", who="wei")


async def _payment(here: Walk, source: str) -> str:
    body = {"amount": 10_000, "source": {"type": source}, "mode": "due"}
    made = await here.do("POST /v1/loans/{loan_id}/payments", body, who="wei", loan_id=here.known["loan_id"])
    payment_id = str(made.json()["id"])
    await here.do("GET /v1/payments/{payment_id}", who="wei", payment_id=payment_id)
    return payment_id


async def _staff(here: Walk) -> None:
    people = {
        "lead": [Role.COLLECTIONS_LEAD],
        "operator": [Role.OPERATOR],
        "junior": [Role.REVIEWER],
        "senior": [Role.SENIOR_REVIEWER, Role.AUDITOR],
    }
    for name, roles in people.items():
        async with here.stack.runtime.database.work(SYSTEM) as work:
            await staff.hire(work, f"walk.{name}", PASSWORD, roles)
        entered = {"username": f"walk.{name}", "password": PASSWORD}
        made = (await here.do("POST /staff/v1/auth/token", entered)).json()
        here.tokens[name] = made["access_token"]


async def _be_warned(here: Walk) -> None:
    """Something moved: the operator looks, and says so."""
    async with here.stack.runtime.database.work(SYSTEM) as work:
        found = [Alert(name, {"share": 0.07, "n": 312}) for name in ("first_payment_default", "reason_mix")]
        seen, other = (row.id for row in await alert_service.settle(work, ON, found, 3))
    await here.do("GET /staff/v1/alerts", who="operator")
    await here.do("GET /staff/v1/alerts/{alert_id}", who="operator", alert_id=seen)
    said = {"note": "a campaign began on Monday"}
    await here.do("POST /staff/v1/alerts/{alert_id}/acknowledge", said, who="operator", alert_id=seen)
    here.known["alert_id"] = other


async def _correct(here: Walk) -> None:
    """Staff look at a loan, ask what acts would do, do some and take one back; a payment leaves the loan."""
    loan = {"loan_id": here.known["loan_id"]}
    for part in ("", "/schedule", "/transactions", "/payments"):
        shown = await here.do(f"GET /staff/v1/loans/{{loan_id}}{part}", who="lead", **loan)
    payment = {"payment_id": await _payment(here, "bank_debit")}

    async def posted() -> bool | None:
        found = await here.get("GET /staff/v1/payments/{payment_id}", who="lead", **payment)
        return True if found["status"] == "posted" else None

    await eventually("a posted payment", posted)
    why = {"reason": "agreed on the phone"}
    await here.do("POST /staff/v1/payments/{payment_id}/reverse", why, who="lead", **payment)
    acts = {
        "modifications": {"type": "defer", "months": 1},
        "waive": {"amount": 100, "component": "interest"},
    }
    for path, said in acts.items():
        shown = await here.do("GET /staff/v1/loans/{loan_id}", who="lead", **loan)
        seen = {"If-Match": shown.headers["ETag"]}
        operation = f"POST /staff/v1/loans/{{loan_id}}/{path}"
        done = await here.do(operation, {**said, **why}, who="lead", headers=seen, **loan)
    seen = {"If-Match": done.headers["ETag"]}
    here.known["act_id"] = str(done.json()["act"]["id"])
    await here.do("POST /staff/v1/loans/{loan_id}/charge-off", why, who="lead", headers=seen, **loan)
    act = {"act_id": here.known["act_id"], **loan}
    await here.do(
        "POST /staff/v1/loans/{loan_id}/acts/{act_id}/reverse", {**why, "preview": True}, who="lead", **act
    )


async def _review(here: Walk) -> None:
    """A question goes to the borrower and back; then the reviewer approves."""
    made = await _application(here, "fang")
    assert made["status"] == "referred"
    application = {"application_id": made["id"]}
    await here.do("GET /staff/v1/reviews", who="senior")
    claimed = await here.do("POST /staff/v1/reviews/next", who="junior")
    review = {"review_id": str(claimed.json()["id"])}
    decide = "POST /staff/v1/reviews/{review_id}/decide"
    question = {"outcome": "request_info", "note": "a payslip, please"}
    seen = {"If-Match": claimed.headers["ETag"]}
    await here.do(decide, question, who="junior", headers=seen, **review)
    sent = {"kind": "payslip", "name": "payslip.pdf", "content_type": "application/pdf", "content": PDF}
    document = (
        await here.do("POST /v1/applications/{application_id}/documents", sent, who="fang", **application)
    ).json()
    await here.do("GET /v1/applications/{application_id}/documents", who="fang", **application)
    reply = {"message": "sent", "monthly_income": 850_000}
    await here.do("POST /v1/applications/{application_id}/respond", reply, who="fang", **application)
    looked = await here.do("GET /staff/v1/reviews/{review_id}", who="junior", **review)
    view = "GET /staff/v1/reviews/{review_id}/documents/{document_id}"
    await here.do(view, who="junior", document_id=document["id"], **review)
    seen = {"If-Match": looked.headers["ETag"]}
    verify = "POST /staff/v1/reviews/{review_id}/verify-income"
    income = {"monthly_income": 850_000, "as_of": "2026-10-31", "documents": [document["id"]]}
    verified = await here.do(verify, income, who="junior", headers=seen, **review)
    seen = {"If-Match": verified.headers["ETag"]}
    await here.do(decide, {"outcome": "approve"}, who="junior", headers=seen, **review)
    here.known |= {"review_id": review["review_id"], "document_id": document["id"]}
    here.known["fang's application"] = made["id"]


async def _second(here: Walk) -> None:
    """Above the reviewer's limit: the second person refuses once, then agrees. A declined one is left."""
    made = await _application(here, "min", balance=2_500_000, term=12)
    queue = (await here.get("GET /staff/v1/reviews", who="senior"))["data"]
    review = {"review_id": next(each["id"] for each in queue if each["application"] == made["id"])}
    for answer in ("reject", "approve"):
        seen = await here.do("GET /staff/v1/reviews/{review_id}", who="junior", **review)
        verdict = {"outcome": "approve", "note": "income confirmed"}
        proposed = await here.do(
            "POST /staff/v1/reviews/{review_id}/decide",
            verdict,
            who="junior",
            headers={"If-Match": seen.headers["ETag"]},
            **review,
        )
        approval = {"approval_id": str(proposed.json()["approval"])}
        await here.do("GET /staff/v1/approvals", who="senior")
        await here.do("GET /staff/v1/approvals/{approval_id}", who="senior", **approval)
        path = f"POST /staff/v1/approvals/{{approval_id}}/{answer}"
        await here.do(path, {"note": "payslip seen"}, who="senior", **approval)
        here.known |= approval
    await here.do("GET /staff/v1/audit", who="senior")
    declined = await _application(here, "lei")
    assert declined["status"] == "declined"
    application = {"application_id": declined["id"]}
    ask = "POST /v1/applications/{application_id}/request-review"
    await here.do(ask, {"reason": "I have a new job"}, who="lei", **application)
    await here.do("POST /v1/applications/{application_id}/withdraw", who="lei", **application)


async def a_suggestion(database: Database, borrower_id: str, loan_id: str) -> str:
    """A micro-loan suggested to that borrower, as three installments on time would earn it."""
    row = Suggestion(
        id=ids.new("sug"),
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="micro_loan",
        amount=300_000,
        currency="CNY",
        term=6,
        apr="0.120000",
        installment_amount=51_765,
        reason="on_time_installments",
        status=SuggestionStatus.OPEN,
        suggested_on=ON,
        expires_on=ON + timedelta(days=30),
        policy_version="by hand",
        created_at=clock.utc_now(),
    )
    async with database.work(SYSTEM) as work:
        work.session.add(row)
    return row.id


async def _suggest(here: Walk) -> None:
    """Fang signs while the provider holds its orders; both borrowers are suggested a micro-loan."""
    await here.do("POST /sandbox/v1/hold", {"on": True})
    application = await here.get(
        "GET /v1/applications/{application_id}", who="fang", application_id=here.known["fang's application"]
    )
    offer = application["offers"][0]
    body = {"agreement_hash": offer["agreement_hash"]}
    signed = await here.do("POST /v1/offers/{offer_id}/accept", body, who="fang", offer_id=offer["id"])
    here.known["held loan"] = signed.json()["id"]
    database = here.stack.runtime.database
    dismissed = await a_suggestion(database, here.borrowers["fang"], here.known["held loan"])
    await here.do("POST /v1/suggestions/{suggestion_id}/dismiss", who="fang", suggestion_id=dismissed)
    accepted = await a_suggestion(database, here.borrowers["wei"], here.known["loan_id"])
    await here.do("GET /v1/suggestions", who="wei")
    await here.do("POST /v1/suggestions/{suggestion_id}/accept", {}, who="wei", suggestion_id=accepted)
    here.known["suggestion_id"] = accepted


async def _hear(here: Walk) -> None:
    """News by webhook about nobody's payment: it is kept, and parked."""
    said = body_of(type="transfer.received", reference="nobody's", amount=12_345)
    content = json.dumps(said)
    await here.do("POST /hooks/v1/payments", content.encode(), headers=headers_of(said["id"], content))


async def _pull_levers(here: Walk) -> None:
    await here.do("GET /sandbox/v1/business-date")
    await here.do("POST /sandbox/v1/contracts", worked_cases.EXAMPLE)
    held = await _payment(here, "bank_debit")
    act = "POST /sandbox/v1/payments/{payment_id}/{act}"
    await here.do(act, payment_id=held, act="post")
    await here.do(act, payment_id=await _payment(here, "transfer"), act="post")
    act = "POST /sandbox/v1/payouts/{payout_id}/{act}"
    await here.do(act, payout_id=here.known["held loan"], act="deliver")
    [payout] = await _rows(here, "SELECT id FROM payouts WHERE loan_id = :loan", loan=here.known["held loan"])
    here.known["payout_id"] = payout.id
    await here.do("POST /sandbox/v1/hold", {"on": False})
    await here.do("POST /sandbox/v1/transfers", {"amount": 4_321, "reference": "no such loan"})
    await here.do("POST /sandbox/v1/faults", {"operation": "cash_book", "mode": "error", "calls": 1})
    await here.do("POST /sandbox/v1/business-date/advance", {"days": 1})


async def _rows(here: Walk, query: str, **values: Any) -> list[Any]:
    async with here.stack.runtime.database.engine.begin() as connection:
        return list(await connection.execute(text(query), values))
