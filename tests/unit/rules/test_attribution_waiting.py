"""Purchases and refunds: they claim, or wait for a decision."""

from typing import Any

import msgspec
from support.attributing import (
    bought,
    paid_back,
    signed_up,
    signed_up_by_touch,
)

from reftrail.contracts.decisions import Action, Basis
from reftrail.contracts.policy import Policy, policy_text
from reftrail.rules.attribution.state import AttributionState
from reftrail.rules.attribution.waiting import KeptAction
from reftrail.testing import (
    Scenario,
    attributed,
    campaign,
    claimed,
    given,
    late_touch,
    moment,
    order_asked,
    refused,
    tick,
)


def kept(story: Scenario) -> dict[str, Any]:
    """The states of a host: cells that aren't empty, but for those kept for a merge."""
    return {
        key: cell
        for key, cell in story.states.items()
        if cell != type(cell)() and not isinstance(cell, KeptAction)
    }


def test_a_purchase_by_an_attributed_user_claims_whenever_it_is_reported() -> None:
    """The reward stage knows orders for ever; here they are kept for a merge only."""
    story = given(signed_up_by_touch())
    first = claimed(
        Action.PURCHASE,
        "AMY",
        at="11:00",
        order_id="o1",
        amount_micros=5,
        currency="USD",
        action_event_id="purchase o1 11:00",
        visitor_id="v1",
        ip_hash="i",
    )
    again = first.but(event_time=moment("11:01"), action_event_id="purchase o1 11:01", ip_hash=None)
    purchase = bought("o1", at="11:00", ip_hash="i")
    story.when(purchase, bought("o1", at="11:01")).then(first, again)
    ids = [record.event_id for record in story.followed]
    assert len(set(ids)) == 2
    story.when(purchase).then(first)
    assert story.followed[0].event_id == ids[0]
    assert kept(story).keys() == {"attribution/u1"}


def test_each_refund_claims_and_again_under_the_same_id() -> None:
    story = given(signed_up_by_touch()).when(
        paid_back("o1", at="11:00", amount_micros=1),
        paid_back("o1", at="11:05"),
        paid_back("o1", at="11:00", amount_micros=1),
    )
    story.then(
        claimed(Action.REFUND, "AMY", at="11:00", order_id="o1", amount_micros=1),
        claimed(Action.REFUND, "AMY", at="11:05", order_id="o1", amount_micros=None),
        claimed(Action.REFUND, "AMY", at="11:00", order_id="o1", amount_micros=1),
    )
    first, second, third = (record.event_id for record in story.followed)
    assert first == third != second


def test_a_user_who_never_signs_up_claims_nothing() -> None:
    given().when(bought("o1", at="11:00"), paid_back("o1", at="11:05")).then(order_asked("o1"))


def test_a_user_without_a_referrer_claims_nothing() -> None:
    given(signed_up()).when(bought("o1", at="11:00")).then_nothing()


def test_what_came_before_the_signup_claims_after_it_refunds_first_then_by_time() -> None:
    (
        given(
            paid_back("o1", at="11:00"),
            bought("o2", at="09:45"),
            bought("o1", at="09:30"),
            bought("o1", at="09:31"),
        )
        .when(signed_up_by_touch(touch="09:00"))
        .then(
            attributed("AMY"),
            claimed(Action.SIGNUP, "AMY", at="10:00"),
            claimed(Action.REFUND, "AMY", at="11:00", order_id="o1"),
            claimed(Action.PURCHASE, "AMY", at="09:30", order_id="o1"),
            claimed(Action.PURCHASE, "AMY", at="09:31", order_id="o1"),
            claimed(Action.PURCHASE, "AMY", at="09:45", order_id="o2"),
        )
    )


def test_a_purchase_from_before_the_touch_never_claims_whenever_it_comes_in() -> None:
    (
        given(bought("o1", at="08:59:59.999"))
        .when(signed_up_by_touch(touch="09:00"))
        .then(attributed("AMY"), claimed(Action.SIGNUP, "AMY", at="10:00"))
        .when(bought("o2", at="08:59:59.999"))
        .then_nothing()
        .when(bought("o3", at="09:00"))
        .then(claimed(Action.PURCHASE, "AMY", at="09:00", order_id="o3"))
    )


def test_a_purchase_claims_from_15_minutes_before_a_typed_code_s_signup_on() -> None:
    (
        given(bought("o0", at="09:44:59.999"), bought("o1", at="09:45"))
        .when(signed_up(typed_code="BOB"))
        .then(
            attributed("BOB", Basis.TYPED_CODE),
            claimed(Action.SIGNUP, "BOB", at="10:00", basis=Basis.TYPED_CODE),
            claimed(Action.PURCHASE, "BOB", at="09:45", order_id="o1"),
        )
    )


def test_how_long_before_the_signup_a_purchase_claims_is_said_by_the_campaign() -> None:
    at_once = policy_text(Policy(checkout_tolerance=0))
    typed = signed_up(typed_code="BOB", typed_campaign_id="spring")
    story = given(campaign(policy=at_once), bought("o1", at="09:59:59.999")).when(typed)
    assert [getattr(record, "action", None) for record in story.followed] == [None, Action.SIGNUP]


def test_what_waits_for_a_late_touch_claims_with_it() -> None:
    (
        given(signed_up(), bought("o1", at="10:30"))
        .when(late_touch("AMY", at="09:00", arrived="11:00", signed_up="10:00"))
        .then(
            attributed("AMY", Basis.LATE_TOUCH),
            claimed(Action.SIGNUP, "AMY", at="10:00"),
            claimed(Action.PURCHASE, "AMY", at="10:30", order_id="o1"),
        )
    )


def test_however_many_purchases_wait_each_in_a_cell_of_its_own_and_claim_in_their_order() -> None:
    late_first = [bought(f"o{nth}", at=f"11:{nth // 60:02}:{nth % 60:02}") for nth in range(300)]
    story = given()
    for purchase in reversed(late_first):
        story.given(purchase)
        assert len(msgspec.msgpack.encode(story.states["attribution/u1"])) < 64
    story.when(signed_up_by_touch())
    waited = [record for record in story.followed if getattr(record, "order_id", None)]
    assert [record.order_id for record in waited] == [  # type: ignore[attr-defined]
        f"o{nth}" for nth in range(300)
    ]


def test_a_purchase_waits_30_days_from_its_receipt_and_is_then_put_into_the_dead_letters() -> None:
    story = given(bought("o1", at="11:00", received_at=moment("1d 11:00"), country="DE"))
    story.when(tick("31d 10:59:59.999")).then_nothing()
    story.when(tick("31d 11:00")).then(refused("no_signup", event_time=moment("31d 11:00")))
    payload = story.followed[0].payload  # type: ignore[attr-defined]
    assert bought("o1", at="11:00", received_at=moment("1d 11:00"), country="DE").describes(payload)
    story.when(tick("60d 00:00")).then_nothing()
    story.when(signed_up_by_touch()).then(attributed("AMY"), claimed(Action.SIGNUP, "AMY", "10:00"))


def test_of_a_customer_who_never_signed_up_the_time_of_the_first_purchase_is_kept() -> None:
    orders = [bought(f"o{nth}", at=f"{nth}d 11:00") for nth in range(50)]
    story = given(*orders, tick("99d 00:00"))
    left = kept(story)
    assert left == {"attribution/u1": AttributionState(first_purchase_at=moment("0d 11:00"))}
    assert len(msgspec.msgpack.encode(left["attribution/u1"])) < 100


def test_a_refund_that_waited_in_vain_is_remembered_for_a_year_and_then_costs_nothing() -> None:
    story = given(paid_back("o1", at="11:00"), tick("30d 11:00"))
    marks = {key: cell for key, cell in kept(story).items() if ":r:" in key}
    assert list(marks) == ["attribution/u1:r:o1"]
    assert len(msgspec.msgpack.encode(marks["attribution/u1:r:o1"])) < 32
    story.given(tick("359d 11:00"))
    assert [key for key in kept(story) if ":r:" in key]
    story.given(tick("360d 11:00"))
    assert not [key for key in kept(story) if ":" in key]


def test_a_purchase_of_a_user_whom_nobody_referred_is_let_go_without_a_word() -> None:
    story = given(signed_up("10:00"), bought("o1", at="11:00"))
    story.when(tick("30d 11:00")).then_nothing()
    assert not [key for key in kept(story) if ":w:" in key]


def test_what_was_put_back_after_the_signup_claims() -> None:
    story = given(bought("o1", at="11:00"), tick("30d 11:00"), signed_up_by_touch())
    story.when(bought("o1", at="11:00")).then(claimed(Action.PURCHASE, "AMY", at="11:00"))


def test_a_claim_is_called_the_same_whether_its_purchase_waited_or_not() -> None:
    purchase = bought("o1", at="11:00", received_at=moment("11:05"))
    waited = given(purchase).when(signed_up_by_touch()).followed[-1]
    came_after = given(signed_up_by_touch()).when(purchase).followed[-1]
    assert waited.event_id == came_after.event_id
    assert waited.received_at == came_after.received_at == moment("11:05")


def test_of_an_attributed_user_only_the_decision_and_what_claimed_is_kept() -> None:
    early, late = bought("o1", at="08:00"), bought("o2", at="11:00")
    after, before = (
        given(early, late, signed_up_by_touch()),
        given(signed_up_by_touch(), early, late),
    )
    assert kept(after) == kept(before)
    for_a_merge = {key for key, cell in before.states.items() if isinstance(cell, KeptAction)}
    assert for_a_merge == {
        "attribution/u1%:d:purchase o1 08:00",
        "attribution/u1%:d:purchase o2 11:00",
    }
    assert for_a_merge <= after.states.keys()
