"""Delivery of adjustments by hand: fulfilled, failed, and tried again."""

import msgspec
import pytest
from support.reward_lives import UNIT, balance, programme
from support.supervised import supervised

from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    adjusted,
    adjustment,
    adjustment_decided,
    failed,
    fulfilled,
    refused,
    reported,
    to_fulfil,
)
from reftrail.testing.outlines import USER


def test_a_credit_is_fulfilled_once_it_was_delivered() -> None:
    story = programme().given(adjustment(5, "12:00"))
    delivered = reported("referrer", "13:00", action="adjustment:A1", its_action="adjustment:A1")
    story.when(delivered).then(
        fulfilled("referrer", "AMY", action="adjustment:A1", value_micros=5 * UNIT, reasons=[])
    )
    assert balance(story) == 0, "a delivery changes nothing"
    story.when(delivered).then_nothing()
    again = msgspec.structs.replace(delivered, event_id="again")
    story.when(again).then_nothing()


@pytest.mark.parametrize(
    ("of", "units", "outcome", "reason"),
    [
        ("A1", -5, "failed", "not_allowed"),
        ("A1", -5, "delivered", "not_allowed"),
        ("A1", 5, "pending", "not_allowed"),
        ("A2", 5, "delivered", "unknown_reward"),
    ],
)
def test_no_other_report_changes_it(of: str, units: float, outcome: str, reason: str) -> None:
    story = programme().given(adjustment(units, "12:00"))
    action = f"adjustment:{of}"
    report = reported("referrer", "13:00", outcome=outcome, action=action, its_action=action)
    story.when(report).then(refused(reason))


def about_a1(at: str, outcome: str) -> FulfilmentReported:
    action = "adjustment:A1"
    given = {"action": action, "its_action": action, "event_id": f"{outcome} {at}"}
    return reported("referrer", at, outcome=outcome, **given)


def test_a_credit_that_was_not_delivered_leaves_the_balance_until_it_is_tried_again() -> None:
    story = programme().given(adjustment(5, "12:00"))
    story.when(about_a1("13:00", "failed")).then(
        failed("referrer", "AMY", reasons=["not_delivered"], value_micros=5 * UNIT)
    )
    failure = story.followed[0].event_id
    assert balance(story) == -5 * UNIT
    story.when(about_a1("13:01", "failed")).then_nothing()
    again = adjustment_decided("retry", "14:00", actor="ann")
    story.when(again).then(
        adjusted("referrer", "AMY", "tried_again", "goodwill", supersedes=failure),
        to_fulfil(
            "referrer",
            "AMY",
            reward_id=reward_id("AMY", USER, "adjustment:A1", "referrer"),
            value_micros=5 * UNIT,
        ),
    )
    assert balance(story) == 5 * UNIT
    story.when(again).then_nothing()
    story.when(adjustment_decided("retry", "15:00")).then(refused("not_allowed"))
    story.when(about_a1("16:00", "failed")).then(failed("referrer", "AMY"))
    story.when(adjustment_decided("retry", "17:00")).then(
        adjusted("referrer", "AMY", "tried_again", "goodwill"), to_fulfil("referrer", "AMY")
    )
    story.when(about_a1("18:00", "delivered")).then(fulfilled("referrer", "AMY"))
    story.when(about_a1("19:00", "failed")).then(refused("not_allowed"))


def test_a_credit_that_was_delivered_after_all_is_not_ordered_again() -> None:
    story = programme().given(adjustment(5, "12:00"), about_a1("13:00", "failed"))
    story.when(about_a1("14:00", "delivered")).then(
        adjusted("referrer", "AMY", "delivered_in_time", "goodwill"), fulfilled("referrer", "AMY")
    )
    assert balance(story) == 5 * UNIT
    story.when(adjustment_decided("retry", "15:00")).then(refused("not_allowed"))


def test_what_waits_or_is_booked_is_not_tried_again() -> None:
    story = supervised().given(adjustment(500, "12:00"), adjustment(-5, "12:01", of="A2"))
    story.when(adjustment_decided("retry", "13:00")).then(refused("not_allowed"))
    story.when(adjustment_decided("retry", "13:00", of="A2")).then(refused("not_allowed"))
    story.when(adjustment_decided("retry", "13:00", of="A3")).then(refused("unknown_adjustment"))


def test_a_credit_of_an_article_is_booked_alone() -> None:
    story = programme().when(adjustment(5, "12:00", kind="shipment"))
    story.then(adjusted("referrer", "AMY", "goodwill", kind="shipment"))
