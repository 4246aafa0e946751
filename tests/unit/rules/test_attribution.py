"""The rules of attribution, one by one."""

from typing import Any

from reftrail.contracts.decisions import Action, Basis
from reftrail.contracts.policy import Policy, Scope, policy_text
from reftrail.contracts.reference import Trigger
from reftrail.testing import (
    Outline,
    attributed,
    campaign,
    checked,
    claimed,
    code,
    converted,
    duration,
    given,
    late_touch,
    moment,
)


def signed_up(at: str = "10:00", **told: Any) -> Outline:
    return converted("signup", at, **told)


def signed_up_by_touch(code: str = "AMY", touch: str = "09:00", **told: Any) -> Outline:
    by_touch: dict[str, Any] = {
        "touch_code": code,
        "touch_time": moment(touch),
        "touch_event_id": f"click {touch}",
        "touch_campaign_id": "spring",
    }
    return signed_up(**(by_touch | told))


def bought(order: str, at: str, **told: Any) -> Outline:
    return converted("purchase", at, order_id=order, amount_micros=5, currency="USD", **told)


def paid_back(order: str, at: str, **told: Any) -> Outline:
    return converted("refund", at, order_id=order, **told)


def test_a_signup_is_attributed_to_its_touch_and_claims() -> None:
    (
        given()
        .when(
            signed_up_by_touch(
                touch_category="media", touch_channel="social", ip_hash="i", country="DE"
            )
        )
        .then(
            attributed(
                "AMY",
                Basis.FIRST_TOUCH,
                decisive=True,
                user_id="u1",
                visitor_id="v1",
                campaign_id="spring",
                touch_time=moment("09:00"),
                touch_event_id="click 09:00",
                signup_event_id="signup 10:00",
                category="media",
                channel="social",
            ),
            claimed(
                Action.SIGNUP,
                "AMY",
                at="10:00",
                user_id="u1",
                visitor_id="v1",
                action_event_id="signup 10:00",
                basis=Basis.FIRST_TOUCH,
                touch_event_id="click 09:00",
                touch_time=moment("09:00"),
                signed_up_at=moment("10:00"),
                ip_hash="i",
                country="DE",
            ),
        )
    )


def test_a_typed_code_is_used_where_there_is_no_touch() -> None:
    (
        given()
        .when(signed_up(typed_code="BOB", typed_campaign_id="spring", typed_category="media"))
        .then(
            attributed(
                "BOB",
                Basis.TYPED_CODE,
                campaign_id="spring",
                category="media",
                touch_event_id=None,
                touch_time=moment("10:00"),
            ),
            claimed(Action.SIGNUP, "BOB", at="10:00", basis=Basis.TYPED_CODE),
        )
    )


def test_a_touch_wins_over_a_typed_code() -> None:
    (
        given(campaign())
        .when(signed_up_by_touch(typed_code="BOB", typed_campaign_id="spring"))
        .then(attributed("AMY"), claimed(Action.SIGNUP, "AMY", at="10:00"))
    )


def test_a_typed_code_wins_where_its_campaign_says_so() -> None:
    (
        given(campaign("handwritten", typed_code_wins=True))
        .when(signed_up_by_touch(typed_code="BOB", typed_campaign_id="handwritten"))
        .then(
            attributed("BOB", Basis.TYPED_CODE),
            claimed(Action.SIGNUP, "BOB", at="10:00", basis=Basis.TYPED_CODE),
        )
    )


def test_a_typed_code_that_does_not_exist_never_displaces_a_touch() -> None:
    (
        given(campaign("handwritten", typed_code_wins=True))
        .when(
            signed_up_by_touch(
                typed_code="BOB", typed_campaign_id="handwritten", typed_code_known=False
            )
        )
        .then(attributed("AMY"), claimed(Action.SIGNUP, "AMY", at="10:00"))
    )


def test_a_typed_code_that_does_not_exist_leaves_a_trace_where_there_is_no_touch() -> None:
    (
        given()
        .when(signed_up(typed_code="GHOST", typed_code_known=False))
        .then(
            attributed("GHOST", Basis.TYPED_CODE),
            claimed(Action.SIGNUP, "GHOST", at="10:00", basis=Basis.TYPED_CODE),
        )
    )


def test_nothing_attributes_a_user_twice() -> None:
    (
        given(signed_up_by_touch("AMY"))
        .when(
            signed_up_by_touch("AMY"),
            signed_up_by_touch("BOB", touch="08:00", at="09:30"),
            signed_up(at="11:00", typed_code="CAT"),
        )
        .then_nothing()
    )


def test_the_first_signup_decides_even_if_it_says_nothing() -> None:
    given(signed_up()).when(signed_up_by_touch("BOB", at="11:00")).then_nothing()


def test_a_late_touch_within_the_grace_attributes_with_what_was_known_at_signup() -> None:
    (
        given(signed_up(received_at=moment("10:01"), ip_hash="i", device_hash="d"))
        .when(late_touch("AMY", at="09:00", arrived="1d 10:01", signed_up="10:00"))
        .then(
            attributed("AMY", Basis.LATE_TOUCH, decisive=True, signup_event_id="signup 10:00"),
            claimed(
                Action.SIGNUP,
                "AMY",
                at="10:00",
                basis=Basis.LATE_TOUCH,
                action_event_id="signup 10:00",
                touch_time=moment("09:00"),
                ip_hash="i",
                device_hash="d",
            ),
        )
    )


def test_a_late_touch_after_the_grace_is_kept_for_reports_only() -> None:
    (
        given(signed_up(received_at=moment("10:01")))
        .when(late_touch("AMY", at="09:00", arrived="1d 10:01:00.001", signed_up="10:00"))
        .then(attributed("AMY", Basis.LATE_TOUCH, decisive=False))
        .when(bought("o1", at="10:30"))
        .then_nothing()
    )


def test_the_grace_is_that_of_the_touch_s_campaign() -> None:
    (
        given(campaign("hasty", late_touch_grace_ms=duration("1min")), signed_up())
        .when(
            late_touch(
                "AMY",
                at="09:00",
                arrived="10:01:01",
                signed_up="10:00",
                touch_campaign_id="hasty",
            )
        )
        .then(attributed("AMY", Basis.LATE_TOUCH, decisive=False))
    )


EARLIER = late_touch("BOB", at="08:00", arrived="10:05", signed_up="10:00")
CORRECTED = (
    attributed(
        "BOB",
        Basis.LATE_TOUCH,
        decisive=True,
        touch_time=moment("08:00"),
        signup_event_id="signup 10:00",
    ),
    claimed(Action.SIGNUP, "BOB", at="10:00", touch_time=moment("08:00"), country="DE"),
)
KEPT = attributed("BOB", Basis.LATE_TOUCH, decisive=False, touch_time=moment("08:00"))
ON_PURCHASE = campaign(trigger=Trigger.FIRST_PURCHASE, late_touch_grace_ms=duration("1h"))


def late(touch: Outline = EARLIER, **told: Any) -> Outline:
    return touch.but(touch_campaign_id="spring", **told)


def test_an_earlier_touch_that_comes_in_time_corrects_the_decision_while_nothing_was_earned() -> (
    None
):
    story = given(ON_PURCHASE).when(signed_up_by_touch("AMY", touch="09:00", country="DE"))
    first = story.followed[0].event_id
    story.when(late()).then(CORRECTED[0].but(corrects=first), CORRECTED[1])
    story.when(late()).then_nothing()
    story.when(bought("o1", at="11:00")).then(
        claimed(Action.PURCHASE, "BOB", at="11:00", order_id="o1")
    )


def test_a_correction_to_the_same_code_claims_nothing_again() -> None:
    story = given(ON_PURCHASE).when(signed_up_by_touch("BOB", touch="09:00", country="DE"))
    first = story.followed[0].event_id
    story.when(late()).then(CORRECTED[0].but(corrects=first))


def test_a_corrected_decision_can_be_corrected_again() -> None:
    story = given(ON_PURCHASE, signed_up_by_touch("AMY", touch="09:00", country="DE"))
    corrected = story.when(late()).followed[0].event_id
    still_earlier = late_touch("CAT", at="07:00", arrived="10:06", signed_up="10:00")
    story.when(still_earlier).then(
        attributed("CAT", Basis.LATE_TOUCH, decisive=True, corrects=corrected),
        claimed(Action.SIGNUP, "CAT", at="10:00"),
    )


def test_an_earlier_touch_after_the_grace_is_only_kept() -> None:
    too_late = late(arrived_at=moment("11:00:00.001"))
    in_time = late(arrived_at=moment("11:00"))
    signup = signed_up_by_touch("AMY", touch="09:00", country="DE")
    given(ON_PURCHASE, signup).when(too_late).then(KEPT).when(too_late).then_nothing()
    given(ON_PURCHASE, signup).when(in_time).then(*CORRECTED)


def test_an_earlier_touch_is_only_kept_once_a_purchase_may_have_earned() -> None:
    (
        given(ON_PURCHASE, signed_up_by_touch("AMY", touch="09:00"), bought("o1", at="10:01"))
        .when(late())
        .then(KEPT)
        .when(bought("o2", at="11:00"))
        .then(claimed(Action.PURCHASE, "AMY", at="11:00", order_id="o2"))
    )


def test_an_earlier_touch_is_only_kept_where_the_signup_may_have_earned() -> None:
    (
        given(campaign(trigger=Trigger.SIGNUP), signed_up_by_touch("AMY", touch="09:00"))
        .when(late())
        .then(KEPT)
        .when(late())
        .then_nothing()
        .when(bought("o1", at="11:00"))
        .then(claimed(Action.PURCHASE, "AMY", at="11:00", order_id="o1"))
    )


def test_an_earlier_touch_corrects_a_typed_code_unless_its_campaign_lets_it_win() -> None:
    typed = signed_up(typed_code="AMY", typed_campaign_id="spring", country="DE")
    given(ON_PURCHASE, typed).when(late()).then(*CORRECTED)
    wins = campaign(trigger=Trigger.FIRST_PURCHASE, typed_code_wins=True)
    given(wins, typed).when(late()).then(KEPT)


def test_who_claimed_nothing_but_refunds_can_be_corrected() -> None:
    story = given(ON_PURCHASE, signed_up_by_touch("AMY", touch="09:00", country="DE"))
    story.given(paid_back("o1", at="10:01")).when(late()).then(*CORRECTED)


def by_code(code: str, campaign_id: str, at: str) -> Outline:
    return signed_up(at, typed_code=code, typed_campaign_id=campaign_id)


def test_a_user_is_referred_once_ever() -> None:
    (
        given(campaign("one"), campaign("two"))
        .given(by_code("AMY", "one", at="10:00"))
        .when(by_code("BOB", "two", at="11:00"))
        .then_nothing()
    )


def test_a_user_is_referred_once_in_each_campaign_that_says_so() -> None:
    scope = policy_text(Policy(scope=Scope.CAMPAIGN))
    story = given(campaign("one"), campaign("two", policy=scope), campaign("three"))
    story.given(by_code("AMY", "one", at="10:00"))
    story.when(by_code("BOB", "two", at="11:00")).then(
        attributed("BOB", Basis.TYPED_CODE, event_time=moment("11:00")),
        claimed(Action.SIGNUP, "BOB", at="11:00"),
    )
    story.when(by_code("BOB", "two", at="11:00"), by_code("CAT", "two", at="12:00")).then_nothing()
    story.when(by_code("DAN", "three", at="12:00")).then_nothing()
    story.when(bought("o1", at="10:30"), bought("o1", at="10:30")).then(
        claimed(Action.PURCHASE, "AMY", at="10:30", order_id="o1")
    )
    story.when(bought("o2", at="12:30"), paid_back("o2", at="12:40")).then(
        claimed(Action.PURCHASE, "AMY", at="12:30", order_id="o2"),
        claimed(Action.PURCHASE, "BOB", at="12:30", order_id="o2"),
        claimed(Action.REFUND, "AMY", at="12:40", order_id="o2"),
        claimed(Action.REFUND, "BOB", at="12:40", order_id="o2"),
    )


def test_who_signed_up_without_a_referrer_can_be_referred_in_a_campaign_of_its_own_later() -> None:
    scope = policy_text(Policy(scope=Scope.CAMPAIGN))
    story = given(campaign("once"), campaign("each", policy=scope), signed_up("10:00"))
    story.when(by_code("AMY", "once", at="11:00")).then_nothing()
    story.when(by_code("BOB", "each", at="11:00")).then(
        attributed("BOB", Basis.TYPED_CODE, event_time=moment("11:00")),
        claimed(Action.SIGNUP, "BOB", at="11:00"),
    )


SIGNALS: dict[str, Any] = {"ip_hash": "i", "network_hash": "n", "device_hash": "d"}


def test_the_signals_of_a_claim_that_may_earn_are_asked_about() -> None:
    asked = {"owner_user_id": "owner", "code": "AMY", "user_id": "u1"}
    story = given(campaign(), code("AMY", owner="owner"))
    story.when(signed_up_by_touch(source="portal", **SIGNALS))
    claim_id = story.followed[1].event_id
    story.then(
        attributed("AMY"),
        claimed(
            Action.SIGNUP,
            "AMY",
            at="10:00",
            checks=["ip", "network", "device", "pair"],
            root_reference="click 09:00",
            source="portal",
        ),
        checked("ip:i", claim_id=claim_id, **asked),
        checked("network:n", claim_id=claim_id, **asked),
        checked("device:d", claim_id=claim_id, **asked),
        checked("pair:owner|u1", claim_id=claim_id, **asked),
    )


def test_a_pair_has_one_name_whoever_refers_whom() -> None:
    story = given(campaign(), code("AMY", owner="a")).when(signed_up_by_touch(user_id="b"))
    assert [getattr(one, "signal", None) for one in story.followed] == [None, None, "pair:a|b"]
    story = given(campaign(), code("AMY", owner="b")).when(signed_up_by_touch(user_id="a"))
    assert [getattr(one, "signal", None) for one in story.followed] == [None, None, "pair:a|b"]


def test_nobody_is_asked_about_oneself_or_an_owner_whom_nobody_knows() -> None:
    for owned in (code("AMY", owner="u1"), code("AMY", owner=None), code("BOB")):
        (
            given(campaign(), owned)
            .when(signed_up_by_touch())
            .then(attributed("AMY"), claimed(Action.SIGNUP, "AMY", at="10:00", checks=[]))
        )


def test_purchases_are_asked_about_where_they_may_earn() -> None:
    at_signup = given(campaign(), signed_up_by_touch())
    purchase = bought("o1", at="11:00", ip_hash="i")
    at_signup.when(purchase).then(claimed(Action.PURCHASE, "AMY", at="11:00", checks=[]))
    at_purchase = given(ON_PURCHASE, signed_up_by_touch())
    at_purchase.when(purchase).then(
        claimed(Action.PURCHASE, "AMY", at="11:00", checks=["ip"]), checked("ip:i")
    )


def test_the_root_of_a_typed_code_is_the_signup() -> None:
    story = given(ON_PURCHASE, signed_up(typed_code="AMY", typed_campaign_id="spring"))
    story.when(bought("o1", at="11:00")).then(
        claimed(Action.PURCHASE, "AMY", at="11:00", root_reference="signup 10:00")
    )


def test_a_late_touch_that_is_not_earlier_than_the_one_decided_on_says_nothing() -> None:
    (
        given(signed_up_by_touch("AMY", touch="09:00"))
        .when(late_touch("BOB", at="09:00", arrived="10:05", signed_up="10:00"))
        .then_nothing()
    )


def test_a_late_touch_before_another_signup_of_the_user_does_not_attribute() -> None:
    (
        given(signed_up("10:00"), signed_up("12:00", visitor_id="v2"))
        .when(late_touch("AMY", at="11:00", arrived="12:30", signed_up="12:00", visitor_id="v2"))
        .then_nothing()
    )


def test_a_late_touch_of_a_user_who_is_not_known_says_nothing() -> None:
    (given().when(late_touch("AMY", at="09:00", arrived="10:05", signed_up="10:00")).then_nothing())


def test_a_purchase_by_an_attributed_user_claims_once_for_each_order() -> None:
    (
        given(signed_up_by_touch())
        .when(bought("o1", at="11:00", ip_hash="i"), bought("o1", at="11:01"))
        .then(
            claimed(
                Action.PURCHASE,
                "AMY",
                at="11:00",
                order_id="o1",
                amount_micros=5,
                currency="USD",
                action_event_id="purchase o1 11:00",
                visitor_id="v1",
                ip_hash="i",
            )
        )
    )


def test_each_refund_claims_once() -> None:
    (
        given(signed_up_by_touch())
        .when(
            paid_back("o1", at="11:00", amount_micros=1),
            paid_back("o1", at="11:00", amount_micros=1),
            paid_back("o1", at="11:05"),
        )
        .then(
            claimed(Action.REFUND, "AMY", at="11:00", order_id="o1", amount_micros=1),
            claimed(Action.REFUND, "AMY", at="11:05", order_id="o1", amount_micros=None),
        )
    )


def test_a_user_who_never_signs_up_claims_nothing() -> None:
    given().when(bought("o1", at="11:00"), paid_back("o1", at="11:05")).then_nothing()


def test_a_user_without_a_referrer_claims_nothing() -> None:
    given(signed_up()).when(bought("o1", at="11:00")).then_nothing()


def test_what_came_before_the_signup_claims_after_it_in_the_order_of_time() -> None:
    (
        given(
            paid_back("o1", at="11:00"),
            bought("o2", at="09:45"),
            bought("o1", at="09:30"),
            bought("o1", at="09:31"),
        )
        .when(signed_up_by_touch(touch="09:00"))
        .then(
            attributed("AMY"),
            claimed(Action.SIGNUP, "AMY", at="10:00"),
            claimed(Action.PURCHASE, "AMY", at="09:30", order_id="o1"),
            claimed(Action.PURCHASE, "AMY", at="09:45", order_id="o2"),
            claimed(Action.REFUND, "AMY", at="11:00", order_id="o1"),
        )
        .when(bought("o2", at="09:45"), paid_back("o1", at="11:00"))
        .then_nothing()
    )


def test_a_purchase_from_before_the_touch_never_claims_whenever_it_comes_in() -> None:
    (
        given(bought("o1", at="08:59:59.999"))
        .when(signed_up_by_touch(touch="09:00"))
        .then(attributed("AMY"), claimed(Action.SIGNUP, "AMY", at="10:00"))
        .when(bought("o2", at="08:59:59.999"))
        .then_nothing()
        .when(bought("o3", at="09:00"))
        .then(claimed(Action.PURCHASE, "AMY", at="09:00", order_id="o3"))
    )


def test_a_purchase_from_before_a_typed_code_s_signup_never_claims() -> None:
    (
        given(bought("o1", at="09:30"))
        .when(signed_up(typed_code="BOB"))
        .then(
            attributed("BOB", Basis.TYPED_CODE),
            claimed(Action.SIGNUP, "BOB", at="10:00", basis=Basis.TYPED_CODE),
        )
    )


def test_what_waits_for_a_late_touch_claims_with_it() -> None:
    (
        given(signed_up(), bought("o1", at="10:30"))
        .when(late_touch("AMY", at="09:00", arrived="11:00", signed_up="10:00"))
        .then(
            attributed("AMY", Basis.LATE_TOUCH),
            claimed(Action.SIGNUP, "AMY", at="10:00"),
            claimed(Action.PURCHASE, "AMY", at="10:30", order_id="o1"),
        )
    )


def test_the_earliest_purchases_wait_if_there_are_too_many() -> None:
    late_first = reversed(
        [bought(f"o{nth}", at=f"11:00:{nth % 60:02}.{nth:03}") for nth in range(60)]
    )
    overflow = [bought(f"p{nth}", at=f"12:00:{nth:02}") for nth in range(10)]
    story = given(*overflow, *late_first).when(signed_up_by_touch())
    waited = [record for record in story.followed if getattr(record, "order_id", None)]
    assert len(waited) == MOST_WAITING
    assert [record.order_id for record in waited] == [  # type: ignore[attr-defined]
        *(f"o{nth}" for nth in range(60)),
        *(f"p{nth}" for nth in range(4)),
    ]


def test_as_many_orders_are_known_again_as_is_said() -> None:
    orders = [f"o{nth}" for nth in range(MOST_REMEMBERED + 1)]
    story = given(signed_up_by_touch(), *(bought(order, at="11:00") for order in orders))
    story.when(bought(orders[1], at="11:00")).then_nothing()
    story.when(bought(orders[0], at="11:00")).then(claimed(Action.PURCHASE, "AMY", at="11:00"))


def test_a_claim_is_called_the_same_whether_its_purchase_waited_or_not() -> None:
    purchase = bought("o1", at="11:00", received_at=moment("11:05"))
    waited = given(purchase).when(signed_up_by_touch()).followed[-1]
    came_after = given(signed_up_by_touch()).when(purchase).followed[-1]
    assert waited.event_id == came_after.event_id
    assert waited.received_at == came_after.received_at == moment("11:05")


def test_of_an_attributed_user_only_the_decision_and_what_claimed_is_kept() -> None:
    early, late = bought("o1", at="08:00"), bought("o2", at="11:00")
    after = given(early, late, signed_up_by_touch())
    assert after.states == given(signed_up_by_touch(), early, late).states
