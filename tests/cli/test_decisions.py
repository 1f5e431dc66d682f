"""``refi decisions``: one decision explained, a period decided again, and what was mistyped."""

from __future__ import annotations

import json
from pathlib import Path

from tests import given
from tests.cli.test_operations import refi
from tests.underwriting.test_replaying import ON, apply, billed

OVERLAY = """
version = "cn-cautious-1"
effective_on = 2026-11-01

[underwriting]
approve_up_to_share = 0.01
"""


async def test_a_decision_is_explained_and_a_period_decided_again(
    cloned_database_url: str, tmp_path: Path
) -> None:
    async with given.running(cloned_database_url) as service:
        made = await apply(service, await billed(service))
    by_application = refi(cloned_database_url, "decisions", "explain", made.id, "--json")
    told = json.loads(by_application.stdout)
    assert (told["application"], told["outcome"]) == (made.id, "approved")
    assert (
        refi(cloned_database_url, "decisions", "explain", told["id"], "--json").stdout
        == by_application.stdout
    )
    for nobody in ("app_00000000000000000000000000", "dec_none"):
        unknown = refi(cloned_database_url, "decisions", "explain", nobody)
        assert (unknown.returncode, "no such decision" in unknown.stderr) == (1, True)

    period = ("decisions", "replay", "--from", str(ON), "--to", str(ON), "--json")
    again = refi(cloned_database_url, *period)
    assert (again.returncode, json.loads(again.stdout)["decisions"]) == (0, 1)
    overlay = tmp_path / "cautious.toml"
    overlay.write_text(OVERLAY, encoding="utf-8")
    other = json.loads(refi(cloned_database_url, *period, "--strategy", str(overlay)).stdout)
    assert [(each["application"], each["would_be"]) for each in other["changes"]] == [(made.id, "referred")]
    overlay.write_text(OVERLAY.replace("approve_up", "aprove_up"), encoding="utf-8")
    unsound = refi(cloned_database_url, *period, "--strategy", str(overlay))
    assert (unsound.returncode, "cautious.toml:6" in unsound.stderr) == (2, True)
    backwards = refi(cloned_database_url, "decisions", "replay", "--from", "2026-11-22", "--to", "2026-11-21")
    assert (backwards.returncode, "--to is before --from" in backwards.stderr) == (2, True)
