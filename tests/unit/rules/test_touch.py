"""The rules of the first touch, one by one."""

from reftrail.testing import (
    campaign,
    click,
    converted,
    duration,
    form_started,
    given,
    moment,
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
