"""Oracle of a log: its derived records computed anew, in one process and without Kafka."""

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
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Logged
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
    """A host after everything that came from outside has been replayed, in order of arrival.

    That is all that stages read and none of them writes (events, reviews, fulfilments, ticks).
    reference is what they look up (codes, campaigns, lists), there from the outset. Places are kept
    as causes. The records of the later topics have other offsets than on Kafka, where transactions
    take up some, so causes there differ; `MemoryHost.ledger` doesn't.

    reference is one state of codes, campaigns and lists, such as the last. Where a code was issued,
    revoked or moved in the meantime, a decision may differ from that of then. `lookups` can't serve
    here: it names the inputs that used a fact by their places in the later topics. `replay` can.

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
    """The events that each stage alone decides from its input, by the topic to which they go.

    It must be what the log has on these topics, to the byte and as often, in whatever order. What a
    stage looked up is taken from `lookups`; reference is for inputs from before that was recorded.
    """
    tables = ReferenceTables(reference)
    lookups = [at.record for at in log.get(LOOKUPS, ()) if isinstance(at.record, LookedUp)]
    found: dict[Topic, list[Record]] = {DEAD_LETTERS: []}
    for stage in topology:
        for topics in stage.writes.values():
            found.update({topic: [] for topic in topics if topic not in found})
        # The input of a stage already has what the stage wrote to it before.
        host = MemoryHost((stage,), partitions=partitions, wire=False)
        host.only_dead_letters = True
        host.reference, host.lookups = tables, RecordedLookups(lookups)
        host.publish_logged(stage.reads, *_in_order(log.get(stage.reads, ())))
        for event in (decided for step in host.run().steps for decided in step.events):
            if not isinstance(event, Refused):
                for topic in stage.topics_for(event):
                    found[topic].append(event)
        found[DEAD_LETTERS] += host.log(DEAD_LETTERS)
    return found


def sources(topology: tuple[Stage, ...] = TOPOLOGY) -> list[Topic]:
    """The topics that stages read and none of them writes."""
    written = {topic for stage in topology for topics in stage.writes.values() for topic in topics}
    return [stage.reads for stage in topology if stage.reads not in written]


def _in_order(logged: Iterable[Logged]) -> list[Logged]:
    return sorted(logged, key=lambda at: (at.partition, at.offset))


def _arrivals(log: Log, topics: list[Topic]) -> Iterable[_Arrival]:
    """Everything by the time at which it was received, but in the order of its partition."""
    partitions = [
        (nth, topic, list(found))
        for nth, topic in enumerate(topics)
        for _, found in groupby(_in_order(log.get(topic, ())), key=attrgetter("partition"))
    ]
    return merge(*(_of_partition(*partition) for partition in partitions), key=itemgetter(0))


def _of_partition(nth: int, topic: Topic, found: list[Logged]) -> Iterator[_Arrival]:
    latest = 0
    for logged in found:
        latest = max(latest, logged.record.received_at)
        yield (latest, nth, logged.partition, logged.offset), topic, logged
