"""Lists know a person by all merged users, however many, in messages of a bounded size."""

from collections.abc import Iterable

import msgspec
import pytest

from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.record import Record
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.stage_messages import UsersKnown
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, LISTS, REWARD_INPUTS
from reftrail.engine.topology import STAGES
from reftrail.rules.attribution import known_users
from reftrail.rules.reward import known_users as known_to_referral
from reftrail.rules.reward.state import ReferralCell
from reftrail.testing import MemoryHost, campaign, code, purchase, signup, users_merged
from reftrail.testing.life import listed

LAST = "zoe"
SIGNUP = signup("10:00", typed="AMY", user_id="account", visitor_id=None)
GUESTS = [*(f"guest {nth}" for nth in range(5)), LAST]
MERGES = [users_merged(guest, "account", "11:00") for guest in GUESTS]
ORDER = purchase("o1", "12:00", user_id="account")


def played(events: Iterable[Record], blocked: str = LAST, owner: str = "amy") -> MemoryHost:
    """A shop in which a guest is blocked, after events."""
    host = MemoryHost(wire=False)
    policy = policy_text(Policy(repeats=0))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner=owner))
    host.publish(LISTS, listed("user", blocked))
    for event in events:
        host.publish(CODES if isinstance(event, CodeChanged) else EVENTS, event)
        host.run()
    return host


@pytest.mark.parametrize(
    ("events", "at_once"), [([SIGNUP, *MERGES, ORDER], 1), ([*MERGES, SIGNUP, ORDER], 3)]
)
def test_a_blocked_guest_is_known_behind_many_others(
    events: list[Record], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_users, "MOST_USERS", 3)
    host = played(events)
    told = [record for record in host.log(REWARD_INPUTS) if isinstance(record, UsersKnown)]
    assert max(len(record.users) for record in told) == at_once
    assert len({record.event_id for record in told}) == len(told)
    assert {(line.status, line.reasons[0]) for line in host.ledger()} == {("rejected", "blocked")}


@pytest.mark.parametrize("decides", ["account", GUESTS[2]])
def test_a_merge_names_nobody_who_was_named_before(decides: str) -> None:
    """So a thousand merges cost a thousand times as much as one, not half a million times."""
    first = msgspec.structs.replace(signup("09:00", typed="AMY", visitor_id=None), user_id=decides)
    host = played([first, *([] if decides == "account" else [SIGNUP]), *MERGES])
    told = [record for record in host.log(REWARD_INPUTS) if isinstance(record, UsersKnown)]
    of_first = [record.users for record in told if record.user_id == decides]
    named = [user for users in of_first for user in users if user != "account"]
    assert sorted(named) == sorted({*GUESTS} - {decides})


@pytest.mark.parametrize("blocked", GUESTS)
@pytest.mark.parametrize("most", [0, 1, 3, 6])
def test_a_referral_forgets_nobody_of_very_many(
    blocked: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_to_referral, "MOST_IN_CELL", most)
    host = played([SIGNUP, *MERGES, *MERGES, ORDER], blocked)
    assert {(line.status, line.reasons[0]) for line in host.ledger()} == {("rejected", "blocked")}
    cells = host.states(STAGES["reward"])
    referral = msgspec.msgpack.decode(cells["AMY:account"], type=ReferralCell)
    assert len(referral.users) == min(most, len(GUESTS))
    others = [key for key in cells if key.startswith("AMY:account:k:")]
    assert len(others) == (len(GUESTS) - most + 1 if most < len(GUESTS) else 0)


@pytest.mark.parametrize("owner", [GUESTS[0], GUESTS[2], LAST])
def test_a_former_owner_is_known_among_very_many(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_to_referral, "MOST_IN_CELL", 1)
    given_away = code("AMY", owner="amy")
    host = played([SIGNUP, ORDER, given_away, *MERGES], "nobody", owner=owner)
    ledger = {(line.status, line.reasons) for line in host.ledger() if line.role == "referrer"}
    assert ledger == {("granted", ()), ("reversed", ("self_referral",))}
