"""Decisions made again from a log, whatever came to bear on them: each is the same as then."""

from typing import Any

import pytest
from support.decided_log import (
    BONUS,
    UNIT,
    again,
    buys,
    comes,
    happen,
    is_same,
    kinds,
    programme,
    review,
    statuses,
    time_is,
)
from support.programme import T0, refund

from reftrail.contracts.external_inputs import FulfilmentReported, ReviewDecision
from reftrail.contracts.policy import AtHoldsEnd, Caps, Fraud, OnRefund, Policy
from reftrail.contracts.record import DAY, HOUR, MINUTE
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import FULFILMENTS, REWARDS


def test_a_hold_that_ended_with_a_tick() -> None:
    host = programme(Policy(hold_for=2 * HOUR))
    happen(host, [*comes("uma"), *comes("wes", 90 * MINUTE)])
    time_is(host, HOUR, 2 * HOUR, 3 * HOUR, 5 * HOUR)
    assert statuses(host, "uma") == ["held holding_period", "granted hold_ended"]
    inputs = is_same(host, "uma")
    assert kinds(inputs) == ["Claimed", "SignalChecked", "Ticked"]
    assert inputs[-1].event_time == "2026-09-21T17:13:20.000Z"
    assert kinds(is_same(host, "wes"))[-1] == "Ticked"


def test_a_hold_that_has_not_ended() -> None:
    host = programme(Policy(hold_for=2 * DAY))
    happen(host, comes("uma"))
    time_is(host, HOUR, DAY)
    assert statuses(host, "uma") == ["held holding_period"]
    assert kinds(is_same(host, "uma")) == ["Claimed", "SignalChecked"]


def test_a_review_that_nobody_did_in_time_and_a_grant_that_nobody_fulfilled() -> None:
    fraud = Fraud(weights={"disposable_email": 60}, review_for=DAY, at_review_end=AtHoldsEnd.GRANT)
    host = programme(Policy(fraud=fraud, expires_after=DAY))
    happen(host, comes("uma", email_disposable=True))
    time_is(host, 2 * DAY, 4 * DAY)
    actual = [status.split()[0] for status in statuses(host, "uma")]
    assert actual == ["held", "granted", "expired"]
    assert kinds(is_same(host, "uma")) == ["Claimed", "SignalChecked", "Ticked", "Ticked"]


@pytest.mark.parametrize(
    ("decisions", "becomes"),
    [
        ((ReviewDecision.APPROVE,), ["held", "granted"]),
        ((ReviewDecision.DECLINE,), ["held", "rejected"]),
        ((ReviewDecision.APPROVE, ReviewDecision.REVERSE), ["held", "granted", "reversed"]),
        ((ReviewDecision.DECLINE, ReviewDecision.APPROVE), ["held", "rejected"]),
    ],
)
def test_reviews(decisions: tuple[ReviewDecision, ...], becomes: list[str]) -> None:
    host = programme(Policy(fraud=Fraud(weights={"disposable_email": 60})))
    happen(host, [*comes("uma", email_disposable=True), *comes("wes", email_disposable=True)])
    for n, decision in enumerate(decisions):
        review(host, decision, "uma", (2 + n) * HOUR)
    assert [status.split()[0] for status in statuses(host, "uma")] == becomes
    inputs = is_same(host, "uma")
    assert kinds(inputs)[2:] == ["Reviewed"] * len(decisions)
    assert [link.fields["decision"] for link in inputs[2:]] == list(decisions)
    assert kinds(is_same(host, "wes")) == ["Claimed", "SignalChecked"]


def test_what_was_fulfilled_and_then_paid_back_in_part() -> None:
    policy = Policy(on_refund=OnRefund.PROPORTIONAL)
    host = programme(policy, trigger=Trigger.FIRST_PURCHASE)
    happen(host, [*comes("uma"), buys("uma", 2 * HOUR)])
    entry: Any = next(
        record for record in host.log(REWARDS) if getattr(record, "user_id", "") == "uma"
    )
    actual: dict[str, Any] = {"event_time": T0 + DAY, "received_at": T0 + DAY, "kind": "credit"}
    host.publish(
        FULFILMENTS,
        FulfilmentReported(
            event_id="given",
            code="AMY",
            user_id="uma",
            reward_id=entry.reward_id,
            role=entry.role,
            outcome="delivered",
            attempts=1,
            **actual,
        ),
    )
    host.run()
    paid_back: Any = {"event_time": T0 + 2 * DAY, "received_at": T0 + 2 * DAY, "currency": "USD"}
    happen(host, [refund("uma", order_id="order uma", amount_micros=5 * UNIT, **paid_back)])
    ledger: list[Any] = [
        record for record in host.log(REWARDS) if getattr(record, "user_id", "") == "uma"
    ]
    assert {entry.status for entry in ledger} == {"granted", "fulfilled", "reversed"}
    assert kinds(is_same(host, "uma"))[-2:] == ["FulfilmentReported", "Claimed"]


def test_limits_that_codes_share_and_limits_of_a_code() -> None:
    caps = Caps(per_code=2, per_referrer=3, budget_micros=100 * UNIT)
    host = programme(Policy(caps=caps))
    for n, name in enumerate(("AMY", "AMY", "AMY", "BOB", "BOB")):
        happen(host, comes(f"u{n}", n * DAY, code=name))
    actual = {user: statuses(host, user) for user in ("u0", "u1", "u2", "u3", "u4")}
    assert actual == {
        "u0": ["granted"],
        "u1": ["granted"],
        "u2": ["rejected cap_per_code"],
        "u3": ["granted"],
        "u4": ["rejected cap_per_referrer"],
    }
    assert kinds(is_same(host, "u0")) == ["Claimed", "SignalChecked", "LimitAnswered"]
    assert kinds(is_same(host, "u2")) == ["Claimed", "SignalChecked"]
    inputs = is_same(host, "u4", "BOB")
    assert inputs[-1].fields["refused_by"].startswith("cap_per_referrer:spring:owner")


def test_evidence_of_velocity() -> None:
    fraud = Fraud(weights={"users_per_ip_24h": 80}, limits={"users_per_ip_24h": 3})
    host = programme(Policy(fraud=fraud))
    for n, name in enumerate(("AMY", "BOB", "AMY", "BOB", "AMY")):
        actual = {"ip_hash": "the same", "network_hash": "as well"}
        happen(host, comes(f"u{n}", n * MINUTE, code=name, **actual))
    assert statuses(host, "u0") == ["granted"]
    (last,) = statuses(host, "u4")
    assert last.startswith("rejected users_per_ip_24h")
    seen = [link.fields for link in is_same(host, "u4") if link.what == "SignalChecked"]
    assert {signal["kind"]: signal["users_24h"] for signal in seen}["ip"] == 5
    is_same(host, "u0")
    is_same(host, "u3", "BOB")


def test_a_milestones_bonus_is_derived_for_whom_it_is() -> None:
    host = programme(Policy(milestones=[BONUS]))
    for n in range(3):
        happen(host, comes(f"u{n}", n * DAY))
    assert statuses(host, "owner") == ["granted"]
    is_same(host, "u1")
    derived = again(host, "owner")
    assert (derived["reward"].verdict, derived["reward"].outputs) == ("same", 1)
    (actual,) = derived["reward"].inputs
    assert (actual.what, actual.fields["name"], actual.fields["grants"]) == (
        "MilestoneChanged",
        "two",
        2,
    )


def test_a_milestone_lost_again() -> None:
    host = programme(Policy(milestones=[BONUS]))
    for n in range(2):
        happen(host, comes(f"u{n}", n * DAY))
    review(host, ReviewDecision.REVERSE, "u0", 4 * DAY)
    assert [status.split()[0] for status in statuses(host, "owner")] == ["granted", "reversed"]
    derived = again(host, "owner")["reward"]
    assert (derived.verdict, derived.outputs) == ("same", 2)
    assert [link.fields.get("reached") for link in derived.inputs] == [True, False]
