"""The rules of the first touch, one by one."""

import pytest

from reftrail.contracts.events import KeyKind
from reftrail.contracts.policy import Policy, policy_text
from reftrail.testing import (
    campaign,
    click,
    code,
    converted,
    duration,
    form_started,
    given,
    moment,
    purchase,
    refund,
    signup,
    touched,
    view,
)


def test_the_first_click_with_a_code_is_the_first_touch() -> None:
    (
        given()
        .when(click("AMY", at="10:00", category="media", channel="social"))
        .then(
            touched(
                "AMY",
                at="10:00",
                type="click",
                visitor_id="v1",
                touch_event_id="click 10:00",
                campaign_id="spring",
                category="media",
                channel="social",
                expires_at=moment("30d 10:00"),
            )
        )
    )


def test_a_touch_is_not_overwritten_while_it_holds() -> None:
    given(click("AMY", at="10:00")).when(click("BOB", at="30d 10:00")).then_nothing()


def test_the_first_touch_after_one_ran_out_opens_a_new_period() -> None:
    (
        given(click("AMY", at="10:00"))
        .when(click("BOB", at="30d 10:00:00.001"))
        .then(touched("BOB", at="30d 10:00:00.001", expires_at=moment("60d 10:00:00.001")))
    )


def test_an_earlier_click_that_arrives_late_still_wins() -> None:
    (
        given(touched("AMY", at="10:05"))
        .when(click("BOB", at="10:00"))
        .then(touched("BOB", at="10:00"))
    )


def test_of_two_touches_at_the_same_time_the_smaller_event_id_wins() -> None:
    (
        given(click("AMY", at="10:00", event_id="b"))
        .when(click("BOB", at="10:00", event_id="c"))
        .then_nothing()
        .when(click("CAT", at="10:00", event_id="a"))
        .then(touched("CAT", at="10:00", touch_event_id="a"))
    )


def test_a_late_touch_that_still_held_then_wins_and_no_earlier_one_does() -> None:
    late = click("BOB", at="1d 10:00")
    given(click("AMY", at="31d 10:00")).when(late).then(touched("BOB", at="1d 10:00"))
    too_early = click("BOB", at="1d 09:59:59.999")
    given(click("AMY", at="31d 10:00")).when(too_early).then_nothing()


def test_a_late_touch_from_a_period_before_covers_what_it_would_have_covered() -> None:
    (
        given(click("AMY", at="50d 10:00"), click("BOB", at="10d 10:00"))
        .when(click("CAT", at="40d 10:00"))
        .then_nothing()
        .when(click("CAT", at="40d 10:00:00.001"))
        .then(touched("CAT", at="40d 10:00:00.001"))
    )


def test_a_late_touch_that_the_period_before_covers_does_not_count() -> None:
    (
        given(click("AMY", at="10:00"), click("BOB", at="31d 10:00"))
        .when(click("CAT", at="30d 10:00"))
        .then_nothing()
        .when(click("CAT", at="30d 10:00:00.001"))
        .then(touched("CAT", at="30d 10:00:00.001"))
    )


def test_a_period_ends_no_earlier_because_an_earlier_touch_is_its_first() -> None:
    """Or else a touch that didn't count at first would count when it comes a second time."""
    story = given(
        click("AMY", at="10d 10:00"), click("BOB", at="35d 10:00"), click("CAT", at="10:00")
    )
    story.when(click("BOB", at="35d 10:00"), click("AMY", at="10d 10:00")).then_nothing()
    story.when(signup(at="36d 10:00")).then(converted("signup", at="36d 10:00", touch_code=None))
    story.when(click("DAN", at="40d 10:00:00.001")).then(touched("DAN", at="40d 10:00:00.001"))
    story.when(click("BOB", at="35d 10:00")).then_nothing()


def test_the_same_click_twice_is_one_touch() -> None:
    given(click("AMY", at="10:00")).when(click("AMY", at="10:00")).then_nothing()


def test_the_window_is_that_of_the_campaign_version_in_force_at_the_touch() -> None:
    (
        given(
            campaign(attribution_window_ms=duration("1d")),
            campaign(
                version=2,
                effective_from=moment("5d 00:00"),
                attribution_window_ms=duration("2d"),
            ),
        )
        .when(click("AMY", at="4d 12:00"), click("BOB", at="5d 12:00:01"))
        .then(
            touched("AMY", at="4d 12:00", expires_at=moment("5d 12:00")),
            touched("BOB", at="5d 12:00:01", expires_at=moment("7d 12:00:01")),
        )
    )


def test_a_click_without_a_code_is_no_touch() -> None:
    given().when(click(None, at="10:00")).then_nothing()


def test_a_click_by_a_bot_is_no_touch() -> None:
    given().when(click("AMY", at="10:00", is_bot=True)).then_nothing()


def test_a_code_that_is_not_registered_is_no_touch_but_one_nobody_looked_up_is() -> None:
    (
        given()
        .when(click("GHOST", at="10:00", code_known=False))
        .then_nothing()
        .when(click("AMY", at="10:01", code_known=None))
        .then(touched("AMY", at="10:01"))
    )


def test_starting_a_form_is_no_touch() -> None:
    given().when(form_started(at="10:00", code="AMY")).then_nothing()


def test_a_view_counts_only_where_the_campaign_counts_views() -> None:
    (
        given(campaign("quiet"), campaign("loud", counts_views=True))
        .when(view("AMY", at="10:00", campaign_id="quiet"))
        .then_nothing()
        .when(view("AMY", at="10:01", campaign_id="unheard-of"))
        .then_nothing()
        .when(view("AMY", at="10:02", campaign_id="loud"))
        .then(touched("AMY", at="10:02", type="view"))
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


PUBLISHED = KeyKind.PUBLISHABLE
SECRET = KeyKind.SECRET


def test_a_backdated_click_of_a_page_displaces_no_touch() -> None:
    """An extension sends yesterday's click half an hour after an honest one."""
    story = given(click("AMY", at="1d 10:00", key_kind=PUBLISHED), signup(at="1d 10:05"))
    arrives = moment("1d 10:30")
    story.when(click("EVE", at="10:00", received_at=arrives, key_kind=PUBLISHED)).then_nothing()
    (
        story.when(click("EVE", at="10:00", received_at=arrives, key_kind=SECRET)).then(
            touched("EVE", at="10:00"), converted("late_touch", at="1d 10:05", touch_code="EVE")
        )
    )


def test_a_backdated_click_of_a_page_covers_no_earlier_period() -> None:
    story = given(click("AMY", at="50d 10:00"))
    arrives = moment("50d 11:00")
    story.when(click("EVE", at="09:00", received_at=arrives, key_kind=PUBLISHED)).then_nothing()
    story.when(click("BOB", at="10:00")).then_nothing()  # an earlier period, for the state alone
    story.when(click("CAT", at="30d 09:30")).then_nothing()
    story.when(click("CAT", at="30d 10:00:00.001")).then(touched("CAT", at="30d 10:00:00.001"))


@pytest.mark.parametrize(
    ("arrives", "counts"), [("10:10", True), ("10:10:00.001", False), ("1d 10:00", False)]
)
def test_how_old_a_page_s_click_may_be_is_the_campaign_s_to_say(arrives: str, counts: bool) -> None:
    policy = policy_text(Policy(backdated_touch_for=duration("10min")))
    late = click("BOB", at="10:00", received_at=moment(arrives), key_kind=PUBLISHED)
    story = given(campaign(policy=policy), click("AMY", at="10:05")).when(late)
    if counts:
        story.then(touched("BOB", at="10:00"))
    else:
        story.then_nothing()


@pytest.mark.parametrize(("arrives", "counts"), [("10:05", True), ("10:05:00.001", False)])
def test_it_may_be_five_minutes_old_where_the_campaign_doesn_t_say(
    arrives: str, counts: bool
) -> None:
    late = click("BOB", at="10:00", received_at=moment(arrives), key_kind=PUBLISHED)
    story = given(click("AMY", at="10:04")).when(late)
    if counts:
        story.then(touched("BOB", at="10:00"))
    else:
        story.then_nothing()


def test_a_backdated_click_counts_where_there_is_no_touch() -> None:
    """What an app kept while it was offline; the conversion says how it came."""
    late = click("AMY", at="10:00", received_at=moment("11:00"), key_kind=PUBLISHED)
    (
        given(signup(at="10:05"))
        .when(late)
        .then(
            touched("AMY", at="10:00", key_kind="publishable"),
            converted(
                "late_touch",
                at="10:05",
                touch_code="AMY",
                touch_time=moment("10:00"),
                touch_received_at=moment("11:00"),
                touch_key_kind="publishable",
            ),
        )
    )
    after_it_ran_out = click(
        "BOB", at="31d 10:00", received_at=moment("31d 11:00"), key_kind=PUBLISHED
    )
    given(click("AMY", at="10:00")).when(after_it_ran_out).then(touched("BOB", at="31d 10:00"))


def test_a_backdated_click_takes_no_signup_from_a_typed_code() -> None:
    late = click("EVE", at="10:00", received_at=moment("11:00"), key_kind=PUBLISHED)
    given(signup(at="10:05", typed="AMY")).when(late).then(touched("EVE", at="10:00"))
    (
        given(signup(at="10:05", typed="GHOST", code_known=False))
        .when(late)
        .then(touched("EVE", at="10:00"), converted("late_touch", at="10:05", touch_code="EVE"))
    )


def test_a_click_that_comes_again_with_its_time_corrected_otherwise_is_the_same() -> None:
    (
        given(click("AMY", at="10:00", event_id="e"), signup(at="10:05"))
        .when(click("AMY", at="09:59:59.900", event_id="e"))
        .then_nothing()
    )


def test_the_touch_s_signals_go_with_the_conversion() -> None:
    signals = {"device_hash": "d1", "ip_hash": "i1", "network_hash": "n1", "key_kind": PUBLISHED}
    told = {
        "touch_device_hash": "d1",
        "touch_ip_hash": "i1",
        "touch_network_hash": "n1",
        "touch_key_kind": "publishable",
        "touch_received_at": moment("10:00:02"),
    }
    first = click("AMY", at="10:00", received_at=moment("10:00:02"), **signals)
    own = {"device_hash": "d2", "ip_hash": None, "network_hash": None}
    (
        given(first)
        .when(signup(at="10:05", device_hash="d2"))
        .then(converted("signup", at="10:05", **told, **own))
        .when(purchase("o1", at="10:06"))
        .then(converted("purchase", at="10:06", **dict.fromkeys(told)))
    )
    given(signup(at="10:05")).when(first).then(
        touched("AMY", at="10:00", **signals), converted("late_touch", at="10:05", **told)
    )
    given().when(signup(at="10:05")).then(converted("signup", at="10:05", **dict.fromkeys(told)))


def test_a_code_that_the_collector_could_not_look_up_has_the_campaign_of_its_record() -> None:
    loud = campaign("loud", counts_views=True, attribution_window_ms=duration("1d"))
    (
        given(loud, code("AMY", campaign_id="loud"))
        .when(view("AMY", at="10:00", campaign_id=None, code_known=None))
        .then(
            touched(
                "AMY",
                at="10:00",
                type="view",
                campaign_id="loud",
                expires_at=moment("1d 10:00"),
            )
        )
        .when(click("BOB", at="2d 10:00", campaign_id=None, code_known=None))
        .then(touched("BOB", at="2d 10:00", campaign_id=None))
    )
