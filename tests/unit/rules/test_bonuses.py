"""Bonuses for milestones, which come out of budgets."""

from typing import Any

from support.reward_limits import REFEREE, REFERRER, UNIT, both, signed_up

from reftrail.contracts.decisions import RewardDecided, RewardStatus, Role
from reftrail.contracts.policy import Caps, Policy, policy_text
from reftrail.contracts.record import DAY
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.decider import wakes_at
from reftrail.testing import (
    Scenario,
    bonus_granted,
    campaign,
    code,
    given,
    limits_answered,
    limits_requested,
    listed,
    milestone,
    moment,
    refused,
    rejected,
    reported,
    reversed_reward,
    reviewed,
    tick,
    to_fulfil,
)


def owned(**policy: Any) -> Scenario:
    return given(campaign(policy=policy_text(Policy(**policy))), code("AMY"))


def test_a_milestone_s_bonus_is_granted_to_the_referrer() -> None:
    story = owned().when(milestone("third", 3, currency="USD", event_id="m"))
    story.then(
        bonus_granted(
            "AMY",
            beneficiary="owner",
            action="milestone:spring:third",
            currency="USD",
            kind="credit",
            campaign_id="spring",
            action_event_id="m",
        ),
        to_fulfil(
            Role.MILESTONE,
            "AMY",
            action="milestone:spring:third",
            beneficiary="owner",
            user_id="owner",
        ),
    )
    story.when(milestone("third", 3, currency="USD", event_id="m")).then_nothing()
    assert "reward/AMY" not in story.states


def test_a_milestone_that_is_called_like_another_one_s_number_is_another_one() -> None:
    """Gold for the second time, and Gold:2 for the first."""
    story = owned()
    for nth, (name, times) in enumerate([("Gold", 1), ("Gold", 2), ("Gold:2", 1), ("Gold%3A2", 1)]):
        story.when(milestone(name, 3, times=times, event_id=f"m{nth}"))
        assert [type(record).__name__ for record in story.followed] == [
            "RewardDecided",
            "RewardGranted",
        ]


def test_a_bonus_in_the_campaign_s_currency_comes_out_of_its_budget() -> None:
    story = owned(caps=Caps(budget_micros=100 * UNIT, per_referrer=1))
    story.when(milestone("third", 3, event_id="m")).then(
        limits_requested(
            f"cap_budget:spring:USD|{5 * UNIT}|{100 * UNIT}", claim_id="m", user_id="owner"
        )
    )
    story.when(limits_answered(of="m", user_id="owner")).then(
        bonus_granted("AMY"), to_fulfil(Role.MILESTONE, "AMY")
    )
    story = owned(caps=Caps(budget_micros=100 * UNIT))
    story.when(milestone("third", 3, currency="points")).then(
        bonus_granted("AMY", currency="points"), to_fulfil(Role.MILESTONE, "AMY")
    )


def test_tiers_and_badges_are_worth_nothing() -> None:
    story = owned()
    story.when(milestone("gold", 3, kind="tier"), milestone("b", 3, value_micros=0)).then_nothing()


def test_a_lost_milestone_takes_its_bonus_back_even_when_fulfilled_and_can_be_reached_again() -> (
    None
):
    story = owned().when(milestone("third", 3, event_id="m"))
    grant = story.followed[0].event_id
    delivered = reported(Role.MILESTONE, "11:00", user_id="owner", action="milestone:spring:third")
    story.given(delivered).when(milestone("third", 3, reached=False, event_id="l"))
    story.then(
        reversed_reward(
            Role.MILESTONE,
            "AMY",
            user_id="owner",
            reasons=[Reason.MILESTONE_LOST],
            supersedes=grant,
            value_micros=5 * UNIT,
        )
    )
    story.when(milestone("third", 3, reached=False, event_id="l")).then_nothing()
    story.when(milestone("third", 3, times=2, event_id="n")).then(
        bonus_granted("AMY", action="milestone:spring:third:2"), to_fulfil(Role.MILESTONE, "AMY")
    )


def test_a_bonus_for_somebody_on_the_block_list_is_rejected() -> None:
    story = owned().given(listed("user", "owner"))
    story.when(milestone("third", 3, event_id="m")).then(
        rejected(Role.MILESTONE, "AMY", "blocked", user_id="owner", score=100)
    )
    story.when(milestone("third", 3, reached=False, event_id="l")).then_nothing()


def test_a_bonus_is_reviewed_and_expires_like_any_reward() -> None:
    story = owned(expires_after=DAY).given(milestone("third", 3, event_time=moment("10:00")))
    story.when(tick("1d 10:00"))
    (entry,) = story.followed
    assert isinstance(entry, RewardDecided)
    assert (entry.status, entry.user_id) == (RewardStatus.EXPIRED, "owner")
    story.when(reviewed("approve", "2d 10:00", user_id="owner")).then(refused("not_allowed"))


def test_a_bonus_does_not_keep_its_referrer_from_being_referred() -> None:
    """Bonuses are kept where the owner's own claims would be: other rules stand against those."""
    story = owned().given(milestone("third", 3), milestone("third", 3, reached=False))
    story.when(signed_up("owner")).then(*both(rejected, Reason.SELF_REFERRAL))


def test_a_reward_is_fired_for_what_is_due_first() -> None:
    story = owned(expires_after=DAY).given(signed_up())
    story.given(reported(REFERRER, "11:00"))
    assert wakes_at(story.states["reward/AMY:u1:a:signup"]) == moment("1d 10:00")
    story.given(reported(REFEREE, "11:00"))
    assert wakes_at(story.states["reward/AMY:u1:a:signup"]) is None
