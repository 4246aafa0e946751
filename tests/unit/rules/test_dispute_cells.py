"""Disputes about one order, each in a cell of its own: no cell grows with their number."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import msgspec
import pytest
from support.reward_orders import UNIT, bought, on_purchase, signed_up

from reftrail.contracts.decisions import Action, DeadLettered, RewardDecided
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, DEAD_LETTERS, EVENTS, REWARDS
from reftrail.rules.decider import fingerprint
from reftrail.rules.reward.dispute_reports import OlderDispute
from reftrail.rules.reward.state import ActionCell
from reftrail.rules.reward.transitions import effect_of
from reftrail.testing import (
    MemoryHost,
    Outline,
    Scenario,
    campaign,
    claimed,
    code,
    dispute,
    purchase,
    signup,
)

MANY = 500
CELL = "reward/AMY:u1:a:purchase:o1"
IN_PART = {"on_refund": OnRefund.PROPORTIONAL}
PURCHASE = purchase("O1", "11:00")


def about(nth: int, action: Action, **overrides: Any) -> Outline:
    """A dispute about a tenth of a dollar."""
    fields: dict[str, Any] = {
        "action_event_id": f"{action} {nth}",
        "order_id": "o1",
        "dispute_id": f"dp_{nth}",
        "amount_micros": UNIT // 10,
        "currency": "USD",
    }
    return claimed(action, "AMY", "12:00", **(fields | overrides))


def worth(story: Scenario) -> int:
    """The referee's sum of what followed."""
    entries = [entry for entry in story.followed if isinstance(entry, RewardDecided)]
    return sum(
        effect_of(entry.status, entry.value_micros) for entry in entries if entry.role == "referee"
    )


def sizes(story: Scenario) -> dict[str, int]:
    return {key: len(msgspec.msgpack.encode(cell)) for key, cell in story.states.items()}


def order_in(story: Scenario) -> Any:
    cell = story.states[CELL]
    assert isinstance(cell, ActionCell)
    return cell.order


def test_no_cell_grows_with_the_disputes_of_an_order_and_each_counts_once() -> None:
    story = on_purchase(**IN_PART).given(signed_up(), bought("o1", 200))
    lost = [about(nth, Action.DISPUTE_LOST) for nth in range(MANY)]
    opened = [about(nth, Action.DISPUTE_OPENED) for nth in range(MANY)]
    story.when(*opened[:10], *lost[:10])
    assert worth(story) == -10 * UNIT // 200
    after_ten = sizes(story)
    story.when(*opened[10:])
    assert (order_in(story).is_disputed, order_in(story).refunded) == (True, UNIT)
    story.when(*lost[10:])
    assert (order_in(story).is_disputed, order_in(story).refunded) == (False, 50 * UNIT)
    after_all = sizes(story)
    grown = {key: after_all[key] - size for key, size in after_ten.items()}
    assert max(grown.values()) < 16  # sums have more digits
    added = [size for key, size in after_all.items() if key not in after_ten]
    assert len(added) == MANY - 10
    assert max(added) < 60
    story.when(*lost, *opened).then_nothing()
    assert sizes(story) == after_all


@pytest.mark.parametrize("end", [Action.DISPUTE_WON, Action.DISPUTE_LOST])
def test_what_an_older_state_knows_of_disputes_counts_once(end: Action) -> None:
    """Such a state has them in the order: one that is open, one that is lost, one that is won."""
    story = on_purchase(**IN_PART).given(signed_up(), bought("o1", 200))
    story.given(about(1, Action.DISPUTE_OPENED, amount_micros=20 * UNIT))
    story.given(about(2, Action.DISPUTE_LOST, amount_micros=40 * UNIT))
    story.given(about(3, Action.DISPUTE_OPENED), about(3, Action.DISPUTE_WON))
    newer = order_in(story)
    cell = story.states[CELL]
    in_usd = (("USD", 20 * UNIT),), (("USD", 40 * UNIT),), (("USD", UNIT // 10),)
    older = msgspec.structs.replace(
        newer,
        disputed=(),
        disputes=(
            OlderDispute(fingerprint("dp_1"), is_opened=True, opened=in_usd[0]),
            OlderDispute(fingerprint("dp_2"), is_lost=True, lost=in_usd[1], taken=40 * UNIT),
            OlderDispute(fingerprint("dp_3"), is_opened=True, is_won=True, opened=in_usd[2]),
        ),
    )
    story.states = {key: state for key, state in story.states.items() if ":g:" not in key}
    story.states[CELL] = msgspec.structs.replace(cell, order=older)
    assert (older.refunded, older.is_disputed) == (newer.refunded, newer.is_disputed)
    story.when(about(2, Action.DISPUTE_LOST, amount_micros=30 * UNIT)).then_nothing()
    story.when(about(1, end, amount_micros=20 * UNIT))
    taken = 60 if end == Action.DISPUTE_LOST else 40
    assert (order_in(story).refunded, order_in(story).is_disputed) == (taken * UNIT, False)
    assert worth(story) == 10 * UNIT * (200 - taken) // 200
    story.when(about(2, Action.DISPUTE_LOST, amount_micros=50 * UNIT))
    assert order_in(story).refunded == (taken + 10) * UNIT
    story.when(about(3, Action.DISPUTE_OPENED, amount_micros=150 * UNIT))
    assert not order_in(story).is_disputed


def host_after(events: Iterable[Event]) -> MemoryHost:
    host = MemoryHost(wire=False, batch=100)
    rules = Policy(fraud=Fraud(grant_up_to=999, reject_from=1_000), repeats=0, **IN_PART)  # type: ignore[arg-type]
    host.publish(CAMPAIGNS, campaign(policy=policy_text(rules), trigger=Trigger.FIRST_PURCHASE))
    host.publish(CODES, code("AMY"))
    for event in (signup("10:00", typed="AMY"), *events):
        host.publish(EVENTS, event)
        host.run()
    return host


def sum_of(host: MemoryHost) -> int:
    return sum(
        effect_of(entry.status, entry.value_micros)
        for entry in host.log(REWARDS)
        if isinstance(entry, RewardDecided) and entry.role == "referrer"
    )


OPENED = dispute("opened", "O1", "12:00", part=30)
FOREIGN = dispute("lost", "O1", "12:10", part=90, currency="EUR", event_id="foreign")
LOST_IN_PART = dispute("lost", "O1", "12:20", part=5, event_id="part")
PLAINLY = dispute("lost", "O1", "12:30", event_id="plainly")
WON = dispute("won", "O1", "12:40")


@pytest.mark.parametrize(
    ("reports", "left"),
    [
        ((OPENED, FOREIGN, LOST_IN_PART), 95),
        ((FOREIGN, LOST_IN_PART), 95),
        ((FOREIGN, LOST_IN_PART, WON), 95),
        ((PLAINLY, FOREIGN), 0),
        ((OPENED, FOREIGN), 0),
        ((OPENED, FOREIGN, WON), 100),
    ],
)
def test_a_loss_in_another_currency_counts_for_nothing_whenever_it_comes(
    reports: tuple[Event, ...], left: int
) -> None:
    """It is refused once the order is known, whatever else was reported of the dispute."""
    for arrival in permutations([PURCHASE, *reports]):
        host = host_after(arrival)
        assert sum_of(host) == left * UNIT // 10, [event.event_id for event in arrival]
        refused = [
            letter.reason for letter in host.log(DEAD_LETTERS) if isinstance(letter, DeadLettered)
        ]
        assert set(refused) == {"refund_currency"}, [event.event_id for event in arrival]


@pytest.mark.parametrize(
    ("reports", "left"),
    [
        ([(Action.DISPUTE_LOST, 10)], 9),
        ([(Action.DISPUTE_LOST, 10), (Action.DISPUTE_LOST, None)], 9),
        ([(Action.DISPUTE_OPENED, 10), (Action.DISPUTE_LOST, None)], 9),
        (
            [(Action.DISPUTE_OPENED, None), (Action.DISPUTE_LOST, 10), (Action.DISPUTE_LOST, None)],
            9,
        ),
        ([(Action.DISPUTE_LOST, None), (Action.DISPUTE_LOST, 10)], 0),
        ([(Action.DISPUTE_LOST, None)], 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_early", [False, True], ids=["after the purchase", "before it"])
def test_a_loss_without_an_amount_is_about_the_part_that_was_named_before(
    reports: list[tuple[Action, int | None]], left: int, *, is_early: bool
) -> None:
    reported = [
        about(
            0,
            action,
            action_event_id=f"report {nth}",
            event_id=f"claim {nth}",
            amount_micros=None if part is None else part * UNIT,
            currency=None if part is None else "USD",
        )
        for nth, (action, part) in enumerate(reports)
    ]
    story = on_purchase(**IN_PART)
    story.given(signed_up())
    total = 0
    for record in [*reported, bought("o1", 100)] if is_early else [bought("o1", 100), *reported]:
        story.when(record)
        total += worth(story)
    assert total == left * UNIT


def test_a_loss_of_the_part_that_was_opened_in_another_currency_is_refused() -> None:
    opened = dispute("opened", "O1", "12:00", part=30, currency="EUR")
    host = host_after([PURCHASE, opened, PLAINLY])
    assert sum_of(host) == 0, "it is still open"
    (letter,) = (record for record in host.log(DEAD_LETTERS) if isinstance(record, DeadLettered))
    assert letter.reason == "refund_currency"
