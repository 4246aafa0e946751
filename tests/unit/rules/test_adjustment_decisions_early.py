"""Decisions about adjustments of which it isn't known yet whether they need one."""

from typing import Any

import pytest
from support.reward_lives import UNIT, balance, programme

from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.policy import Adjustments, Policy, policy_text
from reftrail.contracts.record import DAY, Record
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS, CODES, DEAD_LETTERS, REWARDS
from reftrail.rules.decider import Refused
from reftrail.testing import (
    MemoryHost,
    Scenario,
    adjusted,
    adjustment,
    adjustment_decided,
    campaign,
    code,
    held,
    limits_answered,
    moment,
    refused,
    rejected,
    to_fulfil,
)

SUMS_UP = Adjustments(approval_above_micros=100 * UNIT, approval_window=30 * DAY)
A1 = {"of": "adjustment:A1"}


def asked(**overrides: Any) -> Scenario:
    """A credit of 60 dollars, of which the limits stage is asked whether it needs approval."""
    return programme(Policy(adjustments=SUMS_UP)).given(adjustment(60, "12:00", **overrides))


def needs_approval() -> Any:
    return limits_answered(**A1, refused_by="adjusted_credits:owner:USD")


def test_an_approval_before_the_answer_is_carried_out_with_it() -> None:
    story = asked().when(adjustment_decided("approve", "12:30", actor="bea"))
    story.then_nothing()
    story.when(needs_approval()).then(
        held("referrer", "AMY", "needs_approval", "added_up", "goodwill", value_micros=60 * UNIT),
        adjusted(
            "referrer",
            "AMY",
            "approved",
            "goodwill",
            value_micros=60 * UNIT,
            event_time=moment("12:30"),
            cause_event_id="approve A1 12:30",
        ),
        to_fulfil("referrer", "AMY", action="adjustment:A1", value_micros=60 * UNIT),
    )
    assert balance(story) == 60 * UNIT


def test_a_withdrawal_before_the_answer_is_carried_out_with_it() -> None:
    story = asked().given(adjustment_decided("decline", "12:30", actor="ann"))
    story.when(needs_approval()).then(
        held("referrer", "AMY", "needs_approval", "added_up", "goodwill", value_micros=60 * UNIT),
        rejected("referrer", "AMY", "declined", "goodwill", value_micros=60 * UNIT),
    )
    assert balance(story) == 0


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_a_decision_that_was_not_needed_is_refused_as_it_would_be_after_the_answer(
    decision: str,
) -> None:
    made = adjustment_decided(decision, "12:30", actor="bea")
    story = asked().given(made).when(limits_answered(**A1))
    story.then(
        adjusted("referrer", "AMY", "goodwill", value_micros=60 * UNIT),
        to_fulfil("referrer", "AMY", action="adjustment:A1", value_micros=60 * UNIT),
        refused("not_allowed", payload=made, cause_event_id=made.event_id),
    )
    after = asked().given(limits_answered(**A1)).when(made).followed
    (early,), (late,) = (
        [event for event in events if isinstance(event, Refused)]
        for events in (story.followed, after)
    )
    assert early.detail == late.detail == f"{decision} needs one that is held: it is adjusted"


def test_of_several_decisions_before_the_answer_the_first_counts() -> None:
    story = asked().given(adjustment_decided("decline", "12:30", actor="bea"))
    story.when(adjustment_decided("decline", "12:30", actor="bea")).then_nothing()
    story.when(adjustment_decided("approve", "12:40", actor="cid")).then(refused("not_allowed"))
    (event,) = story.followed
    assert isinstance(event, Refused)
    assert event.detail == "bea decided to decline it before"
    story.given(needs_approval())
    story.when(adjustment_decided("decline", "12:30", actor="bea")).then_nothing()
    story.when(adjustment_decided("approve", "12:50", actor="cid")).then(refused("not_allowed"))
    assert balance(story) == 0


@pytest.mark.parametrize(("decision", "actor"), [("approve", "ann"), ("retry", "bea")])
def test_what_nobody_may_decide_after_the_answer_is_refused_at_once(
    decision: str, actor: str
) -> None:
    story = asked(actor="ann").when(adjustment_decided(decision, "12:30", actor=actor))
    story.then(refused("not_allowed"))
    story.when(needs_approval()).then(
        held("referrer", "AMY", "needs_approval", "added_up", "goodwill")
    )


def test_an_adjustment_and_its_approval_may_be_sent_at_once() -> None:
    """As by a command for many: neither waits until the other was decided on."""
    host = _host()
    records: list[Record] = []
    for name in ("A1", "A2", "A3"):
        records.append(adjustment(60, "12:00", of=name))
        records.append(adjustment_decided("approve", "12:00", of=name, actor="bea"))
    host.publish(ADJUSTMENTS, *records)
    host.run()
    entries = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    assert {entry.action: entry.status for entry in entries} == {
        "adjustment:A1": "adjusted",
        "adjustment:A2": "adjusted",
        "adjustment:A3": "adjusted",
    }
    assert sum("approved" in entry.reasons for entry in entries) == 2
    (letter,) = (record for record in host.log(DEAD_LETTERS) if isinstance(record, DeadLettered))
    assert letter.reason == "not_allowed"
    assert letter.detail == "approve needs one that is held: it is adjusted"
    assert letter.payload is not None
    assert b"approve A1 12:00" in letter.payload


def _host() -> MemoryHost:
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign(policy=policy_text(Policy(adjustments=SUMS_UP))))
    host.publish(CODES, code("AMY", owner="amy"))
    return host
