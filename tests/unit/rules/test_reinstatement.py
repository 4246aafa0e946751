"""Reinstatement of rewards that were rejected, reversed or have expired."""

import pytest
from support.reinstated import reinstated
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

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.policy import Fraud, Policy
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    fulfilled,
    granted,
    moment,
    refused,
    reported,
    reviewed,
    tick,
    to_fulfil,
)


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
