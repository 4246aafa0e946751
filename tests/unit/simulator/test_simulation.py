"""What is sent: the same for the same seed, as many as asked for, in a usual mix."""

from collections import Counter

import pytest

from reftrail.contracts.money import is_whole
from reftrail.contracts.record import DAY
from reftrail.edge.field_formats import parse_amount
from reftrail.simulator import Simulation, Step
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
    paid = [step.event for step in sent() if step.event.amount is not None]
    assert {event.type for event in paid} == {"purchase", "refund"}
    for event in paid:
        assert is_whole(parse_amount(event.amount), str(event.currency))


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
