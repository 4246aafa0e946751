"""Events of a simulation: the same for the same seed, as many as asked for, in a usual mix."""

from collections import Counter

import pytest

from reftrail.contracts.adjustments import AdjustmentDecided
from reftrail.contracts.money import is_whole
from reftrail.contracts.record import DAY
from reftrail.edge.field_formats import parse_amount
from reftrail.simulator import SUBSCRIPTIONS, Simulation, Step
from reftrail.simulator.programme import LENGTH

ENDS = 1_760_000_000_000


def sent(seed: int = 7, events: int = 5_000) -> list[Step]:
    return list(Simulation(seed, events, ENDS).steps())


def test_the_same_seed_sends_the_same_bytes() -> None:
    first, second = ([step.event.as_json() for step in sent()] for _ in range(2))
    assert first == second
    assert first != [step.event.as_json() for step in sent(seed=8)]


@pytest.mark.parametrize("events", [1, 50, 5_000])
def test_as_many_distinct_events_as_asked_for(events: int) -> None:
    simulation = Simulation(7, events, ENDS)
    steps = list(simulation.steps())
    assert len({step.event.event_id for step in steps}) == events == simulation.truth.distinct


def test_what_is_sent_again_is_the_same_event_and_comes_later() -> None:
    known: dict[str, Step] = {}
    for step in sent():
        first = known.setdefault(step.event.event_id, step)
        assert step.again is (first is not step)
        assert step.event == first.event
    assert any(step.again for step in sent())


def test_every_amount_is_whole_in_its_currency() -> None:
    amounts = [
        (step.event.type, name, parse_amount(amount), str(step.event.currency))
        for step in Simulation(7, 5_000, ENDS, SUBSCRIPTIONS).steps()
        for name in ("amount", "net_amount", "tax", "amount_refunded")
        if (amount := getattr(step.event, name)) is not None
    ]
    assert {(kind, name) for kind, name, _, _ in amounts} == {
        ("purchase", "amount"),
        ("purchase", "net_amount"),
        ("purchase", "tax"),
        ("refund", "amount"),
        ("refund", "amount_refunded"),
        ("dispute_opened", "amount"),
        ("dispute_lost", "amount"),
    }
    assert {currency for _, _, _, currency in amounts} == {"USD", "EUR", "JPY", "KWD"}
    for kind, name, micros, currency in amounts:
        assert is_whole(micros, currency), (kind, name)


def test_stragglers_come_last_and_nothing_comes_from_the_future() -> None:
    steps = sent(events=20_000)
    behind = [step.straggler for step in steps]
    assert behind == sorted(behind)
    assert any(behind)
    times = [step.event.event_time for step in steps]
    assert min(times) > ENDS - LENGTH - DAY
    assert max(times) <= ENDS
    assert ENDS - max(times) < 2 * DAY


def test_touches_dominate() -> None:
    steps = sent(events=20_000)
    share = Counter(step.event.type for step in steps if not step.again)
    assert share["view"] / 20_000 == pytest.approx(0.60, abs=0.03)
    assert share["click"] / 20_000 == pytest.approx(0.25, abs=0.03)
    for rarer in ("form_started", "signup", "purchase", "refund"):
        assert share[rarer] > 50


def test_staff_do_the_same_for_the_same_seed_and_each_kind_of_thing() -> None:
    played = []
    for _ in range(2):
        simulation = Simulation(7, 5_000, ENDS, SUBSCRIPTIONS)
        list(simulation.steps())
        played.append((simulation.adjustments(), simulation.truth.by_hand))
    assert played[0] == played[1]
    acts, bookings = played[0]
    outcomes = {tuple(entry.status for entry in booking.entries) for booking in bookings.values()}
    assert outcomes == {("adjusted",), ("held",), ("held", "adjusted"), ("held", "rejected")}
    assert {booking.worth > 0 for booking in bookings.values()} == {True, False}
    assert {key.role for key in bookings} == {"referrer", "referee"}
    assert {booking.currency for booking in bookings.values()} == {"USD", "JPY"}
    decisions = {act.decision for act in acts if isinstance(act, AdjustmentDecided)}
    assert decisions == {"approve", "decline"}
