"""Conversions: they carry the touch that holds, and late touches are reported."""

from reftrail.testing import (
    click,
    converted,
    given,
    moment,
    purchase,
    refund,
    signup,
    touched,
)


def test_a_signup_carries_the_touch() -> None:
    (
        given(click("AMY", at="10:00", category="media", channel="social"))
        .when(signup(at="10:05", device_hash="d", ip_hash="i", country="DE"))
        .then(
            converted(
                "signup",
                at="10:05",
                user_id="u1",
                visitor_id="v1",
                conversion_event_id="signup 10:05",
                touch_code="AMY",
                touch_time=moment("10:00"),
                touch_event_id="click 10:00",
                touch_type="click",
                touch_campaign_id="spring",
                touch_category="media",
                touch_channel="social",
                typed_code=None,
                device_hash="d",
                ip_hash="i",
                country="DE",
            )
        )
    )


def test_a_touch_counts_to_the_end_of_its_window_and_no_longer() -> None:
    (
        given(click("AMY", at="10:00"))
        .when(signup(at="30d 10:00"), signup(at="30d 10:00:00.001"))
        .then(
            converted("signup", at="30d 10:00", touch_code="AMY"),
            converted("signup", at="30d 10:00:00.001", touch_code=None),
        )
    )


def test_a_touch_after_the_signup_does_not_count_for_it() -> None:
    (
        given(click("AMY", at="10:06"))
        .when(signup(at="10:05"))
        .then(converted("signup", at="10:05", touch_code=None, touch_event_id=None))
    )


def test_a_typed_code_goes_with_the_signup_beside_the_touch() -> None:
    (
        given(click("AMY", at="10:00"))
        .when(signup(at="10:05", typed="BOB", code_known=False, category="media"))
        .then(
            converted(
                "signup",
                at="10:05",
                touch_code="AMY",
                typed_code="BOB",
                typed_code_known=False,
                typed_campaign_id="spring",
                typed_category="media",
            )
        )
    )


def test_the_same_signup_twice_is_passed_on_once() -> None:
    given(signup(at="10:05")).when(signup(at="10:05")).then_nothing()


def test_a_signup_without_a_visitor_has_no_touch_even_if_the_user_is_called_like_a_visitor() -> (
    None
):
    (
        given(click("AMY", at="10:00", visitor_id="u1"))
        .when(signup(at="10:05", visitor_id=None))
        .then(converted("signup", at="10:05", visitor_id=None, touch_code=None))
        .when(click("BOB", at="09:00", visitor_id="u1"))
        .then(touched("BOB", at="09:00", visitor_id="u1"))
    )


def test_purchases_and_refunds_pass_without_a_touch() -> None:
    (
        given(click("AMY", at="10:00", visitor_id="u1"))
        .when(purchase("o1", at="10:05", paid=12.5), refund("o1", at="10:06", paid_back=2))
        .then(
            converted(
                "purchase",
                at="10:05",
                order_id="o1",
                amount_micros=12_500_000,
                currency="USD",
                touch_code=None,
            ),
            converted("refund", at="10:06", order_id="o1", amount_micros=2_000_000),
        )
    )


def test_a_touch_from_before_a_signup_that_comes_in_after_it_is_reported() -> None:
    (
        given(signup(at="10:05"))
        .when(click("AMY", at="10:00", received_at=moment("11:00"), category="media"))
        .then(
            touched("AMY", at="10:00"),
            converted(
                "late_touch",
                at="10:05",
                user_id="u1",
                visitor_id="v1",
                conversion_event_id="signup 10:05",
                touch_code="AMY",
                touch_time=moment("10:00"),
                touch_event_id="click 10:00",
                touch_category="media",
                arrived_at=moment("11:00"),
                received_at=moment("11:00"),
                signed_up_at=moment("10:05"),
            ),
        )
    )


def test_a_late_touch_earlier_than_the_one_known_is_reported_too() -> None:
    (
        given(click("AMY", at="10:00"), signup(at="10:05"))
        .when(click("BOB", at="09:00"))
        .then(touched("BOB", at="09:00"), converted("late_touch", at="10:05", touch_code="BOB"))
    )


def test_a_late_touch_in_place_of_one_after_the_signup_is_reported() -> None:
    (
        given(signup(at="10:05"), click("AMY", at="10:10"))
        .when(click("BOB", at="10:00"))
        .then(touched("BOB", at="10:00"), converted("late_touch", at="10:05", touch_code="BOB"))
    )


def test_a_touch_after_the_signup_is_no_late_touch() -> None:
    given(signup(at="10:05")).when(click("AMY", at="10:06")).then(touched("AMY", at="10:06"))


def test_a_late_touch_that_had_run_out_before_the_signup_is_not_reported() -> None:
    (
        given(signup(at="31d 10:00"))
        .when(click("AMY", at="1d 09:59"))
        .then(touched("AMY", at="1d 09:59"))
    )


def test_late_touches_are_for_the_first_signup_of_a_visitor() -> None:
    (
        given(signup(at="10:05"), signup(at="10:04", user_id="u2"))
        .when(click("AMY", at="10:00"))
        .then(
            touched("AMY", at="10:00"),
            converted("late_touch", at="10:05", user_id="u1", signed_up_at=moment("10:05")),
        )
    )
