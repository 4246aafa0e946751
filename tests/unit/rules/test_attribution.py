"""The rules of attribution, one by one."""

from support.attributing import signed_up, signed_up_by_touch

from reftrail.contracts.decisions import Action, Basis
from reftrail.testing import (
    attributed,
    campaign,
    claimed,
    given,
    moment,
)


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
