"""Accounts of one person: what they do, and the sums of each person in the end.

Checks weigh nothing here: how many users had shown a signal by then rightly depends on who came
first.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st

from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Purchase, Refund
from reftrail.contracts.policy import Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT, MINUTE, Micros, Record
from reftrail.contracts.reference import Trigger
from reftrail.contracts.side_rules import Percent
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

UNIT: Final = MICROS_PER_UNIT
TRUSTING: Final = Fraud(grant_up_to=999, reject_from=1_000)
PERSON: Final = dict.fromkeys(("account", "guest", "third", "fourth"), "person")
PROGRAMMES: Final = {
    "signups": campaign(trigger=Trigger.SIGNUP, policy=policy_text(Policy(fraud=TRUSTING))),
    "orders": campaign(
        trigger=Trigger.FIRST_PURCHASE, policy=policy_text(Policy(repeats=0, fraud=TRUSTING))
    ),
    "shares": campaign(
        trigger=Trigger.FIRST_PURCHASE,
        policy=policy_text(
            Policy(
                repeats=0,
                fraud=TRUSTING,
                on_refund=OnRefund.PROPORTIONAL,
                referrer=Percent(rate=200_000),
            )
        ),
        referrer_reward_micros=0,
    ),
}


class Order(NamedTuple):
    """An order of units, by whom it is reported, and the parts that are paid back of it."""

    paid: int
    by: tuple[str, ...]
    parts: tuple[int, ...]


ranks = st.lists(st.integers(0, 9), min_size=1, max_size=20)
"""Of arrival: the record with the lowest rank comes first, the others in the order of time."""


def times(name: str, minutes: int) -> dict[str, Any]:
    """The id and times of a record that is named so."""
    time = FIRST_DAY + minutes * MINUTE
    return {"event_id": name, "event_time": time, "received_at": time}


def bought(nth: int, order: Order, user: str) -> Iterable[Record]:
    """An order and its refunds, which have ids, as a user reports them."""
    whose: dict[str, Any] = {"user_id": user, "order_id": f"o{nth}", "currency": "USD"}
    yield Purchase(
        **times(f"{user} buys {nth}", 10 + nth), **whose, amount_micros=order.paid * UNIT
    )
    for part, units in enumerate(order.parts):
        yield Refund(
            **times(f"{user} is paid back {nth} {part}", 100 + nth),
            **whose,
            refund_id=f"r{nth} {part}",
            amount_micros=units * UNIT,
        )


def sums_after(records: Iterable[Record], programme: str) -> dict[str, Micros]:
    """The sum of each person after records came, each when all before it was decided."""
    host = MemoryHost(wire=False)
    host.publish(CAMPAIGNS, PROGRAMMES[programme])
    host.publish(CODES, code("AMY", owner="amy"), code("BOB", owner="bob"))
    for nth, record in enumerate(records):
        received_at = FIRST_DAY + 24 * HOUR + nth * 1_000
        topic = ADJUSTMENTS if isinstance(record, Adjusted) else EVENTS
        host.publish(topic, msgspec.structs.replace(record, received_at=received_at))
        host.run()
    sums: Counter[str] = Counter()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        beneficiary = entry.beneficiary or ""
        sums[PERSON.get(beneficiary, beneficiary)] += effect(entry)
    return {whose: total for whose, total in sums.items() if total}
