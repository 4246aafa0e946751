"""A town played through the collector's judgement and all stages, with time passing by ticks."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from random import Random
from typing import Final

import msgspec

from reftrail.code_lookup.facts import CodeFacts
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import AnyEvent, CodeEvidence, KeyKind
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS, TICKS
from reftrail.engine.memory import MemoryHost
from reftrail.simulator.fraud.fraudsters import FRAUD
from reftrail.simulator.fraud.fraudsters import IN_BROWSERS as FRAUD_IN_BROWSERS
from reftrail.simulator.fraud.honest import HONEST, Play
from reftrail.simulator.fraud.honest import IN_BROWSERS as HONEST_IN_BROWSERS
from reftrail.simulator.fraud.town import Story, Town
from reftrail.simulator.occurrence import Occurrence
from reftrail.simulator.programme import event_id

ENDS: Final[Millis] = 1_790_000_000_000
"""The end of a town's time: any time would do."""

HONEST_SHARE: Final = 0.8
"""Share of all referrals. Precision depends on it; the two bounds don't."""

_ON_THE_WAY: Final[Millis] = 150
_TICK: Final[Millis] = DAY


def town_of(
    seed: int,
    referrals: int,
    *,
    carelessness: float = 1,
    hold_for: Millis = 0,
    repeats_signals: float = 0,
) -> Town:
    """The town of a seed with about so many referrals; the same seed gives the same one."""
    rng = Random(seed)  # noqa: S311 - made to be repeated, not to be secret
    town = Town(rng, ENDS, carelessness, hold_for, repeats_signals)
    honest, fraudulent = referrals * HONEST_SHARE, referrals * (1 - HONEST_SHARE)
    _fill(town, HONEST, honest)
    _fill(town, FRAUD, fraudulent)
    # On top, and last: so whom a seed had made up before there were these is still the same.
    _fill(town, HONEST_IN_BROWSERS, honest * _share(HONEST_IN_BROWSERS) / 100)
    _fill(town, FRAUD_IN_BROWSERS, fraudulent * _share(FRAUD_IN_BROWSERS) / 100)
    return town


def played(town: Town) -> list[RewardDecided]:
    """The ledger in the end: no reward is kept back any more, those for review may be."""
    host = MemoryHost(wire=False)
    host.publish(CAMPAIGNS, *town.campaigns)
    host.publish(CODES, *town.codes.values())
    events = sorted(town.events, key=attrgetter("event_time"))
    for at, occurrences in groupby(events, key=lambda event: event.event_time // _TICK):
        host.publish(EVENTS, *_accepted(town, occurrences))
        host.run()
        host.publish(TICKS, _tick(town, (at + 1) * _TICK))
        host.run()
    host.publish(TICKS, _tick(town, town.ends + town.hold_for + _TICK))
    host.run()
    return [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]


def _share(stories: dict[Story, tuple[Play, int]]) -> int:
    return sum(share for _, share in stories.values())


def _fill(town: Town, stories: dict[Story, tuple[Play, int]], referrals: float) -> None:
    """Play each story until it has its share of the referrals."""
    shares = _share(stories)
    for story, (play, share) in stories.items():
        until = len(town.truth) + referrals * share / shares
        while len(town.truth) < until:
            play(town, story)


def _accepted(town: Town, events: Iterable[Occurrence]) -> Iterator[Record]:
    """The collector's output for the events, each received a moment after it happened."""

    def lookup(text: str) -> CodeFacts | None:
        if text in town.forged:
            return CodeFacts(known=False, evidence=CodeEvidence.FORGED)
        code = town.codes.get(text)
        return CodeFacts(code.campaign_id) if code else None

    for event in events:
        received_at = event.event_time + _ON_THE_WAY
        sender = Sender(KeyKind.SECRET)
        reported = [event.as_json()]
        judged = accept(reported, Circumstances(sender, received_at, town.pseudonyms, lookup))
        assert not judged.rejected, judged.rejected
        yield msgspec.convert(judged.accepted[0].datum, AnyEvent)


def _tick(town: Town, at: Millis) -> Ticked:
    return Ticked(
        event_id=event_id(town.rng, at), event_time=at, received_at=at, partition=0, partitions=1
    )
