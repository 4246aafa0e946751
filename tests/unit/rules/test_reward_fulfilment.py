"""Fulfilment of rewards, and what is taken back before and after it."""

import pytest
from support.reward_lives import (
    BOTH,
    REFEREE,
    REFERRER,
    SUSPECTS_TYPED,
    UNIT,
    balance,
    bought,
    entries,
    on_refund_in_parts,
    only_referee,
    paid_back,
    programme,
    signed_up,
    suspect,
)

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.policy import Policy
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    Scenario,
    failed,
    fulfilled,
    granted,
    moment,
    refused,
    rejected,
    reported,
    reversed_reward,
    reviewed,
    taken_from,
    tick,
    to_fulfil,
    withdrawn,
)


def test_a_granted_reward_is_fulfilled() -> None:
    story = only_referee().when(signed_up())
    grant = story.followed[0].event_id
    story.when(reported(REFEREE, "11:00")).then(
        fulfilled(REFEREE, "AMY", supersedes=grant, event_time=moment("11:00"))
    )
    story.when(reported(REFEREE, "11:00")).then_nothing()
    story.when(reported(REFEREE, "11:30", outcome="failed")).then(refused("not_allowed"))


def test_what_failed_is_tried_again_when_approved() -> None:
    story = only_referee().given(signed_up())
    story.when(reported(REFEREE, "11:00", outcome="failed")).then(
        failed(REFEREE, "AMY", reasons=[Reason.NOT_DELIVERED])
    )
    failure = story.followed[0].event_id
    story.when(reported(REFEREE, "11:01", outcome="failed", event_id="twice")).then_nothing()
    story.when(reviewed("approve", "12:00")).then(
        granted(REFEREE, "AMY", reasons=[Reason.TRIED_AGAIN], supersedes=failure),
        to_fulfil(REFEREE, "AMY", reward_id=reward_id("AMY", "u1", "signup", "referee")),
    )
    second = story.followed[0].event_id
    again = reported(REFEREE, "13:00", outcome="failed", event_id="failed again")
    story.when(again).then(failed(REFEREE, "AMY"))
    assert story.followed[0].event_id != failure
    story.when(reviewed("approve", "14:00"), reported(REFEREE, "15:00"))
    assert story.followed[0].event_id != second
    assert entries(story)[-1].status == RewardStatus.FULFILLED


def test_a_report_about_what_is_not_granted_is_refused() -> None:
    story = programme(Policy(fraud=SUSPECTS_TYPED))
    story.when(reported(REFEREE, "09:00")).then(refused("unknown_reward"))
    story.given(suspect()).when(reported(REFEREE, "11:00")).then(refused("not_allowed"))
    story.when(reported(REFEREE, "11:00", outcome="lost")).then(refused("not_allowed"))


def test_a_review_or_report_that_comes_again_later_changes_nothing() -> None:
    story = only_referee(Policy(fraud=SUSPECTS_TYPED)).given(suspect())
    approval, failure = reviewed("approve", "11:00"), reported(REFEREE, "12:00", outcome="failed")
    story.given(approval, failure).when(approval).then_nothing()
    story.when(reviewed("approve", "13:00")).then(
        granted(REFEREE, "AMY"), to_fulfil(REFEREE, "AMY")
    )
    story.when(failure, approval).then_nothing()


def test_a_review_that_was_refused_stays_refused() -> None:
    story = only_referee().given(signed_up())
    approval = reviewed("approve", "11:00")
    story.when(approval).then(refused("not_allowed")).when(approval).then_nothing()
    story.given(reported(REFEREE, "12:00", outcome="failed")).when(approval).then_nothing()


def test_fraud_found_later_reverses_what_is_granted_and_what_is_fulfilled() -> None:
    story = programme().when(signed_up())
    grants = [story.followed[0].event_id, story.followed[2].event_id]
    story.given(reported(REFEREE, "11:00"))
    referrer, referee = (
        reversed_reward(
            role,
            "AMY",
            supersedes=grant,
            reasons=[Reason.TAKEN_BACK, "chargeback"],
            value_micros=10 * UNIT,
            clawback_micros=clawback,
        )
        for role, grant, clawback in zip(BOTH, grants, (None, 10 * UNIT), strict=True)
    )
    story.when(reviewed("reverse", "12:00", reason="chargeback")).then(
        referrer, withdrawn(REFERRER, "AMY"), referee
    )
    story.when(reviewed("reverse", "12:00", reason="chargeback")).then_nothing()
    story.when(reviewed("reverse", "13:00")).then(refused("not_allowed"))
    story.when(reported(REFERRER, "13:00", outcome="failed")).then_nothing()


def owed(story: Scenario) -> int:
    return sum(entry.clawback_micros or 0 for entry in entries(story))


def test_a_reversal_withdraws_the_order_by_its_reward() -> None:
    story = only_referee().given(signed_up())
    story.when(reviewed("reverse", "12:00", reason="fraud")).then(
        reversed_reward(REFEREE, "AMY", clawback_micros=None),
        withdrawn(
            REFEREE,
            "AMY",
            reward_id=reward_id("AMY", "u1", "signup", "referee"),
            reasons=[Reason.TAKEN_BACK, "fraud"],
        ),
    )
    assert story.followed[1].event_id == story.followed[0].event_id


def test_a_delivery_that_crossed_with_a_reversal_is_a_clawback() -> None:
    story = only_referee().given(signed_up(), reviewed("reverse", "12:00"))
    delivery = reported(REFEREE, "12:01")
    story.when(delivery).then(
        reversed_reward(
            REFEREE,
            "AMY",
            value_micros=0,
            clawback_micros=10 * UNIT,
            reasons=[Reason.DELIVERED_ANYWAY],
        )
    )
    assert balance(story) == 0
    story.when(delivery).then_nothing()


@pytest.mark.parametrize("is_reversed_first", [True, False])
def test_a_delivery_is_collected_once_whatever_its_reports_are_called(
    *, is_reversed_first: bool
) -> None:
    """Partners that report by themselves may call each of their reports something else."""
    reversal, delivery = reviewed("reverse", "12:00"), reported(REFEREE, "12:01")
    acts = (reversal, delivery) if is_reversed_first else (delivery, reversal)
    story, collected = only_referee().given(signed_up()), 0
    more = reported(REFEREE, "12:01", event_id="more", value_micros=12 * UNIT)
    for act in (*acts, reported(REFEREE, "12:01", event_id="once more"), more):
        collected += owed(story.when(act))
        if act is acts[-1]:
            assert collected == 10 * UNIT
    assert collected == 12 * UNIT
    story.when(reported(REFEREE, "12:01", event_id="again")).then_nothing()


@pytest.mark.parametrize(("delivered", "clawback"), [(10, 3), (7, 0), (None, 3)])
def test_what_was_delivered_beyond_what_a_refund_left_is_a_clawback(
    delivered: float | None, clawback: float
) -> None:
    """Without a value in the report, what was ordered was delivered."""
    story = only_referee(on_refund_in_parts(), trigger=Trigger.FIRST_PURCHASE).given(bought("o1"))
    story.when(paid_back("o1", 30)).then(
        reversed_reward(REFEREE, "AMY", value_micros=3 * UNIT, clawback_micros=None),
        withdrawn(REFEREE, "AMY", 7),
    )
    value = None if delivered is None else delivered * UNIT
    story.when(reported(REFEREE, "12:01", action="purchase:o1", value_micros=value)).then(
        fulfilled(REFEREE, "AMY", value_micros=7 * UNIT, clawback_micros=clawback * UNIT or None)
    )
    story.when(paid_back("o1", at="13:00")).then(
        reversed_reward(REFEREE, "AMY", value_micros=7 * UNIT, clawback_micros=7 * UNIT)
    )


def test_what_is_ordered_anew_is_withdrawn_anew() -> None:
    story = only_referee().given(
        signed_up(), reported(REFEREE, "11:00", outcome="failed"), reviewed("approve", "12:00")
    )
    story.when(reviewed("reverse", "13:00")).then(*taken_from(REFEREE, "AMY"))
    story.when(reported(REFEREE, "13:01"))
    assert owed(story) == 10 * UNIT


def test_what_was_never_ordered_or_is_not_open_is_not_withdrawn() -> None:
    story = only_referee(Policy(hold_for=DAY)).given(signed_up())
    story.when(reviewed("decline", "12:00")).then(
        rejected(REFEREE, "AMY", Reason.DECLINED, Reason.HOLDING_PERIOD)
    )
    story = only_referee().given(signed_up(), reported(REFEREE, "11:00", outcome="failed"))
    story.when(reviewed("reverse", "12:00")).then(reversed_reward(REFEREE, "AMY"))


def test_what_failed_or_expired_has_nothing_left_to_take_back() -> None:
    story = only_referee().given(signed_up(), reported(REFEREE, "11:00", outcome="failed"))
    story.when(reviewed("reverse", "12:00")).then(reversed_reward(REFEREE, "AMY", value_micros=0))
    story = only_referee(Policy(expires_after=DAY)).given(signed_up(), tick("1d 10:00"))
    story.when(reviewed("reverse", "2d 00:00")).then(
        reversed_reward(REFEREE, "AMY", value_micros=0), withdrawn(REFEREE, "AMY")
    )
