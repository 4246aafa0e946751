"""Touches on a user's other devices count whichever comes first, but not on anybody's word."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest

from reftrail.contracts.decisions import Attributed, Basis
from reftrail.contracts.events import Event, KeyKind
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, TICKS
from reftrail.engine.topology import STAGES
from reftrail.rules.touch.state import LATE, MOST_USERS
from reftrail.testing import (
    MemoryHost,
    campaign,
    click,
    code,
    converted,
    given,
    identified,
    moment,
    purchase,
    signup,
    tick,
)

PAGE = KeyKind.PUBLISHABLE
ON_PHONE = {"visitor_id": "phone"}


def attributions(events: Iterable[Event], **rules: Any) -> list[Attributed]:
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign(**({"trigger": "first_purchase"} | rules)))
    host.publish(CODES, code("AMY"), code("BOB"), code("OLD", status="revoked"))
    host.publish(EVENTS, *events)
    made = [record for record in host.run().log(ATTRIBUTIONS) if isinstance(record, Attributed)]
    return [record for record in made if record.decisive]


def decided(events: Iterable[Event], **rules: Any) -> str | None:
    made = attributions(events, **rules)
    return made[-1].code if made else None


CLICK_ON_PHONE = click("AMY", at="08:00", **ON_PHONE)
CLICK_ON_LAPTOP = click("BOB", at="09:00")
SIGNUP = signup("10:00", ip_hash="home")
KNOWN = identified("u1", at="07:00", **ON_PHONE)
KNOWN_BY_PAGE = identified("u1", at="07:00", **ON_PHONE, key_kind=PAGE, ip_hash="home")
BY_A_STRANGER = identified("u1", at="07:00", **ON_PHONE, key_kind=PAGE, ip_hash="away")


@pytest.mark.parametrize(
    "arriving", list(permutations((CLICK_ON_PHONE, CLICK_ON_LAPTOP, SIGNUP, KNOWN)))
)
def test_the_earliest_touch_on_any_device_decides(arriving: tuple[Event, ...]) -> None:
    assert decided(arriving) == "AMY"


@pytest.mark.parametrize("arriving", list(permutations((CLICK_ON_PHONE, SIGNUP, KNOWN))))
def test_with_no_touch_on_the_signup_s_device(arriving: tuple[Event, ...]) -> None:
    assert decided(arriving) == "AMY"
    assert decided(arriving, trigger="signup") == "AMY"


@pytest.mark.parametrize("word", [KNOWN_BY_PAGE, BY_A_STRANGER])
def test_a_page_s_word_displaces_no_touch(word: Event) -> None:
    for arriving in permutations((CLICK_ON_PHONE, CLICK_ON_LAPTOP, SIGNUP, word)):
        assert decided(arriving) == "BOB", [event.event_id for event in arriving]


def test_a_page_s_word_displaces_no_typed_code() -> None:
    typed = signup("10:00", typed="BOB", ip_hash="home")
    for arriving in permutations((CLICK_ON_PHONE, typed, KNOWN_BY_PAGE)):
        assert decided(arriving) == "BOB", [event.event_id for event in arriving]


def test_a_page_s_word_counts_from_the_address_of_the_signup_alone() -> None:
    for arriving in permutations((CLICK_ON_PHONE, SIGNUP, KNOWN_BY_PAGE)):
        assert decided(arriving) == "AMY", [event.event_id for event in arriving]
    for arriving in permutations((CLICK_ON_PHONE, SIGNUP, BY_A_STRANGER)):
        assert decided(arriving) is None, [event.event_id for event in arriving]


def test_a_signup_without_signals_bears_no_page_out() -> None:
    silent = identified("u1", at="07:00", **ON_PHONE, key_kind=PAGE)
    assert decided((CLICK_ON_PHONE, signup("10:00"), silent)) is None


def test_the_same_device_bears_a_page_out() -> None:
    word = identified("u1", at="07:00", **ON_PHONE, key_kind=PAGE, device_hash="d")
    assert decided((CLICK_ON_PHONE, word, signup("10:00", device_hash="d"))) == "AMY"


@pytest.mark.parametrize("known_first", [True, False])
def test_a_server_s_touch_goes_before_a_page_s(known_first: bool) -> None:
    """Whichever arrives first, and though it is later."""
    tablet = {"visitor_id": "tablet"}
    later = click("BOB", at="08:30", **tablet)
    known = identified("u1", at="09:00", **tablet)
    words = (known, KNOWN_BY_PAGE) if known_first else (KNOWN_BY_PAGE, known)
    for signing_up in range(3):
        arriving = [CLICK_ON_PHONE, later, *words]
        arriving.insert(2 + signing_up, SIGNUP)
        assert decided(arriving) == "BOB"


def test_after_the_grace_it_corrects_nothing() -> None:
    late = identified("u1", at="1d 10:00:01", **ON_PHONE)
    assert decided((CLICK_ON_PHONE, CLICK_ON_LAPTOP, SIGNUP, late)) == "BOB"
    within = identified("u1", at="1d 10:00", **ON_PHONE)
    assert decided((CLICK_ON_PHONE, CLICK_ON_LAPTOP, SIGNUP, within)) == "AMY"


def test_it_corrects_nothing_that_may_have_earned() -> None:
    known = identified("u1", at="12:00", **ON_PHONE)
    events = (CLICK_ON_PHONE, CLICK_ON_LAPTOP, SIGNUP, purchase("o1", at="11:00"), known)
    assert decided(events) == "BOB"


def test_a_touch_whose_window_ended_before_the_signup_does_not_count() -> None:
    for arriving in permutations((CLICK_ON_PHONE, signup("31d 08:00"), KNOWN)):
        assert decided(arriving) is None


def test_a_good_touch_goes_before_one_under_a_revoked_code() -> None:
    revoked = click("OLD", at="08:00", **ON_PHONE)
    for arriving in permutations((revoked, CLICK_ON_LAPTOP, SIGNUP, KNOWN)):
        assert decided(arriving) == "BOB", [event.event_id for event in arriving]


def test_the_basis_says_who_vouches_for_it() -> None:
    (made,) = attributions((CLICK_ON_PHONE, KNOWN, SIGNUP))
    assert made.basis == Basis.IDENTIFIED
    (made,) = attributions((CLICK_ON_PHONE, KNOWN_BY_PAGE, SIGNUP))
    assert made.basis == Basis.IDENTIFIED_BY_PAGE
    own = identified("u1", at="07:00")
    (made,) = attributions((CLICK_ON_LAPTOP, own, SIGNUP))
    assert made.basis == Basis.FIRST_TOUCH


def test_a_device_has_so_many_users() -> None:
    names = [f"u{number}" for number in range(MOST_USERS)]
    known = [identified(name, at="07:00", event_id=name, **ON_PHONE) for name in names]
    story = given(campaign(), *known, identified("late", at="07:30", event_id="late", **ON_PHONE))
    followed = story.when(CLICK_ON_PHONE).followed
    reported = [record.user_id for record in followed if hasattr(record, "user_id")]
    assert reported == names


def test_a_bot_identifies_nobody() -> None:
    given(campaign(), CLICK_ON_PHONE).when(
        identified("u1", at="08:10", is_bot=True, **ON_PHONE)
    ).then_nothing()


def test_what_a_server_says_after_a_page_is_reported_again() -> None:
    said = identified("u1", at="08:20", **ON_PHONE)
    (
        given(campaign(), CLICK_ON_PHONE)
        .when(identified("u1", at="08:10", key_kind=PAGE, **ON_PHONE))
        .then(converted("identified_by_page", at="08:10", touch_code="AMY"))
        .when(said)
        .then(converted("identified", at="08:20", touch_code="AMY"))
        .when(said)
        .then_nothing()
    )


def test_what_waits_for_a_signup_waits_for_a_limited_time() -> None:
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign())
    host.publish(EVENTS, CLICK_ON_PHONE, KNOWN)
    assert len(host.run().states(STAGES["attribution"])) == 1
    host.publish(TICKS, tick("30d 06:59"))
    assert len(host.run().states(STAGES["attribution"])) == 1
    host.publish(TICKS, tick("30d 08:00"))
    assert host.run().states(STAGES["attribution"]) == {}


def test_a_visitor_who_was_only_identified_is_forgotten() -> None:
    later = moment("07:00") + LATE + 2 * DAY
    other = click(None, at="07:00", visitor_id="other", received_at=later)
    host = MemoryHost()
    host.publish(EVENTS, KNOWN)
    assert host.run().states(STAGES["touch"])
    host.publish(EVENTS, other)
    assert host.run().states(STAGES["touch"]) == {}
