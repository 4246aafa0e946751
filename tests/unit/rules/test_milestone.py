"""Milestones that referrers reach, and lose again."""

from typing import Any

import pytest

from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.policy import Milestone, MilestoneKind, Policy, policy_text
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    given,
    granted,
    milestone,
    moment,
    reversed_reward,
)

FIVE = 5_000_000


def programme(*milestones: Milestone, **rules: Any) -> CampaignDefined:
    return campaign(policy=policy_text(Policy(milestones=list(milestones))), **rules)


def tier(name: str, grants: int) -> Milestone:
    return Milestone(name=name, kind=MilestoneKind.TIER, grants=grants)


BONUS = Milestone(
    name="third", kind=MilestoneKind.BONUS, grants=3, value_micros=FIVE, currency="USD"
)


def grant(user: str, **overrides: Any) -> Outline:
    """A grant by which a referral begins to count."""
    fields = {"user_id": user, "beneficiary": "owner", "event_time": moment("10:00")}
    fields |= {"qualifies": 1}
    return granted(Role.REFERRER, "AMY", **(fields | overrides))


def reversal(user: str, **overrides: Any) -> Outline:
    """A reversal by which a referral counts no longer."""
    fields = {"user_id": user, "beneficiary": "owner", "event_time": moment("11:00")}
    fields |= {"qualifies": -1}
    return reversed_reward(Role.REFERRER, "AMY", **(fields | overrides))


def after(grants: int, *milestones: Milestone) -> Scenario:
    return given(programme(*milestones), *(grant(f"u{nth}") for nth in range(grants)))


def test_the_nth_grant_reaches_what_the_campaign_promises_for_it() -> None:
    after(2, BONUS, tier("silver", 3), tier("gold", 4)).when(grant("u9")).then(
        milestone(
            "third",
            3,
            kind="bonus",
            beneficiary="owner",
            campaign_id="spring",
            campaign_version=1,
            code="AMY",
            user_id="u9",
            value_micros=FIVE,
            currency="USD",
            times=1,
            event_time=moment("10:00"),
        ),
        milestone("silver", 3, kind="tier", value_micros=0),
    )


def test_it_is_reached_once() -> None:
    after(3, BONUS).when(grant("u9"), grant("u8")).then_nothing()


def test_a_reversal_loses_what_takes_more_grants_and_the_next_grant_reaches_it_again() -> None:
    story = after(3, BONUS, tier("bronze", 1))
    story.when(reversal("u0").but(code="BOB")).then(
        milestone("third", 3, reached=False, code="AMY", user_id="u2", value_micros=FIVE, times=1)
    )
    story.when(reversal("u1")).then_nothing()
    story.when(grant("u7")).then_nothing()
    story.when(grant("u8")).then(milestone("third", 3, user_id="u8", times=2))
    story.when(reversal("u8")).then(milestone("third", 3, reached=False, user_id="u8", times=2))


def test_a_bonus_that_is_reached_again_by_another_code_is_under_the_first_ones() -> None:
    """A review that took it back is known there, so a second code doesn't bring it again."""
    story = after(3, BONUS, tier("silver", 3)).given(reversal("u0"))
    story.when(grant("u9").but(code="BOB")).then(
        milestone("third", 3, code="AMY", user_id="u9", times=2),
        milestone("silver", 3, code="BOB", user_id="u9", times=2),
    )


def test_referrers_and_campaigns_are_counted_apart() -> None:
    story = after(2, BONUS).given(programme(BONUS, campaign_id="autumn"))
    story.when(grant("u7", beneficiary="other"), grant("u8", campaign_id="autumn")).then_nothing()
    story.when(grant("u9")).then(milestone("third", 3, beneficiary="owner"))


def test_codes_of_one_referrer_are_counted_together() -> None:
    after(2, BONUS).when(grant("u9").but(code="BOB")).then(milestone("third", 3, code="BOB"))


@pytest.mark.parametrize(
    "other",
    [
        granted(Role.REFEREE, "AMY", beneficiary="owner"),
        granted(Role.MILESTONE, "AMY", beneficiary="owner"),
        grant("u9", qualifies=None),
        grant("u9", qualifies=None, status=RewardStatus.HELD),
        grant("u9", qualifies=None, status=RewardStatus.REJECTED),
        grant("u9", qualifies=None, status=RewardStatus.FULFILLED),
        grant("u9", qualifies=None, reasons=[Reason.TRIED_AGAIN]),
    ],
)
def test_only_entries_by_which_a_referral_begins_to_count_reach_anything(other: Outline) -> None:
    after(2, BONUS).when(other).then_nothing()


def test_a_held_reward_of_no_value_that_is_granted_later_counts() -> None:
    after(2, BONUS).when(grant("u9", value_micros=0, reasons=[Reason.APPROVED])).then(
        milestone("third", 3, user_id="u9")
    )


@pytest.mark.parametrize(
    "other",
    [
        reversal("u0", qualifies=None),
        reversal("u0", qualifies=None, reasons=[Reason.PARTLY_REFUNDED]),
        reversal("u0", qualifies=None, status=RewardStatus.EXPIRED),
        reversal("u0", qualifies=None, status=RewardStatus.FAILED),
        reversal("u0", qualifies=None).but(role=Role.REFEREE),
    ],
)
def test_only_entries_by_which_a_referral_counts_no_longer_lose_anything(other: Outline) -> None:
    after(3, BONUS).when(other).then_nothing()


def test_the_rules_are_those_in_force_at_the_grant() -> None:
    story = after(0, BONUS)
    story.given(programme(tier("early", 1), version=2, effective_from=moment("10:30")))
    story.when(grant("u1")).then_nothing()
    story.when(grant("u2", event_time=moment("10:30"))).then(
        milestone("early", 1, campaign_version=2)
    )
