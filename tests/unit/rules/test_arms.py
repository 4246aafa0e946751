"""Incentive experiments: the arm of a visitor or code, and what it earns."""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from support.attributing import late, signed_up, signed_up_by_touch
from support.reward_claims import REFEREE, REFERRER, UNIT

from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.decisions import Action, Attributed, Claimed, RewardDecided
from reftrail.contracts.policy import (
    Arm,
    ArmReward,
    ArmUnit,
    Experiment,
    OrderIds,
    Policy,
    policy_text,
)
from reftrail.contracts.reference import CampaignDefined, Trigger
from reftrail.contracts.side_rules import Percent, SideRules, Tier
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS
from reftrail.rules.arms import Units, assigned_arm
from reftrail.testing import (
    MemoryHost,
    Scenario,
    campaign,
    claimed,
    click,
    code,
    given,
    identified,
    moment,
    signup,
    touched,
)
from reftrail.testing.outlines import USER

DOUBLE = Arm(name="double", share=1, referrer=ArmReward(value_micros=20 * UNIT))


def arms(*, control: int = 1, double: int = 1, by: ArmUnit = ArmUnit.VISITOR) -> Experiment:
    shares = (Arm(name="control", share=control), DOUBLE)
    return Experiment(by=by, salt="s", arms=[shares[0], Arm(**_but(DOUBLE, share=double))])


def _but(arm: Arm, **fields: Any) -> dict[str, Any]:
    return {name: getattr(arm, name) for name in arm.__struct_fields__} | fields


def comparing(experiment: Experiment | None = None, **rules: Any) -> CampaignDefined:
    return campaign(policy=policy_text(Policy(experiment=experiment or arms())), **rules)


def arm_of(visitor: str, experiment: Experiment | None = None, text: str = "AMY") -> str | None:
    return assigned_arm(comparing(experiment), Units(visitor, text))


def one_in(arm: str, experiment: Experiment | None = None) -> str:
    """A visitor who is assigned to an arm."""
    names = (f"v{number}" for number in range(100))
    return next(name for name in names if arm_of(name, experiment) == arm)


def followed(story: Scenario, kind: type[Any]) -> list[Any]:
    return [record for record in story.followed if isinstance(record, kind)]


@pytest.mark.parametrize(("control", "double"), [(1, 1), (9, 1), (1, 3)])
def test_arms_get_the_parts_that_their_shares_ask_for(control: int, double: int) -> None:
    experiment = arms(control=control, double=double)
    found = Counter(arm_of(f"visitor {number}", experiment) for number in range(4_000))
    asked = control / (control + double)
    assert abs(found["control"] / 4_000 - asked) < 0.03  # four standard errors of a half
    assert found.total() == 4_000
    assert set(found) == {"control", "double"}


def test_the_assignment_is_the_same_for_ever() -> None:
    """Another hash would move visitors who are assigned already."""
    found = [arm_of(f"v{number}") for number in range(8)]
    control, double = "control", "double"
    assert found == [control, double, control, double, double, double, control, control]


def test_another_salt_and_another_campaign_assign_anew() -> None:
    names = [f"v{number}" for number in range(64)]
    here = [arm_of(name) for name in names]
    other = Experiment(salt="t", arms=arms().arms)
    assert [arm_of(name, other) for name in names] != here
    there = comparing(campaign_id="autumn")
    assert [assigned_arm(there, Units(name, "AMY")) for name in names] != here


def test_the_arm_of_a_code_is_that_of_all_who_use_it_in_any_spelling() -> None:
    by_code = arms(by=ArmUnit.CODE)
    assert len({arm_of(f"v{number}", by_code) for number in range(32)}) == 1
    assert arm_of("v1", by_code, "amy") == arm_of("v1", by_code, "AMY")
    assert len({arm_of("v1", by_code, f"C{number}") for number in range(32)}) == 2


@pytest.mark.parametrize("arm", ["control", "double"])
def test_a_touch_has_its_visitor_s_arm_and_the_signup_carries_it(arm: str) -> None:
    visitor = one_in(arm)
    story = given(comparing(), code("AMY"))
    story.when(click("AMY", at="09:00", visitor_id=visitor))
    assert [touch.arm for touch in followed(story, Touched)] == [arm]
    story.when(signup("10:00", visitor_id=visitor))
    assert [record.touch_arm for record in followed(story, Converted)] == [arm]


def test_without_an_experiment_there_is_no_arm() -> None:
    given(campaign(), code("AMY")).when(click("AMY", at="09:00")).then(
        touched("AMY", at="09:00", arm=None)
    )


def test_an_experiment_without_arms_assigns_to_none() -> None:
    """Campaign files have two arms or more; records that others write need not."""
    assert arm_of("v1", Experiment(salt="s", arms=[])) is None


def test_other_shares_move_nobody_who_is_assigned() -> None:
    visitor = one_in("control")
    story = given(
        comparing(),
        comparing(arms(control=1, double=2**30), version=2, effective_from=moment("10:00")),
        click("AMY", at="09:00", visitor_id=visitor),
    )
    again = {"visitor_id": visitor, "event_id": "later"}
    story.when(click("BOB", at="31d 09:00", **again))
    assert [touch.arm for touch in followed(story, Touched)] == ["control"]
    story.when(click("BOB", at="09:00", visitor_id="new"), click("BOB", at="11:00", visitor_id="n"))
    assert followed(story, Touched)[1].arm == "double"


def test_an_earlier_touch_that_comes_late_keeps_the_visitor_s_arm() -> None:
    visitor = one_in("control")
    story = given(
        comparing(arms(control=1, double=2**30)),
        comparing(arms(control=2**30, double=1), version=2, effective_from=moment("10:00")),
        click("AMY", at="11:00", visitor_id=visitor),
    )
    story.when(click("BOB", at="09:00", visitor_id=visitor))
    assert [touch.arm for touch in followed(story, Touched)] == ["control"]


def test_another_salt_begins_another_experiment() -> None:
    fresh = Experiment(salt="fresh", arms=arms().arms)
    visitor = next(
        name
        for name in (f"v{number}" for number in range(100))
        if (arm_of(name), arm_of(name, fresh)) == ("control", "double")
    )
    story = given(
        comparing(),
        comparing(fresh, version=2, effective_from=moment("1d 00:00")),
        click("AMY", at="09:00", visitor_id=visitor),
    )
    story.when(click("AMY", at="31d 09:00", visitor_id=visitor))
    assert [touch.arm for touch in followed(story, Touched)] == ["double"]


def test_another_code_has_an_arm_of_its_own_where_codes_are_assigned() -> None:
    by_code = arms(by=ArmUnit.CODE)
    codes = [f"C{number}" for number in range(32)]
    one = next(text for text in codes if arm_of("v", by_code, text) == "control")
    two = next(text for text in codes if arm_of("v", by_code, text) == "double")
    story = given(comparing(by_code), click(one, at="10:00"))
    story.when(click(two, at="09:00"))
    assert [touch.arm for touch in followed(story, Touched)] == ["double"]


def test_the_attribution_and_its_claims_carry_the_arm_of_the_touch() -> None:
    story = given(comparing(), code("AMY"))
    story.when(signed_up_by_touch(touch_arm="double"))
    assert [record.arm for record in followed(story, Attributed)] == ["double"]
    assert [record.arm for record in followed(story, Claimed)] == ["double"]


def test_a_touch_from_before_the_experiment_has_no_arm_for_ever() -> None:
    story = given(campaign(), comparing(version=2, effective_from=moment("09:30")), code("AMY"))
    story.when(signed_up_by_touch())
    assert [record.arm for record in followed(story, Attributed)] == [None]


@pytest.mark.parametrize("arm", ["control", "double"])
def test_a_typed_code_s_arm_is_assigned_at_the_attribution(arm: str) -> None:
    story = given(comparing(), code("AMY"))
    visitor = one_in(arm)
    story.when(signed_up(typed_code="AMY", typed_campaign_id="spring", visitor_id=visitor))
    assert [record.arm for record in followed(story, Attributed)] == [arm]
    story = given(comparing(), code("AMY"))
    story.when(
        signed_up(typed_code="AMY", typed_campaign_id="spring", visitor_id=None, user_id=visitor)
    )
    assert [record.arm for record in followed(story, Attributed)] == [arm]


def test_who_types_a_code_in_keeps_the_arm_of_the_touch() -> None:
    visitor = one_in("control")
    rules: dict[str, Any] = {"typed_code_wins": True}
    story = given(
        comparing(**rules),
        comparing(arms(double=2**30), version=2, effective_from=moment("09:30"), **rules),
        code("AMY"),
        code("BOB"),
    )
    typed: dict[str, Any] = {"typed_code": "BOB", "typed_campaign_id": "spring"}
    story.when(signed_up_by_touch(touch_arm="control", visitor_id=visitor, **typed))
    assert [(attribution.code, attribution.arm) for attribution in followed(story, Attributed)] == [
        ("BOB", "control")
    ]


def test_a_touch_whose_campaign_wasn_t_known_gets_its_arm_at_the_attribution() -> None:
    visitor = one_in("double")
    story = given(comparing(), code("AMY"))
    story.when(signed_up_by_touch(touch_campaign_id=None, visitor_id=visitor))
    assert [record.arm for record in followed(story, Attributed)] == ["double"]


def test_a_correction_has_the_arm_of_its_touch() -> None:
    rules: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE}
    story = given(comparing(**rules), code("AMY"), code("BOB"), signed_up_by_touch(touch_arm="a"))
    story.when(late(touch_arm="double"))
    assert [record.arm for record in followed(story, Attributed)] == ["double"]


def paid(arm: str | None, *campaigns: CampaignDefined, **claim: Any) -> dict[str, Any]:
    """The grants of each side for a signup, and the arm that its entry names."""
    story = given(*(campaigns or (comparing(),)), code("AMY"))
    story.when(claimed(Action.SIGNUP, "AMY", "10:00", arm=arm, **claim))
    return {
        entry.role: (entry.value_micros / UNIT, entry.arm)
        for entry in followed(story, RewardDecided)
    }


def test_the_arm_s_rewards_are_paid_and_the_campaign_s_where_it_has_none() -> None:
    assert paid("double") == {REFERRER: (20, "double"), REFEREE: (10, "double")}
    assert paid("control") == {REFERRER: (10, "control"), REFEREE: (10, "control")}
    assert paid(None) == {REFERRER: (10, None), REFEREE: (10, None)}


def test_an_arm_may_give_one_side_nothing() -> None:
    none = Arm(name="none", share=1, referrer=ArmReward(), referee=ArmReward(value_micros=UNIT))
    experiment = Experiment(salt="s", arms=[none, DOUBLE])
    assert paid("none", comparing(experiment)) == {REFEREE: (1, "none")}


def test_an_arm_s_reward_takes_the_place_of_the_side_s_tiers() -> None:
    tiers = SideRules(tiers=[Tier(referrals=1, value_micros=30 * UNIT)])
    tiered = campaign(policy=policy_text(Policy(experiment=arms(), referrer_rules=tiers)))
    assert paid("double", tiered) == {REFERRER: (20, "double"), REFEREE: (10, "double")}
    assert paid("control", tiered) == {REFERRER: (30, "control"), REFEREE: (10, "control")}


def test_an_arm_that_a_later_version_doesn_t_have_earns_what_the_campaign_says() -> None:
    ended = campaign(version=2, effective_from=moment("09:30"))
    assert paid("double", comparing(), ended) == {
        REFERRER: (10, "double"),
        REFEREE: (10, "double"),
    }


def test_an_arm_of_another_campaign_isn_t_this_one_s() -> None:
    assert paid("double", campaign_id="winter") == {REFERRER: (10, None), REFEREE: (10, None)}


def test_an_arm_may_pay_a_share_of_the_order() -> None:
    share = Arm(name="share", share=1, referrer=ArmReward(percent=Percent(rate=50_000)))
    experiment = Experiment(salt="s", arms=[share, DOUBLE])
    usual = Policy(experiment=experiment, referrer=Percent(rate=200_000), order_ids=OrderIds.USER)
    rules: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE, "policy": policy_text(usual)}
    for arm, value, rate in (("share", 5, "5"), (None, 20, "20"), ("double", 20, None)):
        story = given(campaign(**rules), code("AMY"), claimed(Action.SIGNUP, "AMY", "10:00"))
        order = {"order_id": "o1", "amount_micros": 100 * UNIT, "currency": "USD"}
        story.when(claimed(Action.PURCHASE, "AMY", "11:00", arm=arm, **order))
        (entry,) = (
            decided for decided in followed(story, RewardDecided) if decided.role == REFERRER
        )
        assert (entry.value_micros / UNIT, entry.rate_percent, entry.arm) == (value, rate, arm)


@pytest.mark.parametrize("visitor", [one_in("control"), one_in("double")])
def test_a_touch_on_another_device_brings_the_arm_of_that_device(visitor: str) -> None:
    events = (
        click("AMY", at="08:00", visitor_id=visitor),
        signup("10:00", visitor_id="laptop"),
        identified(USER, at="07:00", visitor_id=visitor),
    )
    for arriving in permutations(events):
        host = MemoryHost()
        host.publish(CAMPAIGNS, comparing(trigger=Trigger.FIRST_PURCHASE))
        host.publish(CODES, code("AMY"))
        host.publish(EVENTS, *arriving)
        made = [record for record in host.run().log(ATTRIBUTIONS) if isinstance(record, Attributed)]
        assert made[-1].arm == arm_of(visitor)
