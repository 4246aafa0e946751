"""The truth against the rules, which know nothing of each other, in one process without Kafka."""

from collections import Counter
from random import Random

import msgspec
import pytest

from reftrail.code_lookup.facts import CodeFacts
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.events import AnyEvent, KeyKind
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    REWARDS,
)
from reftrail.edge.pseudonyms import HashKey, pseudonyms
from reftrail.engine.memory import MemoryHost
from reftrail.simulator import SUBSCRIPTIONS, Observed, Programme, Simulation, Step, compare
from reftrail.simulator.comparison import entry_of, granted_in, in_force
from reftrail.simulator.programme import ARMS
from reftrail.simulator.truth import identity

ENDS = 1_760_000_000_000
A_DAY_LATER = ENDS + 2 * DAY
PSEUDONYMS = pseudonyms(HashKey("k1", b"0" * 16))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_rules_come_to_the_truth(seed: int) -> None:
    simulation = Simulation(seed, 6_000, ENDS)
    comparison = compare(simulation.truth, through_the_rules(simulation, seed))
    assert comparison.differences == []
    assert comparison.attributions_right == comparison.attributions > 200
    assert comparison.rewards_right == comparison.rewards > 200
    assert comparison.adjustments_right == comparison.adjustments > 10


@pytest.mark.parametrize("seed", [1, 2])
def test_months_of_subscriptions_earn_what_remains_of_them(seed: int) -> None:
    simulation = Simulation(seed, 5_000, ENDS, SUBSCRIPTIONS)
    truth = simulation.truth
    observed = through_the_rules(simulation, seed)
    comparison = compare(truth, observed)
    assert comparison.differences == []
    assert comparison.rewards_right == comparison.rewards > 1_000
    rates = {entry.variant for entry in observed.entries if entry.effect > 0}
    assert rates == {None, "20", "25", "30", *ARMS}
    assert len(truth.people) > 100
    people = {truth.person(user) for user in truth.people}
    by_accounts = Counter(truth.person(user) for user, _ in observed.attributions)
    assert {by_accounts[person] for person in people} == {0, 1}
    assert len(truth.rivals) > 20
    assert comparison.adjustments_right == comparison.adjustments > 50
    assert {entry.currency for entry in observed.entries} == {"USD", "EUR", "JPY", "KWD"}


def test_every_plot_and_verdict_occurs() -> None:
    simulation = Simulation(1, 20_000, ENDS)
    steps = list(simulation.steps())
    bases = Counter(attribution.basis for attribution in simulation.truth.attributions.values())
    assert set(bases) == {"first_touch", "typed_code", "late_touch", "identified"}
    verdicts = set(simulation.truth.rewards.values())
    rejections = {reason for verdict in verdicts for reason in verdict.reasons}
    assert rejections == {
        "unknown_code",
        "code_inactive",
        "code_expired",
        "campaign_not_running",
        "self_referral",
    }
    assert {verdict.status for verdict in verdicts} == {"granted", "rejected", "reversed"}
    assert any(len(limit.users) > limit.most for limit in simulation.truth.limits.values())
    assert any(step.straggler for step in steps)


def test_a_user_whose_only_order_is_paid_back_may_leave_the_place_of_a_limit() -> None:
    simulation = Simulation(4, 3_000, ENDS)
    list(simulation.steps())
    limits = simulation.truth.limits.items()
    unsure = {(code, user) for code, limit in limits for user in limit.unsure}
    assert unsure == {("NS14-RH9D", "user-185")}
    for code, user in unsure:
        verdicts = {
            verdict.status
            for key, verdict in simulation.truth.rewards.items()
            if (key.code, key.user_id) == (code, user)
        }
        assert verdicts == {"reversed"}


def through_the_rules(simulation: Simulation, seed: int) -> Observed:
    """The rules' decisions on a simulation, in some interleaving, with a collector's fields."""
    host = MemoryHost(partitions=3, batch=50, shuffle=Random(seed))
    host.publish(CAMPAIGNS, *simulation.programme.campaigns.values())
    host.publish(CODES, *simulation.programme.codes.values())
    sent = [as_event(step, simulation.programme) for step in simulation.steps()]
    for event in sent:
        host.publish(EVENTS, event)
        if int(event.event_id[-1], 16) == 0:
            host.run()
    host.publish(ADJUSTMENTS, *simulation.adjustments())
    host.run()
    distinct = {event.event_id: event for event in sent}
    entries = [
        entry_of(record) for record in host.log(REWARDS) if isinstance(record, RewardDecided)
    ]
    attributions = in_force(
        record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)
    )
    return Observed(
        distinct=len(distinct),
        fingerprint=sum(map(identity, distinct)),
        funnel=simulation.truth.funnel(granted_in(entries)),
        attributions=attributions,
        entries=entries,
    )


def as_event(step: Step, programme: Programme) -> AnyEvent:
    """The record that the collector makes of an event that comes in on the last day."""

    def look_up(name: str) -> CodeFacts | None:
        code = programme.codes.get(name)
        return CodeFacts(code.campaign_id, code.category, code.channel) if code else None

    circumstances = Circumstances(
        sender=Sender(KeyKind.SECRET),
        now=A_DAY_LATER if step.straggler else ENDS,
        pseudonyms=PSEUDONYMS,
        codes=look_up,
    )
    acceptance = accept([step.event.as_json()], circumstances)
    assert acceptance.rejected == []
    event: AnyEvent = msgspec.convert(acceptance.accepted[0].datum, AnyEvent)
    return event
