"""Caps and budgets, as the reward stage sees them; and bonuses, which come out of budgets too."""

import json
from typing import Any

from reftrail.contracts.decisions import Action, RewardDecided, RewardStatus, Role
from reftrail.contracts.policy import Caps, Fraud, OrderIds, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.decider import wakes_at
from reftrail.testing import (
    Outline,
    Scenario,
    bonus_granted,
    campaign,
    claimed,
    code,
    given,
    granted,
    held,
    listed,
    milestone,
    moment,
    places_answered,
    places_asked,
    refused,
    rejected,
    reported,
    reversed_reward,
    reviewed,
    tick,
    to_fulfil,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
UNIT = MICROS_PER_UNIT
DAY_ONE = moment("10:00") // DAY
SUSPICIOUS = Fraud(weights={"disposable_email": 60})


def signed_up(user: str = "u1", at: str = "10:00", **told: Any) -> Outline:
    fields = {"user_id": user, "event_id": f"claim of {user}"}
    return claimed(Action.SIGNUP, told.pop("under", "AMY"), at, **(fields | told))


def bought(order: str, at: str = "11:00", **told: Any) -> Outline:
    money = {"amount_micros": 100 * UNIT, "currency": "USD", "event_id": f"claim of {order}"}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(money | told))


def capped(*, policy: dict[str, Any] | None = None, **caps: Any) -> Scenario:
    whole = Policy(caps=Caps(**caps), **(policy or {}))
    return given(campaign(policy=policy_text(whole)), code("AMY"))


def on_purchase(**policy: Any) -> Scenario:
    """Orders ask for no place of their own, so that stories stay short."""
    whole = Policy(order_ids=OrderIds.USER, **policy)
    rules = campaign(policy=policy_text(whole), trigger=Trigger.FIRST_PURCHASE)
    return given(rules, code("AMY"))


def both(entry: Any, *reasons: str, **told: Any) -> tuple[Outline, ...]:
    return tuple(entry(role, "AMY", *reasons, **told) for role in (REFERRER, REFEREE))


def both_granted(**told: Any) -> tuple[Outline, ...]:
    return tuple(
        one
        for role in (REFERRER, REFEREE)
        for one in (granted(role, "AMY", **told), to_fulfil(role, "AMY"))
    )


def users_of(story: Scenario) -> int:
    users: int = story.states["reward/AMY"].users
    return users


# Limits of one code, which the stage keeps itself.


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


# Limits that codes share, which are asked for.


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
        places_asked(
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
    story.when(signed_up(), places_answered(of="somebody else's")).then_nothing()
    story.when(places_answered(of="claim of u1")).then(
        *both_granted(cause_event_id="claim of u1", cause_offset=0)
    )
    story.when(places_answered(of="claim of u1"), signed_up()).then_nothing()


def test_a_claim_that_finds_no_place_is_rejected_and_says_under_which_limit() -> None:
    story = capped(**ALL).given(signed_up())
    key = BUDGET.partition("|")[0]
    story.when(places_answered(of="claim of u1", refused_by=key)).then(
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
    story.when(places_answered(of="claim of u1", refused_by=f"{Reason.CAP_PER_REFERRER}:x")).then(
        *both(rejected, Reason.CAP_PER_REFERRER, "disposable_email", score=110)
    )
    story.given(signed_up("u2"))
    story.when(places_answered(of="claim of u2", user_id="u2")).then(
        *both(held, Reason.HOLDING_PERIOD, user_id="u2")
    )


def test_while_a_claim_asks_its_place_under_the_code_is_taken() -> None:
    story = capped(per_code=1, per_referrer=5).given(signed_up("u1"))
    story.when(signed_up("u2")).then(*both(rejected, Reason.CAP_PER_CODE))


def test_nothing_of_the_same_user_overtakes_a_claim_that_asks() -> None:
    refund = claimed(Action.REFUND, "AMY", "12:00", order_id="o1")
    story = on_purchase(repeats=0, caps=Caps(budget_micros=100 * UNIT)).given(bought("o1"))
    story.when(bought("o2"), refund, milestone("m", 1, beneficiary="u1")).then_nothing()
    story.when(places_answered(of="claim of o1")).then(
        *both_granted(order_id="o1"), places_asked(BUDGET, claim_id="claim of o2")
    )
    story.when(places_answered(of="claim of o2"))
    assert [one.status for one in story.followed if isinstance(one, RewardDecided)] == [
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
    story.when(signed_up()).then(places_asked(*half))


def test_a_user_who_has_a_place_asks_for_no_second_one_but_for_another_day_and_for_money() -> None:
    story = on_purchase(repeats=0, caps=Caps(**ALL))
    story.given(bought("o1"), places_answered(of="claim of o1"))
    story.when(bought("o2")).then(places_asked(BUDGET_PER_DAY, BUDGET))
    story.given(places_answered(of="claim of o2"))
    next_day = [text.replace(str(DAY_ONE), str(DAY_ONE + 1)) for text in (PER_DAY, BUDGET_PER_DAY)]
    story.when(bought("o3", at="1d 11:00")).then(places_asked(next_day[1], BUDGET, next_day[0]))


def test_a_held_reward_that_is_rejected_gives_its_places_back() -> None:
    story = capped(**ALL, policy={"fraud": SUSPICIOUS})
    story.given(signed_up(email_disposable=True)).when(places_answered(of="claim of u1"))
    story.then(*both(held, "disposable_email"))
    half = [text.replace(f"|{20 * UNIT}|", f"|{10 * UNIT}|") for text in (BUDGET_PER_DAY, BUDGET)]
    story.when(reviewed("decline", "11:00"))
    back = [one for one in story.followed if not isinstance(one, RewardDecided)]
    places = [*half, *half, PER_DAY, PER_REFERRER]
    assert [one.limits for one in back] == [[place] for place in places]  # type: ignore[attr-defined]
    assert all(one.releasing for one in back)  # type: ignore[attr-defined]
    assert len({one.event_id for one in back}) == len(places)


def test_a_user_keeps_the_place_while_another_reward_of_theirs_stands() -> None:
    story = on_purchase(repeats=2, hold_for=DAY, caps=Caps(per_referrer=5))
    story.given(bought("o1"), places_answered(of="claim of o1"), bought("o2"))
    refund = claimed(Action.REFUND, "AMY", "12:00", order_id="o1")
    story.when(refund).then(*both(rejected, Reason.REFUNDED, Reason.HOLDING_PERIOD))
    refund = claimed(Action.REFUND, "AMY", "12:00", order_id="o2")
    story.when(refund).then(
        *both(rejected, Reason.REFUNDED, Reason.HOLDING_PERIOD),
        places_asked(PER_REFERRER, releasing=True),
    )


# Bonuses.


def owned(**policy: Any) -> Scenario:
    return given(campaign(policy=policy_text(Policy(**policy))), code("AMY"))


def test_a_milestone_s_bonus_is_granted_to_the_referrer() -> None:
    story = owned().when(milestone("third", 3, currency="USD", event_id="m"))
    story.then(
        bonus_granted(
            "AMY",
            beneficiary="owner",
            action="milestone:spring:third",
            currency="USD",
            kind="credit",
            campaign_id="spring",
            action_event_id="m",
        ),
        to_fulfil(
            Role.MILESTONE,
            "AMY",
            action="milestone:spring:third",
            beneficiary="owner",
            user_id="owner",
        ),
    )
    story.when(milestone("third", 3, currency="USD", event_id="m")).then_nothing()
    assert "reward/AMY" not in story.states


def test_a_milestone_that_is_called_like_another_one_s_number_is_another_one() -> None:
    """Gold for the second time, and Gold:2 for the first."""
    story = owned()
    for nth, (name, times) in enumerate([("Gold", 1), ("Gold", 2), ("Gold:2", 1), ("Gold%3A2", 1)]):
        story.when(milestone(name, 3, times=times, event_id=f"m{nth}"))
        assert [type(record).__name__ for record in story.followed] == [
            "RewardDecided",
            "RewardGranted",
        ]


def test_a_bonus_in_the_campaign_s_currency_comes_out_of_its_budget() -> None:
    story = owned(caps=Caps(budget_micros=100 * UNIT, per_referrer=1))
    story.when(milestone("third", 3, event_id="m")).then(
        places_asked(
            f"cap_budget:spring:USD|{5 * UNIT}|{100 * UNIT}", claim_id="m", user_id="owner"
        )
    )
    story.when(places_answered(of="m", user_id="owner")).then(
        bonus_granted("AMY"), to_fulfil(Role.MILESTONE, "AMY")
    )
    story = owned(caps=Caps(budget_micros=100 * UNIT))
    story.when(milestone("third", 3, currency="points")).then(
        bonus_granted("AMY", currency="points"), to_fulfil(Role.MILESTONE, "AMY")
    )


def test_tiers_and_badges_are_worth_nothing() -> None:
    story = owned()
    story.when(milestone("gold", 3, kind="tier"), milestone("b", 3, value_micros=0)).then_nothing()


def test_a_lost_milestone_takes_its_bonus_back_even_when_fulfilled_and_can_be_reached_again() -> (
    None
):
    story = owned().when(milestone("third", 3, event_id="m"))
    grant = story.followed[0].event_id
    delivered = reported(Role.MILESTONE, "11:00", user_id="owner", action="milestone:spring:third")
    story.given(delivered).when(milestone("third", 3, reached=False, event_id="l"))
    story.then(
        reversed_reward(
            Role.MILESTONE,
            "AMY",
            user_id="owner",
            reasons=[Reason.MILESTONE_LOST],
            supersedes=grant,
            value_micros=5 * UNIT,
        )
    )
    story.when(milestone("third", 3, reached=False, event_id="l")).then_nothing()
    story.when(milestone("third", 3, times=2, event_id="n")).then(
        bonus_granted("AMY", action="milestone:spring:third:2"), to_fulfil(Role.MILESTONE, "AMY")
    )


def test_a_bonus_for_somebody_on_the_block_list_is_rejected() -> None:
    story = owned().given(listed("user", "owner"))
    story.when(milestone("third", 3, event_id="m")).then(
        rejected(Role.MILESTONE, "AMY", "blocked", user_id="owner", score=100)
    )
    story.when(milestone("third", 3, reached=False, event_id="l")).then_nothing()


def test_a_bonus_is_reviewed_and_expires_like_any_reward() -> None:
    story = owned(expires_after=DAY).given(milestone("third", 3, event_time=moment("10:00")))
    story.when(tick("1d 10:00"))
    (entry,) = story.followed
    assert isinstance(entry, RewardDecided)
    assert (entry.status, entry.user_id) == (RewardStatus.EXPIRED, "owner")
    story.when(reviewed("approve", "2d 10:00", user_id="owner")).then(refused("not_allowed"))


def test_a_bonus_does_not_keep_its_referrer_from_being_referred() -> None:
    """Bonuses are kept where the owner's own claims would be: other rules stand against those."""
    story = owned().given(milestone("third", 3), milestone("third", 3, reached=False))
    story.when(signed_up("owner")).then(*both(rejected, Reason.SELF_REFERRAL))


def test_a_reward_is_woken_for_what_is_due_first() -> None:
    story = owned(expires_after=DAY).given(signed_up())
    story.given(reported(REFERRER, "11:00"))
    assert wakes_at(story.states["reward/AMY:u1:a:signup"]) == moment("1d 10:00")
    story.given(reported(REFEREE, "11:00"))
    assert wakes_at(story.states["reward/AMY:u1:a:signup"]) is None
