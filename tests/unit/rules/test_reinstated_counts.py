"""Counts that a reinstated reward takes again: budgets, places, turns, orders, milestones."""

from support.reinstated import happens, letters, programme_of, reinstated, statuses, taken
from support.reward_lives import UNIT

from reftrail.contracts.codec import decode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.policy import Caps, Milestone, MilestoneKind
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import DEAD_LETTERS
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import purchase, refund, reviewed, signup


def test_a_budget_is_taken_again_or_refuses() -> None:
    host = programme_of(repeats=0, caps=Caps(budget_micros=30 * UNIT))
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        reviewed("reverse", "11:30"),
        purchase("O2", "12:00"),
    )
    assert taken(host)["cap_budget"] == 20 * UNIT
    happens(host, reinstated("13:00", reward_id=reward_id("AMY", "u1", "purchase:O1", "referrer")))
    assert statuses(host)[-1] == ("granted", "purchase:O1")
    assert taken(host)["cap_budget"] == 30 * UNIT
    happens(host, reinstated("14:00", reward_id=reward_id("AMY", "u1", "purchase:O1", "referee")))
    assert letters(host)[-1][0] == "limit_reached"
    assert "cap_budget" in letters(host)[-1][1]
    assert taken(host)["cap_budget"] == 30 * UNIT


def test_a_review_that_waited_in_vain_is_in_the_dead_letters_for_each_action() -> None:
    """Whatever record came last: what is refused is the review."""
    host = programme_of(repeats=0, caps=Caps(budget_micros=30 * UNIT))
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        reviewed("reverse", "11:10"),
        purchase("O2", "11:20"),
        reviewed("reverse", "11:30"),
        purchase("O3", "12:00"),
        reinstated("13:00"),
    )
    found = [letter for letter in host.log(DEAD_LETTERS) if isinstance(letter, DeadLettered)]
    assert [letter.reason for letter in found] == ["limit_reached"] * 2
    assert len({letter.event_id for letter in found}) == 2
    for letter in found:
        assert decode(letter.payload) == reinstated("13:00")


def test_places_of_users_and_orders_are_taken_again() -> None:
    host = programme_of(repeats=0, hold_for=DAY, caps=Caps(per_referrer=1))
    happens(
        host,
        signup("10:00", typed="AMY"),
        signup("10:01", typed="AMY", user_id="u2", visitor_id="v2"),
        purchase("O1", "11:00"),
        reviewed("decline", "11:30"),
    )
    assert not taken(host)
    happens(host, reinstated("12:00"))
    assert taken(host) == {"cap_per_referrer": 1, "order": 1}
    happens(host, purchase("O9", "13:00", user_id="u2"))
    assert statuses(host)[-1] == ("rejected", "purchase:O9")
    happens(host, reinstated("14:00", user_id="u2"))
    assert letters(host)[-1][0] == "limit_reached"
    assert "cap_per_referrer" in letters(host)[-1][1]
    assert taken(host) == {"cap_per_referrer": 1, "order": 1}


def test_an_order_that_earned_somebody_else_is_not_reinstated() -> None:
    host = programme_of(repeats=0)
    happens(
        host,
        signup("10:00", typed="AMY"),
        signup("10:01", typed="AMY", user_id="u2", visitor_id="v2"),
        purchase("O1", "11:00"),
        purchase("O1", "11:01", user_id="u2", event_id="other"),
        reinstated("12:00", user_id="u2"),
    )
    assert letters(host)[-1][0] == "limit_reached"


def test_the_turn_is_taken_again_or_refuses() -> None:
    host = programme_of(repeats=1, hold_for=DAY)
    happens(
        host, signup("10:00", typed="AMY"), purchase("O1", "11:00"), reviewed("decline", "11:30")
    )
    happens(host, reinstated("12:00"), purchase("O2", "13:00"))
    assert statuses(host) == [
        ("held", "purchase:O1"),
        ("rejected", "purchase:O1"),
        ("granted", "purchase:O1"),
    ]
    host = programme_of(repeats=1, hold_for=DAY)
    happens(
        host, signup("10:00", typed="AMY"), purchase("O1", "11:00"), reviewed("decline", "11:30")
    )
    happens(host, purchase("O2", "13:00"), reinstated("14:00"))
    assert statuses(host)[-1] == ("held", "purchase:O2")
    assert "repeats" in letters(host)[-1][1]


def test_a_reward_by_number_is_reinstated_while_its_orders_reach_it() -> None:
    host = programme_of(trigger=Trigger.NTH_PURCHASE, trigger_count=2, repeats=0)
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        purchase("O2", "12:00"),
        reviewed("reverse", "12:30"),
        reinstated("13:00"),
    )
    action = "nth_purchase:1"
    assert statuses(host) == [("granted", action), ("reversed", action), ("granted", action)]
    happens(host, reviewed("reverse", "13:30"), refund("O2", "14:00"), reinstated("15:00"))
    assert statuses(host)[-1] == ("reversed", action)
    assert letters(host)[-1][0] == "not_allowed"
    happens(host, purchase("O3", "16:00"), reinstated("17:00"))
    assert statuses(host)[-1] == ("granted", action)
    happens(host, refund("O3", "18:00"), purchase("O4", "19:00"))
    assert statuses(host)[-2:] == [("reversed", action), ("granted", f"{action}:2")]


def test_the_referral_counts_for_milestones_again() -> None:
    badge = Milestone(name="one", kind=MilestoneKind.BONUS, grants=1, value_micros=5 * UNIT)
    host = programme_of(milestones=[badge])
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        reviewed("reverse", "12:00"),
        reinstated("13:00"),
    )
    bonus = [status for status, _ in statuses(host, "milestone")]
    assert bonus == ["granted", "reversed", "granted"]
    happens(host, reinstated("14:00", user_id="owner"))
    assert [status for status, _ in statuses(host, "milestone")] == bonus
