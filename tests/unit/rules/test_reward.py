"""The rules of rewards, one by one."""

from typing import Any

import pytest

from reftrail.contracts.decisions import Action, Basis, Role
from reftrail.contracts.policy import OrderIds, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import CodeChanged, CodeStatus, Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    claimed,
    code,
    duration,
    given,
    granted,
    moment,
    refused,
    rejected,
    taken_from,
    to_fulfil,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
UNIT = MICROS_PER_UNIT


def signed_up(at: str = "10:00", *, under: str = "AMY", **told: Any) -> Outline:
    return claimed(Action.SIGNUP, under, at, **told)


def bought(order: str, paid: float = 100, *, at: str = "11:00", **told: Any) -> Outline:
    money = {"amount_micros": round(paid * UNIT), "currency": "USD"}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(money | told))


def paid_back(
    order: str, amount: float | None = None, *, at: str = "12:00", **told: Any
) -> Outline:
    money = None if amount is None else round(amount * UNIT)
    return claimed(Action.REFUND, "AMY", at, order_id=order, amount_micros=money, **told)


def pays_on_signup(**rules: Any) -> Scenario:
    return given(campaign(**rules), code("AMY"))


def pays_on_purchase(minimum: float = 0, **rules: Any) -> Scenario:
    """Orders ask for no place, so that stories stay short: see `test_reward_orders`."""
    on_purchase: dict[str, Any] = {
        "trigger": Trigger.FIRST_PURCHASE,
        "minimum_amount_micros": round(minimum * UNIT),
        "policy": by_user(),
    }
    return given(campaign(**(on_purchase | rules)), code("AMY"))


def by_user(**policy: Any) -> str | None:
    return policy_text(Policy(order_ids=OrderIds.USER, **policy))


def both_sides_granted(**told: Any) -> tuple[Outline, ...]:
    return (
        granted(REFERRER, "AMY", beneficiary="owner", **told),
        to_fulfil(REFERRER, "AMY", beneficiary="owner"),
        granted(REFEREE, "AMY", beneficiary="u1", **told),
        to_fulfil(REFEREE, "AMY", beneficiary="u1"),
    )


def both_sides_rejected(*reasons: str, **told: Any) -> tuple[Outline, ...]:
    return (
        rejected(REFERRER, "AMY", *reasons, beneficiary="owner", **told),
        rejected(REFEREE, "AMY", *reasons, beneficiary="u1", **told),
    )


def both_sides_reversed(**told: Any) -> tuple[Outline, ...]:
    return *taken_from(REFERRER, "AMY", **told), *taken_from(REFEREE, "AMY", **told)


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


def test_a_signup_under_an_unknown_code_leaves_a_trace_and_purchases_do_not_repeat_it() -> None:
    (
        given(campaign())
        .when(signed_up())
        .then(
            rejected(
                REFEREE,
                "AMY",
                Reason.UNKNOWN_CODE,
                beneficiary=None,
                value_micros=0,
                currency="XXX",
                kind="none",
                action="signup",
                campaign_id=None,
            )
        )
        .when(signed_up(), bought("o1"), paid_back("o1"))
        .then_nothing()
        .given(code("AMY"))
        .when(signed_up(), bought("o1"))
        .then_nothing()
    )


def test_a_signup_under_a_code_of_an_unknown_campaign_leaves_a_trace() -> None:
    (
        given(code("AMY", status=CodeStatus.REVOKED))
        .when(signed_up())
        .then(
            rejected(
                REFEREE,
                "AMY",
                Reason.UNKNOWN_CAMPAIGN,
                Reason.CODE_INACTIVE,
                beneficiary="u1",
                value_micros=0,
                currency="XXX",
                campaign_id="spring",
                campaign_version=None,
            )
        )
    )


def test_an_inactive_code_earns_nothing_from_when_it_became_so() -> None:
    for status in (CodeStatus.REVOKED, CodeStatus.SUSPENDED):
        revoked = code("AMY", status=status, event_time=moment("10:30"))
        story = given(campaign(), revoked)
        story.when(signed_up("10:30")).then(*both_sides_rejected(Reason.CODE_INACTIVE))
        given(campaign(), revoked).when(signed_up("10:29:59.999")).then(*both_sides_granted())


def test_an_expired_code_earns_nothing() -> None:
    expiring = code("AMY", expires_at=moment("10:30"))
    given(campaign(), expiring).when(signed_up("10:29:59.999")).then(*both_sides_granted())
    (
        given(campaign(), expiring)
        .when(signed_up("10:30"))
        .then(*both_sides_rejected(Reason.CODE_EXPIRED))
    )


@pytest.mark.parametrize(
    ("at", "is_running"),
    [("09:59:59.999", False), ("10:00", True), ("10:59:59.999", True), ("11:00", False)],
)
def test_a_campaign_pays_while_it_runs(at: str, *, is_running: bool) -> None:
    (
        pays_on_signup(starts_at=moment("10:00"), ends_at=moment("11:00"))
        .when(signed_up(at))
        .then(
            *(
                both_sides_granted()
                if is_running
                else both_sides_rejected(Reason.CAMPAIGN_NOT_RUNNING)
            )
        )
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


def test_a_touch_longer_ago_than_the_code_s_campaign_allows_earns_nothing() -> None:
    story = pays_on_signup(attribution_window_ms=duration("1h"))
    story.when(
        signed_up(user_id="u1", signed_up_at=moment("10:00"), touch_time=moment("09:00")),
    ).then(*(outline.but(user_id="u1") for outline in both_sides_granted()))
    story.when(
        signed_up(user_id="u2", signed_up_at=moment("10:00"), touch_time=moment("08:59:59.999")),
    ).then(
        rejected(REFERRER, "AMY", Reason.OUTSIDE_WINDOW, user_id="u2"),
        rejected(REFEREE, "AMY", Reason.OUTSIDE_WINDOW, user_id="u2"),
    )


def test_nobody_refers_themselves() -> None:
    (
        given(campaign(), code("AMY", owner="u1"))
        .when(signed_up())
        .then(
            rejected(
                REFERRER, "AMY", Reason.SELF_REFERRAL, beneficiary="u1", value_micros=10 * UNIT
            ),
            rejected(
                REFEREE, "AMY", Reason.SELF_REFERRAL, beneficiary="u1", value_micros=10 * UNIT
            ),
        )
        .when(signed_up())
        .then_nothing()
    )


def test_a_code_earns_for_so_many_users_and_no_more() -> None:
    story = given(campaign(), code("AMY", max_uses=2))
    for user in ("u1", "u2"):
        story.when(signed_up(user_id=user), signed_up(user_id=user)).then(
            granted(REFERRER, "AMY", user_id=user),
            to_fulfil(REFERRER, "AMY", user_id=user),
            granted(REFEREE, "AMY", user_id=user),
            to_fulfil(REFEREE, "AMY", user_id=user),
        )
    story.when(signed_up(user_id="u3")).then(
        rejected(REFERRER, "AMY", Reason.CODE_USED_UP, user_id="u3"),
        rejected(REFEREE, "AMY", Reason.CODE_USED_UP, user_id="u3"),
    )


def test_a_rejection_takes_no_use_and_a_reversal_gives_none_back() -> None:
    story = pays_on_purchase().given(code("AMY", max_uses=1, owner="u1"))
    story.given(bought("o1", user_id="u1"), bought("o2", user_id="u2"))
    story.when(paid_back("o2", user_id="u2")).then(
        *taken_from(REFERRER, "AMY", user_id="u2"), *taken_from(REFEREE, "AMY", user_id="u2")
    )
    story.when(bought("o3", user_id="u3")).then(
        *(rejected(role, "AMY", Reason.CODE_USED_UP) for role in (REFERRER, REFEREE))
    )


def test_codes_count_their_uses_apart() -> None:
    story = given(campaign(), code("AMY", max_uses=1), code("BOB", max_uses=1))
    story.given(signed_up(user_id="u1", under="AMY"))
    story.when(signed_up(user_id="u2", under="BOB")).then(
        granted(REFERRER, "BOB"),
        to_fulfil(REFERRER, "BOB"),
        granted(REFEREE, "BOB"),
        to_fulfil(REFEREE, "BOB"),
    )


def paid_on_signup_then_on_purchase(**policy: Any) -> Scenario:
    rules: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE, "policy": by_user(**policy)}
    return given(
        campaign(version=1),
        campaign(version=2, effective_from=moment("10:30"), **rules),
        code("AMY", max_uses=1),
    )


def test_who_earned_on_signup_earns_no_second_time_under_a_version_that_pays_on_purchase() -> None:
    story = paid_on_signup_then_on_purchase()
    story.when(signed_up("10:00")).then(*both_sides_granted(action="signup"))
    story.when(bought("o1", at="11:00")).then_nothing()


def test_a_code_that_a_user_used_up_is_not_so_for_that_user() -> None:
    story = paid_on_signup_then_on_purchase(repeats=2)
    story.when(signed_up("10:00")).then(*both_sides_granted(action="signup"))
    story.when(bought("o1", at="11:00")).then(*both_sides_granted(action="purchase:o1"))
    story.when(paid_back("o1")).then(*both_sides_reversed(action="purchase:o1"))


def test_a_rejection_lists_all_reasons_in_their_order() -> None:
    story = given(
        campaign(
            trigger=Trigger.FIRST_PURCHASE,
            minimum_amount_micros=1,
            attribution_window_ms=0,
            ends_at=moment("00:00"),
        ),
        code(
            "AMY",
            owner="u1",
            status=CodeStatus.SUSPENDED,
            expires_at=moment("00:00"),
            max_uses=0,
        ),
    )
    every = [
        Reason.CODE_INACTIVE,
        Reason.CODE_EXPIRED,
        Reason.CAMPAIGN_NOT_RUNNING,
        Reason.OUTSIDE_WINDOW,
        Reason.CODE_USED_UP,
        Reason.CURRENCY_MISMATCH,
        Reason.SELF_REFERRAL,
    ]
    story.when(bought("o1", currency="EUR")).then(
        rejected(REFERRER, "AMY", *every), rejected(REFEREE, "AMY", *every)
    )


def test_a_rejection_is_for_good_for_its_order_and_uses_nothing_up() -> None:
    story = pays_on_purchase().given(code("AMY", status=CodeStatus.SUSPENDED))
    story.when(bought("o1")).then(*both_sides_rejected(Reason.CODE_INACTIVE, action="purchase:o1"))
    story.given(code("AMY")).when(bought("o1")).then_nothing()
    story.when(bought("o2")).then(*both_sides_granted(action="purchase:o2"))


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
    story.when(paid_back("o2"), bought("o2")).then_nothing()
    story.when(bought("o3")).then(*both_sides_granted(action="purchase:o3"))


def test_a_refund_does_not_reverse_what_the_signup_earned() -> None:
    pays_on_signup().given(signed_up()).when(bought("o1"), paid_back("o1")).then_nothing()


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


def test_what_a_code_s_record_says_last_is_what_counts() -> None:
    first: CodeChanged = code("AMY", owner=None)
    (
        given(campaign(), first, code("AMY", owner="bound later"))
        .when(signed_up())
        .then(
            granted(REFERRER, "AMY", beneficiary="bound later"),
            to_fulfil(REFERRER, "AMY"),
            granted(REFEREE, "AMY"),
            to_fulfil(REFEREE, "AMY"),
        )
    )
