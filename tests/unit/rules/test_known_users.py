"""Lists know a person by all merged users, however many, in messages of a bounded size."""

from collections.abc import Iterable

import pytest

from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.record import Record
from reftrail.contracts.stage_messages import UsersKnown
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, LISTS, REWARD_INPUTS
from reftrail.rules.attribution import known_users
from reftrail.rules.reward import inbox
from reftrail.testing import MemoryHost, campaign, code, purchase, signup, users_merged
from reftrail.testing.life import listed

LAST = "zoe"
SIGNUP = signup("10:00", typed="AMY", user_id="account", visitor_id=None)
GUESTS = [*(f"guest {nth}" for nth in range(5)), LAST]
MERGES = [users_merged(guest, "account", "11:00") for guest in GUESTS]
ORDER = purchase("o1", "12:00", user_id="account")


def played(events: Iterable[Record]) -> MemoryHost:
    """A shop in which the last guest is blocked, after events."""
    host = MemoryHost(wire=False)
    policy = policy_text(Policy(repeats=0))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner="amy"))
    host.publish(LISTS, listed("user", LAST))
    for event in events:
        host.publish(EVENTS, event)
        host.run()
    return host


@pytest.mark.parametrize("events", [[SIGNUP, *MERGES, ORDER], [*MERGES, SIGNUP, ORDER]])
def test_a_blocked_guest_is_known_behind_many_others(
    events: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_users, "MOST_USERS", 3)
    host = played(events)
    told = [record for record in host.log(REWARD_INPUTS) if isinstance(record, UsersKnown)]
    assert max(len(record.users) for record in told) == 3
    assert len({record.event_id for record in told}) == len(told)
    assert {(line.status, line.reasons[0]) for line in host.ledger()} == {("rejected", "blocked")}


def test_a_referral_remembers_the_newest_of_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_users, "MOST_USERS", 2)
    monkeypatch.setattr(inbox, "MOST_USERS", 3)
    host = played([SIGNUP, *MERGES, ORDER])
    assert {(line.status, line.reasons[0]) for line in host.ledger()} == {("rejected", "blocked")}
