"""Places under limits that count users: a person keeps one over a merge, if anything earned."""

from random import Random
from typing import Any

import msgspec
import pytest

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Caps, Fraud, Policy, policy_text
from reftrail.contracts.record import Record
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REVIEWS, REWARDS
from reftrail.engine.topology import STAGES
from reftrail.rules.limits import LimitState
from reftrail.testing import (
    MemoryHost,
    campaign,
    code,
    purchase,
    refund,
    reviewed,
    signup,
    users_merged,
)

CAPS: dict[str, tuple[Caps, int | None]] = {
    "per referrer": (Caps(per_referrer=2), None),
    "per referrer and day": (Caps(per_referrer_per_day=2), None),
    "per code": (Caps(per_code=2), None),
    "per code and day": (Caps(per_code_per_day=2), None),
    "max uses": (Caps(), 2),
}
limits = pytest.mark.parametrize(("caps", "max_uses"), CAPS.values(), ids=CAPS)
REVERSED = reviewed("reverse", "12:00", user_id="guest", reason="fraud")
REFUNDED = refund("o1", "12:00", user_id="guest")
taken_back = pytest.mark.parametrize("taken_back", [REVERSED, REFUNDED], ids=["review", "refund"])


def joins(user: str, at: str, typed: str = "AMY") -> Event:
    return signup(at, user_id=user, typed=typed, visitor_id=None, event_id=f"{user} joins")


def buys(user: str, order: str, at: str) -> Event:
    return purchase(order, at, user_id=user, event_id=f"{user} buys {order}")


def decided(caps: Caps, max_uses: int | None, *records: Record) -> MemoryHost:
    host = MemoryHost()
    fraud = Fraud(grant_up_to=999, reject_from=1_000)
    policy = policy_text(Policy(repeats=0, caps=caps, fraud=fraud))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", max_uses=max_uses), code("AMZ", max_uses=max_uses))
    for record in records:
        host.publish(EVENTS if isinstance(record, Event) else REVIEWS, record)
        host.run()
    return host


def granted(host: MemoryHost) -> set[str]:
    """The users for whom the referrer has been granted something."""
    entries = (entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided))
    return {
        entry.user_id for entry in entries if entry.role == "referrer" and entry.status == "granted"
    }


def taken(host: MemoryHost) -> dict[str, int]:
    """What is taken of limits that referrers share, but for orders."""
    states = {
        key: msgspec.msgpack.decode(packed, type=LimitState).taken
        for key, packed in host.states(STAGES["limits"]).items()
    }
    return {key: count for key, count in states.items() if count and key.startswith("cap_")}


PERSON = (joins("guest", "09:00"), buys("guest", "o1", "10:00"))
CROWD = (
    *(joins(f"stranger {nth}", "13:00") for nth in range(2)),
    *(buys(f"stranger {nth}", f"x{nth}", "14:00") for nth in range(2)),
)


@taken_back
@limits
def test_a_place_that_was_kept_in_spite_of_a_reversal_is_kept_over_a_merge(
    taken_back: Record, caps: Caps, max_uses: int | None
) -> None:
    one = decided(caps, max_uses, *PERSON, taken_back, *CROWD)
    account = joins("account", "08:00")
    merged = users_merged("guest", "account", "12:30")
    later = users_merged("guest", "account", "15:00")
    two = decided(caps, max_uses, account, *PERSON, taken_back, merged, *CROWD)
    three = decided(caps, max_uses, account, *PERSON, taken_back, *CROWD, later)
    assert granted(one) == granted(two) == granted(three) == {"guest", "stranger 0"}
    assert taken(one) == taken(two) == taken(three)


@limits
def test_a_person_has_one_place_for_all_that_they_did(caps: Caps, max_uses: int | None) -> None:
    account = joins("account", "08:00")
    earns = buys("account", "o2", "11:00")
    for merged_at in ("12:30", "13:30"):
        merged = users_merged("guest", "account", merged_at)
        records: list[Record] = [account, *PERSON, REVERSED, earns, merged, *CROWD]
        if merged_at > "13:00":
            records = [account, *PERSON, earns, REVERSED, merged, *CROWD]
        host = decided(caps, max_uses, *records)
        assert granted(host) == {"guest", "account", "stranger 0"}


@limits
def test_a_place_goes_on_with_a_further_merge(caps: Caps, max_uses: int | None) -> None:
    accounts = joins("third", "07:00"), joins("account", "08:00")
    merges = users_merged("guest", "account", "12:10"), users_merged("account", "third", "12:20")
    one = decided(caps, max_uses, *PERSON, REVERSED, *CROWD)
    host = decided(caps, max_uses, *accounts, *PERSON, REVERSED, *merges, *CROWD)
    assert granted(host) == {"guest", "stranger 0"}
    assert taken(host) == taken(one)


@pytest.mark.parametrize("caps", [Caps(per_referrer=2), Caps(per_referrer_per_day=2)], ids=str)
def test_a_place_under_a_referrer_s_limits_is_kept_under_another_of_the_codes(caps: Caps) -> None:
    account, merged = joins("account", "08:00", "AMZ"), users_merged("guest", "account", "12:30")
    host = decided(caps, None, account, *PERSON, REVERSED, merged, *CROWD)
    assert granted(host) == {"guest", "stranger 0"}


def test_what_is_granted_again_takes_no_second_place() -> None:
    account, merged = joins("account", "08:00"), users_merged("guest", "account", "12:30")
    host = decided(Caps(per_referrer=2), None, account, *PERSON, merged, *CROWD)
    assert granted(host) == {"guest", "account", "stranger 0"}
    assert set(taken(host).values()) == {2}
    whose: dict[str, Any] = {"user_id": "stranger 0", "reason": "fraud"}
    host.publish(REVIEWS, reviewed("reverse", "16:00", **whose))
    host.run()
    assert set(taken(host).values()) == {2}


@pytest.mark.parametrize("seed", range(12))
def test_while_a_place_is_on_its_way_one_more_user_may_earn_and_no_second(seed: int) -> None:
    """The referral that ends releases it before the one that is left takes it again."""
    host = MemoryHost(partitions=3, shuffle=Random(seed), batch=1)
    fraud = Fraud(grant_up_to=999, reject_from=1_000)
    policy = policy_text(Policy(repeats=0, caps=Caps(per_referrer=2), fraud=fraud))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY"), code("AMZ"))
    for record in (joins("account", "08:00", "AMZ"), *PERSON, REVERSED, *CROWD[:3]):
        host.publish(EVENTS if isinstance(record, Event) else REVIEWS, record)
        host.run()
    assert set(taken(host).values()) == {2}
    later = [
        users_merged("guest", "account", "12:30"),
        *(buys("stranger 1", f"y{nth}", f"14:{nth:02}") for nth in range(6)),
        joins("stranger 2", "15:00"),
        *(buys("stranger 2", f"z{nth}", f"16:{nth:02}") for nth in range(6)),
    ]
    Random(seed).shuffle(later)
    host.publish(EVENTS, *later)
    host.run()
    assert max(taken(host).values()) in {2, 3}
    assert len(granted(host)) <= 3
