"""Touches on a user's other devices count whichever comes first, but not on anybody's word."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest

from reftrail.contracts.codec import decode
from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import Attributed, Basis, DeadLettered
from reftrail.contracts.events import Event, KeyKind
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, DEAD_LETTERS, EVENTS, TICKS
from reftrail.engine.topology import STAGES
from reftrail.rules.attribution.other_devices import MOST_BY_PAGES
from reftrail.rules.decider import Refused
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


def named(number: int, **overrides: Any) -> list[Event]:
    """The visitor is known as so many users."""
    names = [f"u{nth}" for nth in range(number)]
    return [identified(name, at="07:00", event_id=name, **(ON_PHONE | overrides)) for name in names]


@pytest.mark.parametrize("by", [{}, {"key_kind": PAGE}])
def test_a_device_has_so_many_users(by: dict[str, Any]) -> None:
    """One beyond is refused, and isn't forgotten without a word."""
    late = identified("late", at="07:30", event_id="late", **ON_PHONE, **by)
    story = given(campaign(), *named(MOST_USERS, **by)).when(late)
    (refused,) = story.followed
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.cause_event_id) == ("too_many_users", "late")
    story.when(CLICK_ON_PHONE)
    reported = [record.user_id for record in story.followed if isinstance(record, Converted)]
    assert reported == [f"u{nth}" for nth in range(MOST_USERS)]


@pytest.mark.parametrize("by", [{}, {"key_kind": PAGE}])
def test_a_visitor_with_too_many_users_makes_one_dead_letter_however_many_come(
    by: dict[str, Any],
) -> None:
    """Any page could fill the topic else."""
    story = given(campaign(), *named(MOST_USERS, **by))
    more = [
        identified(f"more {nth}", at="07:30", event_id=f"more {nth}", **ON_PHONE, **by)
        for nth in range(3)
    ]
    letters = [len(story.when(event).followed) for event in (*more, more[0])]
    assert letters == [1, 0, 0, 0]
    other = {} if by else {"key_kind": PAGE}
    for nth in range(MOST_USERS + 3):
        said = identified(f"other {nth}", at="07:40", event_id=f"o {nth}", **ON_PHONE, **other)
        letters.append(sum(isinstance(made, Refused) for made in story.when(said).followed))
    assert sum(letters) == 2
    story.when(CLICK_ON_PHONE)
    reported = [record.user_id for record in story.followed if isinstance(record, Converted)]
    assert len(reported) == 2 * MOST_USERS


def test_pages_take_no_place_from_the_users_whom_a_server_names() -> None:
    by_pages = named(MOST_USERS + 1, key_kind=PAGE)
    assert decided((*by_pages, identified("u", at="07:30", **ON_PHONE), CLICK_ON_PHONE)) is None
    signs_up = signup("10:00", user_id="u")
    known = identified("u", at="07:30", event_id="known", **ON_PHONE)
    assert decided((*by_pages, known, CLICK_ON_PHONE, signs_up)) == "AMY"


def test_a_touch_beyond_those_that_wait_by_the_word_of_pages_is_a_dead_letter() -> None:
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign())
    host.publish(CODES, code("AMY"))
    for nth in range(MOST_BY_PAGES + 1):
        visitor = {"visitor_id": f"v{nth:02}", "event_id": f"click {nth:02}"}
        said = {"visitor_id": f"v{nth:02}", "event_id": f"said {nth:02}", "key_kind": PAGE}
        host.publish(EVENTS, click("AMY", at="08:00", **visitor))
        host.publish(EVENTS, identified("u1", at="08:30", **said))
        host.run()
    (letter,) = host.log(DEAD_LETTERS)
    assert isinstance(letter, DeadLettered)
    assert letter.reason == "too_many_touches"
    assert letter.payload is not None
    refused = decode(letter.payload)
    assert isinstance(refused, Converted)
    assert refused.visitor_id == f"v{MOST_BY_PAGES:02}"
    again = identified("u1", at="08:40", visitor_id="v00", event_id="again", key_kind=PAGE)
    host.publish(EVENTS, again)
    assert len(host.run().log(DEAD_LETTERS)) == 1
    for nth in range(3):
        more: dict[str, Any] = {"visitor_id": f"more {nth}", "key_kind": PAGE}
        host.publish(EVENTS, click("AMY", at="08:45", **more, event_id=f"more click {nth}"))
        host.publish(EVENTS, identified("u1", at="08:50", **more, event_id=f"more {nth}"))
    assert len(host.run().log(DEAD_LETTERS)) == 1


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
