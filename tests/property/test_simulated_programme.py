"""The collector's judgement and the rules, on a simulated programme whose outcome is known.

The simulator works out that outcome from each visitor's whole history, in another way than the
rules do. The same programme is played over HTTP and Kafka elsewhere; here it takes seconds.
"""

from random import Random

import msgspec
import pytest

from reftrail.code_lookup.facts import CodeFacts
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.events import AnyEvent, KeyKind
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.edge.pseudonyms import parse_hash_key, pseudonyms
from reftrail.simulator.comparison import (
    Observed,
    compare,
    granted_in,
    in_force,
    observed_verdict,
)
from reftrail.simulator.simulation import Simulation
from reftrail.simulator.truth import RewardKey
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY

HASHED = pseudonyms(parse_hash_key(f"k1:{'ab' * 32}"))


def _accepted(simulation: Simulation) -> list[Record]:
    """The records that a collector would write, a message every ten milliseconds."""
    codes = simulation.programme.codes

    def lookup(text: str) -> CodeFacts | None:
        code = codes.get(text)
        return CodeFacts(code.campaign_id, code.category, code.channel) if code else None

    def taken(step_json: dict[str, object], now: Millis) -> Record:
        sender = Sender(KeyKind.SECRET)
        outcome = accept([step_json], Circumstances(sender, now, HASHED, lookup))
        assert not outcome.rejected
        record: Record = msgspec.convert(outcome.accepted[0].datum, AnyEvent)
        return record

    return [
        taken(step.event.as_json(), simulation.ends + 10 * nth)
        for nth, step in enumerate(simulation.steps())
    ]


@pytest.mark.parametrize("seed", range(3))
def test_the_rules_conclude_what_the_simulator_knows_to_be_true(seed: int) -> None:
    simulation = Simulation(seed, 4_000, FIRST_DAY)
    events = _accepted(simulation)
    host = MemoryHost(partitions=3, batch=50, shuffle=Random(seed), wire=False)
    host.publish(CAMPAIGNS, *simulation.programme.campaigns.values())
    host.publish(CODES, *simulation.programme.codes.values())
    host.publish(EVENTS, *events)
    host.run()
    truth = simulation.truth
    entries = [
        (
            RewardKey(entry.code, entry.user_id, entry.role, entry.action),
            observed_verdict(entry.status, entry.reasons),
        )
        for entry in host.log(REWARDS)
        if isinstance(entry, RewardDecided)
    ]
    result = compare(
        truth,
        Observed(
            distinct=truth.distinct,
            fingerprint=truth.fingerprint,
            funnel=truth.funnel(granted_in(entries)),
            attributions=in_force(
                one for one in host.log(ATTRIBUTIONS) if isinstance(one, Attributed)
            ),
            entries=entries,
        ),
    )
    assert result.differences == []
    assert result.attributions > 100
    assert result.rewards > 100
