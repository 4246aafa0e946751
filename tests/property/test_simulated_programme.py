"""The collector's judgement and the rules, on a simulated programme whose outcome is known.

The simulator works out that outcome from each visitor's whole history, in another way than the
rules do. The same programme is played over HTTP and Kafka elsewhere; here it takes seconds.
"""

from random import Random

import pytest
from support.simulated import accepted

from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    REWARDS,
)
from reftrail.simulator import Comparison, journeys, people, subscriptions
from reftrail.simulator.comparison import (
    Observed,
    compare,
    entry_of,
    granted_in,
    in_force,
)
from reftrail.simulator.journey import Journey, Plot
from reftrail.simulator.simulation import Simulation
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY


@pytest.mark.parametrize("seed", range(3))
def test_the_rules_conclude_what_the_simulator_knows_to_be_true(seed: int) -> None:
    result = _compared(Simulation(seed, 4_000, FIRST_DAY), seed)
    assert result.differences == []
    assert result.attributions > 100
    assert result.rewards > 100


@pytest.mark.parametrize("seed", range(2))
def test_people_are_paid_alike_in_whatever_order_their_events_arrive(seed: int) -> None:
    plots = (subscriptions.subscribes, people.merges_accounts)
    simulation = Simulation(seed, 2_000, FIRST_DAY, {_in_any_order(plot): 1 for plot in plots})
    result = _compared(simulation, seed)
    assert result.differences == []
    assert result.rewards > 200
    assert len(simulation.truth.people) > 50


def test_only_what_is_earned_by_tiers_hangs_on_which_referral_comes_first() -> None:
    plots: dict[Plot, int] = {subscriptions.subscribes: 2, journeys.joins: 1}
    one, other = (_compared(Simulation(1, 3_000, FIRST_DAY, plots), seed) for seed in (1, 2))
    assert one.differences == other.differences == []
    assert one.paid_by_tiers != other.paid_by_tiers
    assert _without_tiers(one) == _without_tiers(other)


def _without_tiers(result: Comparison) -> dict[str, int]:
    return {name: paid - result.paid_by_tiers.get(name, 0) for name, paid in result.paid.items()}


def _in_any_order(plot: Plot) -> Plot:
    """A plot whose touches are sent in time, and everything else later, in any order."""

    def happens(on: Journey) -> None:
        plot(on)
        at = max(step.sent_at for step in on.steps)
        nths = on.rng.sample(range(len(on.steps)), len(on.steps))
        on.steps[:] = [
            step if step.event.type == "click" else step._replace(sent_at=at + nth)
            for step, nth in zip(on.steps, nths, strict=True)
        ]

    return happens


def _compared(simulation: Simulation, seed: int) -> Comparison:
    """The comparison of the rules with the truth, in some interleaving."""
    events = accepted(simulation)
    host = MemoryHost(partitions=3, batch=50, shuffle=Random(seed), wire=False)
    host.publish(CAMPAIGNS, *simulation.programme.campaigns.values())
    host.publish(CODES, *simulation.programme.codes.values())
    host.publish(EVENTS, *events)
    host.publish(ADJUSTMENTS, *simulation.adjustments())
    host.run()
    truth = simulation.truth
    entries = [
        entry_of(record) for record in host.log(REWARDS) if isinstance(record, RewardDecided)
    ]
    attributions = in_force(
        record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)
    )
    return compare(
        truth,
        Observed(
            distinct=truth.distinct,
            fingerprint=truth.fingerprint,
            funnel=truth.funnel(granted_in(entries)),
            attributions=attributions,
            entries=entries,
        ),
    )
