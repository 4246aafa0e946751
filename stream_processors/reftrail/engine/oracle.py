"""What should have come of a log: computed anew, in one process and without Kafka."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TypeAlias

from reftrail.contracts.record import Record
from reftrail.contracts.stage_messages import LookedUp
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, LOOKUPS
from reftrail.engine.lookups import RecordedLookups
from reftrail.engine.memory import Logged, MemoryHost
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.decider import Refused

Log: TypeAlias = Mapping[Topic, Iterable[Logged]]
"""Records of several topics at their places; what isn't needed is left alone."""

_Arrival: TypeAlias = tuple[tuple[int, int, int, int], Topic, Logged]


def recompute(
    log: Log,
    reference: Iterable[Record],
    partitions: int,
    topology: tuple[Stage, ...] = TOPOLOGY,
) -> MemoryHost:
    """A host after everything that came from outside has been played again, in order of arrival.

    That is all that stages read and none of them writes (events, reviews, fulfilments, ticks).
    reference is what they look up (codes, campaigns, lists), there from the outset. Places are kept
    as causes. The records of the later topics have other offsets than on Kafka, where transactions
    take up some, so causes there differ; `MemoryHost.ledger` doesn't.

    Where two sides had to do with one reward within the moment that it takes to get through the
    stages, a live host may have come to it in the other order; `replay` takes the order it had.
    """
    host = MemoryHost(topology, partitions=partitions, wire=False)
    host.reference = ReferenceTables(reference)
    for topic, arrivals in groupby(_arrivals(log, sources(topology)), key=itemgetter(1)):
        host.publish_logged(topic, *(logged for _, _, logged in arrivals))
        host.run()
    return host.run()


def replay(
    log: Log,
    reference: Iterable[Record],
    partitions: int,
    topology: tuple[Stage, ...] = TOPOLOGY,
) -> dict[Topic, list[Record]]:
    """What each stage alone concludes from what it read, by the topic to which it goes.

    It must be what the log has on these topics, to the byte and as often, in whatever order. What a
    stage looked up is taken from `lookups`; reference is for inputs from before that was recorded.
    """
    tables = ReferenceTables(reference)
    lookups = [at.record for at in log.get(LOOKUPS, ()) if isinstance(at.record, LookedUp)]
    found: dict[Topic, list[Record]] = {DEAD_LETTERS: []}
    for stage in topology:
        for topics in stage.writes.values():
            found.update({topic: [] for topic in topics if topic not in found})
        # What a stage wrote to its own input before stands there already.
        host = MemoryHost((stage,), partitions=partitions, wire=False)
        host.only_dead_letters = True
        host.reference, host.lookups = tables, RecordedLookups(lookups)
        host.publish_logged(stage.reads, *_in_order(log.get(stage.reads, ())))
        for conclusion in (one for step in host.run().steps for one in step.conclusions):
            if not isinstance(conclusion, Refused):
                for topic in stage.topics_for(conclusion):
                    found[topic].append(conclusion)
        found[DEAD_LETTERS] += host.log(DEAD_LETTERS)
    return found


def sources(topology: tuple[Stage, ...] = TOPOLOGY) -> list[Topic]:
    """What stages read and none of them writes."""
    written = {topic for stage in topology for topics in stage.writes.values() for topic in topics}
    return [stage.reads for stage in topology if stage.reads not in written]


def _in_order(logged: Iterable[Logged]) -> list[Logged]:
    return sorted(logged, key=lambda at: (at.partition, at.offset))


def _arrivals(log: Log, topics: list[Topic]) -> Iterable[_Arrival]:
    """Everything by the time at which it was received, but in each partition as it stands there."""
    partitions = [
        (nth, topic, list(found))
        for nth, topic in enumerate(topics)
        for _, found in groupby(_in_order(log.get(topic, ())), key=attrgetter("partition"))
    ]
    return merge(*(_of_partition(*one) for one in partitions), key=itemgetter(0))


def _of_partition(nth: int, topic: Topic, found: list[Logged]) -> Iterator[_Arrival]:
    latest = 0
    for logged in found:
        latest = max(latest, logged.record.received_at)
        yield (latest, nth, logged.partition, logged.offset), topic, logged
