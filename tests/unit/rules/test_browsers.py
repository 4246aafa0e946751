"""Browsers: who shares one, and which of them owns the code."""

from typing import Any

from support.attributing import bought, signed_up, signed_up_by_touch

from reftrail.contracts.decisions import Action, Basis
from reftrail.contracts.stage_messages import CheckRequested, SignalChecked, UserSeen
from reftrail.engine.reference import ReferenceTables
from reftrail.rules.attribution.browsers import MOST_SHARED, TOLD_AGAIN_AFTER, most_important
from reftrail.rules.attribution.claims import Decision
from reftrail.rules.attribution.state import AttributionState
from reftrail.rules.decider import Cause, fingerprint
from reftrail.rules.velocity import (
    MOST_ONLY_SEEN,
    VelocityDecider,
    VelocityState,
    name_of,
    visitor_signal,
)
from reftrail.testing import (
    Outline,
    attributed,
    campaign,
    checked,
    claimed,
    converted,
    given,
    identified,
    moment,
    signup,
)
from reftrail.testing.outlines import derived

BROWSER = visitor_signal("v1")
CAUSE = Cause("checks", 0, 0)
BUYS = campaign(trigger="first_purchase")


def identified_touch(touch: str, **overrides: Any) -> Outline:
    by_touch: dict[str, Any] = {
        "touch_code": "AMY",
        "touch_time": moment(touch),
        "touch_event_id": f"click {touch}",
        "touch_campaign_id": "spring",
        "arrived_at": moment(touch),
    }
    return converted("identified", touch, **(by_touch | overrides))


def seen(user: str, at: str, *, signed_up: bool = False, **overrides: Any) -> Outline:
    fields = {"user_id": user, "has_signed_up": signed_up, "event_time": moment(at)}
    return derived(UserSeen, None, fields | overrides, {"signal": BROWSER})


def asked(user: str, at: str, *, code: str = "AMY", owner: str | None = "amy") -> Outline:
    fields: dict[str, Any] = {"user_id": user, "code": code, "owner_user_id": owner}
    return checked(BROWSER, **fields, event_time=moment(at), claim_id=f"{user} {at}")


def message(outline: Outline) -> CheckRequested | UserSeen:
    record = outline.record()
    assert isinstance(record, CheckRequested | UserSeen)
    return record


def told(*records: Outline) -> VelocityState:
    """What the velocity stage knows of a browser after some messages."""
    state, decider = VelocityState(), VelocityDecider()
    for record in records:
        for event in decider.decide(state, message(record), CAUSE, ReferenceTables()):
            state = decider.evolve(state, event)
    return state


def answer(state: VelocityState, question: Outline) -> SignalChecked:
    checked = VelocityDecider().decide(state, message(question), CAUSE, ReferenceTables())[-1]
    assert isinstance(checked, SignalChecked)
    return checked


def owner_is_there(state: VelocityState, question: Outline) -> bool:
    return answer(state, question).insiders_30d == 1


# The touch stage


def test_a_browser_of_one_user_is_told_to_nobody() -> None:
    mine = {"user_id": "u1"}
    given(identified("u1", at="09:00")).when(signup("10:00", **mine)).then(
        converted("signup", "10:00")
    )
    given(signup("10:00", **mine)).when(identified("u1", at="11:00")).then_nothing()


def test_a_signup_in_a_browser_of_others_is_told_with_those_who_are_there() -> None:
    story = given(signup("09:00", user_id="amy"), identified("ann", at="09:30"))
    story.when(signup("10:00", user_id="u1")).then(
        seen("u1", "10:00", signed_up=True),
        seen("ann", "10:00"),
        seen("amy", "10:00"),
        seen("amy", "09:00", signed_up=True),
        converted("signup", "10:00", user_id="u1"),
    )


def test_who_is_identified_later_is_told_with_those_who_signed_up_before() -> None:
    given(signup("09:00", user_id="u1")).when(identified("amy", at="10:00")).then(
        seen("amy", "10:00"), seen("u1", "10:00"), seen("u1", "09:00", signed_up=True)
    )


def test_it_is_said_who_is_named_by_a_page_alone() -> None:
    page = {"key_kind": "publishable"}
    story = given(identified("ann", at="08:00", **page), signup("09:00", user_id="u1"))
    story.when(identified("amy", at="10:00", **page)).then(
        seen("amy", "10:00", by_page=True),
        seen("ann", "10:00", by_page=True),
        seen("u1", "10:00", by_page=False),
        seen("u1", "09:00", signed_up=True),
    )


def test_a_signup_without_a_browser_has_no_others() -> None:
    given().when(signup("10:00", user_id="u1", visitor_id=None)).then(converted("signup", "10:00"))


# The attribution stage


def test_a_claim_asks_about_a_browser_that_is_shared() -> None:
    story = given(campaign(), seen("u1", "10:00"))
    story.when(signed_up_by_touch()).then(
        attributed("AMY"),
        claimed(Action.SIGNUP, "AMY", "10:00", checks=["visitor"]),
        checked(BROWSER),
    )


def test_of_a_user_whom_a_page_names_and_nobody_knows_nothing_is_kept() -> None:
    assert given(seen("u1", "10:00", by_page=True)).states == {}
    known = given(BUYS, signed_up_by_touch(), seen("u1", "11:00", by_page=True))
    known.when(bought("o1", "12:00", visitor_id=None)).then(
        claimed(Action.PURCHASE, "AMY", "12:00", checks=["visitor"]), checked(BROWSER)
    )


def test_a_claim_in_another_browser_than_the_shared_one_asks_nothing() -> None:
    story = given(campaign(), seen("u1", "10:00"))
    story.when(signed_up_by_touch(visitor_id="v2")).then(
        attributed("AMY"), claimed(Action.SIGNUP, "AMY", "10:00", checks=[])
    )


def test_a_claim_by_a_touch_on_another_device_asks_about_the_browser_that_is_shared() -> None:
    touch = identified_touch("09:00", user_id="u1", visitor_id="v1")
    story = given(campaign(), seen("u1", "08:00"), touch)
    story.when(signed_up(visitor_id="phone")).then(
        attributed("AMY", Basis.IDENTIFIED),
        claimed(Action.SIGNUP, "AMY", "10:00", checks=["visitor"]),
        checked(BROWSER),
    )


def test_a_claim_asks_about_each_shared_browser_in_which_the_user_was() -> None:
    touch = identified_touch("09:00", user_id="u1", visitor_id="v1")
    phone: dict[str, Any] = {"signal": visitor_signal("phone")}
    shared = (seen("u1", "08:00"), seen("u1", "08:01", **phone))
    given(campaign(), *shared, touch).when(signed_up(visitor_id="phone")).then(
        attributed("AMY", Basis.IDENTIFIED),
        claimed(Action.SIGNUP, "AMY", "10:00", checks=["visitor", "visitor"]),
        checked(**phone),
        checked(BROWSER),
    )


def test_the_browsers_of_signup_and_touch_are_kept_among_many() -> None:
    def elsewhere(nth: int, **overrides: Any) -> Outline:
        return seen("u1", "11:00", signal=visitor_signal(f"other {nth}"), **overrides)

    others = [elsewhere(nth) for nth in range(2 * MOST_SHARED)]
    pages = [elsewhere(10 + nth, by_page=True) for nth in range(2 * MOST_SHARED)]
    story = given(BUYS, signed_up_by_touch(), *others, *pages, seen("u1", "11:01"), *others, *pages)
    story.when(bought("o1", "12:00", visitor_id=None)).then(
        claimed(Action.PURCHASE, "AMY", "12:00", checks=["visitor"]), checked(BROWSER)
    )


def test_none_of_a_signup_or_touch_that_decided_is_displaced() -> None:
    """However many decisions there are: to forget one would hide whom the owner is."""
    decisions = tuple(
        Decision(
            code=f"CODE{nth}",
            basis=Basis.FIRST_TOUCH,
            touch_time=0,
            signed_up_at=0,
            signup_event_id=f"signup {nth}",
            visitor_id=f"home {nth}",
            touched_in=fingerprint(f"phone {nth}"),
        )
        for nth in range(MOST_SHARED)
    )
    browsers = [fingerprint(f"{kind} {nth}") for nth in range(4) for kind in ("home", "phone")]
    others = [fingerprint(f"other {nth}") for nth in range(4)]
    state = AttributionState(decisions=decisions)
    assert most_important(state, (*others, *browsers)) == tuple(browsers)
    assert most_important(state, (*others, browsers[0])) == (*others[1:], browsers[0])


def test_a_page_s_word_displaces_none_that_a_server_has_named() -> None:
    named = [
        seen("u1", f"08:0{nth}", signal=visitor_signal(f"v{nth}")) for nth in range(MOST_SHARED)
    ]
    page = seen("u1", "09:00", signal=visitor_signal("page"), by_page=True)
    assert given(*named, page).states == given(*named).states


def test_a_purchase_that_says_nothing_asks_about_the_browser_of_the_signup() -> None:
    story = given(BUYS, signed_up_by_touch(), seen("u1", "11:00"))
    story.when(bought("o1", "12:00", visitor_id=None)).then(
        claimed(Action.PURCHASE, "AMY", "12:00", checks=["visitor"]), checked(BROWSER)
    )


def test_a_purchase_that_names_its_browser_asks_about_it() -> None:
    story = given(BUYS, signed_up_by_touch(visitor_id="v2"))
    story.when(bought("o1", "12:00", visitor_id="v1")).then(
        claimed(Action.PURCHASE, "AMY", "12:00", checks=["visitor"]), checked(BROWSER)
    )


def test_who_buys_in_a_browser_without_a_claim_is_told_to_be_there_now_and_again() -> None:
    again = f"{TOLD_AGAIN_AFTER}d 12:00"
    (
        given(signed_up(visitor_id=None))
        .when(bought("o1", "0d 12:00", visitor_id="v1"))
        .then(seen("u1", "0d 12:00"))
        .when(bought("o2", "1d 12:00", visitor_id="v1"))
        .then_nothing()
        .when(bought("o3", again, visitor_id="v1"))
        .then(seen("u1", again))
        .when(bought("o4", again, visitor_id="v2"))
        .then(seen("u1", again, signal=visitor_signal("v2")))
        .when(bought("o5", again, visitor_id=None))
        .then_nothing()
    )


# The velocity stage


def test_the_owner_of_the_code_is_found_among_those_seen_and_counts_for_nobody() -> None:
    state = told(seen("amy", "09:00"), seen("ann", "09:00"))
    found = answer(state, asked("u1", "10:00"))
    assert (found.users_24h, found.users_30d, found.codes_30d, found.others) == (1, 1, 1, b"")
    assert found.insiders_30d == 1
    assert not owner_is_there(state, asked("u2", "10:00", code="BOB", owner="bob"))
    assert not owner_is_there(state, asked("u3", "10:00", owner=None))


def test_who_is_seen_later_or_a_month_before_is_not_there() -> None:
    assert not owner_is_there(told(seen("amy", "10:01")), asked("u1", "10:00"))
    assert not owner_is_there(told(seen("amy", "0d 10:00")), asked("u1", "30d 10:00"))
    assert owner_is_there(told(seen("amy", "0d 10:00")), asked("u1", "30d 09:59"))


def test_who_is_seen_again_later_was_there_all_the_time() -> None:
    days = ("0d", "20d", "40d")
    state = told(*(seen("amy", f"{day} 10:00") for day in days))
    assert owner_is_there(state, asked("u1", "0d 10:00"))
    assert owner_is_there(state, asked("u1", "39d 10:00"))
    assert owner_is_there(state, asked("u1", "70d 09:59"))
    assert not owner_is_there(state, asked("u1", "0d 09:59"))
    assert told(*(seen("amy", f"{day} 10:00") for day in reversed(days))) == state


def test_an_owner_who_claimed_in_the_browser_is_there() -> None:
    assert owner_is_there(told(asked("amy", "09:00", code="BOB")), asked("u1", "10:00"))


def test_who_signed_up_without_a_claim_counts_once_and_with_no_code() -> None:
    signed_up = seen("u1", "09:00", signed_up=True)
    state = told(signed_up, seen("u1", "09:30"), asked("u1", "09:40"))
    found = answer(state, asked("u2", "10:00"))
    assert (found.users_24h, found.codes_30d, found.others) == (2, 1, name_of("u1"))


def test_the_same_again_changes_nothing() -> None:
    state, again = told(seen("amy", "09:00")), message(seen("amy", "09:00"))
    assert VelocityDecider().decide(state, again, CAUSE, ReferenceTables()) == []


def test_a_till_with_hundreds_of_customers_takes_no_place_from_claims() -> None:
    customers = [seen(f"c{n}", f"09:{n // 60:02}:{n % 60:02}") for n in range(3 * MOST_ONLY_SEEN)]
    state = told(asked("u1", "08:00"), *customers)
    assert len(state.claims) == 1 + MOST_ONLY_SEEN
    assert owner_is_there(state, asked("u2", "10:00", owner=f"c{3 * MOST_ONLY_SEEN - 1}"))
    assert not owner_is_there(state, asked("u2", "10:00", owner="c0"))
    assert answer(state, asked("u2", "10:00")).users_30d == 2
