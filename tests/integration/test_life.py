"""A reward's whole life on a real broker: every stage at work, a worker killed in between."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.kafka import TestInstallation
from support.log import group_positions, produce, read_committed, read_until
from support.worker import RunningWorker, group_of, worker

from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.events import Click, Event, Signup
from reftrail.contracts.external_inputs import FulfilmentReported, Reviewed
from reftrail.contracts.policy import Caps, Milestone, MilestoneKind, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, SECOND, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    LOOKUPS,
    MILESTONES,
    REVIEWS,
    REWARDS,
)
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.drain import wait_until_drained
from reftrail.reports.explain.derivation import derive
from reftrail.reports.explain.log import Log
from reftrail.testing import Logged, replay

NOW = time.time_ns() // 1_000_000
POLICIES = {
    "short": Policy(hold_for=SECOND),
    "long": Policy(hold_for=DAY),  # longer than any run of tests, whose clock began with NOW
    "capped": Policy(caps=Caps(per_referrer=1, per_referrer_per_day=5)),
    "bonus": Policy(
        milestones=[
            Milestone(
                name="two",
                kind=MilestoneKind.BONUS,
                grants=2,
                value_micros=7 * MICROS_PER_UNIT,
                currency="USD",
            )
        ]
    ),
}
USERS = {
    "short": ["waits"],
    "long": ["waits", "approved", "declined"],
    "capped": ["first", "second"],
    "bonus": ["first", "second"],
}
QUICK: dict[str, Any] = {"REFTRAIL_TICK_SECONDS": "0.2"}


def at(event_id: str, ago: int = 0) -> dict[str, Any]:
    return {"event_id": event_id, "event_time": NOW - ago, "received_at": NOW - ago}


def programme() -> list[Record]:
    """A campaign for each policy, with one code of its name."""
    found: list[Record] = []
    for name, policy in POLICIES.items():
        campaign = CampaignDefined(
            **at(f"campaign {name}", HOUR),
            campaign_id=name,
            version=1,
            effective_from=0,
            name=name,
            referrer_reward_micros=5 * MICROS_PER_UNIT,
            policy=policy_text(policy),
        )
        owner = f"{name} owner"
        issued: dict[str, Any] = {
            "code": name,
            "campaign_id": name,
            "owner_user_id": owner,
            "created_at": 0,
        }
        found += [campaign, CodeChanged(**at(f"code {name}", HOUR), **issued)]
    return found


def events() -> list[Event]:
    """Everybody clicks, and signs up a minute later, from an address of their own."""
    found: list[Event] = []
    for name, users in USERS.items():
        for user in (f"{name} {user}" for user in users):
            common: dict[str, Any] = {"visitor_id": user, "ip_hash": user, "network_hash": user}
            found += [
                Click(**at(f"click {user}", MINUTE), code=name, campaign_id=name, **common),
                Signup(**at(f"signup {user}"), user_id=user, **common),
            ]
    return found


def review(decision: str, user: str) -> Reviewed:
    common = at(f"{decision} {user}")
    return Reviewed(**common, code="long", user_id=user, decision=decision, reviewer="ann")


def ledger(installation: TestInstallation) -> list[RewardDecided]:
    return [logged.record for logged in read_committed(installation, REWARDS)]


def until(installation: TestInstallation, status: str, user: str) -> RewardDecided:
    """The entry, as soon as it is there."""

    def entries(found: list[Any]) -> list[RewardDecided]:
        entries = (logged.record for logged in found)
        return [entry for entry in entries if (entry.user_id, entry.status) == (user, status)]

    found = read_until(installation, REWARDS, lambda found: bool(entries(found)))
    assert entries(found), f"{user} is not {status}: {ledger(installation)}"
    return entries(found)[0]


def live(installation: TestInstallation, workers: list[RunningWorker]) -> None:
    """The events of a life, and the reviews of them."""
    produce(installation, EVENTS, events())
    for user in ("long approved", "long declined"):
        until(installation, "held", user)
    workers[0].kill()
    commands = [review("approve", "long approved"), review("decline", "long declined")]
    produce(installation, REVIEWS, commands)
    granted = until(installation, "granted", "long approved")
    until(installation, "rejected", "long declined")
    until(installation, "granted", "short waits")
    until(installation, "granted", "bonus owner")
    delivered = FulfilmentReported(
        **at("delivered"),
        code="long",
        user_id=granted.user_id,
        reward_id=granted.reward_id,
        role=granted.role,
        outcome="delivered",
        kind="credit",
        attempts=1,
    )
    produce(installation, FULFILMENTS, [delivered])
    produce(installation, REVIEWS, [review("approve", "long declined but too late")])
    late = msgspec.structs.replace(review("approve", "long declined"), event_id="too late")
    produce(installation, REVIEWS, [late])
    until(installation, "fulfilled", "long approved")
    wait_until_drained(installation, group_of(installation), None, "", timeout=120)


@pytest.mark.partitions(4)
def test_every_stage_does_its_part_and_a_replay_gives_the_same_to_the_byte(
    installation: TestInstallation, tmp_path: Path
) -> None:
    known = programme()
    produce(
        installation,
        CAMPAIGNS,
        [campaign for campaign in known if isinstance(campaign, CampaignDefined)],
    )
    produce(installation, CODES, [code for code in known if isinstance(code, CodeChanged)])
    with (
        worker(installation, tmp_path / "one.log", **QUICK) as one,
        worker(installation, tmp_path / "two.log", **QUICK) as two,
    ):
        one.wait_until_ready()
        two.wait_until_ready()
        live(installation, [one, two])

    entries: dict[str, list[str]] = {}
    for entry in ledger(installation):
        entries.setdefault(entry.user_id, []).append(" ".join([entry.status, *entry.reasons]))
    capped = [entries.pop("capped first"), entries.pop("capped second")]
    assert sorted(capped) == [["granted"], ["rejected cap_per_referrer"]]
    assert entries == {
        "short waits": ["held holding_period", "granted hold_ended"],
        "long waits": ["held holding_period"],
        "long approved": ["held holding_period", "granted approved", "fulfilled"],
        "long declined": ["held holding_period", "rejected declined holding_period"],
        "bonus first": ["granted"],
        "bonus second": ["granted"],
        "bonus owner": ["granted"],
    }
    reached = [logged.record for logged in read_committed(installation, MILESTONES)]
    assert [
        (milestone.beneficiary, milestone.name, milestone.reached) for milestone in reached
    ] == [("bonus owner", "two", True)]
    refused = [logged.record for logged in read_committed(installation, DEAD_LETTERS)]
    assert sorted((letter.stage, letter.reason) for letter in refused) == [
        ("reward", "not_allowed"),
        ("reward", "unknown_reward"),
    ]
    check_replay(installation, known)
    check_derived_again(installation)


def check_replay(installation: TestInstallation, known: list[Record]) -> None:
    """Each stage alone, played over what it read, writes what is in the log.

    That codes have another owner by now changes nothing.
    """
    positions = group_positions(installation, group_of(installation))
    log = {
        stage.reads: [
            Logged(at.record, at.partition, at.offset, timestamp=at.timestamp)
            for at in read_committed(installation, stage.reads)
            if at.offset < positions.get((stage.reads, at.partition), 0)
        ]
        for stage in TOPOLOGY
    }
    log[LOOKUPS] = [
        Logged(at.record, at.partition, at.offset) for at in read_committed(installation, LOOKUPS)
    ]
    changed = [
        msgspec.structs.replace(code, owner_user_id="another")
        if isinstance(code, CodeChanged)
        else code
        for code in known
    ]
    for topic, due in replay(log, changed, installation.partitions).items():
        found = [logged.record for logged in read_committed(installation, topic)]
        assert sorted(map(said, found)) == sorted(map(said, due)), topic.name


def check_derived_again(installation: TestInstallation) -> None:
    """Each user's explanation is derived again from the log: holds, reviews, limits, all."""
    pairs = {(entry.code, entry.user_id) for entry in ledger(installation)}
    kinds: set[str] = set()
    with Log(installation) as log:
        for pair in pairs:
            reward = derive(log, *pair)[-1]
            assert (reward.verdict, reward.differences) == ("same", []), pair
            kinds |= {input_.what for input_ in reward.inputs}
    assert kinds == {
        "Claimed",
        "FulfilmentReported",
        "LimitAnswered",
        "MilestoneChanged",
        "Reviewed",
        "SignalChecked",
        "Ticked",
    }


def said(record: Record) -> bytes:
    """All of it; but of a dead letter the broker's time."""
    if isinstance(record, DeadLettered):
        record = msgspec.structs.replace(record, event_time=0, received_at=0)
    return msgspec.json.encode(record)
