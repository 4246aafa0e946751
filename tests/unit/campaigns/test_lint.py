"""Warnings about policies, and policies without any."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reftrail.campaigns import Campaign, campaign_file, lint, next_version
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.lint import CHECKS
from reftrail.contracts.record import DAY

AT = 1_767_225_600_000
NOW = Around(now=AT)
GOOD: dict[str, Any] = {
    "campaign_id": "c",
    "name": "C",
    "trigger": "first_purchase",
    "hold_for": "14 days",
    "reward": {"referrer": {"value": "5"}, "referee": {"value": "3"}},
}


def moment(days: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)


def findings(around: Around = NOW, **settings: Any) -> list[tuple[str, str]]:
    campaign = Campaign.model_validate(GOOD | settings)
    return [(finding.rule, ".".join(map(str, finding.where))) for finding in lint(campaign, around)]


def tier(grants: int, kind: str = "tier", **rest: Any) -> dict[str, Any]:
    return {"name": f"{kind} {grants}", "kind": kind, "grants": grants} | rest


def test_a_good_policy_has_no_warnings() -> None:
    assert findings() == []


def test_what_looks_odd_and_is_meant() -> None:
    assert not findings(trigger="signup", hold_for="0 days")
    assert not findings(hold_for="0 days", on_refund="keep")
    assert not findings(on_refund="proportional"), "one order earns it"
    shipped = {"referee": {"value": "1", "kind": "shipment", "item": "Mug"}}
    assert not findings(reward=shipped), "it is taken back whole"
    assert not findings(reward={"referrer": {"percent": "20"}}), "whatever the currency"
    in_euros = {"currency": "EUR", "referrer": {"percent": "20"}}
    assert not findings(reward=in_euros, minimum_amount="5"), "the shop's own currency"
    assert not findings(minimum_amount="5"), "rewards are in it too"
    assert not findings(earning_months=12, repeats="no limit")
    assert not findings(trigger="nth_purchase", trigger_count=3, repeats=1, on_refund="keep")
    assert not findings(caps={"budget": "8.00", "budget_per_day": "8.00"})
    assert not findings(milestones=[tier(2), tier(1, "badge"), tier(3)])
    assert not findings(milestones=[tier(3, "bonus", value="500", currency="EUR")]), "no budget"
    assert not findings(caps={"budget": "8"}, milestones=[tier(3, "bonus", value="8")])
    assert not findings(milestones=[tier(9)], caps={"per_referrer": 3}, repeats="no limit"), (
        "each of three users may earn more than once"
    )
    assert not findings(effective_from=moment(-9)), "a first version may begin in the past"
    assert not findings(
        reward={"referrer": {"value": "0"}},
        milestones=[tier(3, "bonus", value="5")],
    )


@pytest.mark.parametrize(
    ("rule", "where", "settings"),
    [
        ("hold-shorter-than-refunds", "hold_for", {"hold_for": "13 days"}),
        (
            "refunds-reverse-all",
            "on_refund",
            {"trigger": "nth_purchase", "repeats": 2, "on_refund": "proportional"},
        ),
        (
            "refunds-reverse-all",
            "on_refund",
            {
                "trigger": "amount_reached",
                "minimum_amount": "9",
                "repeats": 1,
                "on_refund": "proportional",
            },
        ),
        ("unknown-reason", "fraud.weights.rnig", {"fraud": {"weights": {"rnig": 5}}}),
        ("unknown-reason", "fraud.limits.rnig", {"fraud": {"limits": {"rnig": 5}}}),
        ("unknown-reason", "fraud.decisive.1", {"fraud": {"decisive": ["ring", "rnig"]}}),
        ("limit-without-use", "fraud.limits.owner_ip", {"fraud": {"limits": {"owner_ip": 5}}}),
        (
            "decisive-without-weight",
            "fraud.decisive.0",
            {"fraud": {"decisive": ["ring"], "weights": {"ring": 0}}},
        ),
        ("budget-below-reward", "caps.budget", {"caps": {"budget": "7.99"}}),
        ("budget-below-reward", "caps.budget_per_day", {"caps": {"budget_per_day": "7.99"}}),
        (
            "bonus-above-budget",
            "milestones.0.value",
            {"caps": {"budget": "8"}, "milestones": [tier(3, "bonus", value="8.01")]},
        ),
        (
            "bonus-outside-budget",
            "milestones.1.currency",
            {
                "reward": {"currency": "EUR", "referrer": {"value": "1"}},
                "caps": {"budget_per_day": "3"},
                "milestones": [tier(2), tier(3, "bonus", value="500", currency="USD")],
            },
        ),
        (
            "cap-without-effect",
            "caps.per_code_per_day",
            {"caps": {"per_code": 5, "per_code_per_day": 6}},
        ),
        (
            "cap-without-effect",
            "caps.budget_per_day",
            {"caps": {"budget": "10", "budget_per_day": "11"}},
        ),
        (
            "milestones-out-of-order",
            "milestones.1.grants",
            {"milestones": [tier(5), tier(3)]},
        ),
        (
            "milestones-out-of-order",
            "milestones.1.grants",
            {"milestones": [tier(5), tier(5, name="the same")]},
        ),
        (
            "milestone-out-of-reach",
            "milestones.0.grants",
            {"milestones": [tier(5)], "caps": {"per_referrer": 4}},
        ),
        ("over-already", "ends_at", {"ends_at": moment(0)}),
        ("over-already", "ends_at", {"ends_at": moment(9), "effective_from": moment(9)}),
        ("nothing-to-earn", "", {"reward": {}}),
        (
            "item-without-use",
            "reward.referrer.item",
            {"reward": {"referrer": {"value": "1", "item": "Mug"}}},
        ),
        (
            "item-without-use",
            "reward.referee.item",
            {"reward": {"referrer": {"value": "1"}, "referee": {"kind": "shipment", "item": "M"}}},
        ),
        (
            "unknown-kind",
            "reward.referrer.kind",
            {"reward": {"referrer": {"value": "1", "kind": "x"}}},
        ),
        (
            "payout-that-expires",
            "expires_after",
            {
                "expires_after": "90 days",
                "reward": {"currency": "EUR", "referrer": {"value": "1", "kind": "payout"}},
            },
        ),
        (
            "payout-in-units",
            "reward.referrer.kind",
            {"reward": {"currency": "points", "referrer": {"value": "1", "kind": "payout"}}},
        ),
        (
            "setting-without-effect",
            "minimum_amount",
            {"trigger": "signup", "minimum_amount": "5"},
        ),
        ("setting-without-effect", "repeats", {"trigger": "signup", "repeats": 2}),
        (
            "minimum-in-units",
            "minimum_amount",
            {"minimum_amount": "5", "reward": {"currency": "points", "referrer": {"value": "1"}}},
        ),
        (
            "share-in-one-currency",
            "reward.currency",
            {"reward": {"referrer": {"percent": "20", "maximum": "5"}}},
        ),
        (
            "share-in-one-currency",
            "reward.currency",
            {"caps": {"budget": "50"}, "reward": {"referee": {"percent": "0.5"}}},
        ),
        ("months-for-one-order", "repeats", {"earning_months": 12, "repeats": 1}),
        (
            "minimum-in-default-currency",
            "minimum_amount",
            {"minimum_amount": "5", "reward": {"referee": {"percent": "10"}}},
        ),
        (
            "approval-in-default-currency",
            "adjustments.approval_above",
            {"adjustments": {"approval_above": "5"}, "reward": {"referee": {"percent": "10"}}},
        ),
        ("setting-without-effect", "on_refund", {"trigger": "signup", "on_refund": "keep"}),
        ("setting-without-effect", "order_ids", {"trigger": "signup", "order_ids": "user"}),
        (
            "part-of-an-item",
            "on_refund",
            {
                "on_refund": "proportional",
                "reward": {"referee": {"value": "1", "kind": "shipment", "item": "Mug"}},
            },
        ),
        (
            "part-of-an-item",
            "on_refund",
            {
                "on_refund": "proportional",
                "reward": {"referrer": {"value": "1", "kind": "code", "item": "pool"}},
            },
        ),
        ("number-without-repeats", "trigger", {"trigger": "nth_purchase", "trigger_count": 3}),
        (
            "number-without-repeats",
            "trigger",
            {"trigger": "amount_reached", "minimum_amount": "100"},
        ),
    ],
)
def test_a_warning(rule: str, where: str, settings: dict[str, Any]) -> None:
    assert findings(**settings) == [(rule, where)]
    assert rule.replace("-", "_") in [check.__name__ for check in CHECKS]


def test_the_refund_window_is_the_owners() -> None:
    around = Around(now=AT, refund_window=30 * DAY)
    assert findings(around) == [("hold-shorter-than-refunds", "hold_for")]


def test_terms_that_never_hold() -> None:
    later = {"referrer": {"value": "5", "later": {"value": "1"}}}
    assert findings(reward=later, repeats="no limit") == []
    assert findings(reward=later) == [("later-for-one-order", "reward.referrer.later")]
    tiers = {"referrer": {"value": "5", "tiers": [{"referrals": 2, "value": "6"}]}}
    assert findings(reward=tiers) == []
    tiers["referrer"]["tiers"] = [{"referrals": 1, "value": "6"}]
    assert findings(reward=tiers) == [("tier-from-the-first", "reward.referrer.tiers.0.referrals")]
    assert findings(trigger="signup", hold_for="0 days", terms_from="signup") == [
        ("setting-without-effect", "terms_from")
    ]


def test_bands_in_units() -> None:
    bands = {"currency": "points", "referee": {"bands": [{"amount": "20", "value": "5"}]}}
    assert findings(reward=bands) == [("minimum-in-units", "reward.referee.bands")]


def test_the_highest_values_count() -> None:
    tiers = [{"referrals": 2, "value": "6"}, {"referrals": 3, "value": "9"}]
    reward = {"referrer": {"value": "5", "tiers": tiers}}
    assert findings(reward=reward, caps={"budget": "8"}) == [("budget-below-reward", "caps.budget")]
    assert findings(reward=reward, caps={"budget": "9"}) == []
    bands = {"referee": {"bands": [{"amount": "20", "value": "5"}]}}
    assert findings(reward=bands) == []
    share = {"referrer": {"value": "5", "later": {"percent": "5"}}}
    assert findings(reward=share, repeats=2, caps={"budget": "8"}) == [
        ("share-in-one-currency", "reward.currency")
    ]


def test_versions_that_are_there_already() -> None:
    first = next_version(Campaign.model_validate(GOOD), None, AT).defined
    second = msgspec.structs.replace(first, version=2, effective_from=AT + 5 * DAY)
    around = Around(AT, [first, second])
    assert findings(around) == []
    assert findings(around, effective_from=moment(6)) == []
    assert findings(around, effective_from=moment(5)) == [], "the version that it is"
    assert findings(around, effective_from=moment(4)) == [("never-in-force", "effective_from")]
    assert findings(Around(AT + 30 * DAY, [first, second]), effective_from=moment(6)) == [
        ("in-the-past", "effective_from")
    ]


def test_a_close_name_is_offered() -> None:
    campaign = Campaign.model_validate(GOOD | {"fraud": {"weights": {"self_referal": 5}}})
    (found,) = lint(campaign, Around(now=AT))
    assert isinstance(found, Finding)
    assert "did you mean self_referral?" in found.message


def test_a_finding_is_placed_in_the_file_however_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[campaign]\ncampaign_id = "c"\nname = "C"\nreferee_reward = "1"\n'
        'referee_reward_kind = "x"\n'
    )
    asked = campaign_file(file)
    (found,) = lint(asked.campaigns[0], Around(now=AT))
    fault = asked.fault(0, found.where, found.message)
    assert (fault.at.line, fault.at.column) == (5, 23)


def test_statements_wait_for_refunds_by_themselves() -> None:
    """So a campaign whose rewards are paid out needs no hold; one that pays otherwise too does."""
    paid_out = {"value": "1", "kind": "payout"}
    on_purchase: dict[str, Any] = {"trigger": "first_purchase", "hold_for": "0 days"}
    assert findings(**on_purchase, reward={"referrer": paid_out}) == []
    for other in ({"value": "1"}, {"percent": "10"}):
        both = {"referrer": paid_out, "referee": other}
        assert findings(**on_purchase, reward=both) == [("hold-shorter-than-refunds", "hold_for")]
