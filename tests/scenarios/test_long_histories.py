"""Histories beyond the bounds that a referral's state once had: what is right doesn't change there.

They are generated, since a file would have hundreds of events; each is played as a scenario is.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from reftrail.campaigns import read_campaigns
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.play import Play, PlayResult
from reftrail.scenarios.script import Given, GivenCode

CAMPAIGNS: Final = Path(__file__).parent / "campaigns"
SIGNUP: Final = {"at": "day 1", "type": "signup", "who": "bob", "code": "AMY"}
PATIENCE: Final = 200
"""Seconds that a history may take: far more than it needs, far less than one of quadratic cost."""


def played(campaign: str, happenings: Iterable[dict[str, Any]]) -> PlayResult:
    play = Play(Given(campaigns=(campaign,)), read_campaigns(CAMPAIGNS / f"{campaign}.toml"))
    play.give(GivenCode(code="AMY", owner="amy"))
    play.begin()
    end = time.monotonic() + PATIENCE
    for nth, happening in enumerate(happenings):
        assert time.monotonic() < end, f"only {nth} events were decided in {PATIENCE} s"
        play.happen(Happening.model_validate(happening))
    return play.found()


def nth_second(nth: int, day: int = 2) -> str:
    hours, rest = divmod(nth, 3600)
    return f"day {day} {hours:02}:{rest // 60:02}:{rest % 60:02}"


def purchase(nth: int, amount: str = "30.00", day: int = 2, **more: Any) -> dict[str, Any]:
    fields = {"who": "bob", "order": f"o{nth}", "amount": amount}
    return {"at": nth_second(nth, day), "type": "purchase"} | fields | more


def refund(at: str, order: str, **more: Any) -> dict[str, Any]:
    return {"at": at, "type": "refund", "who": "bob", "order": order} | more


def purchases(count: int, amount: str = "30.00") -> Iterator[dict[str, Any]]:
    return (purchase(nth, amount) for nth in range(count))


def paid_for(found: PlayResult) -> list[str]:
    return sorted(order.action for order in found.fulfil)


def left(found: PlayResult) -> int:
    """The worth of all rewards that count, in micros."""
    return sum(reward.value_micros for reward in found.rewards if reward.status == "granted")


def test_130_held_purchases_are_all_granted() -> None:
    found = played(
        "every-purchase-held", [SIGNUP, *purchases(130), {"at": "day 40", "type": "time"}]
    )
    assert paid_for(found) == sorted(f"purchase:o{nth}" for nth in range(130))


def test_the_first_of_130_held_purchases_can_be_refunded() -> None:
    refunded = refund("day 3", "o0")
    found = played(
        "every-purchase-held", [SIGNUP, *purchases(130), refunded, {"at": "day 40", "type": "time"}]
    )
    assert paid_for(found) == sorted(f"purchase:o{nth}" for nth in range(1, 130))


def test_the_first_of_130_rewards_can_be_reported_as_delivered() -> None:
    report = {
        "at": "day 41",
        "type": "fulfilment",
        "who": "bob",
        "code": "AMY",
        "role": "referrer",
        "action": "purchase:o0",
        "outcome": "delivered",
    }
    found = played(
        "every-purchase-held", [SIGNUP, *purchases(130), {"at": "day 40", "type": "time"}, report]
    )
    assert found.refused == []
    assert {entry.action for entry in found.ledger if entry.status == "fulfilled"} == {
        "purchase:o0"
    }


def test_an_order_paid_back_by_a_hundred_refunds_leaves_nothing() -> None:
    refunds = [refund(nth_second(nth, day=3), "o0", amount="1.00") for nth in range(100)]
    found = played("proportional", [SIGNUP, purchase(0, "100.00"), *refunds])
    taken = sum(entry.value_micros for entry in found.ledger if entry.status == "reversed")
    assert (left(found), taken) == (0, 10_000_000)


def test_two_refunds_of_an_order_add_up_whatever_lies_between_them() -> None:
    others = [purchase(nth) for nth in range(1, 65)]
    between = [refund(nth_second(nth, day=3), f"o{nth}", amount="1.00") for nth in range(1, 65)]
    found = played(
        "every-purchase-20",
        [
            SIGNUP,
            purchase(0),
            *others,
            refund("day 3", "o0", amount="6.00"),
            *between,
            refund("day 4", "o0", amount="6.00"),
        ],
    )
    gone = [reward.action for reward in found.rewards if reward.status == "reversed"]
    assert gone == ["purchase:o0"]


@pytest.mark.parametrize(
    ("campaign", "action"), [("nth-258", "nth_purchase:1"), ("amount-258", "amount_reached:1")]
)
def test_a_threshold_of_258_orders_is_reached_with_the_258th(campaign: str, action: str) -> None:
    assert paid_for(played(campaign, [SIGNUP, *purchases(257, "1.00")])) == []
    assert paid_for(played(campaign, [SIGNUP, *purchases(300, "1.00")])) == [action]


def test_an_order_reported_again_after_300_others_pays_once() -> None:
    again = purchase(0, arrives="day 3")
    found = played("every-purchase", [SIGNUP, *purchases(301), again])
    assert paid_for(found) == sorted(f"purchase:o{nth}" for nth in range(301))


def test_64_small_orders_that_wait_for_the_signup_hide_no_larger_one() -> None:
    """They happen after the signup, which arrives last."""
    waiting = [*purchases(64, "1.00"), purchase(64)]
    signup = SIGNUP | {"arrives": "day 3"}
    assert paid_for(played("every-purchase-20", [*waiting, signup])) == ["purchase:o64"]


def test_64_small_orders_that_wait_for_the_signup_hide_no_refund() -> None:
    small = [purchase(nth, "1.00") for nth in range(1, 65)]
    waiting = [purchase(0), *small, refund("day 2 02:00", "o0")]
    signup = SIGNUP | {"arrives": "day 3"}
    assert paid_for(played("every-purchase-20", [*waiting, signup])) == []


def test_no_purchase_of_a_device_farm_is_granted_however_many_there_are() -> None:
    """The signups show the common device, each purchase another: see `users_per_device_30d`."""
    farm = [f"f{nth}" for nth in range(6)]
    signups = [
        SIGNUP | {"at": nth_second(600 * nth, day=1), "who": user, "device": "F"}
        for nth, user in enumerate(farm)
    ]
    bought = [
        purchase(
            1000 * nth + place,
            who=user,
            order=f"{user}-{nth}",
            device=f"{user}-{nth}",
            ip=f"198.{nth}.{place}.1",
            email=f"{user}-{nth}@example.org",
        )
        for nth in range(8)
        for place, user in enumerate(farm)
    ]
    found = played("every-purchase", [*signups, *bought])
    assert len(found.rewards) == 8 * len(farm)
    assert {order.user_id for order in found.fulfil} <= {"f0", "f1"}


@pytest.mark.faults
def test_1500_purchases_of_one_user_are_decided_without_delay() -> None:
    found = played("amount-reached", [SIGNUP, *purchases(1500, "1.00")])
    assert paid_for(found) == sorted(f"amount_reached:{k}" for k in range(1, 16))
