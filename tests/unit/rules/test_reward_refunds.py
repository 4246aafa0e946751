"""Refunds: they reverse what their order earned, before and after its purchase."""

from support.reward_claims import (
    REFEREE,
    REFERRER,
    UNIT,
    both_sides_granted,
    both_sides_reversed,
    bought,
    by_user,
    paid_back,
    pays_on_purchase,
    pays_on_signup,
    signed_up,
)

from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    moment,
    order_asked,
    refused,
    taken_from,
)


def test_a_full_refund_of_the_order_that_earned_reverses_both_sides() -> None:
    story = pays_on_purchase(category="media").when(bought("o1"))
    grants = story.followed
    story.when(paid_back("o1")).then(
        *taken_from(
            REFERRER,
            "AMY",
            reward_id=reward_id("AMY", "u1", "purchase:o1", "referrer"),
            user_id="u1",
            beneficiary="owner",
            value_micros=10 * UNIT,
            currency="USD",
            kind="credit",
            action="purchase:o1",
            reasons=[Reason.REFUNDED],
            supersedes=grants[0].event_id,
            event_time=moment("12:00"),
            order_id="o1",
            action_event_id="refund o1 12:00",
            campaign_id="spring",
            campaign_version=1,
            category="media",
        ),
        *taken_from(
            REFEREE,
            "AMY",
            reward_id=reward_id("AMY", "u1", "purchase:o1", "referee"),
            beneficiary="u1",
            supersedes=grants[2].event_id,
        ),
    )


def test_a_reversal_is_for_good_for_its_order_and_leaves_the_turn_to_another() -> None:
    (
        pays_on_purchase()
        .given(bought("o1"), paid_back("o1"))
        .when(paid_back("o1"), paid_back("o1", at="13:00"), bought("o1"))
        .then_nothing()
        .when(bought("o2"), bought("o1"))
        .then(*both_sides_granted(action="purchase:o2"))
    )


def test_partial_refunds_reverse_once_they_bring_the_order_below_the_minimum() -> None:
    (
        pays_on_purchase(minimum=50)
        .given(bought("o1", 100))
        .when(paid_back("o1", 25, at="12:00"), paid_back("o1", 25, at="12:01"))
        .then_nothing()
        .when(paid_back("o1", 25, at="12:01"))
        .then_nothing()
        .when(paid_back("o1", 0.000001, at="12:02"))
        .then(*both_sides_reversed())
    )


def test_without_a_minimum_partial_refunds_reverse_once_nothing_is_left() -> None:
    (
        pays_on_purchase()
        .given(bought("o1", 100))
        .when(paid_back("o1", 99.999999))
        .then_nothing()
        .when(paid_back("o1", 0.000001, at="12:01"))
        .then(*both_sides_reversed())
    )


def test_a_refund_in_another_currency_than_the_order_s_is_refused() -> None:
    (
        pays_on_purchase()
        .given(bought("o1", 100))
        .when(paid_back("o1", 1, currency="USD"))
        .then_nothing()
        .when(paid_back("o1", 1, currency="EUR", at="12:01"))
        .then(refused("refund_currency"))
    )


def test_a_free_order_earns_where_there_is_no_minimum_and_its_refund_reverses() -> None:
    (
        pays_on_purchase()
        .when(bought("o1", 0))
        .then(*both_sides_granted())
        .when(paid_back("o1"))
        .then(*both_sides_reversed())
    )


def test_the_refund_of_another_order_reverses_nothing_and_is_kept_for_that_one() -> None:
    story = pays_on_purchase(policy=by_user(repeats=0)).given(bought("o1"))
    story.when(paid_back("o2"), bought("o2")).then(order_asked("o2"))
    story.when(bought("o3")).then(*both_sides_granted(action="purchase:o3"))


def test_a_refund_does_not_reverse_what_the_signup_earned() -> None:
    pays_on_signup().given(signed_up()).when(bought("o1"), paid_back("o1")).then(order_asked("o1"))


def test_a_refund_that_comes_before_its_purchase_counts() -> None:
    (
        pays_on_purchase(minimum=50)
        .given(paid_back("o1", 60), paid_back("o2", 30), paid_back("o3"))
        .when(bought("o3", 100), bought("o1", 100))
        .then_nothing()
        .when(bought("o2", 100))
        .then(*both_sides_granted(order_id="o2"))
        .when(paid_back("o2", 20.000001, at="12:30"))
        .then(*both_sides_reversed())
    )


def test_a_refund_that_comes_before_its_purchase_and_again_after_it_counts_once() -> None:
    (
        pays_on_purchase(minimum=50)
        .given(paid_back("o1", 30), bought("o1", 100))
        .when(paid_back("o1", 30))
        .then_nothing()
    )
