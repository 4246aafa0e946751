"""Records that a host has decided: their content, whatever their place in the log."""

from collections import Counter
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.record import Derived, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import ATTRIBUTIONS, REWARDS
from reftrail.engine.topology import TOPOLOGY
from reftrail.testing import MemoryHost

any_seed = st.integers(0, 2**32)


class Said(NamedTuple):
    """The content of a record, without the position of its cause."""

    kind: str
    says: tuple[tuple[str, Any], ...]


def said(record: Record) -> Said:
    """The content of a record. A claim that is repeated may know of an older purchase by then."""
    places = {field.name for field in msgspec.structs.fields(Derived)} | {"first_purchase_at"}
    fields = msgspec.to_builtins(record)
    return Said(
        type(record).__name__,
        tuple((name, repr(value)) for name, value in fields.items() if name not in places),
    )


def all_said(host: MemoryHost, topic: Topic) -> list[Said]:
    return sorted(said(record) for record in host.log(topic))


def attributions(host: MemoryHost) -> list[Attributed]:
    return [record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)]


def entries(host: MemoryHost) -> list[RewardDecided]:
    return [record for record in host.log(REWARDS) if isinstance(record, RewardDecided)]


def everything_written(host: MemoryHost) -> dict[str, list[Said]]:
    topics = {topic for stage in TOPOLOGY for written in stage.writes.values() for topic in written}
    return {topic.name: all_said(host, topic) for topic in topics}


def overtaken(host: MemoryHost) -> set[str]:
    """Users with a touch that came in after their decision: purchases settle whether it counts."""
    decided = Counter(attribution.user_id for attribution in attributions(host))
    return {user for user, count in decided.items() if count > 1}
