"""The documented reasons and transitions are those that the rules have."""

import re
from pathlib import Path

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.transitions import TRANSITIONS

DOCUMENT = (Path(__file__).parents[3] / "stream_processors" / "README.md").read_text()


def test_every_reason_is_told() -> None:
    found = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
    assert [reason for reason in Reason if reason not in found] == []


def test_the_table_of_changes_is_that_of_the_rules() -> None:
    table = DOCUMENT.partition("| from | to | by |")[2].partition("\n\n")[0]
    found = {
        (before, after)
        for row in table.splitlines()[2:]
        for before in re.findall(r"\w+", row.split("|")[1]) or [None]
        for after in re.findall(r"\w+", row.split("|")[2])
    }
    assert found == {
        (before and before.value, after.value)
        for (before, _), after in TRANSITIONS.items()
        if before != after
    }
    assert {after for _, after in found} == {status.value for status in RewardStatus}
