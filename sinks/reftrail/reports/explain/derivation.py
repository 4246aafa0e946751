"""Derivation: each stage decides again on what it read, and is compared with what it wrote.

A stage is a function of the records of a key in the order of its partition, and of the codes,
campaigns and lists that it looked up, which the topic `lookups` has. So of each partition those
records are read that have to do with a code or user, put to the stage in memory at their real
places, and its events are compared with the log, to the byte.

Signals and shared limits are counted over many users: what velocity and limits answered is among
the reward stage's inputs as it was written.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import Claimed
from reftrail.contracts.external_inputs import Listed, Ticked
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.stage_messages import LookedUp, MilestoneChanged
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CLAIMS,
    CODES,
    CONVERSIONS,
    LISTS,
    LOOKUPS,
    REWARDS,
)
from reftrail.engine.lookups import RecordedLookups
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Logged
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage
from reftrail.engine.topology import topology_with
from reftrail.reports.explain.explanation import (
    DIFFERS,
    NOTHING,
    SAME,
    Derivation,
    DerivationMismatch,
    Link,
    link,
)
from reftrail.reports.explain.gaps import cut, unrecorded
from reftrail.reports.explain.log import Log, LogMessage
from reftrail.reports.explain.record_filters import Asked, of_code, of_key, of_referral, of_user
from reftrail.rules.attribution.bounds import DEFAULT, Bounds
from reftrail.rules.attribution.decider import SIGNUP_WAIT
from reftrail.rules.decider import RULES, TimerFired
from reftrail.rules.merged_claims import is_after_merge


def derive(
    log: Log,
    code: str,
    user_id: str,
    signup_wait: Millis = SIGNUP_WAIT,
    bounds: Bounds = DEFAULT,
) -> list[Derivation]:
    """Touch, attribution and reward again, as far as they have to do with a code and a user.

    signup_wait and bounds are the workers' settings. Reads the partitions in question from their
    beginnings. Raises `ExpectedError`.
    """
    stages = {stage.name: stage for stage in topology_with(signup_wait=signup_wait, bounds=bounds)}
    conversions = list(log.having(CONVERSIONS, user_id, of_user(user_id), user_id.encode()))
    codes = {code, *_codes_of(conversions)}
    reference = ReferenceTables(message.record for message in _reference(log, sorted(codes)))
    visitors = {getattr(conversion.record, "visitor_id", None) for conversion in conversions}
    events = tuple(sorted(filter(None, {*visitors, user_id})))
    pair = f"{code}:{user_id}"
    questions = (
        Asked(stages["touch"], events, ((CONVERSIONS, user_id),)),
        Asked(stages["attribution"], (user_id,), ((ATTRIBUTIONS, user_id), (CLAIMS, code))),
        Asked(stages["reward"], (code,), ((REWARDS, pair),)),
    )
    return [_derived(log, question, code, user_id, reference) for question in questions]


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
        (message.partition, message.offset): message
        for key in asked.keys
        for message in log.having(stage.reads, key, of_key(stage.reads, key), key.encode(), Ticked)
    }
    in_order = sorted(read.items())
    host.publish_logged(
        stage.reads,
        *(
            Logged(message.record, message.partition, message.offset, timestamp=message.timestamp)
            for _, message in in_order
        ),
    )
    host.run()
    differences: list[DerivationMismatch] = []
    logged: list[LogMessage] = []
    outputs = 0
    for topic, key in asked.outputs:
        wanted = of_referral(code, user_id) if topic in (CLAIMS, REWARDS) else of_user(user_id)
        now = [record for record in host.log(topic) if wanted(record)]
        then = [
            message
            for message in log.having(topic, key, wanted, user_id.encode())
            if not _is_of_another_referral(message.record)
        ]
        outputs += len(now)
        logged += then
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
        gaps=[*cut(log, asked), *unrecorded(host.lookups, stage, host.steps, logged)],
    )


def _is_of_another_referral(record: Record) -> bool:
    """Whether it is a claim that the reward stage wrote when a merged user's referral ended."""
    return isinstance(record, Claimed) and is_after_merge(record)


def _lookups(log: Log, asked: Asked) -> RecordedLookups:
    """The lookups of the stage for the inputs in these keys' partitions."""
    reads, name = asked.stage.reads, asked.stage.name
    partitions = {log.begin(reads, key)[0] for key in asked.keys}
    keys = [f"{name}:{partition}" for partition in sorted(partitions)]
    return RecordedLookups(
        message.record
        for key in keys
        for message in log.having(LOOKUPS, key, of_key(LOOKUPS, key), name.encode())
        if isinstance(message.record, LookedUp)
    )


def compare(
    topic: Topic, then: Sequence[LogMessage], now: Sequence[Record]
) -> list[DerivationMismatch]:
    """The differences between a log and a derivation, record by record."""
    logged: dict[str, LogMessage] = {}
    found: list[DerivationMismatch] = []
    for message in then:
        if message.record.event_id in logged:
            found.append(_difference("is in the log twice", topic, message.record, message))
        logged[message.record.event_id] = message
    derived = {record.event_id: record for record in now}
    counts = Counter(record.event_id for record in now)
    for event_id, record in derived.items():
        if counts[event_id] > 1:
            found.append(_difference("was derived twice", topic, record, None))
        if event_id not in logged:
            found.append(_difference("was derived, but isn't in the log", topic, record, None))
    for event_id, message in logged.items():
        if event_id not in derived:
            found.append(
                _difference("is in the log, but wasn't derived", topic, message.record, message)
            )
        elif encode(message.record) != encode(derived[event_id]):
            fields = dict(_unlike(message.record, derived[event_id]))
            found.append(_difference("differs", topic, message.record, message, fields))
    return found


def _difference(
    what: str,
    topic: Topic,
    record: Record,
    at: LogMessage | None,
    fields: dict[str, tuple[Any, Any]] | None = None,
) -> DerivationMismatch:
    return DerivationMismatch(
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
        and (step.events or not isinstance(step.record, TimerFired))
    )
    return [link(type(read[at].record).__name__, read[at]) for at in places]


def _facts(
    lookups: RecordedLookups,
    stage: Stage,
    inputs: Sequence[Link],
    read: dict[tuple[int, int], LogMessage],
) -> Iterator[Link]:
    """The facts that name something of these inputs, as far as they were known by the last one."""
    records = [read[link.partition, link.offset].record for link in inputs]
    last = {link.partition: link.offset for link in inputs}
    named = {
        value for record in records for value in msgspec.structs.astuple(record) if value.__hash__
    }
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
        yield from log.having(CODES, code, of_code(code), code.encode())
    for topic in (CAMPAIGNS, LISTS):
        yield from log.everything(topic)
