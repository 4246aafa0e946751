"""Campaign files and the versions that follow from them."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reftrail.campaigns import Campaign, read_campaigns
from reftrail.campaigns.apply import next_version
from reftrail.campaigns.definition import rules_of
from reftrail.campaigns.units import duration_text, money_text, parse_duration, parse_money
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.reference import CampaignDefined

FULL = """
[[campaign]]
campaign_id = "summer"
name = "Summer"
category = "retail"
starts_at = 2025-06-01T00:00:00Z
ends_at = 2025-09-01T00:00:00+02:00
attribution_window = "14 days"
counts_views = true
typed_code_wins = true
late_touch_grace = "6 hours"
trigger = "first_purchase"
minimum_amount = "20.00"
referrer_reward = "5.00"
referee_reward = "2.5"
referee_reward_kind = "discount"
reward_currency = "EUR"

[[campaign]]
campaign_id = "plain"
name = "Plain"
"""


def test_a_file_reads_as_it_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "campaigns.toml"
    file.write_text(FULL)
    summer, plain = read_campaigns(file)
    applied = next_version(summer, None, now=1_000)
    assert applied.written
    defined = applied.defined
    assert (defined.version, defined.effective_from, defined.event_time) == (1, 0, 1_000)
    assert (defined.starts_at, defined.ends_at) == (1_748_736_000_000, 1_756_677_600_000)
    assert defined.attribution_window_ms == 14 * DAY
    assert defined.late_touch_grace_ms == 6 * HOUR
    assert defined.minimum_amount_micros == 20_000_000
    assert (defined.referrer_reward_micros, defined.referee_reward_micros) == (5_000_000, 2_500_000)
    assert (defined.counts_views, defined.typed_code_wins) == (True, True)
    assert (defined.trigger, defined.reward_currency) == ("first_purchase", "EUR")
    assert defined.referee_reward_kind == "discount"
    contract = CampaignDefined(
        event_id="",
        event_time=0,
        received_at=0,
        campaign_id="plain",
        version=1,
        effective_from=0,
        name="Plain",
    )
    assert plain.rules() == rules_of(contract)


def test_only_changed_rules_make_a_version() -> None:
    first = next_version(Campaign(campaign_id="c", name="C"), None, now=5).defined
    same = next_version(Campaign(campaign_id="c", name="C"), first, now=9)
    assert (same.written, same.defined) == (False, first)
    changed = next_version(Campaign(campaign_id="c", name="C", counts_views=True), first, now=9)
    assert changed.written
    assert (changed.defined.version, changed.defined.effective_from) == (2, 9)


def test_another_time_of_coming_into_force_is_a_change() -> None:
    first = next_version(Campaign(campaign_id="c", name="C"), None, now=5).defined
    given_time = Campaign.model_validate(
        {"campaign_id": "c", "name": "C", "effective_from": "2025-01-01T00:00:00Z"}, strict=False
    )
    later = next_version(given_time, first, now=9)
    assert (later.written, later.defined.effective_from) == (True, 1_735_689_600_000)
    assert not next_version(given_time, later.defined, now=10).written


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('attribution_window = "30 dayz"', "attribution_window is '30 dayz': expected a duration"),
        ("attribution_window = 30", "attribution_window is 30: expected a duration"),
        ("referrer_reward = 5.0", "referrer_reward is 5.0: expected an amount"),
        ('referrer_reward = "-5"', "referrer_reward is '-5'"),
        ('referrer_reward = "0.0000001"', "referrer_reward is '0.0000001'"),
        ('trigger = "visit"', "trigger is 'visit'"),
        ("starts_at = 2025-06-01T00:00:00", "starts_at is 2025-06-01 00:00:00; give its offset"),
        ("starts_at = 2025-06-01", "starts_at is"),
        ('counts_views = "yes"', "counts_views is 'yes'"),
        ('reward_currency = "usd"', "reward_currency is 'usd'"),
        ('refferer_reward = "5"', "refferer_reward is not a field; known are"),
        (
            "starts_at = 2025-06-02T00:00:00Z\nends_at = 2025-06-01T00:00:00Z",
            "is not after starts_at",
        ),
    ],
)
def test_an_error_names_field_and_value(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "campaigns.toml"
    file.write_text(f'[[campaign]]\ncampaign_id = "summer"\nname = "Summer"\n{line}\n')
    with pytest.raises(ExpectedError) as caught:
        read_campaigns(file)
    assert "campaign 1 (summer)" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[[campaign]\n", "is not TOML"),
        ("[campaign]\n", "[[campaign]] tables"),
        ("[[campaign]]\n[[code]]\n", "nothing else"),
        ("[[campaign]]\nname = 'x'\n", "campaign_id is missing"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "campaigns.toml"
    file.write_text(content)
    with pytest.raises(ExpectedError) as caught:
        read_campaigns(file)
    assert says in str(caught.value)


def test_ids_that_topics_could_not_carry() -> None:
    for campaign_id in ("", "a@b", "a:b", "a b", "x" * 65):
        with pytest.raises(ValidationError):
            Campaign(campaign_id=campaign_id, name="C")


@given(st.integers(0, 10**15))
def test_durations_survive_being_written(millis: int) -> None:
    text = duration_text(millis)
    if not text.endswith("milliseconds") and len(text.split()[0]) <= 9:
        assert parse_duration(text) == millis
    assert parse_duration(timedelta(milliseconds=millis % 10**12)) == millis % 10**12


@given(st.integers(0, 10**18 - 1))
def test_amounts_survive_being_written(micros: int) -> None:
    assert parse_money(money_text(micros)) == micros
    assert parse_money(Decimal(money_text(micros))) == micros
