"""Counts of signals."""

from typing import Any

from reftrail.contracts.record import DAY, HOUR, MINUTE
from reftrail.contracts.stage_messages import PersonKnown
from reftrail.rules.velocity import MOST_SEEN, VelocityState, name_of
from reftrail.testing import Outline, Scenario, checked, given, moment, signal_checked, tick
from reftrail.testing.outlines import derived


def asked(
    user: str, at: str, *, code: str = "AMY", owner: str = "amy", **overrides: Any
) -> Outline:
    fields: dict[str, Any] = {"user_id": user, "code": code, "owner_user_id": owner}
    when = {"event_time": moment(at), "claim_id": f"{user} {at}"}
    return checked(overrides.pop("signal", "ip:a"), **(fields | when | overrides))


def counted(day: int, month: int, **overrides: Any) -> Outline:
    answer = signal_checked("ip", of="", day=day, month=month)
    return Outline(answer.kind, {"users_24h": day, "users_30d": month} | overrides, answer.fillers)


def states(story: Scenario) -> VelocityState:
    (state,) = story.states.values()
    assert isinstance(state, VelocityState)
    return state


def test_the_asking_user_counts_and_the_answer_says_to_whom_it_is() -> None:
    given().when(asked("u1", "10:00")).then(
        counted(
            1,
            1,
            kind="ip",
            code="AMY",
            user_id="u1",
            claim_id="u1 10:00",
            codes_30d=1,
            insiders_30d=0,
        )
    )


def test_users_count_once_however_often_they_claim() -> None:
    story = given(asked("u1", "10:00"), asked("u1", "11:00"), asked("u2", "12:00"))
    story.when(asked("u1", "13:00")).then(counted(2, 2))


def test_what_happened_within_a_day_and_within_thirty_days_counts() -> None:
    story = given(asked("u1", "0d 10:00"), asked("u2", "29d 10:00"))
    story.when(asked("u3", "29d 23:00")).then(counted(2, 3))
    story.when(asked("u3", "30d 09:59:59.999")).then(counted(2, 3))
    story.when(asked("u3", "30d 10:00")).then(counted(1, 2))


def test_later_claims_that_came_in_before_do_not_count() -> None:
    given(asked("u1", "12:00"), asked("u2", "09:00")).when(asked("u3", "10:00")).then(counted(2, 2))


def are_one(user: str, *others: str, signal: str = "ip:a") -> Outline:
    names = b"".join(map(name_of, others))
    return derived(PersonKnown, None, {"signal": signal, "user_id": user, "others": names}, {})


def test_a_claim_that_comes_in_late_counts_those_who_have_claimed_again_since() -> None:
    story = given(asked("u1", "0d 10:00"), asked("u1", "0d 11:00"), asked("u1", "9d 10:00"))
    story.when(asked("u2", "0d 09:59")).then(counted(1, 1))
    story.when(asked("u2", "0d 10:00")).then(counted(2, 2))
    story.when(asked("u2", "5d 10:00")).then(counted(1, 2))


def test_the_first_claim_is_forgotten_when_it_is_older_than_thirty_days() -> None:
    story = given(asked("u1", "0d 10:00"), asked("u1", "30d 09:00"))
    assert [claim.since for claim in states(story).claims] == [moment("0d 10:00")]
    story = given(asked("u1", "0d 10:00"), asked("u1", "30d 10:00"))
    assert [claim.since for claim in states(story).claims] == [0]


def test_a_claim_from_before_the_time_that_counts_takes_nothing_from_the_first_one() -> None:
    story = given(asked("u1", "10d 10:00"), asked("u1", "35d 10:00"), asked("u1", "3d 10:00"))
    assert [claim.since for claim in states(story).claims] == [moment("10d 10:00")]
    story.when(asked("u2", "20d 10:00")).then(counted(1, 2))


def test_when_the_first_claim_is_forgotten_the_next_one_that_is_known_is_the_first() -> None:
    story = given(asked("u1", "0d 10:00"), asked("u1", "20d 10:00"), asked("u1", "31d 10:00"))
    assert [claim.since for claim in states(story).claims] == [moment("20d 10:00")]
    story.when(asked("u2", "25d 10:00")).then(counted(1, 2))


def test_a_user_with_one_claim_has_no_first_one_besides() -> None:
    story = given(asked("u1", "10:00"), asked("u1", "10:00"))
    assert [claim.since for claim in states(story).claims] == [0]
    assert len(states(story).claims) == 1


def test_a_person_s_accounts_count_once_after_they_are_known_to_be_one() -> None:
    story = given(asked("u1", "10:00"), asked("u2", "11:00"), are_one("u1", "u2", "u9"))
    story.when(asked("u3", "12:00")).then(counted(2, 2, others=name_of("u1")))
    story.when(asked("u1", "13:00")).then(counted(2, 2, others=name_of("u3")))
    assert {claim.user for claim in states(story).claims} == {
        int.from_bytes(name_of(user), "big") for user in ("u1", "u3")
    }


def test_the_last_claim_of_a_person_counts() -> None:
    story = given(asked("u1", "0d 10:00"), asked("u2", "1d 11:00"), are_one("u1", "u2"))
    story.when(asked("u3", "2d 10:59")).then(counted(2, 2))


def test_what_is_said_of_nobody_here_changes_nothing() -> None:
    story = given(asked("u1", "10:00"), are_one("u2", "u3"))
    assert states(story) == states(given(asked("u1", "10:00")))


def test_a_ring_of_a_person_s_accounts_is_still_one() -> None:
    """A refers B by a code of one account; the other account of A claims under B's."""
    ring = asked("B", "10:00", code="a's", owner="A"), asked("A2", "10:01", code="b's", owner="B")
    story = given(*ring, are_one("A2", "A"))
    story.when(asked("C", "10:02", code="a's", owner="A")).then(counted(3, 3, insiders_30d=2))


def test_signals_are_counted_apart() -> None:
    story = given(asked("u1", "10:00"), asked("u2", "10:00", signal="ip:b"))
    story.when(asked("u3", "10:00", signal="device:a")).then(counted(1, 1, kind="device"))


def test_codes_are_counted_and_who_owns_one_that_others_here_claimed_under() -> None:
    """A refers B, B refers C, C refers A, all behind one address."""
    story = given(asked("B", "10:00", code="a's", owner="A"))
    story.when(asked("C", "10:01", code="b's", owner="B")).then(
        counted(2, 2, codes_30d=2, insiders_30d=1)
    )
    story.when(asked("A", "10:02", code="c's", owner="C")).then(
        counted(3, 3, codes_30d=3, insiders_30d=3)
    )


def test_an_owner_who_was_not_here_is_no_insider() -> None:
    story = given(*(asked(f"u{nth}", "10:00") for nth in range(5)))
    story.when(asked("u9", "10:01")).then(counted(6, 6, codes_30d=1, insiders_30d=0))


def test_the_same_question_again_changes_nothing_and_is_answered_again() -> None:
    story = given(asked("u1", "10:00")).when(asked("u2", "10:01"))
    before, answer = states(story), story.followed
    assert story.when(asked("u2", "10:01")).followed == answer[:0] + story.followed
    assert states(story) == before
    assert story.followed[0].users_24h == 2  # type: ignore[attr-defined]


def test_what_is_older_than_thirty_days_is_forgotten_by_the_next_question_or_a_tick() -> None:
    story = given(asked("u1", "0d 10:00"), asked("u2", "1d 10:00"))
    story.given(asked("u3", "30d 10:00"))
    assert len(states(story).claims) == 2
    story.when(tick("60d 09:59:59.999")).then_nothing()
    assert len(states(story).claims) == 2
    story.when(tick("60d 10:00")).then_nothing()
    assert states(story) == VelocityState()


def test_a_signal_of_thousands_takes_bounded_room_and_is_not_written_anew_for_each() -> None:
    def at(nth: int, **overrides: Any) -> Outline:
        time = moment("10:00") + nth * MINUTE
        return asked(f"u{nth}", "10:00").but(event_time=time, claim_id=f"c{nth}", **overrides)

    story = given(*(at(nth) for nth in range(MOST_SEEN)))
    full = states(story)
    assert len(full.claims) == MOST_SEEN
    story.when(at(MOST_SEEN)).then(counted(MOST_SEEN + 1, MOST_SEEN + 1))
    assert states(story) is full
    a_day_later = (DAY + HOUR) // MINUTE
    story.given(at(a_day_later))
    assert len(states(story).claims) == MOST_SEEN
    assert states(story).claims[-1].at == moment("10:00") + DAY + HOUR


def test_users_of_a_full_signal_are_as_many_as_it_could_remember() -> None:
    """Those who claim under two codes take two places: others fell out, and may be as many."""

    def at(nth: int, code: str) -> Outline:
        time = moment("10:00") + nth * HOUR
        return asked(f"u{nth}", "10:00", code=code).but(event_time=time, claim_id=f"c{nth}{code}")

    half = MOST_SEEN // 2
    story = given(*(at(nth, code) for nth in range(half - 1) for code in ("AMY", "BOB")))
    story.when(at(half - 1, "AMY")).then(counted(24, half))
    story.when(at(half - 1, "BOB")).then(counted(24, MOST_SEEN))
    story.when(at(half, "BOB")).then(counted(24, MOST_SEEN))
    story.when(at(half + 31 * 24, "BOB")).then(counted(1, 1))


def test_an_email_address_is_counted_for_a_year() -> None:
    def mailed(user: str, at: str) -> Outline:
        return asked(user, at, signal="email:e")

    story = given(mailed("u1", "0d 10:00"), mailed("u2", "300d 10:00"))
    story.when(mailed("u3", "364d 10:00")).then(counted(1, 1, kind="email", users_365d=3))
    story.when(mailed("u4", "365d 10:00")).then(counted(1, 2, kind="email", users_365d=3))


def test_other_signals_are_not_counted_for_a_year() -> None:
    given(asked("u1", "0d 10:00")).when(asked("u2", "0d 11:00")).then(counted(2, 2, users_365d=0))


def test_what_is_older_than_a_year_of_an_email_address_is_forgotten_by_a_tick() -> None:
    story = given(asked("u1", "0d 10:00", signal="email:e"))
    story.when(tick("365d 09:59:59.999")).then_nothing()
    assert len(states(story).claims) == 1
    story.when(tick("365d 10:00")).then_nothing()
    assert states(story) == VelocityState()


def test_an_email_address_of_thousands_takes_bounded_memory() -> None:
    def at(nth: int) -> Outline:
        time = moment("10:00") + nth * HOUR
        return asked(f"u{nth}", "10:00", signal="email:e").but(event_time=time, claim_id=f"c{nth}")

    story = given(*(at(nth) for nth in range(MOST_SEEN + 1)))
    assert len(states(story).claims) == MOST_SEEN
