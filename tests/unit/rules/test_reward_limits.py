"""Caps and budgets, as the reward stage sees them."""

import json
from typing import Any

from support.reward_limits import REFEREE, REFERRER, UNIT, both, signed_up

from reftrail.contracts.decisions import Action, RewardDecided
from reftrail.contracts.policy import Caps, Fraud, OrderIds, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    claimed,
    code,
    given,
    granted,
    held,
    limits_answered,
    limits_requested,
    milestone,
    moment,
    rejected,
    reviewed,
    to_fulfil,
)

DAY_ONE = moment("10:00") // DAY
SUSPICIOUS = Fraud(weights={"disposable_email": 60})


def bought(order: str, at: str = "11:00", **overrides: Any) -> Outline:
    money = {"amount_micros": 100 * UNIT, "currency": "USD", "event_id": f"claim of {order}"}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(money | overrides))


def capped(*, policy: dict[str, Any] | None = None, **caps: Any) -> Scenario:
    whole = Policy(caps=Caps(**caps), **(policy or {}))
    return given(campaign(policy=policy_text(whole)), code("AMY"))


def on_purchase(**policy: Any) -> Scenario:
    """Orders ask for no place of their own, so that stories stay short."""
    whole = Policy(order_ids=OrderIds.USER, **policy)
    rules = campaign(policy=policy_text(whole), trigger=Trigger.FIRST_PURCHASE)
    return given(rules, code("AMY"))


def both_granted(**overrides: Any) -> tuple[Outline, ...]:
    return tuple(
        record
        for role in (REFERRER, REFEREE)
        for record in (granted(role, "AMY", **overrides), to_fulfil(role, "AMY"))
    )


def users_of(story: Scenario) -> int:
    users: int = story.states["reward/AMY"].users
    return users


def test_a_campaign_caps_how_many_users_a_code_earns_for() -> None:
    story = capped(per_code=2).given(signed_up("u1"), signed_up("u2"))
    story.when(signed_up("u3")).then(*both(rejected, Reason.CAP_PER_CODE))


def test_a_campaign_caps_how_many_users_a_code_earns_for_on_one_day() -> None:
    story = capped(per_code_per_day=1).given(signed_up("u1", at="10:00"))
    story.when(signed_up("u2", at="23:59:59.999")).then(
        *both(rejected, Reason.CAP_PER_CODE_PER_DAY)
    )
    story.when(signed_up("u3", at="1d 00:00")).then(*both_granted())
    story.when(signed_up("u4", at="-1d 23:00")).then(*both_granted())
    assert len([key for key in story.states if key.startswith("reward/AMY::d:")]) == 3


def test_no_day_is_forgotten_however_many_there_were() -> None:
    story = capped(per_code_per_day=1)
    for day in range(400):
        story.given(signed_up(f"u{day}", at=f"{day + 1}d 10:00"))
    story.when(signed_up("late", at="0d 10:00")).then(*both_granted())
    story.when(signed_up("second", at="1d 11:00")).then(
        *both(rejected, Reason.CAP_PER_CODE_PER_DAY)
    )
    story.when(signed_up("new", at="401d 10:00")).then(*both_granted())


def test_what_is_held_takes_a_place_and_gives_it_back_when_rejected() -> None:
    story = capped(per_code=1, per_code_per_day=1, policy={"fraud": SUSPICIOUS})
    story.when(signed_up("u1", email_disposable=True)).then(*both(held, "disposable_email"))
    story.when(signed_up("u2")).then(
        *both(rejected, Reason.CAP_PER_CODE, Reason.CAP_PER_CODE_PER_DAY)
    )
    story.given(reviewed("decline", "11:00"))
    assert users_of(story) == 0
    story.when(signed_up("u3")).then(*both_granted())
    assert users_of(story) == 1


def test_what_is_reversed_frees_no_place() -> None:
    story = capped(per_code=1).given(signed_up("u1"), reviewed("reverse", "11:00"))
    story.when(signed_up("u2")).then(*both(rejected, Reason.CAP_PER_CODE))


def test_a_user_who_earns_again_takes_no_other_place_but_one_on_another_day() -> None:
    story = on_purchase(repeats=0, caps=Caps(per_code=1, per_code_per_day=1)).given(bought("o1"))
    story.when(bought("o2")).then(*both_granted(action="purchase:o2"))
    story.when(bought("o3", at="1d 11:00")).then(*both_granted(action="purchase:o3"))
    story.when(bought("o4", at="1d 12:00", user_id="u2")).then(
        *both(rejected, Reason.CAP_PER_CODE, Reason.CAP_PER_CODE_PER_DAY)
    )


PER_REFERRER = f"{Reason.CAP_PER_REFERRER}:spring:owner|1|5"
PER_DAY = f"{Reason.CAP_PER_REFERRER_PER_DAY}:spring:owner:{DAY_ONE}|1|2"
BUDGET = f"{Reason.CAP_BUDGET}:spring:USD|{20 * UNIT}|{100 * UNIT}"
BUDGET_PER_DAY = f"{Reason.CAP_BUDGET_PER_DAY}:spring:USD:{DAY_ONE}|{20 * UNIT}|{50 * UNIT}"
ALL: dict[str, Any] = {
    "per_referrer": 5,
    "per_referrer_per_day": 2,
    "budget_micros": 100 * UNIT,
    "budget_per_day_micros": 50 * UNIT,
}


def test_a_claim_asks_for_its_places_and_earns_when_it_has_them() -> None:
    story = capped(**ALL).when(signed_up())
    story.then(
        limits_requested(
            BUDGET_PER_DAY,
            BUDGET,
            PER_DAY,
            PER_REFERRER,
            claim_id="claim of u1",
            passed=[],
            releasing=False,
            code="AMY",
            user_id="u1",
        )
    )
    story.when(signed_up(), limits_answered(of="somebody else's")).then_nothing()
    story.when(limits_answered(of="claim of u1")).then(
        *both_granted(cause_event_id="claim of u1", cause_offset=0)
    )
    story.when(limits_answered(of="claim of u1"), signed_up()).then_nothing()


def test_a_claim_that_finds_no_place_is_rejected_and_says_under_which_limit() -> None:
    story = capped(**ALL).given(signed_up())
    key = BUDGET.partition("|")[0]
    story.when(limits_answered(of="claim of u1", refused_by=key)).then(
        *both(rejected, Reason.CAP_BUDGET, score=100)
    )
    (first, _) = story.followed
    assert isinstance(first, RewardDecided)
    (evidence,) = json.loads(first.evidence or "")
    assert evidence["figures"] == {"limit": key}
    assert users_of(story) == 0


def test_what_a_limit_refuses_waits_for_no_holding_period() -> None:
    policy = {"hold_for": HOUR, "fraud": Fraud(weights={"disposable_email": 10})}
    story = capped(per_referrer=1, policy=policy).given(signed_up(email_disposable=True))
    story.when(limits_answered(of="claim of u1", refused_by=f"{Reason.CAP_PER_REFERRER}:x")).then(
        *both(rejected, Reason.CAP_PER_REFERRER, "disposable_email", score=110)
    )
    story.given(signed_up("u2"))
    story.when(limits_answered(of="claim of u2", user_id="u2")).then(
        *both(held, Reason.HOLDING_PERIOD, user_id="u2")
    )


def test_while_a_claim_asks_its_place_under_the_code_is_taken() -> None:
    story = capped(per_code=1, per_referrer=5).given(signed_up("u1"))
    story.when(signed_up("u2")).then(*both(rejected, Reason.CAP_PER_CODE))


def test_nothing_of_the_same_user_overtakes_a_claim_that_asks() -> None:
    refund = claimed(Action.REFUND, "AMY", "12:00", order_id="o1")
    story = on_purchase(repeats=0, caps=Caps(budget_micros=100 * UNIT)).given(bought("o1"))
    story.when(bought("o2"), refund, milestone("m", 1, beneficiary="u1")).then_nothing()
    story.when(limits_answered(of="claim of o1")).then(
        *both_granted(order_id="o1"), limits_requested(BUDGET, claim_id="claim of o2")
    )
    story.when(limits_answered(of="claim of o2"))
    assert [entry.status for entry in story.followed if isinstance(entry, RewardDecided)] == [
        "granted",
        "granted",
        "reversed",
        "reversed",
    ]
    assert type(story.followed[-1]).__name__ == "LimitRequested"


def test_a_rejected_claim_asks_for_nothing() -> None:
    story = given(campaign(policy=policy_text(Policy(caps=Caps(**ALL)))), code("AMY", owner="u1"))
    story.when(signed_up()).then(*both(rejected, Reason.SELF_REFERRAL))


def test_a_code_without_an_owner_is_under_no_limit_of_a_referrer() -> None:
    story = given(campaign(policy=policy_text(Policy(caps=Caps(**ALL)))), code("AMY", owner=None))
    half = [text.replace(f"|{20 * UNIT}|", f"|{10 * UNIT}|") for text in (BUDGET_PER_DAY, BUDGET)]
    story.when(signed_up()).then(limits_requested(*half))


def test_a_user_who_has_a_place_asks_for_no_second_one_but_for_another_day_and_for_money() -> None:
    story = on_purchase(repeats=0, caps=Caps(**ALL))
    story.given(bought("o1"), limits_answered(of="claim of o1"))
    story.when(bought("o2")).then(limits_requested(BUDGET_PER_DAY, BUDGET))
    story.given(limits_answered(of="claim of o2"))
    next_day = [text.replace(str(DAY_ONE), str(DAY_ONE + 1)) for text in (PER_DAY, BUDGET_PER_DAY)]
    story.when(bought("o3", at="1d 11:00")).then(limits_requested(next_day[1], BUDGET, next_day[0]))


def test_a_held_reward_that_is_rejected_gives_its_places_back() -> None:
    story = capped(**ALL, policy={"fraud": SUSPICIOUS})
    story.given(signed_up(email_disposable=True)).when(limits_answered(of="claim of u1"))
    story.then(*both(held, "disposable_email"))
    half = [text.replace(f"|{20 * UNIT}|", f"|{10 * UNIT}|") for text in (BUDGET_PER_DAY, BUDGET)]
    story.when(reviewed("decline", "11:00"))
    back = [record for record in story.followed if not isinstance(record, RewardDecided)]
    places = [*half, *half, PER_DAY, PER_REFERRER]
    assert [record.limits for record in back] == [[place] for place in places]  # type: ignore[attr-defined]
    assert all(record.releasing for record in back)  # type: ignore[attr-defined]
    assert len({record.event_id for record in back}) == len(places)


def test_a_user_keeps_the_place_while_another_reward_of_theirs_stands() -> None:
    story = on_purchase(repeats=2, hold_for=DAY, caps=Caps(per_referrer=5))
    story.given(bought("o1"), limits_answered(of="claim of o1"), bought("o2"))
    refund = claimed(Action.REFUND, "AMY", "12:00", order_id="o1")
    story.when(refund).then(*both(rejected, Reason.REFUNDED, Reason.HOLDING_PERIOD))
    refund = claimed(Action.REFUND, "AMY", "12:00", order_id="o2")
    story.when(refund).then(
        *both(rejected, Reason.REFUNDED, Reason.HOLDING_PERIOD),
        limits_requested(PER_REFERRER, releasing=True),
    )
