"""Decisions made again with the terms, lists and clocks of then, and what differs otherwise."""

from typing import Any

import msgspec
import pytest
from support.decided_log import (
    PARTITIONS,
    UNIT,
    again,
    buys,
    comes,
    happen,
    is_same,
    programme,
    review,
    statuses,
    time_is,
)
from support.memory_log import MemoryLog
from support.programme import T0, campaign

from reftrail.contracts.external_inputs import Listed, ReviewDecision, Reviewed
from reftrail.contracts.policy import (
    Arm,
    ArmReward,
    ArmUnit,
    Experiment,
    Fraud,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, HOUR, Millis
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CLAIMS,
    EVENTS,
    LISTS,
    LOOKUPS,
    REWARD_INPUTS,
    REWARDS,
)
from reftrail.engine.memory_log import Logged
from reftrail.engine.topology import topology_with


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
