"""Signs of fraud that our own rows show. Pure. A signal refers, it never declines."""

from __future__ import annotations

from dataclasses import dataclass

from refi.policies.deciding import Velocity


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted around one application, itself included.

    ``others_…``: borrowers other than this one who use the same device, card, bank account or national id.
    ``applications`` within the policy's hours; ``amounts`` tried on the bill in that time.
    """

    others_on_device: int
    others_with_card: int
    others_with_account: int
    others_with_id: int
    applications: int
    amounts: int


def signals(seen: Seen, rules: Velocity) -> tuple[str, ...]:
    """The names of what is suspicious, in a fixed order."""
    found = {
        "same_device": seen.others_on_device > 0,
        "same_card": seen.others_with_card > 0,
        "same_account": seen.others_with_account > 0,
        "same_national_id": seen.others_with_id > 0,
        "burst": seen.applications >= rules.applications,
        "amount_probing": seen.amounts >= rules.amounts_per_bill,
    }
    return tuple(name for name, is_so in found.items() if is_so)
