"""Decisions made again after codes, campaigns and lists have changed: the same to the byte."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from support.memory_log import MemoryLog
from support.programme import T0, campaign, click, code, purchase, signup
from support.timers import ticks

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.events import Event
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.policy import Milestone, MilestoneKind, Policy, Scope, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, Millis, Record
from reftrail.contracts.reference import CodeStatus, Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, LISTS, LOOKUPS, REWARDS, TICKS
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
    actual = {"owner_user_id": "owner", "campaign_id": "spring"} | changed
    return code("AMY", revision=revision, **actual)


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
    assert sorted(entry.status for entry in entries) == ["granted"] * 5 + ["rejected"] * 2
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
    """The records of codes, campaigns and lists after compaction."""
    return [
        record
        for topic in REFERENCE
        for record in {topic.key_of(latest): latest for latest in host.log(topic)}.values()
    ]


def is_the_same(host: MemoryHost) -> None:
    """Every stage decides the same again, and so it is explained."""
    log = {topic: host.logged(topic) for topic in {s.reads for s in TOPOLOGY} | {LOOKUPS}}
    for topic, due in replay(log, compacted(host), PARTITIONS).items():
        found = sorted(map(encode, host.log(topic)))
        assert found == sorted(map(encode, due)), topic.name
    for user in ("uma", "wes", "eve"):
        derived = derive(MemoryLog(host), "AMY", user)
        assert {
            derivation.stage: (derivation.verdict, derivation.differences, derivation.gaps)
            for derivation in derived
        } == {stage: ("same", [], []) for stage in ("touch", "attribution", "reward")}


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
    assert [entry.reasons for entry in found if entry.user_id == "uma"] == [["unknown_code"]]
    assert {entry.status for entry in found if entry.user_id == "eve"} == {"granted"}
    is_the_same(host)


def test_each_fact_is_written_once_until_it_changes() -> None:
    host = lived()
    looked: list[Any] = [record for record in host.log(LOOKUPS) if record.stage == "reward"]  # type: ignore[attr-defined]
    facts = [decode(lookup.fact) for lookup in looked if lookup.fact]
    assert sorted(type(fact).__name__ for fact in facts) == [
        "CampaignDefined",
        "CodeChanged",
        "Listed",
    ]
    assert [lookup.fact for lookup in looked].count(None) == len(
        {lookup.cause_partition for lookup in looked}
    )


def test_the_revisions_that_decided_are_named() -> None:
    host = lived()
    host.publish(CODES, amy(7, owner_user_id="another"))
    host.publish(EVENTS, *comes("zoe", 4 * DAY))
    host.run()
    wes = derive(MemoryLog(host), "AMY", "wes")[-1].facts
    zoe = derive(MemoryLog(host), "AMY", "zoe")[-1].facts
    assert [link.fields["revision"] for link in wes if link.what == "CodeChanged"] == [0]
    assert [link.fields["revision"] for link in zoe if link.what == "CodeChanged"] == [0, 7]
    assert [link.fields["version"] for link in wes if link.what == "CampaignDefined"] == [1]
    eve = derive(MemoryLog(host), "AMY", "eve")[-1].facts
    listed = [link.fields for link in eve if link.what == "Listed"]
    assert [(entry["value"], entry["listing"]) for entry in listed] == [("eve", "block")]
    assert "Listed" not in [link.what for link in wes]


def test_ticks_before_the_first_decision_are_not_from_before_lookups_were_recorded() -> None:
    """A new installation ticks before its first events, and looks nothing up for that."""
    host = MemoryHost(partitions=PARTITIONS)
    for minute in range(3):
        host.publish(TICKS, *ticks(T0 - DAY + minute * MINUTE, PARTITIONS))
        host.run()
    host.publish(CAMPAIGNS, spring())
    host.publish(CODES, amy())
    host.publish(EVENTS, *comes("uma", 0))
    host.run()
    assert host.log(LOOKUPS)
    assert host.log(REWARDS)
    assert [derivation.gaps for derivation in derive(MemoryLog(host), "AMY", "uma")] == [[], [], []]


def test_decisions_from_before_lookups_were_recorded_are_named() -> None:
    """An installation whose workers began to record lookups when it had decided on users."""
    host = lived()
    before = {record.event_id for record in host.log(LOOKUPS)}
    host.take_over()
    host.publish(EVENTS, *comes("zoe", 4 * DAY))
    host.run()
    log = MemoryLog(host)
    log.lose(LOOKUPS, lambda record: record.event_id in before)
    gaps = {derived.stage: derived.gaps for derived in derive(log, "AMY", "uma")}
    (gap,) = gaps["reward"]
    assert gap.startswith(f"reward-inputs/{AMYS} up to offset ")
    assert "is from before lookups were recorded" in gap
    assert derive(log, "AMY", "zoe")[0].gaps == []
