"""By which channel a borrower is reached, and where: one choice for sending and for the preview."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from refi.db.work import Work
from refi.notifications import contact_service as contacts
from refi.notifications.contact_policy import Verdict, may_contact
from refi.notifications.facts_service import Facts
from refi.notifications.messages import Gate


@dataclass(frozen=True, slots=True)
class Choice:
    """A channel with the sealed address there, and whether it may be used now."""

    channel: str
    to_sealed: str
    verdict: Verdict


def address(work: Work, channel: str, facts: Facts) -> str | None:
    """The sealed address of the borrower on that channel today; None when it does not reach them.

    An e-mail address that was not proved might be somebody else's.
    """
    return work.vault.seal(facts.borrower.id) if channel == "inbox" else facts.addresses.get(channel)


async def choose(
    work: Work,
    facts: Facts,
    gate: Gate,
    order: Sequence[str],
    available: Collection[str],
    *,
    stops: Mapping[str, date | None],
    fixed: str | None = None,
    usable: Callable[[str], Awaitable[bool]] | None = None,
    at: datetime | None = None,
    planned: Sequence[datetime] = (),
) -> Choice | None:
    """The first channel of ``order`` that reaches the borrower and may be used; None if nothing does.

    A channel that the borrower closed gives way to the next one; any other rule that says no is the answer,
    so that a cap is not walked around. ``fixed`` is the sealed address when channel and address stand.
    ``at`` and ``planned`` ask about another instant, with contacts that will have been made by then.
    """
    refused: Choice | None = None
    for channel in (each for each in order if each in available):
        to_sealed = fixed or address(work, channel, facts)
        if to_sealed is None:
            continue
        ask = contacts.asked(work, facts, gate, channel, stops=stops, at=at, planned=planned)
        verdict = may_contact(work.policy.contact, work.policy.version, ask)
        choice = Choice(channel, to_sealed, verdict)
        if verdict.allowed and (usable is None or await usable(channel)):
            return choice
        if not verdict.allowed:
            refused = choice
            if verdict.rules != (f"opted_out_{channel}",):
                return choice
        if fixed is not None:
            break
    return refused
