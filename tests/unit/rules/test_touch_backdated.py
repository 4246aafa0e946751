"""Backdated touches, signals of touches, and codes that nobody looked up."""

import pytest

from reftrail.contracts.events import KeyKind
from reftrail.contracts.policy import Policy, policy_text
from reftrail.testing import (
    campaign,
    click,
    code,
    converted,
    duration,
    given,
    moment,
    purchase,
    signup,
    touched,
    view,
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
    """Events that an app kept while it was offline count; the conversion says how they came."""
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
    reported = {
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
        .then(converted("signup", at="10:05", **reported, **own))
        .when(purchase("o1", at="10:06"))
        .then(converted("purchase", at="10:06", **dict.fromkeys(reported)))
    )
    given(signup(at="10:05")).when(first).then(
        touched("AMY", at="10:00", **signals), converted("late_touch", at="10:05", **reported)
    )
    given().when(signup(at="10:05")).then(
        converted("signup", at="10:05", **dict.fromkeys(reported))
    )


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
