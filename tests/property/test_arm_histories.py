"""Arms in whole histories: a visitor or code has one arm, whatever arrives first.

The arm of a visitor, user or code is learnt from a history of its own, in which it is alone.
"""

from functools import cache
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.merged_people import ranks, times

from reftrail.contracts.conversions import Touched
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.events import Click, Event, Identified, Purchase, Signup
from reftrail.contracts.policy import (
    Arm,
    ArmReward,
    ArmUnit,
    Experiment,
    Fraud,
    Policy,
    policy_text,
)
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, REWARDS, TOUCHES
from reftrail.testing import MemoryHost, campaign, code

UNIT: Final = MICROS_PER_UNIT
VALUES: Final = {"one": 10, "two": 20, "three": 30}
NAMED: Final = ("AMY", "BOB", "CLEO")
VISITORS: Final = 6


def host_of(by: ArmUnit) -> MemoryHost:
    """A host with one campaign that has three arms, and three codes of it."""
    arms = [
        Arm(name=name, share=share, referrer=ArmReward(value_micros=units * UNIT))
        for share, (name, units) in enumerate(VALUES.items(), start=1)
    ]
    policy = Policy(
        repeats=0,
        fraud=Fraud(grant_up_to=999, reject_from=1_000),
        experiment=Experiment(by=by, salt="a salt", arms=arms),
    )
    host = MemoryHost(wire=False, batch=100)
    defined = campaign(trigger=Trigger.FIRST_PURCHASE, policy=policy_text(policy))
    host.publish(CAMPAIGNS, defined)
    host.publish(CODES, *(code(name, owner=f"owner of {name}") for name in NAMED))
    return host


def clicked(visitor: str, under: str, minute: int = 0) -> Click:
    fields: dict[str, Any] = {"code": under, "code_known": True, "campaign_id": "spring"}
    return Click(**times(f"{visitor} clicks {minute}", minute), visitor_id=visitor, **fields)


@cache
def arm_alone(by: ArmUnit, unit: str) -> str | None:
    """The arm that a visitor, or a code, has where nothing else happens."""
    host = host_of(by)
    is_code = by == ArmUnit.CODE
    host.publish(EVENTS, clicked("somebody" if is_code else unit, unit if is_code else "AMY"))
    host.run()
    (touch,) = host.log(TOUCHES)
    assert isinstance(touch, Touched)
    return touch.arm


Person: TypeAlias = tuple[list[tuple[int, int]], str, bool]
"""Clicks (code and minute), how the person signs up, and whether they have a phone too."""

people = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=3),
        st.sampled_from(["by visitor", "typed", "typed without a visitor"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=VISITORS,
)


def history(found: list[Person]) -> list[Event]:
    events: list[Event] = []
    for nth, (clicks, how, has_phone) in enumerate(found):
        visitor, user = f"v{nth}", f"u{nth}"
        events += [clicked(visitor, NAMED[place], minute) for place, minute in clicks]
        typed: dict[str, Any] = {}
        if how != "by visitor":
            typed = {"code": NAMED[nth % 3], "code_known": True, "campaign_id": "spring"}
        seen = None if how == "typed without a visitor" else visitor
        events.append(
            Signup(**times(f"{user} signs up", 50), user_id=user, visitor_id=seen, **typed)
        )
        if has_phone:
            events.append(clicked(f"phone {nth}", NAMED[(nth + 1) % 3], 45))
            who: dict[str, Any] = {"visitor_id": f"phone {nth}", "user_id": user}
            events.append(Identified(**times(f"{user} is identified", 55), **who))
        events.append(
            Purchase(
                **times(f"{user} buys", 60),
                user_id=user,
                order_id=f"o {nth}",
                amount_micros=100 * UNIT,
                currency="USD",
            )
        )
    return events


def assigned(attributed: Attributed) -> str:
    """The visitor who touched, on whatever device; who typed a code in, without one the user."""
    if attributed.touch_event_id is not None:
        return attributed.touch_event_id.partition(" clicks")[0]
    return attributed.visitor_id or attributed.user_id


@pytest.mark.parametrize("by", list(ArmUnit))
@settings(max_examples=80)
@given(people, ranks)
def test_each_decision_has_its_unit_s_arm_and_that_arm_s_reward(
    by: ArmUnit, found: list[Person], turns: list[int]
) -> None:
    host, events = host_of(by), history(found)
    for place in sorted(range(len(events)), key=lambda place: turns[place % len(turns)]):
        host.publish(EVENTS, events[place])
        host.run()
    for touch in host.log(TOUCHES):
        assert isinstance(touch, Touched)
        unit = touch.visitor_id if by == ArmUnit.VISITOR else touch.code
        assert touch.arm == arm_alone(by, unit)
    decided: dict[str, Attributed] = {}
    for attributed in host.log(ATTRIBUTIONS):
        assert isinstance(attributed, Attributed)
        if attributed.decisive:
            decided[attributed.user_id] = attributed
        unit = assigned(attributed) if by == ArmUnit.VISITOR else attributed.code
        assert attributed.arm == arm_alone(by, unit), attributed.basis
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        if entry.role == "referrer":
            assert entry.arm == decided[entry.user_id].arm
            assert entry.value_micros == VALUES[entry.arm or ""] * UNIT


def test_in_these_histories_there_are_all_arms() -> None:
    """Else the property would say nothing."""
    assert {arm_alone(ArmUnit.VISITOR, f"v{nth}") for nth in range(20)} == set(VALUES)
    assert len({arm_alone(ArmUnit.CODE, name) for name in NAMED}) > 1
