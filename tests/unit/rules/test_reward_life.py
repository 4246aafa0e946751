"""What becomes of rewards while they are decided and afterwards: one kind of change by another."""

import json
from typing import Any

import msgspec
import pytest

from reftrail.contracts.decisions import Action, Basis, RewardDecided, RewardStatus, Role
from reftrail.contracts.policy import AtHoldsEnd, Fraud, OnRefund, OrderIds, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    claimed,
    code,
    expired,
    failed,
    fulfilled,
    given,
    granted,
    held,
    moment,
    refused,
    rejected,
    reported,
    reversed_reward,
    reviewed,
    signal_checked,
    taken_from,
    tick,
    to_fulfil,
    withdrawn,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
BOTH = (REFERRER, REFEREE)
UNIT = MICROS_PER_UNIT
SUSPECTS_TYPED = Fraud(weights={"disposable_email": 60})


def signed_up(at: str = "10:00", **told: Any) -> Outline:
    return claimed(Action.SIGNUP, "AMY", at, **({"event_id": "claim"} | told))


def suspect(at: str = "10:00", **told: Any) -> Outline:
    """A signup that is held under `SUSPECTS_TYPED`."""
    return signed_up(at, email_disposable=True, email_hash="e", **told)


def bought(order: str, paid: float = 100, *, at: str = "11:00", **told: Any) -> Outline:
    money = {"amount_micros": round(paid * UNIT), "currency": "USD"}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(money | told))


def paid_back(order: str, amount: float | None = None, *, at: str = "12:00") -> Outline:
    money = None if amount is None else round(amount * UNIT)
    return claimed(Action.REFUND, "AMY", at, order_id=order, amount_micros=money)


def programme(policy: Policy = Policy(), **rules: Any) -> Scenario:  # noqa: B008 - it is frozen
    """Orders ask for no place, so that stories stay short: see `test_reward_orders`."""
    by_user = msgspec.structs.replace(policy, order_ids=OrderIds.USER)
    return given(campaign(policy=policy_text(by_user), **rules), code("AMY"))


def on_purchase(**policy: Any) -> Scenario:
    return programme(Policy(**policy), trigger=Trigger.FIRST_PURCHASE)


def only_referee(policy: Policy = Policy(), **rules: Any) -> Scenario:  # noqa: B008 - it is frozen
    return programme(policy, referrer_reward_micros=0, **rules)


def both(entry: Any, *reasons: str, **told: Any) -> tuple[Outline, ...]:
    made = [entry(role, "AMY", *reasons, **told) for role in BOTH]
    return tuple(one for each in made for one in (each if isinstance(each, tuple) else (each,)))


def both_granted(**told: Any) -> tuple[Outline, ...]:
    return tuple(
        one for role in BOTH for one in (granted(role, "AMY", **told), to_fulfil(role, "AMY"))
    )


def entries(story: Scenario) -> list[RewardDecided]:
    return [one for one in story.followed if isinstance(one, RewardDecided)]


def balance(story: Scenario) -> int:
    return sum(map(effect, entries(story)))


# Holds.


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
        {"reason": "disposable_email", "weight": 60, "figures": {"email": "e"}}
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


# Fulfilment.


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


# Taken back.


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


def test_a_refund_of_a_held_reward_rejects_it() -> None:
    story = on_purchase(hold_for=DAY).given(bought("o1"))
    story.when(paid_back("o1")).then(
        *both(rejected, Reason.REFUNDED, Reason.HOLDING_PERIOD, order_id="o1")
    )
    story.when(tick("9d 00:00")).then_nothing()


def test_a_campaign_may_keep_rewards_whatever_is_refunded() -> None:
    story = on_purchase(on_refund=OnRefund.KEEP).given(bought("o1"))
    story.when(paid_back("o1")).then_nothing()


def test_proportional_refunds_add_up_to_the_grant_exactly() -> None:
    """Ten dollars for an order of three, paid back by thirds: no third of ten is whole cents."""
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 3))
    parts = []
    for minute, reason in ((1, "partly_refunded"), (2, "partly_refunded"), (3, "refunded")):
        story.when(paid_back("o1", 1, at=f"12:0{minute}"))
        story.then(*both(taken_from, reasons=[reason]))
        parts.append(entries(story)[0].value_micros)
    assert parts == [3_330_000, 3_340_000, 3_330_000]
    story.when(paid_back("o1", 1, at="12:09")).then_nothing()


def test_proportional_refunds_never_take_more_than_the_grant() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 100))
    story.when(paid_back("o1", 30)).then(*both(taken_from, value_micros=3 * UNIT))
    story.when(paid_back("o1", 1_000, at="12:01")).then(
        *both(taken_from, value_micros=7 * UNIT, reasons=[Reason.REFUNDED])
    )
    story.when(paid_back("o1", at="12:02")).then_nothing()


def test_a_refund_too_small_to_matter_takes_nothing() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1"), paid_back("o1", 30))
    story.when(paid_back("o1", 0.000001, at="12:30")).then_nothing()


def test_the_refund_of_a_free_order_takes_everything() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 0))
    story.when(paid_back("o1")).then(*both(taken_from, reasons=[Reason.REFUNDED]))


def test_the_effects_of_all_entries_are_what_a_reward_is_worth() -> None:
    story = only_referee(on_refund_in_parts(), trigger=Trigger.FIRST_PURCHASE)
    steps: list[tuple[Any, float]] = [
        (bought("o1"), 10),
        (paid_back("o1", 30, at="12:00"), 7),
        (reported(REFEREE, "12:01", outcome="failed", action="purchase:o1"), 0),
        (paid_back("o1", 20, at="12:02"), 0),
        (reviewed("approve", "12:03"), 5),
        (reported(REFEREE, "12:04", action="purchase:o1"), 5),
        (paid_back("o1", 49, at="12:05"), 0.1),
        (reviewed("reverse", "12:06"), 0),
    ]
    total = 0
    for step, worth in steps:
        total += balance(story.when(step))
        assert total == round(worth * UNIT), step


def on_refund_in_parts() -> Policy:
    return Policy(on_refund=OnRefund.PROPORTIONAL)


def test_a_part_paid_back_while_a_reward_is_held_is_left_out_of_the_grant() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL, hold_for=DAY).given(bought("o1", 100))
    story.when(paid_back("o1", 25)).then_nothing()
    story.when(tick("1d 11:00")).then(*both_granted(value_micros=7_500_000))
    story.when(paid_back("o1", at="1d 12:00")).then(
        *both(taken_from, value_micros=7_500_000, reasons=[Reason.REFUNDED])
    )


def test_a_clawback_after_fulfilment_is_bound_to_the_grant() -> None:
    story = on_purchase().when(bought("o1"))
    grant = story.followed[2].event_id
    story.given(reported(REFEREE, "11:30", action="purchase:o1"))
    story.when(paid_back("o1")).then(
        *taken_from(REFERRER, "AMY", clawback_micros=None),
        reversed_reward(REFEREE, "AMY", supersedes=grant, clawback_micros=10 * UNIT),
    )


# Time.


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


# Which purchase earns, and how often.


def test_the_nth_purchase_earns() -> None:
    story = programme(Policy(trigger_count=3), trigger=Trigger.NTH_PURCHASE)
    story.when(bought("o1"), bought("o2"), bought("o2"), bought("o1")).then_nothing()
    story.when(bought("o3")).then(*both_granted(action="nth_purchase:1", order_id="o3"))
    story.when(bought("o4"), bought("o5"), bought("o6")).then_nothing()


def test_purchases_that_were_paid_back_are_not_counted() -> None:
    story = programme(Policy(trigger_count=2), trigger=Trigger.NTH_PURCHASE)
    story.given(bought("o1"), paid_back("o1")).when(bought("o2")).then_nothing()
    story.when(bought("o3")).then(*both_granted())
    story.when(paid_back("o2")).then(*both(taken_from))


def test_purchases_below_the_minimum_are_not_counted() -> None:
    story = programme(
        Policy(trigger_count=2), trigger=Trigger.NTH_PURCHASE, minimum_amount_micros=50 * UNIT
    )
    story.when(bought("o1", 49), bought("o2", 50)).then_nothing()
    story.when(bought("o3", 51)).then(*both_granted())


def amount_reached(**policy: Any) -> Scenario:
    return programme(
        Policy(**policy), trigger=Trigger.AMOUNT_REACHED, minimum_amount_micros=100 * UNIT
    )


def test_purchases_that_add_up_to_the_amount_earn() -> None:
    story = amount_reached()
    story.when(bought("o1", 60), bought("o2", 39.999999)).then_nothing()
    story.when(bought("o3", 0.000001)).then(*both_granted(action="amount_reached:1"))
    story.when(paid_back("o2", 0.000001)).then(*both(taken_from))


def test_what_was_paid_back_or_is_rejected_for_its_currency_does_not_add_up() -> None:
    story = amount_reached().given(bought("o1", 90), paid_back("o1", 50))
    story.when(bought("o2", 500, currency="EUR")).then(
        *both(rejected, Reason.CURRENCY_MISMATCH, action="purchase:o2", order_id="o2")
    )
    story.when(bought("o3", 59)).then_nothing()
    story.when(bought("o4", 1)).then(*both_granted(action="amount_reached:1"))


def test_an_amount_reached_is_reversed_as_a_whole_also_where_refunds_take_parts() -> None:
    story = amount_reached(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 60))
    story.given(bought("o2", 40)).when(paid_back("o1", 30))
    story.then(*both(taken_from, value_micros=10 * UNIT, reasons=[Reason.REFUNDED]))


def test_so_many_orders_earn_as_the_policy_says_and_one_paid_back_leaves_its_turn() -> None:
    story = on_purchase(repeats=3)
    story.when(bought("o1")).then(*both_granted(action="purchase:o1"))
    story.when(bought("o1")).then_nothing()
    story.when(bought("o2")).then(*both_granted(action="purchase:o2", order_id="o2"))
    story.when(paid_back("o2")).then(*both(taken_from, action="purchase:o2"))
    story.when(bought("o2")).then_nothing()
    story.when(bought("o3")).then(*both_granted(action="purchase:o3"))
    story.when(bought("o4")).then(*both_granted(action="purchase:o4"))
    story.when(bought("o5")).then_nothing()
    story.when(paid_back("o1")).then(
        *both(taken_from, action="purchase:o1"), *both_granted(action="purchase:o5")
    )


def test_without_a_limit_300_purchases_earn_and_none_ever_twice_in_cells_that_do_not_grow() -> None:
    story = on_purchase(repeats=0)
    orders = [
        bought(f"o{nth}").but(event_time=moment("11:00") + nth * HOUR, event_id=f"c{nth}")
        for nth in range(300)
    ]
    sizes = set()
    for order in orders:
        story.when(order)
        assert len(story.followed) == 4
        sizes.add(len(msgspec.msgpack.encode(story.states["reward/AMY:u1"])))
    for order in orders:
        story.when(order).then_nothing()
    assert max(sizes) < 64
    assert story.states["reward/AMY"].users == 1


def test_a_rejected_signup_uses_nothing_up_under_a_later_version_that_pays_for_purchases() -> None:
    story = programme(version=2, effective_from=moment("10:30"), trigger=Trigger.FIRST_PURCHASE)
    story.given(campaign(ends_at=moment("09:00")))
    story.when(signed_up()).then(*both(rejected, Reason.CAMPAIGN_NOT_RUNNING))
    story.when(bought("o1")).then(*both_granted(action="purchase:o1"))


def test_a_rejected_order_is_not_judged_again_when_it_comes_again() -> None:
    story = programme(Policy(repeats=0), trigger=Trigger.FIRST_PURCHASE, minimum_amount_micros=UNIT)
    story.when(bought("o1", currency="EUR")).then(*both(rejected, Reason.CURRENCY_MISMATCH))
    story.when(bought("o1", currency="EUR")).then_nothing()
    story.when(bought("o2")).then(*both_granted(action="purchase:o2"))


# Evidence that is under way.


def test_a_claim_waits_for_its_evidence() -> None:
    story = programme().when(signed_up(checks=["ip", "device"])).then_nothing()
    story.when(signal_checked("ip", of="claim")).then_nothing()
    story.when(signal_checked("ip", of="claim"), signal_checked("pair", of="claim")).then_nothing()
    story.when(signal_checked("device", of="other")).then_nothing()
    story.when(signal_checked("device", of="claim")).then(
        *both_granted(event_time=moment("10:00"), cause_event_id="claim", cause_offset=0)
    )
    story.when(signal_checked("device", of="claim"), signed_up(checks=["ip"])).then_nothing()


def test_a_claim_that_waits_already_is_not_queued_twice() -> None:
    story = programme().given(signed_up(checks=["ip"]))
    states = dict(story.states)
    story.when(signed_up(checks=["ip"])).then_nothing()
    assert story.states == states


def test_a_claim_does_not_wait_for_what_is_asked_about_a_later_one() -> None:
    story = on_purchase(repeats=2).given(
        bought("o1", event_id="first", checks=["ip"]),
        bought("o2", event_id="second", checks=["ip"]),
    )
    story.when(signal_checked("ip", of="first")).then(*both_granted(order_id="o1"))
    story.when(signal_checked("ip", of="second")).then(*both_granted(order_id="o2"))


def test_what_the_evidence_says_decides() -> None:
    story = programme().given(signed_up(checks=["device"]))
    story.when(signal_checked("device", of="claim", day=3, month=4))
    assert {one.status for one in entries(story)} <= {"held", "rejected"}
    evidence = json.loads(entries(story)[0].evidence or "")
    assert {one["reason"]: one["figures"]["users"] for one in evidence} == {
        "users_per_device_24h": 3,
        "users_per_device_30d": 4,
    }


def test_refunds_and_other_claims_of_the_user_do_not_overtake_one_that_waits() -> None:
    story = on_purchase().given(bought("o1", checks=["ip"], event_id="claim"))
    story.when(paid_back("o1"), bought("o2"), reviewed("approve", "12:00")).then(
        refused("unknown_reward")
    )
    story.when(signal_checked("ip", of="claim")).then(
        *both_granted(order_id="o1"),
        *both(taken_from, order_id="o1"),
        *both_granted(order_id="o2"),
    )


def test_a_purchase_waits_for_what_is_asked_about_the_signup_and_knows_it() -> None:
    story = on_purchase().given(signed_up(checks=["device"]))
    story.when(bought("o1")).then_nothing()
    story.when(signal_checked("device", of="claim", day=9, month=9))
    reasons = {reason for one in entries(story) for reason in one.reasons}
    assert "users_per_device_24h" in reasons


def test_evidence_about_a_later_claim_says_nothing_about_an_earlier_one() -> None:
    story = on_purchase(repeats=2).given(
        bought("o1", event_id="first", checks=["ip"]),
        bought("o2", event_id="second", checks=["device"]),
        signal_checked("device", of="second", day=99, month=99),
    )
    story.when(signal_checked("ip", of="first"))
    statuses = [(one.order_id, one.status) for one in entries(story)]
    assert statuses[:2] == [("o1", "granted")] * 2
    assert [order for order, _ in statuses[2:]] == ["o2"] * 2
    assert {status for _, status in statuses[2:]} <= {"held", "rejected"}


def test_where_nothing_can_be_earned_any_more_nothing_is_waited_for() -> None:
    story = programme().given(signed_up())
    states = dict(story.states)
    story.when(signed_up("11:00", event_id="again", checks=["ip"])).then_nothing()
    story.when(signal_checked("ip", of="again")).then_nothing()
    assert story.states == states


def test_a_claim_under_an_unknown_code_waits_for_its_checks_and_is_rejected() -> None:
    story = given(campaign()).when(signed_up(checks=["ip"], basis=Basis.TYPED_CODE)).then_nothing()
    story.when(signal_checked("ip", of="claim")).then(rejected(REFEREE, "AMY", Reason.UNKNOWN_CODE))
