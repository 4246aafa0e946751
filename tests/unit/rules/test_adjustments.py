"""Adjustments by hand: credits and debits, once each."""

from typing import Any

import msgspec
import pytest
from support.reward_lives import (
    UNIT,
    balance,
    both_granted,
    bought,
    entries,
    on_purchase,
    paid_back,
    programme,
    signed_up,
)

from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS, CODES, DEAD_LETTERS, EVENTS, REWARDS
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    MemoryHost,
    adjusted,
    adjustment,
    campaign,
    code,
    given,
    milestone,
    moment,
    refused,
    reviewed,
    signup,
    to_fulfil,
    users_merged,
)
from reftrail.testing.outlines import USER

OF_ORDER = reward_id("AMY", USER, "purchase:O1", "referrer")


def test_a_credit_is_an_entry_of_its_own() -> None:
    story = programme().when(adjustment(5, "12:00", order_id="O1"))
    story.then(
        adjusted(
            "referrer",
            "AMY",
            "goodwill",
            beneficiary="owner",
            action="adjustment:A1",
            reward_id=reward_id("AMY", USER, "adjustment:A1", "referrer"),
            value_micros=5 * UNIT,
            currency="USD",
            kind="credit",
            order_id="O1",
            event_time=moment("12:00"),
            action_time=moment("12:00"),
            action_event_id="adjustment A1 12:00",
            supersedes=None,
            qualifies=None,
        ),
        to_fulfil("referrer", "AMY", action="adjustment:A1", value_micros=5 * UNIT),
    )
    assert balance(story) == 5 * UNIT


def test_a_debit_takes_away_and_orders_nothing() -> None:
    story = programme().when(adjustment(-5, "12:00", role="referee", reason="error"))
    story.then(adjusted("referee", "AMY", "error", beneficiary=USER, value_micros=-5 * UNIT))
    assert balance(story) == -5 * UNIT


def test_the_same_adjustment_counts_once() -> None:
    story = programme().given(adjustment(5, "12:00"))
    story.when(adjustment(5, "12:00")).then_nothing()
    story.when(adjustment(5, "13:00")).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        {"value_micros": 6 * UNIT},
        {"role": "referee"},
        {"currency": "EUR"},
        {"reason": "error"},
        {"actor": "bob"},
        {"note": "as asked"},
        {"order_id": "O2"},
    ],
)
def test_the_same_id_with_other_content_is_refused(other: dict[str, Any]) -> None:
    story = programme().given(adjustment(5, "12:00"))
    again = msgspec.structs.replace(adjustment(5, "13:00"), **other)
    story.when(again).then(refused("adjustment_differs"))
    story.when(adjustment(5, "14:00")).then_nothing()


def test_each_referral_has_ids_of_its_own() -> None:
    story = programme().given(adjustment(5, "12:00"))
    story.when(adjustment(6, "13:00", user_id="another"))
    assert balance(story) == 6 * UNIT


def test_an_adjustment_of_a_reward_is_its_beneficiarys() -> None:
    story = on_purchase().given(bought("O1"))
    story.when(adjustment(-3, "12:00", role=None, reward_id=OF_ORDER)).then(
        adjusted(
            "referrer",
            "AMY",
            "goodwill",
            beneficiary="owner",
            order_id="O1",
            value_micros=-3 * UNIT,
            campaign_version=1,
        )
    )


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"reward_id": "none"}, "unknown_reward", "no such reward"),
        ({"reward_id": OF_ORDER, "role": "referee"}, "not_allowed", "role of the reward"),
        ({"reward_id": OF_ORDER, "currency": "EUR"}, "not_allowed", "currency of the reward"),
        ({"reward_id": OF_ORDER, "order_id": "O2"}, "not_allowed", "order of the reward"),
        ({"reward_id": OF_ORDER, "kind": "cash"}, "not_allowed", "kind of the reward"),
        ({"role": None}, "not_allowed", "say who gets it"),
        ({"role": "milestone"}, "not_allowed", "say who gets it"),
        ({"value_micros": 0}, "not_allowed", "nothing"),
        ({"code": "BOB"}, "unknown_code", "isn't registered"),
    ],
)
def test_what_cannot_be_booked_is_refused_and_may_come_again(
    fields: dict[str, Any], reason: str, detail: str
) -> None:
    story = on_purchase().given(bought("O1"))
    story.when(msgspec.structs.replace(adjustment(5, "12:00"), **fields))
    (refusal,) = story.followed
    assert (refusal.reason, detail in refusal.detail) == (reason, True)  # type: ignore[attr-defined]
    story.when(adjustment(5, "13:00"))
    assert balance(story) == 5 * UNIT


def test_nobody_is_credited_where_a_code_has_no_owner() -> None:
    story = given(campaign(), code("AMY", owner=None))
    story.when(adjustment(5, "12:00")).then(refused("not_allowed"))
    story.when(adjustment(5, "12:00", role="referee")).then(
        adjusted("referee", "AMY", "goodwill"), to_fulfil("referee", "AMY")
    )


def test_a_code_without_a_campaign_in_force_is_adjusted_without_approval() -> None:
    story = given(code("AMY")).when(adjustment(500, "12:00", kind="cash"))
    story.then(
        adjusted("referrer", "AMY", "goodwill", kind="cash", campaign_version=0),
        to_fulfil("referrer", "AMY", kind="cash"),
    )


def test_a_word_that_the_ledger_has_is_no_reason_of_its_entry() -> None:
    story = programme().when(adjustment(5, "12:00", reason="partly_refunded"))
    story.then(adjusted("referrer", "AMY"), to_fulfil("referrer", "AMY"))


def test_reviews_refunds_and_lost_milestones_leave_it_as_it_is() -> None:
    story = on_purchase().given(bought("O1"), adjustment(5, "11:30", order_id="O1"))
    story.when(reviewed("reverse", "12:00"))
    assert {entry.action for entry in entries(story)} == {"purchase:O1"}
    story = on_purchase().given(bought("O1"), adjustment(5, "11:30", order_id="O1"))
    story.when(paid_back("O1"))
    assert balance(story) == -20 * UNIT
    story.when(milestone("gold", 1, reached=False)).then_nothing()


def test_it_takes_no_place_of_an_order_that_earns() -> None:
    story = on_purchase(repeats=1).given(adjustment(5, "10:30", order_id="O1"))
    story.when(bought("O1"))
    assert balance(story) == 20 * UNIT


def test_a_signup_earns_after_an_adjustment_of_its_user() -> None:
    programme(trigger=Trigger.SIGNUP).given(adjustment(5, "09:00")).when(signed_up()).then(
        *both_granted()
    )


def test_a_user_who_was_merged_away_is_not_adjusted() -> None:
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign())
    host.publish(CODES, code("AMY"))
    for at, user in (("10:00", "account"), ("11:00", "guest")):
        whose = {"user_id": user, "visitor_id": user, "event_id": f"signup {user}"}
        host.publish(EVENTS, signup(at, typed="AMY", **whose))
        host.run()
    host.publish(EVENTS, users_merged("guest", "account", "12:00"))
    host.run()
    for user in ("guest", "account"):
        host.publish(ADJUSTMENTS, adjustment(5, "13:00", of=user, user_id=user, role="referee"))
    host.run()
    adjusted_users = [
        entry.user_id
        for entry in host.log(REWARDS)
        if isinstance(entry, RewardDecided) and entry.status == "adjusted"
    ]
    assert adjusted_users == ["account"]
    (letter,) = host.log(DEAD_LETTERS)
    assert isinstance(letter, DeadLettered)
    assert (letter.reason, "merged into another" in (letter.detail or "")) == ("not_allowed", True)
