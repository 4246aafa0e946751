"""Sums of the ledger, for any order of arrival, parts and repetitions.

Every customer buys under one code, and every campaign pays in its own way: for each order, in
proportion to what remains of it, for every third order, for every hundred that is reached, a share
of each order, a value by its amount. None of them has limits, tiers or terms for later orders,
since these rightly depend on who or what comes first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.programmes import repetitions, with_repetitions

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
        return [Signup(**_times(f"{user} signup", 10), **visitor, **named, user_id=user)]
    return [
        Click(**_times(f"{user} click", 0), **visitor, **named),
        Signup(**_times(f"{user} signup", 10), **visitor, user_id=user),
    ]


def bought(nth: int, order: Order) -> list[Event]:
    """A purchase and the refunds of its parts."""
    whose: dict[str, Any] = {"user_id": f"u{order.customer}", "order_id": f"order {nth}"}
    purchase = Purchase(
        **_times(f"purchase {nth}", 100 + nth),
        **whose,
        amount_micros=order.paid * UNIT,
        currency="EUR",
    )
    refunds = [
        Refund(
            **_times(f"refund {nth} {part_nth}", 1_000 + nth),
            **whose,
            amount_micros=part * UNIT,
            currency="EUR",
        )
        for part_nth, part in enumerate(order.parts)
    ]
    return [purchase, *refunds]


def _times(name: str, minutes: int) -> dict[str, Any]:
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
    return _sums(entries_after(events))


def _sums(entries: Iterable[RewardDecided]) -> Sums:
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


@every_code
def test_in_these_histories_something_is_earned(bought_under: str) -> None:
    """Else the properties below would say nothing."""
    found = [Order(customer, 100, ()) for customer in (0, 1, 2) for _ in range(3)]
    assert len(sums_after(history(found, bought_under))) == 4


@every_code
@of_many
@given(orders, ranks)
def test_the_order_of_arrival_changes_no_sum(
    bought_under: str, found: list[Order], arrival: list[int]
) -> None:
    events = history(found, bought_under)
    assert sums_after(arrived(events, arrival)) == sums_after(events)


@given(orders, ranks)
def test_shares_and_bands_are_those_of_what_remains(found: list[Order], arrival: list[int]) -> None:
    left = [order.paid - sum(order.parts) for order in found]
    cents = [min(round(units * Fraction(1234, 100)), 20_00) for units in left]
    in_bands = sum(9 if units >= 100 else 2 if units >= 30 else 0 for units in left)
    by_rate = sums_after(arrived(history(found, "RATE"), arrival))
    assert by_rate.get(("owner of RATE", "EUR"), 0) == sum(cents) * UNIT // 100
    by_bands = sums_after(arrived(history(found, "BANDS"), arrival))
    assert by_bands.get(("owner of BANDS", "EUR"), 0) == in_bands * UNIT


@st.composite
def _split(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    """An amount in minor units, and parts that don't add up to more."""
    parts = draw(st.lists(st.integers(1, 400), min_size=1, max_size=6))
    parts *= draw(st.sampled_from([1, 1, 2, 20]))
    return sum(parts) + draw(st.sampled_from([0, 0, 1, 1_000])), tuple(parts)


@given(
    _split(),
    st.sampled_from(sorted(MINOR_UNITS)),
    st.sampled_from(["EACH", "SHARE", "RATE"]),
    st.integers(0, 130),
)
@settings(max_examples=60)
def test_refunds_in_parts_take_what_one_refund_of_their_sum_takes(
    split: tuple[int, tuple[int, ...]], currency: str, bought_under: str, before: int
) -> None:
    """Also where some of them come before the purchase; always whole minor units."""
    paid, parts = split
    campaigns = [
        msgspec.structs.replace(
            CAMPAIGNS_BY_CODE[bought_under], reward_currency=currency, minimum_amount_micros=0
        )
    ]
    unit = MINOR_UNITS[currency]
    purchase = Purchase(
        **_times("purchase", 100),
        user_id="u0",
        order_id="order",
        amount_micros=paid * unit,
        currency=currency,
    )

    def entries(amounts: Sequence[int], come_before: int) -> list[RewardDecided]:
        refunds: list[Event] = [
            Refund(
                **_times(f"refund {nth}", 1_000 + nth),
                user_id="u0",
                order_id="order",
                amount_micros=amount * unit,
                currency=currency,
            )
            for nth, amount in enumerate(amounts)
        ]
        refunds.insert(min(come_before, len(refunds)), purchase)
        return entries_after([*signed_up(0, bought_under), *refunds], campaigns)

    in_parts = entries(parts, before)
    assert _sums(in_parts) == _sums(entries([sum(parts)], 0))
    assert all(entry.value_micros % unit == 0 for entry in in_parts)
    if sum(parts) == paid:
        assert _sums(in_parts) == {}


@every_code
@of_many
@given(orders, ranks)
def test_nothing_is_left_where_every_order_was_paid_back(
    bought_under: str, found: list[Order], arrival: list[int]
) -> None:
    """In parts and then the rest, or all at once; wherever the refunds come between the others."""
    events = history(found, bought_under)
    rest = [
        Refund(
            **_times(f"rest {nth}", 2_000 + nth),
            user_id=f"u{order.customer}",
            order_id=f"order {nth}",
            amount_micros=None,
        )
        for nth, order in enumerate(found)
    ]
    assert sums_after(arrived([*events, *rest], arrival)) == {}


@every_code
@of_many
@given(orders, repetitions)
def test_what_comes_again_changes_no_sum(
    bought_under: str, found: list[Order], again: list[tuple[int, int]]
) -> None:
    """The same events at any distance."""
    events = history(found, bought_under)
    assert sums_after(with_repetitions(events, again)) == sums_after(events)


@every_code
@of_many
@given(orders, ranks)
def test_an_order_that_is_reported_under_two_ids_changes_no_sum(
    bought_under: str, found: list[Order], arrival: list[int]
) -> None:
    events = history(found, bought_under)
    again = [
        msgspec.structs.replace(event, event_id=f"{event.event_id} again")
        for event in events
        if isinstance(event, Purchase)
    ]
    assert sums_after(arrived([*events, *again], arrival)) == sums_after(events)


@every_code
@pytest.mark.parametrize("distance", [2, 70, 300])
def test_what_comes_again_after_many_orders_adds_no_entry(bought_under: str, distance: int) -> None:
    """The first order and the first refund; that order also when it is reported anew, as of now."""
    host, found = host_with(), [Order(0, 60, ()), *[Order(0, 60, (1,))] * 2]
    found += [Order(0, 60, ())] * (distance - 2)
    events = history(found, bought_under)
    come(host, events)
    before = ledger_of(host)
    first = next(event for event in events if isinstance(event, Purchase))
    first_refund = next(event for event in events if isinstance(event, Refund))
    now = {"event_id": "reported anew", "event_time": FIRST_DAY + 59 * HOUR}
    come(host, [msgspec.structs.replace(first, **now), first, first_refund])
    assert ledger_of(host) == before


@every_code
@pytest.mark.parametrize("count", [20, 70, 150])
@pytest.mark.parametrize("first", ["purchases", "refunds"])
def test_nothing_is_left_of_many_orders_that_were_paid_back(
    bought_under: str, count: int, first: str
) -> None:
    """Refunds after all purchases, and before any of them."""
    events = history([Order(0, 60, (60,)) for _ in range(count)], bought_under)
    events.sort(key=lambda event: isinstance(event, Refund) == (first == "purchases"))
    assert sums_after(events) == {}
