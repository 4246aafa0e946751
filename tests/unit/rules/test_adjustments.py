"""Adjustments by hand: credits and debits, once each, and a second person's approval."""

from typing import Any

import msgspec
import pytest
from support.reward_lives import (
    UNIT,
    balance,
    both_granted,
    bought,
    entries,
    on_purchase,
    paid_back,
    programme,
    signed_up,
)

from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.external_inputs import FulfilmentReported, Ticked
from reftrail.contracts.policy import Adjustments, Policy, policy_text
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REWARDS,
    TICKS,
)
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import (
    MemoryHost,
    Scenario,
    adjusted,
    adjustment,
    adjustment_decided,
    campaign,
    code,
    failed,
    fulfilled,
    given,
    held,
    milestone,
    moment,
    refused,
    rejected,
    reported,
    reviewed,
    signup,
    tick,
    to_fulfil,
    users_merged,
)
from reftrail.testing.outlines import USER

ABOVE_100 = Policy(adjustments=Adjustments(approval_above_micros=100 * UNIT))
OF_ORDER = reward_id("AMY", USER, "purchase:O1", "referrer")


def supervised() -> Scenario:
    """A programme whose adjustments of more than 100 dollars need a second person."""
    return programme(ABOVE_100)


def test_a_credit_is_an_entry_of_its_own() -> None:
    story = programme().when(adjustment(5, "12:00", order_id="O1"))
    story.then(
        adjusted(
            "referrer",
            "AMY",
            "goodwill",
            beneficiary="owner",
            action="adjustment:A1",
            reward_id=reward_id("AMY", USER, "adjustment:A1", "referrer"),
            value_micros=5 * UNIT,
            currency="USD",
            kind="credit",
            order_id="O1",
            event_time=moment("12:00"),
            action_time=moment("12:00"),
            action_event_id="adjustment A1 12:00",
            supersedes=None,
            qualifies=None,
        ),
        to_fulfil("referrer", "AMY", action="adjustment:A1", value_micros=5 * UNIT),
    )
    assert balance(story) == 5 * UNIT


def test_a_credit_is_fulfilled_once_it_was_delivered() -> None:
    story = programme().given(adjustment(5, "12:00"))
    delivered = reported("referrer", "13:00", action="adjustment:A1", its_action="adjustment:A1")
    story.when(delivered).then(
        fulfilled("referrer", "AMY", action="adjustment:A1", value_micros=5 * UNIT, reasons=[])
    )
    assert balance(story) == 0, "a delivery changes nothing"
    story.when(delivered).then_nothing()
    again = msgspec.structs.replace(delivered, event_id="again")
    story.when(again).then_nothing()


@pytest.mark.parametrize(
    ("of", "units", "outcome", "reason"),
    [
        ("A1", -5, "failed", "not_allowed"),
        ("A1", -5, "delivered", "not_allowed"),
        ("A1", 5, "pending", "not_allowed"),
        ("A2", 5, "delivered", "unknown_reward"),
    ],
)
def test_no_other_report_changes_it(of: str, units: float, outcome: str, reason: str) -> None:
    story = programme().given(adjustment(units, "12:00"))
    action = f"adjustment:{of}"
    report = reported("referrer", "13:00", outcome=outcome, action=action, its_action=action)
    story.when(report).then(refused(reason))


def about_a1(at: str, outcome: str) -> FulfilmentReported:
    action = "adjustment:A1"
    given = {"action": action, "its_action": action, "event_id": f"{outcome} {at}"}
    return reported("referrer", at, outcome=outcome, **given)


def test_a_credit_that_was_not_delivered_leaves_the_balance_until_it_is_tried_again() -> None:
    story = programme().given(adjustment(5, "12:00"))
    story.when(about_a1("13:00", "failed")).then(
        failed("referrer", "AMY", reasons=["not_delivered"], value_micros=5 * UNIT)
    )
    failure = story.followed[0].event_id
    assert balance(story) == -5 * UNIT
    story.when(about_a1("13:01", "failed")).then_nothing()
    again = adjustment_decided("retry", "14:00", actor="ann")
    story.when(again).then(
        adjusted("referrer", "AMY", "tried_again", "goodwill", supersedes=failure),
        to_fulfil(
            "referrer",
            "AMY",
            reward_id=reward_id("AMY", USER, "adjustment:A1", "referrer"),
            value_micros=5 * UNIT,
        ),
    )
    assert balance(story) == 5 * UNIT
    story.when(again).then_nothing()
    story.when(adjustment_decided("retry", "15:00")).then(refused("not_allowed"))
    story.when(about_a1("16:00", "failed")).then(failed("referrer", "AMY"))
    story.when(adjustment_decided("retry", "17:00")).then(
        adjusted("referrer", "AMY", "tried_again", "goodwill"), to_fulfil("referrer", "AMY")
    )
    story.when(about_a1("18:00", "delivered")).then(fulfilled("referrer", "AMY"))
    story.when(about_a1("19:00", "failed")).then(refused("not_allowed"))


def test_a_credit_that_was_delivered_after_all_is_not_ordered_again() -> None:
    story = programme().given(adjustment(5, "12:00"), about_a1("13:00", "failed"))
    story.when(about_a1("14:00", "delivered")).then(
        adjusted("referrer", "AMY", "delivered_in_time", "goodwill"), fulfilled("referrer", "AMY")
    )
    assert balance(story) == 5 * UNIT
    story.when(adjustment_decided("retry", "15:00")).then(refused("not_allowed"))


def test_what_waits_or_is_booked_is_not_tried_again() -> None:
    story = supervised().given(adjustment(500, "12:00"), adjustment(-5, "12:01", of="A2"))
    story.when(adjustment_decided("retry", "13:00")).then(refused("not_allowed"))
    story.when(adjustment_decided("retry", "13:00", of="A2")).then(refused("not_allowed"))
    story.when(adjustment_decided("retry", "13:00", of="A3")).then(refused("unknown_adjustment"))


def test_a_credit_of_an_article_is_booked_alone() -> None:
    story = programme().when(adjustment(5, "12:00", kind="shipment"))
    story.then(adjusted("referrer", "AMY", "goodwill", kind="shipment"))


def test_a_debit_takes_away_and_orders_nothing() -> None:
    story = programme().when(adjustment(-5, "12:00", role="referee", reason="error"))
    story.then(adjusted("referee", "AMY", "error", beneficiary=USER, value_micros=-5 * UNIT))
    assert balance(story) == -5 * UNIT


def test_the_same_adjustment_counts_once() -> None:
    story = programme().given(adjustment(5, "12:00"))
    story.when(adjustment(5, "12:00")).then_nothing()
    story.when(adjustment(5, "13:00")).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        {"value_micros": 6 * UNIT},
        {"role": "referee"},
        {"currency": "EUR"},
        {"reason": "error"},
        {"actor": "bob"},
        {"note": "as asked"},
        {"order_id": "O2"},
    ],
)
def test_the_same_id_with_other_content_is_refused(other: dict[str, Any]) -> None:
    story = programme().given(adjustment(5, "12:00"))
    again = msgspec.structs.replace(adjustment(5, "13:00"), **other)
    story.when(again).then(refused("adjustment_differs"))
    story.when(adjustment(5, "14:00")).then_nothing()


def test_each_referral_has_ids_of_its_own() -> None:
    story = programme().given(adjustment(5, "12:00"))
    story.when(adjustment(6, "13:00", user_id="another"))
    assert balance(story) == 6 * UNIT


def test_an_adjustment_of_a_reward_is_its_beneficiarys() -> None:
    story = on_purchase().given(bought("O1"))
    story.when(adjustment(-3, "12:00", role=None, reward_id=OF_ORDER)).then(
        adjusted(
            "referrer",
            "AMY",
            "goodwill",
            beneficiary="owner",
            order_id="O1",
            value_micros=-3 * UNIT,
            campaign_version=1,
        )
    )


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"reward_id": "none"}, "unknown_reward", "no such reward"),
        ({"reward_id": OF_ORDER, "role": "referee"}, "not_allowed", "role of the reward"),
        ({"reward_id": OF_ORDER, "currency": "EUR"}, "not_allowed", "currency of the reward"),
        ({"reward_id": OF_ORDER, "order_id": "O2"}, "not_allowed", "order of the reward"),
        ({"reward_id": OF_ORDER, "kind": "cash"}, "not_allowed", "kind of the reward"),
        ({"role": None}, "not_allowed", "say who gets it"),
        ({"role": "milestone"}, "not_allowed", "say who gets it"),
        ({"value_micros": 0}, "not_allowed", "nothing"),
        ({"code": "BOB"}, "unknown_code", "isn't registered"),
    ],
)
def test_what_cannot_be_booked_is_refused_and_may_come_again(
    fields: dict[str, Any], reason: str, detail: str
) -> None:
    story = on_purchase().given(bought("O1"))
    story.when(msgspec.structs.replace(adjustment(5, "12:00"), **fields))
    (refusal,) = story.followed
    assert (refusal.reason, detail in refusal.detail) == (reason, True)  # type: ignore[attr-defined]
    story.when(adjustment(5, "13:00"))
    assert balance(story) == 5 * UNIT


def test_nobody_is_credited_where_a_code_has_no_owner() -> None:
    story = given(campaign(), code("AMY", owner=None))
    story.when(adjustment(5, "12:00")).then(refused("not_allowed"))
    story.when(adjustment(5, "12:00", role="referee")).then(
        adjusted("referee", "AMY", "goodwill"), to_fulfil("referee", "AMY")
    )


def test_a_code_without_a_campaign_in_force_is_adjusted_without_approval() -> None:
    story = given(code("AMY")).when(adjustment(500, "12:00", kind="cash"))
    story.then(
        adjusted("referrer", "AMY", "goodwill", kind="cash", campaign_version=0),
        to_fulfil("referrer", "AMY", kind="cash"),
    )


def test_a_word_that_the_ledger_has_is_no_reason_of_its_entry() -> None:
    story = programme().when(adjustment(5, "12:00", reason="partly_refunded"))
    story.then(adjusted("referrer", "AMY"), to_fulfil("referrer", "AMY"))


def test_up_to_the_amount_no_approval_is_needed() -> None:
    host = adjusting(adjustment(100, "12:00"), adjustment(-100, "12:01", of="A2"))
    assert statuses(host) == {"A1": "adjusted", "A2": "adjusted"}


def adjusting(*records: Record, window: Millis = 30 * DAY, partitions: int = 3) -> MemoryHost:
    """A host with the adjustments of a supervised programme, whose codes have one owner."""
    settings = Adjustments(approval_above_micros=100 * UNIT, approval_window=window)
    host = MemoryHost(partitions=partitions)
    host.publish(CAMPAIGNS, campaign(policy=policy_text(Policy(adjustments=settings))))
    host.publish(CODES, *(code(name, owner="amy") for name in ("AMY", "BOB")))
    for record in records:
        host.publish(TICKS if isinstance(record, Ticked) else ADJUSTMENTS, record)
        host.run()
    return host


def statuses(host: MemoryHost) -> dict[str, str]:
    """The status of each adjustment, by its id."""
    entries = (entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided))
    return {entry.action.partition(":")[2]: entry.status for entry in entries}


def test_small_credits_of_one_beneficiary_add_up() -> None:
    host = adjusting(
        adjustment(60, "12:00", of="A1"),
        adjustment(40, "13:00", of="A2", code="BOB", user_id="another", actor="bea"),
        adjustment(-40, "13:30", of="D1"),
        adjustment(30, "14:00", of="E1", role="referee"),
        adjustment(0.01, "15:00", of="A3"),
        adjustment(0.01, "15:00", of="A3"),
        adjustment_decided("approve", "16:00", of="A3", actor="ann"),
    )
    assert statuses(host) == {
        "A1": "adjusted",
        "A2": "adjusted",
        "D1": "adjusted",
        "E1": "adjusted",
        "A3": "held",
    }
    *_, waits = host.log(REWARDS)
    assert isinstance(waits, RewardDecided)
    assert waits.reasons == ["needs_approval", "added_up", "goodwill"]
    assert waits.evidence is not None
    assert '"figures":{"above_micros":100000000,"within_days":30}' in waits.evidence
    host.publish(ADJUSTMENTS, adjustment_decided("approve", "17:00", of="A3", actor="bea"))
    host.run()
    assert statuses(host)["A3"] == "adjusted"


def test_what_another_person_approved_does_not_add_up() -> None:
    host = adjusting(
        adjustment(500, "12:00", of="A1"),
        adjustment_decided("approve", "13:00", of="A1"),
        adjustment(100, "14:00", of="A2"),
        adjustment(1, "15:00", of="A3"),
    )
    assert statuses(host) == {"A1": "adjusted", "A2": "adjusted", "A3": "held"}


def test_what_is_older_than_the_window_adds_up_no_longer() -> None:
    late = adjustment(100, "30d 23:59", of="A2")
    assert statuses(adjusting(adjustment(100, "12:00"), late))["A2"] == "held"
    later = adjustment(100, "31d 00:00", of="A2")
    assert statuses(adjusting(adjustment(100, "12:00"), later))["A2"] == "adjusted"
    alone = adjusting(adjustment(100, "12:00"), adjustment(100, "13:00", of="A2"), window=0)
    assert statuses(alone)["A2"] == "adjusted"


def test_the_sums_are_forgotten_by_ticks() -> None:
    (stage,) = (stage for stage in TOPOLOGY if stage.name == "limits")
    for at, is_kept in (("30d 12:00", True), ("31d 12:00", False)):
        host = adjusting(adjustment(100, "12:00"), tick(at), partitions=1)
        assert bool(host.states(stage)) is is_kept


@pytest.mark.parametrize("units", [100.01, -100.01])
def test_above_the_amount_it_is_held_until_another_person_approves(units: float) -> None:
    story = supervised().when(adjustment(units, "12:00"))
    story.then(
        held("referrer", "AMY", "needs_approval", "goodwill", action="adjustment:A1", due_at=None)
    )
    assert balance(story) == 0
    (waits,) = story.followed
    story.when(adjustment_decided("approve", "13:00")).then(
        adjusted(
            "referrer",
            "AMY",
            "approved",
            "goodwill",
            value_micros=round(units * UNIT),
            supersedes=waits.event_id,
            event_time=moment("13:00"),
            action_time=moment("12:00"),
        ),
        *([to_fulfil("referrer", "AMY")] if units > 0 else []),
    )
    story.when(adjustment_decided("approve", "13:00")).then_nothing()
    story.when(adjustment_decided("approve", "14:00")).then(refused("not_allowed"))
    story.when(adjustment_decided("decline", "15:00")).then(refused("not_allowed"))
    story.when(adjustment(units, "16:00")).then_nothing()


def test_another_currency_than_the_amounts_needs_approval() -> None:
    supervised().when(adjustment(1, "12:00", currency="EUR")).then(
        held("referrer", "AMY", "needs_approval", "goodwill", currency="EUR")
    )


def test_who_asked_may_withdraw_but_not_approve() -> None:
    story = supervised().given(adjustment(500, "12:00"))
    story.when(adjustment_decided("approve", "13:00", actor=" Ann ")).then(refused("not_allowed"))
    story.when(adjustment_decided("decline", "14:00", actor="ann")).then(
        rejected("referrer", "AMY", "declined", "goodwill", value_micros=500 * UNIT)
    )
    assert balance(story) == 0
    story.when(adjustment_decided("approve", "15:00")).then(refused("not_allowed"))


@pytest.mark.parametrize(
    "spelt", ["Ann  Smith", "ANN\u00a0SMITH", "annsmith", "\uff41nn smith", " ann smith "]
)
def test_another_spelling_of_a_name_is_no_other_person(spelt: str) -> None:
    story = supervised().given(adjustment(500, "12:00", actor="ann smith"))
    story.when(adjustment_decided("approve", "13:00", actor=spelt)).then(refused("not_allowed"))
    assert balance(story) == 0


def test_a_decision_about_nothing_is_refused() -> None:
    story = supervised().when(adjustment_decided("approve", "13:00"))
    story.then(refused("unknown_adjustment"))
    story.given(adjustment(500, "14:00"))
    story.when(adjustment_decided("perhaps", "15:00")).then(refused("not_allowed"))


def test_an_approval_books_what_was_held_whoever_owns_the_code_by_then() -> None:
    story = supervised().given(adjustment(500, "12:00"), code("AMY", owner="somebody", revision=2))
    story.when(adjustment_decided("approve", "13:00")).then(
        adjusted("referrer", "AMY", "approved", "goodwill", beneficiary="owner"),
        to_fulfil("referrer", "AMY", beneficiary="owner"),
    )


def test_reviews_refunds_and_lost_milestones_leave_it_as_it_is() -> None:
    story = on_purchase().given(bought("O1"), adjustment(5, "11:30", order_id="O1"))
    story.when(reviewed("reverse", "12:00"))
    assert {entry.action for entry in entries(story)} == {"purchase:O1"}
    story = on_purchase().given(bought("O1"), adjustment(5, "11:30", order_id="O1"))
    story.when(paid_back("O1"))
    assert balance(story) == -20 * UNIT
    story.when(milestone("gold", 1, reached=False)).then_nothing()


def test_it_takes_no_place_of_an_order_that_earns() -> None:
    story = on_purchase(repeats=1).given(adjustment(5, "10:30", order_id="O1"))
    story.when(bought("O1"))
    assert balance(story) == 20 * UNIT


def test_a_signup_earns_after_an_adjustment_of_its_user() -> None:
    programme(trigger=Trigger.SIGNUP).given(adjustment(5, "09:00")).when(signed_up()).then(
        *both_granted()
    )


def test_a_user_who_was_merged_away_is_not_adjusted() -> None:
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign())
    host.publish(CODES, code("AMY"))
    for at, user in (("10:00", "account"), ("11:00", "guest")):
        whose = {"user_id": user, "visitor_id": user, "event_id": f"signup {user}"}
        host.publish(EVENTS, signup(at, typed="AMY", **whose))
        host.run()
    host.publish(EVENTS, users_merged("guest", "account", "12:00"))
    host.run()
    for user in ("guest", "account"):
        host.publish(ADJUSTMENTS, adjustment(5, "13:00", of=user, user_id=user, role="referee"))
    host.run()
    adjusted_users = [
        entry.user_id
        for entry in host.log(REWARDS)
        if isinstance(entry, RewardDecided) and entry.status == "adjusted"
    ]
    assert adjusted_users == ["account"]
    (letter,) = host.log(DEAD_LETTERS)
    assert isinstance(letter, DeadLettered)
    assert (letter.reason, "merged into another" in (letter.detail or "")) == ("not_allowed", True)
