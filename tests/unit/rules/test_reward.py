"""Rewards of a claim: both sides, once, and for which action."""

from support.reward_claims import (
    REFEREE,
    REFERRER,
    UNIT,
    both_sides_granted,
    both_sides_rejected,
    bought,
    paid_on_signup_then_on_purchase,
    pays_on_purchase,
    pays_on_signup,
    signed_up,
)

from reftrail.contracts.decisions import Basis
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    campaign,
    code,
    given,
    granted,
    moment,
    to_fulfil,
)


def test_a_signup_earns_for_both_sides() -> None:
    story = given(
        campaign(
            version=3,
            referrer_reward_micros=20 * UNIT,
            referrer_reward_kind="cash",
            referee_reward_micros=5 * UNIT,
            referee_reward_kind="discount",
            reward_currency="EUR",
            category="media",
        ),
        code("AMY", channel="social"),
    ).when(signed_up())
    common = {"currency": "EUR", "category": "media", "campaign_id": "spring", "action": "signup"}
    story.then(
        granted(
            REFERRER,
            "AMY",
            reward_id=reward_id("AMY", "u1", "signup", "referrer"),
            user_id="u1",
            beneficiary="owner",
            value_micros=20 * UNIT,
            kind="cash",
            channel="social",
            campaign_version=3,
            reasons=[],
            basis=Basis.FIRST_TOUCH,
            touch_event_id="click 09:00",
            action_event_id="signup 10:00",
            supersedes=None,
            **common,
        ),
        to_fulfil(
            REFERRER,
            "AMY",
            reward_id=reward_id("AMY", "u1", "signup", "referrer"),
            beneficiary="owner",
            value_micros=20 * UNIT,
            kind="cash",
            campaign_version=3,
            **common,
        ),
        granted(REFEREE, "AMY", beneficiary="u1", value_micros=5 * UNIT, kind="discount", **common),
        to_fulfil(
            REFEREE, "AMY", beneficiary="u1", value_micros=5 * UNIT, kind="discount", **common
        ),
    )
    entries, orders = story.followed[::2], story.followed[1::2]
    assert [entry.event_id for entry in entries] == [order.event_id for order in orders]
    assert len({entry.event_id for entry in entries}) == 2


def test_the_same_claim_twice_earns_once() -> None:
    pays_on_signup().given(signed_up()).when(signed_up()).then_nothing()


def test_another_claim_by_the_same_user_earns_nothing() -> None:
    pays_on_signup().given(signed_up()).when(signed_up("11:00"), bought("o1")).then_nothing()


def test_a_reward_of_no_value_is_not_given() -> None:
    (
        pays_on_signup(referrer_reward_micros=0)
        .when(signed_up())
        .then(granted(REFEREE, "AMY"), to_fulfil(REFEREE, "AMY"))
    )


def test_a_code_without_an_owner_earns_for_the_referee_alone() -> None:
    (
        given(campaign(), code("AMY", owner=None))
        .when(signed_up())
        .then(granted(REFEREE, "AMY"), to_fulfil(REFEREE, "AMY"))
    )


def test_a_signup_earns_nothing_where_the_first_purchase_does() -> None:
    pays_on_purchase().when(signed_up()).then_nothing()


def test_the_first_purchase_earns_and_no_other_does() -> None:
    (
        pays_on_purchase()
        .given(signed_up())
        .when(bought("o1", 5))
        .then(*both_sides_granted(action="purchase:o1", order_id="o1"))
        .when(bought("o1", 5), bought("o2", 500))
        .then_nothing()
    )


def test_a_purchase_below_the_minimum_leaves_it_to_the_next_one() -> None:
    (
        pays_on_purchase(minimum=50)
        .when(bought("o1", 49.999999))
        .then_nothing()
        .when(bought("o2", 50))
        .then(*both_sides_granted(order_id="o2"))
    )


def test_a_purchase_in_another_currency_than_the_minimum_is_rejected_and_uses_nothing_up() -> None:
    (
        pays_on_purchase(minimum=50)
        .when(bought("o1", 5, currency="EUR"))
        .then(*both_sides_rejected(Reason.CURRENCY_MISMATCH, order_id="o1"))
        .when(bought("o2", 500))
        .then(*both_sides_granted(order_id="o2"))
    )


def test_any_currency_will_do_where_there_is_no_minimum() -> None:
    (
        pays_on_purchase()
        .when(bought("o1", 500, currency="EUR"))
        .then(*both_sides_granted(order_id="o1", currency="USD"))
    )


def test_the_rules_are_those_of_the_version_in_force_when_it_happened() -> None:
    story = given(
        campaign(version=1, referee_reward_micros=0, referrer_reward_micros=1),
        campaign(
            version=2,
            effective_from=moment("10:30"),
            referee_reward_micros=0,
            referrer_reward_micros=2,
        ),
        code("AMY"),
    )
    story.when(signed_up("10:29:59.999", user_id="u1"), signed_up("10:30", user_id="u2")).then(
        granted(REFERRER, "AMY", user_id="u1", value_micros=1, campaign_version=1),
        to_fulfil(REFERRER, "AMY", value_micros=1),
        granted(REFERRER, "AMY", user_id="u2", value_micros=2, campaign_version=2),
        to_fulfil(REFERRER, "AMY", value_micros=2),
    )


def test_who_earned_on_signup_earns_no_second_time_under_a_version_that_pays_on_purchase() -> None:
    story = paid_on_signup_then_on_purchase()
    story.when(signed_up("10:00")).then(*both_sides_granted(action="signup"))
    story.when(bought("o1", at="11:00")).then_nothing()
