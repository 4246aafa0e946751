"""Derivation: each stage decides again on what it read, and is compared with what it wrote.

A stage is a function of the records of a key in the order of its partition, and of the codes,
campaigns and lists that it looked up, which the topic `lookups` has. So of each partition those
records are read that have to do with a code or user, put to the stage in memory at their real
places, and what it concludes is held against the log, to the byte.

Signals and shared limits are counted over many users: what velocity and limits answered is among
the reward stage's inputs as it was written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from reftrail.contracts.codec import encode
from reftrail.contracts.external_inputs import Listed, Ticked
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.stage_messages import LookedUp, MilestoneChanged
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTION_INPUTS,
    ATTRIBUTIONS,
    CAMPAIGNS,
    CLAIMS,
    CODES,
    CONVERSIONS,
    LISTS,
    LOOKUPS,
    REWARD_INPUTS,
    REWARDS,
)
from reftrail.engine.lookups import RecordedLookups
from reftrail.engine.memory import Logged, MemoryHost
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage
from reftrail.engine.topology import topology_with
from reftrail.reports.explain.explanation import (
    DIFFERS,
    NOTHING,
    SAME,
    Derivation,
    Difference,
    Link,
    link,
)
from reftrail.reports.explain.log import Log, LogMessage
from reftrail.rules.attribution.decider import SIGNUP_WAIT
from reftrail.rules.decider import RULES, Woken

_TICKED = (ATTRIBUTION_INPUTS, REWARD_INPUTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A stage, whose records it is to read, and where its conclusions about the pair are.

    keys are those of the topic that the stage reads; outputs has for each topic the key there.
    """

    stage: Stage
    keys: tuple[str, ...]
    outputs: tuple[tuple[Topic, str], ...]


def derive(
    log: Log, code: str, user_id: str, signup_wait: Millis = SIGNUP_WAIT
) -> list[Derivation]:
    """Touch, attribution and reward again, as far as they have to do with a code and a user.

    signup_wait is the workers' setting. Reads the partitions in question from their beginnings.
    Raises `ExpectedError`.
    """
    stages = {stage.name: stage for stage in topology_with(signup_wait=signup_wait)}
    conversions = list(log.having(CONVERSIONS, user_id, _of_user(user_id), user_id.encode()))
    codes = {code, *_codes_of(conversions)}
    reference = ReferenceTables(one.record for one in _reference(log, sorted(codes)))
    visitors = {getattr(one.record, "visitor_id", None) for one in conversions}
    events = tuple(sorted(filter(None, {*visitors, user_id})))
    pair = f"{code}:{user_id}"
    questions = (
        Asked(stages["touch"], events, ((CONVERSIONS, user_id),)),
        Asked(stages["attribution"], (user_id,), ((ATTRIBUTIONS, user_id), (CLAIMS, code))),
        Asked(stages["reward"], (code,), ((REWARDS, pair),)),
    )
    return [_derived(log, one, code, user_id, reference) for one in questions]


def _derived(
    log: Log,
    asked: Asked,
    code: str,
    user_id: str,
    reference: ReferenceTables,
) -> Derivation:
    stage = asked.stage
    host = MemoryHost((stage,), partitions=log.partitions(stage.reads), wire=False)
    host.reference, host.lookups = reference, _lookups(log, asked)
    read = {
        (one.partition, one.offset): one
        for key in asked.keys
        for one in log.having(stage.reads, key, _of_key(stage.reads, key), key.encode(), Ticked)
    }
    in_order = sorted(read.items())
    host.publish_logged(
        stage.reads, *(Logged(one.record, one.partition, one.offset) for _, one in in_order)
    )
    host.run()
    differences: list[Difference] = []
    outputs = 0
    for topic, key in asked.outputs:
        wanted = _of_pair(code, user_id) if topic in (CLAIMS, REWARDS) else _of_user(user_id)
        now = [one for one in host.log(topic) if wanted(one)]
        then = list(log.having(topic, key, wanted, user_id.encode()))
        outputs += len(now)
        differences += compare(topic, then, now)
    inputs = _inputs(host, read, user_id)
    return Derivation(
        stage=stage.name,
        rules=RULES,
        verdict=DIFFERS if differences else SAME if outputs else NOTHING,
        inputs=inputs,
        facts=list(_facts(host.lookups, stage, inputs, read)),
        outputs=outputs,
        differences=differences,
        gaps=[*_cut(log, asked), *_unrecorded(host.lookups, stage.name, read)],
    )


def _lookups(log: Log, asked: Asked) -> RecordedLookups:
    """What the stage looked up for the inputs in these keys' partitions."""
    reads, name = asked.stage.reads, asked.stage.name
    partitions = {log.begin(reads, key)[0] for key in asked.keys}
    keys = [f"{name}:{partition}" for partition in sorted(partitions)]
    return RecordedLookups(
        one.record
        for key in keys
        for one in log.having(LOOKUPS, key, _of_key(LOOKUPS, key), name.encode())
        if isinstance(one.record, LookedUp)
    )


def _cut(log: Log, asked: Asked) -> Iterator[str]:
    reads = asked.stage.reads
    for partition, begin in sorted({log.begin(reads, key) for key in asked.keys}):
        if begin:
            yield (
                f"{reads.name}/{partition} begins at offset {begin}: what was before it is gone, "
                f"so what follows from that can't be derived"
            )


def _unrecorded(
    lookups: RecordedLookups, stage: str, read: dict[tuple[int, int], LogMessage]
) -> Iterator[str]:
    """Inputs that are older than the records of what was looked up for them."""
    first: dict[int, LogMessage] = {}
    for (partition, _), one in sorted(read.items()):
        first.setdefault(partition, one)
    for partition, one in first.items():
        known_from = lookups.first_offset(stage, partition)
        if known_from is not None and one.offset < known_from:
            yield (
                f"{one.topic}/{partition} up to offset {known_from} is from before lookups were "
                f"recorded: it is decided with codes, campaigns and lists as they are now"
            )


def compare(topic: Topic, then: Sequence[LogMessage], now: Sequence[Record]) -> list[Difference]:
    """The differences between a log and a derivation, record by record."""
    logged: dict[str, LogMessage] = {}
    found: list[Difference] = []
    for one in then:
        if one.record.event_id in logged:
            found.append(_difference("is in the log twice", topic, one.record, one))
        logged[one.record.event_id] = one
    derived = {one.event_id: one for one in now}
    counts = Counter(one.event_id for one in now)
    for event_id, record in derived.items():
        if counts[event_id] > 1:
            found.append(_difference("was derived twice", topic, record, None))
        if event_id not in logged:
            found.append(_difference("was derived, but isn't in the log", topic, record, None))
    for event_id, one in logged.items():
        if event_id not in derived:
            found.append(_difference("is in the log, but wasn't derived", topic, one.record, one))
        elif encode(one.record) != encode(derived[event_id]):
            fields = dict(_unlike(one.record, derived[event_id]))
            found.append(_difference("differs", topic, one.record, one, fields))
    return found


def _difference(
    what: str,
    topic: Topic,
    record: Record,
    at: LogMessage | None,
    fields: dict[str, tuple[Any, Any]] | None = None,
) -> Difference:
    return Difference(
        what=what,
        topic=topic.name,
        partition=at.partition if at else None,
        offset=at.offset if at else None,
        event_id=record.event_id,
        fields=fields or {},
    )


def _unlike(then: Record, now: Record) -> Iterator[tuple[str, tuple[Any, Any]]]:
    before, after = msgspec.structs.asdict(then), msgspec.structs.asdict(now)
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield name, (before.get(name), after.get(name))


def _inputs(host: MemoryHost, read: dict[tuple[int, int], LogMessage], user_id: str) -> list[Link]:
    """The inputs of a stage about a user, each once; a tick where it fired the user's timers."""
    places = dict.fromkeys(
        (step.cause.partition, step.cause.offset)
        for step in host.steps
        if _user_of(step.record) in (user_id, None)
        and (step.conclusions or not isinstance(step.record, Woken))
    )
    return [link(type(read[at].record).__name__, read[at]) for at in places]


def _facts(
    lookups: RecordedLookups,
    stage: Stage,
    inputs: Sequence[Link],
    read: dict[tuple[int, int], LogMessage],
) -> Iterator[Link]:
    """The facts that name something of these inputs, as far as they were known by the last one."""
    records = [read[one.partition, one.offset].record for one in inputs]
    last = {one.partition: one.offset for one in inputs}
    named = {value for one in records for value in msgspec.structs.astuple(one) if value.__hash__}
    for partition, offset in last.items():
        for at, fact in lookups.facts(stage.name, partition, offset):
            if isinstance(fact, CodeChanged) and fact.code in named:
                named |= {fact.campaign_id, fact.owner_user_id}
            elif _subject_of(fact) not in named:
                continue
            yield link(type(fact).__name__, LogMessage(stage.reads.name, partition, at, fact))


def _subject_of(fact: CodeChanged | CampaignDefined | Listed) -> str:
    match fact:
        case CodeChanged():
            return fact.code
        case CampaignDefined():
            return fact.campaign_id
        case Listed():
            return fact.value


def _user_of(record: Any) -> str | None:
    """The user of a record; None for records about visitors."""
    return record.beneficiary if isinstance(record, MilestoneChanged) else record.user_id


def _codes_of(conversions: Iterable[LogMessage]) -> Iterator[str]:
    """The codes to which a user may have been attributed."""
    for conversion in conversions:
        for name in ("touch_code", "typed_code"):
            code = getattr(conversion.record, name, None)
            if code is not None:
                yield code


def _reference(log: Log, codes: Iterable[str]) -> Iterable[LogMessage]:
    """The reference data of the stages, of codes only these."""
    for code in codes:
        yield from log.having(CODES, code, _of_code(code), code.encode())
    for topic in (CAMPAIGNS, LISTS):
        yield from log.everything(topic)


def _of_key(topic: Topic, key: str) -> Callable[[Any], bool]:
    """Of the partition of a code or user also the ticks."""
    return lambda record: (
        topic.key_of(record) == key or (topic in _TICKED and isinstance(record, Ticked))
    )


def _of_user(user_id: str) -> Callable[[Any], bool]:
    return lambda record: bool(record.user_id == user_id)


def _of_pair(code: str, user_id: str) -> Callable[[Any], bool]:
    return lambda record: bool(record.code == code and record.user_id == user_id)


def _of_code(code: str) -> Callable[[Any], bool]:
    return lambda record: bool(record.code == code)
