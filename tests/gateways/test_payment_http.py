"""Every answer a provider can give, and what the service makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given as holds_for
from hypothesis import settings
from hypothesis import strategies as st

from refi.borrowers.proof import AccountProof, ProofRefused
from refi.cards.proof import CardProof
from refi.gateways.line import Patience
from refi.gateways.payment_http import PaymentHttp
from refi.payments.processor import (
    Accepted,
    CashEntry,
    CashPage,
    EntryKind,
    NotSent,
    Operation,
    OrderAnswer,
    Outcome,
    PaymentProcessor,
    ProviderUnavailable,
    Refused,
    Status,
    Unknown,
)
from tests.gateways.given import scripted

ON = date(2026, 11, 22)
ONCE = Patience(attempts=1)
Order = Callable[[PaymentProcessor], Awaitable[OrderAnswer]]


def taken(**changed: Any) -> dict[str, Any]:
    return {
        "id": "po_1", "key": "pout_1", "operation": "payout", "status": "accepted", "amount": 1_200_000,
        "currency": "CNY", "on": "2026-11-22", "effective_on": None, "reason": None, "later_field": [1.5],
    } | changed  # fmt: skip


async def payout(provider: PaymentProcessor) -> OrderAnswer:
    return await provider.send_payout("pout_1", amount=1_200_000, currency="CNY", card_token="tok_1", on=ON)


async def paid(response: httpx.Response | Exception, patience: Patience = ONCE) -> OrderAnswer:
    async with scripted(patience) as given:
        given.router.post("/v1/payouts").mock(side_effect=[response] * 9)
        return await payout(PaymentHttp(given.line))


ORDERS: list[tuple[Order, str, str, dict[str, Any]]] = [
    (payout, "payout", "/v1/payouts", {"destination": {"type": "card", "token": "tok_1"}}),
    (
        lambda provider: provider.send_disbursement_to_account(
            "pout_1", amount=1_200_000, currency="CNY", account_token="tok_2", on=ON
        ),
        "payout",
        "/v1/payouts",
        {"destination": {"type": "account", "token": "tok_2"}},
    ),
    (
        lambda provider: provider.start_debit(
            "pout_1", amount=1_200_000, currency="CNY", account_token="tok_2", on=ON
        ),
        "debit",
        "/v1/debits",
        {"account_token": "tok_2"},
    ),
    (
        lambda provider: provider.refund("pout_1", amount=1_200_000, currency="CNY", of="tr_1", on=ON),
        "refund",
        "/v1/refunds",
        {"of": "tr_1"},
    ),
]


@pytest.mark.parametrize(("order", "operation", "path", "more"), ORDERS)
async def test_an_order_as_it_goes_over_the_wire(
    order: Order, operation: str, path: str, more: dict[str, Any]
) -> None:
    async with scripted(ONCE) as given:
        route = given.router.post(path).mock(
            return_value=httpx.Response(202, json=taken(operation=operation))
        )
        assert await order(PaymentHttp(given.line)) == Accepted("po_1", Status.ACCEPTED)
    request = route.calls.last.request
    assert request.headers["idempotency-key"] == "pout_1"
    body = httpx.Response(200, content=request.content).json()
    assert body == {"amount": 1_200_000, "currency": "CNY", "on": "2026-11-22"} | more


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("state", ["accepted", "delivered", "failed", "returned"])
async def test_taken_in(status: int, state: str) -> None:
    assert await paid(httpx.Response(status, json=taken(status=state))) == Accepted("po_1", Status(state))


@pytest.mark.parametrize("status", [400, 402, 422])
async def test_refused_with_its_code(status: int) -> None:
    problem = {"status": status, "code": "card_restricted", "detail": "the issuer says no"}
    got = await paid(httpx.Response(status, json=problem))
    assert got == Refused("card_restricted", "the issuer says no")
    assert await paid(httpx.Response(status, json={"code": "x"})) == Refused("x", "")


@pytest.mark.parametrize("status", [400, 402, 422])
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"detail":"no"}', b'{"code":7}', b"[]"])
async def test_a_refusal_without_a_code_is_not_believed(status: int, body: bytes) -> None:
    assert await paid(httpx.Response(status, content=body)) == Unknown("unreadable_answer")


@pytest.mark.parametrize("status", [401, 403, 404, 405, 413, 415, 429])
async def test_turned_away_is_not_sent(status: int) -> None:
    """A wrong credential or address fails nobody's payout."""
    assert await paid(httpx.Response(status, json={"code": "whatever"})) == NotSent(f"http_{status}")


async def test_rate_limited_says_when() -> None:
    assert await paid(httpx.Response(429, headers={"Retry-After": "60"})) == NotSent("http_429", 60.0)


async def test_rate_limited_shortly_is_waited_out() -> None:
    later = httpx.Response(429, headers={"Retry-After": "1"})
    async with scripted() as given:
        given.router.post("/v1/payouts").mock(side_effect=[later, httpx.Response(202, json=taken())])
        assert await payout(PaymentHttp(given.line)) == Accepted("po_1", Status.ACCEPTED)
    assert given.waits == [1.1]


async def test_a_duplicate_with_another_body_is_unknown() -> None:
    """Something stands under our key: whatever it is, it must be looked at before anything is sent."""
    assert await paid(httpx.Response(409, json={"code": "idempotency_key_reused"})) == Unknown("http_409")


@pytest.mark.parametrize("status", [204, 206, 301, 302, 307, 408, 410, 418, 500, 501, 502, 503, 504, 599])
async def test_anything_else_is_unknown(status: int) -> None:
    assert await paid(httpx.Response(status, text="<html>Bad Gateway</html>")) == Unknown(f"http_{status}")
    assert await paid(httpx.Response(status, json=taken())) == Unknown(f"http_{status}")


async def test_a_server_error_even_with_a_code_is_unknown() -> None:
    assert await paid(httpx.Response(500, json={"code": "card_restricted"})) == Unknown("http_500")


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ConnectTimeout("slow")])
async def test_a_timeout_before_sending_is_not_sent(error: Exception) -> None:
    assert await paid(error, Patience()) == NotSent(type(error).__name__)


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout("slow"), httpx.WriteTimeout("slow"), httpx.RemoteProtocolError("cut")]
)
async def test_a_timeout_after_sending_is_unknown(error: Exception) -> None:
    assert await paid(error, Patience()) == Unknown(type(error).__name__)


async def test_turned_away_after_doubt_is_unknown() -> None:
    later = httpx.Response(503, headers={"Retry-After": "0"})
    async with scripted() as given:
        given.router.post("/v1/payouts").mock(side_effect=[later, httpx.Response(401)])
        assert await payout(PaymentHttp(given.line)) == Unknown("http_401")


@pytest.mark.parametrize(
    "changed",
    [{"key": "pout_2"}, {"key": None}, {"amount": 0}, {"amount": -1}, {"amount": 1_200_000.0},
     {"amount": "1200000"}, {"amount": True}, {"amount": 10**30}, {"currency": "cny"}, {"currency": None},
     {"status": "done"}, {"status": None}, {"operation": "gift"}, {"id": ""}, {"id": 7}, {"id": "x" * 201},
     {"id": "a\x00b"}, {"effective_on": "22.11.2026"},
     {"effective_on": "2026-02-30"}, {"effective_on": 20261122}],
    ids=repr,
)  # fmt: skip
async def test_an_answer_out_of_shape_is_unknown(changed: dict[str, Any]) -> None:
    assert await paid(httpx.Response(202, json=taken(**changed))) == Unknown("unreadable_answer")


@pytest.mark.parametrize(
    "changed", [{"amount": 1_199_999}, {"currency": "USD"}, {"operation": "debit"}], ids=repr
)
async def test_an_answer_about_something_else_is_unknown(changed: dict[str, Any]) -> None:
    assert await paid(httpx.Response(202, json=taken(**changed))) == Unknown("answer_about_something_else")


async def test_a_refusal_that_comes_as_success_is_unknown() -> None:
    got = await paid(httpx.Response(202, json=taken(status="refused")))
    assert got == Unknown("refusal_without_its_status")


GOOD = httpx.Response(202, json=taken()).content


@pytest.mark.parametrize(
    "body",
    [
        GOOD.replace(b"po_1", b"\\ud800"), b"", b"{", b"null", b"[]", b'"ok"', b"\xff\xfe", b"<html>",
        GOOD[:-1], GOOD + b"}", b"[" * 100_000,
        GOOD.replace(b"1200000", b"NaN"), GOOD.replace(b"1200000", b"Infinity"),
        GOOD.replace(b"1200000", b"1" + b"0" * 5000), GOOD.replace(b"1200000", b"1.2e6"),
        GOOD[:-1] + b',"amount":1200000}',
    ],
)  # fmt: skip
async def test_malformed_json_is_unknown(body: bytes) -> None:
    assert await paid(httpx.Response(202, content=body)) == Unknown("unreadable_answer")


@settings(max_examples=300)
@holds_for(
    status=st.integers(200, 599),
    body=st.one_of(
        st.binary(max_size=40),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.dictionaries(st.sampled_from(sorted(taken())), inner, max_size=9),
            max_leaves=9,
        ),
    ),
)
async def test_nothing_invents_success(status: int, body: object) -> None:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await paid(httpx.Response(status, **content))
    assert isinstance(answer, Refused | NotSent | Unknown)


CARD = {
    "issuer": "CMB",
    "number": "6225880000001234",
    "holder_name": "张三",
    "national_id": "11010519491231002X",
}
ACCOUNT = {
    "bank": "ICBC",
    "number": "6222020000005678",
    "holder_name": "张三",
    "national_id": "11010519491231002X",
}
PROOF = {
    "key": "card_1",
    "token": "tok_1",
    "last4": "1234",
    "payable": True,
    "brand": "unionpay",
    "reason": None,
}


async def proved(response: httpx.Response | Exception) -> CardProof | ProofRefused:
    async with scripted(ONCE) as given:
        given.router.post("/v1/card-proofs").mock(side_effect=[response])
        return await PaymentHttp(given.line).confirm_card("card_1", **CARD)


async def test_a_card_proof() -> None:
    assert await proved(httpx.Response(200, json=PROOF)) == CardProof("tok_1", "1234", True, "unionpay")
    bad = PROOF | {"payable": False, "reason": "holder_mismatch", "brand": None}
    assert await proved(httpx.Response(200, json=bad)) == CardProof(
        "tok_1", "1234", False, None, "holder_mismatch"
    )
    refused = {"code": "number_invalid", "detail": "no such card"}
    assert await proved(httpx.Response(422, json=refused)) == ProofRefused("number_invalid", "no such card")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, json=PROOF | {"last4": "9999"}),
        httpx.Response(200, json=PROOF | {"payable": "yes"}),
        httpx.Response(200, json=PROOF | {"payable": 1}),
        httpx.Response(200, json=PROOF | {"key": "card_2"}),
        httpx.Response(200, json=PROOF | {"token": ""}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(422, content=b"<html>"),
        *(httpx.Response(status, json=PROOF) for status in (204, 302, 401, 404, 409, 429, 500, 502)),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_an_unusable_card_proof_proves_nothing(response: httpx.Response | Exception) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        await proved(response)
    assert CARD["number"] not in caught.value.detail
    assert CARD["national_id"] not in caught.value.detail


async def test_an_account_proof() -> None:
    good = {"key": "bacc_1", "token": "tok_2", "last4": "5678", "verified": True}
    async with scripted(ONCE) as given:
        route = given.router.post("/v1/account-proofs").mock(return_value=httpx.Response(200, json=good))
        provider = PaymentHttp(given.line)
        assert await provider.confirm_account("bacc_1", **ACCOUNT) == AccountProof("tok_2", "5678", True)
        assert httpx.Response(200, content=route.calls.last.request.content).json() == ACCOUNT
        route.mock(return_value=httpx.Response(200, json=good | {"verified": None}))
        with pytest.raises(ProviderUnavailable):
            await provider.confirm_account("bacc_1", **ACCOUNT)
        route.mock(return_value=httpx.Response(422, json={"code": "number_invalid"}))
        assert await provider.confirm_account("bacc_1", **ACCOUNT) == ProofRefused("number_invalid")


async def found(response: httpx.Response | Exception) -> Outcome | None:
    async with scripted(ONCE) as given:
        given.router.get("/v1/operations/pout_1").mock(side_effect=[response])
        return await PaymentHttp(given.line).find("pout_1")


async def test_asking_about_an_order() -> None:
    answer = taken(status="returned", effective_on="2026-11-24", reason="returned_by_issuer")
    assert await found(httpx.Response(200, json=answer)) == Outcome(
        "pout_1",
        Operation.PAYOUT,
        "po_1",
        Status.RETURNED,
        1_200_000,
        "CNY",
        date(2026, 11, 24),
        "returned_by_issuer",
    )
    unseen = {"code": "operation_not_found", "key": "pout_1"}
    assert await found(httpx.Response(404, json=unseen)) is None


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(404, text="<html>Not Found</html>"),
        httpx.Response(404, json={"code": "not_found", "key": "pout_1"}),
        httpx.Response(404, json={"code": "operation_not_found"}),
        httpx.Response(404, json={"code": "operation_not_found", "key": "pout_2"}),
        httpx.Response(410, json={"code": "operation_not_found", "key": "pout_1"}),
        httpx.Response(200, json=taken(key="pout_2")),
        httpx.Response(200, json=taken(status="lost")),
        httpx.Response(200, content=b"{}"),
        *(httpx.Response(status, json=taken()) for status in (202, 204, 302, 401, 429, 500, 503)),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_no_usable_answer_is_not_never_seen(response: httpx.Response | Exception) -> None:
    with pytest.raises(ProviderUnavailable):
        await found(response)


async def test_a_key_is_one_step_of_the_path() -> None:
    async with scripted(ONCE) as given:
        route = given.router.get(path__regex=r".*").mock(return_value=httpx.Response(500))
        with pytest.raises(ProviderUnavailable):
            await PaymentHttp(given.line).find("../a?b#c")
    assert route.calls.last.request.url.raw_path == b"/v1/operations/..%2Fa%3Fb%23c"


LINE = {
    "number": 3, "kind": "debit", "key": "pay_1", "provider_id": "db_1", "amount": 500, "currency": "CNY",
    "effective_on": "2026-12-22", "reference": None, "booked_at": "2026-12-22T01:00:00Z",
}  # fmt: skip
TRANSFER = LINE | {
    "number": 4,
    "kind": "transfer",
    "key": None,
    "provider_id": "tr_1",
    "reference": "loan　1",
}


async def paged(response: httpx.Response | Exception, after: int = 2) -> CashPage:
    async with scripted(ONCE) as given:
        given.router.get("/v1/cash-book", params={"after": after, "limit": 5}).mock(side_effect=[response])
        return await PaymentHttp(given.line).cash_book(after, limit=5)


async def test_a_page_of_the_cash_book() -> None:
    page = await paged(httpx.Response(200, json={"data": [LINE, TRANSFER], "has_more": True}))
    debit = CashEntry(3, EntryKind.DEBIT, "db_1", 500, "CNY", date(2026, 12, 22), "pay_1")
    transfer = CashEntry(4, EntryKind.TRANSFER, "tr_1", 500, "CNY", date(2026, 12, 22), None, "loan　1")
    assert page == CashPage((debit, transfer), True)
    assert await paged(httpx.Response(200, json={"data": [], "has_more": False})) == CashPage()


LAST: dict[str, Any] = {"data": [LINE], "has_more": False}


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"data": [], "has_more": True}, {"data": [LINE]}, LAST | {"has_more": 0}, LAST | {"data": {}},
        LAST | {"data": [7]}, LAST | {"data": [LINE] * 6}, LAST | {"data": [LINE, LINE]},
        LAST | {"data": [TRANSFER, LINE]},
        *(LAST | {"data": [LINE | changed]} for changed in (
            {"number": 2}, {"number": "3"}, {"kind": "gift"}, {"key": None}, {"amount": 0}, {"amount": 5.0},
            {"effective_on": None}, {"currency": "¥"}, {"provider_id": None})),
    ],
)  # fmt: skip
async def test_an_unreadable_page_is_no_page(answer: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnavailable):
        await paged(httpx.Response(200, json=answer))


@pytest.mark.parametrize("response", [httpx.Response(500), httpx.Response(401), httpx.ReadTimeout("slow")])
async def test_no_page(response: httpx.Response | Exception) -> None:
    with pytest.raises(ProviderUnavailable):
        await paged(response)
