"""Tiers of the referrer's reward, by the number of the referral under its code."""

from typing import Any

from hypothesis import given as draws
from hypothesis import strategies as st
from support.reward_orders import UNIT, bought, paid_back, paying, signed_up

from reftrail.contracts.decisions import RewardDecided, Role
from reftrail.contracts.policy import OrderIds, Policy, policy_text
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.side_rules import Percent, SideRules, Tier
from reftrail.testing import Outline, Scenario, campaign, code, given

TWENTY, THIRTY = Percent(rate=200_000), Percent(rate=300_000)
FROM_THE_THIRD = SideRules(tiers=[Tier(referrals=3, percent=THIRTY)])


def partner(**policy: Any) -> Scenario:
    usual: dict[str, Any] = {"order_ids": OrderIds.USER, "repeats": 0, "referrer": TWENTY}
    return paying(Trigger.FIRST_PURCHASE, **(usual | {"referrer_rules": FROM_THE_THIRD} | policy))


def order_of(user: str, order: str, paid: float = 100, **overrides: Any) -> Outline:
    return bought(f"{user} {order}", paid, user_id=user, event_id=f"{user} {order}", **overrides)


def refund_of(user: str, order: str, amount: float | None = None) -> Outline:
    return paid_back(f"{user} {order}", amount, user_id=user, event_id=f"refund {user} {order}")


def rates(story: Scenario) -> list[tuple[str, str | None, float]]:
    return [
        (entry.status, entry.rate_percent, entry.value_micros / UNIT)
        for entry in story.followed
        if isinstance(entry, RewardDecided) and entry.role == Role.REFERRER
    ]


def test_from_the_third_referral_on_the_rate_is_higher() -> None:
    story = partner()
    assert rates(story.when(order_of("u1", "o1"))) == [("granted", "20", 20)]
    assert rates(story.when(order_of("u2", "o1"))) == [("granted", "20", 20)]
    assert rates(story.when(order_of("u3", "o1"))) == [("granted", "30", 30)]
    assert rates(story.when(order_of("u4", "o1"))) == [("granted", "30", 30)]


def test_a_referral_keeps_its_number_for_all_of_its_orders() -> None:
    story = partner().given(*(order_of(f"u{nth}", "o1") for nth in range(1, 6)))
    assert rates(story.when(order_of("u2", "o2"))) == [("granted", "20", 20)]
    assert rates(story.when(order_of("u3", "o2"))) == [("granted", "30", 30)]


def test_further_orders_of_one_user_reach_no_tier() -> None:
    story = partner().given(*(order_of("u1", f"o{nth}") for nth in range(5)))
    assert rates(story.when(order_of("u2", "o1"))) == [("granted", "20", 20)]


def test_a_referral_whose_orders_were_paid_back_does_not_count() -> None:
    story = partner().given(order_of("u1", "o1"), order_of("u2", "o1"), refund_of("u1", "o1"))
    assert rates(story.when(order_of("u3", "o1"))) == [("granted", "20", 20)]
    assert rates(story.when(order_of("u4", "o1"))) == [("granted", "30", 30)]


def test_a_referral_in_its_holding_period_does_not_count() -> None:
    story = partner(hold_for=30 * DAY).given(order_of("u1", "o1"), order_of("u2", "o1"))
    assert rates(story.when(order_of("u3", "o1"))) == [("held", "20", 20)]


def test_a_refund_takes_by_the_rate_of_its_order() -> None:
    story = partner().given(*(order_of(f"u{nth}", "o1") for nth in range(1, 4)))
    assert rates(story.when(refund_of("u3", "o1", 50))) == [("reversed", "30", 15)]
    assert rates(story.when(refund_of("u2", "o1", 50))) == [("reversed", "20", 10)]


def test_a_tier_may_be_a_value() -> None:
    rules = SideRules(tiers=[Tier(referrals=2, value_micros=7 * UNIT)])
    story = paying(Trigger.FIRST_PURCHASE, referrer_rules=rules, order_ids=OrderIds.USER)
    assert rates(story.when(order_of("u1", "o1"))) == [("granted", None, 10)]
    assert rates(story.when(order_of("u2", "o1"))) == [("granted", None, 7)]


def test_referrals_count_that_earn_nothing_before_the_first_tier() -> None:
    rules = SideRules(tiers=[Tier(referrals=2, value_micros=7 * UNIT)])
    policy = policy_text(Policy(referrer_rules=rules))
    story = given(campaign(policy=policy, referrer_reward_micros=0), code("AMY"))
    assert rates(story.when(signed_up(user_id="u1", event_id="s1"))) == [("granted", None, 0)]
    assert rates(story.when(signed_up(user_id="u2", event_id="s2"))) == [("granted", None, 7)]


def test_signups_have_tiers_too() -> None:
    rules = SideRules(tiers=[Tier(referrals=2, value_micros=25 * UNIT)])
    story = paying(Trigger.SIGNUP, referrer_rules=rules)
    assert rates(story.when(signed_up(user_id="u1", event_id="s1"))) == [("granted", None, 10)]
    assert rates(story.when(signed_up(user_id="u2", event_id="s2"))) == [("granted", None, 25)]


@draws(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3)), min_size=1, max_size=18, unique=True),
    st.data(),
)
def test_the_orders_and_refunds_of_a_referral_have_one_rate_in_whatever_order(
    orders: list[tuple[int, int]], data: st.DataObject
) -> None:
    """The rate follows from the number, and without refunds numbers have no gaps."""
    story = partner()
    found: dict[int, set[str | None]] = {}
    for user, order in data.draw(st.permutations(orders)):
        for _, rate, _ in rates(story.when(order_of(f"u{user}", f"o{order}"))):
            found.setdefault(user, set()).add(rate)
    assert [found[user] for user in found] == [{"20"}, {"20"}, {"30"}, {"30"}, {"30"}, {"30"}][
        : len(found)
    ]


@draws(
    st.permutations(
        [("order", "o1"), ("order", "o2"), ("part", "o1"), ("part", "o2"), ("part", "o1")]
    )
)
def test_what_stays_of_an_order_is_its_tier_s_rate_of_what_remains(
    steps: list[tuple[str, str]],
) -> None:
    story = partner().given(order_of("u1", "o1"), order_of("u2", "o1"))
    sums = {"u3 o1": 0.0, "u3 o2": 0.0}
    for nth, (kind, order) in enumerate(steps):
        record = (
            order_of("u3", order, 99.99)
            if kind == "order"
            else refund_of("u3", order, 33.33).but(
                event_id=f"r{nth}", action_event_id=f"r{nth}", currency="USD"
            )
        )
        for entry in story.when(record).followed:
            if isinstance(entry, RewardDecided) and entry.role == Role.REFERRER:
                assert entry.rate_percent == "30"
                assert entry.order_id is not None
                sign = {"granted": 1, "reversed": -1}[entry.status]
                sums[entry.order_id] += sign * entry.value_micros / UNIT
    assert {order: round(total, 2) for order, total in sums.items()} == {
        "u3 o1": 10.0,
        "u3 o2": 20.0,
    }
