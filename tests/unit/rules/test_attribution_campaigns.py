"""Attribution once ever or once in a campaign, and the checks of signals."""

from typing import Any

from support.attributing import (
    ON_PURCHASE,
    bought,
    by_code,
    paid_back,
    signed_up,
    signed_up_by_touch,
)

from reftrail.contracts.decisions import Action, Basis
from reftrail.contracts.policy import Policy, Scope, policy_text
from reftrail.testing import (
    attributed,
    campaign,
    checked,
    claimed,
    code,
    given,
    late_touch,
    moment,
)


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
    assert [getattr(record, "signal", None) for record in story.followed] == [
        None,
        None,
        "pair:a|b",
    ]
    story = given(campaign(), code("AMY", owner="b")).when(signed_up_by_touch(user_id="a"))
    assert [getattr(record, "signal", None) for record in story.followed] == [
        None,
        None,
        "pair:a|b",
    ]


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
    """Of two touches of one time the one with the lower id is the earlier one."""
    late = late_touch("BOB", at="09:00", arrived="10:05", signed_up="10:00", touch_event_id="2")
    for its_id in ("1", "2"):
        given(signed_up_by_touch("AMY", touch="09:00", touch_event_id=its_id)).when(
            late
        ).then_nothing()


def test_a_late_touch_before_another_signup_of_the_user_does_not_attribute() -> None:
    (
        given(signed_up("10:00"), signed_up("12:00", visitor_id="v2"))
        .when(late_touch("AMY", at="11:00", arrived="12:30", signed_up="12:00", visitor_id="v2"))
        .then_nothing()
    )


def test_a_late_touch_of_a_user_who_is_not_known_says_nothing() -> None:
    (given().when(late_touch("AMY", at="09:00", arrived="10:05", signed_up="10:00")).then_nothing())
