"""Evidence of a run without faults, made in memory; and ways to inject a fault into it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import msgspec
from support.delivered import delivered
from support.log import Logged
from support.timers import ticks

from crash.evidence import LOGGED, Evidence
from crash.facts import Facts
from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.decisions import RewardDecided, RewardGranted
from reftrail.contracts.events import Click, Event, Purchase, Refund, Signup
from reftrail.contracts.external_inputs import FulfilmentReported, ReviewDecision, Reviewed
from reftrail.contracts.policy import Adjustments, Caps, OnRefund, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    FULFILMENTS,
    PUBLIC_TOPICS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
    TICKS,
)
from reftrail.engine.memory import MemoryHost
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.reward.transitions import effect

T0: Final = 1_790_000_000_000
PARTITIONS: Final = 3
_UNIT: Final = MICROS_PER_UNIT
_WATCHED: Final = Policy(
    hold_for=HOUR,
    expires_after=DAY,
    on_refund=OnRefund.PROPORTIONAL,
    caps=Caps(per_code=6, per_referrer=6, budget_micros=30 * _UNIT),
    adjustments=Adjustments(approval_above_micros=6 * _UNIT),
)


def faultless_run(shuffle: int | None = None) -> Evidence:
    """The evidence of a host that makes no mistake, in some order."""
    host = MemoryHost(
        partitions=PARTITIONS, batch=4, shuffle=None if shuffle is None else Random(shuffle)
    )
    host.publish(CAMPAIGNS, *_campaigns())
    host.publish(CODES, code("MANY"), code("FEW", max_uses=2), code("WATCHED", "watched"))
    host.publish(EVENTS, *events())
    host.run()
    _live(host)
    log = {
        topic: [
            Logged(at.partition, at.offset, topic.key_of(at.record), at.record)
            for at in host.logged(topic)
        ]
        for topic in LOGGED
    }
    return Evidence(
        partitions=PARTITIONS,
        acknowledged=frozenset(event.event_id for event in events()),
        reviewed=frozenset(record.event_id for record in host.log(REVIEWS)),
        adjusted=frozenset({*(f"for a{nth}" for nth in range(5)), "decline bea e4 for a4"}),
        given={report.reward_id: 1 for report in _reports(host)},
        balances=_balances(host),
        log=log,
        positions={
            (stage.reads, n): len([at for at in log[stage.reads] if at.partition == n])
            for stage in TOPOLOGY
            for n in range(PARTITIONS)
        },
        facts={topic: facts(topic, log[topic]) for topic in PUBLIC_TOPICS},
    )


def _live(host: MemoryHost) -> None:
    """Of six watched rewards one each is approved, declined, taken back in part and in full.

    One expires, one is given too late. Everything else is simply given.
    """
    host.publish(REVIEWS, review("approve", "w0"), review("approve", "w0"), review("decline", "w1"))
    host.publish(ADJUSTMENTS, adjusted("a0", 2), adjusted("a0", 2), adjusted("a1", 9))
    host.publish(ADJUSTMENTS, adjusted("a2", -1), adjusted("a3", 4), adjusted("a4", 8))
    host.run()
    for decision, name, actor in (
        ("approve", "a1", "Ann"),
        ("approve", "a1", "bea"),
        ("decline", "a4", "bea"),
    ):
        host.publish(ADJUSTMENTS, decided(decision, name, actor))
    _time_goes_by(host, T0 + 2 * HOUR)
    host.publish(EVENTS, _refund("w4", "late"))
    host.run()
    host.publish(FULFILMENTS, *map(_report, _orders(host, but=("w3",))))
    host.run()
    host.publish(EVENTS, _refund("w0", "all"), _refund("w2", "part", 10 * _UNIT))
    host.publish(REVIEWS, review("approve", "w1"))
    _time_goes_by(host, T0 + 2 * DAY)


def _time_goes_by(host: MemoryHost, at: Millis) -> None:
    host.run()
    host.publish(TICKS, *ticks(at, PARTITIONS))
    host.run()


def _balances(host: MemoryHost) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        found[entry.beneficiary or "", entry.currency] += effect(entry)
    return found


def _campaigns() -> list[CampaignDefined]:
    common: dict[str, Any] = {
        "event_time": T0,
        "received_at": T0,
        "version": 1,
        "effective_from": 0,
        "referrer_reward_micros": 5 * _UNIT,
    }
    return [
        CampaignDefined(event_id="spring", campaign_id="spring", name="Spring", **common),
        CampaignDefined(
            event_id="watched",
            campaign_id="watched",
            name="Watched",
            trigger=Trigger.FIRST_PURCHASE,
            policy=policy_text(_WATCHED),
            **common,
        ),
    ]


def code(name: str, campaign_id: str = "spring", max_uses: int | None = None) -> CodeChanged:
    return CodeChanged(
        event_id=name,
        event_time=T0,
        received_at=T0,
        code=name,
        campaign_id=campaign_id,
        owner_user_id="owner",
        created_at=T0,
        max_uses=max_uses,
    )


def events() -> list[Event]:
    """Nine users sign up a minute after a click, six by way of a code that only two may use.

    Six others are watched. The first events are sent twice.
    """
    found: list[Event] = []
    for n in range(9):
        found += _comes(f"u{n}", n, "FEW" if n % 3 else "MANY")
    for n in range(6):
        found += _comes(f"w{n}", n, "WATCHED")
    return [*found, *found[:5]]


def _comes(user: str, n: int, code: str) -> list[Event]:
    clicked: Any = {"event_time": T0 + n, "received_at": T0 + n}
    at: Any = {"event_time": T0 + n + MINUTE, "received_at": T0 + n + MINUTE}
    visitor = f"visitor {user}"
    return [
        Click(event_id=f"c-{user}", visitor_id=visitor, code=code, **clicked),
        Signup(event_id=f"s-{user}", visitor_id=visitor, user_id=user, **at),
        Purchase(
            event_id=f"p-{user}",
            user_id=user,
            order_id=f"order {user}",
            amount_micros=100 * _UNIT,
            currency="USD",
            **at,
        ),
    ]


def _refund(user: str, name: str, amount: int | None = None) -> Refund:
    return Refund(
        event_id=f"r-{user} {name}",
        event_time=T0 + 3 * HOUR,
        received_at=T0 + 3 * HOUR,
        user_id=user,
        order_id=f"order {user}",
        amount_micros=amount,
        currency=None if amount is None else "USD",
    )


def review(decision: str, user: str) -> Reviewed:
    """The same decision on a user is the same review."""
    return Reviewed(
        event_id=f"{decision} {user}",
        event_time=T0 + HOUR,
        received_at=T0 + HOUR,
        code="WATCHED",
        user_id=user,
        decision=ReviewDecision(decision).value,
        reviewer="ann",
    )


def adjusted(name: str, units: int) -> Adjusted:
    """An adjustment of the owner of the watched code; the same name is the same one."""
    return Adjusted(
        event_id=name,
        event_time=T0 + HOUR,
        received_at=T0 + HOUR,
        adjustment_id=f"for {name}",
        code="WATCHED",
        user_id="w0",
        role="referrer",
        value_micros=units * _UNIT,
        currency="USD",
        reason="goodwill",
        actor="ann",
    )


def decided(decision: str, name: str, actor: str) -> AdjustmentDecided:
    """A person's decision about an adjustment."""
    return AdjustmentDecided(
        event_id=f"{decision} {name} {actor}",
        event_time=T0 + HOUR,
        received_at=T0 + HOUR,
        adjustment_id=f"for {name}",
        code="WATCHED",
        user_id="w0",
        decision=decision,
        actor=actor,
        note=f"given as {actor}",
    )


def _report(order: RewardGranted) -> FulfilmentReported:
    at = T0 + 4 * HOUR
    return delivered(order, event_id=f"delivered {order.reward_id}", event_time=at, received_at=at)


def _orders(host: MemoryHost, but: Iterable[str]) -> list[RewardGranted]:
    orders = (grant for grant in host.log(REWARD_GRANTED) if isinstance(grant, RewardGranted))
    return [order for order in orders if order.user_id not in but]


def _reports(host: MemoryHost) -> list[FulfilmentReported]:
    return [report for report in host.log(FULFILMENTS) if isinstance(report, FulfilmentReported)]


def facts(topic: Topic, log: Sequence[Logged]) -> Facts:
    stored: dict[str, int] = {}
    for at in log:
        if isinstance(at.record, topic.also):
            continue
        stored[at.record.event_id] = stored.get(at.record.event_id, 0) + 1
    return Facts(stored, dict.fromkeys(stored, 1))


def without(
    evidence: Evidence, topic: Topic, which: Callable[[Any], bool] | None = None
) -> Evidence:
    """Without some of a topic's records; without the first one by default."""
    log = evidence.log[topic]
    left = log[1:] if which is None else [at for at in log if not which(at.record)]
    assert len(left) < len(log), "nothing was taken away"
    return replace(evidence, log={**evidence.log, topic: left})


def doubled(evidence: Evidence, topic: Topic) -> Evidence:
    """Repeat its first record at the end of its partition."""
    first = evidence.log[topic][0]
    return with_one_more(evidence, topic, first, first.record)


def with_one_more(evidence: Evidence, topic: Topic, like: Logged, record: Record) -> Evidence:
    """Another record at the end of the partition that holds one."""
    found = evidence.log[topic]
    end = max(at.offset for at in found if at.partition == like.partition) + 1
    more = replace(like, offset=end, record=record)
    return replace(evidence, log={**evidence.log, topic: [*found, more]})


def changed(
    evidence: Evidence, topic: Topic, which: Callable[[Any], bool] | None = None, **fields: object
) -> Evidence:
    """With other fields in the first record, or in those given."""
    log = evidence.log[topic]
    chosen = log[:1] if which is None else [at for at in log if which(at.record)]
    assert chosen, "nothing was changed"
    now = [
        replace(at, record=msgspec.structs.replace(at.record, **fields)) if at in chosen else at
        for at in log
    ]
    return replace(evidence, log={**evidence.log, topic: now})
