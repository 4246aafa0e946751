"""Versions of campaigns: which changes make one, and how a difference is shown."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from support.campaign_files import NESTED, defined, read

from reftrail.campaigns import Campaign, differences, next_version
from reftrail.contracts.policy import Policy


def test_a_difference_names_the_setting_and_both_values(tmp_path: Path) -> None:
    (campaign,) = read(tmp_path, NESTED)
    changed = NESTED.replace('"30 days"', '"14 days"').replace("burst = 7", "ring = 7")
    (other,) = read(tmp_path, changed.replace('name = "Ten"', 'name = "10"'))
    found = {
        difference.name: (difference.old, difference.new)
        for difference in differences(defined(campaign), defined(other))
    }
    assert found["hold_for"] == ('"30 days"', '"14 days"')
    assert found["fraud.weights.burst"] == ("7", None)
    assert found["fraud.weights.ring"] == (None, "7")
    assert found["milestones.10.grants"] == (None, "10")
    assert found["milestones.Ten.grants"] == ("10", None)
    assert not [name for name in found if name.startswith(("reward", "caps", "milestones.Silver"))]


def test_without_an_old_version_what_is_not_default_is_told() -> None:
    found = differences(None, defined(Campaign(campaign_id="c", name="C", counts_views=True)))
    assert {setting.name: setting.new for setting in found} == {
        "effective_from": "always",
        "campaign_id": '"c"',
        "name": '"C"',
        "counts_views": "true",
    }


def test_the_order_of_milestones_and_reasons_is_no_rule(tmp_path: Path) -> None:
    (campaign,) = read(tmp_path, NESTED)
    heading = "[[campaign.milestones]]"
    before, first, second = NESTED.split(heading)
    before = before.replace('"ring", "forged_code", "ring"', '"forged_code", "ring"')
    turned = heading.join((before, second, first))
    (other,) = read(tmp_path, turned)
    assert not next_version(other, defined(campaign), at=9).written


def test_only_changed_rules_make_a_version() -> None:
    first = next_version(Campaign(campaign_id="c", name="C"), None, at=5).defined
    same = next_version(Campaign(campaign_id="c", name="C"), first, at=9)
    assert (same.written, same.defined) == (False, first)
    changed = next_version(Campaign(campaign_id="c", name="C", counts_views=True), first, at=9)
    assert changed.written
    assert (changed.defined.version, changed.defined.effective_from) == (2, 9)


def test_a_default_that_is_spelt_out_is_no_change() -> None:
    first = defined(Campaign(campaign_id="c", name="C"))
    spelt = msgspec.structs.replace(first, policy=msgspec.json.encode(Policy()).decode())
    assert not next_version(Campaign(campaign_id="c", name="C"), spelt, at=9).written


def test_another_time_of_coming_into_force_is_a_change() -> None:
    first = next_version(Campaign(campaign_id="c", name="C"), None, at=5).defined
    at = datetime(2025, 1, 1, tzinfo=UTC)
    timed = Campaign(campaign_id="c", name="C", effective_from=at)
    later = next_version(timed, first, at=9)
    assert (later.written, later.defined.effective_from) == (True, 1_735_689_600_000)
    assert not next_version(timed, later.defined, at=10).written
    (actual,) = differences(first, later.defined)
    assert (actual.name, actual.old, actual.new) == (
        "effective_from",
        "always",
        "2025-01-01 00:00:00Z",
    )


def test_the_same_outcome_whoever_wrote_it() -> None:
    applied = next_version(Campaign(campaign_id="c", name="C"), None, at=5)
    assert applied == replace(applied, before=None)
