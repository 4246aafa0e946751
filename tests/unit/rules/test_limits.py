"""Limits that codes share."""

from typing import Any

from reftrail.contracts.record import DAY
from reftrail.rules.limit_names import LimitReservation, limit_key
from reftrail.rules.limits import LimitState, wakes_at
from reftrail.testing import Outline, given, limits_answered, limits_requested, moment

ONE = {"claim_id": "c1", "user_id": "u1", "code": "AMY"}


def asks(*limits: str, **overrides: Any) -> Outline:
    return limits_requested(*limits, **(ONE | overrides))


def has(refused_by: str | None = None, **overrides: Any) -> Outline:
    return limits_answered(of="c1", refused_by=refused_by, **(ONE | overrides))


def test_there_is_room_up_to_the_limit() -> None:
    story = given().when(asks("a|60|100")).then(has())
    story.when(asks("a|40|100", claim_id="c2", user_id="u2")).then(has(claim_id="c2", user_id="u2"))
    story.when(asks("a|1|100", claim_id="c3")).then(has("a", claim_id="c3"))


def test_the_most_is_that_of_the_one_who_asks() -> None:
    given(asks("a|60|100")).when(asks("a|60|200")).then(has())
    given(asks("a|60|100")).when(asks("a|10|50")).then(has("a"))


def test_a_request_goes_from_limit_to_limit_and_is_answered_after_the_last() -> None:
    story = given().when(asks("a|1|5", "b|2|5", "c|3|5"))
    story.then(asks("b|2|5", "c|3|5", passed=["a|1|5"], releasing=False))
    story.when(asks("b|2|5", "c|3|5", passed=["a|1|5"]))
    story.then(asks("c|3|5", passed=["a|1|5", "b|2|5"]))
    story.when(asks("c|3|5", passed=["a|1|5", "b|2|5"])).then(has())
    assert story.states == {"limits/a": LimitState(1), "limits/b": LimitState(2)} | {
        "limits/c": LimitState(3)
    }


def test_a_refused_request_gives_back_what_it_has() -> None:
    story = given(asks("a|1|5", "b|9|5")).when(asks("b|9|5", passed=["a|1|5"]))
    story.then(has("b"), asks("a|1|5", passed=[], releasing=True))
    story.when(asks("a|1|5", passed=[], releasing=True)).then_nothing()
    assert story.states["limits/a"] == LimitState(0)
    assert story.states["limits/b"] == LimitState(0)


def test_places_are_given_back_one_after_the_other() -> None:
    story = given(asks("a|1|5"), asks("b|2|5"))
    story.when(asks("a|1|5", "b|2|5", releasing=True)).then(asks("b|2|5", releasing=True))
    story.when(asks("b|2|5", releasing=True)).then_nothing()
    assert set(story.states.values()) == {LimitState(0)}


def orders(user: str, **overrides: Any) -> Outline:
    return asks("order:o1|1|1", user_id=user, claim_id=f"claim of {user}", **overrides)


def test_an_order_is_one_user_s_however_often_that_user_asks() -> None:
    story = given().when(orders("u1")).then(has(claim_id="claim of u1"))
    story.when(orders("u1")).then(has(claim_id="claim of u1"))
    story.when(orders("u2")).then(
        has("order:o1", claim_id="claim of u2", user_id="u2"),
    )


def test_an_order_is_another_user_s_once_its_user_has_given_back_all_places() -> None:
    story = given(orders("u1"), orders("u1"), orders("u1", releasing=True))
    story.when(orders("u2")).then(has("order:o1", claim_id="claim of u2", user_id="u2"))
    story.given(orders("u1", releasing=True))
    story.when(orders("u2")).then(has(claim_id="claim of u2", user_id="u2"))


def test_other_limits_are_not_of_one_user() -> None:
    story = given(asks("a|1|1")).when(asks("a|1|1"))
    story.then(has("a"))


def test_keys_tell_apart_whatever_they_are_made_of() -> None:
    names = {
        limit_key("cap", "a:b", "c"),
        limit_key("cap", "a", "b:c"),
        limit_key("cap", "a|b", "c"),
        limit_key("cap", "a", "b", at=0),
    }
    assert len(names) == 4
    assert not any("|" in name for name in names)


def test_a_place_is_read_as_it_was_written() -> None:
    daily = LimitReservation(limit_key("cap_budget_per_day", "spring", at=moment("10:00")), 7, 9)
    assert LimitReservation.parse(str(daily)) == daily
    assert daily.day == 20_454
    assert LimitReservation(limit_key("cap_budget", "spring"), 7, 9).day is None


def test_amounts_within_a_time_add_up_in_whole_days() -> None:
    day = DAY
    first = LimitState().with_amount(60, at=10 * day, within=2 * day)
    assert first.taken_by(13 * day - 1, 2 * day) == 60
    assert first.taken_by(13 * day, 2 * day) == 0
    again = first.with_amount(5, at=10 * day + 1, within=day).with_amount(7, 11 * day, day)
    assert again.days == ((10, 65), (11, 7))
    assert (again.taken_by(12 * day, 2 * day), again.taken_by(12 * day, day)) == (72, 7)
    assert wakes_at(again) == 14 * day
    assert again.with_amount(1, 13 * day, day).days == ((11, 7), (13, 1))
    assert LimitReservation.parse(str(LimitReservation("a", 1, 2, 3))) == ("a", 1, 2, 3)


def test_a_late_amount_counts_for_its_own_day() -> None:
    state = LimitState().with_amount(60, at=10 * DAY, within=DAY).with_amount(5, 9 * DAY, DAY)
    assert state.days == ((9, 5), (10, 60))
    assert state.taken_by(9 * DAY, DAY) == 65


def test_no_name_of_somebody_makes_a_limit_one_of_a_day() -> None:
    key = limit_key("adjusted_credits", "bob_per_day", "USD")
    assert LimitReservation(key, 1, 2).day is None
    given().when(asks(f"{key}|1|2")).then(has())
    assert LimitReservation(limit_key("cap_budget_per_day", "spring", at=3 * DAY), 1, 2).day == 3
