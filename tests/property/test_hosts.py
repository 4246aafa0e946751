"""Both hosts decide whole programmes alike: claims, reviews and time, in any batches.

The memory host asks and folds; the one on Kafka takes what deciders settle, keeps a heap of times,
and packs its states after each batch.
"""

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from property.programmes import ISSUED, REGISTERED
from support.stores import NewStore
from support.timers import ticks

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Click, Purchase, Refund, Signup
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.policy import (
    Adjustments,
    AtHoldsEnd,
    Caps,
    Fraud,
    Milestone,
    MilestoneKind,
    Policy,
    policy_text,
)
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT, Record
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    LIMITS,
    MILESTONES,
    REVIEWS,
    REWARDS,
    TICKS,
)
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Logged
from reftrail.engine.oracle import replay
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage
from reftrail.engine.state import StateStore
from reftrail.engine.store import PartitionStore, RestoredTo
from reftrail.engine.topology import TOPOLOGY
from reftrail.testing import adjustment, adjustment_decided
from reftrail.testing.times import FIRST_DAY

LIVELY = Policy(
    hold_for=3 * HOUR,
    expires_after=5 * HOUR,
    adjustments=Adjustments(approval_above_micros=2 * MICROS_PER_UNIT),
    caps=Caps(per_referrer=2, budget_micros=40 * MICROS_PER_UNIT),
    fraud=Fraud(review_for=2 * HOUR, at_review_end=AtHoldsEnd.GRANT),
    milestones=[
        Milestone(
            name="two",
            kind=MilestoneKind.BONUS,
            grants=2,
            value_micros=MICROS_PER_UNIT,
            currency="USD",
        )
    ],
)
CAMPAIGNS_ALIVE: list[CampaignDefined] = [
    msgspec.structs.replace(campaign, policy=policy_text(policy))
    for campaign, policy in zip(REGISTERED, (LIVELY, LIVELY), strict=False)
]
CAMPAIGN_OF = {code.code: code.campaign_id for code in ISSUED}
MANY = 12
"""The number of users; everybody does something every few hours."""


WHAT = (
    "touch",
    "touch",
    "signup",
    "purchase",
    "refund",
    "review",
    "tick",
    "adjustment",
    "decision",
)


def happened(rng: Random) -> Iterator[tuple[Topic, Record]]:
    """Users come by few codes, sign up, buy and are paid back; analysts and clock do their part."""
    for nth in range(240):
        at = FIRST_DAY + nth * HOUR // 6
        times: dict[str, Any] = {"event_id": f"e{nth}", "event_time": at, "received_at": at}
        user, code = f"u{nth % MANY}", rng.choice(["AMY", "AMY", "CAT", "BOB", "FEW"])
        of: dict[str, Any] = {"visitor_id": f"v {user}"}
        order: dict[str, Any] = {"user_id": user, "order_id": f"{user} {nth // (4 * MANY)}"}
        named: dict[str, Any] = {"code": code, "code_known": True, "campaign_id": CAMPAIGN_OF[code]}
        overrides: dict[str, Any] = {"code": code, "user_id": user, "reviewer": "ann"}
        whose: dict[str, Any] = {"code": code, "user_id": user}
        paid: dict[str, Any] = {"amount_micros": 60 * MICROS_PER_UNIT, "currency": "USD"}
        match rng.choice(WHAT):
            case "touch":
                yield EVENTS, Click(**times, **of, **named)
            case "signup":
                yield EVENTS, Signup(**times, **of, user_id=user, ip_hash=f"ip{nth % 3}")
            case "purchase":
                yield EVENTS, Purchase(**times, **order, **paid, device_hash=f"d{nth % 5}")
            case "refund":
                yield EVENTS, Refund(**times, **order)
            case "review":
                decision = rng.choice(["approve", "decline", "reverse"])
                yield REVIEWS, Reviewed(**times, **overrides, decision=decision)
            case "adjustment":
                yield (
                    ADJUSTMENTS,
                    adjustment(nth % 9 - 4, "10:00", **times, **whose, of=f"a{nth % 7}"),
                )
            case "decision":
                decided = rng.choice(["approve", "decline"])
                of_some = f"a{nth % 7}"
                yield (
                    ADJUSTMENTS,
                    adjustment_decided(decided, "10:00", **times, **whose, of=of_some),
                )
            case _:
                yield TICKS, _named(next(ticks(at, 1)), f"{nth}")


def lived(seed: int, batch: int) -> MemoryHost:
    """A host after a programme in which something is held, capped, reached and taken back."""
    host = MemoryHost(batch=batch, shuffle=Random(seed))
    host.publish(CAMPAIGNS, *CAMPAIGNS_ALIVE)
    host.publish(CODES, *ISSUED)
    for nth, (topic, record) in enumerate(happened(Random(seed))):
        host.publish(topic, record)
        if nth % 5 == 0:
            host.run()
    return host.run()


def _named(record: Record, name: str) -> Record:
    return msgspec.structs.replace(record, event_id=f"{name} {record.event_id}")


def chunked(logged: list[Logged], size: int, topic: Topic) -> list[Chunk]:
    found = []
    for begin in range(0, len(logged), size):
        part = logged[begin : begin + size]
        found.append(
            Chunk(
                part[0].offset,
                part[-1].offset + 1,
                offsets=[message.offset for message in part],
                timestamps=[message.record.received_at for message in part],
                keys=[topic.key_of(message.record).encode() for message in part],
                values=[encode(message.record) for message in part],
            )
        )
    return found


def on_kafka(
    stage: Stage, chunks: list[Chunk], reference: ReferenceTables, kept_in: PartitionStore
) -> tuple[dict[str, list[Record]], dict[str, bytes]]:
    """The outputs of the other host for one stage, and its states at the end."""
    work, store = StageOfPartition(stage, 0, 1), StateStore(stage, kept_in)
    sent: defaultdict[str, list[Record]] = defaultdict(list)
    for chunk in chunks:
        outcome = work.decide(chunk, store, reference)
        store.apply(outcome.changes, outcome.due_times)
        if len(sent) % 2:
            kept_in.write(RestoredTo())
        for (topic, _), messages in outcome.messages.items():
            if topic is not stage.changelog:
                sent[topic.name] += [decode(value) for _, value in messages]
    return dict(sent), dict(store.packed)


@pytest.mark.parametrize("seed", range(8))
def test_both_hosts_conclude_the_same(seed: int, new_store: NewStore) -> None:
    host = lived(seed, batch=7)
    reference = ReferenceTables([*CAMPAIGNS_ALIVE, *ISSUED])
    for stage in TOPOLOGY:
        logged = host.logged(stage.reads)
        sent, packed = on_kafka(
            stage, chunked(logged, seed + 1, stage.reads), reference, new_store()
        )
        due = replay({stage.reads: logged}, [*CAMPAIGNS_ALIVE, *ISSUED], 1, (stage,))
        assert sent == {topic.name: records for topic, records in due.items() if records}
        assert packed == host.states(stage)


def test_in_these_programmes_much_happens() -> None:
    """Else the test above would try nothing."""
    seen: set[str] = set()
    for seed in range(8):
        host = lived(seed, batch=7)
        entries = (record for record in host.log(REWARDS) if isinstance(record, RewardDecided))
        seen.update(entry.status for entry in entries)
        seen.update(topic.name for topic in (MILESTONES, DEAD_LETTERS, LIMITS) if host.log(topic))
    statuses = {"held", "granted", "rejected", "reversed", "expired", "adjusted"}
    assert statuses | {"milestones", "dead-letters", "limits"} <= seen
