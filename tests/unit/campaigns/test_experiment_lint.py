"""Warnings about experiments."""

from typing import Any

import msgspec
import pytest

from reftrail.campaigns import Campaign, lint, next_version
from reftrail.campaigns.findings import Around, Finding
from reftrail.contracts.reference import CampaignDefined

AT = 1_767_225_600_000
GOOD: dict[str, Any] = {
    "campaign_id": "c",
    "name": "C",
    "trigger": "first_purchase",
    "hold_for": "14 days",
    "reward": {"referrer": {"value": "5"}},
}
CONTROL = {"name": "control", "share": 1}
DOUBLE: dict[str, Any] = {"name": "double", "share": 1, "referrer": {"value": "10"}}


def campaign(*arms: dict[str, Any], by: str = "visitor", salt: str = "s", **rules: Any) -> Campaign:
    experiment = {"by": by, "salt": salt, "arms": list(arms or (CONTROL, DOUBLE))}
    return Campaign.model_validate(GOOD | rules | {"experiment": experiment})


def version_of(defined: Campaign) -> CampaignDefined:
    return msgspec.structs.replace(next_version(defined, None, AT).defined, effective_from=AT)


def findings(given: Campaign, *versions: CampaignDefined) -> list[Finding]:
    return lint(given, Around(AT, versions))


def rules(given: Campaign, *versions: CampaignDefined) -> list[tuple[str, str]]:
    return [
        (finding.rule, ".".join(map(str, finding.where))) for finding in findings(given, *versions)
    ]


def test_a_good_experiment_has_no_warnings() -> None:
    assert rules(campaign()) == []
    assert rules(campaign(), version_of(campaign())) == []
    assert rules(campaign(by="code"), version_of(campaign(by="code"))) == []


def test_arms_that_give_the_same_compare_nothing() -> None:
    same = {"name": "same", "share": 1, "referrer": {"value": "5"}}
    (found,) = findings(campaign(CONTROL, DOUBLE, same))
    assert (found.rule, found.where) == ("arms-alike", ("experiment", "arms", 2))
    assert found.message.startswith('"same" gives what "control" gives')


def test_an_arm_with_the_campaign_s_value_and_without_its_tiers_is_another_one() -> None:
    tiers = [{"referrals": 5, "value": "9"}]
    reward = {"referrer": {"value": "5", "tiers": tiers}}
    plain = {"name": "plain", "share": 1, "referrer": {"value": "5"}}
    assert rules(campaign(CONTROL, plain, reward=reward)) == []


def test_an_arm_without_a_reward_has_no_qualified_users() -> None:
    none = {"name": "none", "share": 1, "referrer": {"value": "0"}}
    assert rules(campaign(CONTROL, none)) == [("arm-without-reward", "experiment.arms.1")]
    tier = {"name": "Silver", "kind": "tier", "grants": 5}
    assert rules(campaign(CONTROL, none, milestones=[tier])) == [], "milestones count it"


def test_an_experiment_that_goes_on_without_an_arm() -> None:
    third = {"name": "third", "share": 1, "referrer": {"value": "15"}}
    before = version_of(campaign(CONTROL, DOUBLE, third))
    assert rules(campaign(), before) == [("arm-gone", "experiment.arms")]
    assert rules(campaign(salt="t"), before) == [], "another experiment"


@pytest.mark.parametrize(("by", "warned"), [("code", True), ("visitor", False)])
def test_other_shares_move_codes_and_no_visitors(by: str, warned: bool) -> None:
    before = version_of(campaign(by=by))
    changed = (CONTROL | {"share": 3}, DOUBLE)
    expected = [("shares-move-codes", "experiment.arms")] if warned else []
    assert rules(campaign(*changed, by=by), before) == expected
    assert rules(campaign(*changed, by=by, salt="t"), before) == []


def test_what_arms_give_counts_for_other_warnings() -> None:
    shipped = {"kind": "shipment", "item": "Mug"}
    mug = {"name": "mug", "share": 1, "referee": {"value": "1"}}
    reward = {"referrer": {"value": "5"}, "referee": shipped}
    assert rules(campaign(CONTROL, mug, reward=reward)) == [], "the item is given in an arm"
    assert rules(campaign(CONTROL, mug, reward=reward, on_refund="proportional")) == [
        ("part-of-an-item", "on_refund")
    ]
    assert rules(campaign(caps={"budget": "9"})) == [("budget-below-reward", "caps.budget")]
    none = GOOD["reward"] | {"referrer": {"value": "0"}}
    assert rules(campaign(CONTROL | {"referee": {"value": "1"}}, DOUBLE, reward=none)) == []
