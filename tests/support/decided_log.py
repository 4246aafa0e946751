"""A log of all stages in memory, with users and codes on two partitions, decided again."""

from collections.abc import Iterable
from typing import Any, Final

from reftrail.contracts.events import Event
from reftrail.contracts.external_inputs import ReviewDecision, Reviewed
from reftrail.contracts.policy import Milestone, MilestoneKind, Policy, policy_text
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT, Millis
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    EVENTS,
    REVIEWS,
    REWARD_INPUTS,
    REWARDS,
    TICKS,
)
from reftrail.engine.memory import MemoryHost
from reftrail.engine.stage import Stage
from reftrail.engine.topology import TOPOLOGY
from reftrail.reports.explain.derivation import derive
from reftrail.reports.explain.explanation import Derivation, Link
from support.memory_log import MemoryLog
from support.programme import T0, campaign, click, code, purchase, signup
from support.timers import ticks

PARTITIONS: Final = 2
UNIT: Final = MICROS_PER_UNIT
STAGES: Final = ("touch", "attribution", "reward")
BONUS: Final = Milestone(
    name="two", kind=MilestoneKind.BONUS, grants=2, value_micros=7 * UNIT, currency="USD"
)


def programme(
    policy: Policy | None = None, *, topology: tuple[Stage, ...] = TOPOLOGY, **terms: Any
) -> MemoryHost:
    """A campaign under a policy, with the codes AMY and BOB of one owner; another beside it."""
    host = MemoryHost(topology, partitions=PARTITIONS, batch=3)
    rewards = {"referrer_reward_micros": 5 * UNIT, "referee_reward_micros": 2 * UNIT}
    host.publish(
        CAMPAIGNS,
        campaign("spring", policy=policy_text(policy or Policy()), **(rewards | terms)),
        campaign("other", **rewards),
    )
    host.publish(
        CODES,
        *(code(name, "spring", owner_user_id="owner") for name in ("AMY", "BOB")),
        code("ZOE", "other", owner_user_id="zoe"),
    )
    happen(host, [*comes("by", code="ZOE"), *comes("stander", code="ZOE")])
    return host


def comes(
    user: str, at: Millis = 0, *, code: str = "AMY", typed: str | None = None, **actual: Any
) -> list[Event]:
    """A click, and an hour later the signup."""
    visitor, campaign_id = f"visitor {user}", "other" if code == "ZOE" else "spring"
    clicked, signed_up = T0 + at, T0 + at + HOUR
    return [
        click(visitor, code, campaign_id=campaign_id, event_time=clicked, received_at=clicked),
        signup(user, visitor, code=typed, event_time=signed_up, received_at=signed_up, **actual),
    ]


def buys(user: str, at: Millis) -> Event:
    return purchase(user, event_time=T0 + at, received_at=T0 + at, order_id=f"order {user}")


def happen(host: MemoryHost, events: Iterable[Event]) -> None:
    host.publish(EVENTS, *events)
    host.run()


def time_is(host: MemoryHost, *moments: Millis) -> None:
    for at in moments:
        host.publish(TICKS, *ticks(T0 + at, PARTITIONS))
        host.run()


def review(
    host: MemoryHost, decision: ReviewDecision, user: str, at: Millis, code: str = "AMY"
) -> None:
    actual: dict[str, Any] = {"event_time": T0 + at, "received_at": T0 + at, "reviewer": "ann"}
    host.publish(
        REVIEWS,
        Reviewed(
            event_id=f"{decision} {user}",
            code=code,
            user_id=user,
            decision=decision.value,
            **actual,
        ),
    )
    host.run()


def statuses(host: MemoryHost, user: str) -> list[str]:
    """The history of a user's own side, entry by entry, with the reasons."""
    found: Iterable[Any] = host.log(REWARDS)
    return [
        " ".join([entry.status, *entry.reasons])
        for entry in found
        if entry.beneficiary == user and entry.role != "referrer"
    ]


def again(
    host: MemoryHost | MemoryLog, user: str, code: str = "AMY", **settings: Any
) -> dict[str, Derivation]:
    log = host if isinstance(host, MemoryLog) else MemoryLog(host)
    found = derive(log, code, user, **settings)
    assert tuple(derivation.stage for derivation in found) == STAGES
    return {derivation.stage: derivation for derivation in found}


def is_same(host: MemoryHost, user: str, code: str = "AMY") -> list[Link]:
    """All three stages say the same again; what the reward stage decided on."""
    derived = again(host, user, code)
    assert {
        name: (derivation.verdict, derivation.differences) for name, derivation in derived.items()
    } == {name: ("same", []) for name in STAGES}
    inputs = derived["reward"].inputs
    logged = {(at.partition, at.offset): at.record for at in host.logged(REWARD_INPUTS)}
    for link in inputs:
        assert logged[link.partition, link.offset].event_id == link.event_id
    return inputs


def kinds(inputs: Iterable[Link]) -> list[str]:
    return [link.what for link in inputs]
