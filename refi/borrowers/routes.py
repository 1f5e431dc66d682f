"""The borrower's own profile, consents, devices and bank accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field

from refi.borrowers import email_service as emails
from refi.borrowers import identity
from refi.borrowers import service as borrowers
from refi.borrowers.proof import AccountProver, InstrumentRefused, ProofRefused
from refi.borrowers.tables import BankAccount, Borrower, Consent, Device, Purpose
from refi.db.work import Work
from refi.errors import Fault
from refi.ids import BorrowerId
from refi.web import problems
from refi.web.fields import AmountOrZero, Body, Instant, Out, Page, Text
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, OpenWork

router = APIRouter(
    prefix="/v1",
    tags=["borrower"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 429, 503),
)

Locale = Literal["zh-CN", "en"]


class ProfileIn(Body):
    """What the borrower says of themselves; only what is sent changes."""

    name: Annotated[Text, Field(examples=["张伟"])] | None = None
    national_id: (
        Annotated[str, Field(min_length=6, max_length=30, examples=["11010119900307001X"])] | None
    ) = None
    monthly_income: AmountOrZero | None = None
    email: Annotated[str, Field(min_length=6, max_length=200, examples=["wang@example.com"])] | None = None
    locale: Locale | None = None
    time_zone: (
        Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9_+/-]+$", examples=["Asia/Shanghai"])] | None
    ) = None


class ConsentOut(Out):
    """The current standing of one purpose."""

    id: str
    purpose: Purpose
    granted: bool
    text_version: str
    at: Instant


class ProfileOut(Out):
    """The profile; phone and national id are masked."""

    id: str
    phone: str
    name: str | None
    national_id: str | None
    email: str | None
    email_verified: bool
    monthly_income: int | None
    locale: str
    time_zone: str
    consents: list[ConsentOut]
    created_at: Instant


class CodeIn(Body):
    """The code that was sent to the e-mail address."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["123456"])]


class ConsentIn(Body):
    """Agreement to one purpose, naming the text that was shown."""

    purpose: Annotated[Purpose, Field(strict=False)]
    text_version: Annotated[
        str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9._-]+$", examples=["2026-11"])
    ]


class DeviceIn(Body):
    """A push target."""

    platform: Literal["ios", "android", "harmony", "web"]
    token: Annotated[
        str,
        Field(
            min_length=8,
            max_length=512,
            pattern=r"^[A-Za-z0-9._:=+/-]+$",
            description="the platform's push token",
        ),
    ]


class DeviceOut(Out):
    """A push target, without its token."""

    id: str
    platform: str
    created_at: Instant


class BankAccountIn(Body):
    """A bank account; the number goes to the payment provider and is not kept."""

    bank: Annotated[str, Field(min_length=2, max_length=40, pattern=r"^[A-Za-z0-9 _-]+$", examples=["ICBC"])]
    number: Annotated[str, Field(pattern=r"^[0-9]{8,19}$", examples=["6222021234567890128"])]


class BankAccountOut(Out):
    """A bank account; ``verified`` once the provider confirmed that it is the borrower's own."""

    id: str
    bank: str
    last4: str
    verified: bool
    created_at: Instant


async def account_prover(request: Request) -> AccountProver:
    """Dependency: who confirms bank accounts."""
    prover: AccountProver = request.app.state.processor
    return prover


@router.get("/me")
async def profile(work: CurrentWork, actor: CurrentActor) -> ProfileOut:
    """The profile."""
    return await _profile(work, await borrowers.get(work, BorrowerId(actor.id)))


@router.patch("/me")
async def update_profile(body: ProfileIn, work: CurrentWork, actor: CurrentActor) -> ProfileOut:
    """Change the profile; the national id can be given once."""
    given = {name: value for name, value in body.model_dump().items() if value is not None}
    if (email := given.pop("email", None)) is not None:
        try:
            await emails.give(work, BorrowerId(actor.id), email)
        except emails.EmailThrottled as error:
            raise problems.RateLimited("a code was just sent", retry_after=error.seconds) from None
    borrower = await borrowers.update_profile(work, BorrowerId(actor.id), **given)
    await work.session.flush()
    return await _profile(work, borrower)


@router.post("/me/email/confirm", response_model=ProfileOut)
async def confirm_email(
    body: CodeIn, request: Request, work: CurrentWork, actor: CurrentActor
) -> ProfileOut | Response:
    """Prove the e-mail address with the code that was sent there."""
    if await emails.prove(work, BorrowerId(actor.id), body.code) is None:
        # answered, not raised: the wrong try must be counted, so the transaction commits
        return problems.problem(request, 401, "otp_invalid", "the code is wrong, used or too old")
    return await _profile(work, await borrowers.get(work, BorrowerId(actor.id)))


async def _profile(work: Work, borrower: Borrower) -> ProfileOut:
    def opened(sealed: str | None) -> str | None:
        return None if sealed is None else work.vault.open(sealed)

    national_id = opened(borrower.national_id_sealed)
    email = await emails.of_borrower(work, BorrowerId(borrower.id))
    consents = await borrowers.consents(work, BorrowerId(borrower.id))
    return ProfileOut(
        id=borrower.id,
        phone=identity.mask_phone(work.vault.open(borrower.phone_sealed)),
        name=opened(borrower.name_sealed),
        national_id=None if national_id is None else identity.mask(national_id),
        email=None if email is None else identity.mask_email(work.vault.open(email.email_sealed)),
        email_verified=email is not None and email.verified_at is not None,
        monthly_income=borrower.monthly_income,
        locale=borrower.locale,
        time_zone=borrower.time_zone,
        consents=[_consent(row) for row in consents.values()],
        created_at=borrower.created_at,
    )


def _consent(row: Consent) -> ConsentOut:
    return ConsentOut.model_validate(row)


@router.post("/consents", status_code=201)
async def consent(body: ConsentIn, work: CurrentWork, actor: CurrentActor) -> ConsentOut:
    """Agree to a purpose."""
    row = await borrowers.record_consent(
        work, BorrowerId(actor.id), body.purpose, body.text_version, granted=True
    )
    return _consent(row)


@router.delete("/consents/{purpose}")
async def withdraw_consent(
    purpose: Annotated[Purpose, Path(description="what the borrower no longer agrees to")],
    work: CurrentWork,
    actor: CurrentActor,
) -> ConsentOut:
    """Take an agreement back; what was done under it stays recorded."""
    row = await borrowers.record_consent(work, BorrowerId(actor.id), purpose, "withdrawal", granted=False)
    return _consent(row)


@router.post("/devices", status_code=201)
async def add_device(body: DeviceIn, work: CurrentWork, actor: CurrentActor) -> DeviceOut:
    """Register a push target; the same token again is the same device."""
    row: Device = await borrowers.add_device(work, BorrowerId(actor.id), body.platform, body.token)
    return DeviceOut.model_validate(row)


@router.post("/bank-accounts", status_code=201)
async def add_bank_account(
    body: BankAccountIn,
    request: Request,
    open_work: OpenWork,
    actor: CurrentActor,
    prover: Annotated[AccountProver, Depends(account_prover)],
) -> BankAccountOut:
    """Link a bank account; the provider is asked whose it is before anything is stored."""
    borrower_id = BorrowerId(actor.id)
    async with request.app.state.database.work(actor, reading=True) as before:
        name, national_id = await borrowers.holder(before, borrower_id)
    key = before.vault.index(
        "account-proof", f"{actor.id}:{body.bank}:{body.number}:{name}:{national_id}"
    )  # every word of the question: the provider refuses another question under the same key
    proof = await prover.confirm_account(
        key, bank=body.bank, number=body.number, holder_name=name, national_id=national_id
    )
    if isinstance(proof, ProofRefused):
        raise InstrumentRefused(
            "the provider does not know this account",
            faults=[Fault("/number", "number_refused")],
            provider_code=proof.code,
        )
    work = await open_work()
    row: BankAccount = await borrowers.add_bank_account(work, borrower_id, body.bank, proof)
    await work.session.flush()
    return BankAccountOut.model_validate(row)


@router.get("/bank-accounts")
async def bank_accounts(work: CurrentWork, actor: CurrentActor) -> Page[BankAccountOut]:
    """The borrower's bank accounts, newest first."""
    rows = await borrowers.bank_accounts(work, BorrowerId(actor.id))
    return Page(data=[BankAccountOut.model_validate(row) for row in rows], has_more=False)
