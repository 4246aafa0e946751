"""Decisions made again after codes, campaigns and lists have changed: the same to the byte."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from support.memory_log import MemoryLog
from support.programme import T0, campaign, click, code, purchase, signup

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.events import Event
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.policy import Milestone, MilestoneKind, Policy, Scope, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Millis, Record
from reftrail.contracts.reference import CodeStatus, Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, LISTS, LOOKUPS, REWARDS
from reftrail.engine.memory import REFERENCE, MemoryHost
from reftrail.engine.oracle import replay
from reftrail.engine.topology import TOPOLOGY
from reftrail.reports.explain.derivation import derive

PARTITIONS: Final = 2
UNIT: Final = MICROS_PER_UNIT
AMYS: Final = CODES.partition("AMY", PARTITIONS)
BONUS: Final = Milestone(
    name="two", kind=MilestoneKind.BONUS, grants=2, value_micros=7 * UNIT, currency="USD"
)
REWARDS_OF_BOTH: Final[dict[str, Any]] = {
    "referrer_reward_micros": 5 * UNIT,
    "referee_reward_micros": 2 * UNIT,
    "trigger": Trigger.FIRST_PURCHASE,
}


def spring(version: int = 1, **changed: Any) -> Record:
    policy = policy_text(Policy(milestones=[BONUS]))
    terms = campaign("spring", **(REWARDS_OF_BOTH | {"policy": policy} | changed))
    return msgspec.structs.replace(terms, version=version, event_id=f"spring {version}")


def amy(revision: int = 0, **changed: Any) -> Record:
    told = {"owner_user_id": "owner", "campaign_id": "spring"} | changed
    return code("AMY", revision=revision, **told)


def entry(event_id: str, value: str, listing: str | None, at: Millis = 0) -> Listed:
    return Listed(
        event_id=event_id,
        event_time=T0 + at,
        received_at=T0 + at,
        subject="user",
        value=value,
        listing=listing,
        actor="ann",
    )


def comes(user: str, at: Millis) -> list[Event]:
    """A click, a signup and a purchase, an hour apart."""
    visitor = f"visitor {user}"
    times = [T0 + at + n * HOUR for n in range(3)]
    clicked, signed_up, bought = ({"event_time": time, "received_at": time} for time in times)
    return [
        click(visitor, "AMY", campaign_id=None, **clicked),
        signup(user, visitor, **signed_up),
        purchase(user, order_id=f"order {user}", **bought),
    ]


def lived() -> MemoryHost:
    """Two users earned, and one was blocked."""
    host = MemoryHost(partitions=PARTITIONS, batch=3)
    host.publish(CAMPAIGNS, spring())
    host.publish(CODES, amy())
    host.publish(LISTS, entry("l", "eve", "block"))
    for n, user in enumerate(("uma", "wes", "eve")):
        host.publish(EVENTS, *comes(user, n * DAY))
        host.run()
    entries: list[Any] = host.log(REWARDS)
    assert sorted(one.status for one in entries) == ["granted"] * 5 + ["rejected"] * 2
    return host


CHANGES: Final[dict[str, Callable[[MemoryHost], None]]] = {
    "owner": lambda host: host.publish(CODES, amy(1, owner_user_id="another")),
    "revoked": lambda host: host.publish(
        CODES, amy(1, status=CodeStatus.REVOKED, event_time=T0 - DAY)
    ),
    "campaign": lambda host: host.publish(CODES, amy(1, campaign_id="gone")),
    "expiry": lambda host: host.publish(CODES, amy(1, expires_at=T0)),
    "max_uses": lambda host: host.publish(CODES, amy(1, max_uses=1)),
    "listed": lambda host: host.publish(LISTS, entry("m", "uma", "block")),
    "taken off": lambda host: host.publish(LISTS, entry("n", "eve", None, 1)),
    "policy": lambda host: host.publish(CAMPAIGNS, spring(referee_reward_micros=9 * UNIT)),
    "version": lambda host: host.publish(CAMPAIGNS, spring(2, trigger=Trigger.SIGNUP)),
    "scope": lambda host: host.publish(
        CAMPAIGNS, campaign("other", policy=policy_text(Policy(scope=Scope.CAMPAIGN)))
    ),
}


def compacted(host: MemoryHost) -> list[Record]:
    """What is left of codes, campaigns and lists."""
    return [
        record
        for topic in REFERENCE
        for record in {topic.key_of(one): one for one in host.log(topic)}.values()
    ]


def is_the_same(host: MemoryHost) -> None:
    """Every stage concludes the same again, and so it is explained."""
    log = {topic: host.logged(topic) for topic in {s.reads for s in TOPOLOGY} | {LOOKUPS}}
    for topic, due in replay(log, compacted(host), PARTITIONS).items():
        found = sorted(map(encode, host.log(topic)))
        assert found == sorted(map(encode, due)), topic.name
    for user in ("uma", "wes", "eve"):
        derived = derive(MemoryLog(host), "AMY", user)
        assert {one.stage: (one.verdict, one.differences, one.gaps) for one in derived} == {
            stage: ("same", [], []) for stage in ("touch", "attribution", "reward")
        }


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_decision_changes_no_replay(change: str) -> None:
    host = lived()
    CHANGES[change](host)
    is_the_same(host)


@pytest.mark.parametrize("change", CHANGES)
def test_decisions_before_and_after_a_change_are_each_the_same(change: str) -> None:
    host = lived()
    CHANGES[change](host)
    host.publish(EVENTS, *comes("zoe", 4 * DAY))
    host.run()
    is_the_same(host)


@pytest.mark.parametrize("change", CHANGES)
def test_a_worker_that_takes_over_may_know_less_and_is_replayed_as_it_decided(change: str) -> None:
    """The next worker has the states; of codes and lists it has read what there is for it."""
    host = lived()
    before = host.reference
    CHANGES[change](host)
    host.publish(EVENTS, *comes("zoe", 4 * DAY))
    host.run()
    host.take_over()
    host.reference = type(before)([spring(), amy(), entry("l", "eve", "block")])
    host.publish(EVENTS, *comes("ike", 5 * DAY))
    host.run()
    is_the_same(host)


def test_a_code_that_was_not_there_yet_stays_unknown_to_what_was_decided_before() -> None:
    host = MemoryHost(partitions=PARTITIONS)
    host.publish(CAMPAIGNS, spring())
    host.publish(EVENTS, *comes("uma", 0))
    host.run()
    host.publish(CODES, amy())
    for n, user in enumerate(("wes", "eve"), start=1):
        host.publish(EVENTS, *comes(user, n * DAY))
        host.run()
    found: list[Any] = host.log(REWARDS)
    assert [one.reasons for one in found if one.user_id == "uma"] == [["unknown_code"]]
    assert {one.status for one in found if one.user_id == "eve"} == {"granted"}
    is_the_same(host)


def test_each_fact_is_written_once_until_it_changes() -> None:
    host = lived()
    looked: list[Any] = [one for one in host.log(LOOKUPS) if one.stage == "reward"]  # type: ignore[attr-defined]
    facts = [decode(one.fact) for one in looked if one.fact]
    assert sorted(type(one).__name__ for one in facts) == [
        "CampaignDefined",
        "CodeChanged",
        "Listed",
    ]
    assert [one.fact for one in looked].count(None) == len({one.cause_partition for one in looked})


def test_the_revisions_that_decided_are_named() -> None:
    host = lived()
    host.publish(CODES, amy(7, owner_user_id="another"))
    host.publish(EVENTS, *comes("zoe", 4 * DAY))
    host.run()
    wes = derive(MemoryLog(host), "AMY", "wes")[-1].facts
    zoe = derive(MemoryLog(host), "AMY", "zoe")[-1].facts
    assert [one.fields["revision"] for one in wes if one.what == "CodeChanged"] == [0]
    assert [one.fields["revision"] for one in zoe if one.what == "CodeChanged"] == [0, 7]
    assert [one.fields["version"] for one in wes if one.what == "CampaignDefined"] == [1]
    eve = derive(MemoryLog(host), "AMY", "eve")[-1].facts
    listed = [one.fields for one in eve if one.what == "Listed"]
    assert [(one["value"], one["listing"]) for one in listed] == [("eve", "block")]
    assert "Listed" not in [one.what for one in wes]
