"""Reinstatement of rewards that were rejected, reversed or have expired."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from support.reward_lives import (
    REFEREE,
    SUSPECTS_TYPED,
    UNIT,
    balance,
    both_granted,
    bought,
    entries,
    on_refund_in_parts,
    only_referee,
    paid_back,
    programme,
    signed_up,
    suspect,
)

from reftrail.contracts.codec import decode
from reftrail.contracts.decisions import DeadLettered, RewardDecided, RewardGranted
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.policy import (
    Caps,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
)
from reftrail.engine.topology import STAGES
from reftrail.rules.limits import LimitState
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    MemoryHost,
    campaign,
    code,
    fulfilled,
    granted,
    moment,
    purchase,
    refund,
    refused,
    reported,
    reviewed,
    signup,
    tick,
    to_fulfil,
)

TRUSTING = Fraud(grant_up_to=999, reject_from=1000)


def reinstated(at: str, reason: str | None = "false_positive", **overrides: Any) -> Any:
    return reviewed("reinstate", at, reason=reason, **overrides)


def test_a_declined_reward_is_granted_and_ordered_once_under_its_own_id() -> None:
    story = programme(Policy(fraud=SUSPECTS_TYPED)).given(suspect(), reviewed("decline", "11:00"))
    why = [Reason.REINSTATED, "false_positive"]
    story.when(reinstated("12:00")).then(*both_granted(reasons=why, event_time=moment("12:00")))
    orders = [grant for grant in story.followed if isinstance(grant, RewardGranted)]
    assert [order.reward_id for order in orders] == [
        reward_id("AMY", "u1", "signup", role) for role in ("referrer", "referee")
    ]
    story.when(reinstated("12:00")).then_nothing()
    story.when(reinstated("12:01")).then(refused("not_allowed"))


def test_a_claim_that_was_rejected_for_suspicions_may_be_reinstated() -> None:
    story = only_referee(Policy(fraud=Fraud(weights={"disposable_email": 90}))).given(suspect())
    story.when(reinstated("12:00")).then(granted(REFEREE, "AMY"), to_fulfil(REFEREE, "AMY"))


def test_a_reinstatement_needs_a_reason() -> None:
    story = only_referee().given(signed_up(), reviewed("reverse", "11:00"))
    story.when(reinstated("12:00", None)).then(refused("not_allowed"))


def test_what_is_held_or_granted_is_not_reinstated() -> None:
    only_referee().given(signed_up()).when(reinstated("12:00")).then(refused("not_allowed"))


def test_a_reversed_reward_is_ordered_again() -> None:
    story = only_referee().given(signed_up(), reviewed("reverse", "11:00"))
    story.when(reinstated("12:00", "dispute_won")).then(
        granted(REFEREE, "AMY", reasons=[Reason.REINSTATED, "dispute_won"]),
        to_fulfil(REFEREE, "AMY"),
    )
    assert balance(story) == 10 * UNIT
    story.when(reported(REFEREE, "13:00")).then(fulfilled(REFEREE, "AMY"))


@pytest.mark.parametrize("is_reversed_first", [True, False])
def test_of_a_delivered_reward_the_clawback_falls_away(*, is_reversed_first: bool) -> None:
    acts = [reported(REFEREE, "11:00"), reviewed("reverse", "11:30")]
    story = only_referee().given(signed_up(), *(acts[::-1] if is_reversed_first else acts))
    story.when(reinstated("12:00")).then(
        granted(
            REFEREE,
            "AMY",
            reasons=[Reason.REINSTATED, Reason.ALREADY_DELIVERED, "false_positive"],
            clawback_micros=-10 * UNIT,
        ),
        fulfilled(REFEREE, "AMY", value_micros=10 * UNIT, clawback_micros=None),
    )
    story.when(reported(REFEREE, "11:01")).then_nothing()
    story.when(reviewed("reverse", "13:00"))
    assert sum(entry.clawback_micros or 0 for entry in entries(story)) == 10 * UNIT


def test_a_delivery_of_the_first_order_settles_the_second() -> None:
    story = only_referee().given(signed_up(), reviewed("reverse", "11:00"), reinstated("12:00"))
    story.when(reported(REFEREE, "12:01")).then(
        fulfilled(REFEREE, "AMY", value_micros=10 * UNIT, clawback_micros=None)
    )


def test_an_expired_reward_is_good_for_as_long_again() -> None:
    story = only_referee(Policy(expires_after=DAY)).given(signed_up(), tick("1d 10:00"))
    story.when(reinstated("3d 09:00", "goodwill")).then(
        granted(
            REFEREE,
            "AMY",
            reasons=[Reason.REINSTATED, Reason.TRIED_AGAIN, "goodwill"],
            due_at=moment("4d 09:00"),
        ),
        to_fulfil(REFEREE, "AMY", expires_at=moment("4d 09:00")),
    )


def test_refunds_before_and_meanwhile_reduce_what_is_reinstated() -> None:
    story = only_referee(on_refund_in_parts(), trigger=Trigger.FIRST_PURCHASE).given(bought("o1"))
    story.given(paid_back("o1", 30), reviewed("reverse", "12:30"))
    story.given(paid_back("o1", 20, at="13:00"))
    story.when(reinstated("14:00")).then(
        granted(REFEREE, "AMY", value_micros=5 * UNIT), to_fulfil(REFEREE, "AMY")
    )
    story.given(reviewed("reverse", "14:30"), paid_back("o1", 50, at="15:00"))
    story.when(reinstated("16:00")).then(refused("not_allowed"))


def programme_of(**policy: Any) -> MemoryHost:
    trigger = policy.pop("trigger", Trigger.FIRST_PURCHASE)
    minimum = policy.pop("minimum_amount_micros", 0)
    host = MemoryHost()
    text = policy_text(Policy(**({"fraud": TRUSTING} | policy)))
    host.publish(CAMPAIGNS, campaign(policy=text, trigger=trigger, minimum_amount_micros=minimum))
    host.publish(CODES, code("AMY"), code("BOB"))
    return host


def happens(host: MemoryHost, *records: Any) -> None:
    for record in records:
        topic = REVIEWS if hasattr(record, "decision") else EVENTS
        host.publish(topic, record)
        host.run()


def statuses(host: MemoryHost, role: str = "referrer") -> list[tuple[str, str]]:
    ledger = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    return [(entry.status, entry.action) for entry in ledger if entry.role == role]


def letters(host: MemoryHost) -> list[tuple[str, str]]:
    return [(record.reason, record.detail) for record in host.log(DEAD_LETTERS)]  # type: ignore[attr-defined]


def taken(host: MemoryHost) -> Counter[str]:
    """The amounts taken under limits, by the name of their cap."""
    known = {
        key: msgspec.msgpack.decode(packed, type=LimitState).taken
        for key, packed in host.states(STAGES["limits"]).items()
    }
    return Counter({key.partition(":")[0]: count for key, count in known.items() if count})


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


def test_every_reward_is_ordered_at_most_once_beyond_what_was_withdrawn() -> None:
    host = programme_of(repeats=0, on_refund=OnRefund.PROPORTIONAL)
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        reviewed("reverse", "12:00"),
        reinstated("13:00"),
        reviewed("reverse", "14:00"),
        reinstated("15:00"),
        refund("O1", "16:00", paid_back=40),
    )
    open_orders: Counter[str] = Counter()
    for record in host.log(REWARD_GRANTED):
        its_id = record.reward_id  # type: ignore[attr-defined]
        if isinstance(record, RewardGranted):
            open_orders[its_id] += 1
        elif record.remaining_micros == 0:  # type: ignore[attr-defined]
            open_orders[its_id] -= 1
        assert open_orders[its_id] in (0, 1)
    ledger = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    assert sum(effect(entry) for entry in ledger) == 2 * 6 * UNIT


def test_what_is_left_after_refunds_on_their_way_is_what_budgets_have_taken() -> None:
    host = programme_of(
        repeats=0, on_refund=OnRefund.PROPORTIONAL, caps=Caps(budget_micros=1000 * UNIT)
    )
    happens(
        host, signup("10:00", typed="AMY"), purchase("O1", "11:00"), reviewed("reverse", "11:30")
    )
    host.publish(EVENTS, purchase("O2", "12:00"), refund("O1", "12:01", paid_back=40))
    host.publish(REVIEWS, reinstated("12:02"))
    host.run()
    ledger = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    assert sum(effect(entry) for entry in ledger) == (2 * 6 + 2 * 10) * UNIT
    assert taken(host)["cap_budget"] == (2 * 6 + 2 * 10) * UNIT


@pytest.mark.parametrize("reward", ["of the order", "any"])
@pytest.mark.parametrize("later", ["reverse", "reinstate", "approve"])
def test_reviews_may_be_sent_at_once(later: str, reward: str) -> None:
    """A review of what waits for its budget is carried out after it, as if it had come later."""
    about = reward_id("AMY", "u1", "purchase:O1", "referrer") if reward == "of the order" else None

    def ledger(*reviews: list[Reviewed]) -> list[tuple[str, str, tuple[str, ...]]]:
        host = programme_of(repeats=0, caps=Caps(budget_micros=30 * UNIT))
        happens(
            host,
            signup("10:00", typed="AMY"),
            purchase("O1", "11:00"),
            reviewed("reverse", "11:10"),
        )
        for together in reviews:
            host.publish(REVIEWS, *together)
            host.run()
        return [
            (entry.role, entry.status, tuple(entry.reasons))
            for entry in host.log(REWARDS)
            if isinstance(entry, RewardDecided)
        ] + [("", reason, (detail,)) for reason, detail in letters(host)]

    first = reinstated("13:00", reward_id=about)
    second = msgspec.structs.replace(reviewed(later, "13:01", reward_id=about), reason="goodwill")
    assert ledger([first, second]) == ledger([first], [second])


def test_a_review_of_another_reward_waits_for_no_reinstatement() -> None:
    host = programme_of(repeats=0, caps=Caps(budget_micros=50 * UNIT))
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        purchase("O2", "11:01"),
        reviewed("reverse", "11:10", reward_id=reward_id("AMY", "u1", "purchase:O1", "referrer")),
    )
    of_o2 = reward_id("AMY", "u1", "purchase:O2", "referee")
    one = reinstated("13:00", reward_id=reward_id("AMY", "u1", "purchase:O1", "referrer"))
    host.publish(REVIEWS, one, reviewed("reverse", "13:01", reward_id=of_o2))
    host.run()
    ended = [(entry.status, entry.action) for entry in host.log(REWARDS)][-2:]  # type: ignore[attr-defined]
    assert ended == [("reversed", "purchase:O2"), ("granted", "purchase:O1")]
