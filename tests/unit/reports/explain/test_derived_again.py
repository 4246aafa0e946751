"""Decisions made again from a log, whatever came to bear on them: each is the same as then.

The log is that of all stages in memory, on partitions that many users and codes share.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import pytest
from support.memory_log import MemoryLog
from support.programme import T0, campaign, click, code, purchase, refund, signup
from support.timers import ticks

from reftrail.contracts.events import Event
from reftrail.contracts.external_inputs import FulfilmentReported, Listed, ReviewDecision, Reviewed
from reftrail.contracts.policy import (
    Arm,
    ArmReward,
    ArmUnit,
    AtHoldsEnd,
    Caps,
    Experiment,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, Millis
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CLAIMS,
    CODES,
    EVENTS,
    FULFILMENTS,
    LISTS,
    LOOKUPS,
    REVIEWS,
    REWARD_INPUTS,
    REWARDS,
    TICKS,
)
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Logged
from reftrail.engine.stage import Stage
from reftrail.engine.topology import TOPOLOGY, topology_with
from reftrail.reports.explain.derivation import derive
from reftrail.reports.explain.explanation import Derivation, Link

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


def test_a_hold_that_ended_with_a_tick() -> None:
    host = programme(Policy(hold_for=2 * HOUR))
    happen(host, [*comes("uma"), *comes("wes", 90 * MINUTE)])
    time_is(host, HOUR, 2 * HOUR, 3 * HOUR, 5 * HOUR)
    assert statuses(host, "uma") == ["held holding_period", "granted hold_ended"]
    inputs = is_same(host, "uma")
    assert kinds(inputs) == ["Claimed", "SignalChecked", "Ticked"]
    assert inputs[-1].event_time == "2026-09-21T17:13:20.000Z"
    assert kinds(is_same(host, "wes"))[-1] == "Ticked"


def test_a_hold_that_has_not_ended() -> None:
    host = programme(Policy(hold_for=2 * DAY))
    happen(host, comes("uma"))
    time_is(host, HOUR, DAY)
    assert statuses(host, "uma") == ["held holding_period"]
    assert kinds(is_same(host, "uma")) == ["Claimed", "SignalChecked"]


def test_a_review_that_nobody_did_in_time_and_a_grant_that_nobody_fulfilled() -> None:
    fraud = Fraud(weights={"disposable_email": 60}, review_for=DAY, at_review_end=AtHoldsEnd.GRANT)
    host = programme(Policy(fraud=fraud, expires_after=DAY))
    happen(host, comes("uma", email_disposable=True))
    time_is(host, 2 * DAY, 4 * DAY)
    actual = [status.split()[0] for status in statuses(host, "uma")]
    assert actual == ["held", "granted", "expired"]
    assert kinds(is_same(host, "uma")) == ["Claimed", "SignalChecked", "Ticked", "Ticked"]


@pytest.mark.parametrize(
    ("decisions", "becomes"),
    [
        ((ReviewDecision.APPROVE,), ["held", "granted"]),
        ((ReviewDecision.DECLINE,), ["held", "rejected"]),
        ((ReviewDecision.APPROVE, ReviewDecision.REVERSE), ["held", "granted", "reversed"]),
        ((ReviewDecision.DECLINE, ReviewDecision.APPROVE), ["held", "rejected"]),
    ],
)
def test_reviews(decisions: tuple[ReviewDecision, ...], becomes: list[str]) -> None:
    host = programme(Policy(fraud=Fraud(weights={"disposable_email": 60})))
    happen(host, [*comes("uma", email_disposable=True), *comes("wes", email_disposable=True)])
    for n, decision in enumerate(decisions):
        review(host, decision, "uma", (2 + n) * HOUR)
    assert [status.split()[0] for status in statuses(host, "uma")] == becomes
    inputs = is_same(host, "uma")
    assert kinds(inputs)[2:] == ["Reviewed"] * len(decisions)
    assert [link.fields["decision"] for link in inputs[2:]] == list(decisions)
    assert kinds(is_same(host, "wes")) == ["Claimed", "SignalChecked"]


def test_what_was_fulfilled_and_then_paid_back_in_part() -> None:
    policy = Policy(on_refund=OnRefund.PROPORTIONAL)
    host = programme(policy, trigger=Trigger.FIRST_PURCHASE)
    happen(host, [*comes("uma"), buys("uma", 2 * HOUR)])
    entry: Any = next(
        record for record in host.log(REWARDS) if getattr(record, "user_id", "") == "uma"
    )
    actual: dict[str, Any] = {"event_time": T0 + DAY, "received_at": T0 + DAY, "kind": "credit"}
    host.publish(
        FULFILMENTS,
        FulfilmentReported(
            event_id="given",
            code="AMY",
            user_id="uma",
            reward_id=entry.reward_id,
            role=entry.role,
            outcome="delivered",
            attempts=1,
            **actual,
        ),
    )
    host.run()
    paid_back: Any = {"event_time": T0 + 2 * DAY, "received_at": T0 + 2 * DAY, "currency": "USD"}
    happen(host, [refund("uma", order_id="order uma", amount_micros=5 * UNIT, **paid_back)])
    ledger: list[Any] = [
        record for record in host.log(REWARDS) if getattr(record, "user_id", "") == "uma"
    ]
    assert {entry.status for entry in ledger} == {"granted", "fulfilled", "reversed"}
    assert kinds(is_same(host, "uma"))[-2:] == ["FulfilmentReported", "Claimed"]


def test_limits_that_codes_share_and_limits_of_a_code() -> None:
    caps = Caps(per_code=2, per_referrer=3, budget_micros=100 * UNIT)
    host = programme(Policy(caps=caps))
    for n, name in enumerate(("AMY", "AMY", "AMY", "BOB", "BOB")):
        happen(host, comes(f"u{n}", n * DAY, code=name))
    actual = {user: statuses(host, user) for user in ("u0", "u1", "u2", "u3", "u4")}
    assert actual == {
        "u0": ["granted"],
        "u1": ["granted"],
        "u2": ["rejected cap_per_code"],
        "u3": ["granted"],
        "u4": ["rejected cap_per_referrer"],
    }
    assert kinds(is_same(host, "u0")) == ["Claimed", "SignalChecked", "LimitAnswered"]
    assert kinds(is_same(host, "u2")) == ["Claimed", "SignalChecked"]
    inputs = is_same(host, "u4", "BOB")
    assert inputs[-1].fields["refused_by"].startswith("cap_per_referrer:spring:owner")


def test_evidence_of_velocity() -> None:
    fraud = Fraud(weights={"users_per_ip_24h": 80}, limits={"users_per_ip_24h": 3})
    host = programme(Policy(fraud=fraud))
    for n, name in enumerate(("AMY", "BOB", "AMY", "BOB", "AMY")):
        actual = {"ip_hash": "the same", "network_hash": "as well"}
        happen(host, comes(f"u{n}", n * MINUTE, code=name, **actual))
    assert statuses(host, "u0") == ["granted"]
    (last,) = statuses(host, "u4")
    assert last.startswith("rejected users_per_ip_24h")
    seen = [link.fields for link in is_same(host, "u4") if link.what == "SignalChecked"]
    assert {signal["kind"]: signal["users_24h"] for signal in seen}["ip"] == 5
    is_same(host, "u0")
    is_same(host, "u3", "BOB")


def test_a_milestones_bonus_is_derived_for_whom_it_is() -> None:
    host = programme(Policy(milestones=[BONUS]))
    for n in range(3):
        happen(host, comes(f"u{n}", n * DAY))
    assert statuses(host, "owner") == ["granted"]
    is_same(host, "u1")
    derived = again(host, "owner")
    assert (derived["reward"].verdict, derived["reward"].outputs) == ("same", 1)
    (actual,) = derived["reward"].inputs
    assert (actual.what, actual.fields["name"], actual.fields["grants"]) == (
        "MilestoneChanged",
        "two",
        2,
    )


def test_a_milestone_lost_again() -> None:
    host = programme(Policy(milestones=[BONUS]))
    for n in range(2):
        happen(host, comes(f"u{n}", n * DAY))
    review(host, ReviewDecision.REVERSE, "u0", 4 * DAY)
    assert [status.split()[0] for status in statuses(host, "owner")] == ["granted", "reversed"]
    derived = again(host, "owner")["reward"]
    assert (derived.verdict, derived.outputs) == ("same", 2)
    assert [link.fields.get("reached") for link in derived.inputs] == [True, False]


@pytest.mark.parametrize("by", ArmUnit)
def test_arms_of_an_experiment_whose_shares_have_changed(by: ArmUnit) -> None:
    def compared(control: int, double: int) -> Policy:
        better = ArmReward(value_micros=9 * UNIT)
        arms = [
            Arm(name="control", share=control),
            Arm(name="double", share=double, referee=better),
        ]
        return Policy(experiment=Experiment(by=by, salt="s", arms=arms))

    host = programme(compared(1, 1))
    happen(host, [event for number in range(4) for event in comes(f"uma{number}")])
    text = policy_text(compared(1, 2**30))
    host.publish(CAMPAIGNS, campaign("spring", version=2, effective_from=T0 + DAY, policy=text))
    later = [event for number in range(4) for event in comes(f"wes{number}", 2 * DAY)]
    happen(host, later)
    shown = set()
    for number in range(4):
        for user in (f"uma{number}", f"wes{number}"):
            inputs = is_same(host, user)
            shown.add((user[:3], inputs[0].fields["arm"]))
    assert ("wes", "double") in shown
    first = [arm for user, arm in shown if user == "uma"]
    assert len(first) == (2 if by == ArmUnit.VISITOR else 1), "all came through one code"


def test_lists() -> None:
    host = programme()
    actual: dict[str, Any] = {"event_time": T0, "received_at": T0, "actor": "ann"}
    host.publish(
        LISTS, Listed(event_id="l", subject="user", value="uma", listing="block", **actual)
    )
    happen(host, comes("uma"))
    assert statuses(host, "uma") == ["rejected blocked"]
    is_same(host, "uma")


@pytest.mark.parametrize("typed_code_wins", [True, False])
def test_a_user_whom_two_codes_might_have_referred(*, typed_code_wins: bool) -> None:
    host = programme(typed_code_wins=typed_code_wins)
    happen(host, comes("uma", code="ZOE"))
    happen(host, comes("wes", code="ZOE", typed="AMY"))
    earned: list[Any] = [
        record for record in host.log(REWARDS) if getattr(record, "user_id", "") == "wes"
    ]
    (name,) = {entry.code for entry in earned}
    for code_asked in ("AMY", "ZOE"):
        derived = again(host, "wes", code_asked)
        assert [derivation.differences for derivation in derived.values()] == [[], [], []]
        expected = "same" if code_asked == name else "nothing"
        assert derived["reward"].verdict == expected


@pytest.mark.parametrize(("wait", "verdict"), [(60 * DAY, "same"), (30 * DAY, "differs")])
def test_purchases_wait_as_long_as_workers_are_set_to(wait: Millis, verdict: str) -> None:
    topology = topology_with(signup_wait=60 * DAY)
    host = programme(
        trigger=Trigger.FIRST_PURCHASE, attribution_window_ms=90 * DAY, topology=topology
    )
    clicked, _ = comes("uma", 12 * DAY)
    bought, (_, signed_up) = buys("uma", 13 * DAY), comes("uma", 50 * DAY)
    happen(host, [clicked, bought])
    time_is(host, 45 * DAY)
    happen(host, [signed_up])
    assert again(host, "uma", signup_wait=wait)["attribution"].verdict == verdict


def test_where_a_clock_was_ahead_time_is_the_brokers() -> None:
    """By the receipt of the second click, the visitor would be forgotten before the signup."""
    host = programme()
    clicked, signed_up = comes("uma")
    happen(host, [clicked])
    ahead = msgspec.structs.replace(
        clicked, event_id="again", code=None, received_at=clicked.received_at + 200 * DAY
    )
    partition = EVENTS.partition(EVENTS.key_of(ahead), PARTITIONS)
    end = 1 + max(at.offset for at in host.logged(EVENTS) if at.partition == partition)
    host.publish_logged(EVENTS, Logged(ahead, partition, end, timestamp=clicked.received_at))
    happen(host, [signed_up])
    assert statuses(host, "uma") == ["granted"]
    is_same(host, "uma")


def test_what_differs_is_told() -> None:
    host = programme(Policy(hold_for=2 * HOUR))
    happen(host, comes("uma"))
    time_is(host, 4 * HOUR)
    log = MemoryLog(host)
    log.change(
        REWARDS, lambda entry: entry.user_id == "uma" and entry.status == "granted", score=99
    )
    (reward,) = [
        derivation for derivation in again(log, "uma").values() if derivation.verdict != "same"
    ]
    assert (reward.stage, reward.verdict, reward.outputs) == ("reward", "differs", 4)
    assert [(difference.what, difference.fields) for difference in reward.differences] == [
        ("differs", {"score": (99, 0)})
    ] * 2


def test_what_a_stage_has_not_written_is_told_and_what_follows_from_it_is_not() -> None:
    host = programme()
    happen(host, comes("uma"))
    log = MemoryLog(host)
    log.lose(CLAIMS, lambda claim: claim.user_id == "uma")
    derived = again(log, "uma")
    assert {name: derivation.verdict for name, derivation in derived.items()} == {
        "touch": "same",
        "attribution": "differs",
        "reward": "same",
    }
    (missing,) = derived["attribution"].differences
    assert (missing.what, missing.topic) == ("was derived, but isn't in the log", "claims")
    assert (missing.partition, missing.offset) == (None, None)


def test_without_recorded_lookups_other_terms_than_those_of_then_make_a_difference() -> None:
    host = programme()
    happen(host, comes("uma"))
    log = MemoryLog(host)
    log.lose(LOOKUPS, lambda _: True)
    log.change(
        CAMPAIGNS, lambda campaign: campaign.campaign_id == "spring", referee_reward_micros=9 * UNIT
    )
    (difference,) = again(log, "uma")["reward"].differences
    assert (difference.topic, difference.fields) == (
        "rewards",
        {"value_micros": (2 * UNIT, 9 * UNIT)},
    )


def test_where_the_log_has_been_cut_that_is_told() -> None:
    host = programme(Policy(fraud=Fraud(weights={"disposable_email": 60})))
    happen(host, comes("uma", email_disposable=True))
    review(host, ReviewDecision.APPROVE, "uma", DAY)
    log = MemoryLog(host)
    (reviewed,) = (at for at in host.logged(REWARD_INPUTS) if isinstance(at.record, Reviewed))
    log.forget(REWARD_INPUTS, reviewed.offset)
    derived = again(log, "uma")["reward"]
    assert derived.verdict == "differs"
    assert derived.gaps[0].startswith(
        f"reward-inputs/{reviewed.partition} begins at offset {reviewed.offset}: "
    )
