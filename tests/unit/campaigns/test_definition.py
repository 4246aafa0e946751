"""Campaign files: what they mean, and how they are written."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.campaign_files import FLAT, NESTED, defined, read

from reftrail.campaigns import Campaign, as_toml, next_version, reward_tables
from reftrail.campaigns.reward_tables import Reward, Rewards
from reftrail.campaigns.units import LONGEST, duration_text, parse_duration, parse_money
from reftrail.campaigns.wire import rules, rules_of
from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import (
    AtHoldsEnd,
    Caps,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    OrderIds,
    Policy,
    Scope,
    policy_in,
    policy_text,
)
from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.side_rules import Band, Percent, RewardValue, SideRules, Tier


def test_a_flat_file_reads_as_it_is_meant(tmp_path: Path) -> None:
    summer, plain = read(tmp_path, FLAT)
    applied = next_version(summer, None, at=1_000)
    assert applied.written
    found = applied.defined
    assert (found.version, found.effective_from, found.event_time) == (1, 0, 1_000)
    assert (found.starts_at, found.ends_at) == (1_748_736_000_000, 1_756_677_600_000)
    assert found.attribution_window_ms == 14 * DAY
    assert found.late_touch_grace_ms == 6 * HOUR
    assert found.minimum_amount_micros == 20_000_000
    assert (found.referrer_reward_micros, found.referee_reward_micros) == (5_000_000, 2_500_000)
    assert (found.counts_views, found.typed_code_wins) == (True, True)
    assert (found.trigger, found.reward_currency) == ("first_purchase", "EUR")
    assert found.referee_reward_kind == "discount"
    contract = CampaignDefined(
        event_id="",
        event_time=0,
        received_at=0,
        campaign_id="plain",
        version=1,
        effective_from=0,
        name="Plain",
    )
    assert rules(plain) == rules_of(contract)


def test_a_file_of_tables_reads_as_it_is_meant(tmp_path: Path) -> None:
    (campaign,) = read(tmp_path, NESTED)
    found = defined(campaign)
    assert found.trigger == "nth_purchase"
    assert (found.referrer_reward_micros, found.referrer_reward_kind) == (50_000_000, "cash")
    assert found.referrer_reward_item is None
    assert (found.referee_reward_micros, found.referee_reward_item) == (1_000_000, "Mug")
    expected = Policy(
        scope=Scope.CAMPAIGN,
        trigger_count=3,
        repeats=0,
        hold_for=30 * DAY,
        expires_after=364 * DAY,
        backdated_touch_for=90 * MINUTE,
        on_refund=OnRefund.PROPORTIONAL,
        order_ids=OrderIds.USER,
        checkout_tolerance=HOUR,
        new_customers_only=True,
        once_per_email=False,
        language=2,
        caps=Caps(
            per_code=1,
            per_code_per_day=2,
            per_referrer=3,
            budget_micros=1_000_000_000,
            budget_per_day_micros=100_000_000,
        ),
        fraud=Fraud(
            grant_up_to=40,
            reject_from=90,
            review_for=2 * DAY,
            at_review_end=AtHoldsEnd.GRANT,
            decisive=["forged_code", "ring"],
            weights={"burst": 7},
            limits={"fast_signup": 5 * SECOND, "users_per_ip_24h": 4},
        ),
        milestones=[
            Milestone(name="Silver", kind=MilestoneKind.TIER, grants=5),
            Milestone(
                name="Ten",
                kind=MilestoneKind.BONUS,
                grants=10,
                value_micros=100_000_000,
                currency="points",
            ),
        ],
    )
    assert policy_in(found.policy) == expected
    assert found.policy == policy_text(expected)


def test_every_part_of_the_policy_can_be_written() -> None:
    """A setting that a policy gains has its place in the file, or this fails."""

    def names(kind: type[msgspec.Struct]) -> set[str]:
        return {field.name.removesuffix("_micros") for field in msgspec.structs.fields(kind)}

    def written(name: str) -> set[str]:
        inside: Any = Campaign.model_fields[name].annotation
        return set(inside.model_fields)

    renamed = {"once_per": "scope"}
    sides = {"referrer", "referee"}
    assert names(SideRules) <= set(Reward.model_fields)
    assert names(Tier) == set(reward_tables.Tier.model_fields)
    assert names(RewardValue) == set(reward_tables.Later.model_fields)
    assert names(Band) == set(reward_tables.Band.model_fields)
    assert names(Caps) == written("caps")
    assert names(Fraud) == written("fraud")
    written_names = {renamed.get(name, name) for name in Campaign.model_fields}
    assert names(Policy) - {"language", "referrer_rules", "referee_rules"} - sides <= written_names
    assert sides <= written("reward")
    side: Any = Rewards.model_fields["referrer"].annotation
    assert {"percent", "maximum"} <= set(side.model_fields)
    assert names(Percent) == {"rate", "maximum"}
    milestone: Any = Campaign.model_fields["milestones"].annotation
    assert names(Milestone) == set(milestone.__args__[0].model_fields)


@pytest.mark.parametrize("text", [FLAT, NESTED])
def test_a_version_is_shown_as_the_file_that_defines_it(tmp_path: Path, text: str) -> None:
    for campaign in read(tmp_path, text):
        first = defined(campaign)
        (again,) = read(tmp_path, as_toml(first))
        assert not next_version(again, first, 2_000).written
        uncommented = as_toml(first).replace("# ", "")
        (in_full,) = read(tmp_path, uncommented)
        assert not next_version(in_full, first, 2_000).written


def test_ids_that_topics_could_not_carry() -> None:
    for campaign_id in ("", "a@b", "a:b", "a b", "x" * 65):
        with pytest.raises(ValidationError):
            Campaign(campaign_id=campaign_id, name="C")


@given(st.integers(0, LONGEST))
def test_durations_survive_being_written(millis: int) -> None:
    assert parse_duration(duration_text(millis)) == millis
    assert parse_duration(timedelta(milliseconds=millis)) == millis


@pytest.mark.parametrize("text", ["36501 days", "9999999999 weeks", "-1 days", "1.5 days", ""])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@given(st.integers(0, 10**18 - 1))
def test_amounts_survive_being_written(micros: int) -> None:
    assert parse_money(amount_text(micros, None)) == micros
    assert parse_money(Decimal(amount_text(micros, None))) == micros


def test_amounts_are_written_with_the_places_of_their_currency() -> None:
    campaign = Campaign.model_validate(
        {
            "campaign_id": "c",
            "name": "C",
            "reward": {"currency": "JPY", "referrer": {"value": "100.00"}},
            "caps": {"budget": "5000"},
            "milestones": [
                {"name": "K", "kind": "bonus", "grants": 3, "value": "1.5", "currency": "KWD"}
            ],
        }
    )
    text = as_toml(defined(campaign))
    assert 'value = "100"\n' in text
    assert 'budget = "5000"\n' in text
    assert 'value = "1.500"\n' in text
