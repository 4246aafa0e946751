"""The rules of attribution, one by one."""

from typing import Any

import msgspec

from reftrail.contracts.decisions import Action, Basis
from reftrail.contracts.policy import Policy, Scope, policy_text
from reftrail.contracts.reference import Trigger
from reftrail.rules.attribution.state import AttributionState
from reftrail.testing import (
    Outline,
    Scenario,
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
    refused,
    tick,
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


def kept(story: Scenario) -> dict[str, Any]:
    """What a host keeps of the states: cells that aren't empty."""
    return {key: cell for key, cell in story.states.items() if cell != type(cell)()}


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


def test_who_claimed_nothing_but_refunds_can_be_corrected_and_claims_them_again() -> None:
    story = given(ON_PURCHASE, signed_up_by_touch("AMY", touch="09:00", country="DE"))
    story.given(paid_back("o1", at="10:01")).when(late()).then(
        *CORRECTED, claimed(Action.REFUND, "BOB", at="10:01", order_id="o1")
    )


def test_a_purchase_before_the_touch_claims_once_an_earlier_touch_corrects_the_decision() -> None:
    story = given(ON_PURCHASE, bought("o0", at="08:30"))
    story.given(signed_up_by_touch("AMY", touch="09:00", country="DE"))
    story.when(bought("o1", at="08:40")).then_nothing()
    story.when(late()).then(
        *CORRECTED,
        claimed(Action.PURCHASE, "BOB", at="08:30", order_id="o0"),
        claimed(Action.PURCHASE, "BOB", at="08:40", order_id="o1"),
    )


def test_a_purchase_seen_before_the_first_of_two_signups_claims_under_the_second_code_too() -> None:
    scope = policy_text(Policy(scope=Scope.CAMPAIGN))
    on_purchase: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE, "policy": scope}
    story = given(campaign("one", **on_purchase), campaign("two", **on_purchase))
    story.given(by_code("AMY", "one", at="10:00")).when(bought("o1", at="10:55")).then(
        claimed(Action.PURCHASE, "AMY", at="10:55")
    )
    story.when(by_code("BOB", "two", at="11:00")).then(
        attributed("BOB", Basis.TYPED_CODE, event_time=moment("11:00")),
        claimed(Action.SIGNUP, "BOB", at="11:00"),
        claimed(Action.PURCHASE, "BOB", at="10:55", order_id="o1"),
    )


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
    story.when(bought("o1", at="10:30")).then(
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


def test_a_typed_code_decides_where_the_touch_s_campaign_has_referred_the_user_before() -> None:
    scope = policy_text(Policy(scope=Scope.CAMPAIGN))
    story = given(campaign("spring", policy=scope), campaign("two", policy=scope))
    story.given(signed_up_by_touch("AMY", touch="09:00"))
    again = {"typed_code": "BOB", "typed_campaign_id": "two"}
    story.when(signed_up_by_touch("AMY", touch="09:00", at="11:00", **again)).then(
        attributed("BOB", Basis.TYPED_CODE, event_time=moment("11:00")),
        claimed(Action.SIGNUP, "BOB", at="11:00"),
    )


def test_the_campaign_of_a_decision_is_that_of_the_code_s_record_whatever_a_client_says() -> None:
    story = given(campaign(), code("AMY"))
    story.when(signed_up_by_touch("AMY", touch_campaign_id="nonsense"))
    assert [getattr(record, "campaign_id", "") for record in story.followed[:2]] == ["spring"] * 2
    story = given(campaign(), code("BOB"))
    story.when(signed_up(typed_code="BOB", typed_campaign_id="nonsense"))
    assert [getattr(record, "campaign_id", "") for record in story.followed[:2]] == ["spring"] * 2


def test_a_label_of_another_campaign_refers_nobody_a_second_time() -> None:
    scope = policy_text(Policy(scope=Scope.CAMPAIGN))
    story = given(campaign(), campaign("each", policy=scope), code("AMY"), code("BOB"))
    story.given(signed_up_by_touch("AMY", touch="09:00"))
    labelled = signed_up_by_touch("BOB", touch="08:00", at="11:00", touch_campaign_id="each")
    story.when(labelled).then_nothing()


SIGNALS: dict[str, Any] = {"ip_hash": "i", "network_hash": "n", "device_hash": "d"}


def test_the_signals_of_a_claim_that_may_earn_are_asked_about() -> None:
    asked = {"owner_user_id": "owner", "code": "AMY", "user_id": "u1"}
    story = given(campaign(), code("AMY", owner="owner"))
    story.when(signed_up_by_touch(source="portal", email_hash="e", **SIGNALS))
    claim_id = story.followed[1].event_id
    story.then(
        attributed("AMY"),
        claimed(
            Action.SIGNUP,
            "AMY",
            at="10:00",
            checks=["ip", "network", "device", "email", "pair"],
            root_reference="click 09:00",
            source="portal",
        ),
        checked("ip:i", claim_id=claim_id, **asked),
        checked("network:n", claim_id=claim_id, **asked),
        checked("device:d", claim_id=claim_id, **asked),
        checked("email:e", claim_id=claim_id, **asked),
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


def test_a_purchase_by_an_attributed_user_claims_whenever_it_is_reported() -> None:
    """The reward stage knows orders for ever; nothing is kept for that here."""
    story = given(signed_up_by_touch())
    first = claimed(
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
    again = first.but(event_time=moment("11:01"), action_event_id="purchase o1 11:01", ip_hash=None)
    purchase = bought("o1", at="11:00", ip_hash="i")
    story.when(purchase, bought("o1", at="11:01")).then(first, again)
    ids = [record.event_id for record in story.followed]
    assert len(set(ids)) == 2
    story.when(purchase).then(first)
    assert story.followed[0].event_id == ids[0]
    assert kept(story).keys() == {"attribution/u1"}


def test_each_refund_claims_and_again_under_the_same_id() -> None:
    story = given(signed_up_by_touch()).when(
        paid_back("o1", at="11:00", amount_micros=1),
        paid_back("o1", at="11:05"),
        paid_back("o1", at="11:00", amount_micros=1),
    )
    story.then(
        claimed(Action.REFUND, "AMY", at="11:00", order_id="o1", amount_micros=1),
        claimed(Action.REFUND, "AMY", at="11:05", order_id="o1", amount_micros=None),
        claimed(Action.REFUND, "AMY", at="11:00", order_id="o1", amount_micros=1),
    )
    first, second, third = (record.event_id for record in story.followed)
    assert first == third != second


def test_a_user_who_never_signs_up_claims_nothing() -> None:
    given().when(bought("o1", at="11:00"), paid_back("o1", at="11:05")).then_nothing()


def test_a_user_without_a_referrer_claims_nothing() -> None:
    given(signed_up()).when(bought("o1", at="11:00")).then_nothing()


def test_what_came_before_the_signup_claims_after_it_refunds_first_then_by_time() -> None:
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
            claimed(Action.REFUND, "AMY", at="11:00", order_id="o1"),
            claimed(Action.PURCHASE, "AMY", at="09:30", order_id="o1"),
            claimed(Action.PURCHASE, "AMY", at="09:31", order_id="o1"),
            claimed(Action.PURCHASE, "AMY", at="09:45", order_id="o2"),
        )
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


def test_a_purchase_claims_from_15_minutes_before_a_typed_code_s_signup_on() -> None:
    (
        given(bought("o0", at="09:44:59.999"), bought("o1", at="09:45"))
        .when(signed_up(typed_code="BOB"))
        .then(
            attributed("BOB", Basis.TYPED_CODE),
            claimed(Action.SIGNUP, "BOB", at="10:00", basis=Basis.TYPED_CODE),
            claimed(Action.PURCHASE, "BOB", at="09:45", order_id="o1"),
        )
    )


def test_how_long_before_the_signup_a_purchase_claims_is_said_by_the_campaign() -> None:
    at_once = policy_text(Policy(checkout_tolerance=0))
    typed = signed_up(typed_code="BOB", typed_campaign_id="spring")
    story = given(campaign(policy=at_once), bought("o1", at="09:59:59.999")).when(typed)
    assert [getattr(record, "action", None) for record in story.followed] == [None, Action.SIGNUP]


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


def test_however_many_purchases_wait_each_in_a_cell_of_its_own_and_claim_in_their_order() -> None:
    late_first = [bought(f"o{nth}", at=f"11:{nth // 60:02}:{nth % 60:02}") for nth in range(300)]
    story = given()
    for purchase in reversed(late_first):
        story.given(purchase)
        assert len(msgspec.msgpack.encode(story.states["attribution/u1"])) < 64
    story.when(signed_up_by_touch())
    waited = [record for record in story.followed if getattr(record, "order_id", None)]
    assert [record.order_id for record in waited] == [  # type: ignore[attr-defined]
        f"o{nth}" for nth in range(300)
    ]


def test_a_purchase_waits_30_days_from_its_receipt_and_is_then_put_into_the_dead_letters() -> None:
    story = given(bought("o1", at="11:00", received_at=moment("1d 11:00"), country="DE"))
    story.when(tick("31d 10:59:59.999")).then_nothing()
    story.when(tick("31d 11:00")).then(refused("no_signup", event_time=moment("31d 11:00")))
    payload = story.followed[0].payload  # type: ignore[attr-defined]
    assert bought("o1", at="11:00", received_at=moment("1d 11:00"), country="DE").describes(payload)
    story.when(tick("60d 00:00")).then_nothing()
    story.when(signed_up_by_touch()).then(attributed("AMY"), claimed(Action.SIGNUP, "AMY", "10:00"))


def test_of_a_customer_who_never_signed_up_the_time_of_the_first_purchase_is_kept() -> None:
    orders = [bought(f"o{nth}", at=f"{nth}d 11:00") for nth in range(50)]
    story = given(*orders, tick("99d 00:00"))
    left = kept(story)
    assert left == {"attribution/u1": AttributionState(first_purchase_at=moment("0d 11:00"))}
    assert len(msgspec.msgpack.encode(left["attribution/u1"])) < 100


def test_a_refund_that_waited_in_vain_is_remembered_for_a_year_and_then_costs_nothing() -> None:
    story = given(paid_back("o1", at="11:00"), tick("30d 11:00"))
    marks = {key: cell for key, cell in kept(story).items() if ":r:" in key}
    assert list(marks) == ["attribution/u1:r:o1"]
    assert len(msgspec.msgpack.encode(marks["attribution/u1:r:o1"])) < 32
    story.given(tick("359d 11:00"))
    assert [key for key in kept(story) if ":r:" in key]
    story.given(tick("360d 11:00"))
    assert not [key for key in kept(story) if ":" in key]


def test_a_purchase_of_a_user_whom_nobody_referred_is_let_go_without_a_word() -> None:
    story = given(signed_up("10:00"), bought("o1", at="11:00"))
    story.when(tick("30d 11:00")).then_nothing()
    assert not [key for key in kept(story) if ":w:" in key]


def test_what_was_put_back_after_the_signup_claims() -> None:
    story = given(bought("o1", at="11:00"), tick("30d 11:00"), signed_up_by_touch())
    story.when(bought("o1", at="11:00")).then(claimed(Action.PURCHASE, "AMY", at="11:00"))


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
