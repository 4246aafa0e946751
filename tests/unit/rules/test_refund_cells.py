"""Refunds of one order, each in a cell of its own: no cell grows with their number."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.reward_orders import UNIT, bought, on_purchase, paid_back, signed_up

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import OnRefund
from reftrail.rules.decider import fingerprint
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.state import ActionCell
from reftrail.testing import Outline, Scenario

MANY = 1_000
CELL = "reward/AMY:u1:a:purchase:o1"

Refund = Callable[[int], Outline]


def by_event(nth: int, **overrides: Any) -> Outline:
    """A refund of a tenth of a dollar without an id."""
    fields = {"currency": "USD", "action_event_id": f"refund {nth}"} | overrides
    return paid_back("o1", 0.1, **fields)


def by_id(nth: int) -> Outline:
    return by_event(nth, refund_id=f"re_{nth}")


def taken_by(story: Scenario) -> int:
    """The part of the referee's reward that was taken back, of what followed."""
    entries = [entry for entry in story.followed if isinstance(entry, RewardDecided)]
    return sum(
        entry.value_micros
        for entry in entries
        if (entry.role, entry.status) == ("referee", "reversed")
    )


def sizes(story: Scenario) -> dict[str, int]:
    return {key: len(msgspec.msgpack.encode(cell)) for key, cell in story.states.items()}


@pytest.mark.parametrize("refund", [by_event, by_id])
def test_no_cell_grows_with_the_refunds_of_an_order_and_each_counts_once(refund: Refund) -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(signed_up(), bought("o1", 200))
    story.when(*(refund(nth) for nth in range(10)))
    assert taken_by(story) == UNIT // 20
    after_ten = sizes(story)
    story.when(*(refund(nth) for nth in range(10, MANY)))
    assert taken_by(story) == 5 * UNIT - UNIT // 20
    after_all = sizes(story)
    grown = {key: after_all[key] - size for key, size in after_ten.items()}
    assert max(grown.values()) < 10  # sums have more digits
    added = [size for key, size in after_all.items() if key not in after_ten]
    assert len(added) == MANY - 10
    assert max(added) < 20
    story.when(*(refund(nth) for nth in range(MANY)))
    story.then_nothing()
    assert sizes(story) == after_all


def test_refunds_that_an_older_state_knows_count_once() -> None:
    """Such a state has them in the order: one without an id, and one with."""
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(signed_up(), bought("o1", 200))
    story.when(by_event(1), by_id(2))
    cell = story.states[CELL]
    assert isinstance(cell, ActionCell)
    assert isinstance(cell.order, Order)
    older = older_state(cell.order)
    story.states = {key: state for key, state in story.states.items() if ":f:" not in key}
    story.states[CELL] = msgspec.structs.replace(cell, order=older)
    story.when(by_event(1), by_id(2)).then_nothing()
    more = paid_back("o1", 19.9, currency="USD", action_event_id="again", refund_id="re_2")
    story.when(more)
    assert taken_by(story) == UNIT - UNIT // 100
    story.when(more).then_nothing()


def older_state(order: Order) -> Order:
    """An order as it was kept before its refunds had cells."""
    return msgspec.structs.replace(
        order,
        paid_back=(("USD", UNIT // 10),),
        refunds=(fingerprint("refund 1"),),
        named=((fingerprint("re_2"), "USD", UNIT // 10),),
    )
