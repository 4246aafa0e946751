"""Histories of a few users' orders, in any order of arrival, and the sums that the ledger gives.

Every customer buys under one code, and every campaign pays in its own way: for each order, in
proportion to what remains of it, for every third order, for every hundred that is reached, a share
of each order, a value by its amount. None of them has limits, tiers or terms for later orders,
since these rightly depend on who or what comes first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Click, Event, Purchase, Refund, Signup
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.policy import Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT, MINUTE, Micros
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.side_rules import Band, Percent, SideRules
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS, TICKS
from reftrail.rules.reward.transitions import effect_of
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

UNIT: Final = MICROS_PER_UNIT
MINOR_UNITS: Final = {"JPY": UNIT, "EUR": UNIT // 100, "KWD": UNIT // 1_000}
TRUSTING: Final = Fraud(grant_up_to=999, reject_from=1_000)
MINIMUM: Final = 50
"""Units that an order must have left for the campaigns with a minimum."""

BANDS: Final = SideRules(
    bands=[
        Band(amount_micros=30 * UNIT, value_micros=2 * UNIT),
        Band(amount_micros=100 * UNIT, value_micros=9 * UNIT),
    ]
)

Sums = dict[tuple[str, str], Micros]


def _campaign(name: str, trigger: Trigger, policy: Policy, **rules: Any) -> CampaignDefined:
    rewards = {"referrer_reward_micros": 100 * UNIT, "referee_reward_micros": 7 * UNIT}
    return campaign(name, trigger=trigger, policy=policy_text(policy), **(rewards | rules))


CAMPAIGNS_BY_CODE: Final = {
    "EACH": _campaign(
        "each",
        Trigger.FIRST_PURCHASE,
        Policy(repeats=0, fraud=TRUSTING),
        minimum_amount_micros=MINIMUM * UNIT,
        reward_currency="EUR",
    ),
    "SHARE": _campaign(
        "share",
        Trigger.FIRST_PURCHASE,
        Policy(repeats=0, fraud=TRUSTING, on_refund=OnRefund.PROPORTIONAL, hold_for=3 * HOUR),
        reward_currency="EUR",
    ),
    "THIRD": _campaign(
        "third",
        Trigger.NTH_PURCHASE,
        Policy(repeats=0, fraud=TRUSTING, trigger_count=3),
        minimum_amount_micros=MINIMUM * UNIT,
        reward_currency="EUR",
    ),
    "SUM": _campaign(
        "sum",
        Trigger.AMOUNT_REACHED,
        Policy(repeats=0, fraud=TRUSTING),
        minimum_amount_micros=100 * UNIT,
        reward_currency="EUR",
    ),
    "RATE": _campaign(
        "rate",
        Trigger.FIRST_PURCHASE,
        Policy(
            repeats=0,
            fraud=TRUSTING,
            on_refund=OnRefund.PROPORTIONAL,
            referrer=Percent(rate=123_400, maximum_micros=20 * UNIT),
            referee=Percent(rate=50_000),
        ),
        referrer_reward_micros=0,
        referee_reward_micros=0,
        reward_currency="EUR",
    ),
    "BANDS": _campaign(
        "bands",
        Trigger.FIRST_PURCHASE,
        Policy(repeats=0, fraud=TRUSTING, referrer_rules=BANDS, referee_rules=BANDS),
        reward_currency="EUR",
    ),
}
ISSUED: Final[tuple[CodeChanged, ...]] = tuple(
    code(name, owner=f"owner of {name}", campaign_id=campaign.campaign_id)
    for name, campaign in CAMPAIGNS_BY_CODE.items()
)
every_code = pytest.mark.parametrize("bought_under", sorted(CAMPAIGNS_BY_CODE))
of_many: Final = settings(max_examples=60)
"""For properties that are tried with each campaign: 60 examples of each are hundreds in all."""


class Order(NamedTuple):
    """An order of one of three customers, in units, and the parts that were paid back of it."""

    customer: int
    paid: int
    parts: tuple[int, ...]


@st.composite
def _orders(draw: st.DrawFn) -> Order:
    paid = draw(st.integers(1, 20)) * 10
    parts = draw(st.lists(st.integers(1, paid), max_size=4))
    kept: list[int] = []
    for part in parts:
        if sum(kept) + part <= paid:
            kept.append(part)
    return Order(draw(st.integers(0, 2)), paid, tuple(kept))


orders = st.lists(_orders(), max_size=12)
ranks = st.lists(st.integers(0, 9), min_size=1, max_size=40)
"""Of arrival: the event with the lowest rank comes first, the others in the order of time."""


def signed_up(customer: int, under: str) -> list[Event]:
    """A click and a signup; the second customer has typed the code in."""
    user = f"u{customer}"
    named: dict[str, Any] = {
        "code": under,
        "code_known": True,
        "campaign_id": CAMPAIGNS_BY_CODE[under].campaign_id,
    }
    visitor: dict[str, Any] = {"visitor_id": f"v{customer}"}
    if customer == 1:
        return [Signup(**times(f"{user} signup", 10), **visitor, **named, user_id=user)]
    return [
        Click(**times(f"{user} click", 0), **visitor, **named),
        Signup(**times(f"{user} signup", 10), **visitor, user_id=user),
    ]


def bought(nth: int, order: Order) -> list[Event]:
    """A purchase and the refunds of its parts."""
    whose: dict[str, Any] = {"user_id": f"u{order.customer}", "order_id": f"order {nth}"}
    purchase = Purchase(
        **times(f"purchase {nth}", 100 + nth),
        **whose,
        amount_micros=order.paid * UNIT,
        currency="EUR",
    )
    refunds = [
        Refund(
            **times(f"refund {nth} {part_nth}", 1_000 + nth),
            **whose,
            amount_micros=part * UNIT,
            currency="EUR",
        )
        for part_nth, part in enumerate(order.parts)
    ]
    return [purchase, *refunds]


def times(name: str, minutes: int) -> dict[str, Any]:
    time = FIRST_DAY + minutes * MINUTE
    return {"event_id": name, "event_time": time, "received_at": time}


def history(found: Sequence[Order], under: str) -> list[Event]:
    """All that happened, in the order of time."""
    events = [event for customer in range(3) for event in signed_up(customer, under)]
    events += [event for nth, order in enumerate(found) for event in bought(nth, order)]
    return sorted(events, key=lambda event: event.event_time)


def arrived(events: Sequence[Event], by: Sequence[int]) -> list[Event]:
    """Events in an order of arrival: by rank, else as they were."""
    nths = sorted(range(len(events)), key=lambda nth: by[nth % len(by)])
    return [events[nth] for nth in nths]


def sums_after(events: Iterable[Event]) -> Sums:
    """The sums of each beneficiary in each currency after events came."""
    return sums_of(entries_after(events))


def sums_of(entries: Iterable[RewardDecided]) -> Sums:
    totals: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        totals[entry.beneficiary or "", entry.currency] += effect_of(
            entry.status, entry.value_micros
        )
    return {whose: total for whose, total in totals.items() if total}


def entries_after(
    events: Iterable[Event], campaigns: Iterable[CampaignDefined] = CAMPAIGNS_BY_CODE.values()
) -> list[RewardDecided]:
    """The ledger after events came, and holds are over."""
    host = host_with(campaigns)
    come(host, events)
    return end(host)


def host_with(campaigns: Iterable[CampaignDefined] = CAMPAIGNS_BY_CODE.values()) -> MemoryHost:
    """A host to which nothing came yet."""
    host = MemoryHost(wire=False, batch=100)
    host.publish(CAMPAIGNS, *campaigns)
    host.publish(CODES, *ISSUED)
    return host


def come(host: MemoryHost, events: Iterable[Event]) -> None:
    """Have events come, one a second, on the day after all of them happened."""
    arrived = len(host.log(EVENTS))
    for nth, event in enumerate(events, start=arrived):
        received_at = FIRST_DAY + 60 * HOUR + nth * 1_000
        host.publish(EVENTS, msgspec.structs.replace(event, received_at=received_at))
    host.run()


def end(host: MemoryHost) -> list[RewardDecided]:
    """The ledger when all holds are over."""
    for nth in range(2):
        time = FIRST_DAY + (100 + nth) * HOUR
        tick = Ticked(
            event_id=f"tick {nth}", event_time=time, received_at=time, partition=0, partitions=1
        )
        host.publish(TICKS, tick)
        host.run()
    return ledger_of(host)


def ledger_of(host: MemoryHost) -> list[RewardDecided]:
    """All entries so far."""
    return [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
