"""Holds of rewards, their reviews, and the end of holds and grants."""

import json

import pytest
from support.reward_lives import (
    REFEREE,
    REFERRER,
    SUSPECTS_TYPED,
    UNIT,
    balance,
    both,
    both_granted,
    bought,
    on_purchase,
    only_referee,
    programme,
    signed_up,
    suspect,
)

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import AtHoldsEnd, Fraud, Policy
from reftrail.contracts.record import DAY
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    expired,
    granted,
    held,
    moment,
    refused,
    rejected,
    reported,
    reviewed,
    taken_from,
    tick,
    to_fulfil,
)


def test_a_suspicious_claim_is_held_with_reasons_figures_and_score() -> None:
    story = programme(Policy(fraud=SUSPECTS_TYPED)).when(
        suspect(source="portal", root_reference="click 09:00", received_at=moment("10:05"))
    )
    story.then(
        *both(
            held,
            "disposable_email",
            score=60,
            due_at=moment("14d 10:05"),
            action_time=moment("10:00"),
            event_time=moment("10:00"),
            received_at=moment("10:05"),
            origin_source="portal",
            root_reference="click 09:00",
            value_micros=10 * UNIT,
            supersedes=None,
        )
    )
    (entry, _) = story.followed
    assert isinstance(entry, RewardDecided)
    assert json.loads(entry.evidence or "") == [
        {"reason": "disposable_email", "weight": 60, "figures": {"email": ""}}
    ]


def test_a_held_reward_is_granted_by_approval() -> None:
    story = programme(Policy(fraud=SUSPECTS_TYPED)).when(suspect())
    first = story.followed[0].event_id
    story.when(reviewed("approve", "11:00", reason="goodwill")).then(
        granted(
            REFERRER,
            "AMY",
            reasons=[Reason.APPROVED, "goodwill"],
            supersedes=first,
            event_time=moment("11:00"),
            action_time=moment("10:00"),
            reward_id=reward_id("AMY", "u1", "signup", "referrer"),
            score=60,
            due_at=None,
        ),
        to_fulfil(REFERRER, "AMY", reward_id=reward_id("AMY", "u1", "signup", "referrer")),
        granted(REFEREE, "AMY", reasons=[Reason.APPROVED, "goodwill"]),
        to_fulfil(REFEREE, "AMY"),
    )
    story.when(tick("90d 00:00"), suspect(), reviewed("approve", "11:00", reason="goodwill"))
    story.then_nothing()


def test_a_held_reward_is_rejected_by_refusal_and_repeats_why_it_was_held() -> None:
    story = programme(Policy(fraud=SUSPECTS_TYPED)).given(suspect())
    story.when(reviewed("decline", "11:00", reason="fraud")).then(
        *both(rejected, Reason.DECLINED, "fraud", "disposable_email", event_time=moment("11:00"))
    )
    story.when(reviewed("decline", "11:00", reason="fraud")).then_nothing()
    story.when(reviewed("approve", "11:01")).then(refused("not_allowed"))


def test_a_review_may_be_about_one_reward() -> None:
    story = programme(Policy(fraud=SUSPECTS_TYPED)).given(suspect())
    its_id = reward_id("AMY", "u1", "signup", "referee")
    story.when(reviewed("approve", "11:00", reward_id=its_id)).then(
        granted(REFEREE, "AMY"), to_fulfil(REFEREE, "AMY")
    )
    story.when(reviewed("decline", "11:01")).then(
        rejected(REFERRER, "AMY", Reason.DECLINED, "disposable_email")
    )


@pytest.mark.parametrize("end", list(AtHoldsEnd))
def test_an_approved_suspicion_returns_the_reward_to_its_holding_period(end: AtHoldsEnd) -> None:
    fraud = Fraud(weights={"disposable_email": 60}, review_for=9 * DAY, at_review_end=end)
    story = only_referee(Policy(fraud=fraud, hold_for=5 * DAY)).given(suspect())
    story.when(reviewed("approve", "2d 00:00", reason="known")).then(
        held(REFEREE, "AMY", Reason.APPROVED, "known", due_at=moment("5d 10:00"))
    )
    story.when(tick("5d 09:59")).then_nothing()
    story.when(tick("5d 10:00")).then(
        granted(REFEREE, "AMY", reasons=[Reason.HOLD_ENDED]), to_fulfil(REFEREE, "AMY")
    )


def test_a_second_approval_or_one_after_the_holding_period_grants_at_once() -> None:
    policy = Policy(fraud=SUSPECTS_TYPED, hold_for=2 * DAY)
    story = only_referee(policy).given(suspect(), reviewed("approve", "11:00"))
    story.when(reviewed("approve", "12:00")).then(
        granted(REFEREE, "AMY"), to_fulfil(REFEREE, "AMY")
    )
    story = only_referee(policy).given(suspect())
    story.when(reviewed("approve", "3d 11:00")).then(
        granted(REFEREE, "AMY"), to_fulfil(REFEREE, "AMY")
    )


@pytest.mark.parametrize("end", list(AtHoldsEnd))
def test_an_unreviewed_reward_is_decided_at_the_end_of_its_hold(end: AtHoldsEnd) -> None:
    fraud = Fraud(weights={"disposable_email": 60}, review_for=2 * DAY, at_review_end=end)
    story = programme(Policy(fraud=fraud)).given(suspect())
    story.when(tick("2d 09:59:59.999")).then_nothing()
    story.when(tick("2d 10:00"))
    if end == AtHoldsEnd.GRANT:
        story.then(*both_granted(reasons=[Reason.HOLD_ENDED], event_time=moment("2d 10:00")))
    else:
        story.then(*both(rejected, Reason.HOLD_ENDED, "disposable_email"))
    story.when(tick("3d 00:00")).then_nothing()


def test_a_review_of_a_purchase_from_before_the_signup_begins_with_the_signup() -> None:
    story = on_purchase(fraud=Fraud(weights={"clock_ahead": 60}, review_for=2 * DAY))
    early = bought("o1", at="11:00", received_at=moment("10:00"), signed_up_at=moment("10:30"))
    story.when(early).then(*both(held, "clock_ahead", due_at=moment("2d 10:30")))


def test_a_campaign_may_keep_everything_back_for_a_while() -> None:
    story = programme(Policy(hold_for=3 * DAY)).when(signed_up(received_at=moment("1d 00:00")))
    story.then(*both(held, Reason.HOLDING_PERIOD, score=0, due_at=moment("3d 10:00")))
    story.when(tick("3d 10:00")).then(*both_granted(event_time=moment("3d 10:00")))


def test_approval_ends_a_holding_period_at_once() -> None:
    story = programme(Policy(hold_for=3 * DAY)).given(signed_up())
    story.when(reviewed("approve", "11:00")).then(*both_granted(reasons=[Reason.APPROVED]))


def test_a_suspicion_holds_for_as_long_as_the_longer_of_both() -> None:
    fraud = Fraud(weights={"disposable_email": 60}, review_for=DAY, at_review_end=AtHoldsEnd.GRANT)
    story = programme(Policy(hold_for=3 * DAY, fraud=fraud))
    story.when(suspect()).then(*both(held, "disposable_email", due_at=moment("3d 10:00")))


def test_a_review_of_what_is_not_there_is_refused() -> None:
    programme().when(reviewed("approve", "11:00")).then(refused("unknown_reward"))
    story = programme().given(signed_up())
    story.when(reviewed("approve", "11:00", reward_id="x")).then(refused("unknown_reward"))
    story.when(reviewed("applaud", "11:00")).then(refused("not_allowed"))


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_a_granted_reward_is_neither_approved_nor_declined(decision: str) -> None:
    story = programme().given(signed_up())
    story.when(reviewed(decision, "11:00")).then(refused("not_allowed"))


def test_a_grant_that_is_not_used_in_time_expires() -> None:
    story = only_referee(Policy(expires_after=30 * DAY))
    story.when(signed_up()).then(
        granted(REFEREE, "AMY", due_at=moment("30d 10:00")),
        to_fulfil(REFEREE, "AMY", expires_at=moment("30d 10:00")),
    )
    story.when(tick("30d 09:59:59.999")).then_nothing()
    story.when(tick("30d 10:00:01")).then(
        expired(REFEREE, "AMY", reasons=[Reason.NOT_USED_IN_TIME], value_micros=10 * UNIT)
    )
    story.when(reported(REFEREE, "30d 11:00")).then(refused("not_allowed"))


def test_a_grant_after_a_hold_is_good_from_then_on_and_a_fulfilled_one_for_ever() -> None:
    story = only_referee(Policy(expires_after=DAY, hold_for=DAY)).given(signed_up())
    story.when(tick("1d 12:00")).then(
        granted(REFEREE, "AMY", due_at=moment("2d 12:00")), to_fulfil(REFEREE, "AMY")
    )
    story.given(reported(REFEREE, "1d 13:00")).when(tick("9d 00:00")).then_nothing()


@pytest.mark.parametrize("word", ["partly_refunded", "disputed", "delivered_in_time"])
def test_a_reviewers_word_that_the_ledger_has_for_a_reason_of_its_own_is_left_out(
    word: str,
) -> None:
    story = programme().given(signed_up()).when(reviewed("reverse", "11:00", reason=word))
    story.then(*both(taken_from, reasons=["taken_back"]))
    assert balance(story) == -20 * UNIT
    story.when(reviewed("reverse", "12:00", reason=word)).then(refused("not_allowed"))
